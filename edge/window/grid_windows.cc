#include <algorithm>

#include "edge/window/grid.h"
#include "edge/window/pane.h"
#include "edge/window/windower.h"

namespace stethos::edge {

bool Windower::accepts_on_grid(const StreamRecord& stream, const Followed& followed, TimeNs time) const {
  const Grid grid(*followed.definition, stream.state.parts);
  const TimeNs last = grid.last_start(time);
  if (grid.end_of(last) <= followed.clock->settled_ns) return false;  // and the others end no later
  for (TimeNs start = grid.first_start(time); start <= last; start = grid.next_start(start)) {
    if (!is_settled(*followed.definition, *followed.clock, start, grid.end_of(start))) return true;
  }
  return false;
}

void Windower::place_on_grid(StreamRecord& stream, Followed& followed, const Samples& samples, TimeNs now_ns, Effect& effect) {
  const Grid grid(*followed.definition, stream.state.parts);
  const TimeNs start = grid.slice_of(samples.time_ns);
  settle_silence_before(stream, followed, start, now_ns, effect);
  const StreamClock& clock = *followed.clock;
  if (clock.silent_from_ns <= start && start < clock.silent_to_ns) withdraw_forgotten_silence(stream, followed, now_ns, effect);
  const auto own = followed.panes->try_emplace(start).first;
  const bool is_first = !has_come(*own);
  own->second.length_ns = grid.slice_end(start) - start;
  fill(stream, followed, start, own->second, samples);
  // The oldest pane may leave with this one now.
  if (is_first && reports_silence(stream, followed, followed.panes->begin()->first)) followed.due_ns = due_of(stream, followed);
}

void Windower::sweep_grid(StreamRecord& stream, Followed& followed, bool open_too, TimeNs now_ns, Effect& effect) {
  const Grid grid(*followed.definition, stream.state.parts);
  const TimeNs watermark = followed.clock->watermark_ns;
  TimeNs unsent = time_max;
  grid.for_each_window(*followed.panes, followed.unsent_from_ns, [&](TimeNs start) {
    const TimeNs end = grid.end_of(start);
    if (was_settled(*followed.definition, *followed.clock, start, end)) return true;
    if (end > watermark) unsent = std::min(unsent, start);
    if (end > watermark && !open_too) return false;
    send_if_changed(stream, followed, start, end, end <= watermark, now_ns, effect);
    return true;
  });
  followed.unsent_from_ns = unsent;
}

// After a sweep of an idle stream: what is open now has been sent.
void Windower::note_open(StreamRecord& stream, const Followed& followed) {
  if (followed.unsent_from_ns == time_max) return;
  const Grid grid(*followed.definition, stream.state.parts);
  grid.for_each_window(*followed.panes, followed.unsent_from_ns, [&](TimeNs start) {
    const TimeNs end = grid.end_of(start);
    const auto own = followed.panes->find(start);
    if (own == followed.panes->end() || own->second.sent == 0) return true;  // nothing has come for it
    // One that was final before a clock came back is not looked at again.
    if (own->second.is_final || was_settled(*followed.definition, *followed.clock, start, end)) return true;
    note_watched(stream, *followed.definition, start, merged(followed, start, end), idle_);
    return true;
  });
}

// As it is after a sweep, from the panes alone.
TimeNs Windower::first_unsent(const Stream& stream, const Followed& followed) const {
  TimeNs unsent = time_max;
  if (!followed.definition->is_on_grid()) return unsent;
  const Grid grid(*followed.definition, stream.parts);
  grid.for_each_window(*followed.panes, time_min, [&](TimeNs start) {
    const TimeNs end = grid.end_of(start);
    const bool ended = end <= followed.clock->watermark_ns;
    if (is_settled(*followed.definition, *followed.clock, start, end) || (ended && !needs_row(followed, start, end, true)))
      return true;
    unsent = start;
    return false;
  });
  return unsent;
}

// Revisions of windows on a grid are sent together, once a hop, but not after the first of them is settled.
TimeNs Windower::revision_due(const Followed& followed, TimeNs window_end) const {
  const WindowDefinition& definition = *followed.definition;
  return std::min(definition.last_start(followed.clock->watermark_ns) + definition.hop_ns, window_end + rules_.lateness_ns);
}

}  // namespace stethos::edge
