#include "edge/window/windower.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "schemas/envelope.h"

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

bool has_come(const std::pair<const TimeNs, Pane>& pane) { return pane.second.changed > 0; }
bool has_samples(const Pane& pane) { return pane.moments.count + pane.moments.not_finite + pane.moments.out_of_range > 0; }

Pane joined(const Pane& a, const Pane& b) {
  Pane both = a;
  both.moments = kernels::merge(a.moments, b.moments);
  both.blocks = joined(a.blocks, b.blocks);
  both.duplicate += b.duplicate;
  both.late += b.late;
  both.rejected += b.rejected;
  both.clock_untrusted = a.clock_untrusted || b.clock_untrusted;
  if (!has_samples(b)) return both;
  const bool only_b = !has_samples(a);
  both.first = only_b ? b.first : std::min(a.first, b.first);
  both.last = std::max(a.last, b.last);
  both.first_received_ns = only_b ? b.first_received_ns : std::min(a.first_received_ns, b.first_received_ns);
  both.last_received_ns = std::max(a.last_received_ns, b.last_received_ns);
  return both;
}

// As a tree by time: the same panes always give the same bits, and errors grow with the depth of the tree only.
Pane joined(std::span<const Pane* const> panes) {
  if (panes.size() == 1) return *panes[0];
  const auto half = panes.size() / 2;
  return joined(joined(panes.first(half)), joined(panes.subspan(half)));
}

// What windows of the definition keep of a block: statistics that another definition asks for are computed for it alone.
kernels::BlockStatistics shown(const WindowDefinition& definition, const kernels::BlockStatistics& block) {
  kernels::BlockStatistics out = block;
  if (!definition.shows_validity) out.validity = {};
  if (definition.quantiles.empty()) out.buckets = {};
  if (!definition.shows_features) out.features = {};
  return out;
}

// The next multiple of `every` after `time`.
TimeNs next_multiple(TimeNs time, DurationNs every) {
  const TimeNs remainder = time % every;
  return time - remainder + (remainder < 0 ? 0 : every);
}

}  // namespace

Windower::Windower(std::vector<WindowDefinition> definitions, const std::vector<WindowDefinition>& former, const TimeRules& rules)
    : definitions_(std::move(definitions)),
      former_([&] {
        std::vector<WindowDefinition> gone;
        std::ranges::copy_if(former, std::back_inserter(gone), [&](const WindowDefinition& each) {
          return std::ranges::find(definitions_, each.id, &WindowDefinition::id) == definitions_.end();
        });
        // What their configuration showed is not known any more: their last rows say all that their panes know, but for
        // quantiles.
        for (WindowDefinition& each : gone) show_all(each);
        return gone;
      }()),
      rules_(rules) {}

void Windower::adopt(StreamRecord& stream) {
  sum_up(stream);
  stream.followed.clear();
  stream.due_ns = time_max;
  for (const WindowDefinition& definition : definitions_) {
    if (!definition.takes(stream.state.device, stream.state.quantity)) continue;
    Followed followed{.definition = &definition, .panes = &stream.state.panes[definition.id]};
    for (const auto& [start, pane] : *followed.panes) stream.changes = std::max({stream.changes, pane.changed, pane.sent});
    followed.unsettled_ns = first_unsettled(stream.state, followed);
    followed.due_ns = due_of(stream, followed);
    stream.due_ns = std::min(stream.due_ns, followed.due_ns);
    stream.followed.push_back(followed);
  }
}

// A window that is settled has been sent as it stays: nothing may be added, for its panes may be gone.
bool Windower::is_settled(const Stream& stream, TimeNs start, TimeNs end) const {
  return end + rules_.lateness_ns <= stream.watermark_ns || was_settled(stream, start, end);
}

// By a watermark that went back since: unless the stream had jumped over the whole of it.
bool Windower::was_settled(const Stream& stream, TimeNs start, TimeNs end) const {
  if (end + rules_.lateness_ns > stream.watermark_ns_max) return false;
  return start <= stream.jump_from_ns || end > stream.jump_to_ns;
}

