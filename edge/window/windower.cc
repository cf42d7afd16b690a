#include "edge/window/windower.h"

#include <algorithm>

namespace stethos::edge {
namespace {

constexpr TimeNs time_max = std::numeric_limits<TimeNs>::max();

TimeNs end_of(const PaneKey& key, const Pane& pane) { return key.start_ns + pane.length_ns; }

}  // namespace

Windower::Windower(std::vector<WindowDefinition> definitions, DurationNs watermark_delay_ns, DurationNs idle_timeout_ns)
    : definitions_(std::move(definitions)), watermark_delay_ns_(watermark_delay_ns), idle_timeout_ns_(idle_timeout_ns) {
  for (const WindowDefinition& definition : definitions_) length_max_ns_ = std::max(length_max_ns_, definition.length_ns);
}

void Windower::adopt(StreamRecord& stream) const {
  stream.definitions.clear();
  for (std::size_t i = 0; i < definitions_.size(); ++i) {
    if (definitions_[i].takes(stream.state.device, stream.state.quantity)) stream.definitions.push_back(i);
  }
  stream.next_close_ns = time_max;
  for (const auto& [key, pane] : stream.state.panes) stream.next_close_ns = std::min(stream.next_close_ns, end_of(key, pane));
}

const WindowDefinition* Windower::definition_of(std::uint64_t id) const {
  const auto found = std::ranges::find(definitions_, id, &WindowDefinition::id);
  return found == definitions_.end() ? nullptr : &*found;
}

Pane* Windower::newest_pane(StreamRecord& stream, std::uint64_t definition) {
  auto& panes = stream.state.panes;
  const auto found =
      std::find_if(panes.rbegin(), panes.rend(), [&](const auto& item) { return item.first.definition == definition; });
  if (found == panes.rend()) return nullptr;
  touch(stream, found->first);
  found->second.unsent = true;
  return &found->second;
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

void Windower::add(StreamRecord& stream, const Arrival& arrival, TimeNs now_ns, Effect& effect) {
  Stream& state = stream.state;
  mark(stream);
  state.last_received_ns = arrival.received_ns;
  bool placed = stream.definitions.empty();
  for (const std::size_t index : stream.definitions) {
    const WindowDefinition& definition = definitions_[index];
    const PaneKey key{definition.start_of(arrival.time_ns), definition.id};
    const TimeNs end = key.start_ns + definition.length_ns;
    if (end <= state.watermark_ns) {
      if (Pane* newest = newest_pane(stream, definition.id)) newest->late += arrival.samples();
      continue;
    }
    placed = true;
    const auto [item, is_new] = state.panes.try_emplace(key);
    Pane& pane = item->second;
    if (is_new) {
      pane.length_ns = definition.length_ns;
      pane.first = arrival.origin;
      pane.first_received_ns = arrival.received_ns;
      stream.next_close_ns = std::min(stream.next_close_ns, end);
    }
    pane.moments = kernels::merge(pane.moments, arrival.moments);
    pane.first = std::min(pane.first, arrival.origin);
    pane.last = std::max(pane.last, arrival.origin);
    pane.last_received_ns = arrival.received_ns;
    pane.unsent = true;
    touch(stream, key);
  }
  if (placed) {
    state.counts.good += arrival.moments.count;
    state.counts.not_finite += arrival.moments.not_finite;
    state.counts.out_of_range += arrival.moments.out_of_range;
  } else {
    state.counts.late += arrival.samples();
  }
  advance(stream, arrival.time_ns - watermark_delay_ns_, now_ns, effect);
}

void Windower::advance(StreamRecord& stream, TimeNs watermark_ns, TimeNs now_ns, Effect& effect) {
  if (watermark_ns <= stream.state.watermark_ns) return;
  mark(stream);
  stream.state.watermark_ns = watermark_ns;
  if (stream.next_close_ns <= watermark_ns) close_ended(stream, now_ns, effect);
}

void Windower::close_ended(StreamRecord& stream, TimeNs now_ns, Effect& effect) {
  auto& panes = stream.state.panes;
  stream.next_close_ns = time_max;
  for (auto item = panes.begin(); item != panes.end();) {
    const TimeNs end = end_of(item->first, item->second);
    if (end > stream.state.watermark_ns) {
      stream.next_close_ns = std::min(stream.next_close_ns, end);
      ++item;
      continue;
    }
    emit(stream, item->first, item->second, schema::WindowState::final, now_ns, effect);
    touch(stream, item->first);
    item = panes.erase(item);
  }
}

void Windower::count_unplaced(StreamRecord& stream, Unplaced how, std::uint64_t samples) {
  mark(stream);
  const auto count_in = [&](auto& counts) {
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
  };
  count_in(stream.state.counts);
  for (const std::size_t index : stream.definitions) {
    if (Pane* newest = newest_pane(stream, definitions_[index].id)) count_in(*newest);
  }
}

void Windower::send_if_idle(StreamRecord& stream, TimeNs now_ns, Effect& effect) {
  if (idle_timeout_ns_ == 0 || now_ns - stream.state.last_received_ns < idle_timeout_ns_) return;
  for (auto& [key, pane] : stream.state.panes) {
    if (!pane.unsent) continue;
    emit(stream, key, pane, schema::WindowState::open, now_ns, effect);
    ++pane.revision;
    pane.unsent = false;
    touch(stream, key);
  }
}

template <class Ended>
void Windower::retire(StreamRecord& stream, TimeNs now_ns, Effect& effect, Ended ended) {
  auto& panes = stream.state.panes;
  for (auto item = panes.begin(); item != panes.end();) {
    if (!ended(item->first)) {
      ++item;
      continue;
    }
    if (item->second.unsent) emit(stream, item->first, item->second, schema::WindowState::open, now_ns, effect);
    touch(stream, item->first);
    item = panes.erase(item);
  }
}

void Windower::retire_unknown(StreamRecord& stream, TimeNs now_ns, Effect& effect) {
  retire(stream, now_ns, effect, [&](const PaneKey& key) { return definition_of(key.definition) == nullptr; });
}

void Windower::retire_all(StreamRecord& stream, TimeNs now_ns, Effect& effect) {
  retire(stream, now_ns, effect, [](const PaneKey&) { return true; });
}

void Windower::emit(const StreamRecord& stream, const PaneKey& key, const Pane& pane, schema::WindowState state, TimeNs now_ns,
                    Effect& effect) {
  const WindowDefinition* definition = definition_of(key.definition);
  RowContext context;
  context.definition = key.definition;
  context.statistics = definition == nullptr ? nullptr : &definition->statistics;
  if (stream.interval_ns > 0) {
    context.expected = static_cast<std::uint64_t>(pane.length_ns / stream.interval_ns) * stream.block_length;
  }
  context.provenance = provenance_;
  context.state = state;
  context.closed_ns = now_ns;
  effect.windows.push_back(window_row(stream.state, key.start_ns, pane, context));
  ++effect.totals[Counter::window_rows];
}

void Windower::collect_changes(Effect& effect) {
  for (StreamRecord* stream : dirty_) {
    effect.streams.push_back(&stream->state);
    std::ranges::sort(stream->touched);
    const auto repeated = std::ranges::unique(stream->touched);
    stream->touched.erase(repeated.begin(), repeated.end());
    for (const PaneKey& key : stream->touched) {
      const auto found = stream->state.panes.find(key);
      effect.panes.push_back({stream->state.id, key, found == stream->state.panes.end() ? nullptr : &found->second});
    }
    stream->touched.clear();
    stream->dirty = false;
  }
  dirty_.clear();
}

}  // namespace stethos::edge
