// What an operator can set on an edge. Plain data; edge_config.cc declares each key once (type, default, unit, limits, a
// sentence), from which come the parser, `stethos-edge config show` and docs/config/edge.md.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/settings.h"
#include "edge/config/spectrum_config.h"
#include "edge/config/subscription.h"
#include "schemas/rows_generated.h"
#include "uplink/sender/outbox_source.h"

namespace stethos::edge {

enum class ClockRule : std::uint8_t { checked, trusted };

// [[window]]: one of length, gap and samples is given, the others are 0.
struct WindowConfig {
  DurationNs length = 0;      // tumbling or hopping
  DurationNs hop = 0;         // 0: tumbling
  DurationNs offset = 0;
  DurationNs gap = 0;         // session
  std::int64_t samples = 0;   // count
  DurationNs emit_every = 0;  // 0: never
  std::string quantity;       // only streams of this quantity; empty: all
  std::string device;         // only streams of this device; empty: all
  std::vector<std::string> statistics;  // names, as in gpu_kernels/statistics.h; empty: all
  std::vector<std::string> quantiles;   // "p95"
};

// [[limit]]: of one statistic of the streams and windows that the filters let pass. Values are in `unit`; of alert and danger
// at least one is given, the other is NaN.
struct LimitConfig {
  std::string statistic;      // a name, as in gpu_kernels/statistics.h
  std::string unit;           // of the statistic; streams in which it has another are not watched
  schema::LimitDirection direction = schema::LimitDirection::above;
  double alert = std::numeric_limits<double>::quiet_NaN();
  double danger = std::numeric_limits<double>::quiet_NaN();
  double deadband = 0;
  DurationNs on_delay = 0;
  DurationNs window = 0;      // only windows of this length; 0: of any
  std::string quantity;       // only streams of this quantity, device and channel; empty: all
  std::string device;
  std::string channel;
};

struct EdgeConfig {
  std::string node_id;
  std::string log_level;

  std::string mqtt_host;
  int mqtt_port = 0;
  std::string mqtt_former_client_id;
  std::string mqtt_client_id;       // empty: "stethos-edge-" and node_id
  std::string mqtt_user;            // empty: none
  std::string mqtt_password;        // the content of the file that mqtt.password_file names
  DurationNs mqtt_keep_alive = 0;
  DurationNs mqtt_reconnect_min = 0;
  DurationNs mqtt_reconnect_max = 0;
  DurationNs mqtt_session_expiry = 0;
  std::vector<SubscriptionConfig> subscriptions;

  std::int64_t ingest_message_bytes_max = 0;  // a larger payload is a dead letter
  std::int64_t ingest_queue_bytes_max = 0;    // payloads waiting between the MQTT thread and the core
  std::int64_t ingest_careful_messages = 0;   // taken one by one after a run that died
  std::int64_t ingest_devices_max = 0;
  std::int64_t ingest_streams_max = 0;
  DurationNs ingest_forget_after = 0;     // what has not spoken for so long is forgotten; 0: never
  std::int64_t ingest_forgotten_max = 0;  // devices, and streams, that are forgotten and stay on record

  std::string points_file;          // empty: none
  bool points_required = false;     // a stream without an entry is a dead letter

  ClockRule time_clock = ClockRule::checked;
  std::int64_t time_held_bytes_max = 0;  // messages held while the clock is not known to be right
  DurationNs time_future_max = 0;   // how far ahead of the arrival a stamp may be
  TimeNs time_earliest = 0;         // stamps before it are wrong
  DurationNs time_watermark_delay = 0;
  DurationNs time_lateness = 0;      // how long after its end a window is revised
  std::int64_t time_rebase_after = 0;  // late arrivals in a row; 0: never
  DurationNs time_idle_timeout = 0;  // 0: never
  std::vector<WindowConfig> windows;
  std::vector<LimitConfig> limits;
  std::vector<SpectrumConfig> spectra;
  std::vector<BearingConfig> bearings;
  DurationNs speed_age_max = 0;      // an older reading of a speed stream is not the speed of a block

  std::string backend;               // "best", or a name
  std::int64_t statistics_threads = 0;

  std::string spool_file;
  DurationNs spool_commit_interval = 0;
  std::int64_t spool_batch_bytes_max = 0;
  std::int64_t spool_bytes_max = 0;  // of rows and dead letters
  DurationNs spool_age_max = 0;      // of rows; 0: any
  std::int64_t spool_disk_free_bytes_min = 0;
  std::int64_t spool_dead_letters_max = 0;
  std::int64_t spool_dead_letter_bytes_max = 0;  // first bytes of a payload that a dead letter keeps

  std::string record_folder;         // empty: nothing is recorded
  std::int64_t record_bytes_max = 0;
  bool record_compact = true;

  bool uplink_enabled = false;
  std::string uplink_url;
  DurationNs uplink_timeout = 0;
  DurationNs uplink_interval = 0;   // how long rows may wait to be sent together
  DurationNs uplink_heartbeat = 0;  // an idle node sends an empty batch this often
  std::int64_t uplink_rows_max = 0;  // in one batch
  uplink::SendOrder uplink_order = uplink::SendOrder::oldest_first;
  std::int64_t uplink_bytes_per_s_max = 0;  // 0: as fast as it goes
  DurationNs uplink_backoff_min = 0;
  DurationNs uplink_backoff_max = 0;

  std::string republish_topic;      // empty: none; {device} and {channel} are replaced

  std::string health_host;
  int health_port = 0;              // 0: any free one, which is logged

  DurationNs shutdown_deadline = 0;
};

// Whatever it loads is right as a whole too: a JSON subscription has its fields and its device, no window is there twice, a
// limit has windows to watch, addresses that are not encrypted are loopback ones.
settings::Table<EdgeConfig> edge_config_table();

}  // namespace stethos::edge
