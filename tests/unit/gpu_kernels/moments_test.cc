// The laws of merging: nothing changes nothing, order matters only in the last bits, parts make the whole.
#include "gpu_kernels/moments.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "gpu_kernels/tolerances.h"
#include "tests/unit/gpu_kernels/oracle.h"

namespace stethos::kernels {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Moments of(double sample) { return moments_of(sample, -infinity, infinity); }

Moments of_all(std::span<const double> samples) {
  Moments all;
  for (const double sample : samples) all = merge(all, of(sample));
  return all;
}

// Halves merged into wholes, as windows merge their panes.
Moments tree_of(std::span<const double> samples) {
  if (samples.size() == 1) return of(samples.front());
  const auto half = samples.size() / 2;
  return merge(tree_of(samples.first(half)), tree_of(samples.subspan(half)));
}

std::vector<double> random_samples(unsigned seed, std::size_t count, double mean, double deviation) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(mean, deviation);
  std::vector<double> samples(count);
  for (double& sample : samples) sample = normal(random);
  return samples;
}

// `tolerance` is relative to the scale of each sum, since m3 may be near zero.
void expect_near(const Moments& a, const Moments& b, double tolerance) {
  const auto n = static_cast<double>(a.count);
  const double deviation = std::sqrt(a.m2 / n);
  EXPECT_EQ(a.count, b.count);
  EXPECT_EQ(a.not_finite, b.not_finite);
  EXPECT_EQ(a.out_of_range, b.out_of_range);
  EXPECT_EQ(a.min, b.min);
  EXPECT_EQ(a.max, b.max);
  EXPECT_NEAR(a.mean, b.mean, tolerance * (std::abs(a.mean) + deviation));
  EXPECT_NEAR(a.m2, b.m2, tolerance * a.m2);
  EXPECT_NEAR(a.m3, b.m3, tolerance * n * deviation * deviation * deviation * 3);
  EXPECT_NEAR(a.m4, b.m4, tolerance * a.m4);
  EXPECT_NEAR(a.sum_abs, b.sum_abs, tolerance * a.sum_abs);
  EXPECT_NEAR(a.sum_sqrt_abs, b.sum_sqrt_abs, tolerance * a.sum_sqrt_abs);
}

TEST(Moments, OfOneSample) {
  const Moments m = of(-4.0);
  EXPECT_EQ(m, (Moments{.count = 1, .mean = -4, .min = -4, .max = -4, .sum_abs = 4, .sum_sqrt_abs = 2}));
}

TEST(Moments, WhatIsLeftOutIsCounted) {
  for (const double bad : {nan, infinity, -infinity}) {
    EXPECT_EQ(moments_of(bad, -1, 1), (Moments{.not_finite = 1})) << bad;
  }
  EXPECT_EQ(moments_of(1.5, -1, 1), (Moments{.out_of_range = 1}));
  EXPECT_EQ(moments_of(-1.5, -1, 1), (Moments{.out_of_range = 1}));
  EXPECT_EQ(moments_of(1, -1, 1).count, 1u);  // both ends belong to the range
  EXPECT_EQ(moments_of(-1, -1, 1).count, 1u);
}

TEST(Moments, KnownValues) {
  // 2, 4, 4, 4, 5, 5, 7, 9: mean 5, sums of powers of the distances 32, 42, 356.
  const Moments m = of_all(std::vector<double>{2, 4, 4, 4, 5, 5, 7, 9});
  EXPECT_EQ(m.count, 8u);
  EXPECT_DOUBLE_EQ(m.mean, 5);
  EXPECT_NEAR(m.m2, 32, 1e-13);
  EXPECT_NEAR(m.m3, 42, 1e-12);
  EXPECT_NEAR(m.m4, 356, 1e-11);
  EXPECT_EQ(m.min, 2);
  EXPECT_EQ(m.max, 9);
  EXPECT_EQ(m.sum_abs, 40);
}

TEST(MomentsMerge, WithNothingChangesNoBit) {
  const Moments nothing;
  for (unsigned seed = 0; seed < 50; ++seed) {
    Moments m = of_all(random_samples(seed, 1 + seed * 7, seed * 1e3, 0.1 + seed));
    m.not_finite = seed;
    m.out_of_range = seed + 1;
    EXPECT_EQ(merge(m, nothing), m);
    EXPECT_EQ(merge(nothing, m), m);
  }
  EXPECT_EQ(merge(nothing, nothing), nothing);
}

TEST(MomentsMerge, WithOnlyBadSamplesAddsTheirCounts) {
  const Moments m = of_all(random_samples(1, 100, 0, 1));
  Moments expected = m;
  expected.not_finite = 3;
  expected.out_of_range = 4;
  const Moments bad{.not_finite = 3, .out_of_range = 4};
  EXPECT_EQ(merge(m, bad), expected);
  EXPECT_EQ(merge(bad, m), expected);
}

TEST(MomentsMerge, OrderMattersOnlyInTheLastBits) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    const double mean = std::pow(10.0, static_cast<int>(seed % 7)) - 1;
    const Moments a = of_all(random_samples(seed, 1 + seed % 97, mean, 1));
    const Moments b = of_all(random_samples(seed + 1000, 2 + seed % 31, mean + 3, 5));
    const Moments c = of_all(random_samples(seed + 2000, 3 + seed % 11, mean - 2, 0.1));
    const double tolerance = merge_tolerance(merge(merge(a, b), c));
    SCOPED_TRACE(seed);
    expect_near(merge(a, b), merge(b, a), tolerance);
    expect_near(merge(merge(a, b), c), merge(a, merge(b, c)), tolerance);
    expect_near(merge(merge(a, b), c), merge(merge(c, b), a), tolerance);
  }
}

TEST(MomentsMerge, OfAConstantIsExact) {
  Moments m;
  for (int i = 0; i < 1000; ++i) m = merge(m, of(0.1));
  EXPECT_EQ(m.mean, 0.1);
  EXPECT_EQ(m.m2, 0);
  EXPECT_EQ(m.m3, 0);
  EXPECT_EQ(m.m4, 0);
}

// The published tolerance after a million merges, one sample each and as a tree.
TEST(MomentsMerge, AMillionMergesStayWithinTheTolerance) {
  for (const double mean : {0.0, 1e3}) {
    std::vector<double> samples = random_samples(7, 1'000'000, mean, 1);
    samples[500'000] += 1e4;  // a spike
    const test::Oracle oracle(samples);
    const double deviation = std::sqrt(static_cast<double>(oracle.m2) / 1e6);
    for (const Moments& m : {tree_of(samples), of_all(samples)}) {
      const double tolerance = merge_tolerance(m);
      EXPECT_EQ(m.count, samples.size());
      EXPECT_NEAR(m.mean, static_cast<double>(oracle.mean), tolerance * (deviation + mean));
      EXPECT_NEAR(m.m2, static_cast<double>(oracle.m2), tolerance * static_cast<double>(oracle.m2));
      EXPECT_NEAR(m.m3, static_cast<double>(oracle.m3), tolerance * static_cast<double>(oracle.m3_abs));
      EXPECT_NEAR(m.m4, static_cast<double>(oracle.m4), tolerance * static_cast<double>(oracle.m4));
    }
  }
}

}  // namespace
}  // namespace stethos::kernels
