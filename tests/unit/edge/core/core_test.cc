#include "edge/core/core.h"
#include "edge/core/limits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "common/time_text.h"
#include "edge/spool/event_time.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

constexpr TimeNs now = epoch_ns + 3'600 * ns_per_s;

double statistic_of(const schema::WindowRowT& row, schema::Statistic statistic) {
  for (const auto& value : row.statistics) {
    if (value->statistic == static_cast<std::uint16_t>(statistic)) return value->value;
  }
  return std::nan("");
}

std::string reason_of(const Effect& effect) {
  return effect.dead_letters.size() == 1 ? std::string(name_of(effect.dead_letters[0].rejection.reason))
                                         : std::to_string(effect.dead_letters.size()) + " dead letters";
}

std::vector<schema::RowKind> kinds_of(const Effect& effect) {
  std::vector<schema::RowKind> kinds;
  for (const NewRow& row : effect.rows) kinds.push_back(row.kind);
  return kinds;
}

TEST(Core, AWindowIsFinalWhenTheWatermarkReachesItsEnd) {
  CoreRig rig;
  rig.step({block_message({.sequence = 1, .samples = {1, -2, 3, -4}})});
  EXPECT_TRUE(rig.windows.empty());
  rig.step({block_message({.sequence = 2, .start_ns = epoch_ns + ns_per_s})});
  ASSERT_EQ(rig.windows.size(), 1u);
  const auto& row = rig.windows[0];
  EXPECT_EQ(row.device, "d1");
  EXPECT_EQ(row.start_ns, epoch_ns);
  EXPECT_EQ(row.length_ns, ns_per_s);
  EXPECT_EQ(row.state, schema::WindowState::final);
  EXPECT_EQ(row.revision, 0u);
  EXPECT_EQ(row.counts->good, 4u);
  EXPECT_EQ(row.counts->received, 4u);
  EXPECT_EQ(row.first_sequence, 1u);
  EXPECT_DOUBLE_EQ(statistic_of(row, schema::Statistic::mean), -0.5);
  EXPECT_DOUBLE_EQ(statistic_of(row, schema::Statistic::peak), 4);
  EXPECT_DOUBLE_EQ(statistic_of(row, schema::Statistic::rms), std::sqrt(7.5));
}

TEST(Core, TheFirstBatchTellsWhatComputesAndWhatTheStreamIs) {
  CoreRig rig;
  EXPECT_EQ(kinds_of(rig.step({block_message({})})), (std::vector{schema::RowKind::provenance, schema::RowKind::stream}));
  EXPECT_TRUE(kinds_of(rig.step({block_message({.sequence = 2})})).empty());
  rig.restart();
  EXPECT_TRUE(kinds_of(rig.step({block_message({.sequence = 3})})).empty());  // sent once, not once a process
}

TEST(Core, ADuplicateIsCountedAndAcknowledgedAgain) {
  CoreRig rig;
  rig.step({block_message({})});
  rig.step({block_message({})});
  EXPECT_EQ(rig.core().totals()[Counter::duplicate_messages], 1u);
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 4, .duplicate = 4}));
  ASSERT_EQ(rig.core().acknowledgements().size(), 1u);
  const auto outgoing = rig.core().acknowledgements()[0];
  EXPECT_EQ(outgoing.topic, "stethos/v1/d1/ack");
  const auto ack = schema::open_device_ack(outgoing.payload);
  ASSERT_TRUE(ack.has_value());
  EXPECT_EQ((*ack)->durable_through(), 1u);
}

TEST(Core, AfterARestartNothingIsCountedTwice) {
  CoreRig rig;
  rig.step({block_message({.sequence = 1}), block_message({.sequence = 3, .start_ns = epoch_ns + 10 * ns_per_ms})});
  rig.restart();
  rig.step({block_message({.sequence = 1}), block_message({.sequence = 2, .start_ns = epoch_ns + 20 * ns_per_ms}),
            block_message({.sequence = 3, .start_ns = epoch_ns + 10 * ns_per_ms})});
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 12, .duplicate = 8}));
  rig.step({block_message({.sequence = 4, .start_ns = epoch_ns + ns_per_s})});
  ASSERT_EQ(rig.windows.size(), 1u);
  EXPECT_EQ(rig.windows[0].counts->good, 12u);
  EXPECT_EQ(rig.windows[0].counts->received, 20u);
}

TEST(Core, LateSamplesAreCountedAndTheSumsBalance) {
  CoreRig rig;
  rig.step({block_message({.sequence = 1, .start_ns = epoch_ns + 5 * ns_per_s}),
            block_message({.sequence = 2, .start_ns = epoch_ns}),
            block_message({.sequence = 3, .start_ns = epoch_ns + 6 * ns_per_s})});
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 8, .late = 4}));
  ASSERT_EQ(rig.windows.size(), 1u);
  EXPECT_EQ(rig.windows[0].counts->good, 4u);
  EXPECT_EQ(rig.windows[0].counts->late, 4u);
  EXPECT_EQ(rig.windows[0].counts->received, 8u);
}

