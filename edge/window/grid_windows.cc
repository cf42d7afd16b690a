#include "edge/window/windower.h"

#include <algorithm>

namespace stethos::edge {

void Windower::place_on_grid(StreamRecord& stream, Followed& followed, const Samples& samples, TimeNs now_ns, Effect& effect) {
  const TimeNs start = followed.definition->slice_of(samples.time_ns);
  settle_silence_before(stream, followed, start, now_ns, effect);
  Pane& pane = (*followed.panes)[start];
  pane.length_ns = followed.definition->slice_ns;
  fill(stream, followed, start, pane, samples);
}

void Windower::sweep_grid(StreamRecord& stream, Followed& followed, bool open_too, TimeNs now_ns, Effect& effect) {
  const WindowDefinition& definition = *followed.definition;
  const TimeNs watermark = stream.state.watermark_ns;
  TimeNs unsettled = time_max;
  for_each_window(followed, followed.unsettled_ns, [&](TimeNs start) {
    const TimeNs end = start + definition.length_ns;
    if (end > watermark) unsettled = std::min(unsettled, start);
    if (end > watermark && !open_too) return false;
    if (!was_settled(stream.state, start, end)) send_if_changed(stream, followed, start, end, end <= watermark, now_ns, effect);
    return true;
  });
  followed.unsettled_ns = unsettled;
}

// As it is after a sweep, from the panes alone.
TimeNs Windower::first_unsettled(const Stream& stream, const Followed& followed) const {
  TimeNs unsettled = time_max;
  if (!followed.definition->is_on_grid()) return unsettled;
  for_each_window(followed, time_min, [&](TimeNs start) {
    const TimeNs end = start + followed.definition->length_ns;
    const bool ended = end <= stream.watermark_ns;
    if (is_settled(stream, start, end) || (ended && !needs_row(followed, start, end, true))) return true;
    unsettled = start;
    return false;
  });
  return unsettled;
}

// Revisions of windows on a grid are sent together, once a hop, but not after the first of them is settled.
TimeNs Windower::revision_due(const WindowDefinition& definition, TimeNs window, TimeNs watermark) const {
  return std::min(definition.last_start(watermark) + definition.hop_ns, window + definition.length_ns + rules_.lateness_ns);
}

}  // namespace stethos::edge
