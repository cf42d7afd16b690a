#include "edge/core/cutting.h"

#include <gtest/gtest.h>

#include "edge/never_defined.h"
#include "edge/window/block_plans.h"
#include "gpu_kernels/spectrum.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

constexpr double rate_hz = 12'000;
constexpr double shaft_hz = 1'797.0 / 60;

class CuttingTest : public testing::Test {
 protected:
  CuttingTest() {
    config_.time_watermark_delay = 5 * ns_per_s;
    spectrum().quantity = "acceleration";
    spectrum().velocity_bands = {"10-1000Hz"};
    spectrum().multiples = {"1x"};
    spectrum().envelope_band = "2000-5000Hz";
    spectrum().bearing_harmonics = 2;
    spectrum().line_tolerance = 0.02;
    spectrum().length = "auto";
    config_.bearings = {{.name = "6205", .elements = 9, .element_diameter_mm = 7.94, .pitch_diameter_mm = 39.04}};
    entry_.bearing = "6205";
  }
  SpectrumConfig& spectrum() { return config_.spectra.front(); }

  Cutting cutting(double at_hz, double nominal_hz) {
    const std::vector<WindowDefinition> definitions = window_definitions(config_.windows);
    plans_ = std::make_unique<BlockPlans>(config_, definitions);
    plan_ = plans_->plan_of("d", "acceleration", "g", &entry_);
    return cutting_of(*plan_, at_hz, nominal_hz);
  }

  // What such a block cannot have, of the shaft's speed or of the rest.
  std::string lacking(std::size_t samples, double at_hz, double turning_hz, bool of_speed) const {
    kernels::BlockView block;
    block.plan = &plan_->kernel;
    block.count = samples;
    block.sampling_rate_hz = at_hz;
    block.shaft_hz = turning_hz;
    return never_defined(*plan_, block, of_speed);
  }

  EdgeConfig config_ = [] {
    EdgeConfig config = core_config();
    config.spectra.resize(1);
    return config;
  }();
  PointEntry entry_;
  std::unique_ptr<BlockPlans> plans_;
  const BlockPlan* plan_ = nullptr;
};

TEST_F(CuttingTest, AutomaticallyLongEnoughForAllFirstLines) {
  spectrum().bearing_harmonics = 1;
  for (const double at_hz : {6'400.0, 12'000.0, 25'600.0, 48'000.0}) {
    const Cutting cut = cutting(at_hz, shaft_hz);
    for (const double turning_hz : {shaft_hz, 0.9 * shaft_hz}) {
      EXPECT_EQ(lacking(cut.samples, at_hz, turning_hz, true), "") << at_hz;
      EXPECT_EQ(lacking(cut.samples, at_hz, turning_hz, false), "") << at_hz;
    }
    EXPECT_EQ(cut.samples % 2, 0u);
    EXPECT_EQ(cut.hop, cut.samples);
  }
}

// Half of it does not do.
TEST_F(CuttingTest, AutomaticallyNoLongerThanNeeded) {
  spectrum().bearing_harmonics = 1;
  const Cutting cut = cutting(rate_hz, shaft_hz);
  EXPECT_NE(lacking(cut.samples * 8 / 10, rate_hz, 0.9 * shaft_hz, true), "");
}

TEST_F(CuttingTest, AutomaticallyWithinTheDelayOfTheWatermarkAndTheLongestSpectrum) {
  EXPECT_LE(cutting(rate_hz, 0.1).samples, 60'000u) << "5 s";
  EXPECT_GT(cutting(rate_hz, 0.1).samples, 58'000u);
  EXPECT_LE(cutting(200'000, 1).samples, kernels::spectrum_samples_max);
  EXPECT_EQ(objection_to_analysis_samples(cutting(200'000, 1).samples), "");
}

TEST_F(CuttingTest, WithoutASpeedASecond) {
  entry_.bearing = "";
  EXPECT_EQ(cutting(rate_hz, 0).samples, 12'000u);
}

TEST_F(CuttingTest, AsConfigured) {
  spectrum().length = "250ms";
  spectrum().overlap = 0.75;
  EXPECT_EQ(cutting(rate_hz, shaft_hz).samples, 3'000u);
  EXPECT_EQ(cutting(rate_hz, shaft_hz).hop, 750u);
  EXPECT_EQ(objection_to_analysis_samples(cutting(100, shaft_hz).samples),
            "analysis blocks of 25 samples are none: they have 256 to 131072");
}

}  // namespace
}  // namespace stethos::edge
