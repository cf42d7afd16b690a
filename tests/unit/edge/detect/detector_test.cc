// Limits, windows by windows: the levels of an alarm, and the rows that say so.
#include "edge/detect/detector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

using schema::AlarmLevel;
using schema::AlarmState;

constexpr double none = std::numeric_limits<double>::quiet_NaN();

Limit limit_above(double alert, double danger) {
  Limit limit;
  limit.alert = alert;
  limit.danger = danger;
  return limit;
}

Limit limit_below(double alert, double danger) {
  Limit limit = limit_above(alert, danger);
  limit.direction = schema::LimitDirection::below;
  return limit;
}

// The level after each of these values, a window of a second each: '.', 'A' or 'D'.
std::string levels(const Limit& limit, const std::vector<double>& values) {
  std::string out;
  Alarm alarm;
  for (const double value : values) {
    follow(limit, static_cast<TimeNs>(out.size()) * ns_per_s, value, alarm);
    out += ".AD"[static_cast<int>(alarm.level)];
  }
  return out;
}

TEST(Follow, TheLevelIsThatOfTheFurthestValueExceeded) {
  EXPECT_EQ(levels(limit_above(2, 5), {2, 3, 6, 4, 2}), ".ADA.");
  EXPECT_EQ(levels(limit_above(2, 5), {6, 1}), "D.");
  EXPECT_EQ(levels(limit_below(5, 2), {5, 4, 1, 3, 5}), ".ADA.");
  EXPECT_EQ(levels(limit_above(2, none), {1, 9, 1}), ".A.");
  EXPECT_EQ(levels(limit_above(none, 5), {3, 6, 3}), ".D.");
}

TEST(Follow, ALevelIsLeftBehindTheDeadband) {
  Limit limit = limit_above(10, 20);
  limit.deadband = 2;
  EXPECT_EQ(levels(limit, {9, 11, 9, 8, 9, 21, 19, 18, 9, 8}), ".AA..DDAA.");
  limit = limit_below(10, 5);
  limit.deadband = 1;
  EXPECT_EQ(levels(limit, {9, 10.5, 11, 4, 5.5, 6, 11}), "AA.DDA.");
}

TEST(Follow, EachLevelHasItsOnDelay) {
  Limit limit = limit_above(2, 5);
  limit.on_delay_ns = 2 * ns_per_s;
  EXPECT_EQ(levels(limit, {3, 3, 1, 3, 3, 3, 1}), ".....A.");
  EXPECT_EQ(levels(limit, {3, 6, 6, 3, 6, 6, 6}), "..AAAAD");
  EXPECT_EQ(levels(limit, {6, 6, 6}), "..D");
}

TEST(Follow, AValueThatIsNotDefinedNeitherRaisesNorClears) {
  Limit limit = limit_above(2, 5);
  EXPECT_EQ(levels(limit, {none, 3, none, 6, none, 1}), ".AADD.");
  limit.on_delay_ns = 2 * ns_per_s;
  EXPECT_EQ(levels(limit, {3, none, none, 3}), "...A");
}

TEST(Follow, AWindowBeforeTheLastChangeIsNotLookedAt) {
  const Limit limit = limit_above(2, 5);
  Alarm alarm;
  EXPECT_TRUE(follow(limit, 10 * ns_per_s, 3, alarm));
  EXPECT_FALSE(follow(limit, 9 * ns_per_s, 1, alarm));
  EXPECT_EQ(alarm.level, AlarmLevel::alert);
  EXPECT_TRUE(follow(limit, 11 * ns_per_s, 1, alarm));
}

// Windows of a second, held against rms of 2 and 5 g.
EdgeConfig watched(LimitConfig limit = {}) {
  EdgeConfig config = core_config();
  limit.statistic = "rms";
  limit.unit = "g";
  limit.alert = 2;
  limit.danger = 5;
  config.limits = {limit};
  return config;
}

// Of the window that starts so many seconds after the epoch; sequences are in step.
Message second(int at, float rms) {
  BlockSpec spec;
  spec.sequence = static_cast<std::uint64_t>(at) + 1;
  spec.start_ns = epoch_ns + at * ns_per_s;
  spec.samples = {rms, -rms};
  return block_message(spec);
}

