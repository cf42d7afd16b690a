// What has not spoken for long leaves memory, and comes back as what it was.
#include <gtest/gtest.h>

#include <sstream>
#include <tuple>

#include "edge/core/limits.h"
#include "edge/spool/spool_report.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

constexpr TimeNs start_ns = epoch_ns + 3'600 * ns_per_s;
constexpr DurationNs forget_after = 1'000 * ns_per_s;
constexpr DurationNs listens = forget_after / listens_share;
constexpr DurationNs year = DurationNs{365} * 86'400 * ns_per_s;

EdgeConfig forgetting_config() {
  EdgeConfig config = core_config();
  config.ingest_forget_after = forget_after;
  return config;
}

// Of a device that is due to speak.
PointTable points() {
  return *PointTable::parse("device,channel,machine,point,axis,quantity,unit,interval\nd1,vibration,m,p,h,acceleration,g,500ms\n",
                            "points.csv");
}

Message block_at(TimeNs time_ns, std::uint64_t sequence, const std::string& device = "d1") {
  return block_message({.device = device, .sequence = sequence, .start_ns = time_ns, .received_ns = time_ns});
}

// Too far ahead of its arrival.
Message refused_block(std::uint64_t sequence, const std::string& device) {
  return block_message({.device = device, .sequence = sequence, .start_ns = start_ns + year, .received_ns = start_ns});
}

Message reading_at(TimeNs time_ns, std::uint64_t identity, const std::string& fields = R"("temperature":20)") {
  return json_message(R"({"device":"t1","ts":)" + std::to_string(time_ns / ns_per_ms) + R"(,"seq":)" + std::to_string(identity) +
                          "," + fields + "}",
                      time_ns);
}
Message refused_reading(std::uint64_t identity, TimeNs received_ns) {
  Message message = reading_at(received_ns + year, identity);
  message.received_ns = received_ns;
  return message;
}

class ForgettingTest : public testing::Test {
 protected:
  void use(const EdgeConfig& config, PointTable points = {}) { rig_ = std::make_unique<CoreRig>(config, std::move(points)); }
  const Effect& step(const std::vector<Message>& batch, TimeNs now_ns) { return rig_->step(batch, now_ns); }
  // As a process that runs does: time passes in small steps.
  void pass(TimeNs from_ns, TimeNs to_ns) {
    for (TimeNs now_ns = from_ns; now_ns < to_ns; now_ns += 50 * ns_per_s) step({}, now_ns);
    step({}, to_ns);
  }
  std::uint64_t total(Counter counter) { return rig_->core().totals()[counter]; }
  void expect_sound() {
    std::ostringstream out;
    EXPECT_TRUE(*SpoolReport::open(rig_->file())->verify(out)) << out.str();
  }
  std::vector<schema::WindowState> silence_states() const {
    std::vector<schema::WindowState> states;
    for (const auto& row : rig_->silences) states.push_back(row.state);
    return states;
  }

  std::unique_ptr<CoreRig> rig_ = std::make_unique<CoreRig>(forgetting_config());
};

TEST_F(ForgettingTest, WhatHasNotSpokenForSoLongLeavesMemory) {
  step({block_at(start_ns, 1)}, start_ns);
  pass(start_ns, start_ns + forget_after - 1);
  EXPECT_EQ(rig_->core().stream_count(), 1u);
  EXPECT_EQ(rig_->core().device_count(), 1u);
  const Effect& effect = step({}, start_ns + forget_after + ns_per_s);
  EXPECT_TRUE(effect.changed);
  EXPECT_EQ(rig_->core().stream_count(), 0u);
  EXPECT_EQ(rig_->core().device_count(), 0u);
  EXPECT_EQ(total(Counter::streams_forgotten), 1u);
  EXPECT_EQ(total(Counter::devices_forgotten), 1u);
  EXPECT_EQ(rig_->core().samples().good, 4u) << "what was counted stays counted";
  ASSERT_FALSE(rig_->windows.empty());
  EXPECT_EQ(rig_->windows.back().state, schema::WindowState::final) << "no revision follows";
  EXPECT_TRUE(rig_->spool().load()->streams.empty());
  EXPECT_TRUE(rig_->spool().load()->devices.empty());
  expect_sound();
  EXPECT_FALSE(step({}, start_ns + 2 * forget_after).changed);
}