bool Windower::accepts(const Stream& stream, const Followed& followed, TimeNs time) const {
  const WindowDefinition& definition = *followed.definition;
  switch (definition.kind) {
    case schema::WindowKind::tumbling:
    case schema::WindowKind::hopping:
      for (TimeNs start = definition.last_start(time); start + definition.length_ns > time; start -= definition.hop_ns) {
        if (!is_settled(stream, start, start + definition.length_ns)) return true;
        if (start + definition.length_ns + rules_.lateness_ns <= stream.watermark_ns) return false;
      }
      return false;
    case schema::WindowKind::session: {
      if (!is_settled(stream, time, time + definition.length_ns)) return true;
      const auto next = followed.panes->upper_bound(time);
      if (next != followed.panes->end() && next->first < time + definition.length_ns) return true;
      return next != followed.panes->begin() && time < std::prev(next)->first + std::prev(next)->second.length_ns;
    }
    case schema::WindowKind::count:
      return true;
  }
  STETHOS_CHECK(false, "a kind of window without a rule");
}

bool Windower::accepts_somewhere(const StreamRecord& stream, TimeNs time) const {
  return stream.followed.empty() ||
         std::ranges::any_of(stream.followed, [&](const Followed& each) { return accepts(stream.state, each, time); });
}

// Whether the watermark went back, because a clock had jumped ahead. One that is behind for as many arrivals is said once.
bool Windower::follow_late_run(StreamRecord& stream, TimeNs time, TimeNs now_ns, Effect& effect) const {
  Stream& state = stream.state;
  state.late_run = state.late_run > 0 && time >= state.late_run_ns ? state.late_run + 1 : 1;
  state.late_run_ns = time;
  if (rules_.rebase_after == 0 || state.late_run < rules_.rebase_after) return false;
  if (state.jump_from_ns < time && time < state.jump_to_ns) {
    if (time - rules_.watermark_delay_ns >= state.watermark_ns) return false;  // it is back, in a window that is settled
    const DurationNs by = state.newest_ns - time;
    rebase(stream, time, now_ns, effect);
    state.late_run = 0;
    ++effect.totals[Counter::streams_rebased];
    note_clock(state, schema::EventKind::stream_rebased, by, now_ns, effect);
    return true;
  }
  if (state.late_run == rules_.rebase_after && time + rules_.lateness_ns <= state.watermark_ns) {
    ++effect.totals[Counter::streams_behind];
    note_clock(state, schema::EventKind::stream_behind, state.newest_ns - time, now_ns, effect);
  }
  return false;
}

void Windower::note_clock(const Stream& stream, schema::EventKind kind, DurationNs by, TimeNs now_ns, Effect& effect) {
  schema::EventRowT event;
  event.kind = kind;
  event.at_ns = now_ns;
  event.device = stream.device;
  event.channel = stream.channel;
  event.value = by;
  effect.rows.push_back({schema::Lane::notes, schema::RowKind::event, schema::pack(event)});
}

void Windower::rebase(StreamRecord& stream, TimeNs time, TimeNs now_ns, Effect& effect) const {
  stream.state.watermark_ns = time - rules_.watermark_delay_ns;
  stream.state.newest_ns = time;
  for (Followed& followed : stream.followed) {
    withdraw_jumped(stream, followed, now_ns, effect);
    followed.unsettled_ns = first_unsettled(stream.state, followed);
    followed.due_ns = due_of(stream, followed);
  }
  stream.due_ns = time_min;
}

// What the stream had jumped over was no silence: its clock was wrong.
void Windower::withdraw_jumped(const StreamRecord& stream, const Followed& followed, TimeNs now_ns, Effect& effect) const {
  const Panes& panes = *followed.panes;
  const bool has_left =
      stream.state.jump_from_ns != time_min && !panes.empty() && panes.begin()->first > stream.state.jump_from_ns;
  if (!has_left || !reports_silence(stream, followed)) return;
  const WindowDefinition& definition = *followed.definition;
  const TimeNs first = definition.first_behind(definition.slice_of(stream.state.jump_from_ns));
  if (definition.count_from(first, definition.slice_of(stream.state.jump_to_ns)) == 0) return;
  emit_silence(stream, definition, first, 0, schema::WindowState::withdrawn, now_ns, effect);
}