// Its pane is gone and its row is out: another pane would be another first revision of it.
TEST(Core, AWindowThatWasSettledStaysSoWhateverTheLatenessIsAfterARestart) {
  CoreRig rig;
  rig.step({block_message({.sequence = 1, .start_ns = epoch_ns + 5 * ns_per_s}),
            block_message({.sequence = 2, .start_ns = epoch_ns + 10 * ns_per_s})});
  ASSERT_EQ(rig.windows.size(), 1u);
  EdgeConfig longer = core_config();
  longer.time_lateness = 3'600 * ns_per_s;
  rig.restart(longer);
  rig.step({block_message({.sequence = 3, .start_ns = epoch_ns + 5 * ns_per_s}),
            block_message({.sequence = 4, .start_ns = epoch_ns + 20 * ns_per_s}),
            block_message({.sequence = 5, .start_ns = epoch_ns + 10 * ns_per_s})});
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 16, .late = 4})) << "what was open is revised by the new lateness";
  EXPECT_EQ(std::ranges::count(rig.windows, epoch_ns + 5 * ns_per_s, &schema::WindowRowT::start_ns), 1);
}

TEST(Core, WhatIsTooLateIsOneDeadLetterAMessage) {
  CoreRig rig;
  rig.step({json_message(R"({"device":"t1","ts":1767225660000,"temperature":20.5,"seq":1})")});
  const Effect& effect = rig.step({json_message(R"({"device":"t1","ts":1767225600000,"temperature":20.5,"seq":2})"),
                                   json_message(R"({"device":"t1","ts":1767225660001,"temperature":20.5,"seq":3})")});
  EXPECT_EQ(reason_of(effect), "late");
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 2, .late = 1}));
}

TEST(Core, RowsWithATimeOfTheNodeSayThatItsClockWasNotTrusted) {
  const auto points = PointTable::parse(
      "device,channel,machine,point,axis,quantity,unit,interval\nd1,vibration,pump-1,DE,h,acceleration,g,1s\n", "p.csv");
  CoreRig rig(core_config(), *points);
  const auto untrusted = [&](const std::vector<Message>& batch, TimeNs at) -> const Effect& {
    const auto effect = rig.core().process(batch, at, false);
    STETHOS_CHECK(effect.has_value(), "the backend works");
    return **effect;
  };
  const Effect& gap = untrusted({block_message({.sequence = 1}), block_message({.sequence = 5, .lowest_held = 5})}, now);
  const auto is_gap = [](const NewRow& row) { return row.kind == schema::RowKind::gap; };
  const auto row = std::ranges::find_if(gap.rows, is_gap);
  ASSERT_NE(row, gap.rows.end());
  EXPECT_TRUE((*schema::open_gap_row(row->body))->clock_untrusted());
  EXPECT_FALSE(event_time_of(row->kind, row->body)) << "nobody knows when";

  const Effect& silence = untrusted({}, now + 100 * ns_per_s);
  ASSERT_EQ(silence.silences.size(), 1u);
  EXPECT_TRUE(silence.silences[0].clock_untrusted);

  Effect alarm;
  alarm.clock_trusted = false;
  alarm.alarm_rows.emplace_back().device = "d1";
  pack_rows(alarm, now);
  EXPECT_TRUE(alarm.alarm_rows[0].clock_untrusted);
}

TEST(Core, ADeviceWithCountWindowsIsTakenInItsOrder) {
  EdgeConfig config = core_config();
  config.windows[0].length = 0;
  config.windows[0].samples = 8;
  CoreRig rig(config);
  const auto message = [](std::uint64_t sequence, float value) {
    return block_message({.sequence = sequence, .samples = {value, value, value, value}});
  };
  rig.step({message(1, 1), message(3, 3), message(4, 4)});
  EXPECT_EQ(rig.core().totals()[Counter::deferred_messages], 2u);
  EXPECT_EQ((*schema::open_device_ack(rig.core().acknowledgements()[0].payload))->durable_through(), 1u);
  rig.step({message(2, 2), message(3, 3), message(4, 4)});
  ASSERT_EQ(rig.windows.size(), 2u);
  EXPECT_DOUBLE_EQ(rig.windows[0].moments->mean, 1.5);
  EXPECT_DOUBLE_EQ(rig.windows[1].moments->mean, 3.5);
  EXPECT_NE(rig.windows[0].start_ns, rig.windows[1].start_ns);
}

TEST(Core, AnIdleStreamSendsWhatItHasWithoutMovingItsWatermark) {
  CoreRig rig;
  rig.step({block_message({})});
  rig.step({}, now + 29 * ns_per_s);
  EXPECT_TRUE(rig.windows.empty());
  rig.step({}, now + 31 * ns_per_s);
  ASSERT_EQ(rig.windows.size(), 1u);
  EXPECT_EQ(rig.windows[0].state, schema::WindowState::open);
  rig.step({}, now + 90 * ns_per_s);
  EXPECT_EQ(rig.windows.size(), 1u);  // nothing has changed
  rig.step({block_message({.sequence = 2, .start_ns = epoch_ns + 1, .received_ns = now + 91 * ns_per_s})}, now + 91 * ns_per_s);
  rig.step({block_message({.sequence = 3, .start_ns = epoch_ns + ns_per_s, .received_ns = now + 92 * ns_per_s})},
           now + 92 * ns_per_s);
  ASSERT_EQ(rig.windows.size(), 2u);
  EXPECT_EQ(rig.windows[1].state, schema::WindowState::final);
  EXPECT_EQ(rig.windows[1].revision, 1u);
  EXPECT_EQ(rig.windows[1].counts->good, 8u);
}

