// The windows of a definition on a grid, as the parts of a stream cut them. In a part that begins at a cut the first window
// begins there and ends with the last window of the uncut grid that begins at or before the cut; then the grid goes on. No window
// and no slice reaches into the next part. Pure; any thread, as long as what it looks at lives and stays.
#pragma once

#include <algorithm>

#include "edge/core/definition.h"
#include "edge/core/state.h"
#include "edge/window/pane.h"

namespace stethos::edge {

class Grid {
 public:
  Grid(const WindowDefinition& definition, const Parts& parts) : definition_(definition), parts_(parts) {}

  // Of the slice that holds `time`, and where the slice that starts at `slice` ends.
  TimeNs slice_of(TimeNs time) const { return std::max(definition_.slice_of(time), from(time)); }
  TimeNs slice_end(TimeNs slice) const { return std::min(definition_.slice_of(slice) + definition_.slice_ns, to(slice)); }

  // The starts of the first and the last window that hold `time`.
  TimeNs first_start(TimeNs time) const { return std::max(definition_.first_start(time), from(time)); }
  TimeNs last_start(TimeNs time) const { return std::max(definition_.last_start(time), from(time)); }

  // Of the window that starts at `start`.
  TimeNs end_of(TimeNs start) const { return std::min(definition_.last_start(start) + definition_.length_ns, to(start)); }
  // The start of the first window that starts after `time`; time_max, or near it: there is none.
  TimeNs next_start(TimeNs time) const { return std::min(definition_.last_start(time) + definition_.hop_ns, to(time)); }
  // The start of the first window that ends after `watermark`.
  TimeNs first_open(TimeNs watermark) const { return std::max(definition_.first_open(watermark), from(watermark)); }

  // The windows that something came for and that start at `start` or after it, in order, until `visit` returns false; it may add
  // panes that nothing came for.
  template <class Visit>
  void for_each_window(const Panes& panes, TimeNs start, Visit visit) const {
    const auto next = [&panes](TimeNs from) { return std::find_if(panes.lower_bound(from), panes.end(), has_come); };
    for (auto pane = next(start); pane != panes.end();) {
      start = std::max(start, first_start(pane->first));
      if (!visit(start)) return;
      start = next_start(start);
      if (pane->first < start) pane = next(start);
    }
  }

 private:
  // Where the part that holds `time` begins and ends.
  TimeNs from(TimeNs time) const {
    const Part* part = part_of(parts_, time);
    return part == nullptr ? time_min : part->from_ns;
  }
  TimeNs to(TimeNs time) const {
    const auto next = part_after(parts_, time);
    return next == parts_.end() ? time_max : next->from_ns;
  }

  const WindowDefinition& definition_;
  const Parts& parts_;
};

}  // namespace stethos::edge
