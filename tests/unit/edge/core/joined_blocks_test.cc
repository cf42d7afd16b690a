#include "edge/core/joined_blocks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "edge/core/limits.h"

namespace stethos::edge {
namespace {

using End = JoinedBlocks::End;

constexpr double interval_ns = 100'000;
constexpr TimeNs begin_ns = 1'000 * ns_per_s;

TimeNs at(std::size_t sample) { return begin_ns + static_cast<TimeNs>(sample) * 100'000; }

// Sample i has the value i.
std::vector<float> count_up(std::size_t samples) {
  std::vector<float> out(samples);
  for (std::size_t i = 0; i < samples; ++i) out[i] = static_cast<float>(i);
  return out;
}

JoinableBlock block_of(std::span<const float> samples, TimeNs start_ns) {
  JoinableBlock block;
  block.samples.samples = samples.data();
  block.samples.count = samples.size();
  block.samples.sampling_rate_hz = 1e9 / interval_ns;
  block.start_ns = start_ns;
  block.interval_ns = interval_ns;
  block.version = 1;
  return block;
}

struct Cut {
  TimeNs block_ns = 0;
  TimeNs start_ns = 0;
  std::vector<double> values;
  double hz = 0;

  bool operator==(const Cut&) const = default;
};

class JoinedBlocksTest : public testing::Test {
 protected:
  JoinedBlocks::Outcome take(const JoinableBlock& block, const Cutting& cutting) {
    std::vector<AnalysisBlock> out;
    std::deque<std::vector<std::uint8_t>> memory;
    const auto outcome = joined_->take(block, cutting, memory, out);
    for (const AnalysisBlock& each : out) {
      Cut& cut = cuts_.emplace_back(each.block_ns, each.start_ns, std::vector<double>{}, each.speed.hz);
      for (std::size_t i = 0; i < each.samples.count; ++i) cut.values.push_back(kernels::sample_of(each.samples, i));
    }
    return outcome;
  }

  // As another process would find it.
  void restart() {
    const KeptBlocks kept = joined_->kept();
    joined_ = std::make_unique<JoinedBlocks>(bytes_);
    joined_->restore(kept);
  }

  KeptBytes bytes_;
  std::unique_ptr<JoinedBlocks> joined_ = std::make_unique<JoinedBlocks>(bytes_);
  std::vector<Cut> cuts_;
};

// However a signal is cut into blocks, and whenever the process dies between them.
TEST_F(JoinedBlocksTest, CutsTheSameOfAnyBlocks) {
  std::mt19937 random(1);
  const auto up_to = [&](std::size_t max) { return std::uniform_int_distribution<std::size_t>(1, max)(random); };
  for (int round = 0; round < 200; ++round) {
    joined_ = std::make_unique<JoinedBlocks>(bytes_);
    cuts_.clear();
    const std::vector<float> signal = count_up(5'000);
    const std::size_t length = up_to(1'200);
    const Cutting cutting{.samples = length, .hop = up_to(length), .gap_ns_max = 0};
    const std::size_t block_max = up_to(2'000);
    std::vector<std::size_t> starts;
    for (std::size_t from = 0; from < signal.size();) {
      const std::size_t count = std::min(up_to(block_max), signal.size() - from);
      starts.push_back(from);
      ASSERT_EQ(take(block_of(std::span(signal).subspan(from, count), at(from)), cutting).end, End::none);
      from += count;
      if (round % 2 == 0) restart();
    }
    std::vector<Cut> expected;
    for (std::size_t from = 0; from + length <= signal.size(); from += cutting.hop) {
      const std::size_t own_block = *std::prev(std::ranges::upper_bound(starts, from));
      expected.push_back(
          {at(own_block),
           at(from),
           {signal.begin() + static_cast<std::ptrdiff_t>(from), signal.begin() + static_cast<std::ptrdiff_t>(from + length)},
           0});
    }
    ASSERT_TRUE(cuts_ == expected) << "round " << round;
  }
  joined_.reset();
  EXPECT_EQ(bytes_.now, 0u) << "what is kept is counted to the byte";
}

TEST_F(JoinedBlocksTest, KeepsNoMoreThanTheNextAnalysisBlockNeeds) {
  const std::vector<float> signal = count_up(3'000);
  const Cutting cutting{.samples = 1'000, .hop = 500, .gap_ns_max = 0};
  for (std::size_t from = 0; from < 3'000; from += 300) {
    take(block_of(std::span(signal).subspan(from, 300), at(from)), cutting);
    EXPECT_LT(bytes_.now, (1'000 + 300) * (sizeof(float) + 1));
  }
}

TEST_F(JoinedBlocksTest, AGapOrABlockOutOfOrderBeginsAnew) {
  const std::vector<float> signal = count_up(1'000);
  const Cutting cutting{.samples = 600, .hop = 300, .gap_ns_max = 2 * ns_per_ms};
  const auto part = [&](std::size_t from, DurationNs late_ns) {
    return block_of(std::span(signal).subspan(from, 200), at(from) + late_ns);
  };
  take(part(0, 0), cutting);
  EXPECT_EQ(take(part(200, 2 * ns_per_ms), cutting).end, End::none) << "as much as stamps are rounded";
  const auto gap = take(part(400, 5 * ns_per_ms), cutting);
  EXPECT_EQ(gap.end, End::gap);
  EXPECT_EQ(gap.gap_ns, 3 * ns_per_ms) << "from the end of the block before";
  EXPECT_TRUE(gap.in_vain);
  const auto back = take(part(200, 0), cutting);
  EXPECT_EQ(back.end, End::gap);
  EXPECT_LT(back.gap_ns, 0);
  EXPECT_TRUE(cuts_.empty());
  take(part(400, 0), cutting);
  take(part(600, 0), cutting);
  ASSERT_EQ(cuts_.size(), 1u);
  EXPECT_EQ(cuts_[0].start_ns, at(200));
  take(part(800, 0), cutting);
  EXPECT_FALSE(take(part(0, 0), cutting).in_vain) << "an analysis block had come of it";
}

// Less than is tolerated each time would add up: frequencies were 2 % wrong.
TEST_F(JoinedBlocksTest, WhatIsMissingFromEachBlockIsNoticed) {
  const std::vector<float> signal = count_up(100);
  const Cutting cutting{.samples = 1'000, .hop = 1'000, .gap_ns_max = 2 * ns_per_ms};
  std::vector<End> ends;
  for (std::size_t i = 0; i < 6; ++i) ends.push_back(take(block_of(signal, at(i * 115)), cutting).end);
  EXPECT_EQ(ends, (std::vector{End::none, End::none, End::gap, End::none, End::gap, End::none}));
  // Stamps that are rounded do not add up.
  joined_ = std::make_unique<JoinedBlocks>(bytes_);
  for (std::size_t i = 0; i < 20; ++i) {
    const TimeNs rounded = at(i * 100) + (i % 3 == 0 ? ns_per_ms : i % 3 == 1 ? -ns_per_ms : 0);
    EXPECT_EQ(take(block_of(signal, rounded), cutting).end, End::none);
  }
}

TEST_F(JoinedBlocksTest, ABlockThatIsMissingIsNoticedHoweverShort) {
  const std::vector<float> signal = count_up(8);
  const Cutting cutting{.samples = 300, .hop = 300, .gap_ns_max = 2 * ns_per_ms};
  take(block_of(signal, at(0)), cutting);
  EXPECT_EQ(take(block_of(signal, at(8)), cutting).end, End::none);
  EXPECT_EQ(take(block_of(signal, at(24)), cutting).end, End::gap) << "0.8 ms of 2 that may be";
  EXPECT_EQ(take(block_of(signal, at(16)), cutting).end, End::gap) << "out of order";
}

TEST_F(JoinedBlocksTest, OnlyBlocksThatAreAlikeAreJoined) {
  const std::vector<float> signal = count_up(400);
  const Cutting cutting{.samples = 300, .hop = 300, .gap_ns_max = ns_per_ms};
  const auto first = block_of(std::span(signal).first(200), at(0));
  const auto second = block_of(std::span(signal).subspan(200), at(200));
  const auto end_of = [&](auto change) {
    joined_ = std::make_unique<JoinedBlocks>(bytes_);
    take(first, cutting);
    JoinableBlock other = second;
    change(other);
    return take(other, cutting).end;
  };
  EXPECT_EQ(end_of([](JoinableBlock&) {}), End::none);
  EXPECT_EQ(end_of([](JoinableBlock& each) { each.interval_ns *= 1 + 1e-9; }), End::none) << "a rate that was rounded";
  EXPECT_EQ(end_of([](JoinableBlock& each) { each.interval_ns *= 1.001; }), End::change);
  EXPECT_EQ(end_of([](JoinableBlock& each) { each.version = 2; }), End::change);
  EXPECT_EQ(end_of([](JoinableBlock& each) { each.speed.source = schema::SpeedSource::nominal; }), End::change);
}

TEST_F(JoinedBlocksTest, TheSpeedIsTheMeanOverTheSamples) {
  const std::vector<float> signal = count_up(400);
  const Cutting cutting{.samples = 300, .hop = 100, .gap_ns_max = 0};
  auto first = block_of(std::span(signal).first(200), at(0));
  auto second = block_of(std::span(signal).subspan(200), at(200));
  first.speed = {.hz = 20, .source = schema::SpeedSource::block};
  second.speed = {.hz = 26, .source = schema::SpeedSource::block};
  take(first, cutting);
  take(second, cutting);
  ASSERT_EQ(cuts_.size(), 2u);
  EXPECT_EQ(cuts_[0].hz, 22);
  EXPECT_EQ(cuts_[1].hz, 24);
}

TEST_F(JoinedBlocksTest, WholeNumbersStayAsTheyCameWhereTheirScaleDoes) {
  const std::vector<std::int16_t> raw{1, 2, 3, 4};
  const Cutting cutting{.samples = 8, .hop = 8, .gap_ns_max = 0};
  const auto scaled = [&](std::size_t from, double scale) {
    JoinableBlock block = block_of({}, at(from));
    block.samples.encoding = kernels::BlockView::Encoding::i16;
    block.samples.samples = raw.data();
    block.samples.count = raw.size();
    block.samples.scale = scale;
    block.samples.offset = 0.25;
    return block;
  };
  take(scaled(0, 0.1), cutting);
  take(scaled(4, 0.1), cutting);
  take(scaled(8, 0.1), cutting);
  take(scaled(12, 0.2), cutting);
  ASSERT_EQ(cuts_.size(), 2u);
  EXPECT_EQ(cuts_[0].values[5], 0.1 * 2 + 0.25);
  EXPECT_EQ(cuts_[1].values[1], static_cast<float>(0.1 * 2 + 0.25)) << "of two scales it is float32";
  EXPECT_EQ(cuts_[1].values[7], static_cast<float>(0.2 * 4 + 0.25));
}

TEST_F(JoinedBlocksTest, WhereThereIsNoRoomNothingIsKept) {
  const std::vector<float> signal = count_up(100);
  const Cutting cutting{.samples = 150, .hop = 150, .gap_ns_max = 0};
  bytes_.now = kept_bytes_max - 500;
  EXPECT_EQ(take(block_of(signal, at(0)), cutting).end, End::none);
  const auto full = take(block_of(std::span(signal).first(40), at(100)), cutting);
  EXPECT_EQ(full.end, End::no_room);
  EXPECT_TRUE(full.in_vain);
  EXPECT_EQ(bytes_.now, kept_bytes_max - 500);
}

TEST_F(JoinedBlocksTest, AloneOnlyWhatLiesWithinIsCut) {
  const std::vector<float> signal = count_up(1'000);
  std::vector<AnalysisBlock> out;
  cut_alone(block_of(signal, at(0)), {.samples = 300, .hop = 150, .gap_ns_max = 0}, out);
  ASSERT_EQ(out.size(), 5u);
  EXPECT_EQ(out[4].start_ns, at(600));
  EXPECT_EQ(out[4].block_ns, at(0));
}

}  // namespace
}  // namespace stethos::edge
