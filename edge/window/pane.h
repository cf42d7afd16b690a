// Panes: whether anything came for one, and two as one. Pure functions; any thread.
#pragma once

#include <span>
#include <utility>

#include "edge/core/definition.h"
#include "edge/core/state.h"
#include "gpu_kernels/block.h"

namespace stethos::edge {

// Whether anything ever came for the pane; else it only says what was sent of the window that starts there.
inline bool has_come(const std::pair<const TimeNs, Pane>& pane) { return pane.second.changed > 0; }

inline std::uint64_t sample_count(const Pane& pane) {
  return pane.moments.count + pane.moments.not_finite + pane.moments.out_of_range;
}

Pane joined(const Pane& a, const Pane& b);
// As a tree by time: the same panes always give the same bits, and errors grow with the depth of the tree only.
Pane joined(std::span<const Pane* const> panes);

// What windows of the definition keep of a block: statistics that another definition asks for are computed for it alone.
kernels::BlockStatistics shown(const WindowDefinition& definition, const kernels::BlockStatistics& block);

}  // namespace stethos::edge
