#include <algorithm>
#include <iterator>

#include "edge/window/grid.h"
#include "edge/window/pane.h"
#include "edge/window/windower.h"

// What comes of a stream while a definition is not configured is in none of its windows. The rows of those that would have held
// it say so: they are incomplete.
namespace stethos::edge {

// The definition is new to the stream, which has had samples without it: all that lies before the newest, but for what its clock
// jumped over.
void Windower::begin_after(const Stream& stream, Followed& followed) {
  StreamClock& clock = *followed.clock;
  if (clock.jump == Jump::ahead && clock.jump_from_ns != time_min && clock.jump_to_ns <= stream.newest_ns) {
    clock.away.add(time_min, clock.jump_from_ns + 1);
    clock.away.add(clock.jump_to_ns, stream.newest_ns + 1);
  } else if (clock.jump == Jump::back && clock.back_to_ns != time_min) {
    clock.away.add(time_min, stream.newest_ns + 1);
    clock.away.add(clock.back_to_ns, stream.newest_ns_max + 1);
  } else {
    clock.away.add(time_min, stream.newest_ns_max + 1);
  }
}

// A sample comes for a definition that has left the configuration. Where windows that would take it have had their last row,
// there will be another.
void Windower::note_missed(StreamRecord& stream, Followed& followed, const Part& part, TimeNs time) {
  const WindowDefinition& definition = *followed.definition;
  StreamClock& clock = *followed.clock;
  if (!definition.takes(stream.state.device, part.description.quantity)) return;
  Panes& panes = *followed.panes;
  const auto expect_anew = [&](Panes::iterator pane) { expect_row(stream, followed, pane->first, pane->second); };
  if (definition.is_on_grid()) {
    const Grid grid(definition, stream.state.parts);
    const TimeNs first = grid.first_start(time), end = grid.end_of(grid.last_start(time));
    if (end <= clock.settled_ns) return;
    clock.away.add(time, time + 1);
    // A pane that waited to say what is missing behind it need not stay.
    if (!panes.empty() && reports_silence(stream, followed, panes.begin()->first)) followed.due_ns = due_of(stream, followed);
    if (grid.end_of(first) > clock.watermark_ns_max) return;  // all of them are open, and were so before the clock came back
    // Whichever of them holds a pane holds the one before the sample, or the one behind it.
    const auto behind = std::find_if(panes.lower_bound(time), panes.lower_bound(end), has_come);
    if (behind != panes.lower_bound(end)) expect_anew(behind);
    const auto before = std::find_if(std::make_reverse_iterator(panes.lower_bound(time)),
                                     std::make_reverse_iterator(panes.lower_bound(first)), has_come);
    if (before.base() != panes.lower_bound(first)) expect_anew(std::prev(before.base()));
  } else if (definition.kind == schema::WindowKind::session) {
    if (!accepts(stream, followed, time)) return;
    clock.away.add(time, time + 1);
    const auto behind = panes.lower_bound(time);
    if (behind != panes.end() && behind->first < time + definition.length_ns) expect_anew(behind);
    if (behind == panes.begin()) return;
    const auto before = std::prev(behind);
    if (before->first >= part.from_ns && time < before->first + before->second.length_ns) expect_anew(before);
  } else {
    clock.away.add(time, time + 1);
  }
}

// Once nothing that it could have been for can be sent any more.
void Windower::forget_absences(StreamRecord& stream, Followed& followed) {
  StreamClock& clock = *followed.clock;
  const Panes& panes = *followed.panes;
  const auto erased = clock.away.erase_if([&](const Stretch& away) {
    const TimeNs end = away.to_ns + followed.definition->length_ns;  // of what it may have been for
    const bool is_settled = end <= clock.settled_ns;
    const bool has_pane = !panes.empty() && panes.begin()->first < end;
    const bool may_go_back = clock.jump == Jump::ahead && away.from_ns < clock.jump_to_ns && end > clock.jump_from_ns;
    return is_settled && !has_pane && !may_go_back;
  });
  if (erased > 0) mark(stream);
}

// Whether what was missed may have been for the window. A session would have been joined by what came less than the pause before.
bool Windower::is_incomplete(const WindowDefinition& definition, const StreamClock& clock, TimeNs start, DurationNs length_ns) {
  const TimeNs from = definition.kind == schema::WindowKind::session ? start - definition.length_ns + 1 : start;
  return clock.away.any_between(from, start + length_ns);
}

}  // namespace stethos::edge
