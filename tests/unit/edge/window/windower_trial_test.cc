// Random streams against the rules written down plainly: definitions of all kinds at once, units and labels that change with a
// time of their own or without, clocks that jump ahead and come back, devices that declare their time complete, rightly or not,
// restarts, with another lateness and without some of the definitions, which come back later. The model below shares no code with
// the windower: it keeps each window as a list of values, and knows of no panes.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "edge/spool/stream_blobs.h"
#include "edge/window/windower.h"
#include "tests/unit/edge/window/seeds.h"

namespace stethos::edge {
namespace {

constexpr DurationNs ms = ns_per_ms;
constexpr DurationNs s = ns_per_s;
constexpr TimeNs begin = 1'767'225'600 * s;
constexpr TimeNs now = begin + 86'400 * s;
constexpr TimeNs never = std::numeric_limits<TimeNs>::min();
constexpr TimeNs always = std::numeric_limits<TimeNs>::max();

constexpr TimeRules rules{
    .watermark_delay_ns = 300 * ms, .lateness_ns = 5 * s, .idle_timeout_ns = s, .future_max_ns = 300 * s, .rebase_after = 3};

struct Said {
  std::uint64_t version = 1;
  std::string quantity = "q";
  std::string unit = "u";
  std::optional<TimeNs> valid_from;
};

struct Sample {
  TimeNs time = 0;
  double value = 0;
  Said said;
  std::optional<TimeNs> complete_until;  // what its device says before it
};

// A window as the model has it, and as a row says it.
struct Held {
  DurationNs length = 0;
  std::uint64_t version = 0;
  std::vector<double> values;
  bool is_gone = false;  // nothing of it is remembered
  std::vector<TimeNs> slices;  // of a window on a grid: where that of each value starts
  bool is_incomplete = false;  // something came for it while its definition was away
};

using Windows = std::map<TimeNs, Held>;

enum class Kind { grid, session, count };

struct Rule {
  Kind kind = Kind::grid;
  DurationNs length = 0, hop = 0, offset = 0;
  std::size_t samples = 0;
  std::string quantity;
};

struct Span {
  TimeNs from = never, to = always;
  TimeNs newest = never;
  Said said;
};

// What one definition makes of a stream.
class Follower {
 public:
  Follower(const Rule& rule, std::uint64_t of) : id(of), rule_(rule) {}

  const std::uint64_t id;
  bool is_followed = false;  // it takes one of the spans, or did
  bool is_away = false;  // it is not configured, and takes nothing

  TimeNs watermark() const { return watermark_; }
  // It is new to the stream, and begins with the clock of another.
  void begin_with(const Follower& other) {
    watermark_ = other.watermark_;
    settled_ = other.settled_;
    highest_settled_ = other.highest_settled_;
    highest_ = other.highest_;
    from_ = other.from_;
    to_ = other.to_;
    stretch_ = other.stretch_;
    back_ = other.back_;
    run_ = 0;
    shut_ = {};
    counted_span_.reset();
    if (!counted_.empty()) counted_.push_back({});
  }

  bool would_take(const Said& said) const { return rule_.quantity.empty() || rule_.quantity == said.quantity; }
  bool takes(const Said& said) const { return !is_away && would_take(said); }

  // Another run begins.
  void begin_run(DurationNs lateness, bool is_away_in_it) {
    lateness_ = lateness;
    is_away = is_away_in_it;
    if (is_away) run_ = 0;
  }

  // `newest_ever`: of the samples; `newest` is less once the stream's clock has come back.
  void hear(TimeNs newest, TimeNs newest_ever, TimeNs time) {
    if (newest == never) {
      to_ = std::max(to_, time);
    } else if (time > newest + lateness_) {
      const bool is_later_part = stretch_ == open && from_ < newest && newest < to_;
      const bool is_shorter =
          stretch_ == open && from_ != never && time - newest < to_ - from_ && time - to_ <= rules.future_max_ns;
      TimeNs left = newest;
      if (back_ && newest < back_->second) {
        left = std::max({newest, watermark_, last_held_before(back_->second)});
        if (left >= std::min(back_->second, time)) return;
        to_ = std::min(back_->second, time);
      } else if (newest < newest_ever || (is_shorter && !is_later_part)) {
        return;
      } else {
        to_ = time;
      }
      from_ = left;
      stretch_ = open;
    }
  }