TEST(Detector, AnAlarmIsOneIdentityWithARevisionAChange) {
  CoreRig rig(watched());
  int at = 0;
  for (const float rms : {1.F, 3.F, 3.F, 6.F, 4.F, 1.F, 1.F}) rig.step({second(at++, rms)});
  ASSERT_EQ(rig.alarms.size(), 4u);
  const auto& first = rig.alarms[0];
  EXPECT_EQ(first.device, "d1");
  EXPECT_EQ(first.channel, "vibration");
  EXPECT_EQ(first.activated_ns, epoch_ns + ns_per_s);
  EXPECT_EQ(first.changed_ns, epoch_ns + ns_per_s);
  EXPECT_EQ(first.revision, 0u);
  EXPECT_EQ(first.state, AlarmState::active);
  EXPECT_EQ(first.level, AlarmLevel::alert);
  EXPECT_EQ(first.value, 3);
  EXPECT_EQ(first.statistic, static_cast<std::uint16_t>(schema::Statistic::rms));
  EXPECT_EQ(first.unit, "g");
  EXPECT_EQ(first.alert, 2);
  EXPECT_EQ(first.danger, 5);
  EXPECT_EQ(first.length_ns, ns_per_s);
  EXPECT_EQ(first.definition, rig.windows.at(0).definition);
  EXPECT_EQ(first.stream_version, rig.windows.at(0).stream_version);
  EXPECT_EQ(first.provenance, rig.windows.at(0).provenance);
  const AlarmLevel levels[] = {AlarmLevel::alert, AlarmLevel::danger, AlarmLevel::alert, AlarmLevel::none};
  const AlarmLevel highest[] = {AlarmLevel::alert, AlarmLevel::danger, AlarmLevel::danger, AlarmLevel::danger};
  const double values[] = {3, 6, 4, 1};
  const int changed[] = {1, 3, 4, 5};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(rig.alarms[i].limit, first.limit);
    EXPECT_EQ(rig.alarms[i].activated_ns, first.activated_ns);
    EXPECT_EQ(rig.alarms[i].revision, i);
    EXPECT_EQ(rig.alarms[i].level, levels[i]);
    EXPECT_EQ(rig.alarms[i].highest_level, highest[i]);
    EXPECT_EQ(rig.alarms[i].value, values[i]);
    EXPECT_EQ(rig.alarms[i].changed_ns, epoch_ns + changed[i] * ns_per_s);
  }
  EXPECT_EQ(rig.alarms[3].state, AlarmState::inactive);
  EXPECT_EQ(rig.core().totals()[Counter::alarm_rows], 4u);
  EXPECT_EQ(rig.core().alarm_count(AlarmLevel::alert), 0u);
}

TEST(Detector, ARestartWithinAnOnDelayOrAnAlarmChangesNothing) {
  LimitConfig limit;
  limit.on_delay = 2 * ns_per_s;
  CoreRig rig(watched(limit));
  int at = 0;
  for (const float rms : {3.F, 3.F, 3.F, 6.F, 6.F, 6.F, 1.F, 1.F}) {
    rig.step({second(at++, rms)});
    rig.restart();
  }
  ASSERT_EQ(rig.alarms.size(), 3u);
  const int changed[] = {2, 5, 6};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(rig.alarms[i].activated_ns, epoch_ns);
    EXPECT_EQ(rig.alarms[i].revision, i);
    EXPECT_EQ(rig.alarms[i].changed_ns, epoch_ns + changed[i] * ns_per_s);
  }
}

// A revision of a window, and a window that only late data made, are no news.
TEST(Detector, LateDataChangeNoAlarm) {
  EdgeConfig config = watched();
  config.time_lateness = 60 * ns_per_s;
  CoreRig rig(config);
  rig.step({second(0, 1), second(2, 1), second(3, 1)});
  BlockSpec late;
  late.sequence = 100;
  late.samples = {100, 100, 100, 100};
  rig.step({block_message(late)});
  rig.step({second(1, 100), second(4, 1), second(5, 1)});
  EXPECT_TRUE(std::ranges::any_of(rig.windows, [](const auto& row) { return row.revision > 0; }));
  EXPECT_EQ(std::ranges::count(rig.windows, epoch_ns + ns_per_s, &schema::WindowRowT::start_ns), 1);
  EXPECT_TRUE(rig.alarms.empty());
}

