// Random streams, and what must hold of them whatever comes: no window takes the name of another that a collector has, the rows
// that stand there hold each sample once, a restart changes nothing, and what was written down is what is in memory. Unlike the
// trial beside it this knows no rules of windows, so it goes where a model would be as long as the windower: streams that are
// forgotten and come back, devices that are due to speak, rows of open windows, clocks that jump as they like.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
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

WindowConfig window(DurationNs length, DurationNs hop = 0, DurationNs gap = 0, std::int64_t samples = 0) {
  WindowConfig config;
  config.length = length;
  config.hop = hop;
  config.gap = gap;
  config.samples = samples;
  return config;
}

const std::vector<WindowConfig>& all_windows() {
  static const std::vector<WindowConfig> all{window(10 * s),      window(30 * s, 10 * s), window(25 * s, 10 * s),
                                             window(0, 0, 4 * s), window(0, 0, 0, 7),     window(60 * s)};
  return all;
}

enum class Does { add, put_through, complete, count_unplaced, idle, forget, restart, configure };

struct Step {
  explicit Step(Does what) : does(what) {}

  Does does;
  TimeNs time = 0;
  Description declared;
  std::optional<TimeNs> declared_from;
  std::vector<std::size_t> windows;  // that are configured from now on
  DurationNs lateness_ns = 0;
  std::size_t letter = 0;  // of those that there are, the first after the last
};

struct Story {
  std::vector<WindowConfig> windows;
  TimeRules rules;
  std::vector<Step> steps;
};

std::string text_of(TimeNs time) { return std::to_string((time - begin) / ms); }

std::string text_of(const Step& step) {
  switch (step.does) {
    case Does::add:
      return "add " + text_of(step.time) + " v" + std::to_string(step.declared.version) + " " + step.declared.unit +
             (step.declared_from ? " from " + text_of(*step.declared_from) : "");
    case Does::put_through:
      return "put through letter " + std::to_string(step.letter);
    case Does::complete:
      return "complete " + text_of(step.time);
    case Does::count_unplaced:
      return "count one that is rejected";
    case Does::idle:
      return "idle";
    case Does::forget:
      return "forget";
    case Does::restart:
      return "restart";
    case Does::configure:
      break;
  }
  std::string text = "configure lateness " + std::to_string(step.lateness_ns / s) + " s, windows";
  for (const std::size_t i : step.windows) text += " " + std::to_string(i);
  return text;
}

std::string text_of(const schema::WindowRowT& row) {
  return std::to_string(row.definition % 1000) + ": " + text_of(row.start_ns) + "." +
         std::to_string((row.start_ns - begin) % ms) + "+" + std::to_string(row.length_ns / ms) + " r" +
         std::to_string(row.revision) + " " + schema::EnumNameWindowState(row.state) + " good " +
         std::to_string(row.counts->good) + " late " + std::to_string(row.counts->late) + " rejected " +
         std::to_string(row.counts->rejected) + (row.incomplete ? " incomplete" : "") + " v" + std::to_string(row.stream_version);
}

std::string text_of(const schema::SilenceRowT& row) {
  return std::to_string(row.definition % 1000) + ": silence from " + text_of(row.first_start_ns) + ", " +
         std::to_string(row.windows) + " windows " + schema::EnumNameWindowState(row.state);
}

std::string text_of(const Watched& watched) {
  if (const auto* end = std::get_if<MeasureEnd>(&watched)) return "another measure from " + text_of(end->at_ns);
  const auto& seen = std::get<WatchedWindow>(watched);
  return "watched " + std::to_string(seen.definition->id % 1000) + ": " + text_of(seen.start_ns) + " " +
         std::to_string(*seen.seen.front().value);
}

// The windower of an edge, its stream, and its spool.
class Edge {
 public:
  Edge(std::vector<WindowConfig> windows, const TimeRules& rules) : windows_(std::move(windows)), rules_(rules) {
    record_->state.device = "d";
    start();
  }

