#include "tests/unit/edge/window/bench.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <utility>
#include <vector>

namespace stethos::edge {
namespace {

TEST(Windower, ALateReadingRevisesAWindowThatWasSent) {
  Bench bench({tumbling(s)});
  bench.add(begin);
  bench.add(begin + 1 * s);
  bench.add(begin + 500 * ms);
  bench.add(begin + 600 * ms);
  EXPECT_EQ(bench.texts(), (Texts{"0+1000 r0 final 1"})) << "revisions are gathered";
  bench.add(begin + 2 * s);
  EXPECT_EQ(bench.texts(), (Texts{"0+1000 r0 final 1", "0+1000 r1 final 3", "1000+1000 r0 final 1"}));
  bench.add(begin + 11 * s);
  EXPECT_EQ(bench.add(begin + 900 * ms), Placed::late);
  EXPECT_EQ(bench.counts().good, 6u);
  EXPECT_EQ(bench.counts().late, 1u);
}

TEST(Windower, ARevisionIsSentBeforeItsWindowIsSettled) {
  Bench bench({tumbling(s)}, {.lateness_ns = 700 * ms});
  bench.add(begin);
  bench.add(begin + 1 * s);
  bench.add(begin + 100 * ms);
  bench.add(begin + 1'700 * ms);
  EXPECT_EQ(bench.texts(), (Texts{"0+1000 r0 final 1", "0+1000 r1 final 2"}));
  EXPECT_EQ(bench.add(begin + 200 * ms), Placed::late);
  EXPECT_EQ(bench.pane_count(), 1u);
}

// Its device declared complete what the only pane held, and that has left, or stays for a silence and is sent no more.
TEST(Windower, WhatComesWhileNoRowCanShowItIsInTheNextOne) {
  for (const WindowConfig& window : {tumbling(s), hopping(2 * s, s), session(s)}) {
    for (const DurationNs interval : {DurationNs{0}, 100 * ms}) {
      Bench bench({window}, {.lateness_ns = 0});
      if (interval > 0) bench.expect_every(interval);
      bench.add(begin);
      bench.complete(begin + 3 * s);
      const std::size_t told = bench.rows.size();
      EXPECT_EQ(bench.add(begin + 100 * ms), Placed::late);
      EXPECT_EQ(bench.add(begin + 200 * ms), Placed::late);
      EXPECT_EQ(bench.rows.size(), told);
      bench.restart();
      bench.add(begin + 10 * s);
      bench.complete(begin + 20 * s);
      ASSERT_GT(bench.rows.size(), told);
      EXPECT_EQ(bench.rows.back().counts->late, 2u);
    }
  }
}

TEST(Windower, HoppingWindowsOverlap) {
  Bench bench({hopping(3 * s, s)});
  for (int i = 0; i < 5; ++i) bench.add(begin + i * s);
  EXPECT_EQ(bench.news(), (Texts{"-2000+3000 r0 final 1", "-1000+3000 r0 final 2", "0+3000 r0 final 3", "1000+3000 r0 final 3"}));
  bench.add(begin + 1'500 * ms);
  bench.add(begin + 5 * s);
  EXPECT_EQ(bench.news(), (Texts{"-1000+3000 r1 final 3", "0+3000 r1 final 4", "1000+3000 r1 final 4", "2000+3000 r0 final 3"}));
}

TEST(Windower, SessionsEndWithAPauseAndLateDataJoinsThem) {
  Bench bench({session(2 * s)});
  bench.add(begin);
  bench.add(begin + 1 * s);
  bench.add(begin + 5 * s);
  bench.add(begin + 8 * s);
  EXPECT_EQ(bench.news(), (Texts{"0+3000 r0 final 2", "5000+2000 r0 final 1"}));
  // One reading in the pause joins both: the later one is withdrawn.
  bench.add(begin + 2'500 * ms);
  bench.add(begin + 4'000 * ms);
  bench.add(begin + 9 * s);
  EXPECT_EQ(bench.news(), (Texts{"5000+2000 r1 withdrawn 0", "0+7000 r1 final 5"}));
  ASSERT_EQ(bench.standing().size(), 1u);
}

TEST(Windower, ASessionThatBeginsEarlierHasAnotherStart) {
  Bench bench({session(2 * s)}, {.lateness_ns = 10 * s, .idle_timeout_ns = s});
  bench.add(begin + 5 * s);
  bench.idle();
  bench.add(begin + 4 * s);
  bench.complete(begin + 20 * s);
  EXPECT_EQ(bench.texts(), (Texts{"5000+2000 r0 open 1", "5000+2000 r1 withdrawn 0", "4000+3000 r0 final 2"}));
}

TEST(Windower, CountWindowsHoldAsManySamplesWhateverTheirStamps) {
  Bench bench({count(2)});
  for (const DurationNs at : {0 * s, 0 * s, 0 * s, 5 * s, 1 * s, 2 * s}) bench.add(begin + at);
  ASSERT_EQ(bench.rows.size(), 3u);
  EXPECT_EQ(bench.standing().size(), 3u) << "a stamp that repeats is no reason to have the same start";
  for (const auto& row : bench.rows) EXPECT_EQ(row.counts->good, 2u);
}

TEST(Windower, UnfinishedWindowsAreSentAsOftenAsWanted) {
  WindowConfig config = tumbling(10 * s);
  config.emit_every = 4 * s;
  Bench bench({config});
  for (int i = 0; i < 11; ++i) bench.add(begin + i * s);
  EXPECT_EQ(bench.texts(), (Texts{"0+10000 r0 open 5", "0+10000 r1 open 9", "0+10000 r2 final 10"}));
}

TEST(Windower, AnIdleStreamIsSentOnceAndIsNotLateWhenItComesBack) {
  Bench bench({tumbling(s)}, {.lateness_ns = 0, .idle_timeout_ns = s});
  bench.add(begin);
  bench.idle();
  bench.idle();
  EXPECT_EQ(bench.texts(), (Texts{"0+1000 r0 open 1"}));
  EXPECT_EQ(bench.add(begin + 10 * ms), Placed::placed);
  bench.complete(begin + s);
  EXPECT_EQ(bench.texts().back(), "0+1000 r1 final 2");
}

TEST(Windower, NothingStaysOfAStreamThatIsForgottenThoughItsClockHadComeBack) {
  Bench bench({hopping(60 * s, 10 * s), session(5 * s), tumbling(7 * s)},
              {.lateness_ns = 120 * s, .future_max_ns = 5'000 * s, .rebase_after = 2});
  for (const int at : {0, 3'600, 4'100, 4'600, 5'000, 3'569, 3'570, 3'571}) bench.add(begin + at * s);
  EXPECT_GT(bench.pane_count(), 0u);
  bench.close();
  EXPECT_EQ(bench.pane_count(), 0u);
}

TEST(Windower, WhatIsKeptComesAfterAStreamWasForgottenWhileItsClockWasBackWithPauses) {
  Bench bench({tumbling(s)}, {.lateness_ns = 10 * s, .future_max_ns = 300 * s, .rebase_after = 3});
  for (const int at : {0, 1, 200, 201, 2, 3, 4, 30, 31}) bench.add(begin + at * s);
  bench.close();
  for (int at = 32; at < 190; ++at) EXPECT_EQ(bench.add(begin + at * s), Placed::placed) << at;
}

// A clock was ahead and came back; what it had put beyond stays in the windows that hold it, and the rest goes on.
TEST(Windower, BehindACutWhileTheClockIsBackNothingIsLateAndLimitsSeeAllWindows) {
  for (const bool was_ahead : {false, true}) {
    Bench bench({hopping(60 * s, 20 * s), tumbling(s)}, {.lateness_ns = 10 * s, .future_max_ns = 300 * s, .rebase_after = 3});
    for (int at = 0; at < 95; ++at) bench.add(begin + at * s);
    for (int at = 110; was_ahead && at < 113; ++at) bench.add(begin + at * s);
    for (int at = 95; at < 98; ++at) bench.add(begin + at * s);
    EXPECT_EQ(bench.totals[Counter::streams_rebased], was_ahead ? 1u : 0u);
    bench.describe("q", "another unit", 2);
    for (int at = 98; at < 300; ++at) EXPECT_EQ(bench.add(begin + at * s), Placed::placed) << at;
    std::vector<TimeNs> expected{-40, -20, 0, 20, 40, 60, 80, 98, 100, 120, 140, 160, 180, 200, 220};
    if (was_ahead) std::erase(expected, 100);  // it was sent for good, with what lay ahead
    EXPECT_EQ(bench.watched, expected);
    EXPECT_EQ(bench.standing().at({bench.definition(0), begin + 98 * s})->counts->good, 42u);
  }
}

// Its clock begins at the same time whenever it starts.
TEST(Windower, WindowsOfANumberHaveNamesOfTheirOwnAlsoBehindOneThatWasForgotten) {
  Bench bench({count(2)});
  for (int life = 0; life < 2; ++life) {
    for (int i = 0; i < 5; ++i) bench.add(begin + i * s, 1 + life);
    bench.close();
  }
  EXPECT_EQ(bench.standing().size(), 6u);
}

TEST(Windower, WhatARowIsDueOfIsReckoned) {
  const TimeRules rules{.watermark_delay_ns = 1'000 * s, .lateness_ns = 86'400 * s};
  Bench grid({tumbling(10 * s), hopping(60 * s, 20 * s)}, rules);
  Bench sessions({session(1 * s)}, rules);
  for (int i = 0; i <= 100; ++i) {
    grid.add(begin + 10 * s * i);
    sessions.add(begin + 2'000 * s - 10 * s * i);  // the newest first
  }
  EXPECT_EQ(grid.rows_due(begin - 1'000 * s), 0u) << "it is there already";
  EXPECT_GE(grid.rows_due(begin + 200 * s), 20u + 8u);
  EXPECT_LE(grid.rows_due(begin + 200 * s), 25u + 16u);
  EXPECT_GE(grid.rows_due(begin + 86'400 * s), 101u + 53u);
  EXPECT_LE(grid.rows_due(begin + 86'400 * s), 110u + 60u);
  EXPECT_EQ(sessions.rows_due(begin + 86'400 * s), 101u);
  grid.complete(begin + 5'000 * s);
  sessions.complete(begin + 5'000 * s);
  EXPECT_LE(grid.rows_due(begin + 86'400 * s), 2u) << "all have had their rows, and are kept for what is late";
  EXPECT_EQ(sessions.rows_due(begin + 86'400 * s), 0u);
}

// A stream that speaks every other window leaves a silence behind each of its panes.
TEST(Windower, SilencesThatAreDueAreReckonedToo) {
  Bench bench({tumbling(10 * s)}, {.lateness_ns = 86'400 * s});
  bench.expect_every(10 * s);
  for (int i = 0; i < 100; ++i) bench.add(begin + 20 * s * i);
  const std::size_t silences = bench.silences.size();
  EXPECT_GE(bench.rows_due(begin + 172'800 * s), 99u);
  EXPECT_LE(bench.rows_due(begin + 172'800 * s), 110u);
  EXPECT_LE(bench.rows_due(begin + 2'100 * s), 10u) << "nothing leaves yet";
  bench.complete(begin + 172'800 * s);
  EXPECT_EQ(bench.silences.size() - silences, 99u);
}

// Its last pane may lie beyond where the clock came back from, and all before it have had their names.
TEST(Windower, ForgottenWhileItsClockIsBackAStreamGivesNoNameOfACountWindowAgain) {
  const TimeRules rules{.lateness_ns = 16 * s, .future_max_ns = 300 * s, .rebase_after = 3};
  Bench began_then({tumbling(10 * s)}, rules);
  for (const int time : {0, 100, 101, 10, 11, 12}) began_then.add(begin + time * s);
  began_then.reconfigure({tumbling(10 * s), count(7)});
  for (int i = 0; i < 7; ++i) began_then.add(begin + (30 + i) * s);
  began_then.add(begin + 105 * s);
  Bench was_away({tumbling(10 * s), count(7)}, rules);
  for (int i = 0; i < 7; ++i) was_away.add(begin + 10 * s);
  for (int i = 0; i < 2; ++i) was_away.add(begin + 100 * s);
  was_away.reconfigure({tumbling(10 * s)});
  for (int i = 0; i < 3; ++i) was_away.add(begin + (20 + i) * s);
  was_away.reconfigure({tumbling(10 * s), count(7)});
  for (const auto& [bench, time] : {std::pair(&began_then, 30 * s), std::pair(&was_away, 10 * s)}) {
    bench->close();
    bench->add(begin + time);
    bench->close();
    bench->standing();  // fails for a row that a collector would ignore
  }
}

// Random readings, out of order by up to `disorder`, against rules written down without panes: a reading is in every window
// that holds its time and could still be revised; one that is in none is late.
struct Trial {
  WindowConfig window;
  DurationNs lateness;
  DurationNs delay;
  DurationNs disorder;
};

class WindowerTrial : public testing::TestWithParam<Trial> {};

TEST_P(WindowerTrial, RowsHoldWhatTheRulesSayWhateverIsRestarted) {
  const Trial& trial = GetParam();
  const WindowDefinition definition = window_definitions({trial.window})[0];
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](DurationNs limit) {
      return static_cast<DurationNs>(random() % static_cast<std::uint64_t>(limit + 1));
    };
    Bench bench({trial.window}, {.watermark_delay_ns = trial.delay, .lateness_ns = trial.lateness, .idle_timeout_ns = s});
    Bench restarted({trial.window}, {.watermark_delay_ns = trial.delay, .lateness_ns = trial.lateness, .idle_timeout_ns = s});
    bench.expect_every(300 * ms);
    restarted.expect_every(300 * ms);
    std::map<TimeNs, std::vector<double>> expected;
    std::uint64_t late = 0;
    TimeNs watermark = time_min;
    TimeNs at = begin;
    for (int i = 0; i < 400; ++i) {
      at += random() % 30 == 0 ? below(20 * s) : below(300 * ms);
      const TimeNs time = at - below(trial.disorder);
      const double value = std::uniform_real_distribution<>(-1, 1)(random);
      bool placed = false;
      for (TimeNs start = definition.first_start(time); start <= time; start += definition.hop_ns) {
        if (watermark != time_min && start + definition.length_ns + trial.lateness <= watermark) continue;
        expected[start].push_back(value);
        placed = true;
      }
      late += placed ? 0 : 1;
      watermark = std::max(watermark, time - trial.delay);
      EXPECT_EQ(bench.add(time, value), placed ? Placed::placed : Placed::late);
      restarted.add(time, value);
      if (random() % 20 == 0) restarted.restart();
      if (random() % 50 == 0) {
        bench.idle();
        restarted.idle();
      }
    }
    bench.complete(at + 1'000 * s);
    restarted.complete(at + 1'000 * s);
    EXPECT_EQ(restarted.texts(), bench.texts());
    EXPECT_EQ(restarted.silence_texts(), bench.silence_texts());
    EXPECT_EQ(bench.counts().late, late);
    EXPECT_EQ(bench.counts().good, 400 - late);
    EXPECT_EQ(bench.pane_count(), 1u) << "the one that a silence would be measured from";
    std::map<TimeNs, std::uint64_t> missing;
    for (auto window = expected.begin(); std::next(window) != expected.end(); ++window) {
      const TimeNs first = window->first + definition.hop_ns;
      const TimeNs next = std::next(window)->first;
      if (first < next) missing[first] = static_cast<std::uint64_t>((next - first) / definition.hop_ns);
    }
    EXPECT_EQ(bench.standing_silences(), missing) << "seed " << seed;
    const auto standing = bench.standing();
    ASSERT_EQ(standing.size(), expected.size());
    for (const auto& [start, values] : expected) {
      const auto found = standing.find({definition.id, start});
      ASSERT_NE(found, standing.end()) << start;
      const schema::WindowRowT& row = *found->second;
      EXPECT_EQ(row.state, schema::WindowState::final);
      ASSERT_EQ(row.counts->good, values.size()) << "seed " << seed << " window " << start - begin;
      double sum = 0;
      for (const double value : values) sum += value;
      EXPECT_NEAR(row.moments->mean, sum / static_cast<double>(values.size()), 1e-12);
      EXPECT_EQ(row.moments->min, *std::ranges::min_element(values));
      EXPECT_EQ(row.moments->max, *std::ranges::max_element(values));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Grids, WindowerTrial,
                         testing::Values(Trial{tumbling(s), 0, 0, 0}, Trial{tumbling(s), 3 * s, 0, 2 * s},
                                         Trial{tumbling(s), 700 * ms, 300 * ms, 3 * s}, Trial{hopping(3 * s, s), 0, 0, s},
                                         Trial{hopping(3 * s, s), 2'300 * ms, 100 * ms, 4 * s},
                                         Trial{hopping(3 * s, 2 * s, 700 * ms), 5 * s, 0, 6 * s},
                                         Trial{hopping(10 * s, 100 * ms), s, 0, 3 * s}));

// Sessions by the same readings, sorted: what a pause cuts. Nothing is late here.
TEST(Windower, SessionsDoNotDependOnTheOrderOfArrival) {
  constexpr DurationNs pause = 2 * s;
  for (unsigned seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    Bench bench({session(pause)}, {.lateness_ns = 3'600 * s, .idle_timeout_ns = s});
    std::vector<TimeNs> times;
    TimeNs at = begin;
    for (int i = 0; i < 200; ++i) {
      at += static_cast<DurationNs>(random() % 3'000) * ms;
      times.push_back(at - static_cast<DurationNs>(random() % 8'000) * ms);
      bench.add(times.back());
      if (random() % 20 == 0) bench.restart();
      if (random() % 20 == 0) bench.idle();
    }
    bench.complete(at + 10'000 * s);
    std::ranges::sort(times);
    std::map<TimeNs, std::pair<DurationNs, std::uint64_t>> expected;
    for (std::size_t i = 0; i < times.size();) {
      const std::size_t first = i;
      while (i + 1 < times.size() && times[i + 1] - times[i] < pause) ++i;
      expected[times[first]] = {times[i] - times[first] + pause, i - first + 1};
      ++i;
    }
    std::map<TimeNs, std::pair<DurationNs, std::uint64_t>> found;
    for (const auto& [window, row] : bench.standing()) found[window.second] = {row->length_ns, row->counts->good};
    EXPECT_EQ(found, expected) << "seed " << seed;
  }
}

}  // namespace
}  // namespace stethos::edge