TEST_F(ForgettingTest, WhatItSendsAgainIsADuplicate) {
  for (const bool restarts : {false, true}) {
    use(forgetting_config());
    step({block_at(start_ns, 1)}, start_ns);
    pass(start_ns, start_ns + 2 * forget_after);
    ASSERT_EQ(rig_->core().device_count(), 0u);
    if (restarts) rig_->restart();
    const TimeNs later_ns = start_ns + 3 * forget_after;
    const Effect& effect = step({block_at(start_ns, 1)}, later_ns);
    EXPECT_EQ(effect.totals[Counter::duplicate_messages], 1u);
    EXPECT_EQ(rig_->core().samples(), (SampleCounts{.good = 4, .duplicate = 4}));
    EXPECT_EQ(rig_->core().acknowledgements().size(), 1u);
    EXPECT_EQ(total(Counter::devices_returned), 1u);
    EXPECT_EQ(total(Counter::streams_returned), 1u);
    EXPECT_EQ(rig_->core().stream_count(), 1u);
    // It is on record as one that is not forgotten.
    EXPECT_EQ(rig_->spool().load()->streams.size(), 1u);
    EXPECT_EQ(rig_->spool().load()->devices.size(), 1u);
    rig_->restart();
    EXPECT_EQ(rig_->core().samples(), (SampleCounts{.good = 4, .duplicate = 4}));
    step({block_at(start_ns, 1)}, later_ns);
    EXPECT_EQ(rig_->core().samples(), (SampleCounts{.good = 4, .duplicate = 8}));
    expect_sound();
  }
}

// What says so may have left the outbox meanwhile.
TEST_F(ForgettingTest, WhatItIsIsSaidAgain) {
  for (const PointTable& table : {PointTable(), points()}) {
    use(forgetting_config(), table);
    const auto stream_rows = [](const Effect& effect) {
      std::vector<std::vector<std::uint8_t>> bodies;
      for (const NewRow& row : effect.rows) {
        if (row.kind == schema::RowKind::stream) bodies.push_back(row.body);
      }
      return bodies;
    };
    const auto first = stream_rows(step({block_at(start_ns, 1)}, start_ns));
    ASSERT_EQ(first.size(), 1u);
    pass(start_ns, start_ns + 2 * forget_after);
    ASSERT_EQ(rig_->core().stream_count(), 0u);
    const TimeNs later_ns = start_ns + 2 * forget_after;
    EXPECT_EQ(stream_rows(step({block_at(later_ns, 2)}, later_ns)), first);
    EXPECT_EQ(stream_rows(step({block_at(later_ns, 3)}, later_ns)).size(), 0u);
  }
}

TEST_F(ForgettingTest, WhatIsForItsFormerWindowsIsLateAndTheRestGoesOn) {
  step({block_at(start_ns, 1)}, start_ns);
  const std::int64_t id = rig_->spool().load()->streams.at(0).id;
  pass(start_ns, start_ns + 2 * forget_after);
  ASSERT_EQ(rig_->core().stream_count(), 0u);
  const std::size_t before = rig_->windows.size();
  const TimeNs later_ns = start_ns + 2 * forget_after;
  const Effect& effect =
      step({block_at(start_ns + 1, 2), block_at(later_ns, 3), block_at(later_ns + ns_per_s, 4)}, later_ns + ns_per_s);
  EXPECT_EQ(effect.totals[Reason::late], 1u);
  EXPECT_EQ(rig_->core().samples(), (SampleCounts{.good = 12, .late = 4}));
  ASSERT_EQ(rig_->windows.size(), before + 1);
  EXPECT_EQ(rig_->windows.back().start_ns, later_ns);
  EXPECT_EQ(rig_->spool().load()->streams.at(0).id, id);
  EXPECT_TRUE(rig_->spool().load()->devices.at(0).epochs.at(0).ranges.empty());
  expect_sound();
}

