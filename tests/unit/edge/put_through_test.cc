#include "edge/put_through.h"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

constexpr TimeNs now = epoch_ns + 3'600 * ns_per_s;

// What knows no stream, and what knows all of them.
EdgeConfig strict() {
  EdgeConfig config = core_config();
  config.backend = "reference";
  config.spool_dead_letter_bytes_max = 4'096;
  config.points_required = true;
  return config;
}

EdgeConfig mended() {
  EdgeConfig config = strict();
  config.points_required = false;
  return config;
}

// Puts them through on a stopped edge and starts it again, mended; what was said.
std::string put_through_on(CoreRig& rig, const WhichLetters& which = {}) {
  rig.restart(mended());
  std::ostringstream said;
  const Status done = put_through(mended(), 7, {}, rig.spool(), now, true, which, said);
  STETHOS_CHECK(done.has_value(), done ? "" : done.error().text());
  rig.restart();
  return said.str();
}

std::size_t letters_of(CoreRig& rig) {
  std::size_t count = 0;
  for (std::int64_t id = 0;; ++count) {
    const auto letter = *rig.spool().letter_after(id);
    if (!letter) return count;
    id = letter->id;
  }
}

TEST(PutThrough, WhatIsNoLongerRefusedIsCountedOnceAndItsLetterLeaves) {
  CoreRig rig(strict());
  rig.step({block_message({.sequence = 1}), block_message({.sequence = 2})});
  EXPECT_EQ(rig.core().samples().good, 0u);
  EXPECT_EQ(put_through_on(rig), "1 unknown_stream: put through\n2 unknown_stream: put through\n");
  EXPECT_EQ(rig.core().samples().good, 8u);
  EXPECT_EQ(letters_of(rig), 0u);
  const Totals& totals = rig.core().totals();
  EXPECT_EQ(totals[Counter::messages], 2u) << "they were counted when they came";
  EXPECT_EQ(totals[Counter::duplicate_messages], 0u);
  EXPECT_EQ(totals[Reason::unknown_stream], totals[Counter::letters_put_through]);
  EXPECT_EQ(put_through_on(rig), "");

  rig.step({block_message({.sequence = 2})});
  EXPECT_EQ(rig.core().totals()[Counter::duplicate_messages], 1u) << "their device need not send them again";
}

TEST(PutThrough, OfAMessageThatWasTakenInPartOnlyTheOther) {
  CoreRig rig(mended());
  rig.step({block_message({.sequence = 1})});
  schema::DeviceBatchT batch;
  batch.device = "d1";
  batch.epoch = 1;
  batch.sequence = 2;
  batch.lowest_held = 1;
  for (const char* name : {"vibration", "temperature"}) {
    auto channel = std::make_unique<schema::ChannelT>();
    channel->name = name;
    channel->quantity = "acceleration";
    channel->unit = "g";
    channel->start_ns = epoch_ns;
    channel->interval_ns = 100'000;
    schema::F32SamplesT samples;
    samples.values = {1, 2};
    channel->samples.Set(std::move(samples));
    batch.channels.push_back(std::move(channel));
  }
  EdgeConfig full = mended();
  full.ingest_streams_max = 1;
  rig.restart(full);
  rig.step({message_of("stethos/v1/d1/batch", schema::pack(batch), now)});
  EXPECT_EQ(rig.core().samples().good, 6u);
  EXPECT_EQ((*rig.spool().letter_after(0))->channel, "temperature");
  EXPECT_EQ(put_through_on(rig), "1 too_many_streams: put through\n");
  EXPECT_EQ(rig.core().samples().good, 8u);
  EXPECT_EQ(rig.core().stream_count(), 2u);
}

TEST(PutThrough, WhatWouldBeRefusedAgainStaysAndLeavesNoTrace) {
  CoreRig rig(strict());
  rig.step({block_message({.sequence = 1, .samples = {}}), json_message("no json"), block_message({.sequence = 2})});
  const std::string said = put_through_on(rig);
  EXPECT_EQ(said.substr(0, said.find('\n')), "1 empty: stays: empty: no samples");
  EXPECT_NE(said.find("\n2 not_json: stays: not_json: "), std::string::npos) << said;
  EXPECT_NE(said.find("\n3 unknown_stream: put through\n"), std::string::npos) << said;
  EXPECT_EQ(letters_of(rig), 2u);
  EXPECT_EQ(rig.core().samples().good, 4u);
  EXPECT_EQ(rig.core().samples().rejected, 0u);
  EXPECT_EQ(rig.core().totals()[Reason::empty], 1u);
  EXPECT_EQ(rig.core().totals()[Counter::letters_put_through], 1u);
}

