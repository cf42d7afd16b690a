#include "edge/put_through.h"

#include <gtest/gtest.h>

#include <map>
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
std::string put_through_on(CoreRig& rig, const WhichLetters& which = {}, const EdgeConfig& config = mended()) {
  rig.restart(config);
  std::ostringstream said;
  const Status done = put_through(config, 7, {}, rig.spool(), now, true, which, said);
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

TEST(PutThrough, ALetterThatIsNotThereIsAnError) {
  CoreRig rig(strict());
  rig.step({block_message({.sequence = 1})});
  rig.restart(mended());
  std::ostringstream said;
  const Status done = put_through(mended(), 7, {}, rig.spool(), now, true, {.id = 2, .reason = {}}, said);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, Code::not_found);
  EXPECT_EQ(said.str(), "");
}

// Its device had not heard that the first was handled.
TEST(PutThrough, WhatWasRefusedTwiceAsAWholeIsCountedOnce) {
  CoreRig rig(strict());
  rig.step({block_message({.sequence = 1})});
  rig.step({block_message({.sequence = 1})});
  EXPECT_EQ(put_through_on(rig),
            "1 unknown_stream: put through\n2 unknown_stream: stays: its number counts as handled: its device has sent it again "
            "since, or has given it up\n");
  EXPECT_EQ(rig.core().samples().good, 4u);
}

// The device was told that they are handled, and is known by now.
TEST(PutThrough, WhatItsDeviceHasGoneOnBehindIsCountedOnce) {
  CoreRig rig(strict());
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) rig.step({block_message({.sequence = sequence})});
  rig.step({block_message({.sequence = 2, .lowest_held = 1})});  // it had not heard of it: a letter more
  rig.restart(mended());
  rig.step({block_message({.sequence = 4, .lowest_held = 4}), block_message({.sequence = 5, .lowest_held = 4})});
  EXPECT_EQ(rig.core().samples().good, 8u);
  rig.restart(mended());  // what was skipped is on record
  EXPECT_EQ(put_through_on(rig, {.id = 2, .reason = {}}), "2 unknown_stream: put through\n");
  EXPECT_EQ(
      put_through_on(rig),
      "1 unknown_stream: put through\n3 unknown_stream: put through\n4 unknown_stream: stays: its number counts as handled: "
      "its device has sent it again since, or has given it up\n");
  EXPECT_EQ(rig.core().samples().good, 20u);
  rig.step({block_message({.sequence = 1, .lowest_held = 1})});
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 20, .duplicate = 4}));
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

// A document that was too much, with a record of nobody.
TEST(PutThrough, RecordsThatCannotBeReadKeepALetterAndTheOthersAreTaken) {
  EdgeConfig config = strict();
  config.points_required = false;
  config.spool_dead_letter_bytes_max = 1 << 20;
  config.subscriptions[1].records = ".";
  EdgeConfig hopping = config;
  hopping.windows[0].length = 3'600 * ns_per_s;
  hopping.windows[0].hop = ns_per_s;
  std::string records = R"([{"ts":1767225600000,"temperature":1,"seq":0})";
  for (int i = 1; i <= 130; ++i) {
    records += R"(,{"device":"t1","temperature":1,"seq":)" + std::to_string(i) + R"(,"ts":)" +
               std::to_string(1'767'225'600'000 - i * std::int64_t{3'600'000}) + "}";
  }
  hopping.time_earliest = config.time_earliest = epoch_ns - DurationNs{30} * 86'400 * ns_per_s;
  CoreRig rig(hopping);
  rig.step({json_message(records + "]")});
  EXPECT_EQ(letters_of(rig), 1u);
  rig.restart(config);
  EXPECT_EQ(put_through_on(rig, {}, config),
            "1 too_large: put through\n2 bad_record: stays: the other records of its document were taken\n");
  EXPECT_EQ(rig.core().samples().good, 130u);
  EXPECT_EQ(letters_of(rig), 1u);
}

