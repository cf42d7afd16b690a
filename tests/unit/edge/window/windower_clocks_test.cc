#include "tests/unit/edge/window/bench.h"

#include <gtest/gtest.h>

#include <vector>

namespace stethos::edge {
namespace {

TEST(Windower, AClockThatJumpedAheadAndCameBackDoesNotStrandItsStream) {
  Bench bench({tumbling(s)}, with_rebase);
  for (int i = 0; i < 5; ++i) bench.add(begin + i * s);
  for (int i = 0; i < 20; ++i) bench.add(begin + (200 + i) * s);
  EXPECT_EQ(bench.add(begin + 25 * s), Placed::late);
  EXPECT_EQ(bench.add(begin + 26 * s), Placed::late);
  EXPECT_EQ(bench.totals[Counter::streams_rebased], 0u);
  EXPECT_EQ(bench.add(begin + 27 * s), Placed::placed);
  EXPECT_EQ(bench.totals[Counter::streams_rebased], 1u);
  for (int i = 28; i < 200; ++i) EXPECT_EQ(bench.add(begin + i * s), Placed::placed) << i;
  // Where the clock had been before, windows are settled, and those that are not take what comes.
  for (int i = 200; i < 209; ++i) EXPECT_NE(bench.add(begin + i * s), Placed::placed) << i;
  for (int i = 209; i < 230; ++i) EXPECT_EQ(bench.add(begin + i * s), Placed::placed) << i;
  bench.complete(begin + 1'000 * s);
  std::uint64_t good = 0;
  for (const auto& [window, row] : bench.standing()) good += row->counts->good;
  EXPECT_EQ(good, bench.counts().good);
  EXPECT_EQ(bench.counts().good + bench.counts().late, 5u + 20 + 2 + 173 + 9 + 21);
  EXPECT_EQ(bench.totals[Counter::streams_rebased], 1u);
  EXPECT_EQ(bench.totals[Counter::streams_behind], 0u);
}

// Nothing was there that the stream would have to wait for.
TEST(Windower, AStreamWhoseDeviceWronglyDeclaredItsTimeCompleteIsNotStranded) {
  for (const bool has_spoken : {true, false}) {
    for (const auto& windows :
         {std::vector{tumbling(s)}, {tumbling(s), tumbling(7 * s), hopping(4 * s, 2 * s), tumbling(60 * s)}}) {
      Bench bench(windows, with_rebase);
      if (has_spoken) bench.add(begin);
      for (int i = 100; i <= 240; i += 70) bench.complete(begin + i * s);  // it says so again and again
      for (int i = 1; i < 300; ++i) bench.add(begin + i * s);
      EXPECT_EQ(bench.totals[Counter::streams_rebased], 1u);
      EXPECT_EQ(bench.totals[Counter::streams_behind], 0u);
      bench.complete(begin + 1'000 * s);
      std::uint64_t good = 0, all = has_spoken ? 300 : 299;
      for (const auto& [window, row] : bench.standing()) good += row->length_ns == s ? row->counts->good : 0;
      EXPECT_EQ(good, all - 2) << "late until the third of them";
    }
  }
}

// A slow stream is behind what its device declared complete, as it should be, when its clock jumps.
TEST(Windower, WhatWasDeclaredCompleteHidesNoJump) {
  Bench bench({tumbling(s)}, with_rebase);
  bench.add(begin);
  bench.complete(begin + 9 * s);
  bench.restart();
  for (int i = 0; i < 5; ++i) bench.add(begin + (5'000 + i) * s);
  for (int i = 10; i < 100; ++i) bench.add(begin + i * s);
  EXPECT_EQ(bench.totals[Counter::streams_rebased], 1u);
  EXPECT_EQ(bench.counts(), (SampleCounts{.good = 1 + 5 + 88, .late = 2}));
}

// The window that the clock jumped out of is settled: what comes for it is late, and all that follows is not.
TEST(Windower, AStreamGoesBackOnceAlsoWithinTheWindowThatItJumpedOutOf) {
  Bench bench({tumbling(60 * s)}, with_rebase);
  bench.add(begin);
  bench.add(begin + 200 * s);
  for (int i = 1; i < 60; ++i) EXPECT_EQ(bench.add(begin + i * s), Placed::late) << i;
  EXPECT_EQ(bench.totals[Counter::streams_rebased], 1u);
  for (int i = 60; i < 100; ++i) EXPECT_EQ(bench.add(begin + i * s), Placed::placed) << i;
  EXPECT_EQ(bench.totals[Counter::streams_rebased], 1u);
  EXPECT_EQ(bench.totals[Counter::streams_behind], 0u);
}

TEST(Windower, AClockThatIsBehindIsSaidOnceAndItsReadingsAreLate) {
  Bench bench({tumbling(s)}, with_rebase);
  for (int i = 0; i < 100; ++i) bench.add(begin + i * s);
  for (std::uint64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(bench.totals[Counter::streams_behind], i < 3 ? 0u : 1u);
    EXPECT_EQ(bench.add(begin + (50 + static_cast<TimeNs>(i)) * s), Placed::late);
  }
  EXPECT_EQ(bench.totals[Counter::streams_rebased], 0u);
}

// A definition whose windows are long still takes what the short ones call late.
TEST(Windower, ALongerWindowKeepsNoStreamFromGoingBackWithItsClock) {
  for (const WindowConfig& longer : {tumbling(3'600 * s), hopping(3'600 * s, 600 * s), count(1'000), session(3'600 * s)}) {
    Bench bench({tumbling(2 * s), longer}, with_rebase);
    for (int i = 0; i < 5; ++i) bench.add(begin + i * s);
    for (int i = 0; i < 5; ++i) bench.add(begin + (200 + i) * s);
    for (int i = 5; i < 190; ++i) bench.add(begin + i * s);
    bench.complete(begin + 9'000 * s);
    std::uint64_t short_ones = 0;
    for (const auto& [window, row] : bench.standing()) short_ones += row->length_ns == 2 * s ? row->counts->good : 0;
    EXPECT_EQ(short_ones, 5u + 5 + 185 - 2) << "late until the third of them";
    EXPECT_EQ(bench.totals[Counter::streams_rebased], 1u);
    EXPECT_EQ(bench.totals[Counter::streams_behind], 0u);
  }
}

TEST(Windower, AClockThatCameBackIsReportedOnceForAllDefinitions) {
  Bench bench({tumbling(s), tumbling(7 * s), hopping(4 * s, 2 * s), session(s), tumbling(30 * s)}, with_rebase);
  for (int i = 0; i < 50; ++i) bench.add(begin + i * s);
  for (int i = 0; i < 5; ++i) bench.add(begin + (250 + i) * s);
  for (int i = 50; i < 240; ++i) bench.add(begin + i * s);
  EXPECT_EQ(bench.totals[Counter::streams_rebased], 1u);
  EXPECT_EQ(bench.totals[Counter::streams_behind], 0u);
}

// The time has gone through what the clock had jumped over: there are windows now.
TEST(Windower, AStreamGoesBackIntoAStretchOnlyOnce) {
  Bench bench({tumbling(s)}, with_rebase);
  for (int i = 0; i < 5; ++i) bench.add(begin + i * s);
  for (int i = 200; i < 205; ++i) bench.add(begin + i * s);
  for (int i = 5; i < 230; ++i) bench.add(begin + i * s);
  for (int i = 100; i < 110; ++i) EXPECT_EQ(bench.add(begin + i * s), Placed::late) << i;
  EXPECT_EQ(bench.totals[Counter::streams_rebased], 1u);
  EXPECT_EQ(bench.totals[Counter::streams_behind], 1u);
  bench.complete(begin + 1'000 * s);
  std::uint64_t good = 0;
  for (const auto& [window, row] : bench.standing()) good += row->counts->good;
  EXPECT_EQ(good, bench.counts().good);
}

}  // namespace
}  // namespace stethos::edge
