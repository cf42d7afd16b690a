#include "edge/core/core.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "common/time_text.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

constexpr TimeNs now = epoch_ns + 3'600 * ns_per_s;

struct BadMessage {
  const char* what;
  Message message;
  const char* reason;
};

std::vector<BadMessage> bad_messages() {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  const Message good = block_message({});
  std::vector<std::uint8_t> cut(good.payload.begin(), good.payload.end() - 9);
  std::vector<std::uint8_t> flipped(good.payload.begin(), good.payload.end());
  flipped[flipped.size() / 2] ^= 4;
  const std::string topic = "stethos/v1/d1/batch";
  return {
      {"cut", message_of(topic, cut, now), "corrupt"},
      {"flipped", message_of(topic, flipped, now), "corrupt"},
      {"nothing", message_of(topic, {}, now), "corrupt"},
      {"too large", message_of(topic, std::vector<std::uint8_t>((1 << 20) + 1), now), "too_large"},
      {"another device's topic", message_of("stethos/v1/d2/batch", {good.payload.begin(), good.payload.end()}, now),
       "device_differs"},
      {"a device name with odd bytes", block_message({.device = "d\x01#"}), "bad_name"},
      {"a channel with a tab", block_message({.channel = "a\tb"}), "bad_name"},
      {"a quantity with a space", block_message({.quantity = "a b"}), "bad_name"},
      {"a unit that is no text",
       block_message({.unit = "\xb0"
                              "C"}),
       "bad_name"},
      {"no unit", block_message({.unit = ""}), "bad_name"},
      {"sequence zero", block_message({.sequence = 0, .lowest_held = 0}), "bad_sequence"},
      {"an epoch of 64 bits", block_message({.epoch = ~0ull}), "bad_sequence"},
      {"a sequence below the lowest held", block_message({.sequence = 1, .lowest_held = 2}), "bad_sequence"},
      {"no samples", block_message({.samples = {}}), "empty"},
      {"an interval below a nanosecond", block_message({.interval_ns = 1e-9}), "bad_times"},
      {"a negative interval", block_message({.interval_ns = -5}), "bad_times"},
      {"an interval of a year", block_message({.interval_ns = 3e16}), "bad_times"},
      {"an interval that is no number", block_message({.interval_ns = std::nan("")}), "bad_times"},
      {"an infinite interval", block_message({.interval_ns = std::numeric_limits<double>::infinity()}), "bad_times"},
      {"many samples, no interval", block_message({.interval_ns = 0}), "bad_times"},
      {"1970", block_message({.start_ns = 0}), "time_past"},
      {"the far past", block_message({.start_ns = std::numeric_limits<TimeNs>::min()}), "time_past"},
      {"the far future", block_message({.start_ns = std::numeric_limits<TimeNs>::max()}), "time_future"},
      {"tomorrow", block_message({.start_ns = now + 86'400 * ns_per_s}), "time_future"},
      {"nothing but NaN and infinities", block_message({.samples = {nan, inf, -inf}}), "not_finite"},
      {"not JSON", json_message("temperature=20"), "not_json"},
      {"JSON cut short", json_message(R"({"device":"d1","ts":1767225600000,"temperature":20)"), "not_json"},
      {"JSON and something else", json_message(R"({"device":"d1","ts":1767225600000,"temperature":20,"seq":1}})"), "not_json"},
      {"a JSON NaN", json_message(R"({"device":"d1","ts":1767225600000,"temperature":NaN,"seq":1})"), "not_finite"},
      {"a JSON number out of range", json_message(R"({"device":"d1","ts":1767225600000,"temperature":1e999,"seq":1})"),
       "not_finite"},
      {"bytes that are not UTF-8", json_message("{\"device\":\"d\xff\",\"ts\":1767225600000,\"temperature\":20,\"seq\":1}"),
       "not_json"},
      {"no device", json_message(R"({"ts":1767225600000,"temperature":20,"seq":1})"), "missing_field"},
      {"a device that is no name", json_message(R"({"device":1.5,"ts":1767225600000,"temperature":20,"seq":1})"), "wrong_type"},
      {"a device with a space behind", json_message(R"({"device":"a ","ts":1767225600000,"temperature":20,"seq":1})"),
       "bad_name"},
      {"no time", json_message(R"({"device":"d1","temperature":20,"seq":1})"), "missing_field"},
      {"a time that is a text", json_message(R"({"device":"d1","ts":"soon","temperature":20,"seq":1})"), "wrong_type"},
      {"a time beyond 64 bits", json_message(R"({"device":"d1","ts":1e300,"temperature":20,"seq":1})"), "time_future"},
      {"no reading", json_message(R"({"device":"d1","ts":1767225600000,"seq":1})"), "missing_field"},
      {"a reading that is a text", json_message(R"({"device":"d1","ts":1767225600000,"temperature":"hot","seq":1})"),
       "wrong_type"},
      {"no identity", json_message(R"({"device":"d1","ts":1767225600000,"temperature":20})"), "missing_field"},
      {"an empty array", json_message(R"({"device":"d1","ts":1767225600000,"dt_us":39,"vibration":[],"seq":1})"), "empty"},
      {"an array with a text", json_message(R"({"device":"d1","ts":1767225600000,"dt_us":39,"vibration":[1,"2"],"seq":1})"),
       "wrong_type"},
      {"an array without an interval", json_message(R"({"device":"d1","ts":1767225600000,"vibration":[1,2],"seq":1})"),
       "bad_times"},
      {"raw floats cut", message_of("raw/d1/vibration", {1, 2, 3}, now), "corrupt"},
      {"raw floats, none", message_of("raw/d1/vibration", {}, now), "empty"},
      {"raw floats of no device", message_of("raw//vibration", {0, 0, 0, 0}, now), "bad_name"},
      {"a topic that no subscription takes", message_of("raw", {0, 0, 0, 0}, now), "unknown_topic"},
  };
}

TEST(Core, NoStampIsBeyondWhatWindowsCanHoldThoughNoClockIsRight) {
  CoreRig rig;
  std::uint64_t sequence = 0;
  for (const TimeNs stamp : {time_max, time_max - 60 * ns_per_s, stamp_ns_max + 1, time_min, -stamp_ns_max - 1}) {
    const Effect& effect =
        rig.step({block_message({.sequence = ++sequence, .start_ns = stamp, .samples = {1}})}, epoch_ns, false);
    ASSERT_EQ(effect.dead_letters.size(), 1u) << stamp;
    EXPECT_EQ(reason_of(effect), stamp > 0 ? "time_future" : "time_past");
  }
  const Effect& complete = rig.step(
      {block_message({.sequence = 9, .start_ns = epoch_ns, .samples = {1}, .complete_until_ns = time_max})}, epoch_ns, false);
  EXPECT_EQ(reason_of(complete), "time_future");
  EXPECT_EQ(rig.core().samples().good, 1u);
}

TEST(Core, BadInputLeavesOneDeadLetterAndTheNextMessageIsProcessed) {
  for (const BadMessage& bad : bad_messages()) {
    CoreRig rig;
    const Effect& effect = rig.step({bad.message});
    EXPECT_EQ(reason_of(effect), bad.reason) << bad.what;
    std::uint64_t counted = 0;
    for (const std::uint64_t count : effect.totals.dead_letters) counted += count;
    EXPECT_EQ(counted, 1u) << bad.what;
    ASSERT_FALSE(effect.dead_letters.empty()) << bad.what;
    const DeadLetter letter = effect.dead_letters[0];
    EXPECT_LE(letter.payload.size(), 64u);
    EXPECT_EQ(letter.payload_bytes, bad.message.payload.size()) << bad.what;
    EXPECT_TRUE(std::equal(letter.payload.begin(), letter.payload.end(), bad.message.payload.begin())) << bad.what;
    rig.step({block_message({.sequence = 2})});
    EXPECT_EQ(rig.core().samples().good, 4u) << bad.what;
  }
}

TEST(Core, OneBatchKeepsOnlySoMuchOfWhatItRefuses) {
  EdgeConfig config = core_config();
  config.spool_dead_letter_bytes_max = 1 << 20;
  CoreRig rig(config);
  const Effect& effect = rig.step(std::vector<Message>(10, json_message(std::string(1 << 20, 'x'))));
  ASSERT_EQ(effect.dead_letters.size(), 10u);
  std::size_t kept = 0;
  for (const DeadLetter& letter : effect.dead_letters) {
    EXPECT_EQ(letter.payload_bytes, 1u << 20);
    kept += letter.payload.size();
  }
  EXPECT_EQ(kept, 8u << 20);
}

TEST(Core, AnInvalidMessageOfAKnownDeviceIsHandledAndAcknowledged) {
  CoreRig rig;
  rig.step({block_message({.sequence = 1, .start_ns = 0})});
  ASSERT_EQ(rig.core().acknowledgements().size(), 1u);
  EXPECT_EQ((*schema::open_device_ack(rig.core().acknowledgements()[0].payload))->durable_through(), 1u);
}

TEST(Core, UnitsAreNeverMixed) {
  CoreRig rig;
  rig.step({block_message({})});
  EXPECT_EQ(reason_of(rig.step({block_message({.sequence = 2, .unit = "m/s2"})})), "unit_differs");
  rig.restart();
  EXPECT_EQ(reason_of(rig.step({block_message({.sequence = 3, .unit = "m/s2"})})), "unit_differs");
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 4, .rejected = 8}));
}

