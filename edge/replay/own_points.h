// The point table of a replay: the configuration's, or what options and recordings say of themselves.
#pragma once

#include <expected>
#include <vector>

#include "edge/config/edge_config.h"
#include "edge/ingest/point_table.h"
#include "edge/replay/replay.h"

namespace stethos::edge {

// --machine and --bearing are of all channels that any of the recordings begins with. What a CWRU record says of its bearing is
// used where nothing else says which there is: the bearing is added to the configuration.
std::expected<PointTable, std::vector<Error>> points_of(EdgeConfig& config, const ReplayOptions& options);

}  // namespace stethos::edge