  void play(const Step& step) {
    Effect effect;
    switch (step.does) {
      case Does::add: {
        Letter letter{step.declared, step.declared_from, step.time, {}};
        const Taken taken = windower_->add(*record_, samples_of(letter), now, effect);
        if (taken.placed != Placed::placed) {
          letter.late_in = taken.late_in;
          letters_.push_back(std::move(letter));
        }
        offer({});
        break;
      }
      case Does::put_through: {
        if (letters_.empty()) return;
        // The edge does not run meanwhile.
        load();
        windower_->take_over(*record_, now, effect);
        const auto letter = letters_.begin() + static_cast<std::ptrdiff_t>(step.letter % letters_.size());
        Samples samples = samples_of(*letter);
        samples.late_in = &letter->late_in;
        if (windower_->add(*record_, samples, now, effect).placed != Placed::placed) return load();
        offer(letter->late_in);
        letters_.erase(letter);
        break;
      }
      case Does::complete:
        windower_->advance(*record_, step.time, now, effect);
        break;
      case Does::count_unplaced:
        windower_->count_unplaced(*record_, Unplaced::rejected, 1);
        offer({});
        break;
      case Does::idle:
        windower_->send_if_idle(*record_, now + 3'600 * s, effect);
        windower_->report_if_silent(*record_, now + 3'600 * s, effect);
        break;
      case Does::forget:
        windower_->close(*record_, now, effect);
        break;
      case Does::restart:
        load();
        return;
      case Does::configure:
        former_ = windower_->remembered();
        windows_.clear();
        for (const std::size_t i : step.windows) windows_.push_back(all_windows()[i]);
        rules_.lateness_ns = step.lateness_ns;
        load();
        windower_->take_over(*record_, now, effect);
        break;
    }
    keep(effect);
  }

  bool is_known() const { return !saved_.parts.empty(); }

  // Nothing, or what is wrong.
  std::string fault() const {
    if (windower_->imbalance()) return *windower_->imbalance();
    StreamRecord loaded;
    loaded.state = saved_;
    loaded.state.last_received_ns = record_->state.last_received_ns;
    Windower(window_definitions(windows_), former_, rules_).adopt(loaded, {});
    return loaded.state == record_->state ? "" : "the spool has something else than memory";
  }

  // The same, of what a collector has, once all is sent.
  std::string fault_of_rows() const {
    std::map<std::pair<std::uint64_t, TimeNs>, const schema::WindowRowT*> standing;
    for (const auto& row : rows) {
      const auto [known, is_new] = standing.try_emplace({row.definition, row.start_ns}, &row);
      if (!is_new && row.revision <= known->second->revision) return "the collector ignores " + text_of(row);
      known->second = &row;
    }
    for (const WindowDefinition& definition : window_definitions(all_windows())) {
      if (definition.kind == schema::WindowKind::hopping || !offered_.contains(definition.id)) continue;
      std::uint64_t found = 0;
      for (const auto& [key, row] : standing) {
        if (key.first != definition.id || row->state == schema::WindowState::withdrawn) continue;
        found += row->counts->good + row->counts->late + row->counts->rejected - row->counts->recovered;
      }
      const auto clock = record_->state.clocks.find(definition.id);
      if (clock != record_->state.clocks.end()) found += clock->second.unshown.late + clock->second.unshown.rejected;
      if (found == offered_.at(definition.id)) continue;
      return "of " + std::to_string(offered_.at(definition.id)) + " samples rows of " + std::to_string(definition.id % 1000) +
             " hold " + std::to_string(found);
    }
    return "";
  }

  std::vector<schema::WindowRowT> rows;
  std::vector<std::string> texts;  // of all that is sent

 private:
  // Samples that no window of the stream could take.
  struct Letter {
    Description declared;
    std::optional<TimeNs> declared_from;
    TimeNs time = 0;
    std::vector<std::uint64_t> late_in;  // the definitions that have counted them
  };

  Samples samples_of(const Letter& letter) {
    Samples samples;
    samples.time_ns = letter.time;
    samples.moments = kernels::moments_of(1, -1e300, 1e300);
    samples.origin = {1, ++sequence_};
    samples.received_ns = now;
    record_->declared = letter.declared;
    record_->declared_from_ns = letter.declared_from;
    return samples;
  }

  // A sample, to all definitions but those that have counted it.
  void offer(const std::vector<std::uint64_t>& counted_by) {
    for (const WindowDefinition& definition : windower_->definitions()) {
      if (std::ranges::find(counted_by, definition.id) == counted_by.end()) ++offered_[definition.id];
    }
  }

  void load() {
    record_ = std::make_unique<StreamRecord>();
    record_->state = saved_;
    start();
  }

  void start() {
    windower_ = std::make_unique<Windower>(window_definitions(windows_), former_, rules_);
    windower_->set_watch([](const Stream&, const WindowDefinition&, const Description&, const Pane& whole) {
      return std::vector<Seen>{{0, static_cast<double>(whole.moments.count)}};
    });
    windower_->adopt(*record_, {});
  }

  void keep(Effect& effect) {
    windower_->collect_changes(effect);
    for (const Stream* stream : effect.streams) {
      auto panes = std::move(saved_.panes);
      saved_ = *stream;
      saved_.panes = std::move(panes);
      saved_.clocks = *decode_clocks(encode(saved_.clocks));
      saved_.parts = *decode_parts(encode(saved_.parts));
    }
    for (const auto& change : effect.panes) {
      auto& panes = saved_.panes[change.key.definition];
      if (change.pane != nullptr) {
        panes[change.key.start_ns] = *change.pane;
      } else {
        panes.erase(change.key.start_ns);
      }
    }
    std::erase_if(saved_.panes, [](const auto& each) { return each.second.empty(); });
    for (const auto& row : effect.windows) texts.push_back(text_of(row));
    for (const auto& row : effect.silences) texts.push_back(text_of(row));
    for (const auto& each : windower_->take_watched()) texts.push_back(text_of(each));
    for (auto& row : effect.windows) rows.push_back(std::move(row));
  }

  std::vector<WindowConfig> windows_;
  std::vector<WindowDefinition> former_;
  TimeRules rules_;
  std::unique_ptr<StreamRecord> record_ = std::make_unique<StreamRecord>();
  std::unique_ptr<Windower> windower_;
  Stream saved_;
  std::map<std::uint64_t, std::uint64_t> offered_;  // samples, by definition
  std::vector<Letter> letters_;
  std::uint64_t sequence_ = 0;
};

Story random_story(unsigned seed) {
  std::mt19937 random(seed);
  const auto pick = [&](int from, int to) { return std::uniform_int_distribution<int>(from, to)(random); };
  Story story;
  for (const WindowConfig& each : all_windows()) {
    if (pick(0, 2) > 0) story.windows.push_back(each);
  }
  if (story.windows.empty()) story.windows.push_back(all_windows()[static_cast<std::size_t>(pick(0, 5))]);
  for (WindowConfig& each : story.windows) {
    if (pick(0, 4) == 0) each.emit_every = 7 * s;
  }
  story.rules = {.watermark_delay_ns = 3 * s * pick(0, 2),
                 .lateness_ns = 8 * s * pick(0, 2),
                 .idle_timeout_ns = s,
                 .future_max_ns = 300 * s,
                 .rebase_after = pick(0, 1) == 0 ? 0U : 3U};
  const bool jumps = pick(0, 3) > 0, cuts = pick(0, 3) > 0, forgets = pick(0, 3) == 0, configures = pick(0, 2) == 0;
  Description declared{.version = 1, .machine = "", .quantity = "q", .unit = "u"};
  if (pick(0, 1) > 0) declared.interval_ns = s;
  std::optional<TimeNs> declared_from;
  std::vector<std::pair<Description, std::optional<TimeNs>>> before;  // what was declared
  TimeNs at = begin;
  std::uint64_t versions = 1;
  const auto step = [&](Does does) -> Step& { return story.steps.emplace_back(does); };
  for (int steps = pick(20, 200); steps > 0; --steps) {
    const int chance = pick(0, 59);
    if (chance < 40) {
      at += 700 * ms * pick(0, 3);
      Step& added = step(Does::add);
      added.time = pick(0, 9) == 0 ? at - pick(0, 40) * s : at;
      added.declared = declared;
      added.declared_from = declared_from;
      for (auto each = before.rbegin(); added.declared_from && *added.declared_from > added.time; ++each) {
        std::tie(added.declared, added.declared_from) = *each;
      }
    } else if (chance < 46) {
      if (jumps) at += chance < 43 ? pick(10, 60) * s : -pick(5, 60) * s;
    } else if (chance < 48 && cuts) {
      before.emplace_back(declared, declared_from);
      declared.version = ++versions;
      if (pick(0, 2) == 0) declared.unit = pick(0, 1) > 0 ? "u" : "w";
      declared_from.reset();
      if (pick(0, 2) == 0) declared_from = at + pick(-20, 20) * s;
      at = std::max(at, declared_from.value_or(at));
    } else if (chance == 48) {
      step(Does::complete).time = at + pick(-10, 30) * s;
    } else if (chance == 49) {
      step(Does::count_unplaced);
    } else if (chance == 50) {
      step(Does::idle);
    } else if (chance == 51 && forgets) {
      step(Does::forget);
    } else if (chance < 54) {
      step(Does::restart);
    } else if (chance < 56) {
      step(Does::put_through).letter = static_cast<std::size_t>(pick(0, 30));
    } else if (chance == 56 && configures) {
      Step& configured = step(Does::configure);
      configured.lateness_ns = 8 * s * pick(0, 2);
      for (std::size_t i = 0; i < all_windows().size(); ++i) {
        if (pick(0, 2) > 0) configured.windows.push_back(i);
      }
    }
  }
  return story;
}

// Nothing, or what does not hold.
std::string fault_of(const Story& story) {
  Edge edge(story.windows, story.rules), restarted(story.windows, story.rules);
  for (const Step& step : story.steps) {
    if (!edge.is_known() && step.does != Does::add) continue;
    if (step.does != Does::restart) edge.play(step);
    restarted.play(step);
    for (const Edge* each : {&edge, &restarted}) {
      if (auto fault = each->fault(); !fault.empty()) return fault;
    }
    const auto [own, other] = std::ranges::mismatch(edge.texts, restarted.texts);
    if (own != edge.texts.end() || other != restarted.texts.end()) {
      return "without a restart: " + (own != edge.texts.end() ? *own : "nothing") +
             "; after a restart: " + (other != restarted.texts.end() ? *other : "nothing");
    }
  }
  if (edge.is_known()) edge.play(Step(Does::forget));
  return edge.fault_of_rows();
}

// The same fault in fewer steps.
Story shortened(Story story) {
  const std::string kind = fault_of(story).substr(0, 12);
  for (std::size_t i = story.steps.size(); i-- > 0;) {
    Story shorter = story;
    shorter.steps.erase(shorter.steps.begin() + static_cast<std::ptrdiff_t>(i));
    if (fault_of(shorter).starts_with(kind)) story = std::move(shorter);
  }
  return story;
}

TEST(WindowerBooks, HoldWhateverComes) {
  for (unsigned seed = 0; seed < seeds_or(1000); ++seed) {
    Story story = random_story(seed);
    if (fault_of(story).empty()) continue;
    story = shortened(std::move(story));
    std::string text = "seed " + std::to_string(seed) + ", delay " + std::to_string(story.rules.watermark_delay_ns / s) +
                       " s, lateness " + std::to_string(story.rules.lateness_ns / s) + " s, rebase after " +
                       std::to_string(story.rules.rebase_after);
    for (const WindowDefinition& each : window_definitions(story.windows)) {
      text += "\n  window " + std::to_string(each.id % 1000) + ": " + std::to_string(each.length_ns / s) + " s each " +
              std::to_string(each.hop_ns / s) + " s, " + std::to_string(each.samples) + " samples";
    }
    for (const Step& step : story.steps) text += "\n  " + text_of(step);
    ADD_FAILURE() << text << "\n  " << fault_of(story);
    break;
  }
}

// What a pane waits for to say what is missing behind it changes when the stream passes an absence.
TEST(WindowerBooks, ARestartBehindAnAbsence) {
  Story story{
      .windows = {all_windows()[1], all_windows()[2], all_windows()[3]},
      .rules = {.watermark_delay_ns = 3 * s, .lateness_ns = 0, .idle_timeout_ns = s, .future_max_ns = 300 * s, .rebase_after = 3},
      .steps = {}};
  const auto add = [&](std::initializer_list<std::int64_t> times_ms) {
    for (const std::int64_t time : times_ms) {
      Step& step = story.steps.emplace_back(Does::add);
      step.time = begin + time * ms;
      step.declared = {.version = 1, .machine = "", .quantity = "q", .unit = "u", .interval_ns = s};
    }
  };
  const auto configure = [&](DurationNs lateness, std::vector<std::size_t> windows) {
    Step& step = story.steps.emplace_back(Does::configure);
    step.lateness_ns = lateness;
    step.windows = std::move(windows);
  };
  add({92'600, 187'000, 295'100, 297'900});
  story.steps.emplace_back(Does::complete).time = begin + 305'900 * ms;
  configure(32 * s, {0, 1, 2, 3});
  add({280'000, 281'400, 283'500});
  configure(0, {0, 1, 3});
  story.steps.emplace_back(Does::idle);
  add({293'300, 295'400});
  story.steps.emplace_back(Does::restart);
  add({299'600, 305'000, 309'000});
  EXPECT_EQ(fault_of(story), "");
}

}  // namespace
}  // namespace stethos::edge