// The watermark goes back with the clock, and passes the end of a window a second time.
TEST(Detector, AWindowIsLookedAtOnceThoughItsTimeComesAgain) {
  EdgeConfig config = watched();
  config.time_lateness = 10 * ns_per_s;
  config.time_rebase_after = 2;
  CoreRig rig(config);
  std::uint64_t sequence = 0;
  const auto sent = [&](int at, std::vector<float> samples) {
    BlockSpec spec;
    spec.sequence = ++sequence;
    spec.start_ns = epoch_ns + at * ns_per_s;
    spec.samples = std::move(samples);
    return block_message(spec);
  };
  rig.step({sent(0, {1}), sent(1, {1}), sent(100, {3}), sent(101, {3})});
  ASSERT_EQ(rig.alarms.size(), 1u);
  rig.step({sent(2, {1}), sent(3, {1}), sent(4, {1})});
  EXPECT_EQ(rig.core().totals()[Counter::streams_rebased], 1u);
  rig.step({sent(100, {0, 0, 0, 0, 0}), sent(101, {3}), sent(102, {3})});
  EXPECT_EQ(std::ranges::count(rig.windows, epoch_ns + 100 * ns_per_s, &schema::WindowRowT::start_ns), 2);
  EXPECT_EQ(rig.alarms.size(), 1u);
}

TEST(Detector, AWindowWithoutGoodSamplesSaysNothing) {
  EdgeConfig config = watched();
  config.limits[0].statistic = "count";
  config.limits[0].unit = "1";
  config.limits[0].direction = schema::LimitDirection::below;
  config.limits[0].danger = 1;
  CoreRig rig(config);
  rig.step({second(0, std::numeric_limits<float>::quiet_NaN()), second(1, 1), second(2, 1)});
  ASSERT_EQ(rig.windows.size(), 2u);
  EXPECT_EQ(rig.windows[0].counts->good, 0u);
  EXPECT_TRUE(rig.alarms.empty());
}

