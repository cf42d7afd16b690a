#include "edge/window/windower.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "edge/core/limits.h"
#include "edge/window/pane.h"

namespace stethos::edge {
namespace {

void count_in(auto& counts, Unplaced how, std::uint64_t samples) {
  switch (how) {
    case Unplaced::duplicate:
      counts.duplicate += samples;
      break;
    case Unplaced::late:
      counts.late += samples;
      break;
    case Unplaced::rejected:
      counts.rejected += samples;
      break;
  }
}

// When they came first.
bool has_counted_late(const Samples& samples, const WindowDefinition& definition) {
  return samples.late_in != nullptr && std::ranges::find(*samples.late_in, definition.id) != samples.late_in->end();
}

}  // namespace

Windower::Windower(std::vector<WindowDefinition> definitions, const std::vector<WindowDefinition>& former, const TimeRules& rules)
    : definitions_(std::move(definitions)), remembered_(definitions_), rules_(rules) {
  for (WindowDefinition each : former) {
    if (std::ranges::find(definitions_, each.id, &WindowDefinition::id) != definitions_.end()) continue;
    // What their configuration showed is not known any more: their last rows say all that their panes know, but for quantiles.
    show_all(each);
    const bool is_remembered = remembered_.size() < definitions_.size() + former_definitions_max;
    (is_remembered ? remembered_ : retired_).push_back(std::move(each));
  }
  former_ = std::span(remembered_).subspan(definitions_.size());
}

void Windower::adopt(StreamRecord& stream, Description expected) {
  sum_up(stream);
  Stream& state = stream.state;
  const bool is_of_release_before = state.parts.empty();  // or new
  if (state.parts.empty() && state.version != 0) {
    expected.version = state.version;
    expected.quantity = state.quantity;
    expected.unit = state.unit;
    state.parts.push_back({.from_ns = time_min, .newest_ns = state.newest_ns, .description = std::move(expected)});
  }
  // What was settled is not on record where the release before left it, or no definition takes it: it is taken to have had this
  // lateness.
  if (StreamClock& clock = state.clock; clock.settled_ns_max == time_min && clock.watermark_ns != time_min) {
    clock.settled_ns = clock.watermark_ns - rules_.lateness_ns;
    clock.settled_ns_max = clock.watermark_ns_max - rules_.lateness_ns;
  }
  stream.followed.clear();
  for (const auto& [definition, panes] : state.panes) {
    for (const auto& [start, pane] : panes) stream.changes = std::max({stream.changes, pane.changed, pane.sent});
  }
  const auto known = state.clocks;
  follow_parts(stream);
  if (is_of_release_before || state.newest_ns == time_min) return;  // which definitions there were is not known
  for (Followed& followed : stream.followed) {
    if (!known.contains(followed.definition->id)) begin_after(state, followed);
  }
}

Taken Windower::add(StreamRecord& stream, Samples samples, TimeNs now_ns, Effect& effect) {
  Stream& state = stream.state;
  const TimeNs time = samples.time_ns;
  mark(stream);
  state.last_received_ns = std::max(state.last_received_ns, samples.received_ns);  // of a dead letter it may be long ago
  stream.silence_begins_anew = false;
  const bool is_live = samples.late_in == nullptr;  // what is put through says nothing of where the stream is
  const bool is_newest = is_live && time > state.newest_ns;
  const auto has_version = [&] {
    return std::ranges::any_of(state.parts,
                               [&](const Part& each) { return each.description.version == stream.declared.version; });
  };
  const bool had_version = has_version();
  if (samples.plan != nullptr) {
    // The tail of a recording, or of what a device had collected: its statistics are not those of a whole block.
    const bool is_short = 20 * samples.count() < 19 * state.block_samples;
    if (is_live && is_short && !samples.plan->analysis.joins) samples.block.features = {};
    if (is_live) state.block_samples = samples.count();
  }
  // Late ones show where the stream is, too: it may go through windows that are settled.
  if (is_live) {
    note_jump(stream, time);
    const TimeNs newest_before = std::exchange(state.newest_ns, std::max(state.newest_ns, time));
    state.newest_ns_max = std::max(state.newest_ns_max, time);
    for (Followed& followed : stream.followed) {
      // A pane that waits to say what is missing behind it does not wait beyond an absence.
      if (followed.clock->away.any_between(newest_before, state.newest_ns + 1)) followed.due_ns = due_of(stream, followed);
    }
  }

  const Part* part = part_for(stream, time, is_newest, now_ns, effect);
  if (is_live && follow_late_runs(stream, part, time, now_ns, effect) && part == nullptr) {
    part = part_for(stream, time, true, now_ns, effect);
  }

  Taken taken;
  bool is_wanted = false, is_accepted = false;
  for (const Followed& followed : stream.followed) {
    if (part == nullptr || !takes(followed, state, *part)) continue;
    is_wanted = true;
    is_accepted = is_accepted || accepts(stream, followed, time);
  }
  if (part == nullptr) {
    // Before all parts that are kept no window can take anything.
    taken.placed = part_of(state.parts, time) == nullptr ? Placed::late : Placed::unit_differs;
    count_unplaced(stream, Unplaced::late, samples.count());
    effect.totals[Counter::analysis_blocks_late] += samples.analyses.size();
    for (const Followed& followed : stream.followed) {
      if (takes(followed, state, state.parts.back())) taken.late_in.push_back(followed.definition->id);
    }
  } else if (!is_accepted && (is_wanted || samples.late_in != nullptr)) {
    taken.placed = Placed::late;
    state.counts.late += samples.count();
  } else {
    state.counts.good += samples.moments.count;
    state.counts.not_finite += samples.moments.not_finite;
    state.counts.out_of_range += samples.moments.out_of_range;
    if (samples.late_in != nullptr) state.counts.recovered += samples.count();
  }
  if (part != nullptr) {
    for (Followed& followed : stream.followed) {
      if (followed.is_former) note_missed(stream, followed, *part, time);
      if (!takes(followed, state, *part)) continue;
      const std::uint64_t before = followed.samples_accounted;
      if (accepts(stream, followed, time)) {
        place_earlier_analyses(stream, followed, samples, effect);
        place(stream, followed, samples, now_ns, effect);
      } else if (has_counted_late(samples, *followed.definition)) {
        continue;
      } else {
        count_beside(stream, followed, Unplaced::late, samples.count());
        if (followed.definition->shows_features) effect.totals[Counter::analysis_blocks_late] += samples.analyses.size();
        taken.late_in.push_back(followed.definition->id);
      }
      check_accounted(stream, followed, before, samples.count());
    }
  }
  if (taken.placed == Placed::placed) {
    Part& own = *std::prev(std::ranges::upper_bound(state.parts, time, {}, &Part::from_ns));
    own.newest_ns = std::max(own.newest_ns, time);
    const TimeNs complete_ns = time - rules_.watermark_delay_ns;
    if (is_live) advance(stream, std::min(complete_ns, samples.kept_from_ns.value_or(complete_ns)), now_ns, effect);
  }
  drop_parts(stream);
  taken.begins_version = !had_version && has_version();
  return taken;
}

bool Windower::accepts(const StreamRecord& stream, const Followed& followed, TimeNs time) const {
  switch (followed.definition->kind) {
    case schema::WindowKind::tumbling:
    case schema::WindowKind::hopping:
      return accepts_on_grid(stream, followed, time);
    case schema::WindowKind::session:
      return accepts_in_session(stream, followed, time);
    case schema::WindowKind::count:
      return accepts_in_count(stream, followed, time);
  }
  STETHOS_CHECK(false, "a kind of window without a rule");
}

void Windower::place(StreamRecord& stream, Followed& followed, const Samples& samples, TimeNs now_ns, Effect& effect) {
  StreamClock& clock = *followed.clock;
  // The stream is a little before where it jumped to: less was left out.
  if (clock.jump == Jump::ahead && clock.jump_from_ns < samples.time_ns && samples.time_ns < clock.jump_to_ns) {
    clock.jump_to_ns = samples.time_ns;
  }
  switch (followed.definition->kind) {
    case schema::WindowKind::tumbling:
    case schema::WindowKind::hopping:
      return place_on_grid(stream, followed, samples, now_ns, effect);
    case schema::WindowKind::session:
      return place_in_session(stream, followed, samples, now_ns, effect);
    case schema::WindowKind::count:
      return place_in_count(stream, followed, samples, now_ns, effect);
  }
}

void Windower::fill(StreamRecord& stream, Followed& followed, TimeNs start, Pane& pane, const Samples& samples) {
  const WindowDefinition& definition = *followed.definition;
  const std::uint64_t before = sample_count(pane);
  if (before == 0) {
    pane.first = samples.origin;
    pane.first_received_ns = samples.received_ns;
  }
  pane.moments = kernels::merge(pane.moments, samples.moments);
  if (has_counted_late(samples, definition)) pane.recovered += samples.count();
  if (samples.plan != nullptr) {
    add_block(pane.blocks, *samples.plan, shown(definition, samples.block), samples.time_ns,
              definition.shows_features ? samples.speed : ShaftSpeed());
    add_own_analyses(followed, pane, samples);
  } else if (!definition.quantiles.empty() && samples.moments.count > 0) {
    kernels::add(pane.blocks.buckets, kernels::bucket_of(samples.moments.mean));
  }
  pane.first = std::min(pane.first, samples.origin);
  pane.last = std::max(pane.last, samples.origin);
  pane.last_received_ns = samples.received_ns;
  pane.clock_untrusted = pane.clock_untrusted || samples.clock_untrusted;
  followed.samples_accounted += sample_count(pane) - before;
  const Unshown unshown = std::exchange(followed.clock->unshown, {});
  pane.duplicate += unshown.duplicate;
  pane.late += unshown.late;
  pane.rejected += unshown.rejected;
  expect_row(stream, followed, start, pane);
}

// In the newest pane that something came for; where no row is sent of it any more, in the next one.
void Windower::count_beside(StreamRecord& stream, Followed& followed, Unplaced how, std::uint64_t samples) {
  followed.samples_accounted += samples;
  const auto newest = std::find_if(followed.panes->rbegin(), followed.panes->rend(), has_come);
  const bool is_shown = newest != followed.panes->rend() &&
                        (!followed.definition->is_on_grid() || accepts_on_grid(stream, followed, newest->first));
  if (!is_shown) {
    count_in(followed.clock->unshown, how, samples);
    return;
  }
  count_in(newest->second, how, samples);
  expect_row(stream, followed, newest->first, newest->second);
}

void Windower::check_accounted(const StreamRecord& stream, const Followed& followed, std::uint64_t before,
                               std::uint64_t samples) {
  const std::uint64_t accounted = followed.samples_accounted - before;
  if (accounted == samples || imbalance_) return;
  imbalance_ = stream.state.device + "/" + stream.state.channel + " in windows of definition " +
               std::to_string(followed.definition->id) + ": " + std::to_string(samples) + " samples came and " +
               std::to_string(accounted) + " are accounted for";
}

void Windower::count_unplaced(StreamRecord& stream, Unplaced how, std::uint64_t samples) {
  mark(stream);
  count_in(stream.state.counts, how, samples);
  for (Followed& followed : stream.followed) {
    if (!takes(followed, stream.state, stream.state.parts.back())) continue;
    const std::uint64_t before = followed.samples_accounted;
    count_beside(stream, followed, how, samples);
    check_accounted(stream, followed, before, samples);
  }
}

void Windower::begin_silence_anew(StreamRecord& stream, TimeNs now_ns) {
  stream.state.last_received_ns = now_ns;
  stream.silence_begins_anew = true;
}

void Windower::send_if_idle(StreamRecord& stream, TimeNs now_ns, Effect& effect) {
  // Where the time of day went back, the silence is measured from now on.
  stream.state.last_received_ns = std::min(stream.state.last_received_ns, now_ns);
  if (rules_.idle_timeout_ns == 0 || now_ns - stream.state.last_received_ns < rules_.idle_timeout_ns) return;
  if (stream.changes_when_idle == stream.changes) return;
  stream.changes_when_idle = stream.changes;
  for (Followed& followed : stream.followed) {
    sweep(stream, followed, true, now_ns, effect);
    if (followed.definition->is_on_grid()) note_open(stream, followed);
  }
  drop_parts(stream);
}

void Windower::take_over(StreamRecord& stream, TimeNs now_ns, Effect& effect) {
  for (const WindowDefinition& definition : retired_) retire(stream, definition, now_ns, effect);
  // A stream that comes back after it was forgotten may have clocks of definitions that are not known any more.
  const auto erased = std::erase_if(stream.state.clocks, [&](const auto& each) {
    return std::ranges::find(remembered_, each.first, &WindowDefinition::id) == remembered_.end();
  });
  if (erased > 0) mark(stream);
  for (Followed& followed : stream.followed) {
    StreamClock& clock = *followed.clock;
    forget_absences(stream, followed);
    if (followed.is_former) {
      if (std::exchange(clock.late_run, 0) > 0) mark(stream);
      withdraw_open_silence(stream, followed, now_ns, effect);
    }
    const bool has_reached = clock.watermark_ns != time_min && clock.watermark_ns - rules_.lateness_ns > clock.settled_ns;
    if (has_reached) {
      mark(stream);
      clock.settled_ns = clock.watermark_ns - rules_.lateness_ns;
    }
    // Only what an idle stream sends would say what a count window holds that may never be full.
    const bool has_open_count = followed.is_former && followed.definition->kind == schema::WindowKind::count;
    if (has_reached || has_open_count) sweep(stream, followed, has_open_count, now_ns, effect);
    clock.settled_ns_max = std::max(clock.settled_ns_max, clock.settled_ns);
  }
  drop_parts(stream);
}

void Windower::retire(StreamRecord& stream, const WindowDefinition& definition, TimeNs now_ns, Effect& effect) {
  Stream& state = stream.state;
  if (const auto panes = state.panes.find(definition.id); panes != state.panes.end()) {
    StreamClock& clock = state.clocks.try_emplace(definition.id, state.clock).first->second;
    Followed followed{
        .definition = &definition, .is_former = true, .panes = &panes->second, .clock = &clock, .unsent_sessions = {}};
    followed.unsent_from_ns = first_unsent(state, followed);
    send_for_good(stream, followed, time_min, time_max, now_ns, effect);
    state.panes.erase(panes);
  }
  if (state.clocks.erase(definition.id) > 0) mark(stream);
}

bool Windower::is_late(const StreamRecord& stream, TimeNs time) const {
  if (stream.followed.empty()) return time <= stream.state.clock.settled_ns;
  return std::ranges::all_of(stream.followed, [&](const Followed& followed) {
    const TimeNs end = time + followed.definition->length_ns;
    if (followed.definition->kind == schema::WindowKind::count) return false;  // for which nothing is
    // A session takes what lies in it for as long as it is there.
    const bool is_session = followed.definition->kind == schema::WindowKind::session;
    if (is_session && !followed.panes->empty() && time >= followed.panes->begin()->first) return false;
    return end <= followed.clock->settled_ns;
  });
}

void Windower::sum_up(StreamRecord& stream) {
  samples_ += stream.state.counts;
  samples_ -= stream.summed;
  stream.summed = stream.state.counts;
}

void Windower::mark(StreamRecord& stream) {
  if (stream.dirty) return;
  stream.dirty = true;
  dirty_.push_back(&stream);
}

void Windower::touch(StreamRecord& stream, const PaneKey& key) {
  mark(stream);
  if (stream.touched.empty() || stream.touched.back() != key) stream.touched.push_back(key);
}

void Windower::collect_changes(Effect& effect) {
  const auto find = [](const Stream& stream, const PaneKey& key) -> const Pane* {
    const auto panes = stream.panes.find(key.definition);
    if (panes == stream.panes.end()) return nullptr;
    const auto pane = panes->second.find(key.start_ns);
    return pane == panes->second.end() ? nullptr : &pane->second;
  };
  for (StreamRecord* stream : dirty_) {
    Stream& state = stream->state;
    state.note_clock_behind();
    effect.streams.push_back(&state);
    std::ranges::sort(stream->touched);
    const auto repeated = std::ranges::unique(stream->touched);
    stream->touched.erase(repeated.begin(), repeated.end());
    for (const PaneKey& key : stream->touched) effect.panes.push_back({state.id, key, find(state, key)});
    stream->touched.clear();
    stream->dirty = false;
    sum_up(*stream);
  }
  dirty_.clear();
}

}  // namespace stethos::edge
