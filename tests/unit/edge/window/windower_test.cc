#include "edge/window/windower.h"
#include "edge/core/limits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <vector>

namespace stethos::edge {
namespace {

constexpr DurationNs ms = ns_per_ms;
constexpr DurationNs s = ns_per_s;
constexpr TimeNs begin = 1'767'225'600 * s;  // a multiple of every length below
constexpr TimeNs now = begin + 86'400 * s;

WindowConfig tumbling(DurationNs length) {
  return {.length = length, .quantity = {}, .device = {}, .statistics = {}, .quantiles = {}};
}
WindowConfig hopping(DurationNs length, DurationNs hop, DurationNs offset = 0) {
  WindowConfig config = tumbling(length);
  config.hop = hop;
  config.offset = offset;
  return config;
}
WindowConfig session(DurationNs gap) {
  WindowConfig config = tumbling(0);
  config.gap = gap;
  return config;
}
WindowConfig count(std::int64_t samples) {
  WindowConfig config = tumbling(0);
  config.samples = samples;
  return config;
}

// One stream, and the rows that a collector would end up with.
class Bench {
 public:
  explicit Bench(std::vector<WindowConfig> windows, TimeRules rules = {.lateness_ns = 10 * s, .future_max_ns = 300 * s})
      : windows_(std::move(windows)), rules_(rules) {
    record_.state.device = "d";
    description_ = {.version = 1, .machine = "", .quantity = "q", .unit = "u"};
    start();
  }

  // As from a spool, in a new process.
  void restart() {
    Stream saved = record_.state;
    record_ = {};
    record_.state = std::move(saved);
    for (auto panes = record_.state.panes.begin(); panes != record_.state.panes.end();) {
      panes = panes->second.empty() ? record_.state.panes.erase(panes) : std::next(panes);
    }
    start();
  }

  // So many get their rows if the time goes on until then.
  std::uint64_t rows_due(TimeNs until) const { return windower_->rows_due(record_, until); }
  void reconfigure(std::vector<WindowConfig> windows, std::optional<DurationNs> lateness = std::nullopt) {
    former_ = windower_->remembered();
    windows_ = std::move(windows);
    rules_.lateness_ns = lateness.value_or(rules_.lateness_ns);
    restart();
    Effect effect;
    windower_->take_over(record_, now, effect);
    keep(effect);
  }

  Placed add(TimeNs time, double value = 1) {
    Effect effect;
    Samples samples;
    samples.time_ns = time;
    samples.moments = kernels::moments_of(value, -1e300, 1e300);
    samples.origin = {1, ++sequence_};
    samples.received_ns = now;
    record_.declared = description_;
    record_.declared_from_ns = valid_from_ns_;
    const Taken taken = windower_->add(record_, samples, now, effect);
    EXPECT_EQ(windower_->imbalance(), std::nullopt);
    keep(effect);
    return taken.placed;
  }

  void complete(TimeNs until) {
    Effect effect;
    windower_->advance(record_, until, now, effect);
    keep(effect);
  }

  // The stream is forgotten, and returns as it was.
  void close() {
    Effect effect;
    windower_->close(record_, now, effect);
    keep(effect);
    restart();
  }

  void idle(DurationNs silent = 3'600 * s) {
    Effect effect;
    windower_->send_if_idle(record_, now + silent, effect);
    windower_->report_if_silent(record_, now + silent, effect);
    keep(effect);
  }

  // From now on the stream is due to speak that often.
  void expect_every(DurationNs interval) { description_.interval_ns = interval; }

  // From now on samples are said to be that; `valid_from`: since when, as the point table says it.
  void describe(const std::string& quantity, const std::string& unit, std::uint64_t version,
                std::optional<TimeNs> valid_from = std::nullopt) {
    description_.version = version;
    description_.quantity = quantity;
    description_.unit = unit;
    valid_from_ns_ = valid_from;
  }

  const SampleCounts& counts() const { return record_.state.counts; }
  std::size_t pane_count() const {
    std::size_t panes = 0;
    for (const auto& [definition, of_it] : record_.state.panes) panes += of_it.size();
    return panes;
  }

  std::size_t clock_count() const { return record_.state.clocks.size(); }
  std::uint64_t definition(std::size_t i) const { return windower_->definitions()[i].id; }
  bool has_silence(std::size_t of_definition, TimeNs first, std::uint64_t windows) const {
    return std::ranges::any_of(silences, [&](const schema::SilenceRowT& row) {
      return row.definition == definition(of_definition) && row.first_start_ns == first && row.windows == windows &&
             row.state == schema::WindowState::final;
    });
  }

