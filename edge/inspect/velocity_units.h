// What yields no velocity though a [[spectrum]] asks for one: its unit is none of acceleration. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "edge/config/edge_config.h"
#include "edge/ingest/point_table.h"

namespace stethos::edge {

// Of the point table and of the subscriptions, a line each.
std::vector<std::string> without_velocity(const EdgeConfig& config, const PointTable& points);

}  // namespace stethos::edge
