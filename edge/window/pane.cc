#include "edge/window/pane.h"

#include <algorithm>

namespace stethos::edge {

Pane joined(const Pane& a, const Pane& b) {
  Pane both = a;
  both.moments = kernels::merge(a.moments, b.moments);
  both.blocks = joined(a.blocks, b.blocks);
  both.duplicate += b.duplicate;
  both.late += b.late;
  both.rejected += b.rejected;
  both.recovered += b.recovered;
  both.clock_untrusted = a.clock_untrusted || b.clock_untrusted;
  if (sample_count(b) == 0) return both;
  const bool only_b = sample_count(a) == 0;
  both.first = only_b ? b.first : std::min(a.first, b.first);
  both.last = std::max(a.last, b.last);
  both.first_received_ns = only_b ? b.first_received_ns : std::min(a.first_received_ns, b.first_received_ns);
  both.last_received_ns = std::max(a.last_received_ns, b.last_received_ns);
  return both;
}

Pane joined(std::span<const Pane* const> panes) {
  if (panes.size() == 1) return *panes[0];
  const auto half = panes.size() / 2;
  return joined(joined(panes.first(half)), joined(panes.subspan(half)));
}

kernels::BlockStatistics shown(const WindowDefinition& definition, const kernels::BlockStatistics& block) {
  kernels::BlockStatistics out = block;
  if (!definition.shows_validity) out.validity = {};
  if (definition.quantiles.empty()) out.buckets = {};
  if (!definition.shows_features) out.features = {};
  return out;
}

}  // namespace stethos::edge
