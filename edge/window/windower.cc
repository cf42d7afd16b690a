#include "edge/window/windower.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

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

Placed Windower::add(StreamRecord& stream, const Samples& samples, TimeNs now_ns, Effect& effect) {
  Stream& state = stream.state;
  mark(stream);
  state.last_received_ns = std::max(state.last_received_ns, samples.received_ns);  // of a dead letter it may be long ago
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

void Windower::fill(StreamRecord& stream, Followed& followed, TimeNs start, Pane& pane, const Samples& samples) {
  const WindowDefinition& definition = *followed.definition;
  if (sample_count(pane) == 0) {
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
  expect_row(stream, followed, start, pane);
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