TEST(PutThrough, WhatIsTooLateByNowStays) {
  CoreRig rig(strict());
  rig.step({block_message({.sequence = 1})});
  rig.restart(mended());
  for (std::uint64_t i = 2; i <= 3; ++i) {
    rig.step({block_message({.sequence = i, .start_ns = epoch_ns + static_cast<TimeNs>(i) * 600 * ns_per_s})});
  }
  EXPECT_EQ(put_through_on(rig).substr(0, 31), "1 unknown_stream: stays: late: ");
  EXPECT_EQ(rig.core().samples().late, 0u);
  rig.step({block_message({.sequence = 4})});
  EXPECT_EQ(put_through_on(rig, {.reason = "late"}), "2 late: stays: its samples are counted already\n");
}

TEST(PutThrough, OneOfADeviceThatSendsItAgainIsCountedOnce) {
  EdgeConfig none = mended();
  none.ingest_devices_max = 1;
  CoreRig rig(none);
  rig.step({block_message({.device = "first"}), block_message({.sequence = 1}), block_message({.sequence = 2})});
  rig.restart(mended());
  rig.step({block_message({.sequence = 1})});
  EXPECT_EQ(put_through_on(rig),
            "1 too_many_devices: stays: its device has sent it again since\n2 too_many_devices: put through\n");
  rig.step({block_message({.sequence = 2})});
  EXPECT_EQ(rig.core().samples().good, 12u);
}

TEST(PutThrough, WhatIsNotThereWholeOrHasNoSubscriptionStays) {
  EdgeConfig config = strict();
  config.spool_dead_letter_bytes_max = 8;
  CoreRig rig(config);
  rig.step({block_message({})});
  Message stray = json_message("x");
  stray.topic = "elsewhere";
  rig.restart(strict());
  rig.step({stray});
  EXPECT_EQ(put_through_on(rig),
            "1 unknown_stream: stays: its payload was not kept whole\n2 unknown_topic: stays: unknown_topic: no subscription "
            "takes it\n");
}

TEST(PutThrough, OneOrThoseOfAReasonAreChosen) {
  CoreRig rig(strict());
  for (std::uint64_t i = 1; i <= 3; ++i) rig.step({block_message({.sequence = i})});
  EXPECT_EQ(put_through_on(rig, {2, {}}), "2 unknown_stream: put through\n");
  EXPECT_EQ(put_through_on(rig, {.reason = "corrupt"}), "");
  EXPECT_EQ(put_through_on(rig, {.reason = "unknown_stream"}), "1 unknown_stream: put through\n3 unknown_stream: put through\n");
  EXPECT_EQ(rig.core().samples().good, 12u);
}

TEST(PutThrough, WhatWasInTheFutureIsJudgedByNow) {
  CoreRig rig(mended());
  const TimeNs wrong = epoch_ns - 3'600 * ns_per_s;  // the edge's clock, when the message came
  rig.step({block_message({.received_ns = wrong})}, wrong);
  EXPECT_EQ(rig.core().totals()[Reason::time_future], 1u);
  EXPECT_EQ(put_through_on(rig), "1 time_future: put through\n");
  EXPECT_EQ(rig.core().samples().good, 4u);
}

TEST(PutThrough, ADeviceThatWasReplacedIsAdmitted) {
  CoreRig rig(mended());
  for (const std::uint64_t epoch : {101, 102, 103, 104}) rig.step({block_message({.epoch = epoch})});
  const BlockSpec replaced{.epoch = 1, .start_ns = epoch_ns + ns_per_s};
  rig.step({block_message(replaced)});
  EXPECT_EQ(rig.core().totals()[Reason::epoch_too_old], 1u);
  EXPECT_EQ(*rig.spool().admit("d2"), 0u);
  EXPECT_EQ(*rig.spool().admit("d1"), 4u);
  EXPECT_EQ(put_through_on(rig), "1 epoch_too_old: put through\n");
  rig.step({block_message(replaced), block_message({.epoch = 1, .sequence = 2, .start_ns = epoch_ns + 2 * ns_per_s})});
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 24, .duplicate = 4}));
}

// It would be given the time that a wrong clock showed.
TEST(PutThrough, WhatWasStampedByAClockThatNobodyTrustedStays) {
  CoreRig rig(mended());
  Message message = message_of("raw/r1/vibration", {0, 0, 128, 63}, now);
  message.clock_untrusted = true;
  rig.step({message});
  EXPECT_EQ(put_through_on(rig), "1 clock_untrusted: stays: nothing knows when it came\n");
  EXPECT_EQ(letters_of(rig), 1u);
}

}  // namespace
}  // namespace stethos::edge
