// Statistics of single blocks, on every backend, on signals whose spectrum and envelope are known from textbooks.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include "gpu_kernels/backend.h"
#include "gpu_kernels/deviations.h"
#include "gpu_kernels/envelope.h"
#include "gpu_kernels/spectrum.h"

namespace stethos::kernels {
namespace {

constexpr double rate_hz = 25'600;
constexpr double pi = std::numbers::pi;

struct Line {
  double hz;
  double amplitude;
};

std::vector<float> sines(std::size_t count, const std::vector<Line>& lines, double offset = 0) {
  std::vector<float> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    double x = offset;
    for (const Line& line : lines) x += line.amplitude * std::sin(2 * pi * line.hz * static_cast<double>(i) / rate_hz + line.hz);
    out[i] = static_cast<float>(x);
  }
  return out;
}

BlockView view_of(const std::vector<float>& samples, const BlockPlan& plan) {
  BlockView view;
  view.samples = samples.data();
  view.count = samples.size();
  view.sampling_rate_hz = rate_hz;
  view.plan = &plan;
  return view;
}

class Features : public testing::TestWithParam<std::string_view> {
 protected:
  std::vector<double> run(const BlockView& block) {
    const auto backend = make_backend(GetParam());
    std::vector<BlockStatistics> results(1);
    EXPECT_EQ(backend->submit({&block, 1}), KernelStatus::ok);
    EXPECT_EQ(backend->collect(results), KernelStatus::ok);
    return {results[0].features.begin(), results[0].features.end()};
  }