// What came meanwhile waits at the broker.
TEST(Core, WhileTheNodeWasOffNothingWasSilent) {
  CoreRig rig(
      core_config(),
      *PointTable::parse("device,channel,machine,point,axis,quantity,unit,interval\nd1,vibration,m,p,h,acceleration,g,500ms\n",
                         "points.csv"));
  const auto block_at = [](TimeNs time_ns, std::uint64_t sequence) {
    return block_message({.sequence = sequence, .start_ns = time_ns, .received_ns = time_ns});
  };
  rig.step({block_at(epoch_ns, 1)}, epoch_ns);
  rig.restart();
  const TimeNs started_ns = epoch_ns + 3'600 * ns_per_s;
  rig.step({}, started_ns);
  rig.step({}, started_ns + 29 * ns_per_s);
  EXPECT_EQ(rig.silences.size(), 0u);
  EXPECT_EQ(rig.windows.size(), 0u) << "nor is it idle";
  // And what is silent then is.
  rig.step({}, started_ns + 32 * ns_per_s);
  ASSERT_EQ(rig.silences.size(), 1u);
  EXPECT_EQ(rig.silences[0].state, schema::WindowState::open);
}

TEST(Core, WhatIdleStreamsSendAtOnceIsBounded) {
  EdgeConfig config = core_config();
  config.windows[0].length = 1'000 * ns_per_s;
  config.windows[0].hop = ns_per_s / 2;
  CoreRig rig(config);
  const std::size_t streams = 60, rows_each = 2'000;
  std::vector<Message> batch;
  for (std::size_t i = 0; i < streams; ++i) {
    batch.push_back(block_message({.device = "d" + std::to_string(i), .received_ns = epoch_ns}));
  }
  rig.step({batch.begin(), batch.begin() + 40}, epoch_ns);
  rig.step({batch.begin() + 40, batch.end()}, epoch_ns);
  const TimeNs idle_ns = epoch_ns + 60 * ns_per_s;
  const auto sent = [&](TimeNs now_ns) {
    rig.windows.clear();
    rig.step({}, now_ns);
    return rig.windows.size();
  };
  EXPECT_EQ(sent(idle_ns), rows_per_batch_max);
  EXPECT_EQ(sent(idle_ns), streams * rows_each - rows_per_batch_max) << "and at once the rest";
  EXPECT_EQ(sent(idle_ns + ns_per_s), 0u);
}