  bool accepts(TimeNs time, const Span& span) const {
    if (rule_.kind == Kind::count) {
      const Stretch* const closed = shut_.find(time);
      return counted_span_.value_or(never) <= span.from && (closed == nullptr || closed->to_ns < span.to);
    }
    if (rule_.kind == Kind::session) {
      const TimeNs end = std::min(time + rule_.length, span.to);
      if (!is_settled(time, end)) return true;
      return std::ranges::any_of(sessions_, [&](const Session& each) { return each.start <= time && touches(each, time, span); });
    }
    return std::ranges::any_of(around(time, span), [&](const auto& window) { return !is_settled(window.first, window.second); });
  }

  // Returns whether the watermark goes back to it.
  bool hear_late(TimeNs time) {
    run_ = run_ > 0 && time >= run_at_ ? run_ + 1 : 1;
    run_at_ = time;
    return run_ >= rules.rebase_after && go_back(time);
  }
  bool go_back(TimeNs time) {
    if (stretch_ != open || time <= from_ || time >= to_) return false;
    watermark_ = time - rules.watermark_delay_ns;
    settled_ = watermark_ - lateness_;
    stretch_ = within;
    back_ = {from_, to_};
    run_ = 0;
    return true;
  }
  void hear_good() { run_ = 0; }
  // Whether it has gone back into what holds the time.
  bool is_back_at(TimeNs time) const {
    return is_followed && !is_away && stretch_ == within && back_ && back_->first < time && time < back_->second;
  }

  // It is away, and would have taken it.
  void miss(TimeNs time, const Span& span) {
    missed_from_ = std::min(missed_from_, time);
    missed_to_ = std::max(missed_to_, time);
    if (rule_.kind == Kind::grid) {
      for (const auto& [start, end] : around(time, span)) {
        if (!is_settled(start, end)) missed_in_[start].push_back(time);
      }
    } else if (rule_.kind == Kind::session && accepts(time, span)) {
      for (Session& each : sessions_) each.is_incomplete = each.is_incomplete || touches(each, time, span);
      missed_.push_back(time);
    }
  }
  // Everything up to then came before it was configured.
  void miss_all_until(TimeNs newest) {
    missed_from_ = never;
    missed_to_ = std::max(missed_to_, newest);
  }
  bool may_miss(TimeNs start, DurationNs length) const {
    const TimeNs from = rule_.kind == Kind::session ? start - rule_.length + 1 : start;
    return missed_from_ < start + length && missed_to_ >= from;
  }

  void place(const Sample& sample, const Span& span) {
    if (stretch_ == open && from_ < sample.time && sample.time < to_) to_ = sample.time;
    if (rule_.kind == Kind::grid) {
      for (const auto& [start, end] : around(sample.time, span)) {
        if (is_settled(start, end)) continue;
        Held& held = windows_[start];
        held.length = end - start;
        held.version = span.said.version;
        held.values.push_back(sample.value);
        held.slices.push_back(std::max(span.from, below(sample.time, std::gcd(rule_.length, rule_.hop))));
      }
    } else if (rule_.kind == Kind::session) {
      Session joined{sample.time, std::min(sample.time + rule_.length, span.to), span.said.version, {sample.value}, false, false};
      for (auto each = sessions_.begin(); each != sessions_.end();) {
        if (!touches(*each, sample.time, span)) {
          ++each;
          continue;
        }
        joined.start = std::min(joined.start, each->start);
        joined.end = std::max(joined.end, each->end);
        joined.values.insert(joined.values.end(), each->values.begin(), each->values.end());
        joined.is_incomplete = joined.is_incomplete || each->is_incomplete;
        each = sessions_.erase(each);
      }
      for (const TimeNs time : missed_) {  // a session of what was missed alone may have been settled meanwhile
        if (is_settled(time, std::min(time + rule_.length, span.to))) continue;
        joined.is_incomplete = joined.is_incomplete || touches(joined, time, span);
      }
      sessions_.push_back(std::move(joined));
    } else {
      if (counted_.empty() || counted_.back().values.size() >= rule_.samples || counted_span_ != span.from) {
        counted_.push_back({});
      }
      counted_span_ = span.from;
      counted_.back().version = span.said.version;
      counted_.back().values.push_back(sample.value);
    }
  }