// More samples may lower its rms.
TEST(Detector, AnOpenWindowThatMayComeBackIsNotLookedAt) {
  CoreRig rig(watched());
  rig.step({second(0, 3)});
  rig.step({}, epoch_ns + 7'200 * ns_per_s);
  ASSERT_EQ(rig.windows.size(), 1u);
  EXPECT_EQ(rig.windows[0].state, schema::WindowState::open);
  EXPECT_TRUE(rig.alarms.empty());
}

// Temperatures, held against a maximum of 60 and 90 degC.
EdgeConfig oven(LimitConfig limit = {}) {
  EdgeConfig config = core_config();
  limit.statistic = "max";
  limit.unit = "degC";
  limit.alert = 60;
  limit.danger = 90;
  config.limits = {limit};
  return config;
}

// A core in the time of day, which hears of temperatures so many seconds after the epoch.
class OvenRig : public CoreRig {
 public:
  using CoreRig::CoreRig;

  void hear(const std::vector<std::pair<double, double>>& readings) {
    now_ns_ += ns_per_s;
    std::vector<Message> messages;
    for (const auto& [at, value] : readings) {
      const std::string ms = std::to_string(epoch_ns / ns_per_ms + std::llround(at * 1000));
      messages.push_back(json_message("{\"device\":\"oven\",\"ts\":" + ms + ",\"seq\":" + std::to_string(++sequence_) +
                                          ",\"temperature\":" + std::to_string(value) + "}",
                                      now_ns_));
    }
    step(messages, now_ns_);
  }
  // How long a stream is silent is measured from the first step after a start.
  void fall_idle() {
    step({}, now_ns_);
    step({}, now_ns_ += 60 * ns_per_s);
  }

 private:
  TimeNs now_ns_ = epoch_ns + 3'600 * ns_per_s;
  int sequence_ = 0;
};

// What a row says: its state, its level and what is provisional beyond that, from the second in which the alarm was activated.
std::string text_of(const schema::AlarmRowT& row) {
  return std::string(schema::EnumNameAlarmState(row.state)) + " " + schema::EnumNameAlarmLevel(row.level) + " " +
         schema::EnumNameAlarmLevel(row.provisional_level) + " since " + std::to_string((row.activated_ns - epoch_ns) / ns_per_s);
}

std::vector<std::string> texts_of(const std::vector<schema::AlarmRowT>& rows) {
  std::vector<std::string> texts;
  for (const auto& row : rows) texts.push_back(text_of(row));
  return texts;
}

using Texts = std::vector<std::string>;

TEST(ProvisionalAlarm, ADangerAndThenSilenceIsTold) {
  OvenRig rig(oven());
  rig.hear({{0, 20}, {1, 200}});
  EXPECT_TRUE(rig.alarms.empty());
  rig.fall_idle();
  ASSERT_EQ(texts_of(rig.alarms), Texts({"provisional none danger since 1"}));
  EXPECT_EQ(rig.alarms[0].value, 200);
  EXPECT_EQ(rig.alarms[0].highest_level, AlarmLevel::none);
  EXPECT_EQ(rig.alarms[0].changed_ns, epoch_ns + ns_per_s);
  EXPECT_EQ(rig.core().alarm_count(AlarmLevel::danger), 0u);
  EXPECT_EQ(rig.core().provisional_alarm_count(AlarmLevel::danger), 1u);
  // Neither time, a restart, nor what does not raise it is news.
  rig.fall_idle();
  rig.restart();
  rig.fall_idle();
  rig.hear({{1.5, 30}});
  rig.fall_idle();
  EXPECT_EQ(rig.alarms.size(), 1u);
  rig.hear({{2, 20}});
  EXPECT_EQ(texts_of(rig.alarms), Texts({"provisional none danger since 1", "active danger none since 1"}));
  EXPECT_EQ(rig.alarms[1].revision, 1u);
  EXPECT_EQ(rig.alarms[1].highest_level, AlarmLevel::danger);
  EXPECT_EQ(rig.core().provisional_alarm_count(AlarmLevel::danger), 0u);
  rig.hear({{3, 20}});
  EXPECT_EQ(text_of(rig.alarms.back()), "inactive none none since 1");
  EXPECT_EQ(rig.core().totals()[Counter::alarm_rows], 3u);
}

TEST(ProvisionalAlarm, AHigherLevelOfTheSameWindowIsTold) {
  OvenRig rig(oven());
  rig.hear({{1, 70}});
  rig.fall_idle();
  rig.hear({{1.5, 200}});
  rig.fall_idle();
  rig.hear({{2, 20}});
  EXPECT_EQ(texts_of(rig.alarms),
            Texts({"provisional none alert since 1", "provisional none danger since 1", "active danger none since 1"}));
}

// What the on-delay has not let pass is taken back, and is the same alarm when it does.
TEST(ProvisionalAlarm, AnOnDelayDoesNotKeepItBackAndDoesNotConfirmIt) {
  LimitConfig limit;
  limit.on_delay = ns_per_s;
  OvenRig rig(oven(limit));
  rig.hear({{1, 200}});
  rig.fall_idle();
  rig.hear({{2, 200}});
  EXPECT_EQ(texts_of(rig.alarms), Texts({"provisional none danger since 1", "withdrawn none none since 1"}));
  EXPECT_TRUE(std::isnan(rig.alarms[1].value));
  EXPECT_EQ(rig.alarms[1].changed_ns, epoch_ns + ns_per_s);
  EXPECT_EQ(rig.alarms[1].highest_level, AlarmLevel::none);
  rig.restart();
  rig.fall_idle();
  EXPECT_EQ(text_of(rig.alarms.back()), "provisional none danger since 1");
  rig.restart();
  rig.hear({{3, 20}});
  EXPECT_EQ(text_of(rig.alarms.back()), "active danger none since 1");
  for (std::size_t i = 0; i < rig.alarms.size(); ++i) EXPECT_EQ(rig.alarms[i].revision, i);
  EXPECT_EQ(rig.alarms.size(), 4u);
}

// It is not hidden among those that are provisional: what is confirmed stays said.
TEST(ProvisionalAlarm, AnActiveAlarmStaysActive) {
  LimitConfig limit;
  limit.on_delay = ns_per_s;
  OvenRig rig(oven(limit));
  rig.hear({{1, 70}, {2, 70}, {3, 200}});
  rig.fall_idle();
  rig.hear({{4, 70}});
  EXPECT_EQ(texts_of(rig.alarms),
            Texts({"active alert none since 1", "active alert danger since 1", "active alert none since 1"}));
  EXPECT_EQ(rig.alarms[1].value, 200);
  EXPECT_EQ(rig.alarms[2].highest_level, AlarmLevel::alert);
}

// Within the deadband a level is kept, and none is taken.
TEST(ProvisionalAlarm, TheDeadbandIsThatOfAnAlarm) {
  LimitConfig limit;
  limit.deadband = 5;
  OvenRig rig(oven(limit));
  rig.hear({{1, 57}});
  rig.fall_idle();
  EXPECT_TRUE(rig.alarms.empty());
  rig.hear({{2, 61}, {3, 57}});
  rig.fall_idle();
  rig.hear({{4, 91}});
  rig.fall_idle();
  rig.hear({{5, 86}, {6, 20}});
  EXPECT_EQ(texts_of(rig.alarms),
            Texts({"active alert none since 2", "active alert danger since 2", "active danger none since 2"}));
}

// Two windows are open at once, and the first one exceeds the limit only later: then it is another alarm.
TEST(ProvisionalAlarm, AnEarlierExcessIsAnotherAlarm) {
  EdgeConfig config = oven();
  config.time_watermark_delay = 5 * ns_per_s;
  OvenRig rig(config);
  rig.hear({{1, 20}, {3, 70}});
  rig.fall_idle();
  rig.hear({{1.5, 70}, {7, 20}});
  rig.hear({{8, 20}, {9, 20}});
  EXPECT_EQ(texts_of(rig.alarms),
            Texts({"provisional none alert since 3", "withdrawn none none since 3", "active alert none since 1"}));
}

// The alarm that was told first is over, and what stands beyond it is one of its own; the collector takes each change for new.
TEST(ProvisionalAlarm, WhatIsBetweenEndsTheAlarmNotWhatIsProvisional) {
  EdgeConfig config = oven();
  config.time_watermark_delay = 5 * ns_per_s;
  OvenRig rig(config);
  rig.hear({{1, 70}, {2, 20}, {3, 200}});
  rig.fall_idle();
  rig.hear({{7, 20}});
  rig.hear({{8, 20}});
  rig.hear({{9, 20}});
  rig.hear({{13, 20}});
  EXPECT_EQ(texts_of(rig.alarms),
            Texts({"provisional none alert since 1", "provisional none danger since 1", "active alert danger since 1",
                   "inactive none none since 1", "provisional none danger since 3", "active danger none since 3",
                   "inactive none none since 3"}));
  for (std::size_t i = 0; i < rig.alarms.size(); ++i) EXPECT_EQ(rig.alarms[i].revision, i);
  std::vector<AlarmLevel> highest;
  for (const schema::AlarmRowT& row : rig.alarms) highest.push_back(row.highest_level);
  EXPECT_EQ(highest, (std::vector{AlarmLevel::none, AlarmLevel::none, AlarmLevel::alert, AlarmLevel::alert, AlarmLevel::none,
                                  AlarmLevel::danger, AlarmLevel::danger}));
}

// What was sent as open before its stream fell idle is not sent again then.
TEST(ProvisionalAlarm, AWindowThatWasSentAlreadyIsLookedAt) {
  EdgeConfig config = oven();
  config.windows[0].length = 10 * ns_per_s;
  config.windows[0].emit_every = ns_per_s;
  OvenRig rig(config);
  rig.hear({{0, 20}, {1, 200}});
  ASSERT_EQ(rig.windows.size(), 1u);
  ASSERT_TRUE(rig.alarms.empty());
  rig.fall_idle();
  EXPECT_EQ(texts_of(rig.alarms), Texts({"provisional none danger since 0"}));
}

TEST(ProvisionalAlarm, ItIsWithdrawnWithItsLimit) {
  OvenRig rig(oven());
  rig.hear({{1, 200}});
  rig.fall_idle();
  LimitConfig other;
  other.deadband = 1;
  rig.restart(oven(other));
  rig.fall_idle();
  ASSERT_EQ(texts_of(rig.alarms),
            Texts({"provisional none danger since 1", "withdrawn none none since 1", "provisional none danger since 1"}));
  EXPECT_EQ(rig.alarms[1].limit, rig.alarms[0].limit);
  EXPECT_EQ(rig.alarms[1].revision, 1u);
  EXPECT_NE(rig.alarms[2].limit, rig.alarms[0].limit);
  EXPECT_EQ(rig.alarms[2].revision, 0u);
}

TEST(ProvisionalAlarm, ItIsConfirmedAndThenWithdrawnWhenItsStreamBecomesAnother) {
  const auto points = PointTable::parse(
      "device,channel,machine,point,axis,quantity,unit,valid_from\n"
      "d1,vibration,m,p,h,acceleration,g,\n"
      "d1,vibration,m,p,h,velocity,mm/s,2026-01-01T00:01:00Z\n",
      "points.csv");
  ASSERT_TRUE(points);
  EdgeConfig config = watched();
  config.limits[0].statistic = "peak";
  CoreRig rig(config, *points);
  rig.step({second(0, 3)});
  const TimeNs later = epoch_ns + 3'700 * ns_per_s;
  rig.step({}, later);
  BlockSpec other;
  other.sequence = 2;
  other.start_ns = epoch_ns + 3'000 * ns_per_s;
  other.quantity = "velocity";
  other.unit = "mm/s";
  rig.step({block_message(other)}, later);
  // The window that the cut ends is looked at for good first.
  EXPECT_EQ(texts_of(rig.alarms),
            Texts({"provisional none alert since 0", "active alert none since 0", "withdrawn none none since 0"}));
}

TEST(ProvisionalAlarm, OnlyWhatMoreSamplesCannotTakeBack) {
  using enum schema::LimitDirection;
  const std::pair<const char*, schema::LimitDirection> cases[] = {{"max", above},  {"peak", above}, {"peak_to_peak", above},
                                                                  {"min", below},  {"max", below},  {"min", above},
                                                                  {"mean", above}, {"rms", above},  {"quantile.p95", above}};
  std::string told;
  for (const auto& [statistic, direction] : cases) {
    EdgeConfig config = oven();
    config.windows[0].quantiles = {"p95"};
    config.limits[0].statistic = statistic;
    config.limits[0].direction = direction;
    config.limits[0].danger = none;
    OvenRig rig(config);
    rig.hear({{1, direction == above ? 100 : -100}, {1.1, direction == above ? 200 : -200}});
    rig.fall_idle();
    told += rig.alarms.empty() ? '.' : 'p';
  }
  EXPECT_EQ(told, "pppp.....");
}

// What final windows say of alarms, without their revisions: what is provisional is left out.
std::vector<std::string> confirmed(const std::vector<schema::AlarmRowT>& rows) {
  std::vector<std::string> out;
  AlarmLevel level = AlarmLevel::none;
  for (const auto& row : rows) {
    const bool is_active = row.state == AlarmState::active || row.state == AlarmState::inactive;
    if (!is_active || row.level == level) continue;
    level = row.level;
    out.push_back(std::to_string((row.activated_ns - epoch_ns) / ns_per_ms) + " " +
                  std::to_string((row.changed_ns - epoch_ns) / ns_per_ms) + " " + std::to_string(row.value) + " " +
                  schema::EnumNameAlarmLevel(row.level) + " " + schema::EnumNameAlarmLevel(row.highest_level));
  }
  return out;
}

// However often a stream falls idle: the same alarms as where none is ever idle, as in a replay. And the collector, which keeps
// the highest revision of each, ends with what the edge said last of it.
TEST(ProvisionalAlarm, WhatIsConfirmedDoesNotDependOnIt) {
  std::size_t provisional = 0, changes = 0;
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&random](std::uint32_t limit) { return static_cast<int>(random() % limit); };
    LimitConfig limit;
    limit.deadband = below(2) * 5;
    limit.on_delay = below(3) * ns_per_s;
    EdgeConfig config = oven(limit);
    config.time_watermark_delay = below(3) * (2 * ns_per_s);
    config.windows[0].length = (1 + below(3)) * ns_per_s;
    config.windows[0].hop = config.windows[0].length > ns_per_s && below(2) == 0 ? ns_per_s : 0;
    EdgeConfig never_idle = config;
    never_idle.time_idle_timeout = 0;
    OvenRig with(config), without(never_idle);
    double at = 5;
    std::vector<std::pair<double, double>> heard, all;
    for (int i = 0; i < 60; ++i) {
      at += 0.1 * (1 + below(10));
      const double values[] = {20, 58, 70, 87, 200};
      const double behind = config.time_watermark_delay > 0 && below(4) == 0 ? 0.05 + below(15) * 0.1 : 0;
      heard.emplace_back(at - behind, values[below(5)]);
      all.push_back(heard.back());
      if (below(3) != 0) continue;
      with.hear(std::exchange(heard, {}));
      with.fall_idle();
      if (below(8) == 0) with.restart();
    }
    with.hear(heard);
    without.hear(all);
    EXPECT_EQ(confirmed(with.alarms), confirmed(without.alarms)) << "seed " << seed;
    std::map<TimeNs, std::uint32_t> next;  // by activation: more than the last revision
    for (const auto& row : with.alarms) {
      EXPECT_GE(row.revision, next[row.activated_ns]) << "seed " << seed;
      next[row.activated_ns] = row.revision + 1;
      provisional += row.state == AlarmState::provisional;
    }
    changes += without.alarms.size();
  }
  EXPECT_GT(provisional, 20u);
  EXPECT_GT(changes, 100u);
}