TEST(Core, ADeviceMayDeclareItsTimeComplete) {
  CoreRig rig;
  rig.step({block_message({.complete_until_ns = epoch_ns + ns_per_s})});
  ASSERT_EQ(rig.windows.size(), 1u);
  EXPECT_EQ(rig.windows[0].state, schema::WindowState::final);
  const Effect& effect = rig.step(
      {block_message({.sequence = 2, .start_ns = epoch_ns + 2 * ns_per_s, .complete_until_ns = now + 3'600 * ns_per_s})});
  EXPECT_EQ(reason_of(effect), "time_future");
}

// It may be years ahead, and nobody can judge.
TEST(Core, WhatADeviceDeclaresCompleteByAnUntrustedClockReachesNoFurtherThanItsSamples) {
  CoreRig rig;
  const TimeNs now_ns = epoch_ns + 60 * ns_per_s;
  const auto says = [&](std::uint64_t sequence, TimeNs start_ns, TimeNs complete_ns, const std::string& channel = "vibration") {
    Message message = block_message({.sequence = sequence,
                                     .start_ns = start_ns,
                                     .complete_until_ns = complete_ns,
                                     .received_ns = now_ns,
                                     .channel = channel});
    message.clock_untrusted = true;
    return message;
  };
  rig.step(
      {says(1, epoch_ns, epoch_ns), says(2, epoch_ns + 3 * ns_per_s, epoch_ns + DurationNs{365} * 86'400 * ns_per_s, "other")},
      now_ns, false);
  ASSERT_EQ(rig.windows.size(), 1u) << "the silent channel's: the device's other one was there";
  EXPECT_EQ(rig.windows[0].channel, "vibration");
  const Effect& effect = rig.step({says(3, epoch_ns + 4 * ns_per_s, epoch_ns)}, now_ns, false);
  EXPECT_EQ(effect.totals[Reason::late], 0u);
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 12}));
}

TEST(Core, WhatADeviceGivesUpIsAGap) {
  CoreRig rig;
  rig.step({block_message({.sequence = 1})});
  const Effect& effect = rig.step({block_message({.sequence = 5, .lowest_held = 4})});
  EXPECT_EQ(kinds_of(effect), std::vector{schema::RowKind::gap});
  EXPECT_EQ(rig.core().totals()[Counter::lost_messages], 2u);
  const auto gap = schema::open_gap_row(effect.rows[0].body);
  EXPECT_EQ((*gap)->first_sequence(), 2u);
  EXPECT_EQ((*gap)->last_sequence(), 3u);
}

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

// Its clock jumps ahead and comes back, and again: what it had open there is settled by that.
TEST(Core, AWindowThatAClockSettlesWhenItComesBackAgainIsFinal) {
  EdgeConfig config = core_config();
  config.time_lateness = 20 * ns_per_s;
  config.time_rebase_after = 3;
  config.windows[0] = {};
  config.windows[0].length = 10 * ns_per_s;
  for (const std::vector<int>& ahead : {std::vector{100, 105}, std::vector{100, 105, 112, 104}}) {
    CoreRig rig(config);
    std::uint64_t sequence = 0;
    const auto send = [&](int second) {
      rig.step({block_message({.sequence = ++sequence, .start_ns = epoch_ns + second * ns_per_s, .samples = {1, 2}})});
    };
    for (int t = 0; t <= 25; t += 5) send(t);
    for (int t = 200; t <= 300; t += 5) send(t);
    for (const int t : {30, 31, 32, 35, 40, 45, 50}) send(t);
    for (const int t : ahead) send(t);
    for (const int t : {51, 52, 53}) send(t);
    for (int t = 55; t <= 700; t += 5) send(t);
    std::map<TimeNs, schema::WindowState> last;
    for (const schema::WindowRowT& row : rig.windows) last[row.start_ns] = row.state;
    EXPECT_EQ(last.at(epoch_ns + 100 * ns_per_s), schema::WindowState::final) << ahead.size();
  }
}

TEST(Core, LimitsLookAtWindowsThatAreFinalForTheirStreamHasTooManyParts) {
  EdgeConfig config = core_config();
  config.windows[0] = {};
  config.windows[0].length = 10 * ns_per_s;
  LimitConfig limit;
  limit.statistic = "max";
  limit.unit = "g";
  limit.alert = 50;
  config.limits = {limit};
  std::string table = "device,channel,machine,point,axis,quantity,unit,valid_from\n";
  constexpr int parts = 2 * static_cast<int>(parts_per_stream_max);
  for (int i = 0; i < parts; ++i) {
    table += "d1,vibration,m" + std::to_string(i) + ",p,h,acceleration,g," +
             format_time(epoch_ns + DurationNs{10} * i * ns_per_s) + "\n";
  }
  std::vector<std::size_t> rows;
  for (const DurationNs delay : {DurationNs(0), 3'600 * ns_per_s}) {
    config.time_watermark_delay = delay;
    CoreRig rig(config, *PointTable::parse(table, "p.csv"));
    for (int i = 0; i < parts; ++i) {
      rig.step({block_message({.sequence = static_cast<std::uint64_t>(i) + 1,
                               .start_ns = epoch_ns + DurationNs{10} * i * ns_per_s,
                               .samples = {i < 2 ? 100.0F : 1.0F, 1}})});
    }
    rows.push_back(rig.alarms.size());
  }
  EXPECT_GT(rows[0], 0u);
  EXPECT_EQ(rows[1], rows[0]) << "by whichever way they became final";
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

TEST(Core, JsonReadingsWithTheSameIdentityCountOnce) {
  CoreRig rig;
  const std::string reading = R"({"device":"t1","ts":1767225600000,"temperature":20.5,"seq":7})";
  rig.step({json_message(reading), json_message(reading)});
  rig.restart();
  rig.step({json_message(reading)});
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 1, .duplicate = 2}));
  const Effect& conflict = rig.step({json_message(R"({"device":"t1","ts":1767225600000,"temperature":21,"seq":7})")});
  EXPECT_EQ(reason_of(conflict), "identity_conflict");
  // Real series repeat stamps with other values: another identity is another reading.
  rig.step({json_message(R"({"device":"t1","ts":1767225600000,"temperature":21,"seq":8})")});
  EXPECT_EQ(rig.core().samples().good, 2u);
  // Once its windows are closed an identity is forgotten: a reading that old is late anyway.
  rig.step({json_message(R"({"device":"t1","ts":1767225605000,"temperature":21,"seq":9})"), json_message(reading)});
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 3, .duplicate = 2, .late = 1, .rejected = 1}));
}

// Whatever else settles meanwhile, a session takes what lies in it.
TEST(Core, WhatLiesInASessionIsKnownAsLongAsTheSessionTakesIt) {
  EdgeConfig config = core_config();
  config.time_lateness = 10 * ns_per_s;
  WindowConfig session;
  session.gap = 30 * ns_per_s;
  config.windows.push_back(session);
  CoreRig rig(config);
  for (const int round : {1, 2}) {
    for (int i = 0; i < 60; ++i) {
      rig.step({json_message(R"({"device":"t1","ts":)" + std::to_string(1'767'225'600'000 + 10'000L * i) +
                             R"(,"temperature":21,"seq":)" + std::to_string(i) + "}")});
    }
    EXPECT_EQ(rig.core().samples().good, 60u) << round;
  }
  EXPECT_EQ(rig.core().samples().duplicate, 60u);
}

Message waiting(Message message, bool redelivered = false, std::uint64_t connection = 1) {
  message.waits_for_commit = message.may_return = true;
  message.redelivered = redelivered;
  message.connection = connection;
  return message;
}

EdgeConfig without_identity() {
  EdgeConfig config = core_config();
  for (SubscriptionConfig& subscription : config.subscriptions) subscription.identity.clear();
  return config;
}

TEST(Core, AllThatABrokerMayDeliverAgainIsRecognised) {
  CoreRig rig(without_identity());
  const std::size_t sent = on_the_way_max + 50;
  std::vector<Message> messages;
  for (std::size_t i = 0; i < sent; ++i) {
    messages.push_back(
        json_message(R"({"device":"t1","ts":)" + std::to_string(1'767'225'600'000 + i) + R"(,"temperature":20.5})"));
  }
  for (const Message& message : messages) rig.step({waiting(message)});
  rig.restart();
  // It begins somewhere, and may begin again when it is cut off, whatever has been delivered for the first time meanwhile.
  const Message fresh = json_message(R"({"device":"t1","ts":1767225700000,"temperature":20.5})");
  for (const std::uint64_t connection : {1, 2}) {
    for (std::size_t i = sent - 70; i < sent; ++i) rig.step({waiting(messages[i], true, connection)});
    rig.step({waiting(fresh, true, connection)});
  }
  EXPECT_EQ(rig.core().totals()[Counter::duplicate_messages], 141u);
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = sent + 1}));
}

