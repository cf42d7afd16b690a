#include <algorithm>
#include <span>

#include "edge/window/pane.h"
#include "edge/window/windower.h"

namespace stethos::edge {

void Windower::sweep(StreamRecord& stream, Followed& followed, bool open_too, TimeNs now_ns, Effect& effect) {
  if (followed.definition->is_on_grid()) {
    sweep_grid(stream, followed, open_too, now_ns, effect);
  } else if (followed.definition->kind == schema::WindowKind::session) {
    sweep_sessions(stream, followed, open_too, now_ns, effect);
  } else {
    for (const auto& [start, pane] : *followed.panes) {
      if (pane.is_final || open_too) send_if_changed(stream, followed, start, start + 1, pane.is_final, now_ns, effect);
    }
  }
  drop_settled(stream, followed, now_ns, effect);
  followed.due_ns = due_of(stream, followed);
}

Pane Windower::merged(const Followed& followed, TimeNs start, TimeNs end) {
  to_merge_.clear();
  for (auto pane = followed.panes->lower_bound(start); pane != followed.panes->end() && pane->first < end; ++pane) {
    if (pane->second.changed > 0) to_merge_.push_back(&pane->second);
  }
  return joined(std::span<const Pane* const>(to_merge_));
}

// `end`: of the panes that are the window's.
void Windower::send_if_changed(StreamRecord& stream, const Followed& followed, TimeNs start, TimeNs end, bool ended,
                               TimeNs now_ns, Effect& effect) {
  if (!needs_row(followed, start, end, ended)) return;
  const WindowDefinition& definition = *followed.definition;
  Pane whole = merged(followed, start, end);
  Pane& own = (*followed.panes)[start];
  if (definition.is_on_grid()) {
    own.length_ns = std::min(definition.slice_of(start) + definition.slice_ns, end) - start;
    whole.length_ns = end - start;
  } else {
    whole.length_ns = own.length_ns;
  }
  whole.revision = own.revision++;
  if (ended && !own.is_final && definition.is_on_grid() && end > advanced_from_ns_) {
    note_watched(stream, definition, start, whole, watched_);
  }
  own.sent = stream.changes;
  own.is_final = ended;
  touch(stream, {start, definition.id});
  emit(stream, followed, start, whole, ended ? schema::WindowState::final : schema::WindowState::open, now_ns, effect);
}

void Windower::drop_settled(StreamRecord& stream, Followed& followed, TimeNs now_ns, Effect& effect) {
  Panes& panes = *followed.panes;
  while (!panes.empty() && leaves_at(stream, followed) <= followed.clock->settled_ns) {
    const auto oldest = panes.begin();
    const auto leaves = leaves_with(stream, followed);
    if (leaves != oldest) {
      settle_silence(stream, followed, oldest, leaves, now_ns, effect);
    } else {  // it is no longer due to speak
      withdraw_silence(stream, followed, oldest, now_ns, effect);
    }
    touch(stream, {oldest->first, followed.definition->id});
    followed.unsent_sessions.erase(oldest->first);
    panes.erase(oldest);
  }
}

void Windower::emit(const StreamRecord& stream, const Followed& followed, TimeNs start, const Pane& whole,
                    schema::WindowState state, TimeNs now_ns, Effect& effect) const {
  const WindowDefinition& definition = *followed.definition;
  const Description& description = part_of(stream.state.parts, start)->description;
  RowContext context;
  context.definition = &definition;
  context.stream_version = description.version;
  if (description.interval_ns > 0 && definition.kind != schema::WindowKind::count) {
    context.expected = static_cast<std::uint64_t>(whole.length_ns / description.interval_ns) * description.block_length;
  }
  context.parameters = parameters_;
  context.provenance = provenance_;
  context.state = state;
  context.closed_ns = now_ns;
  context.clock_untrusted = !effect.clock_trusted;
  context.incomplete = is_incomplete(definition, *followed.clock, start, whole.length_ns);
  effect.windows.push_back(window_row(stream.state, start, whole, context));
  effect.windows.back().generation = generation_;
  if (definition.is_on_grid()) {
    const schema::SpanT uncut{{}, definition.last_start(start), definition.length_ns};
    const bool is_cut = uncut.start_ns != start || uncut.length_ns != whole.length_ns;
    if (is_cut) effect.windows.back().whole = std::make_unique<schema::SpanT>(uncut);
  }
  effect.labels.try_emplace(description.version, description.machine, description.quantity, description.unit);
  ++effect.totals[Counter::window_rows];
}

}  // namespace stethos::edge
