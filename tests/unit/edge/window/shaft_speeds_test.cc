#include "edge/window/shaft_speeds.h"

#include <gtest/gtest.h>

namespace stethos::edge {
namespace {

constexpr DurationNs s = ns_per_s;

PointEntry speed_of(const std::string& machine, const std::string& unit = "rpm") {
  PointEntry entry;
  entry.machine = machine;
  entry.quantity = "rotational_speed";
  entry.unit = unit;
  return entry;
}

PointEntry vibration_of(const std::string& machine, double nominal_rpm = 0) {
  PointEntry entry;
  entry.machine = machine;
  entry.quantity = "acceleration";
  entry.unit = "g";
  entry.nominal_rpm = nominal_rpm;
  return entry;
}

class ShaftSpeedsTest : public testing::Test {
 protected:
  void note(const PointEntry& entry, TimeNs time, double value) { speeds_.note(entry, time, value, changes_); }

  ShaftSpeeds speeds_{10 * s};
  std::vector<SpeedChange> changes_;
  const PointEntry pump_ = vibration_of("pump", 1'500);
};

TEST_F(ShaftSpeedsTest, WhatTheDeviceSaysGoesFirstThenTheStreamThenThePointTable) {
  EXPECT_EQ(speeds_.at(&pump_, 100 * s, 0), (ShaftSpeed{25, schema::SpeedSource::nominal, 0}));
  note(speed_of("pump"), 95 * s, 1'200);
  EXPECT_EQ(speeds_.at(&pump_, 100 * s, 0), (ShaftSpeed{20, schema::SpeedSource::stream, 5 * s}));
  EXPECT_EQ(speeds_.at(&pump_, 100 * s, 24.5), (ShaftSpeed{24.5, schema::SpeedSource::block, 0}));
  const PointEntry fan = vibration_of("fan");
  EXPECT_EQ(speeds_.at(&fan, 100 * s, 0), ShaftSpeed{});
  EXPECT_EQ(speeds_.at(nullptr, 100 * s, 0), ShaftSpeed{});
}

TEST_F(ShaftSpeedsTest, BehindAGearTheShaftTurnsOtherwise) {
  PointEntry output = vibration_of("pump", 300);
  output.speed_ratio = 0.2;
  EXPECT_EQ(speeds_.at(&output, 100 * s, 0).hz, 5) << "nominal_rpm is of its own shaft";
  note(speed_of("pump"), 95 * s, 1'200);
  EXPECT_EQ(speeds_.at(&output, 100 * s, 0), (ShaftSpeed{4, schema::SpeedSource::stream, 5 * s}));
  EXPECT_EQ(speeds_.at(&output, 100 * s, 4.5).hz, 4.5);
}

TEST_F(ShaftSpeedsTest, TheReadingIsThatOfTheBlocksTime) {
  note(speed_of("pump"), 95 * s, 1'200);
  note(speed_of("pump", "Hz"), 99 * s, -30);
  EXPECT_EQ(speeds_.at(&pump_, 98 * s, 0).hz, 20) << "the later one had not been taken";
  EXPECT_EQ(speeds_.at(&pump_, 99 * s, 0).hz, 30) << "whichever way it turns";
  EXPECT_EQ(speeds_.at(&pump_, 94 * s, 0).source, schema::SpeedSource::nominal);
  EXPECT_EQ(speeds_.at(&pump_, 109 * s, 0).age_ns, 10 * s);
  EXPECT_EQ(speeds_.at(&pump_, 109 * s + 1, 0).source, schema::SpeedSource::nominal) << "too old";
  note(speed_of("pump"), 100 * s, 0);
  EXPECT_EQ(speeds_.at(&pump_, 101 * s, 0), (ShaftSpeed{0, schema::SpeedSource::stream, 1 * s})) << "it stands";
}

TEST_F(ShaftSpeedsTest, WhatIsNoSpeedIsNotNoted) {
  PointEntry limited = speed_of("pump");
  limited.plausible_max = 3'000;
  note(limited, 1 * s, 3'001);
  note(limited, 1 * s, std::numeric_limits<double>::quiet_NaN());
  note(speed_of("pump", "m/s"), 1 * s, 10);
  note(pump_, 1 * s, 10);
  EXPECT_TRUE(changes_.empty());
}

TEST_F(ShaftSpeedsTest, OnlyTheLastReadingsAreKeptAndCanBeRestored) {
  for (int i = 0; i < 1'000; ++i) note(speed_of("pump"), i * s, 60.0 * i);
  std::map<TimeNs, double> kept;
  for (const SpeedChange& change : changes_) {
    if (change.hz) {
      kept[change.time_ns] = *change.hz;
    } else {
      kept.erase(change.time_ns);
    }
  }
  EXPECT_EQ(kept.size(), 256U);
  EXPECT_EQ(kept.begin()->first, 744 * s);
  ShaftSpeeds restored(10 * s);
  for (const auto& [time, hz] : kept) restored.restore("pump", time, hz);
  for (const TimeNs time : {740 * s, 744 * s, 900 * s, 1'005 * s})
    EXPECT_EQ(restored.at(&pump_, time, 0), speeds_.at(&pump_, time, 0));
}

}  // namespace
}  // namespace stethos::edge
