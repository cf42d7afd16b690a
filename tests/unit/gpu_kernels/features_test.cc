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
  EXPECT_NEAR(value(samples, {number::velocity_rms, 10, 1'000}), expected_mm_s, 0.01 * expected_mm_s);
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
  EXPECT_NEAR(value(samples, {number::envelope_amplitude, 4}, 25), 0.5, 1e-3);
  EXPECT_GT(value(samples, {number::envelope_height, 4}, 25), 100);
  EXPECT_LT(value(samples, {number::envelope_amplitude, 2}, 25), 0.01) << "the shaft's own line is outside the band";
  EXPECT_LT(value(samples, {number::envelope_height, 7}, 25), 10);
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
  EXPECT_GT(value(samples, {number::envelope_height, rates.bpfo}, shaft_hz), 20);
  EXPECT_GT(value(samples, {number::envelope_height, 2 * rates.bpfo}, shaft_hz), 20);
  EXPECT_LT(value(samples, {number::envelope_height, rates.bpfi}, shaft_hz), 10);
  EXPECT_LT(value(samples, {number::envelope_height, rates.bsf_2}, shaft_hz), 10);
}

TEST_P(Features, AreNotDefinedWhereTheSpectrumIsNot) {
  const std::vector<Feature> all{{number::band_rms, 0, 1'000},    {number::velocity_rms, 10, 1'000},
                                 {number::spectral_centroid},     {number::spectral_entropy},
                                 {number::line_frequency, 1},     {number::multiple_amplitude, 1},
                                 {number::envelope_amplitude, 1}, {number::low_frequency_share, 0, 5}};
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
  for (const std::uint16_t statistic : {number::band_rms, number::velocity_rms}) {
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

TEST_P(Features, LinesNeedTwoTurnsOfTheShaft) {
  const auto samples = sines(2'560, {{40, 1}, {4'000, 1}});  // a tenth of a second
  for (const std::uint16_t statistic : {number::multiple_amplitude, number::envelope_amplitude}) {
    EXPECT_TRUE(std::isnan(value(samples, {statistic, 2}, 19.9)));
    EXPECT_FALSE(std::isnan(value(samples, {statistic, 2}, 20)));
  }
}

TEST_P(Features, AnEnvelopeNeedsEightBins) {
  const auto samples = sines(2'560, {{4'000, 1}});
  for (const auto& [high, is_defined] : {std::pair{2'070.0, false}, {2'080.0, true}}) {
    BlockPlan plan;
    plan.features = {{number::envelope_amplitude, 3.5}};
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
  EXPECT_EQ(value(samples, {number::velocity_rms, 10, 1'000}), 0);
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