  void advance(TimeNs watermark) {
    watermark_ = std::max(watermark_, watermark);
    highest_ = std::max(highest_, watermark_);
    settle();
    if (back_ && settled_ >= back_->second) {
      if (stretch_ == within) stretch_ = used;
      back_.reset();
    }
  }
  void settle() {
    if (watermark_ == never) return;
    settled_ = std::max(settled_, watermark_ - lateness_);
    highest_settled_ = std::max(highest_settled_, settled_);
    for (auto& [start, held] : windows_) held.is_gone = held.is_gone || start + held.length <= settled_;
    for (Session& each : sessions_) each.is_gone = each.is_gone || each.end <= settled_;
  }
  bool has_settled(TimeNs end) const { return end <= settled_; }

  // `before` ends at `at`, where it did not before.
  void cut(const Span& before, TimeNs at) {
    if (rule_.kind == Kind::grid) {
      // What a wrong clock put beyond the cut: the windows that hold it stay what they are.
      std::set<TimeNs> beyond;
      for (const auto& [start, held] : windows_) {
        if (start < before.from || start >= before.to || held.is_gone || is_settled(start, start + held.length)) continue;
        if (std::ranges::any_of(held.slices, [&](TimeNs slice) { return slice >= at; })) beyond.insert(start);
      }
      if (!beyond.empty()) {
        // Not the one that begins with the cut: that is of what comes after.
        shut_.add(*beyond.begin(), std::min(at, *beyond.rbegin() + 1));
        shut_.add(std::max(*beyond.begin(), on_grid(at - 1) + rule_.hop), *beyond.rbegin() + 1);
      }
      for (auto& [start, held] : windows_) {
        const bool is_of_span = start >= before.from && start < before.to;
        if (is_of_span) std::erase_if(held.slices, [&](TimeNs slice) { return slice >= at; });  // they have been sent for good
        if (held.is_gone || start < before.from || start >= at || start + held.length <= at) continue;
        if (!is_settled(start, start + held.length)) held.length = at - start;
      }
      std::erase_if(windows_, [](const auto& each) { return each.second.values.empty(); });
    } else if (rule_.kind == Kind::session) {
      std::set<TimeNs> beyond;
      for (Session& each : sessions_) {
        if (each.start >= before.from && each.start < at && each.end > at && !each.is_gone) {
          shut_.add(at, each.end - rule_.length + 1);  // where a wrong clock had put samples beyond
          each.end = at;
          each.is_incomplete =
              std::ranges::any_of(missed_, [&](TimeNs time) { return time < at && each.start < time + rule_.length; });
        }
        if (each.start >= at && each.start < before.to) {
          if (!each.is_gone) beyond.insert(each.start);
          each.is_gone = true;
        }
      }
      if (!beyond.empty()) shut_.add(*beyond.begin(), *beyond.rbegin() + 1);
    } else {
      // What it counts before the cut is closed, whether anything has come there or not.
      shut_.add(never, at);
      if (counted_span_ != before.from) return;
      counted_span_.reset();
      counted_.push_back({});
    }
  }

  Windows windows() const {
    Windows all = windows_;
    for (auto& [start, held] : all) {
      const auto missed = missed_in_.find(start);
      if (missed != missed_in_.end()) held.is_incomplete = std::ranges::min(missed->second) < start + held.length;
    }
    for (const Session& each : sessions_) {
      all[each.start] = {each.end - each.start, each.version, each.values, each.is_gone, {}, each.is_incomplete};
    }
    return all;
  }
  // Whether its last count window is of the span.
  bool holds_count_of(const Span& span) const { return counted_span_ == span.from; }
  std::vector<Held> counted() const {
    std::vector<Held> all = counted_;
    std::erase_if(all, [](const Held& each) { return each.values.empty(); });
    return all;
  }

 private:
  enum Jumped { open, within, used };
  struct Session {
    TimeNs start = 0, end = 0;
    std::uint64_t version = 0;
    std::vector<double> values;
    bool is_gone = false;
    bool is_incomplete = false;
  };

