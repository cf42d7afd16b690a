#include "gpu_kernels/shaft_speed.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include "gpu_kernels/backend.h"
#include "gpu_kernels/definedness.h"
#include "gpu_kernels/envelope.h"
#include "gpu_kernels/spectrum.h"

namespace stethos::kernels {
namespace {

constexpr double rate_hz = 6'400;
constexpr double plate_hz = 25;

class ShaftSpeedTest : public testing::TestWithParam<const char*> {
 protected:
  ShaftSpeedTest() {
    plan_.features = {{number::speed_confidence}, {number::multiple_amplitude, 1}, {number::bearing_depth, 3.58}};
    plan_.envelope_low_hz = 1'000;
    plan_.envelope_high_hz = 3'000;
    plan_.speed_range = 0.05;
  }

  struct Found {
    double estimated_hz = 0;
    double confidence = 0;
    double amplitude_1x = 0;
    double depth = 0;
  };

  Found of(const std::vector<float>& samples, bool is_nominal = true) {
    BlockView block;
    block.samples = samples.data();
    block.count = samples.size();
    block.sampling_rate_hz = rate_hz;
    block.shaft_hz = plate_hz;
    block.is_speed_nominal = is_nominal;
    block.plan = &plan_;
    std::vector<BlockStatistics> out(1);
    const auto backend = make_backend(GetParam());
    EXPECT_EQ(backend->submit(std::span(&block, 1)), KernelStatus::ok);
    EXPECT_EQ(backend->collect(out), KernelStatus::ok);
    return {out[0].estimated_hz, out[0].features[0], out[0].features[1], out[0].features[2]};
  }

  std::vector<float> noise(double turns, double share = 1) {
    std::normal_distribution<float> normal(0, static_cast<float>(share));
    std::vector<float> out(static_cast<std::size_t>(turns * rate_hz / plate_hz) / 2 * 2);
    for (float& each : out) each = normal(random_);
    return out;
  }

  static void add_comb(std::vector<float>& to, double hz, double amplitude, int harmonics) {
    for (int harmonic = 1; harmonic <= harmonics; ++harmonic) {
      for (std::size_t i = 0; i < to.size(); ++i) {
        const double angle = 2 * std::numbers::pi * harmonic * hz * static_cast<double>(i) / rate_hz + harmonic;
        to[i] += static_cast<float>(amplitude * std::sin(angle));
      }
    }
  }