  std::size_t part_count() const { return record_.state.parts.size(); }
  // Of windows that no row says anything of yet.
  std::uint64_t open_samples() const {
    std::uint64_t samples = 0;
    for (const auto& [definition, panes] : record_.state.panes) {
      for (const auto& [start, pane] : panes) samples += pane.revision == 0 ? pane.moments.count : 0;
    }
    return samples;
  }

  // "0s+10s r0 final 3", as offsets from the beginning: start, length, revision, state, good samples.
  std::vector<std::string> texts() const {
    std::vector<std::string> all;
    for (const auto& row : rows) {
      all.push_back(std::to_string((row.start_ns - begin) / ms) + "+" + std::to_string(row.length_ns / ms) + " r" +
                    std::to_string(row.revision) + " " + schema::EnumNameWindowState(row.state) + " " +
                    std::to_string(row.counts->good));
    }
    return all;
  }

  // Since the last call.
  std::vector<std::string> news() {
    const auto all = texts();
    std::vector<std::string> later(all.begin() + static_cast<std::ptrdiff_t>(told_), all.end());
    told_ = all.size();
    return later;
  }

  // The highest revision of each window that there is.
  std::map<std::pair<std::uint64_t, TimeNs>, const schema::WindowRowT*> standing() const {
    std::map<std::pair<std::uint64_t, TimeNs>, const schema::WindowRowT*> found;
    for (const auto& row : rows) {
      const auto [known, is_new] = found.try_emplace({row.definition, row.start_ns}, &row);
      if (is_new) continue;
      EXPECT_GT(row.revision, known->second->revision) << "a collector would ignore it";
      known->second = &row;
    }
    std::erase_if(found, [](const auto& item) { return item.second->state == schema::WindowState::withdrawn; });
    return found;
  }

  // "1000 x4 final", as offsets from the beginning: first start, windows, state.
  std::vector<std::string> silence_texts() const {
    std::vector<std::string> all;
    for (const auto& row : silences) {
      all.push_back(std::to_string((row.first_start_ns - begin) / ms) + " x" + std::to_string(row.windows) + " " +
                    schema::EnumNameWindowState(row.state));
    }
    return all;
  }

  // As a collector would have them: by first start, without those that are withdrawn.
  std::map<TimeNs, std::uint64_t> standing_silences() const {
    std::map<TimeNs, schema::SilenceRowT> found;
    for (const auto& row : silences) {
      const auto [known, is_new] = found.try_emplace(row.first_start_ns, row);
      if (is_new) continue;
      EXPECT_GT(row.state, known->second.state) << "a collector would ignore it";
      known->second = row;
    }
    std::map<TimeNs, std::uint64_t> standing;
    for (const auto& [start, row] : found) {
      if (row.state == schema::WindowState::final) standing[start] = row.windows;
    }
    return standing;
  }

  std::vector<schema::WindowRowT> rows;
  std::vector<schema::SilenceRowT> silences;
  std::vector<TimeNs> watched;  // the starts of the first definition's windows as limits see them, in seconds
  Totals totals;  // of clocks

 private:
  void start() {
    windower_ = std::make_unique<Windower>(window_definitions(windows_), former_, rules_);
    const std::uint64_t first = windows_.empty() ? 0 : definition(0);
    windower_->set_watch([first](const Stream&, const WindowDefinition& of, const Description&, const Pane& whole) {
      return of.id == first ? std::vector<Seen>{{0, static_cast<double>(whole.moments.count)}} : std::vector<Seen>{};
    });
    windower_->adopt(record_, {});
  }

  void keep(Effect& effect) {
    windower_->collect_changes(effect);
    for (auto& row : effect.windows) rows.push_back(std::move(row));
    for (auto& row : effect.silences) silences.push_back(std::move(row));
    for (const auto& each : windower_->take_watched()) {
      if (const auto* seen = std::get_if<WatchedWindow>(&each)) watched.push_back((seen->start_ns - begin) / s);
    }
    for (const auto counter : {Counter::streams_rebased, Counter::streams_behind}) totals[counter] += effect.totals[counter];
  }

  std::vector<WindowConfig> windows_;
  std::vector<WindowDefinition> former_;
  TimeRules rules_;
  StreamRecord record_;
  Description description_;
  std::optional<TimeNs> valid_from_ns_;
  std::unique_ptr<Windower> windower_;
  std::uint64_t sequence_ = 0;
  std::size_t told_ = 0;
};

using Texts = std::vector<std::string>;

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

constexpr TimeRules with_rebase{.lateness_ns = 10 * s, .future_max_ns = 300 * s, .rebase_after = 3};

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
    EXPECT_EQ(bench.rows[part].whole->start_ns(), begin);
    EXPECT_EQ(bench.rows[part].whole->length_ns(), 10 * s);
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