void Windower::note_jump(Stream& stream, TimeNs time) const {
  if (time <= stream.newest_ns) return;
  TimeNs& from = stream.jump_from_ns;
  TimeNs& to = stream.jump_to_ns;
  if (stream.newest_ns == time_min) {
    to = time;
  } else if (time - stream.newest_ns > rules_.lateness_ns) {
    if (from < stream.newest_ns && stream.newest_ns < to) {  // it was back, and jumps again
      from = stream.newest_ns;
      to = std::min(to, time);
    } else {
      const bool is_wider = from == time_min || time - stream.newest_ns >= to - from;
      if (is_wider || time - to > rules_.future_max_ns) {
        from = stream.newest_ns;
        to = time;
      }
    }
  }
  stream.newest_ns = time;
}

Placed Windower::add(StreamRecord& stream, const Samples& samples, TimeNs now_ns, Effect& effect) {
  Stream& state = stream.state;
  mark(stream);
  state.last_received_ns = std::max(state.last_received_ns, samples.received_ns);  // of a dead letter it may be long ago
  stream.silence_begins_anew = false;
  bool is_late = !accepts_somewhere(stream, samples.time_ns);
  if (!is_late) {
    state.late_run = 0;
  } else if (follow_late_run(stream, samples.time_ns, now_ns, effect)) {
    is_late = !accepts_somewhere(stream, samples.time_ns);
  }
  note_jump(state, samples.time_ns);  // a late one shows where the stream is, too: it may go through windows that are settled
  if (is_late) {
    count_unplaced(stream, Unplaced::late, samples.count());
    return Placed::late;
  }
  state.counts.good += samples.moments.count;
  state.counts.not_finite += samples.moments.not_finite;
  state.counts.out_of_range += samples.moments.out_of_range;
  for (Followed& followed : stream.followed) {
    if (accepts(state, followed, samples.time_ns)) {
      place(stream, followed, samples, now_ns, effect);
    } else {
      count_in_newest(stream, followed, Unplaced::late, samples.count());
    }
  }
  advance(stream, samples.time_ns - rules_.watermark_delay_ns, now_ns, effect);
  return Placed::placed;
}