// A broker may have had more on the way than it was allowed.
TEST(Core, AfterACutMoreAreRecognisedThanAreOnRecord) {
  CoreRig rig(without_identity());
  const std::size_t sent = 5 * redeliveries_on_record_max;
  std::vector<Message> messages;
  for (std::size_t i = 0; i < sent; ++i) {
    messages.push_back(
        json_message(R"({"device":"t1","ts":)" + std::to_string(1'767'225'600'000 + i) + R"(,"temperature":20.5})"));
  }
  for (const Message& message : messages) rig.step({waiting(message)});
  for (const Message& message : messages) rig.step({waiting(message, true, 2)});
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = sent}));
  Effect effect;
  rig.core().keep_all_that_may_return(effect);
  EXPECT_EQ(effect.may_return.size(), sent);
  EXPECT_TRUE(effect.changed);
}

// Told on arrival, by this run or the one before, which had another configuration.
TEST(Core, WhatWasAcknowledgedOnArrivalIsRecognisedWhenItReturns) {
  CoreRig rig(without_identity());
  const auto on_arrival = [](Message message, bool redelivered, std::uint64_t connection) {
    message.may_return = true;
    message.redelivered = redelivered;
    message.connection = connection;
    return message;
  };
  std::vector<Message> messages;
  for (std::size_t i = 0; i < on_the_way_max; ++i) {
    messages.push_back(
        json_message(R"({"device":"t1","ts":)" + std::to_string(1'767'225'600'000 + i) + R"(,"temperature":20.5})"));
  }
  std::vector<Message> batch;
  for (const Message& message : messages) batch.push_back(on_arrival(message, false, 1));
  // The line is cut while they are still in the queue, and what returns stands behind them there.
  for (const Message& message : messages) batch.push_back(on_arrival(message, true, 2));
  rig.step(batch);
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = on_the_way_max}));
  rig.restart();
  for (const Message& message : messages) rig.step({waiting(message, true)});
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = on_the_way_max}));
  EXPECT_EQ(rig.core().totals()[Counter::duplicate_messages], 2 * on_the_way_max);
}

TEST(Core, OfEqualMessagesOneIsTakenForTheOneThatReturns) {
  CoreRig rig(without_identity());
  const Message message = json_message(R"({"device":"t1","ts":1767225600000,"temperature":20.5})");
  for (int i = 0; i < 3; ++i) rig.step({waiting(message)});
  rig.restart();
  for (int i = 0; i < 3; ++i) rig.step({waiting(message, true)});
  EXPECT_EQ(rig.core().totals()[Counter::duplicate_messages], 1u);
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 5}));
}

TEST(Core, ArraysAndRawFloatsAreBlocks) {
  CoreRig rig;
  rig.step({json_message(R"({"device":"t1","ts":1767225600000,"dt_us":100,"vibration":[1,2,3],"seq":1})")});
  const float samples[] = {1, -1};
  std::vector<std::uint8_t> bytes(sizeof samples);
  std::memcpy(bytes.data(), samples, sizeof samples);
  rig.step({message_of("raw/r1/x", bytes, now)});
  EXPECT_EQ(rig.core().samples().good, 5u);
  EXPECT_EQ(rig.core().stream_count(), 2u);
}

// Of the last batch: "device epoch durable_through first-last ...".
std::vector<std::string> acknowledged(const Core& core) {
  std::vector<std::string> all;
  for (const OutgoingAck& outgoing : core.acknowledgements()) {
    const schema::DeviceAck& ack = **schema::open_device_ack(outgoing.payload);
    std::string text = ack.device()->str() + " " + std::to_string(ack.epoch()) + " " + std::to_string(ack.durable_through());
    if (ack.ranges() != nullptr) {
      for (const auto* range : *ack.ranges()) text += " " + std::to_string(range->first()) + "-" + std::to_string(range->last());
    }
    all.push_back(std::move(text));
  }
  return all;
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

TEST(Core, AnotherMessageWithANumberThatWasIsADuplicateAndALetter) {
  CoreRig rig;
  rig.step({block_message({.sequence = 1}), block_message({.sequence = 2, .start_ns = epoch_ns + ns_per_ms})});
  EXPECT_EQ(rig.step({block_message({.sequence = 2, .lowest_held = 2, .start_ns = epoch_ns + ns_per_ms})}).dead_letters.size(),
            0u)
      << "a copy says anew what its device holds";
  const Effect& effect =
      rig.step({block_message({.sequence = 2, .lowest_held = 2, .start_ns = epoch_ns + ns_per_ms, .samples = {9}})});
  EXPECT_EQ(reason_of(effect), "sequence_conflict");
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 8, .duplicate = 5}));
  EXPECT_EQ(acknowledged(rig.core()), (std::vector<std::string>{"d1 1 2"}));
}