// Its clock had jumped ahead, and had come back when it fell silent.
TEST_F(ForgettingTest, WhatLiesBeforeWhereItsClockHadJumpedToIsNotLate) {
  constexpr DurationNs jump = 5 * forget_after;
  EdgeConfig config = forgetting_config();
  config.time_future_max = 2 * jump;
  config.time_rebase_after = 3;
  WindowConfig tumbling, hopping, session, count;
  tumbling.length = hopping.hop = 10 * ns_per_s;
  hopping.length = 60 * ns_per_s;
  session.gap = 5 * ns_per_s;
  count.samples = 8;
  for (const WindowConfig& window : {tumbling, hopping, session, count}) {
    config.windows = {window};
    const std::uint64_t late_where_windows_end = window.samples > 0 ? 0 : 4;
    use(config);
    std::uint64_t sequence = 0;
    const auto send = [&](TimeNs time_ns, TimeNs now_ns) {
      step({block_message({.sequence = ++sequence, .start_ns = time_ns, .received_ns = now_ns})}, now_ns);
    };
    send(start_ns, start_ns);
    send(start_ns + jump, start_ns);
    for (TimeNs i = 1; i <= config.time_rebase_after; ++i) send(start_ns + i, start_ns);
    const std::uint64_t late = rig_->core().samples().late;
    pass(start_ns, start_ns + 2 * forget_after);
    ASSERT_EQ(rig_->core().stream_count(), 0u);
    for (TimeNs i = 0; i < 10; ++i) {
      const TimeNs now_ns = start_ns + 2 * forget_after + i * 10 * ns_per_s;
      send(now_ns, now_ns);
    }
    EXPECT_EQ(rig_->core().samples().late, late);
    // The windows that it had filled are closed.
    send(start_ns + jump, start_ns + jump);
    EXPECT_EQ(rig_->core().samples().late, late + late_where_windows_end);
    send(start_ns + jump + 60 * ns_per_s, start_ns + jump + 60 * ns_per_s);
    EXPECT_EQ(rig_->core().samples().late, late + late_where_windows_end);
    expect_sound();
  }
}

TEST_F(ForgettingTest, AnotherDeviceTakesItsRoom) {
  EdgeConfig config = forgetting_config();
  config.ingest_devices_max = config.ingest_streams_max = 1;
  use(config);
  step({block_at(start_ns, 1)}, start_ns);
  const Effect& refused = step({block_at(start_ns, 1, "d2")}, start_ns);
  EXPECT_EQ(refused.totals[Reason::too_many_devices], 1u);
  pass(start_ns, start_ns + forget_after + ns_per_s);
  const TimeNs later_ns = start_ns + forget_after + ns_per_s;
  step({block_at(later_ns, 1, "d2")}, later_ns);
  EXPECT_EQ(rig_->core().samples().good, 8u);
  const Effect& returned = step({block_at(start_ns, 1)}, later_ns);
  EXPECT_EQ(returned.totals[Reason::too_many_devices], 2u) << "now there is no room for this one";
  // Streams of two ids, of which one was not in memory when the other got its own.
  rig_->restart();
  pass(later_ns, later_ns + 2 * forget_after);
  step({block_at(later_ns + 2 * forget_after, 1, "d3")}, later_ns + 2 * forget_after);
  EXPECT_EQ(rig_->spool().load()->streams.at(0).id, 3);
}

TEST_F(ForgettingTest, ARenamedChannelIsForgottenThoughItsDeviceSpeaks) {
  step({reading_at(start_ns, 1)}, start_ns);
  std::uint64_t identity = 1;
  for (TimeNs now_ns = start_ns; now_ns <= start_ns + forget_after; now_ns += 50 * ns_per_s) {
    step({reading_at(now_ns, ++identity, R"("vibration":1)")}, now_ns);
  }
  EXPECT_EQ(rig_->core().stream_count(), 1u);
  EXPECT_EQ(rig_->core().device_count(), 1u);
  const TimeNs later_ns = start_ns + forget_after + ns_per_s;
  step({reading_at(start_ns, 1)}, later_ns);
  EXPECT_EQ(rig_->core().samples().late, 1u) << "its identities are gone, but its windows are closed";
  EXPECT_EQ(rig_->core().stream_count(), 2u);
  EXPECT_EQ(total(Counter::devices_forgotten), 0u);
  expect_sound();
}

