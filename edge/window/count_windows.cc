#include <algorithm>
#include <iterator>

#include "edge/window/pane.h"
#include "edge/window/windower.h"

namespace stethos::edge {
namespace {

// Of the window that takes samples at `time`. The start names a window, and stamps may repeat.
TimeNs start_for(const StreamRecord& stream, const Followed& followed, TimeNs time) {
  TimeNs start = time;
  if (!followed.panes->empty()) {
    const auto& [last, pane] = *followed.panes->rbegin();
    const bool begins_anew = part_of(stream.state.parts, last) != part_of(stream.state.parts, time) && last < time;
    if (!pane.is_final && !begins_anew) return last;
    start = std::max(start, last + 1);
  }
  const Stretch* const cut_short = followed.clock->cut_short.find(start);
  return cut_short != nullptr ? cut_short->to_ns : start;
}

}  // namespace

// Only those of an earlier part than the last window's are late.
bool Windower::accepts_in_count(const StreamRecord& stream, const Followed& followed, TimeNs time) {
  const auto next = part_after(stream.state.parts, time);
  return next == stream.state.parts.end() || start_for(stream, followed, time) < next->from_ns;
}

void Windower::place_in_count(StreamRecord& stream, Followed& followed, const Samples& samples, TimeNs now_ns, Effect& effect) {
  Panes& panes = *followed.panes;
  const TimeNs start = start_for(stream, followed, samples.time_ns);
  if (!panes.empty() && panes.rbegin()->first != start) {
    const TimeNs previous = panes.rbegin()->first;
    send_if_changed(stream, followed, previous, previous + 1, true, now_ns, effect);
    touch(stream, {previous, followed.definition->id});
    panes.clear();
  }
  const auto [own, is_new] = panes.try_emplace(start);
  Pane& pane = own->second;
  if (is_new) pane.length_ns = 1;
  pane.length_ns = std::max(pane.length_ns, samples.time_ns - start);
  fill(stream, followed, start, pane, samples);
  if (sample_count(pane) >= followed.definition->samples) {
    send_if_changed(stream, followed, start, start + 1, true, now_ns, effect);
  }
}

}  // namespace stethos::edge