  // Where what it still holds begins last, before that time.
  TimeNs last_held_before(TimeNs end) const {
    TimeNs last = never;
    const auto note = [&](TimeNs start) { last = start < end ? std::max(last, start) : last; };
    for (const auto& [start, held] : windows_) {
      if (!held.is_gone) std::ranges::for_each(held.slices, note);
    }
    for (const Session& each : sessions_) {
      if (!each.is_gone) note(each.start);
    }
    return last;
  }

  bool touches(const Session& session, TimeNs time, const Span& span) const {
    if (session.is_gone || session.start < span.from || session.start >= span.to) return false;
    return time < session.end && session.start < std::min(time + rule_.length, span.to);
  }

  // The last multiple of `step`, from the offset on, that is not after the time.
  TimeNs below(TimeNs time, DurationNs step) const {
    TimeNs k = (time - rule_.offset) / step;
    while (k * step + rule_.offset > time) --k;
    return k * step + rule_.offset;
  }
  TimeNs on_grid(TimeNs time) const { return below(time, rule_.hop); }

  // All windows of the span that hold the time, with their ends.
  std::vector<std::pair<TimeNs, TimeNs>> around(TimeNs time, const Span& span) const {
    std::set<TimeNs> starts;
    for (TimeNs start = on_grid(time); start > time - rule_.length - rule_.hop; start -= rule_.hop) {
      if (start >= span.from) starts.insert(start);
    }
    if (span.from != never) starts.insert(span.from);
    std::vector<std::pair<TimeNs, TimeNs>> found;
    for (const TimeNs start : starts) {
      const TimeNs end = std::min(on_grid(start) + rule_.length, span.to);
      if (start <= time && time < end) found.emplace_back(start, end);
    }
    return found;
  }

  bool is_settled(TimeNs start, TimeNs end) const {
    if (end <= settled_) return true;
    if (shut_.find(start) != nullptr) return true;
    if (end > highest_settled_) return false;
    const TimeNs uncut_end = (rule_.kind == Kind::grid ? on_grid(start) : start) + rule_.length;
    return !back_ || start <= back_->first || uncut_end > back_->second;
  }

  Rule rule_;
  TimeNs watermark_ = never, highest_ = never;
  // What ends by then is settled, whatever the lateness is later.
  TimeNs settled_ = never, highest_settled_ = never;
  DurationNs lateness_ = rules.lateness_ns;
  TimeNs from_ = never, to_ = never;
  Jumped stretch_ = open;
  std::uint64_t run_ = 0;
  TimeNs run_at_ = never;
  std::optional<std::pair<TimeNs, TimeNs>> back_;
  Stretches shut_;
  Windows windows_;
  std::vector<Session> sessions_;
  TimeNs missed_from_ = always, missed_to_ = never;
  std::map<TimeNs, std::vector<TimeNs>> missed_in_;  // by the start of a window on a grid
  std::vector<TimeNs> missed_;
  std::vector<Held> counted_;
  std::optional<TimeNs> counted_span_;  // of its last window, while that is kept
};

class Model {
 public:
  Model(const std::vector<Rule>& rules_of, const std::vector<WindowDefinition>& definitions) {
    for (std::size_t i = 0; i < rules_of.size(); ++i) followers.emplace_back(rules_of[i], definitions[i].id);
  }

  Placed add(const Sample& sample) {
    const Placed placed = place(sample);
    forget();
    return placed;
  }

  // The device says that nothing older is to come.
  void complete(TimeNs until) {
    if (until > newest) {
      for (Follower& each : followers) each.hear(newest, newest_ever_, until);
    }
    for (Follower& each : followers) each.advance(until);
  }

  // Another run begins, without the definitions that are away in it.
  void begin_run(DurationNs lateness, const std::vector<bool>& is_away) {
    for (std::size_t i = 0; i < followers.size(); ++i) followers[i].begin_run(lateness, is_away[i]);
    if (spans.empty()) return;
    std::vector<bool> was_followed;
    for (const Follower& each : followers) was_followed.push_back(each.is_followed);
    follow();
    for (std::size_t i = 0; i < followers.size(); ++i) {
      if (followers[i].is_followed && !was_followed[i]) followers[i].miss_all_until(newest_ever_);
    }
    for (Follower& each : followers) each.settle();
    forget();
  }

  std::vector<Follower> followers;
  std::vector<Span> spans;
  TimeNs newest = never;

 private:
  TimeNs newest_ever_ = never;

