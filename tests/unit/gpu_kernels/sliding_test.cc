// Every window against the reference of its samples.
#include "gpu_kernels/sliding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "gpu_kernels/reference_backend.h"

namespace stethos::kernels {
namespace {

std::vector<float> noise(std::size_t count, unsigned seed, float mean = 0, float deviation = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(mean, deviation);
  std::vector<float> samples(count);
  for (float& sample : samples) sample = normal(random);
  return samples;
}

std::vector<Moments> slide(const std::vector<float>& samples, std::size_t length, std::size_t hop) {
  std::vector<Moments> out(sliding_count(samples.size(), length, hop));
  sliding_moments(samples, length, hop, out);
  return out;
}

// Relative to the scale of each sum. Roots are taken in float32.
void expect_near(const Moments& a, const Moments& b) {
  const auto n = static_cast<double>(b.count);
  const double deviation = b.count > 0 ? std::sqrt(b.m2 / n) : 0;
  const double tolerance = deviation > 0 ? 1e-13 * (1 + 1e-2 * std::abs(b.mean) / deviation) : 0;
  EXPECT_EQ(a.count, b.count);
  EXPECT_EQ(a.not_finite, b.not_finite);
  EXPECT_EQ(a.min, b.min);
  EXPECT_EQ(a.max, b.max);
  EXPECT_NEAR(a.mean, b.mean, 1e-14 * (std::abs(b.mean) + deviation));
  EXPECT_NEAR(a.m2, b.m2, tolerance * b.m2);
  EXPECT_NEAR(a.m3, b.m3, tolerance * std::pow(b.m4, 0.75) * std::pow(n, 0.25));
  EXPECT_NEAR(a.m4, b.m4, tolerance * b.m4);
  EXPECT_NEAR(a.sum_abs, b.sum_abs, 1e-13 * b.sum_abs);
  EXPECT_NEAR(a.sum_sqrt_abs, b.sum_sqrt_abs, 1e-7 * b.sum_sqrt_abs);
}

void expect_windows(const std::vector<float>& samples, std::size_t length, std::size_t hop) {
  SCOPED_TRACE(std::to_string(samples.size()) + " samples, length " + std::to_string(length) + ", hop " + std::to_string(hop));
  const auto windows = slide(samples, length, hop);
  for (std::size_t i = 0; i < windows.size() && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(i);
    expect_near(windows[i], reference_moments({.samples = samples.data() + i * hop, .count = length}));
  }
}

TEST(Sliding, CountsTheWindowsThatLieInside) {
  EXPECT_EQ(sliding_count(0, 10, 1), 0u);
  EXPECT_EQ(sliding_count(9, 10, 1), 0u);
  EXPECT_EQ(sliding_count(10, 10, 1), 1u);
  EXPECT_EQ(sliding_count(12, 10, 3), 1u);
  EXPECT_EQ(sliding_count(13, 10, 3), 2u);
  EXPECT_EQ(sliding_count(100, 10, 30), 4u);
}

TEST(Sliding, EveryLengthAndHop) {
  const auto samples = noise(700, 1, 3, 2);
  for (const std::size_t length : {1u, 2u, 3u, 7u, 16u, 25u, 100u, 256u, 300u}) {
    for (const std::size_t hop : {1u, 2u, 3u, 5u, 7u, 8u, 25u, 64u, 99u, 100u, 101u, 256u, 257u, 299u, 300u, 400u}) {
      for (const std::size_t size : {0u, 1u, 15u, 100u, 299u, 300u, 301u, 699u, 700u}) {
        expect_windows({samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(size)}, length, hop);
      }
    }
  }
}

TEST(Sliding, BlocksThatAreJoined) {
  const auto samples = noise(51'200, 2);
  for (const std::size_t hop : {25u, 256u, 999u, 1'280u, 2'559u, 2'560u}) expect_windows(samples, 2'560, hop);
  expect_windows(noise(40'000, 3), 10'000, 3'000);  // slices longer than what is put in order at a time
}

TEST(Sliding, FarFromZero) { expect_windows(noise(5'000, 4, 1e6F, 1), 256, 10); }

TEST(Sliding, ABurstLeavesNoTrace) {
  auto samples = noise(20'000, 5);
  std::fill_n(samples.begin() + 7'000, 100, 1e6F);
  std::fill_n(samples.begin() + 12'000, 1, std::numeric_limits<float>::max());
  for (const std::size_t hop : {1u, 10u, 100u, 256u}) expect_windows(samples, 1'000, hop);
}

TEST(Sliding, AConstantHasNoSpread) {
  const std::vector<float> samples(3'000, 0.1F);
  for (const auto& window : slide(samples, 1'000, 30)) {
    EXPECT_EQ(window.mean, static_cast<double>(0.1F));
    EXPECT_EQ(window.m2, 0);
    EXPECT_EQ(window.m3, 0);
    EXPECT_EQ(window.m4, 0);
  }
}

TEST(Sliding, WhatIsNotFiniteIsCountedAndLeftOut) {
  auto samples = noise(3'000, 6);
  std::mt19937 random(7);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    for (int i = 0; i < 20; ++i) samples[random() % samples.size()] = bad;
  }
  std::fill_n(samples.begin() + 1'000, 300, std::numeric_limits<float>::quiet_NaN());  // whole slices, and whole windows
  for (const std::size_t hop : {1u, 3u, 10u, 64u, 100u}) expect_windows(samples, 100, hop);
}

TEST(Sliding, BothEndsOfFloat) {
  auto samples = noise(2'000, 8);
  for (std::size_t i = 0; i < samples.size(); i += 3) samples[i] *= i < 1'000 ? 1e38F : 1e-44F;
  expect_windows(samples, 200, 20);
}

}  // namespace
}  // namespace stethos::kernels