// As of a device that was never there: it takes a place with something that may be taken.
TEST_F(ForgettingTest, WhatIsOnlyRefusedBringsNothingBack) {
  step({reading_at(start_ns, 1)}, start_ns);
  pass(start_ns, start_ns + 2 * forget_after);
  ASSERT_EQ(rig_->core().stream_count(), 0u);
  const TimeNs later_ns = start_ns + 2 * forget_after;
  step({refused_reading(2, later_ns)}, later_ns);
  EXPECT_EQ(rig_->core().device_count(), 0u);
  EXPECT_EQ(rig_->core().samples(), (SampleCounts{.good = 1}));
  step({reading_at(later_ns, 3)}, later_ns);
  EXPECT_EQ(rig_->core().stream_count(), 1u);
  step({refused_reading(4, later_ns)}, later_ns);
  EXPECT_EQ(rig_->core().samples(), (SampleCounts{.good = 2, .rejected = 1}));
}

TEST_F(ForgettingTest, ChannelsThatAreOnlyRefusedStillSpeak) {
  step({reading_at(start_ns, 1)}, start_ns);
  for (TimeNs now_ns = start_ns; now_ns <= start_ns + 3 * forget_after; now_ns += 50 * ns_per_s) {
    step({refused_reading(2, now_ns)}, now_ns);
  }
  EXPECT_EQ(total(Counter::streams_forgotten), 0u);
}

TEST_F(ForgettingTest, ItsAlarmsAndItsSilenceAreClosed) {
  EdgeConfig config = forgetting_config();
  LimitConfig limit;
  limit.statistic = "peak";
  limit.unit = "g";
  limit.alert = 3;
  config.limits = {limit};
  use(config, points());
  step({block_at(start_ns, 1), block_at(start_ns + ns_per_s, 2)}, start_ns + ns_per_s);
  ASSERT_EQ(rig_->core().alarm_count(schema::AlarmLevel::alert), 1u);
  const TimeNs spoke_ns = start_ns + ns_per_s;
  pass(spoke_ns, spoke_ns + forget_after + ns_per_s);
  EXPECT_EQ(rig_->core().alarm_count(schema::AlarmLevel::alert), 0u);
  ASSERT_FALSE(rig_->alarms.empty());
  EXPECT_EQ(rig_->alarms.back().state, schema::AlarmState::withdrawn);
  EXPECT_EQ(rig_->alarms.back().activated_ns, start_ns);
  using enum schema::WindowState;
  EXPECT_EQ(silence_states(), (std::vector{open, final}));
  EXPECT_EQ(rig_->silences.back().first_start_ns, spoke_ns + ns_per_s);
  EXPECT_EQ(rig_->silences.back().windows, 969u) << "what it missed by then, less time.idle_timeout";
  expect_sound();

  // It is not due to speak until it speaks again, and what comes for the silence withdraws it.
  rig_->restart();
  const TimeNs later_ns = spoke_ns + 2 * forget_after;
  step({block_at(later_ns, 3)}, later_ns);
  step({block_at(later_ns + 2 * ns_per_s, 4), block_at(later_ns + 3 * ns_per_s, 5)}, later_ns + 3 * ns_per_s);
  EXPECT_EQ(silence_states(), (std::vector{open, final, final}));
  EXPECT_EQ(rig_->silences.back().windows, 1u);
  EXPECT_EQ(rig_->silences.back().first_start_ns, later_ns + ns_per_s);
  expect_sound();
}

TEST_F(ForgettingTest, WhatADeviceHadKeptComesAllTheSame) {
  use(forgetting_config(), points());
  step({block_at(start_ns, 1)}, start_ns);
  pass(start_ns, start_ns + 2 * forget_after);
  ASSERT_EQ(rig_->core().stream_count(), 0u);
  const TimeNs later_ns = start_ns + 2 * forget_after;
  rig_->restart();
  std::vector<Message> kept;
  for (int i = 1; i <= 10; ++i)
    kept.push_back(block_at(start_ns + DurationNs{i} * 10 * ns_per_s, static_cast<std::uint64_t>(i) + 1));
  step(kept, later_ns);
  EXPECT_EQ(rig_->core().samples(), (SampleCounts{.good = 44}));
  using enum schema::WindowState;
  auto states = silence_states();
  ASSERT_GE(states.size(), 3u);
  states.resize(3);
  EXPECT_EQ(states, (std::vector{open, final, withdrawn}));
  EXPECT_EQ(rig_->silences.at(2).first_start_ns, rig_->silences.at(1).first_start_ns);
  expect_sound();
}

