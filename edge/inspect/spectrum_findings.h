// What a [[spectrum]] asks for and no block can have, as far as the configuration and the point table tell: the rest is told when
// blocks come (edge/never_defined.h). Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "edge/config/edge_config.h"
#include "edge/ingest/point_table.h"

namespace stethos::edge {

// Of the point table and of the subscriptions, a line each.
std::vector<std::string> spectrum_findings(const EdgeConfig& config, const PointTable& points);

// What it costs to join blocks: bytes that are written to the spool. Empty where none are.
std::vector<std::string> kept_blocks_notes(const EdgeConfig& config, const PointTable& points);

}  // namespace stethos::edge
