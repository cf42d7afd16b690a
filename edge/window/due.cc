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
  bool is_open = true;
  if (definition.is_on_grid()) {
    const Grid grid(definition, stream.state.parts);
    TimeNs window = first_unsettled(stream, followed, grid.first_start(start), start);
    if (window > start) return;  // nothing of it is sent any more
    followed.unsent_from_ns = std::min(followed.unsent_from_ns, window);
    if (grid.end_of(window) <= watermark) {
      due = revision_due(followed, grid.end_of(window));
      window = first_unsettled(stream, followed, grid.first_open(watermark), start);
    }
    is_open = window <= start;
    if (is_open) due = std::min(due, grid.end_of(window));
  } else if (definition.kind == schema::WindowKind::session) {
    followed.unsent_sessions.insert(start);
    due = std::max(start + pane.length_ns, watermark + 1);
    is_open = start + pane.length_ns > watermark;
  }
  if (is_open && definition.emit_every_ns > 0) due = std::min(due, next_multiple(watermark, definition.emit_every_ns));
  followed.due_ns = std::min(followed.due_ns, due);
}

// Of the windows on the grid from that one on: the start of the first that can still be sent; behind `slice`: none that holds the
// slice can.
TimeNs Windower::first_unsettled(const StreamRecord& stream, const Followed& followed, TimeNs window, TimeNs slice) const {
  const Grid grid(*followed.definition, stream.state.parts);
  while (window <= slice && is_settled(*followed.definition, *followed.clock, window, grid.end_of(window))) {
    window = grid.next_start(window);
  }
  return window;
}

std::uint64_t Windower::rows_due(const StreamRecord& stream, TimeNs watermark_ns) const {
  std::uint64_t due = 0;
  for (const Followed& followed : stream.followed) {
    const WindowDefinition& definition = *followed.definition;
    if (followed.panes->empty() || watermark_ns <= followed.clock->watermark_ns) continue;
    std::uint64_t of_one = 1;
    if (definition.kind == schema::WindowKind::session) {
      due += followed.unsent_sessions.size();
    } else if (!definition.is_on_grid() || followed.unsent_from_ns == time_max) {
      ++due;
    } else {
      of_one = definition.windows_of_one();
      const TimeNs from = std::max(followed.unsent_from_ns, followed.panes->begin()->first);
      const TimeNs to = std::min(followed.panes->rbegin()->first, watermark_ns);
      const auto by_time = to < from ? 0 : static_cast<std::uint64_t>((to - from) / definition.hop_ns);
      due += std::min(followed.panes->size() * of_one, by_time + of_one);
    }
    if (definition.is_on_grid()) due += silences_due(stream.state.parts, followed, watermark_ns - rules_.lateness_ns);
    if (definition.emit_every_ns > 0 && followed.clock->watermark_ns != time_min) {
      due += of_one * (static_cast<std::uint64_t>((watermark_ns - followed.clock->watermark_ns) / definition.emit_every_ns) + 1);
    }
  }
  return due;
}

// No more of them than panes leave, nor than slices are missing between panes; each cut makes one slice two.
std::uint64_t Windower::silences_due(const Parts& parts, const Followed& followed, TimeNs settled_ns) {
  const TimeNs first = followed.panes->begin()->first, last = followed.panes->rbegin()->first;
  if (settled_ns <= first) return 0;
  const DurationNs slice = followed.definition->slice_ns;
  const auto slices = [&](TimeNs to) { return static_cast<std::uint64_t>((to - first) / slice) + parts.size(); };
  return std::min({slices(std::min(settled_ns, last)), slices(last) - std::min(slices(last), followed.panes->size()),
                   followed.panes->size()});
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
  TimeNs until = stream.state.parts.back().from_ns;
  for (const Stretch& away : followed.clock->away.all()) {
    if (away.from_ns <= stream.state.newest_ns) until = std::max(until, away.to_ns - 1);
  }
  if (next != panes.end()) until = next->first;
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
      if (was_settled(definition, *followed.clock, start, grid.end_of(start))) return true;
      is_open = true;
      due = std::min(due, grid.end_of(start));
      return false;
    });
  } else if (definition.kind == schema::WindowKind::session) {
    for (const TimeNs start : followed.unsent_sessions) {
      const TimeNs end = start + followed.panes->at(start).length_ns;
      due = std::min(due, std::max(end, watermark + 1));
      is_open = end > watermark;
      if (is_open) break;
    }
  } else if (definition.kind == schema::WindowKind::count) {
    const TimeNs start = followed.panes->rbegin()->first;
    is_open = needs_row(followed, start, start + 1, true);  // or what is late was counted in one that is full
  }
  if (is_open && definition.emit_every_ns > 0) due = std::min(due, next_multiple(watermark, definition.emit_every_ns));
  return due;
}

}  // namespace stethos::edge