// The same with a new process between any two messages and without.
TEST(Core, WhichUnitIsBelievedDoesNotDependOnRestarts) {
  for (const bool restarts : {false, true}) {
    CoreRig rig;
    const auto step = [&](const BlockSpec& spec) {
      if (restarts) rig.restart();
      return reason_of(rig.step({block_message(spec)}));
    };
    EXPECT_EQ(step({.epoch = 4}), "0 dead letters");
    EXPECT_EQ(step({.epoch = 5, .channel = "temp", .quantity = "temperature", .unit = "degC"}), "0 dead letters");
    EXPECT_EQ(step({.epoch = 5, .sequence = 2, .start_ns = epoch_ns + ns_per_s, .unit = "m/s2"}), "0 dead letters") << restarts;
    EXPECT_EQ(step({.epoch = 5, .sequence = 3, .start_ns = epoch_ns + 2 * ns_per_s}), "unit_differs") << restarts;
  }
}

TEST(Core, OfTwoSubscriptionsThatCallAChannelOtherwiseTheFirstToSpeakCountsInEveryRun) {
  EdgeConfig config = core_config();
  SubscriptionConfig other = config.subscriptions.at(1);
  other.topic = "other/+/telemetry";
  other.fields["temperature"] = "temperature degF";
  config.subscriptions.push_back(other);
  CoreRig rig(config);
  const auto step = [&](const std::string& topic, int i) {
    const std::string text = R"({"device":"t1","ts":)" + std::to_string(1'767'225'600'000 + i) + R"(,"temperature":20,"seq":)" +
                             std::to_string(i) + "}";
    return reason_of(rig.step({message_of(topic, {text.begin(), text.end()}, epoch_ns)}));
  };
  EXPECT_EQ(step("fleet/x/telemetry", 1), "0 dead letters");
  EXPECT_EQ(step("other/x/telemetry", 2), "unit_differs");
  rig.restart();
  EXPECT_EQ(step("other/x/telemetry", 3), "unit_differs");
  EXPECT_EQ(step("fleet/x/telemetry", 4), "0 dead letters");
  // Once no subscription calls it so any more, the other one is believed, and cuts.
  config.subscriptions.at(1).fields["temperature"] = "temperature K";
  rig.restart(config);
  EXPECT_EQ(step("other/x/telemetry", 5), "0 dead letters");
}

TEST(Core, ASubscriptionThatCannotBringAChannelSaysNothingOfIt) {
  EdgeConfig config = core_config();
  SubscriptionConfig& line = config.subscriptions.at(1);
  line.topic = "line/a/telemetry";
  line.device_field.clear();
  line.device_level = 1;
  SubscriptionConfig other = line;
  other.topic = "line/b/telemetry";
  config.subscriptions.push_back(other);
  CoreRig rig(config);
  const auto step = [&](int i) {
    const std::string text =
        R"({"ts":)" + std::to_string(1'767'225'600'000 + i) + R"(,"temperature":20,"seq":)" + std::to_string(i) + "}";
    return reason_of(rig.step({message_of("line/a/telemetry", {text.begin(), text.end()}, epoch_ns)}));
  };
  EXPECT_EQ(step(1), "0 dead letters");
  config.subscriptions.at(1).fields["temperature"] = "temperature K";
  rig.restart(config);
  EXPECT_EQ(step(2), "0 dead letters") << "though the other line is still in degC";
}

// As after a restart of a device that numbers what it sends, and stamps it once its clock is set.
TEST(Core, WhereSomeReadingsHaveATimeItIsPartOfTheirIdentity) {
  EdgeConfig config = core_config();
  config.subscriptions.at(1).time_missing = MissingTime::arrival;
  CoreRig rig(config);
  for (const char* ts : {"1767225600000", "1767225601000", "1767225602000"}) {
    rig.step({json_message(R"({"device":"t1","ts":)" + std::string(ts) + R"(,"temperature":20.5,"seq":0})")});
  }
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 3}));
}

std::string identity_of(const std::string& seq, const std::string& beside = "1") {
  CoreRig rig;
  auto letters = reason_of(rig.step(
      {json_message(R"({"device":"t1","ts":1767225600000,"temperature":20.5,"seq":)" + seq + R"(,"x":)" + beside + "}")}));
  if (letters != "0 dead letters") return letters;
  rig.step({json_message(R"({"device":"t1","ts":1767225600000,"temperature":20.5,"seq":)" + seq + R"(,"x":1})")});
  return rig.core().samples().duplicate == 1 ? "known" : "another";
}

TEST(Core, ANumberThatMightStandForAnotherIdentifiesNothingWhereverItStands) {
  for (const std::string number :
       {"123456789012345678901", "18446744073709551616", "-9223372036854775809", "1e310", "0.1234567890123456"}) {
    for (const auto& seq : {number, "[17," + number + "]", R"({"boot":[)" + number + "]}"}) {
      EXPECT_EQ(identity_of(seq), seq == "1e310" ? "missing_field" : "wrong_type") << seq;
    }
  }
  for (const char* seq : {"[17,null]", "[17,nan]", R"({"a":[null]})"}) EXPECT_EQ(identity_of(seq), "wrong_type") << seq;
  for (const std::string number :
       {"1795975600123456789", "9007199254740993", "18446744073709551615", "-9223372036854775808", "0.5"}) {
    for (const auto& seq : {number, "[17," + number + "]"}) {
      EXPECT_EQ(identity_of(seq), "known") << seq;
      EXPECT_EQ(identity_of(seq, "nan"), "known") << "what stands beside it changes nothing: " << seq;
    }
  }
}