  Placed place(const Sample& sample) {
    const bool is_newest = sample.time > newest;
    for (Follower& each : followers) {
      if (is_newest) each.hear(newest, newest_ever_, sample.time);
    }
    newest = std::max(newest, sample.time);
    newest_ever_ = std::max(newest_ever_, sample.time);
    Span* span = span_for(sample, is_newest);
    const bool was_back = std::ranges::any_of(followers, [&](const Follower& each) { return each.is_back_at(sample.time); });
    bool went_back = false;
    for (Follower& each : followers) {
      if (!each.is_followed || each.is_away || (span != nullptr && !each.takes(span->said))) continue;
      if (span != nullptr && each.accepts(sample.time, *span)) {
        each.hear_good();
      } else {
        went_back = each.hear_late(sample.time) || went_back;
      }
    }
    if (went_back) {
      for (Follower& each : followers) {
        if (each.is_followed && each.is_away) each.go_back(sample.time);
      }
      if (!was_back) {
        newest = sample.time;
        for (Span& each : spans) each.newest = std::min(each.newest, sample.time);
        if (span == nullptr) span = span_for(sample, true);
      }
    }
    if (span == nullptr) return Placed::unit_differs;
    bool is_wanted = false, is_placed = false;
    for (Follower& each : followers) {
      if (each.is_followed && each.is_away && each.would_take(span->said) && each.accepts(sample.time, *span)) {
        each.miss(sample.time, *span);
      }
      if (!each.takes(span->said)) continue;
      is_wanted = true;
      if (!each.accepts(sample.time, *span)) continue;
      is_placed = true;
      each.place(sample, *span);
    }
    if (is_wanted && !is_placed) return Placed::late;
    span->newest = std::max(span->newest, sample.time);
    for (Follower& each : followers) each.advance(sample.time - rules.watermark_delay_ns);
    return Placed::placed;
  }

  void follow() {
    const auto is_taken = [&](const Follower& each) {
      return std::ranges::any_of(spans, [&](const Span& span) { return each.takes(span.said); });
    };
    const Follower* behind = nullptr;
    for (const Follower& each : followers) {
      if (!each.is_followed) continue;
      if (behind == nullptr || std::pair(each.watermark(), each.id) < std::pair(behind->watermark(), behind->id)) behind = &each;
    }
    for (Follower& each : followers) {
      if (behind != nullptr && !each.is_followed && is_taken(each)) each.begin_with(*behind);
    }
    for (Follower& each : followers) each.is_followed = each.is_followed || is_taken(each);
  }

  // Spans in which nothing can change any more.
  void forget() {
    const auto is_over = [&](const Follower& each) {
      if (!each.is_followed) return true;
      if (each.holds_count_of(spans.front())) return false;
      return each.has_settled(spans.front().to);
    };
    while (spans.size() > 1 && std::ranges::all_of(followers, is_over)) spans.erase(spans.begin());
    follow();
  }

  Span* span_for(const Sample& sample, bool is_newest) {
    if (spans.empty()) {
      spans.push_back({sample.said.valid_from.value_or(never), always, never, sample.said});
      follow();
    }
    const auto of_time =
        std::ranges::find_if(spans, [&](const Span& each) { return each.from <= sample.time && sample.time < each.to; });
    if (of_time == spans.end()) {
      const TimeNs from = sample.said.valid_from.value_or(never);
      spans.insert(spans.begin(), {from, spans.front().from, never, sample.said});
      follow();
      return &spans.front();
    }
    if (of_time->said.version == sample.said.version) return &*of_time;
    TimeNs at = never;
    if (sample.said.valid_from && *sample.said.valid_from > std::max(of_time->newest, of_time->from)) {
      at = *sample.said.valid_from;
    } else if (is_newest && sample.time > of_time->from) {
      at = sample.time;
    } else {
      const bool is_same = of_time->said.quantity == sample.said.quantity && of_time->said.unit == sample.said.unit;
      return is_same ? &*of_time : nullptr;
    }
    for (Follower& each : followers) each.cut(*of_time, at);
    const Span after{at, of_time->to, never, sample.said};
    of_time->to = at;
    const auto inserted = spans.insert(std::next(of_time), after);
    follow();
    return &*inserted;
  }
};

WindowConfig config_of(const Rule& rule) {
  WindowConfig config;
  config.quantity = rule.quantity;
  if (rule.kind == Kind::grid) {
    config.length = rule.length;
    config.hop = rule.hop;
    config.offset = rule.offset;
  } else if (rule.kind == Kind::session) {
    config.gap = rule.length;
  } else {
    config.samples = static_cast<std::int64_t>(rule.samples);
  }
  return config;
}

// The windower, its stream, and the rows that a collector would have.
class Edge {
 public:
  explicit Edge(const std::vector<WindowConfig>& windows) : definitions_(window_definitions(windows)), configured_(definitions_) {
    record_ = std::make_unique<StreamRecord>();
    record_->state.device = "d";
    start();
  }

