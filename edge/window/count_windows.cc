#include "edge/window/windower.h"

#include <algorithm>

#include "edge/window/pane.h"

namespace stethos::edge {

void Windower::place_in_count(StreamRecord& stream, Followed& followed, const Samples& samples, TimeNs now_ns, Effect& effect) {
  Panes& panes = *followed.panes;
  const WindowDefinition& definition = *followed.definition;
  if (panes.empty() || panes.rbegin()->second.is_final) {
    TimeNs start = samples.time_ns;
    if (!panes.empty()) {
      // The start names the window, and stamps may repeat.
      const auto& [previous, pane] = *panes.rbegin();
      start = std::max(start, previous + 1);
      send_if_changed(stream, followed, previous, previous + 1, true, now_ns, effect);
      touch(stream, {previous, definition.id});
      panes.clear();
    }
    panes[start].length_ns = 1;
  }
  auto& [start, pane] = *panes.rbegin();
  pane.length_ns = std::max(pane.length_ns, samples.time_ns - start);
  fill(stream, followed, start, pane, samples);
  if (sample_count(pane) >= definition.samples) {
    send_if_changed(stream, followed, start, start + 1, true, now_ns, effect);
  }
}

}  // namespace stethos::edge
