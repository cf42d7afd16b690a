#include <algorithm>
#include <iterator>
#include <utility>

#include "edge/window/grid.h"
#include "edge/window/pane.h"
#include "edge/window/windower.h"
#include "schemas/envelope.h"

namespace stethos::edge {
namespace {

void note_clock(const Stream& stream, schema::EventKind kind, DurationNs by, TimeNs now_ns, Effect& effect) {
  schema::EventRowT event;
  event.kind = kind;
  event.at_ns = now_ns;
  event.device = stream.device;
  event.channel = stream.channel;
  event.value = by;
  event.clock_untrusted = !effect.clock_trusted;
  effect.rows.push_back({schema::Lane::notes, schema::RowKind::event, schema::pack(event)});
}

// Whether the clock had jumped over that time, and may go back to it.
bool lies_in_jump(const StreamClock& clock, TimeNs time) {
  return clock.jump == Jump::ahead && clock.jump_from_ns < time && time < clock.jump_to_ns;
}

}  // namespace

// A window that is settled has been sent as it stays: nothing may be added, for its panes may be gone.
bool Windower::is_settled(const WindowDefinition& definition, const StreamClock& clock, TimeNs start, TimeNs end) const {
  return end <= clock.settled_ns || was_settled(definition, clock, start, end);
}

// Whether a window was settled before its stream's clock came back, which it was not if all of it lies in what the clock came
// back into; or was sent for good before its end.
bool Windower::was_settled(const WindowDefinition& definition, const StreamClock& clock, TimeNs start, TimeNs end) const {
  if (clock.cut_short.find(start) != nullptr) return true;
  if (end > clock.settled_ns_max) return false;
  // Before it was cut the window may have reached beyond.
  const TimeNs uncut_end = (definition.is_on_grid() ? definition.last_start(start) : start) + definition.length_ns;
  return start <= clock.back_from_ns || uncut_end > clock.back_to_ns;
}

// Before the stream is at `time`, or its device says that nothing older is to come.
void Windower::note_jump(StreamRecord& stream, TimeNs time) const {
  for (Followed& followed : stream.followed) note_jump(*followed.clock, *followed.panes, stream.state, time);
  if (stream.followed.empty()) note_jump(stream.state.clock, {}, stream.state, time);
}

void Windower::note_jump(StreamClock& clock, const Panes& panes, const Stream& state, TimeNs time) const {
  const TimeNs newest = state.newest_ns;
  if (time <= newest) return;
  if (newest == time_min) {
    clock.jump_to_ns = std::max(clock.jump_to_ns, time);
    return;
  }
  if (time - newest <= rules_.lateness_ns) return;
  TimeNs& from = clock.jump_from_ns;
  TimeNs& to = clock.jump_to_ns;
  TimeNs left = newest;
  if (newest < clock.back_to_ns) {  // the stream is back, and jumps again: beyond there were windows
    // Where another definition's clock came back alone, this one's had been farther, and beyond what it came back into.
    left = std::max({newest, clock.watermark_ns, clock.back_from_ns});
    const auto last = std::find_if(std::make_reverse_iterator(panes.lower_bound(clock.back_to_ns)), panes.rend(), has_come);
    if (last != panes.rend()) left = std::max(left, last->first);
    if (left >= std::min(clock.back_to_ns, time)) return;
    to = std::min(clock.back_to_ns, time);
  } else if (newest < state.newest_ns_max) {
    return;  // another definition's clock came back: where in between there were windows of this one is not known
  } else if (clock.jump == Jump::ahead && from < newest && newest < to) {
    to = time;  // a late one came into what the device had declared complete, and nothing has come beyond
  } else {
    const bool is_wider = from == time_min || time - newest >= to - from;
    if (clock.jump == Jump::ahead && !is_wider && time - to <= rules_.future_max_ns) return;
    to = time;
  }
  from = left;
  clock.jump = Jump::ahead;
}

// Of one that is late for the definition. So many in a row that lie in what the stream had jumped over take the watermark back;
// so many elsewhere are those of a clock that is behind.
Windower::LateRun Windower::follow_late_run(StreamRecord& stream, Followed& followed, TimeNs time, TimeNs now_ns,
                                            Effect& effect) {
  StreamClock& clock = *followed.clock;
  clock.late_run = clock.late_run > 0 && time >= clock.late_run_ns ? clock.late_run + 1 : 1;
  clock.late_run_ns = time;
  LateRun run;
  if (rules_.rebase_after == 0 || clock.late_run < rules_.rebase_after) return run;
  if (lies_in_jump(clock, time)) {
    run.is_back = true;
    run.is_first = std::ranges::none_of(stream.followed, [time](const Followed& each) {
      const StreamClock& other = *each.clock;
      return !each.is_former && other.jump == Jump::back && other.back_from_ns < time && time < other.back_to_ns;
    });
    rebase(stream, followed, time, now_ns, effect);
    clock.late_run = 0;
  } else {
    run.is_behind = clock.late_run == rules_.rebase_after && time <= clock.settled_ns;
  }
  return run;
}

// Returns whether the stream went back. What happened is said once for all definitions.
bool Windower::follow_late_runs(StreamRecord& stream, const Part* part, TimeNs time, TimeNs now_ns, Effect& effect) {
  Stream& state = stream.state;
  const bool was_behind = rules_.rebase_after > 0 && std::ranges::any_of(stream.followed, [&](const Followed& each) {
                            return each.clock->late_run >= rules_.rebase_after;
                          });
  TimeNs reached = state.newest_ns;
  for (const Followed& followed : stream.followed) reached = std::max(reached, followed.clock->watermark_ns);
  LateRun all;
  for (Followed& followed : stream.followed) {
    if (followed.is_former || (part != nullptr && !takes(followed, state, *part))) continue;
    if (part != nullptr && accepts(stream, followed, time)) {
      followed.clock->late_run = 0;
      continue;
    }
    const LateRun run = follow_late_run(stream, followed, time, now_ns, effect);
    all.is_back = all.is_back || run.is_back;
    all.is_first = all.is_first || run.is_first;
    all.is_behind = all.is_behind || run.is_behind;
  }
  const DurationNs by = reached - time;
  if (all.is_first) {
    ++effect.totals[Counter::streams_rebased];
    note_clock(state, schema::EventKind::stream_rebased, by, now_ns, effect);
  } else if (all.is_behind && !all.is_back && !was_behind) {
    ++effect.totals[Counter::streams_behind];
    note_clock(state, schema::EventKind::stream_behind, by, now_ns, effect);
  }
  if (all.is_back) {
    for (Followed& followed : stream.followed) {  // those that take nothing go along
      if (followed.is_former && lies_in_jump(*followed.clock, time)) rebase(stream, followed, time, now_ns, effect);
    }
  }
  if (all.is_first) {  // what definitions that were back before have had since stays the newest
    state.newest_ns = time;
    for (Part& each : state.parts) each.newest_ns = std::min(each.newest_ns, time);
  }
  return all.is_first;
}

void Windower::rebase(StreamRecord& stream, Followed& followed, TimeNs time, TimeNs now_ns, Effect& effect) {
  StreamClock& clock = *followed.clock;
  const StreamClock before = clock;
  clock.watermark_ns = time - rules_.watermark_delay_ns;
  clock.settled_ns = clock.watermark_ns - rules_.lateness_ns;
  clock.jump = Jump::back;
  clock.back_from_ns = clock.jump_from_ns;
  clock.back_to_ns = clock.jump_to_ns;
  send_settled_since(stream, followed, before, now_ns, effect);
  withdraw_jumped(stream, followed, now_ns, effect);
  followed.unsent_from_ns = first_unsent(stream.state, followed);
  followed.due_ns = due_of(stream, followed);
}

// Sends the windows as they are, final, that are settled because the clock has changed: no sweep will come to them.
void Windower::send_settled_since(StreamRecord& stream, Followed& followed, const StreamClock& before, TimeNs now_ns,
                                  Effect& effect) {
  if (!followed.definition->is_on_grid()) return;
  const Grid grid(*followed.definition, stream.state.parts);
  grid.for_each_window(*followed.panes, followed.unsent_from_ns, [&](TimeNs start) {
    const TimeNs end = grid.end_of(start);
    if (!was_settled(*followed.definition, before, start, end) &&
        was_settled(*followed.definition, *followed.clock, start, end)) {
      send_if_changed(stream, followed, start, end, true, now_ns, effect);
    }
    return true;
  });
}

void Windower::advance(StreamRecord& stream, TimeNs watermark_ns, TimeNs now_ns, Effect& effect) {
  if (watermark_ns > stream.state.newest_ns) mark(stream);
  note_jump(stream, watermark_ns);
  for (Followed& followed : stream.followed) advance(stream, followed, watermark_ns, now_ns, effect);
  if (stream.followed.empty() && stream.state.clock.watermark_ns < watermark_ns) {
    StreamClock& clock = stream.state.clock;
    clock.watermark_ns = watermark_ns;
    clock.watermark_ns_max = std::max(clock.watermark_ns_max, watermark_ns);
    clock.settled_ns = std::max(clock.settled_ns, watermark_ns - rules_.lateness_ns);
    clock.settled_ns_max = std::max(clock.settled_ns_max, clock.settled_ns);
    mark(stream);
  }
}

// From cut to cut: the windows of a part are sent before those of the next.
void Windower::advance(StreamRecord& stream, Followed& followed, TimeNs watermark_ns, TimeNs now_ns, Effect& effect) {
  if (watermark_ns <= followed.clock->watermark_ns) return;
  mark(stream);
  const Parts& parts = stream.state.parts;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const TimeNs at = parts[i].from_ns;
    if (at <= followed.clock->watermark_ns || at > watermark_ns) continue;
    advance_within_part(stream, followed, at, now_ns, effect);
    if (!parts[i].description.measures_as(parts[i - 1].description)) {
      watched_.push_back(MeasureEnd{&stream, followed.definition, at});
    }
  }
  advance_within_part(stream, followed, watermark_ns, now_ns, effect);
}

void Windower::advance_within_part(StreamRecord& stream, Followed& followed, TimeNs watermark_ns, TimeNs now_ns, Effect& effect) {
  StreamClock& clock = *followed.clock;
  if (watermark_ns <= clock.watermark_ns) return;
  const TimeNs before = advanced_from_ns_ = std::exchange(clock.watermark_ns, watermark_ns);
  clock.settled_ns = std::max(clock.settled_ns, watermark_ns - rules_.lateness_ns);
  if (followed.due_ns <= watermark_ns) {
    const DurationNs every = before == time_min ? 0 : followed.definition->emit_every_ns;
    sweep(stream, followed, every > 0 && next_multiple(before, every) <= watermark_ns, now_ns, effect);
  }
  advanced_from_ns_ = time_max;
  clock.watermark_ns_max = std::max(clock.watermark_ns_max, watermark_ns);
  clock.settled_ns_max = std::max(clock.settled_ns_max, clock.settled_ns);
  if (clock.back_to_ns != time_min && clock.settled_ns >= clock.back_to_ns) {
    if (clock.jump == Jump::back) clock.jump = Jump::over;
    clock.back_from_ns = clock.back_to_ns = time_min;
  }
}

}  // namespace stethos::edge