  Placed add(const Sample& sample) {
    Samples samples;
    samples.time_ns = sample.time;
    samples.moments = kernels::moments_of(sample.value, -1e300, 1e300);
    samples.origin = {1, ++sequence_};
    samples.received_ns = now;
    record_->declared = {
        .version = sample.said.version, .machine = "", .quantity = sample.said.quantity, .unit = sample.said.unit};
    record_->declared_from_ns = sample.said.valid_from;
    Effect effect;
    const Taken taken = windower_->add(*record_, samples, now, effect);
    keep(effect);
    return taken.placed;
  }

  void restart() {
    Stream saved = record_->state;
    saved.clocks = *decode_clocks(encode(saved.clocks));
    saved.parts = *decode_parts(encode(saved.parts));
    EXPECT_TRUE(saved == record_->state);
    std::erase_if(saved.panes, [](const auto& each) { return each.second.empty(); });
    record_ = std::make_unique<StreamRecord>();
    record_->state = std::move(saved);
    start();
    Effect effect;
    windower_->take_over(*record_, now, effect);
    keep(effect);
  }

  // The same with another configuration.
  void restart(DurationNs lateness, const std::vector<bool>& is_away) {
    rules_.lateness_ns = lateness;
    configured_.clear();
    for (std::size_t i = 0; i < definitions_.size(); ++i) {
      if (!is_away[i]) configured_.push_back(definitions_[i]);
    }
    restart();
  }

  void complete(TimeNs until) {
    Effect effect;
    windower_->advance(*record_, until, now, effect);
    keep(effect);
  }

