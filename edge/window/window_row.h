// A window, merged into one pane, as the row that the collector gets.
#pragma once

#include "edge/config/parameter_text.h"
#include "edge/core/definition.h"
#include "edge/core/state.h"
#include "edge/window/parameters.h"
#include "schemas/rows_generated.h"

namespace stethos::edge {

// What a row says beyond its stream and its pane.
struct RowContext {
  const WindowDefinition* definition = nullptr;
  const Parameters* parameters = nullptr;  // null: statistics that have one are left out
  std::uint64_t expected = 0;  // samples; 0: not declared
  std::uint64_t stream_version = 0;
  std::uint64_t provenance = 0;
  schema::WindowState state = schema::WindowState::final;
  TimeNs closed_ns = 0;
  bool clock_untrusted = false;  // closed_ns is by a clock that is not known to be right
  bool incomplete = false;  // samples came for it while its definition was not configured
};

// committed_ns is left to whoever commits.
schema::WindowRowT window_row(const Stream& stream, TimeNs start_ns, const Pane& whole, const RowContext& context);

// NaN where it is not defined, or not computed.
double value_of(const StatisticName& name, const kernels::Moments& moments, const BlockSummary& blocks);

}  // namespace stethos::edge
