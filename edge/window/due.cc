#include <algorithm>
#include <iterator>

#include "edge/window/grid.h"
#include "edge/window/pane.h"
#include "edge/window/windower.h"

namespace stethos::edge {

void Windower::expect_row(StreamRecord& stream, Followed& followed, TimeNs start, Pane& pane) {
  const WindowDefinition& definition = *followed.definition;
  const TimeNs watermark = followed.clock->watermark_ns;
  pane.changed = ++stream.changes;
  touch(stream, {start, definition.id});
  TimeNs due = time_max;
  if (definition.is_on_grid()) {
    const Grid grid(definition, stream.state.parts);
    TimeNs window = first_unsettled(stream, followed, start);
    if (window > start) return;  // nothing of it is sent any more
    followed.unsent_from_ns = std::min(followed.unsent_from_ns, window);
    if (grid.end_of(window) <= watermark) {
      due = revision_due(followed, grid.end_of(window));
      window = grid.first_open(watermark);
    }
    if (window <= start) due = std::min(due, grid.end_of(window));
  } else if (definition.kind == schema::WindowKind::session) {
    due = std::max(start + pane.length_ns, watermark + 1);
  }
  if (definition.emit_every_ns > 0) due = std::min(due, next_multiple(watermark, definition.emit_every_ns));
  followed.due_ns = std::min(followed.due_ns, due);
}

// The start of the first window on the grid that holds the slice at `slice` and can still be sent; behind `slice`: none can.
TimeNs Windower::first_unsettled(const StreamRecord& stream, const Followed& followed, TimeNs slice) const {
  const Grid grid(*followed.definition, stream.state.parts);
  TimeNs window = grid.first_start(slice);
  while (window <= slice && is_settled(*followed.definition, *followed.clock, window, grid.end_of(window))) {
    window = grid.next_start(window);
  }
  return window;
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

// The oldest pane leaves when nothing may change this one any more: it itself, or the next one that something came for, up to
// which it says what is missing; none, if that one is still to come.
Panes::iterator Windower::leaves_with(const StreamRecord& stream, const Followed& followed) {
  Panes& panes = *followed.panes;
  const auto oldest = panes.begin();
  if (!has_come(*oldest) || !reports_silence(stream, followed, oldest->first)) return oldest;
  const auto next = std::find_if(std::next(oldest), panes.end(), has_come);
  if (next == panes.end() && followed.is_former) return oldest;
  const Parts& parts = stream.state.parts;
  const TimeNs until = next != panes.end() ? next->first : std::max(parts.back().from_ns, followed.clock->away_to_ns);
  return until <= oldest->first || is_followed_throughout(stream, followed, oldest->first, until) ? next : oldest;
}

// The oldest pane leaves when what ends then is settled.
TimeNs Windower::leaves_at(const StreamRecord& stream, const Followed& followed) const {
  const auto leaves = leaves_with(stream, followed);
  if (leaves == followed.panes->end()) return time_max;
  const auto& [start, pane] = *leaves;
  switch (followed.definition->kind) {
    case schema::WindowKind::tumbling:
    case schema::WindowKind::hopping: {
      const Grid grid(*followed.definition, stream.state.parts);
      return grid.end_of(grid.last_start(start));
    }
    case schema::WindowKind::session:
      return start + pane.length_ns;
    case schema::WindowKind::count:
      return time_max;  // the next one takes its place
  }
  STETHOS_CHECK(false, "a kind of window without a rule");
}

TimeNs Windower::due_of(const StreamRecord& stream, const Followed& followed) const {
  const WindowDefinition& definition = *followed.definition;
  const TimeNs watermark = followed.clock->watermark_ns;
  if (followed.panes->empty()) return time_max;
  const TimeNs leaves_ns = leaves_at(stream, followed);
  TimeNs due = leaves_ns == time_max ? time_max : leaves_ns + rules_.lateness_ns;
  bool is_open = false;
  if (definition.is_on_grid() && followed.unsent_from_ns != time_max) {
    const Grid grid(definition, stream.state.parts);
    TimeNs from = followed.unsent_from_ns;
    if (grid.end_of(from) <= watermark) {
      due = std::min(due, revision_due(followed, grid.end_of(from)));
      from = grid.first_open(watermark);
    }
    grid.for_each_window(*followed.panes, from, [&](TimeNs start) {
      is_open = true;
      due = std::min(due, grid.end_of(start));
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

}  // namespace stethos::edge
