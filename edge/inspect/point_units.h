// Where the point table and the subscriptions contradict each other: samples that the table would refuse, whoever sends them.
// Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "common/clock.h"
#include "edge/config/edge_config.h"
#include "edge/ingest/point_table.h"

namespace stethos::edge {

struct UnitContradictions {
  // Of channels that come by subscriptions that say another quantity or unit, and by no other.
  std::vector<std::string> sure;
  // Of channels that may come by such, if their device does not speak our own protocol; and of what will be valid only later, for
  // the subscriptions may have changed by then.
  std::vector<std::string> possible;
  // Channels that no subscription has.
  std::vector<std::string> unheard;
};

// Of the entries that are valid at `now_ns` or later; of a clock that is before time.earliest, and so was not set, of the latest.
UnitContradictions unit_contradictions(const EdgeConfig& config, const PointTable& points, TimeNs now_ns);

}  // namespace stethos::edge
