// The judge judged: what rounding may do is let pass, what it cannot do is not.
#include "tests/unit/gpu_kernels/closeness.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include "gpu_kernels/backend.h"
#include "gpu_kernels/spectrum.h"

namespace stethos::kernels {
namespace {

// Lines at 1000 Hz and 3000 Hz, on bins, and what somebody says of them.
class Judge : public testing::Test {
 protected:
  void look_at(double first, double second) {
    for (std::size_t i = 0; i < 2560; ++i) {
      const double turns = static_cast<double>(i) / 25.6;
      samples_.push_back(static_cast<float>(first * std::sin(2 * std::numbers::pi * turns) +
                                            second * std::sin(2 * std::numbers::pi * (3 * turns + 0.1))));
    }
    plan_.features = {{number::line_frequency, 1}, {number::line_frequency, 2},   {number::line_amplitude, 1},
                      {number::line_amplitude, 2}, {number::line_amplitude, 100}, {number::spectral_rolloff, 0.5}};
    block_.samples = samples_.data();
    block_.count = samples_.size();
    block_.sampling_rate_hz = 25'600;
    block_.plan = &plan_;
    results_.resize(1);
    ASSERT_EQ(backend_->submit({&block_, 1}), KernelStatus::ok);
    ASSERT_EQ(backend_->collect(results_), KernelStatus::ok);
    said_.assign(results_[0].features.begin(), results_[0].features.end());
  }

  std::size_t objections() {
    BlockStatistics found = results_[0];
    found.features = said_;
    test::Closeness::Worst worst;
    return test::Closeness(block_, results_[0]).objections("cpu", found, worst).size();
  }

  std::unique_ptr<StatisticsBackend> backend_ = make_backend("reference");
  std::vector<float> samples_;
  BlockPlan plan_;
  BlockView block_;
  std::vector<BlockStatistics> results_;
  std::vector<double> said_;
};

TEST_F(Judge, TakesWhatTheReferenceSays) {
  look_at(1, 0.9);
  EXPECT_EQ(objections(), 0u);
}

TEST_F(Judge, LetsLinesOfNearlyOneHeightSwapTheirRanks) {
  look_at(1, 0.999999);
  std::swap(said_[0], said_[1]);
  EXPECT_EQ(objections(), 0u);
}

TEST_F(Judge, LetsNoOtherLinesSwapTheirRanks) {
  look_at(1, 0.999);
  std::swap(said_[0], said_[1]);
  EXPECT_EQ(objections(), 2u);
}

TEST_F(Judge, GivesALineNoTwoRanks) {
  look_at(1, 0.999999);
  said_[1] = said_[0];
  EXPECT_EQ(objections(), 1u);
}

TEST_F(Judge, HasNoLineMovedOrLeftOut) {
  look_at(1, 0.9);
  const auto right = said_;
  said_[0] += 0.001;  // of 10 Hz
  EXPECT_EQ(objections(), 1u);
  said_ = right;
  said_[2] *= 1.00002;
  EXPECT_EQ(objections(), 1u);
  said_ = right;
  said_[1] = said_[3] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(objections(), 2u);
}

TEST_F(Judge, LetsWhatRoundingHidesBeAnything) {
  look_at(1, 0.9);
  for (const double noise : {0.0, 1e-7, std::nan("")}) {
    said_[4] = noise;
    EXPECT_EQ(objections(), 0u) << noise;
  }
  said_[4] = 1e-3;
  EXPECT_EQ(objections(), 1u);
}

TEST_F(Judge, TakesARolloffOfAShareThatIsNotFarOff) {
  look_at(1, 1);  // half of it is below any bin between the lines
  ASSERT_NEAR(said_[5], 2'000, 1'010);
  for (const double hz : {1'010.0, 2'000.0, 2'990.0}) {
    said_[5] = hz;
    EXPECT_EQ(objections(), 0u) << hz;
  }
  for (const double hz : {990.0, 3'010.0}) {
    said_[5] = hz;
    EXPECT_EQ(objections(), 1u) << hz;
  }
}

}  // namespace
}  // namespace stethos::kernels