void Windower::place(StreamRecord& stream, Followed& followed, const Samples& samples, TimeNs now_ns, Effect& effect) {
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

void Windower::place_on_grid(StreamRecord& stream, Followed& followed, const Samples& samples, TimeNs now_ns, Effect& effect) {
  const TimeNs start = followed.definition->slice_of(samples.time_ns);
  settle_silence_before(stream, followed, start, now_ns, effect);
  Pane& pane = (*followed.panes)[start];
  pane.length_ns = followed.definition->slice_ns;
  fill(stream, followed, start, pane, samples);
}

void Windower::place_in_session(StreamRecord& stream, Followed& followed, const Samples& samples, TimeNs now_ns, Effect& effect) {
  Panes& panes = *followed.panes;
  const TimeNs time = samples.time_ns;
  const DurationNs pause = followed.definition->length_ns;
  auto own = panes.upper_bound(time);
  if (own != panes.begin() && time < std::prev(own)->first + std::prev(own)->second.length_ns) {
    --own;
  } else {
    own = panes.try_emplace(own, time);
  }
  Pane& pane = own->second;
  pane.length_ns = std::max(pane.length_ns, time - own->first + pause);
  if (const auto next = std::next(own); next != panes.end() && next->first < own->first + pane.length_ns) {
    if (next->second.revision > 0) {  // its row is out, and says now that there is no such session
      Pane withdrawn;
      withdrawn.length_ns = next->second.length_ns;
      withdrawn.revision = next->second.revision;
      emit(stream, *followed.definition, next->first, withdrawn, schema::WindowState::withdrawn, now_ns, effect);
    }
    pane = joined(pane, next->second);
    pane.length_ns = next->first + next->second.length_ns - own->first;
    touch(stream, {next->first, followed.definition->id});
    panes.erase(next);
  }
  pane.is_final = false;
  fill(stream, followed, own->first, pane, samples);
}

void Windower::place_in_count(StreamRecord& stream, Followed& followed, const Samples& samples, TimeNs now_ns, Effect& effect) {
  Panes& panes = *followed.panes;
  const WindowDefinition& definition = *followed.definition;
  if (panes.empty() || panes.rbegin()->second.is_final) {
    TimeNs start = samples.time_ns;
    if (!panes.empty()) {
      // The start names the window, and stamps may repeat.
      const auto& [previous, pane] = *panes.rbegin();
      start = std::max(start, previous + 1);
      send_if_changed(stream, followed, previous, previous + 1, true, now_ns, effect);
      touch(stream, {previous, definition.id});
      panes.clear();
    }
    panes[start].length_ns = 1;
  }
  auto& [start, pane] = *panes.rbegin();
  pane.length_ns = std::max(pane.length_ns, samples.time_ns - start);
  fill(stream, followed, start, pane, samples);
  if (pane.moments.count + pane.moments.not_finite + pane.moments.out_of_range >= definition.samples) {
    send_if_changed(stream, followed, start, start + 1, true, now_ns, effect);
  }
}

void Windower::fill(StreamRecord& stream, Followed& followed, TimeNs start, Pane& pane, const Samples& samples) {
  const WindowDefinition& definition = *followed.definition;
  if (!has_samples(pane)) {
    pane.first = samples.origin;
    pane.first_received_ns = samples.received_ns;
  }
  pane.moments = kernels::merge(pane.moments, samples.moments);
  if (samples.plan != nullptr) {
    add_block(pane.blocks, *samples.plan, shown(definition, samples.block), samples.time_ns,
              definition.shows_features ? samples.speed : ShaftSpeed());
  } else if (!definition.quantiles.empty() && samples.moments.count > 0) {
    kernels::add(pane.blocks.buckets, kernels::bucket_of(samples.moments.mean));
  }
  pane.first = std::min(pane.first, samples.origin);
  pane.last = std::max(pane.last, samples.origin);
  pane.last_received_ns = samples.received_ns;
  pane.clock_untrusted = pane.clock_untrusted || samples.clock_untrusted;
  expect_row(stream, followed, start, pane);
}

void Windower::expect_row(StreamRecord& stream, Followed& followed, TimeNs start, Pane& pane) {
  const WindowDefinition& definition = *followed.definition;
  const TimeNs watermark = stream.state.watermark_ns;
  pane.changed = ++stream.changes;
  touch(stream, {start, definition.id});
  TimeNs due = time_max;
  if (definition.is_on_grid()) {
    TimeNs window = definition.first_start(start);
    while (window <= start && is_settled(stream.state, window, window + definition.length_ns)) window += definition.hop_ns;
    if (window > start) return;  // nothing of it is sent any more
    followed.unsettled_ns = std::min(followed.unsettled_ns, window);
    if (window + definition.length_ns <= watermark) {
      due = revision_due(definition, window, watermark);
      window = definition.first_open(watermark);
    }
    if (window <= start) due = std::min(due, window + definition.length_ns);
  } else if (definition.kind == schema::WindowKind::session) {
    due = std::max(start + pane.length_ns, watermark + 1);
  }
  if (definition.emit_every_ns > 0) due = std::min(due, next_multiple(watermark, definition.emit_every_ns));
  followed.due_ns = std::min(followed.due_ns, due);
  stream.due_ns = std::min(stream.due_ns, due);
}

// Revisions of windows on a grid are sent together, once a hop, but not after the first of them is settled.
TimeNs Windower::revision_due(const WindowDefinition& definition, TimeNs window, TimeNs watermark) const {
  return std::min(definition.last_start(watermark) + definition.hop_ns, window + definition.length_ns + rules_.lateness_ns);
}

void Windower::count_in_newest(StreamRecord& stream, Followed& followed, Unplaced how, std::uint64_t samples) {
  if (followed.panes->empty()) return;
  auto& [start, pane] = *followed.panes->rbegin();
  count_in(pane, how, samples);
  expect_row(stream, followed, start, pane);
}

void Windower::count_unplaced(StreamRecord& stream, Unplaced how, std::uint64_t samples) {
  mark(stream);
  count_in(stream.state.counts, how, samples);
  for (Followed& followed : stream.followed) count_in_newest(stream, followed, how, samples);
}

void Windower::advance(StreamRecord& stream, TimeNs watermark_ns, TimeNs now_ns, Effect& effect) {
  Stream& state = stream.state;
  if (watermark_ns <= state.watermark_ns) return;
  mark(stream);
  const TimeNs before = passed_ns_ = std::exchange(state.watermark_ns, watermark_ns);
  if (stream.due_ns <= watermark_ns) {
    stream.due_ns = time_max;
    for (Followed& followed : stream.followed) {
      if (followed.due_ns <= watermark_ns) {
        const DurationNs every = before == time_min ? 0 : followed.definition->emit_every_ns;
        sweep(stream, followed, every > 0 && next_multiple(before, every) <= watermark_ns, now_ns, effect);
      }
      stream.due_ns = std::min(stream.due_ns, followed.due_ns);
    }
  }
  passed_ns_ = time_max;
  state.watermark_ns_max = std::max(state.watermark_ns_max, watermark_ns);
}

void Windower::sweep(StreamRecord& stream, Followed& followed, bool open_too, TimeNs now_ns, Effect& effect) {
  const TimeNs watermark = stream.state.watermark_ns;
  Panes& panes = *followed.panes;
  if (followed.definition->is_on_grid()) {
    sweep_grid(stream, followed, open_too, now_ns, effect);
  } else {
    for (const auto& [start, pane] : panes) {
      const bool ended =
          followed.definition->kind == schema::WindowKind::session ? start + pane.length_ns <= watermark : pane.is_final;
      if (ended || open_too) send_if_changed(stream, followed, start, start + 1, ended, now_ns, effect);
    }
  }
  drop_settled(stream, followed, now_ns, effect);
  followed.due_ns = due_of(stream, followed);
}

void Windower::sweep_grid(StreamRecord& stream, Followed& followed, bool open_too, TimeNs now_ns, Effect& effect) {
  const WindowDefinition& definition = *followed.definition;
  const TimeNs watermark = stream.state.watermark_ns;
  TimeNs unsettled = time_max;
  for_each_window(followed, followed.unsettled_ns, [&](TimeNs start) {
    const TimeNs end = start + definition.length_ns;
    if (end > watermark) unsettled = std::min(unsettled, start);
    if (end > watermark && !open_too) return false;
    if (!was_settled(stream.state, start, end)) send_if_changed(stream, followed, start, end, end <= watermark, now_ns, effect);
    return true;
  });
  followed.unsettled_ns = unsettled;
}

// The windows on the grid that hold a pane and start at `from` or after it, in order, until `visit` returns false.
template <class Visit>
void Windower::for_each_window(const Followed& followed, TimeNs from, Visit visit) {
  const WindowDefinition& definition = *followed.definition;
  for (TimeNs start = from;; start += definition.hop_ns) {
    const auto pane = followed.panes->lower_bound(start);
    if (pane == followed.panes->end()) return;
    start = std::max(start, definition.first_start(pane->first));
    if (!visit(start)) return;
  }
}

bool Windower::needs_row(const Followed& followed, TimeNs start, TimeNs end, bool ended) {
  std::uint64_t changed = 0;
  const auto first = followed.panes->lower_bound(start);
  for (auto pane = first; pane != followed.panes->end() && pane->first < end; ++pane) {
    changed = std::max(changed, pane->second.changed);
  }
  const Pane* own = first != followed.panes->end() && first->first == start ? &first->second : nullptr;
  if (changed == 0) return false;
  return own == nullptr || changed > own->sent || (ended && !own->is_final);
}

void Windower::send_if_changed(StreamRecord& stream, const Followed& followed, TimeNs start, TimeNs end, bool ended,
                               TimeNs now_ns, Effect& effect) {
  if (!needs_row(followed, start, end, ended)) return;
  const WindowDefinition& definition = *followed.definition;
  to_merge_.clear();
  for (auto pane = followed.panes->lower_bound(start); pane != followed.panes->end() && pane->first < end; ++pane) {
    if (pane->second.changed > 0) to_merge_.push_back(&pane->second);
  }
  Pane whole = joined(std::span<const Pane* const>(to_merge_));
  Pane& own = (*followed.panes)[start];
  if (definition.is_on_grid()) own.length_ns = definition.slice_ns;
  whole.length_ns = definition.is_on_grid() ? definition.length_ns : own.length_ns;
  whole.revision = own.revision++;
  if (ended && !own.is_final && definition.is_on_grid() && end > passed_ns_) {
    final_.push_back({&stream, &definition, start, whole.moments, whole.blocks});
  }
  own.sent = stream.changes;
  own.is_final = ended;
  touch(stream, {start, definition.id});
  emit(stream, definition, start, whole, ended ? schema::WindowState::final : schema::WindowState::open, now_ns, effect);
}

// The oldest pane leaves when nothing may change this one any more: it itself, or the next that something came for.
Panes::iterator Windower::leaves_with(const StreamRecord& stream, const Followed& followed) {
  Panes& panes = *followed.panes;
  if (!reports_silence(stream, followed) || !has_come(*panes.begin())) return panes.begin();
  return std::find_if(std::next(panes.begin()), panes.end(), has_come);
}

// The watermark at which the oldest pane leaves.
TimeNs Windower::over_at(const StreamRecord& stream, const Followed& followed) const {
  const auto leaves = leaves_with(stream, followed);
  if (leaves == followed.panes->end()) return time_max;
  const auto& [start, pane] = *leaves;
  switch (followed.definition->kind) {
    case schema::WindowKind::tumbling:
    case schema::WindowKind::hopping:
      return followed.definition->last_start(start) + followed.definition->length_ns + rules_.lateness_ns;
    case schema::WindowKind::session:
      return start + pane.length_ns + rules_.lateness_ns;
    case schema::WindowKind::count:
      return time_max;  // the next one takes its place
  }
  STETHOS_CHECK(false, "a kind of window without a rule");
}

void Windower::drop_settled(StreamRecord& stream, Followed& followed, TimeNs now_ns, Effect& effect) {
  Panes& panes = *followed.panes;
  while (!panes.empty() && over_at(stream, followed) <= stream.state.watermark_ns) {
    const auto oldest = panes.begin();
    const auto leaves = leaves_with(stream, followed);
    if (leaves != oldest) {
      settle_silence(stream, followed, oldest, leaves, now_ns, effect);
    } else if (oldest->second.before_silence) {  // it is no longer due to speak
      emit_silence(stream, *followed.definition, followed.definition->first_behind(oldest->first), 0,
                   schema::WindowState::withdrawn, now_ns, effect);
    }
    touch(stream, {oldest->first, followed.definition->id});
    panes.erase(oldest);
  }
}

// Where less is expected than one block or reading a window, a window without any says nothing.
bool Windower::reports_silence(const StreamRecord& stream, const Followed& followed) {
  return followed.definition->is_on_grid() && stream.interval_ns > 0 && stream.interval_ns <= followed.definition->length_ns;
}

// Nothing can come between the two panes any more.
void Windower::settle_silence(StreamRecord& stream, const Followed& followed, Panes::iterator from, Panes::iterator to,
                              TimeNs now_ns, Effect& effect) {
  const WindowDefinition& definition = *followed.definition;
  const TimeNs first = definition.first_behind(from->first);
  // Where a clock had jumped to there were windows, though their panes may be gone.
  TimeNs until = to->first;
  if (stream.state.jump_to_ns != time_min) {
    const TimeNs jumped = definition.slice_of(stream.state.jump_to_ns);
    if (from->first < jumped) until = std::min(until, jumped);
  }
  const std::uint64_t windows = reports_silence(stream, followed) ? definition.count_from(first, until) : 0;
  if (windows > 0) {
    emit_silence(stream, definition, first, windows, schema::WindowState::final, now_ns, effect);
  } else if (from->second.before_silence && definition.first_behind(to->first) == first) {
    to->second.before_silence = true;  // the same windows are missing
    touch(stream, {to->first, definition.id});
  } else if (from->second.before_silence) {
    emit_silence(stream, definition, first, 0, schema::WindowState::withdrawn, now_ns, effect);
  }
}

// Something comes for a slice of which some windows are settled already: what was missing until then is so for ever.
void Windower::settle_silence_before(StreamRecord& stream, Followed& followed, TimeNs slice, TimeNs now_ns, Effect& effect) {
  const WindowDefinition& definition = *followed.definition;
  Panes& panes = *followed.panes;
  if (stream.state.watermark_ns == time_min || panes.empty() || !reports_silence(stream, followed)) return;
  const TimeNs settled = stream.state.watermark_ns - rules_.lateness_ns;
  if (definition.first_start(slice) + definition.length_ns > settled) return;
  const auto from = panes.begin();
  const auto next = std::find_if(std::next(from), panes.end(), has_come);
  if (!has_come(*from) || from->first >= slice || (next != panes.end() && next->first <= slice)) return;
  const TimeNs first = definition.first_behind(from->first);
  const std::uint64_t windows = definition.count_from(first, next == panes.end() ? settled : std::min(settled, next->first));
  if (windows == 0) return;
  emit_silence(stream, definition, first, windows, schema::WindowState::final, now_ns, effect);
  touch(stream, {from->first, definition.id});
  panes.erase(from);
}

void Windower::report_if_silent(StreamRecord& stream, TimeNs now_ns, Effect& effect) {
  const DurationNs silent_ns = now_ns - stream.state.last_received_ns;
  if (rules_.idle_timeout_ns == 0 || silent_ns < rules_.idle_timeout_ns) return;
  const TimeNs reached = stream.state.newest_ns + silent_ns - rules_.idle_timeout_ns;
  for (const Followed& followed : stream.followed) {
    if (!reports_silence(stream, followed)) continue;
    // Beyond the stream's time there may be panes of a clock that had jumped ahead.
    const auto behind = std::make_reverse_iterator(followed.panes->upper_bound(stream.state.newest_ns));
    const auto newest = std::find_if(behind, followed.panes->rend(), has_come);
    if (newest == followed.panes->rend()) continue;
    const TimeNs first = followed.definition->first_behind(newest->first);
    const auto is_reported = [&](const std::pair<const TimeNs, Pane>& pane) {
      return pane.second.before_silence && followed.definition->first_behind(pane.first) == first;
    };
    if (std::any_of(newest, followed.panes->rend(), is_reported)) continue;
    const std::uint64_t windows = followed.definition->count_from(first, reached);
    if (windows == 0) continue;
    newest->second.before_silence = true;
    touch(stream, {newest->first, followed.definition->id});
    emit_silence(stream, *followed.definition, first, windows, schema::WindowState::open, now_ns, effect);
  }
}

void Windower::emit_silence(const StreamRecord& stream, const WindowDefinition& definition, TimeNs first_start,
                            std::uint64_t windows, schema::WindowState state, TimeNs now_ns, Effect& effect) const {
  schema::SilenceRowT row;
  row.device = stream.state.device;
  row.channel = stream.state.channel;
  row.definition = definition.id;
  row.first_start_ns = first_start;
  row.length_ns = definition.length_ns;
  row.hop_ns = definition.hop_ns;
  row.windows = windows;
  row.state = state;
  row.stream_version = stream.state.version;
  row.provenance = provenance_;
  row.noticed_ns = now_ns;
  effect.silences.push_back(std::move(row));
  ++effect.totals[Counter::silence_rows];
}

// As it is after a sweep, from the panes alone.
TimeNs Windower::first_unsettled(const Stream& stream, const Followed& followed) const {
  TimeNs unsettled = time_max;
  if (!followed.definition->is_on_grid()) return unsettled;
  for_each_window(followed, time_min, [&](TimeNs start) {
    const TimeNs end = start + followed.definition->length_ns;
    const bool ended = end <= stream.watermark_ns;
    if (is_settled(stream, start, end) || (ended && !needs_row(followed, start, end, true))) return true;
    unsettled = start;
    return false;
  });
  return unsettled;
}

TimeNs Windower::due_of(const StreamRecord& stream, const Followed& followed) const {
  const WindowDefinition& definition = *followed.definition;
  const TimeNs watermark = stream.state.watermark_ns;
  if (followed.panes->empty()) return time_max;
  TimeNs due = over_at(stream, followed);
  bool is_open = false;
  if (definition.is_on_grid() && followed.unsettled_ns != time_max) {
    TimeNs from = followed.unsettled_ns;
    if (from + definition.length_ns <= watermark) {
      due = std::min(due, revision_due(definition, from, watermark));
      from = definition.first_open(watermark);
    }
    for_each_window(followed, from, [&](TimeNs start) {
      is_open = true;
      due = std::min(due, start + definition.length_ns);
      return false;
    });
  } else if (definition.kind == schema::WindowKind::session) {
    for (const auto& [start, pane] : *followed.panes) {
      const TimeNs end = start + pane.length_ns;
      is_open = is_open || end > watermark;
      if (end > watermark) {
        due = std::min(due, end);
      } else if (needs_row(followed, start, start + 1, true)) {
        due = std::min(due, watermark + 1);
      }
    }
  } else if (definition.kind == schema::WindowKind::count) {
    is_open = !followed.panes->rbegin()->second.is_final;
  }
  if (is_open && definition.emit_every_ns > 0) due = std::min(due, next_multiple(watermark, definition.emit_every_ns));
  return due;
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
  for (Followed& followed : stream.followed) sweep(stream, followed, true, now_ns, effect);
}

void Windower::retire_former(StreamRecord& stream, TimeNs now_ns, Effect& effect) {
  for (const WindowDefinition& definition : former_) {
    const auto panes = stream.state.panes.find(definition.id);
    if (panes == stream.state.panes.end()) continue;
    Followed followed{.definition = &definition, .panes = &panes->second};
    followed.unsettled_ns = first_unsettled(stream.state, followed);
    retire(stream, followed, now_ns, effect);
    stream.state.panes.erase(panes);
  }
}

void Windower::retire_all(StreamRecord& stream, TimeNs now_ns, Effect& effect) {
  Stream& state = stream.state;
  TimeNs watermark = state.watermark_ns;
  for (Followed& followed : stream.followed) {
    for (const auto& [start, pane] : *followed.panes) {
      watermark = std::max(watermark, start + std::max(pane.length_ns, followed.definition->length_ns) + rules_.lateness_ns);
    }
    retire(stream, followed, now_ns, effect);
  }
  state.watermark_ns = watermark;
  state.watermark_ns_max = std::max(state.watermark_ns_max, watermark);
}

void Windower::retire(StreamRecord& stream, Followed& followed, TimeNs now_ns, Effect& effect) {
  sweep(stream, followed, true, now_ns, effect);
  Panes& panes = *followed.panes;
  for (auto pane = panes.begin(); pane != panes.end(); ++pane) {
    touch(stream, {pane->first, followed.definition->id});
    if (!followed.definition->is_on_grid() || !has_come(*pane)) continue;
    const auto next = std::find_if(std::next(pane), panes.end(), has_come);
    if (next != panes.end()) {
      settle_silence(stream, followed, pane, next, now_ns, effect);
    } else if (pane->second.before_silence) {
      emit_silence(stream, *followed.definition, followed.definition->first_behind(pane->first), 0,
                   schema::WindowState::withdrawn, now_ns, effect);
    }
  }
  panes.clear();
}

bool Windower::is_past(const StreamRecord& stream, TimeNs time) const {
  DurationNs longest = 0;
  for (const Followed& followed : stream.followed) longest = std::max(longest, followed.definition->length_ns);
  return time + longest + rules_.lateness_ns <= stream.state.watermark_ns;
}

void Windower::emit(const StreamRecord& stream, const WindowDefinition& definition, TimeNs start, const Pane& whole,
                    schema::WindowState state, TimeNs now_ns, Effect& effect) const {
  RowContext context;
  context.definition = &definition;
  if (stream.interval_ns > 0 && definition.kind != schema::WindowKind::count) {
    context.expected = static_cast<std::uint64_t>(whole.length_ns / stream.interval_ns) * stream.block_length;
  }
  context.parameters = parameters_;
  context.provenance = provenance_;
  context.state = state;
  context.closed_ns = now_ns;
  context.clock_untrusted = !effect.clock_trusted;
  effect.windows.push_back(window_row(stream.state, start, whole, context));
  effect.windows.back().generation = generation_;
  ++effect.totals[Counter::window_rows];
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
    effect.streams.push_back(&stream->state);
    std::ranges::sort(stream->touched);
    const auto repeated = std::ranges::unique(stream->touched);
    stream->touched.erase(repeated.begin(), repeated.end());
    for (const PaneKey& key : stream->touched) effect.panes.push_back({stream->state.id, key, find(stream->state, key)});
    stream->touched.clear();
    stream->dirty = false;
    sum_up(*stream);
  }
  dirty_.clear();
}

}  // namespace stethos::edge
