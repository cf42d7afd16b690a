#include "edge/window/windower.h"

#include <algorithm>
#include <iterator>

#include "edge/window/pane.h"

namespace stethos::edge {

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

}  // namespace stethos::edge
