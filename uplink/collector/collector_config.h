// What an operator can set on a collector. Plain data; collector_config.cc declares each key once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/settings.h"
#include "uplink/collector/budgets.h"

namespace stethos::collector {

struct CollectorConfig {
  std::string listen_host;
  int listen_port = 0;  // 0: any free one, which is logged
  int listen_connections_max = 0;

  std::string store_file;
  Budgets budgets;
  std::vector<std::string> replays_nodes;  // whose windows a replay may replace

  std::int64_t body_bytes_max = 0;   // of a request, as it arrives
  std::int64_t batch_bytes_max = 0;  // of a batch, decompressed
  DurationNs header_timeout = 0;
  DurationNs request_timeout = 0;
  DurationNs idle_timeout = 0;

  std::string log_level;
  DurationNs shutdown_deadline = 0;
};

settings::Table<CollectorConfig> collector_config_table();

}  // namespace stethos::collector
