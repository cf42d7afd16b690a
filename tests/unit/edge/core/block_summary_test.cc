#include "edge/core/block_summary.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "edge/core/limits.h"
#include "schemas/envelope.h"

namespace stethos::edge {
namespace {

BlockPlan plan_of() {
  BlockPlan plan;
  plan.kernel.features = {{21, 10, 1'000}, {23}};
  plan.parameters = {"10-1000Hz", ""};
  return plan;
}

struct Block {
  std::array<double, 2> features;
  std::array<std::uint16_t, 2> indices{100, 200};
  std::array<std::uint32_t, 2> counts{3, 4};
  kernels::Validity validity{.blocks = 1, .longest_repeat = 5, .distinct_share = 0.5};

  kernels::BlockStatistics view() const {
    return {.moments = {}, .validity = validity, .buckets = {indices, counts}, .features = features};
  }
};

TEST(BlockSummary, KeepsTheSumTheMaximumAndTheLastByTime) {
  BlockSummary summary;
  const BlockPlan plan = plan_of();
  add_block(summary, plan, Block{{2, 10}}.view(), 20, {.hz = 25, .source = schema::SpeedSource::stream, .age_ns = 1});
  add_block(summary, plan, Block{{4, std::nan("")}}.view(), 10, {.hz = 30, .source = schema::SpeedSource::nominal});
  add_block(summary, plan, Block{{-1, 7}}.view(), 20, {});
  ASSERT_EQ(summary.features.size(), 2U);
  EXPECT_EQ(summary.features[0], (FeatureSummary{21, "10-1000Hz", 3, 5, 21, 4, -1, 20}))
      << "of two at one time the one that came later";
  EXPECT_EQ(summary.features[1], (FeatureSummary{23, "", 2, 17, 149, 10, 7, 20})) << "where it is not defined it is left out";
  EXPECT_EQ(summary.speed.hz, 25) << "that of the last block that had one";
  EXPECT_EQ(summary.buckets, (kernels::Buckets{{100, 9}, {200, 12}}));
  EXPECT_EQ(summary.validity.blocks, 3U);
}

// A session may last through more configurations than its row has room for.
TEST(BlockSummary, BeyondTheirNumberThoseThatWereComputedLongestAgoLeave) {
  const auto plan_with = [](int first) {
    BlockPlan plan;
    for (int i = first; i < first + 100; ++i) {
      plan.kernel.features.push_back({21});
      plan.parameters.push_back(std::to_string(i) + "Hz");
    }
    return plan;
  };
  const std::vector<double> values(100, 1.5);
  BlockSummary summary, other;
  for (int i = 0; i < 5; ++i)
    add_block(summary, plan_with(50 * i), {.moments = {}, .validity = {}, .buckets = {}, .features = values}, i, {});
  ASSERT_EQ(summary.features.size(), features_per_pane_max);
  EXPECT_EQ(summary.features.back().parameter, "299Hz");
  EXPECT_EQ(summary.features.back().blocks, 1U);
  add_block(other, plan_with(1'000), {.moments = {}, .validity = {}, .buckets = {}, .features = values}, 9, {});
  const BlockSummary both = joined(summary, other);
  ASSERT_EQ(both.features.size(), features_per_pane_max);
  EXPECT_EQ(both.features.back().parameter, "1099Hz");
  EXPECT_TRUE(decode_block_summary(encode(both)).has_value());
}

TEST(BlockSummary, JoiningIsAddingAndOtherPlansStandBeside) {
  const BlockPlan plan = plan_of();
  BlockPlan other;
  other.kernel.features = {{23}};
  other.parameters = {""};
  BlockSummary whole, first, second;
  const auto add = [](BlockSummary& to, const BlockPlan& with, double value, TimeNs at) {
    add_block(to, with, Block{{value, value}}.view(), at, {.hz = value, .source = schema::SpeedSource::block});
  };
  for (const auto& [value, at] : {std::pair{1.0, 1}, {2.0, 2}}) {
    add(whole, plan, value, at);
    add(first, plan, value, at);
  }
  for (const auto& [value, at] : {std::pair{4.0, 3}, {3.0, 4}}) {
    add(whole, plan, value, at);
    add(second, plan, value, at);
  }
  EXPECT_EQ(joined(first, second), whole);
  EXPECT_EQ(joined(first, BlockSummary{}), first);
  EXPECT_EQ(joined(BlockSummary{}, first), first);
  kernels::BlockStatistics single;
  const std::array<double, 1> value{9};
  single.features = value;
  add_block(first, other, single, 9, {});
  ASSERT_EQ(first.features.size(), 2U);
  EXPECT_EQ(first.features[1], (FeatureSummary{23, "", 3, 12, 86, 9, 9, 9}));
}

// The release before did not sum squares: of its panes, and of what they are joined with, no root of a mean of squares is known.
TEST(BlockSummary, OfAPaneOfTheReleaseBeforeNoSumOfSquaresIsKnown) {
  schema::PaneMoreT before;
  before.features.push_back(std::make_unique<schema::PaneFeatureT>());
  before.features[0]->statistic = 21;
  before.features[0]->parameter = "10-1000Hz";
  before.features[0]->blocks = 2;
  before.features[0]->sum = 6;
  before.features[0]->max = 4;
  const auto read = decode_block_summary(schema::pack(before));
  ASSERT_TRUE(read);
  EXPECT_TRUE(std::isnan(read->features.at(0).sum_squares));
  BlockSummary after;
  add_block(after, plan_of(), Block{{5, 1}}.view(), 9, {});
  const BlockSummary both = joined(*read, after);
  EXPECT_TRUE(std::isnan(both.features.at(0).sum_squares));
  EXPECT_EQ(both.features.at(0).sum, 11);
  EXPECT_FALSE(encode(both).empty());
  before.features[0]->blocks = 0;
  before.features[0]->sum = before.features[0]->max = 0;
  const auto of_none = decode_block_summary(schema::pack(before));
  ASSERT_TRUE(of_none);
  EXPECT_EQ(joined(*of_none, after).features.at(0).sum_squares, 25) << "it had no block yet";
}

TEST(BlockSummary, IsWrittenAndReadAgainToTheBit) {
  EXPECT_TRUE(encode(BlockSummary{}).empty()) << "most panes are of readings";
  EXPECT_EQ(*decode_block_summary({}), BlockSummary{});
  BlockSummary summary;
  add_block(summary, plan_of(), Block{{0.1, std::nan("")}}.view(), -5,
            {.hz = 1.0 / 3, .source = schema::SpeedSource::stream, .age_ns = 7});
  const auto bytes = encode(summary);
  const auto again = decode_block_summary(bytes);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, summary);
}

TEST(BlockSummary, DamagedBytesAreAnError) {
  BlockSummary summary;
  add_block(summary, plan_of(), Block{{1, 2}}.view(), 5, {});
  auto bytes = encode(summary);
  EXPECT_FALSE(decode_block_summary(std::span(bytes).first(bytes.size() / 2)));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= 0x40;
    static_cast<void>(decode_block_summary(bytes));  // an error or other numbers, never a crash
    bytes[i] ^= 0x40;
  }
}

}  // namespace
}  // namespace stethos::edge