  std::mt19937 random_{7};
  BlockPlan plan_;
};

TEST_P(ShaftSpeedTest, IsFoundWhereverItIsNearThePlate) {
  for (const double turns : {10.0, 12.0, 20.0, 40.0, 100.0}) {
    for (const double hz : {23.9, 24.4, 25.0, 25.31, 26.1}) {
      std::vector<float> samples = noise(turns, 0.2);
      add_comb(samples, hz, 0.2, 15);
      const Found found = of(samples);
      EXPECT_NEAR(found.estimated_hz, hz, 0.003 * hz) << turns;
      EXPECT_GT(found.confidence, speed_confidence_min);
      EXPECT_NEAR(found.amplitude_1x, 0.2, 0.06);
      EXPECT_FALSE(std::isnan(found.depth));
    }
  }
}

// Noise, also of a machine whose load turns with the shaft, passes for no speed: of a thousand blocks not one.
TEST_P(ShaftSpeedTest, OfNoiseNoneIsSure) {
  const int blocks = std::string(GetParam()) == "cpu" ? 250 : 25;
  for (const double turns : {8.0, 12.0, 20.0, 40.0}) {
    int sure = 0, above_two = 0;
    for (int i = 0; i < blocks; ++i) {
      std::vector<float> samples = noise(turns);
      if (i % 2 == 0) {
        for (std::size_t k = 0; k < samples.size(); ++k) {
          const double turn = 2 * std::numbers::pi * plate_hz * static_cast<double>(k) / rate_hz;
          samples[k] *= static_cast<float>(1 + 0.5 * std::sin(turn));
        }
      }
      const Found found = of(samples);
      sure += found.confidence >= speed_confidence_min ? 1 : 0;
      above_two += found.confidence >= 2 ? 1 : 0;
      EXPECT_EQ(found.estimated_hz > 0, found.confidence >= speed_confidence_min);
    }
    EXPECT_EQ(sure, 0) << turns;
    EXPECT_LE(above_two, blocks / 100) << turns;
  }
}

TEST_P(ShaftSpeedTest, OfTwoCombsNeitherIsSure) {
  std::vector<float> samples = noise(40, 0.2);
  add_comb(samples, 24.6, 0.2, 15);
  add_comb(samples, 25.4, 0.2, 15);
  EXPECT_LT(of(samples).confidence, speed_confidence_min);
}

// One that lies outside the range does not pass for the speed at its end.
TEST_P(ShaftSpeedTest, WhatIsOutsideTheRangeIsNone) {
  for (const double turns : {12.0, 20.0, 40.0}) {
    for (const double off : {-0.08, -0.065, -0.055, 0.055, 0.065, 0.08}) {
      std::vector<float> samples = noise(turns, 0.05);
      add_comb(samples, plate_hz * (1 + off), 0.3, 18);
      EXPECT_EQ(of(samples).estimated_hz, 0) << turns << " turns, off by " << off;
    }
  }
}

// As of the mains beside a motor of four poles, or of a shaft behind a gear.
TEST_P(ShaftSpeedTest, TheCombOfAShaftThatIsTwiceOrThreeTimesAsFastIsNone) {
  for (const double turns : {12.0, 20.0, 40.0}) {
    for (const double factor : {2 * 1.02, 2 * 0.985, 3 * 1.0167}) {
      std::vector<float> samples = noise(turns, 0.2);
      add_comb(samples, plate_hz * factor, 0.3, 9);
      EXPECT_EQ(of(samples).estimated_hz, 0) << turns << " turns, times " << factor;
    }
  }
}

// Noise chooses among speeds that are as good, and does not make rivals of them.
TEST_P(ShaftSpeedTest, APlateThatIsRightIsFound) {
  for (double turns = 10; turns <= 20; turns += 0.25) {
    std::vector<float> samples = noise(turns, 0.1);
    add_comb(samples, plate_hz, 0.3, 15);
    EXPECT_NEAR(of(samples).estimated_hz, plate_hz, 0.003 * plate_hz) << turns;
  }
}

TEST_P(ShaftSpeedTest, OneStrongLineIsNoComb) {
  std::vector<float> samples = noise(40, 0.2);
  add_comb(samples, 25.7, 50, 1);
  EXPECT_LT(of(samples).confidence, speed_confidence_min);
}

// Multiples are those of the plate then, and no line of a bearing is defined.
TEST_P(ShaftSpeedTest, WhereItIsNotSureThereAreNoLines) {
  const Found found = of(noise(40));
  EXPECT_EQ(found.estimated_hz, 0);
  EXPECT_FALSE(std::isnan(found.amplitude_1x));
  EXPECT_TRUE(std::isnan(found.depth));
  plan_.speed_range = 0;
  plan_.features[0] = {number::spectral_centroid};
  EXPECT_FALSE(std::isnan(of(noise(40)).depth)) << "the plate is believed";
}

TEST_P(ShaftSpeedTest, AMeasuredSpeedIsNotLookedFor) {
  std::vector<float> samples = noise(40, 0.2);
  add_comb(samples, 24.4, 0.2, 15);
  const Found found = of(samples, false);
  EXPECT_EQ(found.estimated_hz, 0);
  EXPECT_TRUE(std::isnan(found.confidence));
  EXPECT_FALSE(std::isnan(found.depth));
}

TEST_P(ShaftSpeedTest, ShortBlocksConstantsAndMissingSamplesHaveNone) {
  EXPECT_TRUE(std::isnan(of(noise(7.9)).confidence));
  EXPECT_TRUE(std::isnan(of(std::vector<float>(8'000, 1.0f)).confidence));
  std::vector<float> samples = noise(40);
  samples[9] = std::nanf("");
  EXPECT_TRUE(std::isnan(of(samples).confidence));
}

TEST_P(ShaftSpeedTest, DefinednessSaysHowLongABlockMustBe) {
  BlockView block;
  block.plan = &plan_;
  block.sampling_rate_hz = rate_hz;
  block.shaft_hz = plate_hz;
  block.is_speed_nominal = true;
  EXPECT_EQ(samples_needed(plan_.features[0], block), 2'048u);
  EXPECT_EQ(samples_needed(plan_.features[2], block), 2'048u) << "the line itself would need less";
  block.sampling_rate_hz = 250;
  EXPECT_EQ(samples_needed(plan_.features[0], block), 0u) << "less than five harmonics";
}

INSTANTIATE_TEST_SUITE_P(Backends, ShaftSpeedTest, testing::Values("reference", "cpu"));

// The same speed of the same block, and nearly the same confidence.
TEST(ShaftSpeed, BackendsAgree) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 0.3f);
  BlockPlan plan;
  plan.features = {{number::speed_confidence}};
  plan.speed_range = 0.1;
  for (int round = 0; round < 100; ++round) {
    const double hz = std::uniform_real_distribution(22.8, 27.2)(random);
    std::vector<float> samples(static_cast<std::size_t>(2'400 + 120 * round));
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const double angle = 2 * std::numbers::pi * hz * static_cast<double>(i) / rate_hz;
      samples[i] = normal(random);
      for (int harmonic = 1; harmonic < 12; ++harmonic) samples[i] += static_cast<float>(0.1 * std::sin(harmonic * angle));
    }
    BlockView block;
    block.samples = samples.data();
    block.count = samples.size();
    block.sampling_rate_hz = rate_hz;
    block.shaft_hz = plate_hz;
    block.is_speed_nominal = true;
    block.plan = &plan;
    std::vector<BlockStatistics> expected(1), found(1);
    const auto reference = make_backend("reference"), cpu = make_backend("cpu");
    for (auto& [backend, out] : {std::pair(&reference, &expected), {&cpu, &found}}) {
      ASSERT_EQ((*backend)->submit(std::span(&block, 1)), KernelStatus::ok);
      ASSERT_EQ((*backend)->collect(*out), KernelStatus::ok);
    }
    EXPECT_EQ(found[0].estimated_hz, expected[0].estimated_hz);
    EXPECT_NEAR(found[0].features[0], expected[0].features[0], 1e-3 * (1 + expected[0].features[0]));
  }
}

}  // namespace
}  // namespace stethos::kernels
