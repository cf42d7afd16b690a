#include "recordings/decimal_planes.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace stethos::recordings {
namespace {

std::vector<float> join(const std::vector<std::uint8_t>& planes, unsigned width, unsigned decimals) {
  const std::size_t count = planes.size() / width;
  std::vector<const std::uint8_t*> starts;
  for (unsigned i = 0; i < width; ++i) starts.push_back(planes.data() + i * count);
  std::vector<float> samples(count);
  join_planes(starts, decimals, samples);
  return samples;
}

// Through whole numbers and planes and back; none where the samples are no decimals.
std::optional<std::vector<float>> there_and_back(const std::vector<float>& samples, unsigned width) {
  std::vector<std::int32_t> whole(samples.size());
  const auto decimal = to_decimals(samples, whole);
  if (!decimal || (width == 2 && !decimal->fits_i16)) return std::nullopt;
  std::vector<std::uint8_t> planes(samples.size() * width);
  split_planes(whole, width, planes.data());
  return join(planes, width, decimal->decimals);
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::ranges::equal(
      a, b, {}, [](float x) { return std::bit_cast<std::uint32_t>(x); }, [](float x) { return std::bit_cast<std::uint32_t>(x); });
}

TEST(DecimalPlanes, EveryThousandthOfI16ComesBack) {
  std::vector<float> samples;
  for (int number = -32'767; number <= 32'767; ++number)
    samples.push_back(std::strtof((std::to_string(number) + "e-3").c_str(), nullptr));
  std::vector<std::int32_t> whole(samples.size());
  const auto decimal = to_decimals(samples, whole);
  ASSERT_TRUE(decimal);
  EXPECT_EQ(decimal->decimals, 3U);
  EXPECT_TRUE(decimal->fits_i16);
  EXPECT_EQ(whole.front(), -32'767);
  EXPECT_EQ(whole.back(), 32'767);
  for (const unsigned width : {2U, 4U}) {
    const auto back = there_and_back(samples, width);
    ASSERT_TRUE(back);
    EXPECT_TRUE(same_bits(*back, samples));
  }
}

TEST(DecimalPlanes, TakesTheFewestDecimals) {
  const std::pair<std::vector<float>, unsigned> cases[] = {
      {{0.0F}, 0}, {{5.0F, -7.0F}, 0}, {{0.5F}, 1}, {{20.0F, 0.25F}, 2}, {{1.0F, 0.038F}, 3}, {{0.000000001F}, 9}, {{}, 0}};
  for (const auto& [samples, decimals] : cases) {
    std::vector<std::int32_t> whole(samples.size());
    const auto decimal = to_decimals(samples, whole);
    ASSERT_TRUE(decimal);
    EXPECT_EQ(decimal->decimals, decimals);
  }
}

TEST(DecimalPlanes, SaysWhatDoesNotFitI16) {
  std::vector<std::int32_t> whole(2);
  EXPECT_TRUE(to_decimals(std::vector{32.767F, 0.001F}, whole)->fits_i16);
  EXPECT_FALSE(to_decimals(std::vector{32.768F, 0.001F}, whole)->fits_i16);
  EXPECT_TRUE(to_decimals(std::vector{-32.767F, 0.001F}, whole)->fits_i16);
  EXPECT_FALSE(to_decimals(std::vector{-32.768F, 0.001F}, whole)->fits_i16) << "it stands for -0";
}

TEST(DecimalPlanes, NegativeZeroComesBack) {
  std::vector<float> samples(100, 0.001F);
  for (const std::size_t at : {0U, 17U, 99U}) samples[at] = -0.0F;
  samples[5] = 0.0F;
  for (const unsigned width : {2U, 4U}) {
    const auto back = there_and_back(samples, width);
    ASSERT_TRUE(back);
    EXPECT_TRUE(same_bits(*back, samples));
  }
  samples[3] = -32.768F;
  EXPECT_FALSE(there_and_back(samples, 2));
  EXPECT_TRUE(same_bits(*there_and_back(samples, 4), samples));
}

TEST(DecimalPlanes, WhatWouldNotComeBackIsRefused) {
  using limits = std::numeric_limits<float>;
  for (const float sample : {limits::quiet_NaN(), limits::infinity(), -limits::infinity(), limits::denorm_min(), limits::max(),
                             limits::lowest(), 1.0F / 3, 1e-10F, 16'777'216.0F}) {
    for (const std::size_t at : {0U, 40U}) {
      std::vector<float> samples(50, 0.5F);
      samples[at] = sample;
      std::vector<std::int32_t> whole(samples.size());
      EXPECT_FALSE(to_decimals(samples, whole)) << sample;
    }
  }
}

TEST(DecimalPlanes, AnyBitsComeBackOrAreRefused) {
  std::mt19937 random(7);
  std::size_t taken = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::vector<float> samples{i % 2 == 0 ? std::bit_cast<float>(static_cast<std::uint32_t>(random()))
                                                : static_cast<float>(static_cast<std::int32_t>(random()) >> (random() % 32)) /
                                                      std::pow(10.0F, static_cast<float>(random() % 10))};
    const auto back = there_and_back(samples, 4);
    if (!back) continue;
    ++taken;
    ASSERT_TRUE(same_bits(*back, samples)) << samples[0];
  }
  EXPECT_GT(taken, 10'000U);
}

TEST(DecimalPlanes, ThePlanesHoldTheLowestBytesFirst) {
  std::vector<std::uint8_t> planes(12);
  split_planes(std::vector<std::int32_t>{1, 0x04030201, -2}, 4, planes.data());
  EXPECT_EQ(planes, (std::vector<std::uint8_t>{1, 1, 0xfe, 0, 2, 0xff, 0, 3, 0xff, 0, 4, 0xff}));
  EXPECT_EQ(join(planes, 4, 1), (std::vector<float>{0.1F, 6'730'598.5F, -0.2F}));
}

}  // namespace
}  // namespace stethos::recordings
