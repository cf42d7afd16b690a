#include <algorithm>
#include <iterator>

#include "edge/window/grid.h"
#include "edge/window/pane.h"
#include "edge/window/windower.h"

// Statistics of analysis blocks. Each goes to the windows of the block in which it begins, when it is complete: with a later
// block, unless that one holds all of it. Windows of a number of samples hold what comes, so it goes to the one that is being
// filled.
namespace stethos::edge {

void Windower::add_analysis(const Followed& followed, Pane& pane, const Samples& samples, const Analysis& analysis) {
  if (!followed.definition->shows_features) return;
  kernels::BlockStatistics statistics;
  statistics.features = analysis.features;
  add_block(pane.blocks, *samples.plan, statistics, analysis.start_ns, analysis.speed);
}

void Windower::add_own_analyses(const Followed& followed, Pane& pane, const Samples& samples) const {
  const bool takes_all = followed.definition->kind == schema::WindowKind::count;
  for (const Analysis& each : samples.analyses) {
    if (takes_all || each.block_ns == samples.time_ns) add_analysis(followed, pane, samples, each);
  }
}

// Before the block at hand moves the watermark.
void Windower::place_earlier_analyses(StreamRecord& stream, Followed& followed, const Samples& samples, Effect& effect) {
  if (followed.definition->kind == schema::WindowKind::count || !followed.definition->shows_features) return;
  for (const Analysis& each : samples.analyses) {
    if (each.block_ns == samples.time_ns) continue;
    const auto [start, pane] = pane_of(stream, followed, each.block_ns);
    if (pane == nullptr) {
      ++effect.totals[Counter::analysis_blocks_late];
      continue;
    }
    add_analysis(followed, *pane, samples, each);
    expect_row(stream, followed, start, *pane);
  }
}

// The one that holds what came at `time`; null: no window that may still change has it.
std::pair<TimeNs, Pane*> Windower::pane_of(const StreamRecord& stream, Followed& followed, TimeNs time) const {
  Panes& panes = *followed.panes;
  if (!accepts(stream, followed, time)) return {};
  auto own = panes.end();
  if (followed.definition->is_on_grid()) {
    own = panes.find(Grid(*followed.definition, stream.state.parts).slice_of(time));
  } else if (const auto later = panes.upper_bound(time); later != panes.begin()) {
    own = std::prev(later);
    if (time >= own->first + own->second.length_ns) own = panes.end();
  }
  if (own == panes.end() || !has_come(*own)) return {};
  return {own->first, &own->second};
}

}  // namespace stethos::edge