  void idle() {
    Effect effect;
    windower_->send_if_idle(*record_, now + 3'600 * s, effect);
    keep(effect);
  }

  const Stream& stream() const { return record_->state; }
  const std::vector<WindowDefinition>& definitions() const { return definitions_; }
  std::map<std::pair<std::uint64_t, TimeNs>, schema::WindowRowT> rows;
  std::vector<std::string> texts;

 private:
  void start() {
    const std::vector<WindowDefinition> former = windower_ ? windower_->remembered() : std::vector<WindowDefinition>();
    windower_ = std::make_unique<Windower>(configured_, former, rules_);
    windower_->adopt(*record_, {});
  }

  void keep(Effect& effect) {
    windower_->collect_changes(effect);
    for (auto& row : effect.windows) {
      texts.push_back(std::to_string(row.definition) + " " + std::to_string(row.start_ns) + "+" + std::to_string(row.length_ns) +
                      " r" + std::to_string(row.revision) + " " + std::to_string(row.counts->good) + " v" +
                      std::to_string(row.stream_version));
      const auto key = std::pair(row.definition, row.start_ns);
      const auto known = rows.find(key);
      if (known != rows.end()) {
        EXPECT_GT(row.revision, known->second.revision) << "a collector would ignore it";
      }
      rows.insert_or_assign(key, std::move(row));
    }
  }

  const std::vector<WindowDefinition> definitions_;
  std::vector<WindowDefinition> configured_;  // of those
  TimeRules rules_ = rules;
  std::unique_ptr<StreamRecord> record_;
  std::unique_ptr<Windower> windower_;
  std::uint64_t sequence_ = 0;
};

std::vector<Rule> random_rules(std::mt19937& random) {
  const std::vector<Rule> all{{.length = 2 * s, .hop = 2 * s, .quantity = ""},
                              {.length = 10 * s, .hop = 10 * s, .offset = 700 * ms, .quantity = ""},
                              {.length = 4 * s, .hop = 1 * s, .quantity = ""},
                              {.length = 5 * s, .hop = 2 * s, .quantity = ""},
                              {.length = 20 * s, .hop = 20 * s, .quantity = "q"},
                              {.length = 3 * s, .hop = 3 * s, .quantity = "v"},
                              {.kind = Kind::session, .length = 900 * ms, .quantity = ""},
                              {.kind = Kind::session, .length = 2 * s, .quantity = "v"},
                              {.kind = Kind::count, .samples = 7, .quantity = ""},
                              {.kind = Kind::count, .samples = 30, .quantity = "q"}};
  std::vector<Rule> chosen{{.length = 1 * s, .hop = 1 * s, .quantity = ""}};  // takes everything
  std::ranges::sample(all, std::back_inserter(chosen), 2 + static_cast<std::ptrdiff_t>(random() % 4), random);
  return chosen;
}

// Samples in the order in which they come.
std::vector<Sample> random_samples(std::mt19937& random) {
  const auto below = [&](DurationNs limit) { return static_cast<DurationNs>(random() % static_cast<std::uint64_t>(limit)); };
  const std::vector<std::pair<std::string, std::string>> measures{{"q", "u"}, {"q", "x"}, {"v", "m"}};
  // The point table's entries: each holds from its time on.
  std::vector<Said> table{{}};
  for (int i = 0; i < 3 && random() % 2 == 0; ++i) {
    const auto& [quantity, unit] = measures[random() % measures.size()];
    const TimeNs from = std::max(table.back().valid_from.value_or(begin), begin) + 5 * s + below(40 * s);
    table.push_back({table.size() + 1, quantity, unit, from});
  }
  std::vector<Sample> samples;
  TimeNs at = begin, highest = begin;
  DurationNs ahead = 0;
  std::uint64_t versions = 100;
  const bool completes = random() % 2 == 0;
  const DurationNs disorder = random() % 2 == 0 ? 1 : 4 * s;
  for (int i = 0; i < 250; ++i) {
    at += random() % 25 == 0 ? below(8 * s) : below(500 * ms);
    if (random() % 60 == 0) ahead = ahead > 0 ? 0 : 100 * s + below(100 * s);
    if (random() % 50 == 0 && (at + ahead > highest || at + ahead + 40 * s < highest)) {  // the configuration is changed
      const auto& [quantity, unit] = measures[random() % measures.size()];
      std::erase_if(table, [&](const Said& each) { return each.valid_from.value_or(never) > at + ahead; });
      table.back() = {++versions, quantity, unit, random() % 2 == 0 ? table.back().valid_from : std::nullopt};
      table.erase(table.begin(), std::prev(table.end()));
      table.back().valid_from = std::nullopt;
    }
    Sample sample;
    sample.time = at + ahead - below(disorder);
    highest = std::max(highest, sample.time);
    sample.value = std::uniform_real_distribution<>(-1, 1)(random);
    for (const Said& each : table) {
      if (each.valid_from.value_or(never) <= sample.time) sample.said = each;
    }
    if (completes && random() % 10 == 0) {  // now and then it is wrong
      sample.complete_until = at + ahead - 2 * s + below(random() % 6 == 0 ? 90 * s : 3 * s);
    }
    samples.push_back(sample);
  }
  return samples;
}

std::string text_of(TimeNs start, DurationNs length, std::uint64_t version, std::size_t samples) {
  return std::to_string((start - begin) / ms) + "+" + std::to_string(length / ms) + " v" + std::to_string(version) + " " +
         std::to_string(samples);
}

void expect_row(const schema::WindowRowT& row, const Held& held) {
  EXPECT_EQ(row.stream_version, held.version);
  ASSERT_EQ(row.counts->good, held.values.size());
  double sum = 0;
  for (const double value : held.values) sum += value;
  EXPECT_NEAR(row.moments->mean, sum / static_cast<double>(held.values.size()), 1e-9);
  EXPECT_EQ(row.moments->min, *std::ranges::min_element(held.values));
  EXPECT_EQ(row.moments->max, *std::ranges::max_element(held.values));
}

void try_seed(unsigned seed) {
  std::mt19937 random(seed);
  const std::vector<Rule> rules_of = random_rules(random);
  std::vector<WindowConfig> windows;
  for (const Rule& rule : rules_of) windows.push_back(config_of(rule));
  const std::vector<Sample> samples = random_samples(random);
  Edge edge(windows), restarted(windows);
  Model model(rules_of, edge.definitions());
  std::map<Placed, std::uint64_t> became;
  std::vector<bool> is_away(rules_of.size());
  const bool changes = random() % 2 == 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (changes && random() % 40 == 0) {
      const DurationNs lateness = std::vector<DurationNs>{2 * s, 5 * s, 12 * s}[random() % 3];
      for (std::size_t k = 1; k < is_away.size(); ++k) is_away[k] = random() % 3 == 0;
      model.begin_run(lateness, is_away);
      edge.restart(lateness, is_away);
      restarted.restart(lateness, is_away);
    }
    if (samples[i].complete_until) {
      model.complete(*samples[i].complete_until);
      edge.complete(*samples[i].complete_until);
      restarted.complete(*samples[i].complete_until);
    }
    const Placed expected = model.add(samples[i]);
    ++became[expected];
    ASSERT_EQ(edge.add(samples[i]), expected) << "sample " << i << " at " << (samples[i].time - begin) / ms << " ms";
    restarted.add(samples[i]);
    if (random() % 15 == 0) restarted.restart();
  }
  edge.complete(begin + 10'000 * s);
  restarted.complete(begin + 10'000 * s);
  edge.idle();
  restarted.idle();
  const auto [other, own] = std::ranges::mismatch(restarted.texts, edge.texts);
  EXPECT_TRUE(other == restarted.texts.end() && own == edge.texts.end())
      << "row " << own - edge.texts.begin() << ": " << (own == edge.texts.end() ? "none" : *own)
      << "; restarted: " << (other == restarted.texts.end() ? "none" : *other);
  EXPECT_EQ(edge.stream().counts.good, became[Placed::placed]);
  EXPECT_EQ(edge.stream().counts.late, became[Placed::late] + became[Placed::unit_differs]);

  for (std::size_t i = 0; i < rules_of.size(); ++i) {
    SCOPED_TRACE("definition " + std::to_string(i));
    const Follower& follower = model.followers[i];
    std::vector<schema::WindowRowT*> rows;
    for (auto& [key, row] : edge.rows) {
      if (key.first == edge.definitions()[i].id && row.state != schema::WindowState::withdrawn) rows.push_back(&row);
    }
    if (rules_of[i].kind == Kind::count) {
      // In the order in which they began.
      std::ranges::sort(rows, {}, [](const auto* row) { return row->first_sequence; });
      const std::vector<Held> expected = follower.counted();
      ASSERT_EQ(rows.size(), expected.size());
      for (std::size_t k = 0; k < rows.size(); ++k) expect_row(*rows[k], expected[k]);
      continue;
    }
    const Windows expected = follower.windows();
    std::set<std::string> found_texts, expected_texts, differ;
    for (const schema::WindowRowT* row : rows) {
      found_texts.insert(text_of(row->start_ns, row->length_ns, row->stream_version, row->counts->good));
    }
    for (const auto& [start, held] : expected) {
      expected_texts.insert(text_of(start, held.length, held.version, held.values.size()));
    }
    std::ranges::set_difference(found_texts, expected_texts, std::inserter(differ, differ.end()));
    for (const std::string& each : differ) ADD_FAILURE() << each << " should not be";
    differ.clear();
    std::ranges::set_difference(expected_texts, found_texts, std::inserter(differ, differ.end()));
    for (const std::string& each : differ) ADD_FAILURE() << each << " is missing";
    if (testing::Test::HasFailure()) return;
    for (const schema::WindowRowT* row : rows) {
      SCOPED_TRACE("start " + std::to_string((row->start_ns - begin) / ms) + " ms");
      expect_row(*row, expected.at(row->start_ns));
      EXPECT_TRUE(row->incomplete || !expected.at(row->start_ns).is_incomplete);
      EXPECT_TRUE(!row->incomplete || follower.may_miss(row->start_ns, row->length_ns));
    }
  }
}

TEST(WindowerTrial, RowsAreWhatTheRulesSayOfAllDefinitionsAtOnce) {
  for (unsigned seed = 0; seed < seeds_or(800); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    try_seed(seed);
    if (testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace stethos::edge
