// The vectors' validity is the reference's, bit for bit.
#include "gpu_kernels/cpu_validity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "gpu_kernels/reference_backend.h"

namespace stethos::kernels {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

class CpuValidity : public testing::Test {
 protected:
  void expect_same(const BlockView& block) { EXPECT_EQ(cpu_validity(block, scratch_), reference_validity(block)); }
  void expect_same(const std::vector<float>& samples, double full_scale = 0) {
    expect_same({.samples = samples.data(), .count = samples.size(), .full_scale = full_scale});
  }

  std::mt19937 random_{1};

 private:
  ValidityScratch scratch_;  // one for all: nothing may be left in it from block to block
};

TEST_F(CpuValidity, OfNoiseInStepsOfEverySize) {
  std::normal_distribution<float> normal(0, 1000);
  std::vector<std::size_t> sizes{2'559, 2'560, 2'561, 70'000};
  for (std::size_t size = 0; size < 200; ++size) sizes.push_back(size);
  for (const float step : {1e-6F, 1.0F, 100.0F, 3'000.0F}) {
    for (const std::size_t size : sizes) {
      SCOPED_TRACE(std::to_string(size) + " in steps of " + std::to_string(step));
      std::vector<float> samples(size);
      for (float& x : samples) x = step * std::round(normal(random_) / step);
      expect_same(samples, 1'500);
    }
  }
}

TEST_F(CpuValidity, OfRunsWhereverTheyBegin) {
  for (const std::size_t length : {1u, 2u, 63u, 64u, 65u, 127u, 128u, 129u, 300u}) {
    for (std::size_t begin = 0; begin + length <= 400; begin += 7) {
      SCOPED_TRACE(std::to_string(length) + " from " + std::to_string(begin));
      std::vector<float> samples(400);
      for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = i % 2 == 0 ? 1.0F : -1.0F;
      std::fill_n(samples.begin() + static_cast<std::ptrdiff_t>(begin), length, 2.5F);
      expect_same(samples);
      for (std::size_t i = begin; i < begin + length; ++i) samples[i] = -1 - static_cast<float>(i);
      expect_same(samples);
    }
  }
}

TEST_F(CpuValidity, OfWhatIsNoNumberAndOfBothZeros) {
  const std::vector<float> some{nan,
                                infinity,
                                -infinity,
                                0.0F,
                                -0.0F,
                                1.0F,
                                -1.0F,
                                std::numeric_limits<float>::denorm_min(),
                                std::numeric_limits<float>::max()};
  for (unsigned round = 0; round < 500; ++round) {
    SCOPED_TRACE(round);
    std::vector<float> samples(round % 150);
    for (float& x : samples) x = some[random_() % (1 + round % some.size())];
    expect_same(samples, round % 2 == 0 ? 0.0 : 1.0);
    expect_same(samples, std::numeric_limits<double>::max());
    expect_same(samples, 1e-300);
  }
}

// All meet in one place of the table, or would, were it made of their upper or lower bits.
TEST_F(CpuValidity, OfValuesThatDifferInFewBits) {
  for (unsigned shift = 0; shift < 18; ++shift) {
    std::vector<float> samples(4'000);
    for (std::uint32_t i = 0; i < 4'000; ++i) samples[i] = std::bit_cast<float>(i << shift);
    expect_same(samples);
  }
}

TEST_F(CpuValidity, OfAClippedSensorToTheLastBit) {
  const double full_scale = 0.1;  // no float32
  std::vector<float> samples{0.1F, std::nextafter(0.1F, 0.0F), -0.1F, 0.2F};
  expect_same(samples, full_scale);
  expect_same(samples, static_cast<double>(0.1F));
}

TEST_F(CpuValidity, OfScaledIntegers) {
  std::vector<std::int16_t> samples(2'560);
  for (const unsigned steps : {1u, 2u, 100u, 65'536u}) {
    for (auto& raw : samples) raw = static_cast<std::int16_t>(random_() % steps);
    for (const auto& [scale, offset] : {std::pair{1.0, 0.0},
                                        {0.001, -3.0},
                                        {-0.5, 1e6},
                                        {0.0, 2.5},
                                        {1e-9, 1e9},
                                        {1e-18, 1.0},
                                        {1e304, 0.0},
                                        {1e308, 0.0},
                                        {nan, 0.0}}) {
      SCOPED_TRACE(std::to_string(steps) + " steps of " + std::to_string(scale));
      expect_same({.encoding = BlockView::Encoding::i16,
                   .samples = samples.data(),
                   .count = samples.size(),
                   .scale = scale,
                   .offset = offset,
                   .full_scale = 20});
    }
  }
}

}  // namespace
}  // namespace stethos::kernels
