// A stream before a windower, and shorthands for definitions and times.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "edge/core/limits.h"
#include "edge/window/windower.h"

namespace stethos::edge {

inline constexpr DurationNs ms = ns_per_ms;
inline constexpr DurationNs s = ns_per_s;
inline constexpr TimeNs begin = 1'767'225'600 * s;  // a multiple of every length below
inline constexpr TimeNs now = begin + 86'400 * s;

inline WindowConfig tumbling(DurationNs length) {
  return {.length = length, .quantity = {}, .device = {}, .statistics = {}, .quantiles = {}};
}
inline WindowConfig hopping(DurationNs length, DurationNs hop, DurationNs offset = 0) {
  WindowConfig config = tumbling(length);
  config.hop = hop;
  config.offset = offset;
  return config;
}
inline WindowConfig session(DurationNs gap) {
  WindowConfig config = tumbling(0);
  config.gap = gap;
  return config;
}
inline WindowConfig count(std::int64_t samples) {
  WindowConfig config = tumbling(0);
  config.samples = samples;
  return config;
}

inline constexpr TimeRules with_rebase{.lateness_ns = 10 * s, .future_max_ns = 300 * s, .rebase_after = 3};

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

}  // namespace stethos::edge