TEST_F(ForgettingTest, AClockThatIsNotKnownToBeRightForgetsNothing) {
  step({block_at(start_ns, 1)}, start_ns);
  for (const TimeNs now_ns : {start_ns + 10 * year, TimeNs{0}, start_ns + 20 * year}) {
    rig_->step({}, now_ns, false);
    rig_->step({}, now_ns + 2 * listens, false);
    rig_->step({block_message({.sequence = 2, .received_ns = now_ns})}, now_ns + 3 * listens, false);
  }
  EXPECT_EQ(rig_->core().stream_count(), 1u);
  // Nor does one that is, by what such a clock said of when the stream spoke.
  rig_->restart();
  const TimeNs now_ns = start_ns + 5 * ns_per_s;
  pass(now_ns, now_ns + forget_after - ns_per_s);
  EXPECT_EQ(rig_->core().stream_count(), 1u);
  EXPECT_EQ(rig_->core().device_count(), 1u);
  pass(now_ns + forget_after, now_ns + forget_after + ns_per_s);
  EXPECT_EQ(rig_->core().stream_count(), 0u);
  EXPECT_EQ(rig_->core().device_count(), 0u);
}

TEST_F(ForgettingTest, AfterAStepOfTheClockSilencesAreMeasuredAnew) {
  step({block_at(start_ns, 1)}, start_ns);
  pass(start_ns, start_ns + forget_after / 2);
  rig_->core().note_clock_step();
  const TimeNs stepped_ns = start_ns + 10 * year;
  pass(stepped_ns, stepped_ns + forget_after - ns_per_s);
  EXPECT_EQ(rig_->core().stream_count(), 1u);
  EXPECT_EQ(rig_->core().device_count(), 1u);
  pass(stepped_ns + forget_after, stepped_ns + forget_after + ns_per_s);
  EXPECT_EQ(rig_->core().stream_count(), 0u);
  EXPECT_EQ(rig_->core().device_count(), 0u);
}

TEST_F(ForgettingTest, ANodeThatWasOffListensFirst) {
  step({block_at(start_ns, 1), block_at(start_ns, 1, "d2")}, start_ns);
  rig_->restart();
  const TimeNs now_ns = start_ns + 5 * forget_after;
  pass(now_ns, now_ns + listens - 1);
  EXPECT_EQ(rig_->core().stream_count(), 2u);
  step({block_at(now_ns, 2)}, now_ns + listens - 1);
  pass(now_ns + listens, now_ns + listens + ns_per_s);
  EXPECT_EQ(rig_->core().stream_count(), 1u) << "the other one has not spoken in that time either";
  EXPECT_EQ(rig_->core().device_count(), 1u);
}

// Silences go on over restarts: a node that is started anew again and again forgets as well.
TEST_F(ForgettingTest, RestartsDoNotKeepWhatIsSilent) {
  // A device all of whose messages are refused has sequences, and no stream.
  step({block_at(start_ns, 1), refused_block(1, "d2")}, start_ns);
  ASSERT_EQ(rig_->core().stream_count(), 1u);
  ASSERT_EQ(rig_->core().device_count(), 2u);
  for (TimeNs now_ns = start_ns; now_ns <= start_ns + forget_after; now_ns += 2 * listens) {
    rig_->restart();
    pass(now_ns, now_ns + listens + ns_per_s);
  }
  EXPECT_EQ(rig_->core().stream_count(), 0u);
  EXPECT_EQ(rig_->core().device_count(), 0u);
  step({refused_block(1, "d2")}, start_ns + 2 * forget_after);
  EXPECT_EQ(total(Counter::duplicate_messages), 1u);
}

