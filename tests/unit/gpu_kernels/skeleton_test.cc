// That what docs/adding-a-statistic.md tells to copy works as it stands.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <vector>

#include "gpu_kernels/backend.h"
#include "gpu_kernels/reference_backend.h"
#include "tests/unit/gpu_kernels/skeleton_statistic.h"

namespace stethos::kernels {
namespace {

TEST(SkeletonDefinitions, AreAsTheRegistryWantsThem) {
  for (const StatisticDefinition& each : skeleton_statistics()) {
    EXPECT_EQ(find_statistic(each.number), nullptr) << "the number is taken";
    EXPECT_EQ(find_statistic(each.name), nullptr) << "the name is taken: choose another example";
    EXPECT_FALSE(each.formula.empty());
    EXPECT_FALSE(each.edge_cases.empty());
    EXPECT_EQ(unit_of(each, "g"), each.unit == UnitRule::same ? "g" : "1");
  }
}

class Skeleton : public testing::TestWithParam<std::string_view> {
 protected:
  static Moments moments_of(const std::vector<float>& samples) {
    const auto backend = make_backend(GetParam());
    const BlockView block{.samples = samples.data(), .count = samples.size()};
    std::vector<BlockStatistics> results(1);
    EXPECT_EQ(backend->submit({&block, 1}), KernelStatus::ok);
    EXPECT_EQ(backend->collect(results), KernelStatus::ok);
    return results.front().moments;
  }
};
INSTANTIATE_TEST_SUITE_P(All, Skeleton, testing::ValuesIn(backend_names()),
                         [](const auto& each) { return std::string(each.param); });

TEST_P(Skeleton, AWindowHasItsMiddle) {
  const StatisticDefinition& middle = skeleton_statistics().front();
  const Moments a = moments_of({1, 2, 7}), b = moments_of({-5, 0});
  EXPECT_EQ(middle.compute(a), 4);
  EXPECT_EQ(middle.compute(merge(a, b)), 1);
  EXPECT_TRUE(std::isnan(middle.compute(Moments{})));
}

double flatness(const std::vector<float>& samples) {
  const BlockView block{.samples = samples.data(), .count = samples.size()};
  const auto mean_square = reference_spectrum(block, reference_moments(block));
  return skeleton_feature({skeleton_number::spectral_flatness}, {mean_square, 1});
}

TEST(SkeletonFeature, ABlockHasItsFlatness) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> noise(25'600), line(2'560);
  for (float& each : noise) each = normal(random);
  for (std::size_t i = 0; i < line.size(); ++i) {
    line[i] = static_cast<float>(std::sin(2 * std::numbers::pi * 0.1 * static_cast<double>(i)));
  }
  // Of noise each s_k is exponentially distributed, whose logarithm is the logarithm of its mean less Euler's constant.
  EXPECT_NEAR(flatness(noise), std::exp(-std::numbers::egamma), 0.02);
  EXPECT_LT(flatness(line), 1e-6);
  EXPECT_TRUE(std::isnan(flatness(std::vector<float>(100, 3.0F))));
}

}  // namespace
}  // namespace stethos::kernels
