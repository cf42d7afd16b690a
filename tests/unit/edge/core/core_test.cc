#include "edge/core/core.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "common/time_text.h"
#include "edge/core/limits.h"
#include "edge/spool/event_time.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

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
  const Effect& gap =
      untrusted({block_message({.sequence = 1}), block_message({.sequence = 5, .lowest_held = 5})}, hour_later_ns);
  const auto is_gap = [](const NewRow& row) { return row.kind == schema::RowKind::gap; };
  const auto row = std::ranges::find_if(gap.rows, is_gap);
  ASSERT_NE(row, gap.rows.end());
  EXPECT_TRUE((*schema::open_gap_row(row->body))->clock_untrusted());
  EXPECT_FALSE(event_time_of(row->kind, row->body)) << "nobody knows when";

  const Effect& silence = untrusted({}, hour_later_ns + 100 * ns_per_s);
  ASSERT_EQ(silence.silences.size(), 1u);
  EXPECT_TRUE(silence.silences[0].clock_untrusted);

  Effect alarm;
  alarm.clock_trusted = false;
  alarm.alarm_rows.emplace_back().device = "d1";
  pack_rows(alarm, hour_later_ns);
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
  rig.step({}, hour_later_ns + 29 * ns_per_s);
  EXPECT_TRUE(rig.windows.empty());
  rig.step({}, hour_later_ns + 31 * ns_per_s);
  ASSERT_EQ(rig.windows.size(), 1u);
  EXPECT_EQ(rig.windows[0].state, schema::WindowState::open);
  rig.step({}, hour_later_ns + 90 * ns_per_s);
  EXPECT_EQ(rig.windows.size(), 1u);  // nothing has changed
  rig.step({block_message({.sequence = 2, .start_ns = epoch_ns + 1, .received_ns = hour_later_ns + 91 * ns_per_s})},
           hour_later_ns + 91 * ns_per_s);
  rig.step({block_message({.sequence = 3, .start_ns = epoch_ns + ns_per_s, .received_ns = hour_later_ns + 92 * ns_per_s})},
           hour_later_ns + 92 * ns_per_s);
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
  const auto sent = [&](TimeNs hour_later_ns) {
    rig.windows.clear();
    rig.step({}, hour_later_ns);
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
  const Effect& effect = rig.step({block_message(
      {.sequence = 2, .start_ns = epoch_ns + 2 * ns_per_s, .complete_until_ns = hour_later_ns + 3'600 * ns_per_s})});
  EXPECT_EQ(reason_of(effect), "time_future");
}

// It may be years ahead, and nobody can judge.
TEST(Core, WhatADeviceDeclaresCompleteByAnUntrustedClockReachesNoFurtherThanItsSamples) {
  CoreRig rig;
  const TimeNs hour_later_ns = epoch_ns + 60 * ns_per_s;
  const auto says = [&](std::uint64_t sequence, TimeNs start_ns, TimeNs complete_ns, const std::string& channel = "vibration") {
    Message message = block_message({.sequence = sequence,
                                     .start_ns = start_ns,
                                     .complete_until_ns = complete_ns,
                                     .received_ns = hour_later_ns,
                                     .channel = channel});
    message.clock_untrusted = true;
    return message;
  };
  rig.step(
      {says(1, epoch_ns, epoch_ns), says(2, epoch_ns + 3 * ns_per_s, epoch_ns + DurationNs{365} * 86'400 * ns_per_s, "other")},
      hour_later_ns, false);
  ASSERT_EQ(rig.windows.size(), 1u) << "the silent channel's: the device's other one was there";
  EXPECT_EQ(rig.windows[0].channel, "vibration");
  const Effect& effect = rig.step({says(3, epoch_ns + 4 * ns_per_s, epoch_ns)}, hour_later_ns, false);
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

TEST(Core, DevicesAndStreamsAreBounded) {
  EdgeConfig config = core_config();
  config.ingest_devices_max = 2;
  config.ingest_streams_max = 1;
  CoreRig rig(config);
  rig.step({block_message({.device = "a"})});
  EXPECT_EQ(reason_of(rig.step({block_message({.device = "b"})})), "too_many_streams");
  EXPECT_EQ(reason_of(rig.step({block_message({.device = "c"})})), "too_many_devices");
}

}  // namespace
}  // namespace stethos::edge
