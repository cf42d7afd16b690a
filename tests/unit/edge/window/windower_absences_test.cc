#include "tests/unit/edge/window/bench.h"

#include <gtest/gtest.h>

#include <vector>

namespace stethos::edge {
namespace {

TEST(Windower, WhatIsNoLongerConfiguredTakesNothingAndIsSentWhenItsTimeComes) {
  WindowConfig three;
  three.samples = 3;
  Bench bench({hopping(2 * s, s), tumbling(s), session(s), three});
  bench.add(begin + 100 * ms);
  bench.reconfigure({tumbling(s)});
  EXPECT_EQ(bench.news(), (Texts{"100+0 r0 open 1"})) << "a count window may never be full";
  bench.add(begin + 300 * ms);
  bench.add(begin + 1'200 * ms);
  EXPECT_EQ(bench.news(), (Texts{"0+1000 r0 final 2", "-1000+2000 r0 final 1", "100+1000 r0 final 1"}));
  bench.add(begin + 20 * s);
  EXPECT_EQ(bench.news(), (Texts{"1000+1000 r0 final 1", "0+2000 r0 final 1"}));
  EXPECT_EQ(bench.pane_count(), 2u) << "that of 20 s, and the last count window";
  EXPECT_EQ(bench.clock_count(), 4u) << "of the others it is known how far they came";
}

TEST(Windower, ADefinitionThatComesBackGoesOnWithItsWindows) {
  Bench bench({tumbling(10 * s), tumbling(60 * s)}, {.lateness_ns = 10 * s, .idle_timeout_ns = s});
  for (int i = 0; i < 5; ++i) bench.add(begin + i * s);
  bench.reconfigure({tumbling(60 * s)});
  bench.add(begin + 5 * s);
  bench.idle();
  bench.reconfigure({tumbling(10 * s), tumbling(60 * s)});
  for (int i = 6; i < 9; ++i) bench.add(begin + i * s);
  bench.add(begin + 12 * s);
  EXPECT_EQ(bench.add(begin + 4 * s), Placed::placed);
  bench.complete(begin + 600 * s);
  EXPECT_EQ(bench.texts(), (Texts{"0+60000 r0 open 6", "0+10000 r0 open 5", "0+10000 r1 final 8", "0+10000 r2 final 9",
                                  "10000+10000 r0 final 1", "0+60000 r1 final 11"}));
}

// The rows that say so.
Texts incomplete(const Bench& bench) {
  Texts texts;
  const Texts all = bench.texts();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (bench.rows[i].incomplete) texts.push_back(all[i]);
  }
  return texts;
}

TEST(Windower, WhatCameWhileADefinitionWasAwayMakesItsWindowsIncomplete) {
  Bench bench({tumbling(10 * s), tumbling(60 * s), session(3 * s)}, {.lateness_ns = 20 * s});
  bench.add(begin + 1 * s);
  bench.add(begin + 11 * s);  // the first window is final
  bench.add(begin + 21 * s);
  bench.reconfigure({tumbling(60 * s)});
  bench.add(begin + 23 * s);
  bench.add(begin + 8 * s);  // and would be revised
  bench.add(begin + 33 * s);
  bench.reconfigure({tumbling(10 * s), tumbling(60 * s), session(3 * s)});
  bench.add(begin + 35 * s);
  bench.add(begin + 41 * s);
  bench.complete(begin + 600 * s);
  EXPECT_EQ(incomplete(bench), (Texts{"0+10000 r1 final 1", "20000+10000 r0 final 1", "21000+3000 r0 final 1",
                                      "30000+10000 r0 final 1", "35000+3000 r0 final 1"}));
}

TEST(Windower, AWindowOfANewDefinitionIsIncompleteWhereTheStreamHadSamples) {
  Bench bench({tumbling(60 * s)});
  bench.add(begin + 12 * s);
  bench.reconfigure({tumbling(60 * s), tumbling(10 * s)});
  for (const int at : {13, 21, 42}) bench.add(begin + at * s);
  bench.complete(begin + 600 * s);
  EXPECT_EQ(incomplete(bench), (Texts{"10000+10000 r0 final 1"}));
}

TEST(Windower, AnAbsenceIsForgottenWithTheWindowsThatItWasIn) {
  Bench bench({tumbling(10 * s), tumbling(60 * s)}, {.lateness_ns = 5 * s});
  const auto be_away_at = [&](TimeNs time) {
    bench.reconfigure({tumbling(60 * s)});
    bench.add(time);
    bench.reconfigure({tumbling(10 * s), tumbling(60 * s)});
  };
  bench.add(begin);
  be_away_at(begin + 2 * s);
  for (int i = 1; i < 9; ++i) bench.add(begin + 10 * s * i);
  be_away_at(begin + 92 * s);
  bench.add(begin + 86 * s);  // that window is revised, and lies between the two
  bench.add(begin + 101 * s);
  bench.complete(begin + 600 * s);
  EXPECT_EQ(incomplete(bench), (Texts{"0+10000 r0 final 1"}));
}

TEST(Windower, WhatWasSettledWhileADefinitionWasAwayIsLateForIt) {
  Bench bench({tumbling(s), tumbling(60 * s)});
  bench.add(begin);
  bench.reconfigure({tumbling(60 * s)});
  bench.add(begin + 20 * s);
  bench.reconfigure({tumbling(60 * s)});
  bench.reconfigure({tumbling(s), tumbling(60 * s)});
  bench.add(begin + 500 * ms);
  bench.complete(begin + 600 * s);
  EXPECT_EQ(bench.texts(), (Texts{"0+1000 r0 final 1", "0+60000 r0 final 3"}));
}

TEST(Windower, WhileADefinitionWasAwayItsStreamWasNotSilent) {
  for (const bool comes_back_soon : {false, true}) {
    Bench bench({tumbling(s), tumbling(2 * s)}, {.lateness_ns = 10 * s, .idle_timeout_ns = s});
    bench.expect_every(s);
    bench.add(begin);
    bench.reconfigure({tumbling(2 * s)});
    for (int i = 1; i < (comes_back_soon ? 8 : 30); ++i) bench.add(begin + i * s);
    bench.idle(10 * s);
    bench.reconfigure({tumbling(s), tumbling(2 * s)});
    bench.idle(10 * s);
    for (int i = 30; i < 60; ++i) bench.add(begin + i * s);
    bench.add(begin + 63 * s);
    bench.add(begin + 90 * s);
    bench.complete(begin + 200 * s);
    for (const auto& row : bench.silences) {
      const bool is_gap = comes_back_soon && row.first_start_ns >= begin + 7 * s && row.first_start_ns < begin + 30 * s;
      EXPECT_TRUE(row.definition != bench.definition(0) || is_gap || row.first_start_ns >= begin + 60 * s)
          << (row.first_start_ns - begin) / ms << " x" << row.windows;
    }
    EXPECT_TRUE(bench.has_silence(0, begin + 60 * s, 3) && bench.has_silence(0, begin + 64 * s, 26));
  }
}

TEST(Windower, OfManyDefinitionsThatLeftTheFirstIsSentAsItIs) {
  Bench bench({tumbling(1'000 * s)});
  for (std::size_t i = 1; i <= former_definitions_max + 1; ++i) {
    bench.add(begin + static_cast<DurationNs>(i) * ms);
    EXPECT_TRUE(bench.texts().empty());
    bench.reconfigure({tumbling((1'000 + static_cast<DurationNs>(i)) * s)});
  }
  EXPECT_EQ(bench.texts().size(), 1u);
  EXPECT_EQ(bench.rows[0].length_ns, 1'000 * s);
  EXPECT_EQ(bench.clock_count(), former_definitions_max + 1);
}

TEST(Windower, WithALongerLatenessWhatWasSettledStaysSo) {
  for (const auto& window : {tumbling(s), hopping(2 * s, s), session(500 * ms)}) {
    Bench bench({window}, {.lateness_ns = s});
    for (DurationNs i = 0; i < 10; ++i) bench.add(begin + i * 10 * ms);
    bench.add(begin + 4 * s);
    bench.reconfigure({window}, 300 * s);
    EXPECT_EQ(bench.add(begin + 50 * ms), Placed::late);
    EXPECT_EQ(bench.add(begin + 3'900 * ms), Placed::placed);
    bench.complete(begin + 600 * s);
    std::uint64_t good = 0;
    for (const auto& [key, row] : bench.standing()) good += row->start_ns == begin ? row->counts->good : 0;
    EXPECT_EQ(good, 10u);
    EXPECT_EQ(bench.counts().late, 1u);
  }
}

TEST(Windower, WithAShorterLatenessWhatIsToBeRevisedIsSentBefore) {
  for (const auto& window : {tumbling(10 * s), hopping(10 * s, 5 * s), session(5 * s)}) {
    Bench bench({window}, {.lateness_ns = 600 * s});
    bench.add(begin);
    bench.add(begin + 100 * s);
    bench.add(begin + s);
    bench.add(begin + 2 * s);
    bench.reconfigure({window}, s);
    EXPECT_EQ(bench.add(begin + 3 * s), Placed::late);
    bench.complete(begin + 600 * s);
    std::uint64_t good = 0;
    for (const auto& [key, row] : bench.standing()) good += row->start_ns == begin ? row->counts->good : 0;
    EXPECT_EQ(good, 3u);
  }
}

}  // namespace
}  // namespace stethos::edge