TEST(Core, ThePointTableNamesAndLimits) {
  EdgeConfig config = core_config();
  config.points_required = true;
  const auto points = PointTable::parse(
      "device,channel,machine,point,axis,quantity,unit,range_min,range_max,interval,block_length\n"
      "d1,vibration,pump-1,DE,h,acceleration,g,-3,3,500ms,4\n",
      "p.csv");
  CoreRig rig(config, *points);
  EXPECT_EQ(reason_of(rig.step({block_message({.device = "d2"})})), "unknown_stream");
  rig.step({block_message({.samples = {1, 2, 5, -7}, .complete_until_ns = epoch_ns + ns_per_s})});
  ASSERT_EQ(rig.windows.size(), 1u);
  EXPECT_EQ(rig.windows[0].counts->good, 2u);
  EXPECT_EQ(rig.windows[0].counts->out_of_range, 2u);
  EXPECT_EQ(rig.windows[0].counts->expected, 8u);
}

TEST(Core, WhoeverHasNothingThatMayBeTakenTakesNoPlace) {
  EdgeConfig config = core_config();
  config.ingest_devices_max = 2;
  config.points_required = true;
  const std::string table = "device,channel,machine,point,axis,quantity,unit\n";
  const auto points =
      PointTable::parse(table + "d1,vibration,m,p,-,acceleration,g\nt1,temperature,m,p,-,temperature,degC\n", "p.csv");
  CoreRig rig(config, *points);
  const auto reading = [](const std::string& device, const std::string& ts) {
    return json_message(R"({"device":")" + device + R"(","ts":)" + ts + R"(,"temperature":20.5,"seq":1})");
  };
  for (const std::string device : {"x1", "x2", "x3"}) {
    EXPECT_EQ(reason_of(rig.step({reading(device, "1767225600000")})), "unknown_stream");
    EXPECT_EQ(reason_of(rig.step({block_message({.device = device, .sequence = 7, .lowest_held = 5})})), "unknown_stream");
    EXPECT_EQ(acknowledged(rig.core()), (std::vector<std::string>{device + " 1 4 7-7"})) << "or it would come again for ever";
  }
  EXPECT_EQ(reason_of(rig.step({reading("t1", "0")})), "time_past");
  EXPECT_EQ(rig.core().device_count(), 0u);
  rig.step({reading("t1", "1767225600000"), block_message({})});
  EXPECT_EQ(rig.core().samples().good, 5u);
}