TEST(Detector, ALimitThatIsNoLongerConfiguredWithdrawsItsAlarm) {
  CoreRig rig(watched());
  rig.step({second(0, 6), second(1, 1)});
  EXPECT_EQ(rig.core().alarm_count(AlarmLevel::danger), 1u);
  LimitConfig other;
  other.deadband = 1;
  rig.restart(watched(other));
  rig.step({});
  ASSERT_EQ(rig.alarms.size(), 2u);
  EXPECT_EQ(rig.alarms[1].limit, rig.alarms[0].limit);
  EXPECT_EQ(rig.alarms[1].activated_ns, rig.alarms[0].activated_ns);
  EXPECT_EQ(rig.alarms[1].revision, 1u);
  EXPECT_EQ(rig.alarms[1].state, AlarmState::withdrawn);
  EXPECT_EQ(rig.alarms[1].level, AlarmLevel::none);
  EXPECT_EQ(rig.alarms[1].highest_level, AlarmLevel::danger);
  EXPECT_EQ(rig.alarms[1].changed_ns, epoch_ns + ns_per_s);
  EXPECT_TRUE(std::isnan(rig.alarms[1].value));
  rig.restart();
  rig.step({second(2, 1)});
  EXPECT_EQ(rig.alarms.size(), 2u);
}

