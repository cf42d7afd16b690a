// A limit of one statistic, as the windows of one definition are held against it: what a [[limit]] of the configuration
// becomes, once for each [[window]] that it watches. Plain data; its id is a hash of all that it says, and names it for ever.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"
#include "edge/config/edge_config.h"
#include "edge/config/parameter_text.h"
#include "edge/core/definition.h"
#include "edge/core/state.h"
#include "edge/ingest/point_table.h"
#include "gpu_kernels/statistics.h"

namespace stethos::edge {

struct Limit {
  std::uint64_t id = 0;
  std::uint64_t definition = 0;  // of the windows
  DurationNs length_ns = 0;      // of each
  StatisticName statistic;
  std::string unit;  // of the statistic and of the values below
  schema::LimitDirection direction = schema::LimitDirection::above;
  bool stays_exceeded = false;  // in a window, whatever else comes into it
  double alert = 0;   // NaN: there is none
  double danger = 0;  // NaN: there is none
  double deadband = 0;
  DurationNs on_delay_ns = 0;
  std::string quantity;  // the filter; empty: any
  std::string device;
  std::string channel;
};

// Whether the filter of a limit lets a stream, or an entry of the point table, pass; its unit is not asked for.
bool filter_takes(const auto& limit, const auto& stream) {
  return (limit.quantity.empty() || limit.quantity == stream.quantity) &&
         (limit.device.empty() || limit.device == stream.device) && (limit.channel.empty() || limit.channel == stream.channel);
}

// The configuration has been checked. Only windows on a grid are watched.
std::vector<Limit> limits_of(const std::vector<LimitConfig>& configured, const std::vector<WindowDefinition>& definitions);

// One for each limit of a statistic that is computed for none of the windows which it watches: it would never be passed.
std::vector<Error> limits_of_nothing(const EdgeConfig& config);

// One for each limit that lets a channel pass of which the point table says that it is in another unit.
std::vector<Error> limits_in_other_units(const std::vector<LimitConfig>& configured, const PointTable& points);

}  // namespace stethos::edge