// What it leaves is a dead letter, which may be put through; without an acknowledgement it would leave one each time.
TEST(Core, AMessageThatIsRefusedAsAWholeIsAcknowledgedByItself) {
  EdgeConfig config = core_config();
  config.ingest_devices_max = 1;
  CoreRig rig(config);
  for (const std::uint64_t epoch : {10, 11, 12, 13}) rig.step({block_message({.epoch = epoch})});
  EXPECT_EQ(reason_of(rig.step({block_message({.epoch = 1, .sequence = 9, .lowest_held = 3})})), "epoch_too_old");
  EXPECT_EQ(acknowledged(rig.core()), (std::vector<std::string>{"d1 1 2 9-9"}));
  EXPECT_EQ(reason_of(rig.step({block_message({.device = "d2", .sequence = 2})})), "too_many_devices");
  EXPECT_EQ(acknowledged(rig.core()), (std::vector<std::string>{"d2 1 0 2-2"}));
}

TEST(Core, WhatStoppedTheProcessIsADeadLetterAndItsDeviceIsTold) {
  CoreRig rig;
  Message message = block_message({.sequence = 1});
  message.stops = stops_max - 1;
  EXPECT_EQ(rig.step({message}).dead_letters.size(), 0u);

  message = block_message({.sequence = 2});
  message.stops = stops_max;
  const DeadLetter letter = rig.step({message}).dead_letters.at(0);
  EXPECT_EQ(name_of(letter.rejection.reason), "stopped_the_process");
  EXPECT_EQ(letter.device, "d1");
  EXPECT_EQ(letter.payload_bytes, message.payload.size());
  EXPECT_EQ(rig.core().samples().good, 4u);
  const auto acks = rig.core().acknowledgements();
  ASSERT_EQ(acks.size(), 1u);
  EXPECT_EQ(schema::open_device_ack(acks[0].payload).value()->durable_through(), 2u);
}

TEST(Core, IfItDiesOfReadingItNobodyIsToldAndThereIsOneLetter) {
  CoreRig rig;
  Message message = block_message({});
  message.stops = stops_max + 1;
  EXPECT_EQ(reason_of(rig.step({message})), "stopped_the_process");
  EXPECT_TRUE(rig.core().acknowledgements().empty());
  message.stops = stops_max + 2;
  EXPECT_EQ(reason_of(rig.step({message})), "0 dead letters");
  EXPECT_EQ(rig.core().totals()[Counter::duplicate_messages], 1u);
  EXPECT_EQ(rig.core().device_count(), 0u);
}

}  // namespace
}  // namespace stethos::edge
