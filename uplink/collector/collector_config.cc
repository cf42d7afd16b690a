#include "uplink/collector/collector_config.h"

#include <string>

#include "common/loopback.h"
#include "schemas/envelope.h"
#include "schemas/names.h"

namespace stethos::collector {

settings::Table<CollectorConfig> collector_config_table() {
  using Config = CollectorConfig;
  settings::Table<Config> table("stethos-collector",
                                "The collector takes batches from edges, keeps their rows in one file, and serves them.");

  table.text("listen.host", &Config::listen_host, "127.0.0.1",
             {.check =
                  [](std::string_view host) {
                    return std::string(is_loopback(host) ? "" : "must be a loopback address: connections are not encrypted");
                  }},
             "The address to listen on.");
  table.integer("listen.port", &Config::listen_port, 8090, {0, 65'535},
                "The port to listen on; 0: any free one, which is logged.");
  table.integer("listen.connections_max", &Config::listen_connections_max, 64, {1, 10'000},
                "How many connections may be open at once; further ones are closed.");

  table.file("store.file", &Config::store_file, settings::required, "The file that holds everything; made when it is not there.");
  const auto tier = [&](const std::string& name, Budget Budgets::* budget, const char* bytes_max, const char* age_max,
                        const std::string& then) {
    table.bytes(
        "store." + name + "_bytes_max", [budget](Config& config) -> std::int64_t& { return (config.budgets.*budget).bytes_max; },
        bytes_max, {"64 KiB", "64 TiB"}, "How many bytes the rows of " + name + " may have; beyond it the oldest " + then + ".");
    table.duration(
        "store." + name + "_age_max", [budget](Config& config) -> DurationNs& { return (config.budgets.*budget).age_max; },
        age_max, {"1m", "36500d"}, "How old " + name + " may be; older ones " + then + ".");
  };
  tier("windows", &Budgets::windows, "4 GiB", "90d", "are merged into hours");
  tier("hours", &Budgets::hours, "1 GiB", "730d", "are merged into days");
  tier("days", &Budgets::days, "1 GiB", "7300d", "are dropped");
  tier("alarms", &Budgets::alarms, "256 MiB", "3650d", "are dropped, active ones only for their bytes");
  tier("events", &Budgets::events, "256 MiB", "730d", "are dropped, and gaps with them");

  table.texts(
      "replays.nodes", &Config::replays_nodes, std::vector<std::string>{},
      {.count_max = 1'000,
       .check = [](std::string_view name) { return std::string(schema::is_name(name) ? "" : "must be the name of a node"); }},
      "The nodes whose windows `stethos-edge replay --replaces` may replace.");

  table.bytes(
      "limits.body", &Config::body_bytes_max, "8 MiB", {"1 KiB", "32 MiB"},
      "The largest body of a request, as it arrives. Times listen.connections_max it bounds the memory that requests take.");
  table.bytes("limits.batch", &Config::batch_bytes_max, "32 MiB", {"1 KiB", "32 MiB"}, "The largest batch, decompressed.");
  static_assert(schema::uplink_batch_bytes_max == 32u << 20, "the limit above");
  table.duration("limits.header_timeout", &Config::header_timeout, "10s", {"100ms", "10m"},
                 "How long the header of a connection's first request may take.");
  table.duration("limits.request_timeout", &Config::request_timeout, "60s", {"100ms", "10m"},
                 "How long the body of a request may take, and then the answer to leave.");
  table.duration("limits.idle_timeout", &Config::idle_timeout, "120s", {"100ms", "1h"},
                 "How long a connection may stay open until its next request is there.");

  table.one_of("log.level", &Config::log_level, "info", {"trace", "debug", "info", "warn", "error"}, "What is logged.");
  table.duration("shutdown.deadline", &Config::shutdown_deadline, "5s", {"0s", "5m"},
                 "How long requests under way may take to end when the collector is asked to stop.");
  return table;
}

}  // namespace stethos::collector