TEST(PutThrough, WhatWouldBeRefusedAgainStaysAndLeavesNoTrace) {
  CoreRig rig(strict());
  rig.step({block_message({.sequence = 1, .samples = {}}), json_message("no json"), block_message({.sequence = 2})});
  const std::string said = put_through_on(rig);
  EXPECT_EQ(said.substr(0, said.find('\n')), "1 unknown_stream: stays: empty: no samples");
  EXPECT_NE(said.find("\n2 not_json: stays: not_json: "), std::string::npos) << said;
  EXPECT_NE(said.find("\n3 unknown_stream: put through\n"), std::string::npos) << said;
  EXPECT_EQ(letters_of(rig), 2u);
  EXPECT_EQ(rig.core().samples().good, 4u);
  EXPECT_EQ(rig.core().samples().rejected, 0u);
  EXPECT_EQ(rig.core().totals()[Reason::empty], 0u);
  EXPECT_EQ(rig.core().totals()[Reason::unknown_stream], 2u);
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
  const SampleCounts before = rig.core().samples();
  EXPECT_EQ(put_through_on(rig, {.reason = "late"}).substr(0, 22), "2 late: stays: late: c");
  EXPECT_EQ(rig.core().samples(), before) << "they are counted as late, once";
}

TEST(PutThrough, OfWhatIsTooLateItIsSaidHowAReplayTakesIt) {
  CoreRig rig(mended());
  rig.step({block_message({.sequence = 1, .start_ns = epoch_ns + 600 * ns_per_s}), block_message({.sequence = 2})});
  EXPECT_NE(
      put_through_on(rig).find("\nwhat is too late is taken by a replay of a recording alone, and this node records nothing"),
      std::string::npos);
  EdgeConfig recording = mended();
  recording.record_folder = "/var/lib/stethos/recording";
  EXPECT_NE(
      put_through_on(rig, {}, recording)
          .find("\n  stethos-edge replay --config REPLAY.toml stethos:/var/lib/stethos/recording --collector --replaces test "
                "--generation 1\n"),
      std::string::npos);
}

// An hour beside the second, from a restart on.
EdgeConfig with_an_hour() {
  EdgeConfig config = mended();
  WindowConfig hour;
  hour.length = 3'600 * ns_per_s;
  config.windows.push_back(hour);
  return config;
}

// Of the row of each window that stands.
schema::CountsT counts_of(const CoreRig& rig, std::uint64_t definition) {
  std::map<TimeNs, const schema::WindowRowT*> standing;
  for (const schema::WindowRowT& row : rig.windows) {
    if (row.definition == definition) standing[row.start_ns] = &row;
  }
  schema::CountsT sum;
  for (const auto& [start, row] : standing) {
    const schema::CountsT& of = *row->counts;
    EXPECT_EQ(of.received, of.good + of.late + of.duplicate + of.rejected - of.recovered);
    sum.received += of.received;
    sum.good += of.good;
    sum.late += of.late;
    sum.recovered += of.recovered;
  }
  return sum;
}