TEST(Detector, AStreamThatBecomesAnotherWithdrawsItsAlarms) {
  const auto points = PointTable::parse(
      "device,channel,machine,point,axis,quantity,unit,valid_from\n"
      "d1,vibration,m,p,h,acceleration,g,\n"
      "d1,vibration,m,p,h,velocity,mm/s,2026-01-01T00:01:00Z\n",
      "points.csv");
  ASSERT_TRUE(points);
  CoreRig rig(watched(), *points);
  BlockSpec other;
  other.sequence = 3;
  other.start_ns = epoch_ns + 3'000 * ns_per_s;
  other.quantity = "velocity";
  other.unit = "mm/s";
  BlockSpec another = other;
  another.sequence = 4;
  another.start_ns += ns_per_s;
  // The alarm's window, and what makes the stream another, in one batch.
  rig.step({second(0, 3), second(1, 3), block_message(other), block_message(another)});
  ASSERT_EQ(rig.alarms.size(), 2u);
  EXPECT_EQ(rig.alarms[0].state, AlarmState::active);
  EXPECT_EQ(rig.alarms[1].state, AlarmState::withdrawn);
  EXPECT_EQ(rig.core().totals()[Counter::limit_units_differ], 1u);
}

TEST(Detector, FiltersSayWhatIsWatched) {
  LimitConfig elsewhere;
  elsewhere.channel = "other";
  CoreRig rig(watched(elsewhere));
  rig.step({second(0, 3), second(1, 1)});
  EXPECT_TRUE(rig.alarms.empty());

  EdgeConfig config = watched();
  WindowConfig longer;
  longer.length = 2 * ns_per_s;
  config.windows.push_back(longer);
  CoreRig both(config);
  both.step({second(0, 3), second(1, 3), second(2, 1), second(3, 1)});
  ASSERT_EQ(both.alarms.size(), 3u);  // of the longer one: active; of the shorter one: active, inactive
  EXPECT_NE(both.alarms[0].limit, both.alarms[1].limit);

  config.limits[0].window = 2 * ns_per_s;
  CoreRig one(config);
  one.step({second(0, 3), second(1, 3), second(2, 1), second(3, 1)});
  ASSERT_EQ(one.alarms.size(), 1u);
  EXPECT_EQ(one.alarms[0].length_ns, 2 * ns_per_s);
}

}  // namespace
}  // namespace stethos::edge