TEST(Core, DevicesAndStreamsAreBounded) {
  EdgeConfig config = core_config();
  config.ingest_devices_max = 2;
  config.ingest_streams_max = 1;
  CoreRig rig(config);
  rig.step({block_message({.device = "a"})});
  EXPECT_EQ(reason_of(rig.step({block_message({.device = "b"})})), "too_many_streams");
  EXPECT_EQ(reason_of(rig.step({block_message({.device = "c"})})), "too_many_devices");
}

// What must not depend on when a batch happened to end, on a restart, or on where the process was killed.
std::string describe(const schema::WindowRowT& row) {
  std::string text = row.device + "/" + row.channel + " " + schema::EnumNameWindowKind(row.kind) + " " +
                     schema::EnumNameWindowState(row.state) + " " + std::to_string(row.start_ns) + "+" +
                     std::to_string(row.length_ns) + " r" + std::to_string(row.revision) + " " +
                     std::to_string(row.counts->received) + " " + std::to_string(row.counts->good) + " late " +
                     std::to_string(row.counts->late) + " duplicate " + std::to_string(row.counts->duplicate) + " rejected " +
                     std::to_string(row.counts->rejected) + " from " + std::to_string(row.first_sequence) + " to " +
                     std::to_string(row.last_sequence);
  for (const double value : {row.moments->mean, row.moments->m2, row.moments->m3, row.moments->m4, row.moments->sum_sqrt_abs}) {
    char hex[40];
    std::snprintf(hex, sizeof hex, " %a", value);
    text += hex;
  }
  const std::vector<std::uint8_t> bytes = [&] {
    schema::WindowRowT rest;
    rest.moments = std::make_unique<schema::MomentsT>(*row.moments);
    rest.counts = std::make_unique<schema::CountsT>();
    for (const auto& each : row.statistics) rest.statistics.push_back(std::make_unique<schema::StatisticValueT>(*each));
    if (row.speed != nullptr) rest.speed = std::make_unique<schema::SpeedT>(*row.speed);
    return schema::pack(rest);
  }();
  return text + std::string(bytes.begin(), bytes.end());
}

std::string describe(const schema::AlarmRowT& row) {
  const std::vector<std::uint8_t> bytes = schema::pack(row);
  return {bytes.begin(), bytes.end()};
}