// The rows that the command itself writes are in the spool alone.
void read_rows(CoreRig& rig) {
  rig.windows.clear();
  const auto lanes = rig.spool().waiting(uplink::SendOrder::oldest_first, 1'000, 1 << 20);
  for (const uplink::OutboxLane& lane : *lanes) {
    for (const uplink::OutboxRow& row : lane.rows) {
      if (static_cast<schema::RowKind>(row.kind) != schema::RowKind::window) continue;
      (*schema::open_window_row(row.body))->UnPackTo(&rig.windows.emplace_back());
    }
  }
}

TEST(PutThrough, WhatWasLateIsRecoveredOnceByAWindowThatCanTakeItNow) {
  CoreRig rig(mended());
  rig.step({block_message({.sequence = 1, .start_ns = epoch_ns + 600 * ns_per_s}), block_message({.sequence = 2})});
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 4, .late = 4}));
  EXPECT_EQ(put_through_on(rig, {}, with_an_hour()), "1 late: put through\n");
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 8, .late = 4, .recovered = 4}));
  EXPECT_EQ(rig.core().samples().received(), 8u) << "two messages of four";
  EXPECT_EQ(put_through_on(rig, {}, with_an_hour()), "");
  rig.step({block_message({.sequence = 2}), block_message({.sequence = 3, .start_ns = epoch_ns + 3'650 * ns_per_s})});
  EXPECT_EQ(rig.core().totals()[Counter::duplicate_messages], 1u) << "its device need not send it again";
  read_rows(rig);
  for (const WindowDefinition& definition : window_definitions(with_an_hour().windows)) {
    const schema::CountsT counts = counts_of(rig, definition.id);
    if (definition.length_ns == ns_per_s) {
      EXPECT_EQ(counts.good, 4u) << "its second is settled";
      EXPECT_EQ(counts.late, 4u);
      EXPECT_EQ(counts.recovered, 0u);
    } else {
      EXPECT_EQ(counts.good, 4u);
      EXPECT_EQ(counts.late, 0u) << "they came before there was an hour";
      EXPECT_EQ(counts.recovered, 0u) << "so it has nothing to recover";
      EXPECT_EQ(counts.received, 8u) << "with the copy";
    }
  }
}

// As one that a mistaken configuration called otherwise for a while.
TEST(PutThrough, WhatWasLateForItsUnitIsRecoveredInIt) {
  EdgeConfig config = mended();
  config.windows[0].length = 60 * ns_per_s;
  const auto declare = [&](const std::string& unit) { config.subscriptions.at(1).fields["temperature"] = "temperature " + unit; };
  const auto reading = [](int second) {
    return json_message(R"({"device":"t1","ts":)" + std::to_string(1'767'225'600'000 + 1'000L * second) +
                        R"(,"temperature":20.5,"seq":)" + std::to_string(second) + "}");
  };
  declare("degC");
  CoreRig rig(config);
  rig.step({reading(3)});
  declare("K");
  rig.restart(config);
  rig.step({reading(2)});
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 1, .late = 1}));
  EXPECT_EQ(rig.core().totals()[Reason::unit_differs], 1u);
  declare("degC");
  EXPECT_EQ(put_through_on(rig, {}, config), "1 unit_differs: put through\n");
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 2, .late = 1, .recovered = 1}));
  EXPECT_EQ(rig.core().samples().received(), 2u);
}

// Those that were late until there were enough of them to take the stream back.
TEST(PutThrough, WhatAClockThatCameBackHadMadeLateIsRecovered) {
  EdgeConfig config = mended();
  config.time_lateness = 60 * ns_per_s;
  config.time_rebase_after = 3;
  CoreRig rig(config);
  const auto block = [](std::uint64_t sequence, int second) {
    return block_message({.sequence = sequence, .start_ns = epoch_ns + second * ns_per_s});
  };
  rig.step({block(1, 0), block(2, 200), block(3, 10), block(4, 11), block(5, 12)});
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 12, .late = 8}));
  EXPECT_EQ(put_through_on(rig, {}, config), "1 late: put through\n2 late: put through\n");
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 20, .late = 8, .recovered = 8}));
  rig.step({block(6, 400)});
  read_rows(rig);
  const schema::CountsT counts = counts_of(rig, window_definitions(config.windows)[0].id);
  EXPECT_EQ(counts.good, 20u);
  EXPECT_EQ(counts.late, 8u);
  EXPECT_EQ(counts.recovered, 8u);
  EXPECT_EQ(counts.received, 20u) << "five messages of four have come to windows that are over";
}

Message readings(std::uint64_t sequence, std::vector<TimeNs> times) {
  schema::DeviceBatchT batch;
  batch.device = "d1";
  batch.epoch = 1;
  batch.sequence = sequence;
  batch.lowest_held = 1;
  auto channel = std::make_unique<schema::ChannelT>();
  channel->name = "temperature";
  channel->quantity = "temperature";
  channel->unit = "degC";
  channel->start_ns = times.front();
  schema::F32SamplesT samples;
  samples.values.assign(times.size(), 20);
  channel->samples.Set(std::move(samples));
  channel->times_ns = std::move(times);
  batch.channels.push_back(std::move(channel));
  return message_of("stethos/v1/d1/batch", schema::pack(batch), now);
}

