#include "tests/unit/edge/window/bench.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

namespace stethos::edge {
namespace {

TEST(Windower, AnotherUnitCutsTheWindowsAndEachPartHasItsOwnRow) {
  Bench bench({tumbling(10 * s)});
  for (int i = 0; i < 4; ++i) bench.add(begin + i * s);
  bench.describe("q", "v", 2);
  for (int i = 0; i < 60; ++i) EXPECT_EQ(bench.add(begin + 3'500 * ms + i * s), Placed::placed) << i;
  const auto texts = bench.texts();
  ASSERT_GE(texts.size(), 3u);
  EXPECT_EQ(texts[0], "0+3500 r0 final 4");
  EXPECT_EQ(texts[1], "3500+6500 r0 final 7");
  EXPECT_EQ(texts[2], "10000+10000 r0 final 10");
  EXPECT_EQ(bench.rows[0].stream_version, 1u);
  EXPECT_EQ(bench.rows[1].stream_version, 2u);
  // Which window it was that the change cut.
  for (const std::size_t part : {0, 1}) {
    EXPECT_EQ(bench.rows[part].whole->start_ns, begin);
    EXPECT_EQ(bench.rows[part].whole->length_ns, 10 * s);
  }
  EXPECT_EQ(bench.rows[2].whole, nullptr);
}

TEST(Windower, AnEntryHoldsFromItsTimeOnWhateverTheOrder) {
  const auto rows_of = [](const std::vector<TimeNs>& times) {
    Bench bench({tumbling(10 * s), hopping(4 * s, 2 * s), session(3 * s)}, {.lateness_ns = 60 * s});
    for (const TimeNs time : times) {
      const bool is_later = time >= begin + 12'500 * ms;
      bench.describe(is_later ? "v" : "q", is_later ? "v" : "u", is_later ? 2 : 1,
                     is_later ? std::optional(begin + 12'500 * ms) : std::nullopt);
      EXPECT_EQ(bench.add(time), Placed::placed);
      bench.restart();
    }
    bench.complete(begin + 1'000 * s);
    std::map<std::pair<std::uint64_t, TimeNs>, std::tuple<DurationNs, std::uint64_t, std::uint64_t>> rows;
    for (const auto& [window, row] : bench.standing()) rows[window] = {row->length_ns, row->counts->good, row->stream_version};
    return rows;
  };
  std::vector<TimeNs> times;
  for (int i = 0; i < 30; ++i) times.push_back(begin + i * s);
  const auto expected = rows_of(times);
  std::mt19937 random(1);
  for (int round = 0; round < 10; ++round) {
    std::ranges::shuffle(times, random);
    EXPECT_EQ(rows_of(times), expected);
  }
  const std::uint64_t whole = window_definitions({tumbling(10 * s)})[0].id;
  EXPECT_EQ(expected.at({whole, begin + 10 * s}), (std::tuple{2'500 * ms, 3u, 1u}));
  EXPECT_EQ(expected.at({whole, begin + 12'500 * ms}), (std::tuple{7'500 * ms, 7u, 2u}));
  const std::uint64_t overlapping = window_definitions({hopping(4 * s, 2 * s)})[0].id;
  EXPECT_EQ(expected.at({overlapping, begin + 10 * s}), (std::tuple{2'500 * ms, 3u, 1u}));
  EXPECT_EQ(expected.at({overlapping, begin + 12 * s}), (std::tuple{500 * ms, 1u, 1u}));
  EXPECT_EQ(expected.at({overlapping, begin + 12'500 * ms}), (std::tuple{3'500 * ms, 3u, 2u}));
  EXPECT_EQ(expected.at({overlapping, begin + 14 * s}), (std::tuple{4 * s, 4u, 2u}));
}

TEST(Windower, OfAnotherUnitThatIsNotNewerNothingIsPlaced) {
  Bench bench({tumbling(10 * s)}, {.lateness_ns = 60 * s});
  bench.add(begin + 5 * s);
  bench.describe("q", "u", 2);
  EXPECT_EQ(bench.add(begin + 4 * s), Placed::placed) << "only the labels differ: it goes to the part as it was";
  bench.describe("q", "v", 3);
  EXPECT_EQ(bench.add(begin + 4 * s), Placed::unit_differs);
  EXPECT_EQ(bench.add(begin + 5 * s), Placed::unit_differs);
  EXPECT_EQ(bench.counts().late, 2u);
  EXPECT_EQ(bench.add(begin + 6 * s), Placed::placed);
  bench.complete(begin + 100 * s);
  EXPECT_EQ(bench.texts(), (Texts{"0+6000 r0 final 2", "6000+4000 r0 final 1"}));
}

// The device was mended: another unit, and the right time again.
TEST(Windower, AClockThatComesBackWithAnotherUnitIsFollowed) {
  for (const WindowConfig& window : {tumbling(10 * s), hopping(10 * s, 5 * s), session(2 * s), count(10)}) {
    Bench bench({window}, with_rebase);
    for (int i = 0; i < 15; ++i) bench.add(begin + i * s);
    for (int i = 200; i < 215; ++i) bench.add(begin + i * s);
    bench.describe("q", "v", 2);
    for (int i = 20; i < 22; ++i) EXPECT_EQ(bench.add(begin + i * s), Placed::unit_differs);
    for (int i = 22; i < 200; ++i) {
      EXPECT_EQ(bench.add(begin + i * s), Placed::placed) << i << " " << window.length << " " << window.hop;
    }
    EXPECT_EQ(bench.totals[Counter::streams_rebased], 1u);
    for (int i = 200; i < 300; ++i) bench.add(begin + i * s);
    bench.complete(begin + 1'000 * s);
    std::map<std::uint64_t, std::uint64_t> good;
    for (const auto& [window_of, row] : bench.standing()) good[row->stream_version] += row->counts->good;
    if (window.hop > 0) continue;
    EXPECT_EQ(good[1] + good[2] + (window.samples > 0 ? bench.open_samples() : 0), bench.counts().good);
  }
}

TEST(Windower, ADefinitionMayTakeOnePartAndNotTheOther) {
  WindowConfig first = tumbling(10 * s), other = tumbling(10 * s), counted = count(100);
  first.quantity = "q";
  other.quantity = "v";
  counted.quantity = "q";
  Bench bench({first, other, counted});
  for (int i = 0; i < 5; ++i) bench.add(begin + i * s);
  bench.describe("v", "m", 2);
  for (int i = 5; i < 40; ++i) EXPECT_EQ(bench.add(begin + i * s), Placed::placed);
  const auto definitions = window_definitions({first, other, counted});
  const auto standing = bench.standing();
  EXPECT_EQ(standing.at({definitions[0].id, begin})->length_ns, 5 * s);
  EXPECT_EQ(standing.at({definitions[1].id, begin + 5 * s})->counts->good, 5u);
  EXPECT_EQ(standing.at({definitions[2].id, begin})->counts->good, 5u);
  EXPECT_EQ(bench.part_count(), 1u) << "nothing can change the first any more";
  EXPECT_FALSE(standing.contains({definitions[0].id, begin + 10 * s}));
}

TEST(Windower, OfManyPartsTheOldestIsSentAsItIs) {
  Bench bench({tumbling(100 * s)}, {.watermark_delay_ns = 1'000 * s, .lateness_ns = 0});
  for (std::uint64_t i = 0; i < 20; ++i) {
    bench.describe("q", "u" + std::to_string(i), i + 1);
    EXPECT_EQ(bench.add(begin + static_cast<TimeNs>(i) * s), Placed::placed);
    EXPECT_LE(bench.part_count(), parts_per_stream_max);
  }
  EXPECT_EQ(bench.rows.size(), 20u - parts_per_stream_max);
  EXPECT_EQ(bench.texts().front(), "0+1000 r0 final 1");
  EXPECT_EQ(bench.add(begin), Placed::late);
  bench.complete(begin + 1'000 * s);
  EXPECT_EQ(bench.standing().size(), 20u);
}

TEST(Windower, WhatWasMissingAtTheEndOfAPartIsToldThoughThereAreTooMany) {
  Bench bench({tumbling(s)}, {.watermark_delay_ns = 1'000 * s, .lateness_ns = 0});
  bench.expect_every(500 * ms);
  bench.add(begin);
  for (std::uint64_t i = 1; i <= parts_per_stream_max; ++i) {
    bench.describe("q", "u", i + 1);
    bench.add(begin + static_cast<TimeNs>(i) * 10 * s);
  }
  EXPECT_EQ(bench.silence_texts(), Texts{"1000 x9 final"});
}

TEST(Windower, ACutOfLabelsNeitherMakesNorBreaksASilence) {
  Bench bench({tumbling(s)});
  bench.expect_every(500 * ms);
  bench.add(begin);
  bench.describe("q", "u", 2);
  bench.add(begin + 5'500 * ms);
  bench.add(begin + 6'100 * ms);
  bench.add(begin + 30 * s);
  bench.add(begin + 60 * s);
  EXPECT_EQ(bench.silence_texts(), (Texts{"1000 x4 final", "7000 x23 final"}));
  bench.describe("v", "m", 3);
  bench.add(begin + 90 * s);
  bench.add(begin + 120 * s);
  bench.add(begin + 150 * s);
  EXPECT_EQ(bench.silence_texts(), (Texts{"1000 x4 final", "7000 x23 final", "31000 x29 final", "91000 x29 final"}));
}

}  // namespace
}  // namespace stethos::edge
