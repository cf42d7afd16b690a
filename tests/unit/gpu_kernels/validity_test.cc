// Validity: known blocks, and the laws of merging, which hold bit for bit.
#include "gpu_kernels/validity.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

#include "gpu_kernels/backend.h"

namespace stethos::kernels {
namespace {

Validity random_validity(std::mt19937& random) {
  const std::uint64_t blocks = 1 + random() % 5;
  return {.blocks = blocks,
          .blocks_of_full_scale = random() % (blocks + 1),
          .clipped = random() % 1'000,
          .longest_repeat = random() % 1'000,
          .longest_same_sign = random() % 1'000,
          .distinct_share = static_cast<double>(1 + random() % 1'000) / 1'000};
}

TEST(ValidityMerge, InAnyOrderAndGroupingIsTheSame) {
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    const Validity a = random_validity(random), b = random_validity(random), c = random_validity(random);
    EXPECT_EQ(merge(a, b), merge(b, a));
    EXPECT_EQ(merge(merge(a, b), c), merge(a, merge(b, c)));
    EXPECT_EQ(merge(a, {}), a);
    EXPECT_EQ(merge({}, a), a);
  }
}

TEST(ValidityMerge, AddsCountsAndKeepsTheWorstBlock) {
  const Validity a{
      .blocks = 2, .blocks_of_full_scale = 1, .clipped = 3, .longest_repeat = 4, .longest_same_sign = 9, .distinct_share = 0.5};
  const Validity b{
      .blocks = 1, .blocks_of_full_scale = 1, .clipped = 5, .longest_repeat = 7, .longest_same_sign = 8, .distinct_share = 0.75};
  const Validity both{
      .blocks = 3, .blocks_of_full_scale = 2, .clipped = 8, .longest_repeat = 7, .longest_same_sign = 9, .distinct_share = 0.5};
  EXPECT_EQ(merge(a, b), both);
}

class ValidityOfABlock : public testing::TestWithParam<std::string_view> {
 protected:
  static Validity of(const std::vector<float>& samples, double full_scale = 0) {
    BlockPlan plan;
    plan.validity = true;
    BlockView block{.samples = samples.data(), .count = samples.size()};
    block.plan = &plan;
    block.full_scale = full_scale;
    block.plausible_max = 4;  // does not matter
    const auto backend = make_backend(GetParam());
    std::vector<BlockStatistics> results(1);
    EXPECT_EQ(backend->submit({&block, 1}), KernelStatus::ok);
    EXPECT_EQ(backend->collect(results), KernelStatus::ok);
    return results.front().validity;
  }
};
INSTANTIATE_TEST_SUITE_P(All, ValidityOfABlock, testing::ValuesIn(backend_names()),
                         [](const auto& each) { return std::string(each.param); });

TEST_P(ValidityOfABlock, KnownValues) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  // Runs end at a zero (of signs), at what is not finite, and at the end.
  EXPECT_EQ(of({1, 1, 1, 2, 5, 0, -0.0F, 0, 0, -5, -1, nan, -1, -1}, 5), (Validity{.blocks = 1,
                                                                                   .blocks_of_full_scale = 1,
                                                                                   .clipped = 2,
                                                                                   .longest_repeat = 4,
                                                                                   .longest_same_sign = 5,
                                                                                   .distinct_share = 6.0 / 13}));
  EXPECT_EQ(of({infinity, -infinity, infinity}, 5), (Validity{.blocks = 1, .blocks_of_full_scale = 1, .clipped = 3}));
  EXPECT_EQ(of({7, 7}), (Validity{.blocks = 1, .longest_repeat = 2, .longest_same_sign = 2, .distinct_share = 0.5}));
  EXPECT_EQ(of({}), (Validity{.blocks = 1}));
}

}  // namespace
}  // namespace stethos::kernels