  double value(const std::vector<float>& samples, const Feature& feature, double shaft_hz = 0) {
    BlockPlan plan;
    plan.features = {feature};
    plan.mm_s2_per_unit = 9'806.65;
    plan.envelope_low_hz = 2'000;
    plan.envelope_high_hz = 10'000;
    BlockView view = view_of(samples, plan);
    view.shaft_hz = shaft_hz;
    return run(view).front();
  }
};

INSTANTIATE_TEST_SUITE_P(All, Features, testing::ValuesIn(backend_names()),
                         [](const auto& each) { return std::string(each.param); });

TEST_P(Features, ABandHoldsTheRmsOfItsLines) {
  for (const std::size_t count : {2560u, 4096u, 2500u, 3375u, 2557u}) {
    SCOPED_TRACE(count);
    const auto samples = sines(count, {{300, 2}, {3'000, 1}}, 5);
    EXPECT_NEAR(value(samples, {number::band_rms, 100, 1'000}), std::sqrt(2.0), 2e-3);
    EXPECT_NEAR(value(samples, {number::band_rms, 2'000, 4'000}), std::sqrt(0.5), 2e-3);
    EXPECT_NEAR(value(samples, {number::band_rms, 5'000, 10'000}), 0, 1e-2);
  }
}

TEST_P(Features, BandsShareTheWholeMeanSquare) {
  std::mt19937_64 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> samples(2560);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    // White noise under a Hann window keeps its mean square only on average: a noise without a spread is taken.
    samples[i] = normal(random) > 0 ? 1.0F : -1.0F;
  }
  double sum = 0;
  for (double low = 0; low < 13'000; low += 1'000) sum += std::pow(value(samples, {number::band_rms, low, low + 1'000}), 2);
  EXPECT_NEAR(sum, 1, 0.02);
}

TEST_P(Features, VelocityIsAccelerationOverTheAngularFrequency) {
  const auto samples = sines(2560, {{100, 1}});
  const double expected_mm_s = 9'806.65 / (2 * pi * 100) / std::sqrt(2.0);
  // The window spreads a line over its neighbours, whose frequencies are others: 10 Hz apart here.
  EXPECT_NEAR(value(samples, {number::vibration_velocity, 40, 1'000}), expected_mm_s, 0.01 * expected_mm_s);
}

TEST_P(Features, OfALineTheSpectrumHasOneCentre) {
  const auto samples = sines(2560, {{1'000, 1}});
  EXPECT_NEAR(value(samples, {number::spectral_centroid}), 1'000, 0.01);
  // A Hann window puts a sixth of the power on either neighbour.
  EXPECT_NEAR(value(samples, {number::spectral_spread}), 10 * std::sqrt(1.0 / 3), 0.01);
  EXPECT_NEAR(value(samples, {number::spectral_rolloff, 0.85}), 1'010, 1e-9);
  EXPECT_NEAR(value(samples, {number::spectral_rolloff, 0.5}), 1'000, 1e-9);
  const double entropy = -(2.0 / 3 * std::log(2.0 / 3) + 1.0 / 3 * std::log(1.0 / 6)) / std::log(1280);
  EXPECT_NEAR(value(samples, {number::spectral_entropy}), entropy, 1e-4);
}

TEST_P(Features, NoiseFillsItsSpectrum) {
  std::mt19937_64 random(4);
  std::normal_distribution<float> normal;
  std::vector<float> samples(25'600);
  for (float& each : samples) each = normal(random);
  EXPECT_GT(value(samples, {number::spectral_entropy}), 0.9);
  EXPECT_NEAR(value(samples, {number::spectral_centroid}), 6'400, 100);
  EXPECT_NEAR(value(samples, {number::spectral_spread}), 12'800 / std::sqrt(12.0), 100);
  EXPECT_NEAR(value(samples, {number::low_frequency_share, 0, 1'280}), 0.1, 0.02);
}

TEST_P(Features, LinesAreNamedByFrequencyAndAmplitudeBetweenBins) {
  for (const double distance : {0.0, 0.1, 0.3, 0.5, 0.7, 0.9}) {
    SCOPED_TRACE(distance);
    const double hz = 1'000 + 10 * distance;
    const auto samples = sines(2560, {{hz, 2}, {4'000, 1}, {7'003, 0.5}});
    EXPECT_NEAR(value(samples, {number::line_frequency, 1}), hz, 0.05);
    EXPECT_NEAR(value(samples, {number::line_amplitude, 1}), 2, 0.01);
    EXPECT_NEAR(value(samples, {number::line_frequency, 2}), 4'000, 0.05);
    EXPECT_NEAR(value(samples, {number::line_amplitude, 2}), 1, 0.01);
    EXPECT_NEAR(value(samples, {number::line_frequency, 3}), 7'003, 0.05);
    EXPECT_NEAR(value(samples, {number::line_amplitude, 3}), 0.5, 0.005);
  }
}

TEST_P(Features, MultiplesOfTheShaftsSpeed) {
  const double shaft_hz = 49.8;  // between bins, within the tolerance
  const auto samples = sines(25'600, {{50, 0.5}, {100, 0.25}, {150, 0.125}});
  EXPECT_NEAR(value(samples, {number::multiple_amplitude, 1}, shaft_hz), 0.5, 1e-3);
  EXPECT_NEAR(value(samples, {number::multiple_amplitude, 2}, shaft_hz), 0.25, 1e-3);
  EXPECT_NEAR(value(samples, {number::multiple_amplitude, 3}, shaft_hz), 0.125, 1e-3);
  EXPECT_TRUE(std::isnan(value(samples, {number::multiple_amplitude, 1}, 0)));
  EXPECT_TRUE(std::isnan(value(samples, {number::multiple_amplitude, 400}, shaft_hz)));
}

// A carrier of 5 kHz whose amplitude goes up and down by a half, a hundred times a second.
TEST_P(Features, AnEnvelopeShowsTheModulation) {
  std::mt19937_64 random(5);
  std::normal_distribution<double> noise(0, 0.01);
  std::vector<float> samples(25'600);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double t = static_cast<double>(i) / rate_hz;
    samples[i] = static_cast<float>((1 + 0.5 * std::sin(2 * pi * 100 * t)) * std::sin(2 * pi * 5'000 * t) +
                                    3 * std::sin(2 * pi * 50 * t) + noise(random));
  }
  // 100 Hz are 4.5 turns of the shaft: of all its multiples as far as can be.
  const double shaft_hz = 100 / 4.5;
  EXPECT_NEAR(value(samples, {number::bearing_amplitude, 4.5}, shaft_hz), 0.5, 1e-3);
  EXPECT_NEAR(value(samples, {number::bearing_depth, 4.5}, shaft_hz), 0.5, 1e-3);
  EXPECT_GT(value(samples, {number::bearing_significance, 4.5}, shaft_hz), 50);
  EXPECT_LT(value(samples, {number::bearing_depth, 2.25}, shaft_hz), 0.01) << "the shaft's own line is outside the band";
  EXPECT_LT(value(samples, {number::bearing_significance, 7.5}, shaft_hz), 3);
}

// Impulses that ring at 4 kHz, once for each element that passes a spot on the outer ring.
TEST_P(Features, ADamagedBearingStandsOutAtItsRate) {
  const Bearing bearing{.elements = 9, .element_diameter = 7.94, .pitch_diameter = 39.04, .contact_angle_deg = 0};
  const double shaft_hz = 29.95;
  const double struck_hz = rates_of(bearing).bpfo * shaft_hz;
  std::mt19937_64 random(6);
  std::normal_distribution<double> noise(0, 0.05);
  std::vector<float> samples(25'600);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double t = static_cast<double>(i) / rate_hz;
    const double since = std::fmod(t, 1 / struck_hz);
    samples[i] = static_cast<float>(std::exp(-since / 0.001) * std::sin(2 * pi * 4'000 * since) + noise(random));
  }
  const BearingRates rates = rates_of(bearing);
  for (const double rate : {rates.bpfo, 2 * rates.bpfo}) {
    EXPECT_GT(value(samples, {number::bearing_significance, rate}, shaft_hz), 30);
    EXPECT_GT(value(samples, {number::bearing_depth, rate}, shaft_hz), 0.5);
  }
  for (const double rate : {rates.bpfi, rates.bsf_2}) {
    EXPECT_LT(value(samples, {number::bearing_significance, rate}, shaft_hz), 3);
    EXPECT_LT(value(samples, {number::bearing_depth, rate}, shaft_hz), 0.02);
  }
}

// As deep in a short block as in a long one, wherever between two bins the line lies.
TEST_P(Features, TheDepthOfALineDoesNotDependOnTheLengthOfTheBlock) {
  const double shaft_hz = 30, rate = 3.585;
  std::mt19937_64 random(8);
  std::normal_distribution<float> normal;
  for (const double turns : {8.0, 9.3, 11.0, 15.2, 20.0, 30.0, 40.0}) {
    double sum = 0;
    constexpr int blocks = 20;
    for (int i = 0; i < blocks; ++i) {
      std::vector<float> samples(static_cast<std::size_t>(turns / shaft_hz * rate_hz));
      for (std::size_t k = 0; k < samples.size(); ++k) {
        const double t = static_cast<double>(k) / rate_hz;
        samples[k] = static_cast<float>(1 + 0.3 * std::cos(2 * pi * rate * shaft_hz * t + i)) * normal(random);
      }
      sum += value(samples, {number::bearing_depth, rate}, shaft_hz);
    }
    EXPECT_NEAR(sum / blocks, 0.3, 0.03) << turns;
  }
}

// Noise that the shaft modulates, as a healthy machine has it: of so many blocks so many may seem significant, and no more.
TEST_P(Features, OfNoiseNoMoreIsSignificantThanIsSaid) {
  const double shaft_hz = 30;
  std::mt19937_64 random(9);
  std::normal_distribution<float> normal;
  for (const std::size_t count : {7'200u, 9'600u, 15'360u}) {  // 8.4 turns, 11.3 and 18
    BlockPlan plan;
    for (const double rate : {0.398, 2.36, 3.585, 4.713, 5.415, 7.17, 10.83}) {
      plan.features.push_back({number::bearing_significance, rate});
    }
    plan.envelope_low_hz = 2'000;
    plan.envelope_high_hz = 10'000;
    std::vector<std::vector<float>> samples;
    std::vector<BlockView> blocks;
    for (int i = 0; i < 250; ++i) {
      auto& block = samples.emplace_back(count);
      for (std::size_t k = 0; k < count; ++k) {
        const double turned = 2 * pi * shaft_hz * static_cast<double>(k) / rate_hz + i;
        block[k] = static_cast<float>(1 + 0.4 * std::cos(turned) + 0.2 * std::cos(2 * turned)) * normal(random);
      }
      blocks.push_back(view_of(block, plan));
      blocks.back().shaft_hz = shaft_hz;
    }
    const auto backend = make_backend(GetParam());
    std::vector<BlockStatistics> results(blocks.size());
    ASSERT_EQ(backend->submit(blocks), KernelStatus::ok);
    ASSERT_EQ(backend->collect(results), KernelStatus::ok);
    double defined = 0, tenth = 0, hundredth = 0;
    for (const BlockStatistics& each : results) {
      for (const double significance : each.features) {
        defined += std::isnan(significance) ? 0 : 1;
        tenth += significance > 1 ? 1 : 0;
        hundredth += significance > 2 ? 1 : 0;
      }
    }
    EXPECT_GE(defined, 1'000) << count;
    EXPECT_LT(tenth / defined, 0.1) << count;
    EXPECT_GT(tenth / defined, 0.02) << count << ": and not much less";
    EXPECT_LT(hundredth / defined, 0.01) << count;
  }
}

// A strong line at a multiple of the shaft's speed is not taken for one of the bearing beside it, however short the block.
TEST_P(Features, AMultipleOfTheShaftsSpeedIsNoLineOfTheBearing) {
  const double shaft_hz = 30;
  std::mt19937_64 random(10);
  std::normal_distribution<float> normal;
  for (double turns = 1; turns <= 40; turns += 0.5) {
    std::vector<float> samples(static_cast<std::size_t>(turns / shaft_hz * rate_hz));
    for (std::size_t k = 0; k < samples.size(); ++k) {
      const double turned = 2 * pi * shaft_hz * static_cast<double>(k) / rate_hz;
      samples[k] = static_cast<float>(1 + 0.5 * std::cos(4 * turned)) * (3 + 0.1F * normal(random)) *
                   static_cast<float>(std::sin(2 * pi * 5'000 / shaft_hz / 2 / pi * turned));
    }
    for (const double rate : {3.585, 4.3, 3.9}) {
      const double depth = value(samples, {number::bearing_depth, rate}, shaft_hz);
      if (turns < turns_needed(rate)) {
        EXPECT_TRUE(std::isnan(depth)) << turns << " " << rate;
      }
      EXPECT_FALSE(depth > 0.05) << turns << " " << rate;
    }
  }
}

TEST_P(Features, VelocityNeedsFourPeriodsOfItsLowEdge) {
  const auto samples = sines(2560, {{100, 1}});  // a tenth of a second
  EXPECT_TRUE(std::isnan(value(samples, {number::vibration_velocity, 39.9, 1'000})));
  EXPECT_FALSE(std::isnan(value(samples, {number::vibration_velocity, 40, 1'000})));
  EXPECT_TRUE(std::isnan(value(samples, {number::vibration_velocity, 0, 1'000})));
}

TEST_P(Features, AMultipleHasAVelocity) {
  const auto samples = sines(25'600, {{50, 0.5}, {100, 0.25}});
  EXPECT_NEAR(value(samples, {number::multiple_velocity, 1}, 50), std::sqrt(0.5) * 0.5 * 9'806.65 / (2 * pi * 50), 0.01);
  EXPECT_NEAR(value(samples, {number::multiple_velocity, 2}, 50), std::sqrt(0.5) * 0.25 * 9'806.65 / (2 * pi * 100), 0.01);
  EXPECT_TRUE(std::isnan(value(samples, {number::multiple_velocity, 1}, 0)));
}

TEST_P(Features, FactorsOfShapeWithoutTheMeanDoNotSeeGravity) {
  const auto still = sines(2560, {{100, 1}});
  const auto upright = sines(2560, {{100, 1}}, 9.8);
  for (const auto& [statistic, expected] : {std::pair{number::ac_shape, pi / std::sqrt(8.0)},
                                            {number::ac_impulse, pi / 2},
                                            {number::ac_clearance, 1 / std::pow(0.762760, 2)}}) {
    EXPECT_NEAR(value(still, {statistic}), expected, 2e-3) << statistic;
    EXPECT_NEAR(value(upright, {statistic}), expected, 2e-3) << statistic;
  }
  EXPECT_TRUE(std::isnan(value(std::vector<float>(100, 3.0F), {number::ac_shape})));
  auto with_a_hole = sines(2560, {{100, 1}});
  with_a_hole[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NEAR(value(with_a_hole, {number::ac_impulse}), pi / 2, 1e-2) << "of the samples that are there";
}

TEST_P(Features, AreNotDefinedWhereTheSpectrumIsNot) {
  const std::vector<Feature> all{{number::band_rms, 0, 1'000},     {number::vibration_velocity, 10, 1'000},
                                 {number::spectral_centroid},      {number::spectral_entropy},
                                 {number::line_frequency, 1},      {number::multiple_amplitude, 1},
                                 {number::bearing_amplitude, 3.5}, {number::low_frequency_share, 0, 5}};
  auto with_nan = sines(2560, {{100, 1}});
  with_nan[7] = std::numeric_limits<float>::quiet_NaN();
  auto with_infinity = sines(2560, {{100, 1}});
  with_infinity.back() = std::numeric_limits<float>::infinity();
  for (const auto& samples :
       {with_nan, with_infinity, std::vector<float>{}, sines(7, {{100, 1}}), sines(spectrum_samples_max + 1, {{100, 1}})}) {
    for (const Feature& feature : all) EXPECT_TRUE(std::isnan(value(samples, feature, 50))) << feature.statistic;
  }
  BlockPlan plan;
  plan.features = all;
  const auto samples = sines(2560, {{100, 1}});
  BlockView block = view_of(samples, plan);
  block.shaft_hz = 50;
  block.plausible_max = 0.5;  // some samples are left out
  for (const double each : run(block)) EXPECT_TRUE(std::isnan(each));
  block.plausible_max = 10;
  block.sampling_rate_hz = 0;
  for (const double each : run(block)) EXPECT_TRUE(std::isnan(each));
}

TEST_P(Features, ABandThatTheBlockCannotShowIsNotDefined) {
  const auto samples = sines(256, {{1'000, 1}});  // bins of 100 Hz, up to 12,800
  const auto of = [&](std::uint16_t statistic, double low, double high) { return value(samples, {statistic, low, high}); };
  for (const std::uint16_t statistic : {number::band_rms}) {
    EXPECT_FALSE(std::isnan(of(statistic, 0, 20'000))) << "what the spectrum has of it";
    EXPECT_FALSE(std::isnan(of(statistic, 50, 2'000))) << "it begins half a bin above";
    EXPECT_TRUE(std::isnan(of(statistic, 49, 2'000)));
    EXPECT_TRUE(std::isnan(of(statistic, 12'801, 20'000)));
    EXPECT_TRUE(std::isnan(of(statistic, 1'001, 1'099))) << "between two bins";
  }
  EXPECT_TRUE(std::isnan(of(number::low_frequency_share, 0, 99)));
  EXPECT_LT(of(number::low_frequency_share, 0, 101), 1e-6);
}

TEST_P(Features, ABinOnTheEdgeOfABandIsInIt) {
  std::vector<float> samples(244);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<float>(std::sin(pi * static_cast<double>(i) / 2));
  BlockPlan plan;
  plan.features = {{number::band_rms, 2'000, 2'010}};  // 61 bins of 8000 / 244 Hz, whose product is below 2000
  BlockView block = view_of(samples, plan);
  block.sampling_rate_hz = 8'000;
  EXPECT_NEAR(run(block)[0], std::sqrt(1.0 / 3), 1e-5) << "two thirds of the power of a line are in its bin";
}

TEST_P(Features, MultiplesNeedTwoTurnsOfTheShaft) {
  const auto samples = sines(2'560, {{40, 1}, {4'000, 1}});  // a tenth of a second
  EXPECT_TRUE(std::isnan(value(samples, {number::multiple_amplitude, 2}, 19.9)));
  EXPECT_FALSE(std::isnan(value(samples, {number::multiple_amplitude, 2}, 20)));
}

TEST_P(Features, AnEnvelopeNeedsEightBins) {
  const auto samples = sines(25'600, {{4'000, 1}});
  for (const auto& [high, is_defined] : {std::pair{2'007.0, false}, {2'130.0, true}}) {
    BlockPlan plan;
    plan.features = {{number::bearing_amplitude, 3.5}};
    plan.envelope_low_hz = 2'000;
    plan.envelope_high_hz = high;
    BlockView block = view_of(samples, plan);
    block.shaft_hz = 30;
    EXPECT_EQ(!std::isnan(run(block)[0]), is_defined) << high;
  }
}

TEST_P(Features, AConstantHasPowerNowhere) {
  const std::vector<float> samples(2560, 0.1F);
  EXPECT_EQ(value(samples, {number::band_rms, 0, 20'000}), 0);
  EXPECT_EQ(value(samples, {number::vibration_velocity, 40, 1'000}), 0);
  EXPECT_EQ(value(samples, {number::multiple_amplitude, 1}, 50), 0);
  for (const std::uint16_t statistic : {number::spectral_centroid, number::spectral_spread, number::spectral_entropy}) {
    EXPECT_TRUE(std::isnan(value(samples, {statistic}))) << statistic;
  }
  EXPECT_TRUE(std::isnan(value(samples, {number::line_frequency, 1})));
}

TEST(BearingRates, AreThoseOfTheTextbook) {
  // SKF 6205-2RS of the CWRU rig, whose multiples of the shaft's speed its publishers give as 3.5848, 5.4152, 4.7135, 0.39828.
  const BearingRates rates =
      rates_of({.elements = 9, .element_diameter = 0.3126, .pitch_diameter = 1.537, .contact_angle_deg = 0});
  EXPECT_NEAR(rates.bpfo, 3.5848, 1e-4);
  EXPECT_NEAR(rates.bpfi, 5.4152, 1e-4);
  EXPECT_NEAR(rates.bsf_2, 4.7135, 1e-4);
  EXPECT_NEAR(rates.ftf, 0.39828, 1e-4);
}

}  // namespace
}  // namespace stethos::kernels
