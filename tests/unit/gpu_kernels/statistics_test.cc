// The registry: its numbers are those of the schema, its values those of the definitions, its page the one that is kept.
#include "gpu_kernels/statistics.h"

#include <gtest/gtest.h>
#include <schemas/rows_generated.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>

#include "tests/unit/common/generated_page.h"

namespace stethos::kernels {
namespace {

double value_of(std::string_view name, const Moments& m) { return find_statistic(name)->compute(m); }

TEST(Statistics, CoverTheNumbersOfTheSchemaByTheSameNames) {
  std::size_t numbered = 0;
  for (const auto statistic : schema::EnumValuesStatistic()) {
    if (statistic == schema::Statistic::none) continue;
    ++numbered;
    const auto* definition = find_statistic(static_cast<std::uint16_t>(statistic));
    ASSERT_NE(definition, nullptr) << schema::EnumNameStatistic(statistic);
    EXPECT_EQ(definition->name, schema::EnumNameStatistic(statistic));
  }
  EXPECT_EQ(statistics().size(), numbered);
}

TEST(Statistics, AreInOrderAndFoundByNumberAndByName) {
  std::set<std::string_view> names;
  std::uint16_t previous = 0;
  for (const auto& definition : statistics()) {
    EXPECT_GT(definition.number, previous);
    previous = definition.number;
    EXPECT_TRUE(names.insert(definition.name).second) << definition.name;
    EXPECT_EQ(find_statistic(definition.name), &definition);
    EXPECT_EQ(find_statistic(definition.number), &definition);
    EXPECT_FALSE(definition.formula.empty());
    EXPECT_FALSE(definition.edge_cases.empty() && definition.name != "mean");
  }
  EXPECT_EQ(find_statistic("kurtosi"), nullptr);
  EXPECT_EQ(find_statistic(""), nullptr);
  EXPECT_EQ(find_statistic(std::uint16_t{0}), nullptr);
  EXPECT_EQ(find_statistic(std::uint16_t{999}), nullptr);
}

// Whatever the samples are, those that state a trend follow it, and each of those that state none goes both ways.
TEST(Statistics, MoreSamplesChangeThemAsTheirTrendSays) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal(0, 1);
  std::uniform_int_distribution<std::uint64_t> number(1, 100);
  std::map<std::string_view, std::pair<int, int>> moved;  // up, down
  for (int window = 0; window < 200; ++window) {
    Moments moments;
    Validity validity;
    Buckets buckets;
    std::map<std::string_view, double> before;
    const double mean = normal(random), spread = std::exp(normal(random));
    for (int sample = 0; sample < 20; ++sample) {
      const double value = mean + spread * normal(random);
      const Moments one{.count = 1,
                        .mean = value,
                        .min = value,
                        .max = value,
                        .sum_abs = std::abs(value),
                        .sum_sqrt_abs = std::sqrt(std::abs(value))};
      moments = sample == 0 ? one : merge(moments, one);
      add(buckets, bucket_of(value));
      const Validity block{.blocks = 1,
                           .blocks_of_full_scale = 1,
                           .clipped = number(random),
                           .longest_repeat = number(random),
                           .longest_same_sign = number(random),
                           .distinct_share = static_cast<double>(number(random)) / 100};
      validity = sample == 0 ? block : merge(validity, block);
      Summary summary{moments, validity, buckets};
      summary.parameter = 0.5;
      for (const auto& statistic : statistics()) {
        if (statistic.is_feature()) continue;
        const double after = statistic.compute(summary);
        if (const auto known = before.find(statistic.name); known != before.end()) {
          moved[statistic.name].first += after > known->second;
          moved[statistic.name].second += after < known->second;
        }
        if (!std::isnan(after)) before[statistic.name] = after;
      }
    }
  }
  for (const auto& statistic : statistics()) {
    if (statistic.is_feature()) {
      EXPECT_EQ(statistic.trend, Trend::any) << statistic.name;
      continue;
    }
    const auto [up, down] = moved[statistic.name];
    EXPECT_EQ(up > 0, statistic.trend != Trend::shrinks) << statistic.name;
    EXPECT_EQ(down > 0, statistic.trend != Trend::grows) << statistic.name;
  }
}

TEST(Statistics, KnownValues) {
  // Of 2, 4, 4, 4, 5, 5, 7, 9.
  const double sum_sqrt_abs = std::sqrt(2.0) + 3 * 2 + 2 * std::sqrt(5.0) + std::sqrt(7.0) + 3;
  const Moments m{
      .count = 8, .mean = 5, .m2 = 32, .m3 = 42, .m4 = 356, .min = 2, .max = 9, .sum_abs = 40, .sum_sqrt_abs = sum_sqrt_abs};
  EXPECT_DOUBLE_EQ(value_of("count", m), 8);
  EXPECT_DOUBLE_EQ(value_of("mean", m), 5);
  EXPECT_DOUBLE_EQ(value_of("standard_deviation", m), 2);
  EXPECT_DOUBLE_EQ(value_of("rms", m), std::sqrt(29.0));
  EXPECT_DOUBLE_EQ(value_of("peak", m), 9);
  EXPECT_DOUBLE_EQ(value_of("peak_to_peak", m), 7);
  EXPECT_DOUBLE_EQ(value_of("min", m), 2);
  EXPECT_DOUBLE_EQ(value_of("max", m), 9);
  EXPECT_DOUBLE_EQ(value_of("crest", m), 9 / std::sqrt(29.0));
  EXPECT_DOUBLE_EQ(value_of("shape", m), std::sqrt(29.0) / 5);
  EXPECT_DOUBLE_EQ(value_of("impulse", m), 9.0 / 5);
  EXPECT_DOUBLE_EQ(value_of("clearance", m), 9 / std::pow(sum_sqrt_abs / 8, 2));
  EXPECT_DOUBLE_EQ(value_of("skewness", m), 0.65625);
  EXPECT_DOUBLE_EQ(value_of("kurtosis", m), 2.78125);
}

TEST(Statistics, ACrestWithoutTheMeanIsThatOfTheDistances) {
  const Moments m{.count = 8, .mean = 5, .m2 = 32, .min = 2, .max = 9, .sum_abs = 40};
  EXPECT_DOUBLE_EQ(value_of("ac_crest", m), 2);
}

TEST(Statistics, WhatIsNoLongerComputedSaysWhatTookItsPlace) {
  for (const std::uint16_t number : std::initializer_list<std::uint16_t>{22, 30, 31}) {
    const StatisticDefinition& former = *find_statistic(number);
    EXPECT_TRUE(former.is_former());
    EXPECT_NE(find_statistic(former.replaced_by), nullptr) << former.replaced_by;
    EXPECT_NE(objection_to({.statistic = number, .low = 10, .high = 1'000}).find(former.replaced_by), std::string::npos);
  }
}

TEST(Statistics, PeakIsTheLargestAbsoluteValue) {
  const Moments m{.count = 2, .mean = -3, .m2 = 50, .min = -8, .max = 2, .sum_abs = 10, .sum_sqrt_abs = 4};
  EXPECT_DOUBLE_EQ(value_of("peak", m), 8);
}

TEST(Statistics, WithoutSamplesOnlyTheCountIsDefined) {
  const Moments nothing{.not_finite = 5, .out_of_range = 6};
  for (const auto& definition : statistics()) {
    if (definition.is_feature()) continue;
    const double value = definition.compute(nothing);
    if (definition.name == "count") {
      EXPECT_EQ(value, 0);
    } else {
      EXPECT_TRUE(std::isnan(value)) << definition.name << " is " << value;
    }
  }
}

TEST(Statistics, AConstantHasNoShapeOfItsDistribution) {
  const Moments constant{.count = 4, .mean = -2, .min = -2, .max = -2, .sum_abs = 8, .sum_sqrt_abs = 4 * std::sqrt(2.0)};
  EXPECT_TRUE(std::isnan(value_of("skewness", constant)));
  EXPECT_TRUE(std::isnan(value_of("kurtosis", constant)));
  EXPECT_EQ(value_of("standard_deviation", constant), 0);
  EXPECT_EQ(value_of("rms", constant), 2);
  for (const char* name : {"crest", "shape", "impulse", "clearance"}) EXPECT_DOUBLE_EQ(value_of(name, constant), 1) << name;
}

TEST(Statistics, OfZerosHaveNoRatios) {
  const Moments zeros{.count = 4, .min = 0, .max = 0};
  EXPECT_EQ(value_of("rms", zeros), 0);
  EXPECT_EQ(value_of("peak", zeros), 0);
  for (const char* name : {"crest", "shape", "impulse", "clearance", "skewness", "kurtosis"}) {
    EXPECT_TRUE(std::isnan(value_of(name, zeros))) << name;
  }
}

TEST(Statistics, ReadingsAtTheEndsOfTheRangeKeepTheirRms) {
  const Moments one = moments_of(1e200, -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity());
  EXPECT_DOUBLE_EQ(value_of("rms", one), 1e200);
  EXPECT_DOUBLE_EQ(value_of("crest", one), 1);
}

TEST(Statistics, ThePageIsTheOneThatIsKept) { test::expect_page("docs/statistics.md", statistics_page()); }

}  // namespace
}  // namespace stethos::kernels
