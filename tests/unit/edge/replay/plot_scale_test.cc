#include "edge/replay/plot_scale.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

#include "common/time_text.h"

namespace stethos::edge {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
constexpr double infinite = std::numeric_limits<double>::infinity();

std::vector<std::string> tick_labels(const PlotAxis& axis) {
  std::vector<std::string> labels;
  for (const AxisTick& tick : axis.ticks) labels.push_back(tick.label);
  return labels;
}

PlotAxis amplitudes(const std::vector<double>& values) { return amplitude_axis("", values, 4); }

TEST(PlotScale, AmplitudesBeginAtZeroAndEndAtATick) {
  EXPECT_THAT(tick_labels(amplitudes({0.7, 0.31})), testing::ElementsAre("0", "0.2", "0.4", "0.6", "0.8"));
  EXPECT_THAT(tick_labels(amplitudes({-3, 7})), testing::ElementsAre("-5", "0", "5", "10"));
  EXPECT_THAT(tick_labels(amplitudes({2, 2})), testing::ElementsAre("0", "0.5", "1", "1.5", "2"));
  EXPECT_THAT(tick_labels(amplitudes({3.7e-5})), testing::ElementsAre("0", "1e-05", "2e-05", "3e-05", "4e-05"));
}

TEST(PlotScale, WhatHasNoSizeIsDrawnFromZeroToOne) {
  for (const auto& values : std::vector<std::vector<double>>{{}, {0, 0}, {undefined}, {infinite, -infinite}, {5e-324}}) {
    const PlotAxis axis = amplitudes(values);
    EXPECT_EQ(axis.low, 0);
    EXPECT_EQ(axis.high, 1);
  }
}

TEST(PlotScale, EveryAxisHasASpanAndFewTicks) {
  for (const auto& values : std::vector<std::vector<double>>{{1.7e308, -1.7e308}, {1e-280}, {-1e-5}, {1e300, 1}}) {
    const PlotAxis axis = amplitudes(values);
    EXPECT_LT(axis.low, axis.high);
    EXPECT_TRUE(std::isfinite(axis.high - axis.low));
    EXPECT_LE(axis.ticks.size(), 10U);
  }
  for (const auto& [low, high] :
       std::vector<std::pair<double, double>>{{0, 0}, {5, 1}, {1e12, 1e12}, {0, 1e300}, {0, undefined}, {0, infinite}}) {
    const PlotAxis axis = number_axis("", low, high, 10);
    EXPECT_LT(axis.low, axis.high);
    EXPECT_LE(axis.ticks.size(), 21U);
  }
}

TEST(PlotScale, TimesHaveRoundTicksOfUtc) {
  const TimeNs ten = *parse_time("2026-11-21T10:00:00Z");
  const auto labels = [&](const char* last) { return tick_labels(time_axis(ten, *parse_time(last), 5)); };
  EXPECT_THAT(labels("2026-11-21T10:00:04Z"), testing::ElementsAre("10:00:00", "10:00:01", "10:00:02", "10:00:03", "10:00:04"));
  EXPECT_THAT(labels("2026-11-21T12:10:00Z"), testing::ElementsAre("10:00", "10:30", "11:00", "11:30", "12:00"));
  EXPECT_THAT(labels("2026-11-22T11:00:00Z"), testing::ElementsAre("12:00", "18:00", "11-22", "06:00"));
  EXPECT_THAT(labels("2026-11-24T10:00:00Z"), testing::ElementsAre("11-22", "11-23", "11-24"));
  EXPECT_THAT(labels("2027-01-02T10:00:00Z"), testing::Contains("2027-01-02"));
  EXPECT_THAT(labels("2026-11-21T10:00:00.002Z"), testing::Contains("00.0005"));
  EXPECT_EQ(time_axis(ten, *parse_time("2026-11-22T11:00:00Z"), 5).title, "2026-11-21 to 2026-11-22 UTC");
}

TEST(PlotScale, OneMomentAndAllOfTimeHaveAnAxis) {
  const TimeNs ten = *parse_time("2026-11-21T10:00:00Z");
  const PlotAxis moment = time_axis(ten, ten, 4);
  EXPECT_LT(moment.low, moment.high);
  EXPECT_THAT(tick_labels(moment), testing::ElementsAre("10:00:00"));
  const PlotAxis all = time_axis(INT64_MIN, INT64_MAX, 4);
  EXPECT_NEAR(all.high, 1.8446744e10, 1e4);
  EXPECT_THAT(all.ticks.size(), testing::AllOf(testing::Ge(2U), testing::Le(6U)));
}

TEST(PlotScale, ReducedKeepsEveryExtremeInItsColumn) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> noise;
  constexpr std::size_t count = 65'537, columns = 800;
  std::vector<PlotPoint> points;
  for (std::size_t i = 0; i < count; ++i) {
    points.push_back({static_cast<double>(i * columns) / static_cast<double>(count - 1), noise(random)});
  }
  points[777].y = 100;
  points[40'000].y = -100;
  const auto few = reduced(points, columns);
  EXPECT_LE(few.size(), 2 * columns);
  std::vector<double> low(columns, infinite), high(columns, -infinite);
  const auto column = [&](const PlotPoint& point) { return std::min(static_cast<std::size_t>(point.x), columns - 1); };
  for (const PlotPoint& point : few) {
    low[column(point)] = std::min(low[column(point)], point.y);
    high[column(point)] = std::max(high[column(point)], point.y);
  }
  for (const PlotPoint& point : points) {
    EXPECT_GE(point.y, low[column(point)]);
    EXPECT_LE(point.y, high[column(point)]);
  }
  EXPECT_TRUE(std::ranges::is_sorted(few, {}, &PlotPoint::x));
}

TEST(PlotScale, ReducedKeepsGapsOfAColumnAndLeavesFewPointsAlone) {
  std::vector<PlotPoint> points;
  for (std::size_t i = 0; i < 1'000; ++i) points.push_back({static_cast<double>(i) / 10, i >= 300 && i < 320 ? undefined : 1.0});
  points[500].y = undefined;
  const auto few = reduced(points, 100);
  EXPECT_EQ(std::ranges::count_if(few, [](const PlotPoint& point) { return std::isnan(point.y); }), 2);
  EXPECT_EQ(reduced(points, 500).size(), points.size());
}

}  // namespace
}  // namespace stethos::edge
