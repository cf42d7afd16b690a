// `stethos-edge try --listen`: hears for a while what the broker delivers by the filters of the configuration, at QoS 0 and
// beside the node's session, which it leaves alone.
#pragma once

#include <iosfwd>

#include "common/clock.h"
#include "edge/config/edge_config.h"
#include "edge/ingest/point_table.h"
#include "edge/run.h"

namespace stethos::edge {

// Until `duration` has passed, a signal asks it to stop, or the connection is lost.
Exit listen(const EdgeConfig& config, const PointTable& points, DurationNs duration, std::ostream& out);

}  // namespace stethos::edge