TEST_F(ForgettingTest, OnlySoManyStayOnRecord) {
  EdgeConfig config = forgetting_config();
  config.ingest_forgotten_max = 1;
  use(config);
  step({block_at(start_ns, 1)}, start_ns);
  const TimeNs second_ns = start_ns + forget_after / 2;
  pass(start_ns, second_ns);
  step({block_at(start_ns, 1, "d2")}, second_ns);
  pass(second_ns, second_ns + forget_after + ns_per_s);
  EXPECT_EQ(total(Counter::streams_forgotten), 2u);
  EXPECT_EQ(rig_->spool().given_up().forgotten, 2u) << "a stream and a device";
  rig_->restart();
  EXPECT_EQ(rig_->spool().given_up().forgotten, 2u);
  EXPECT_EQ(rig_->core().samples(), (SampleCounts{.good = 8})) << "also of what is not known any more";
  const TimeNs later_ns = start_ns + 2 * forget_after;
  step({block_at(start_ns, 1), block_at(start_ns, 1, "d2")}, later_ns);
  EXPECT_EQ(rig_->core().samples(), (SampleCounts{.good = 12, .duplicate = 4})) << "the first one is new";
  EXPECT_EQ(rig_->spool().load()->streams.at(1).id, 3) << "and its stream as well";
  expect_sound();
}

TEST_F(ForgettingTest, AForgottenDeviceIsReplacedAsAnyOther) {
  step({block_at(start_ns, 5)}, start_ns);
  pass(start_ns, start_ns + 2 * forget_after);
  EXPECT_EQ(*rig_->spool().admit("d1"), 1u);
  EXPECT_FALSE(*rig_->spool().forgotten_device("d1"));
}

TEST_F(ForgettingTest, ManyLeaveInTurn) {
  EdgeConfig config = forgetting_config();
  config.ingest_devices_max = config.ingest_streams_max = 1'000;
  use(config);
  constexpr std::size_t count = 2 * forgotten_per_batch_max + 1;
  std::vector<Message> batch;
  for (std::size_t i = 0; i < count; ++i) batch.push_back(block_at(start_ns, 1, "d" + std::to_string(i)));
  step(batch, start_ns);
  ASSERT_EQ(rig_->core().stream_count(), count);
  step({}, start_ns + listens);
  step({}, start_ns + forget_after);
  EXPECT_EQ(rig_->core().stream_count(), count - forgotten_per_batch_max);
  pass(start_ns + forget_after + ns_per_s, start_ns + forget_after + 200 * ns_per_s);
  EXPECT_EQ(rig_->core().stream_count(), 0u);
  EXPECT_EQ(rig_->core().device_count(), 0u);
  EXPECT_EQ(rig_->spool().given_up().forgotten, 2 * (count - 100)) << "as many stay as the configuration says";
}

// Live the node looks at it while it is silent; in a replay nothing happens until it speaks again.
TEST_F(ForgettingTest, WhetherItWasLookedAtMeanwhileChangesNoWindow) {
  using Seen = std::vector<std::tuple<std::uint64_t, TimeNs, std::uint64_t, schema::WindowState>>;
  const auto rows_of = [&](bool looks) {
    EdgeConfig config = forgetting_config();
    WindowConfig counts, sessions, minutes;
    counts.samples = 10;
    sessions.gap = 10 * ns_per_s;
    minutes.length = 60 * ns_per_s;
    minutes.hop = 20 * ns_per_s;
    config.windows = {counts, sessions, minutes};
    config.time_idle_timeout = 0;
    use(config, points());
    step({block_at(start_ns, 1), block_at(start_ns + ns_per_s, 2)}, start_ns + ns_per_s);
    const TimeNs later_ns = start_ns + 2 * forget_after;
    if (looks) pass(start_ns + ns_per_s, later_ns);
    step({block_at(start_ns + 5 * ns_per_s, 3)}, later_ns);
    step({block_at(later_ns, 4)}, later_ns);
    step({block_at(later_ns + 100 * ns_per_s, 5)}, later_ns + 100 * ns_per_s);
    Seen seen;
    for (const auto& row : rig_->windows) seen.emplace_back(row.definition, row.start_ns, row.counts->good, row.state);
    std::ranges::sort(seen);
    EXPECT_EQ(rig_->core().samples(), (SampleCounts{.good = 20}))
        << "count windows take what comes, and whatever one takes is not late";
    return seen;
  };
  EXPECT_EQ(rows_of(true), rows_of(false));
}

}  // namespace
}  // namespace stethos::edge