TEST(PutThrough, OfAMessageThatWasLateInPartNothingCountsTwice) {
  CoreRig rig(mended());
  rig.step({readings(1, {epoch_ns + 600 * ns_per_s}), readings(2, {epoch_ns, epoch_ns + ns_per_s}),
            readings(3, {epoch_ns + 2 * ns_per_s, epoch_ns + 601 * ns_per_s})});
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 2, .late = 3}));
  const std::string said = put_through_on(rig, {}, with_an_hour());
  EXPECT_EQ(said.substr(0, said.find("\nwhat")),
            "1 late: put through\n2 late: stays: which of its samples were late is not on record, and the others are counted");
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 4, .late = 3, .recovered = 2}));
}

TEST(PutThrough, ALateReadingThatCameTwiceIsRecoveredOnce) {
  CoreRig rig(mended());
  const auto reading = [](const char* ts, int seq) {
    return json_message(std::string(R"({"device":"t1","ts":)") + ts + R"(,"temperature":20.5,"seq":)" + std::to_string(seq) +
                        "}");
  };
  rig.step({reading("1767226200000", 1), reading("1767225600000", 2), reading("1767225600000", 2)});
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 1, .late = 2})) << "none of them is in a window";
  EXPECT_EQ(put_through_on(rig, {}, with_an_hour()),
            "1 late: put through\n2 late: stays: it has come again since, and is counted\n");
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 2, .late = 2, .recovered = 1}));
  rig.step({reading("1767225600000", 2)});
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 2, .duplicate = 1, .late = 2, .recovered = 1}));
}

// A wrong clock at the first arrival is one for its windows.
TEST(PutThrough, WhatCameByAClockThatNobodyTrustedSaysSo) {
  CoreRig rig(strict());
  Message message = block_message({.complete_until_ns = epoch_ns + ns_per_s});
  message.clock_untrusted = true;
  rig.step({message});
  EXPECT_EQ(put_through_on(rig), "1 unknown_stream: put through\n");
  rig.step({block_message({.sequence = 2, .start_ns = epoch_ns + ns_per_s}),
            block_message({.sequence = 3, .start_ns = epoch_ns + 2 * ns_per_s})});
  read_rows(rig);
  ASSERT_EQ(rig.windows.size(), 2u);
  EXPECT_TRUE(rig.windows[0].clock_untrusted);
  EXPECT_FALSE(rig.windows[1].clock_untrusted);
}

TEST(PutThrough, OneOfADeviceThatSendsItAgainIsCountedOnce) {
  EdgeConfig none = mended();
  none.ingest_devices_max = 1;
  CoreRig rig(none);
  rig.step({block_message({.device = "first"}), block_message({.sequence = 1}), block_message({.sequence = 2})});
  rig.restart(mended());
  rig.step({block_message({.sequence = 1})});
  EXPECT_EQ(put_through_on(rig),
            "1 too_many_devices: stays: its number counts as handled: its device has sent it again since, or has given it "
            "up\n2 too_many_devices: put through\n");
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

TEST(PutThrough, WhatWasGivenUpUnreadStays) {
  CoreRig rig(strict());
  Message crowded_out = message_of("fleet/a/telemetry", {}, epoch_ns);
  crowded_out.crowded_out = CrowdedOut{.messages = 3, .bytes = 90, .past_deadline = false};
  Message past_deadline = crowded_out;
  past_deadline.crowded_out->past_deadline = true;
  rig.step({crowded_out, past_deadline});
  EXPECT_EQ(put_through_on(rig),
            "1 crowded_out: stays: nothing of it was kept but that it came\n2 past_deadline: stays: nothing of it was kept but "
            "that it came\n");
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