TEST(Core, WhereABatchEndsOrAProcessRestartsChangesNoRow) {
  std::mt19937 random(3);
  std::normal_distribution<float> noise;
  std::vector<Message> messages;
  std::uint64_t sequence[3] = {};
  for (int i = 0; i < 400; ++i) {
    const std::size_t device = random() % 3;
    const TimeNs jitter = static_cast<TimeNs>(random() % 4'000) * ns_per_ms;
    BlockSpec spec;
    spec.device = "d" + std::to_string(device);
    spec.sequence = ++sequence[device];
    spec.start_ns = epoch_ns + DurationNs{i} * 50 * ns_per_ms + jitter;
    spec.samples.resize(1 + random() % 40);
    for (float& sample : spec.samples) sample = noise(random);
    if (random() % 5 == 0) {
      spec.channel = "speed";
      spec.quantity = "rotational_speed";
      spec.unit = "rpm";
      spec.interval_ns = 0;
      spec.samples = {static_cast<float>(20'000 + random() % 9'000)};
    }
    if (random() % 20 == 0) spec.unit = "mm";  // is refused
    messages.push_back(block_message(spec));
    if (random() % 10 == 0)
      messages.push_back(messages[messages.size() - 1 - random() % std::min<std::size_t>(messages.size(), 9)]);
  }
  const auto points = PointTable::parse(
      "device,channel,machine,point,axis,quantity,unit,full_scale,nominal_rpm,bearing,valid_from\n"
      "d0,vibration,m0,DE,h,acceleration,g,2,20000,,\nd0,speed,m0,DE,-,rotational_speed,rpm,,,,\n"
      "d0,vibration,m0,DE,h,acceleration,g,2,20000,new,2026-01-01T00:00:10Z\n"  // one batch may hold both
      "d1,vibration,m1,DE,h,acceleration,g,,21000,,\n",
      "points.csv");
  ASSERT_TRUE(points);
  // Every kind of window at once, some of the readings late, some too late.
  EdgeConfig config = core_config();
  config.time_lateness = 2 * ns_per_s;
  config.time_rebase_after = 2;
  WindowConfig hopping, session, count;
  hopping.length = 2 * ns_per_s;
  hopping.hop = 700 * ns_per_ms;
  hopping.emit_every = 900 * ns_per_ms;
  session.gap = 600 * ns_per_ms;
  count.samples = 50;
  count.device = "d2";
  config.windows.insert(config.windows.end(), {hopping, session, count});
  LimitConfig limit;
  limit.statistic = "rms";
  limit.unit = "g";
  limit.alert = 1;
  limit.danger = 1.1;
  limit.deadband = 0.02;
  limit.on_delay = 700 * ns_per_ms;
  config.limits = {limit};
  config.windows[0].quantiles = {"p50", "p99"};
  SpectrumConfig spectrum;
  spectrum.quantity = "acceleration";
  spectrum.bands = {"500-2000Hz"};
  spectrum.velocity_bands = {"100-1000Hz"};
  spectrum.rolloff_share = 0.85;
  spectrum.lines = 1;
  spectrum.multiples = {"1x", "2x"};
  spectrum.line_tolerance = 0.02;
  spectrum.envelope_band = "1000-4000Hz";
  spectrum.bearing_harmonics = 1;
  BearingConfig bearing;
  bearing.name = "new";
  bearing.elements = 9;
  bearing.element_diameter_mm = 8;
  bearing.pitch_diameter_mm = 40;
  config.bearings = {bearing};
  config.spectra = {spectrum};
  config.speed_age_max = 5 * ns_per_s;
  const auto rows_of = [&](bool restarts) {
    CoreRig rig(config, *points);
    for (std::size_t i = 0; i < messages.size();) {
      const std::size_t size = std::min<std::size_t>(1 + random() % 50, messages.size() - i);
      rig.step({messages.begin() + static_cast<std::ptrdiff_t>(i), messages.begin() + static_cast<std::ptrdiff_t>(i + size)});
      i += size;
      if (restarts && random() % 3 == 0) rig.restart();
    }
    std::vector<std::string> rows;
    for (const auto& row : rig.windows) rows.push_back(describe(row));
    for (const auto& row : rig.alarms) rows.push_back(describe(row));
    EXPECT_GT(rig.alarms.size(), 20u);
    return rows;
  };
  const auto expected = rows_of(false);
  EXPECT_GT(expected.size(), 300u);
  for (int round = 0; round < 5; ++round) EXPECT_EQ(rows_of(round % 2 == 1), expected);
}

TEST(Core, AWindowKeepsOfBlocksWhatItsDefinitionShows) {
  EdgeConfig config = core_config();
  WindowConfig all = config.windows[0];
  all.quantiles = {"p50"};
  config.windows[0].statistics = {"rms"};
  all.length = 2 * ns_per_s;
  config.windows.push_back(all);
  SpectrumConfig spectrum;
  spectrum.quantity = "acceleration";
  spectrum.rolloff_share = 0.85;
  config.spectra = {spectrum};
  CoreRig rig(config);
  const std::vector<float> samples(64, 1);
  rig.step({block_message({.samples = samples}),
            block_message({.sequence = 2, .start_ns = epoch_ns + 2 * ns_per_s, .samples = samples})});
  ASSERT_EQ(rig.windows.size(), 2u);
  const bool is_first_short = rig.windows[0].length_ns == ns_per_s;
  const auto& shorter = rig.windows[is_first_short ? 0 : 1];
  const auto& longer = rig.windows[is_first_short ? 1 : 0];
  EXPECT_EQ(shorter.statistics.size(), 1u);
  EXPECT_TRUE(shorter.moments->buckets.empty());
  EXPECT_FALSE(longer.moments->buckets.empty());
  EXPECT_EQ(statistic_of(longer, schema::Statistic::longest_repeat), 64);
}

// They would be those of a part of its samples.
TEST(Core, AWindowWithinWhichQuantilesWereAskedForHasNone) {
  EdgeConfig config = core_config();
  config.windows[0].length = 10 * ns_per_s;
  CoreRig rig(config);
  rig.step({block_message({.samples = {1, 2}})});
  config.windows[0].quantiles = {"p50"};
  rig.restart(config);
  const auto block_at = [](std::uint64_t sequence, int second) {
    return block_message({.sequence = sequence, .start_ns = epoch_ns + second * ns_per_s, .samples = {3, 4}});
  };
  rig.step({block_at(2, 1), block_at(3, 10), block_at(4, 20)});
  ASSERT_EQ(rig.windows.size(), 2u);
  EXPECT_TRUE(std::isnan(statistic_of(rig.windows[0], schema::Statistic::quantile)));
  EXPECT_EQ(statistic_of(rig.windows[0], schema::Statistic::mean), 2.5) << "of all four";
  EXPECT_NEAR(statistic_of(rig.windows[1], schema::Statistic::quantile), 3, 0.03);
}

TEST(Core, TheLastRowOfAWindowThatLeftTheConfigurationSaysAllThatIsKnown) {
  EdgeConfig config = core_config();
  CoreRig rig(config);
  rig.step({block_message({.samples = {3, 4}})});
  config.windows[0].length = 7 * ns_per_s;
  rig.restart(config);
  rig.step({block_message({.sequence = 2, .start_ns = epoch_ns + 2 * ns_per_s})});
  ASSERT_EQ(rig.windows.size(), 1u);
  EXPECT_EQ(rig.windows[0].length_ns, ns_per_s);
  EXPECT_EQ(rig.windows[0].state, schema::WindowState::final);
  EXPECT_DOUBLE_EQ(statistic_of(rig.windows[0], schema::Statistic::mean), 3.5);
  EXPECT_EQ(statistic_of(rig.windows[0], schema::Statistic::longest_same_sign), 2);
}

TEST(Core, AValueWhoseFourthPowerNobodyCanHoldIsOutOfRange) {
  CoreRig rig;
  rig.step({json_message(R"({"device":"t1","ts":1767225600000,"temperature":1e300,"seq":1})"),
            json_message(R"({"device":"t1","ts":1767225600100,"temperature":20.5,"seq":2})"),
            json_message(R"({"device":"t1","ts":1767225602000,"temperature":20.5,"seq":3})")});
  ASSERT_EQ(rig.windows.size(), 1u);
  EXPECT_EQ(rig.windows[0].counts->out_of_range, 1u);
  EXPECT_EQ(rig.windows[0].moments->mean, 20.5);
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
