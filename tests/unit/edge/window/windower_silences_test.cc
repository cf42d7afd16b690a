#include "tests/unit/edge/window/bench.h"

#include <gtest/gtest.h>

#include <map>

namespace stethos::edge {
namespace {

TEST(Windower, ASilenceSendsNoEmptyWindows) {
  Bench bench({hopping(3 * s, s), tumbling(s)});
  bench.add(begin);
  bench.add(begin + 100'000 * s);
  EXPECT_EQ(bench.rows.size(), 4u);
  EXPECT_EQ(bench.pane_count(), 2u);
}

TEST(Windower, MissingWindowsAreOneRowWhenNothingCanComeForThemAnyMore) {
  Bench bench({tumbling(s)});
  bench.expect_every(500 * ms);
  bench.add(begin);
  bench.add(begin + 5 * s);
  bench.add(begin + 15'999 * ms);
  EXPECT_EQ(bench.silence_texts(), Texts{});
  bench.add(begin + 16 * s);
  EXPECT_EQ(bench.silence_texts(), (Texts{"1000 x4 final"}));
  bench.add(begin + 30 * s);
  bench.restart();
  bench.add(begin + 40 * s);
  EXPECT_EQ(bench.silence_texts(), (Texts{"1000 x4 final", "6000 x9 final"}));
  EXPECT_EQ(bench.rows.size(), 5u);
}

TEST(Windower, WhatComesWithinTheLatenessIsNotMissing) {
  Bench bench({tumbling(s)});
  bench.expect_every(s);
  bench.add(begin);
  bench.add(begin + 5 * s);
  bench.add(begin + 2 * s);
  bench.add(begin + 20 * s);
  EXPECT_EQ(bench.silence_texts(), (Texts{"1000 x1 final", "3000 x2 final"}));
}

TEST(Windower, OfWindowsThatOverlapThoseAreMissingThatLieWhollyBetween) {
  Bench bench({hopping(3 * s, s)});
  bench.expect_every(s);
  bench.add(begin);
  bench.add(begin + 4 * s);  // from 1 to 4
  bench.add(begin + 7 * s);  // from 5 to 8: holds it
  bench.add(begin + 30 * s);
  bench.add(begin + 60 * s);
  EXPECT_EQ(bench.silence_texts(), (Texts{"1000 x1 final", "8000 x20 final"}));
}

TEST(Windower, WhoeverIsNotDueToSpeakIsNotSilent) {
  for (const DurationNs interval : {DurationNs{0}, 1'001 * ms}) {
    Bench bench({tumbling(s), session(s), count(1)}, {.idle_timeout_ns = s});
    bench.expect_every(interval);
    bench.add(begin);
    bench.idle();
    bench.add(begin + 100 * s);
    bench.add(begin + 200 * s);
    EXPECT_EQ(bench.silence_texts(), Texts{});
  }
}

TEST(Windower, ASilenceIsReportedOnceWhileItLasts) {
  Bench bench({tumbling(s)}, {.lateness_ns = 10 * s, .idle_timeout_ns = 2 * s});
  bench.expect_every(s);
  bench.add(begin + 300 * ms);
  bench.idle(3'699 * ms);
  EXPECT_EQ(bench.silence_texts(), Texts{});
  bench.idle(3'700 * ms);
  bench.idle(60 * s);
  bench.restart();
  bench.idle(90 * s);
  EXPECT_EQ(bench.silence_texts(), (Texts{"1000 x1 open"}));
  bench.add(begin + 100 * s);
  bench.add(begin + 111 * s);
  EXPECT_EQ(bench.silence_texts(), (Texts{"1000 x1 open", "1000 x99 final"}));
}

TEST(Windower, ASilenceThatADeviceFillsFromItsMemoryIsWithdrawn) {
  Bench bench({tumbling(s)}, {.lateness_ns = 10 * s, .idle_timeout_ns = 2 * s});
  bench.expect_every(s);
  bench.add(begin);
  bench.idle();
  for (int i = 1; i < 20; ++i) bench.add(begin + i * s);
  ASSERT_EQ(bench.silences.size(), 2u);
  EXPECT_EQ(bench.silence_texts().back(), "1000 x0 withdrawn");
}

TEST(Windower, WhatAWrongClockJumpedOverIsNoSilence) {
  Bench bench({tumbling(s)}, {.lateness_ns = 2 * s, .future_max_ns = 300 * s, .rebase_after = 3});
  bench.expect_every(s);
  bench.add(begin);
  for (int i = 0; i < 5; ++i) bench.add(begin + 100 * s + i * s);
  EXPECT_EQ(bench.silence_texts(), (Texts{"1000 x99 final"}));
  for (int i = 1; i < 9; ++i) bench.add(begin + i * s);
  EXPECT_EQ(bench.silence_texts(), (Texts{"1000 x99 final", "1000 x0 withdrawn"}));
}

TEST(Windower, WithItsWindowsASilenceIsOver) {
  Bench bench({tumbling(s)}, {.lateness_ns = 10 * s, .idle_timeout_ns = 2 * s});
  bench.expect_every(s);
  bench.add(begin);
  bench.add(begin + 3 * s);
  bench.idle();
  bench.reconfigure({tumbling(2 * s)});
  EXPECT_EQ(bench.silence_texts().back(), "4000 x0 withdrawn");
  bench.add(begin + 5 * s);
  bench.add(begin + 30 * s);
  EXPECT_EQ(std::ranges::count(bench.silence_texts(), "1000 x2 final"), 1) << "it was, before";
}

// It came late into what had been declared complete, and then the stream was silent indeed.
TEST(Windower, OfWhatWasDeclaredCompleteAllIsMissingThatDidNotCome) {
  Bench bench({tumbling(s)}, {.lateness_ns = s, .future_max_ns = 300 * s, .rebase_after = 3});
  bench.expect_every(s);
  bench.add(begin);
  bench.complete(begin + 5 * s);
  EXPECT_EQ(bench.add(begin + s), Placed::late);
  bench.add(begin + 10 * s);
  bench.add(begin + 20 * s);
  EXPECT_EQ(bench.standing_silences(), (std::map<TimeNs, std::uint64_t>{{begin + s, 9}}));
}

TEST(Windower, WhereAClockHadJumpedToNothingIsMissing) {
  Bench bench({tumbling(s)}, with_rebase);
  bench.expect_every(s);
  for (int i = 0; i < 5; ++i) bench.add(begin + i * s);
  for (int i = 0; i < 20; ++i) bench.add(begin + (200 + i) * s);
  for (int i = 25; i < 260; ++i) bench.add(begin + i * s);
  EXPECT_EQ(bench.standing_silences(), (std::map<TimeNs, std::uint64_t>{}));
}

TEST(Windower, AStreamThatIsNoLongerDueToSpeakWasSilentUntilThen) {
  Bench bench({tumbling(s)}, {.lateness_ns = 10 * s, .idle_timeout_ns = 2 * s});
  bench.expect_every(s);
  bench.add(begin);
  bench.idle();
  bench.expect_every(0);
  bench.add(begin + 50 * s);
  bench.add(begin + 100 * s);
  bench.add(begin + 200 * s);
  EXPECT_EQ(bench.silence_texts(), (Texts{"1000 x3597 open", "1000 x49 final"}));
}

}  // namespace
}  // namespace stethos::edge
