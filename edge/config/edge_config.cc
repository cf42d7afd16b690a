#include "edge/config/edge_config.h"

#include <limits>

#include "edge/config/edge_rules.h"
#include "edge/config/spectrum_config.h"
#include "gpu_kernels/backend.h"
#include "schemas/envelope.h"

namespace stethos::edge {
namespace {

using settings::required;
using settings::TextLimits;

constexpr std::size_t subscriptions_max = 64;
constexpr std::size_t windows_max = 16;
constexpr std::size_t limits_max = 64;
constexpr std::size_t spectra_max = 8;
constexpr std::size_t bearings_max = 256;

settings::Table<WindowConfig> window_table() {
  using Config = WindowConfig;
  settings::Table<Config> table("window", "One way to cut the time of streams into windows.");
  table.duration(
      "length", &Config::length, "0s", {"0s", "366d"},
      "How long a window is, at least 1 ms; the next one starts where it ends, unless `hop` says otherwise. Each window "
      "has one of `length`, `gap` and `samples`.");
  table.duration("hop", &Config::hop, "0s", {"0s", "366d"},
                 "How long after a window starts the next one does, where they overlap (hopping windows); at least 1 ms and a "
                 "thousandth of the length; 0: they do not overlap.");
  table.duration("offset", &Config::offset, "0s", {"0s", "366d"},
                 "How far the starts of windows are moved from multiples of the length, or of the hop, since 1970 UTC; less than "
                 "that.");
  table.duration("gap", &Config::gap, "0s", {"0s", "366d"},
                 "Session windows: one lasts until its stream pauses for so long, at least 1 ms.");
  table.integer("samples", &Config::samples, 0, {0, 1'000'000'000'000},
                "Count windows: one ends with the block that brings it so many samples. Devices that number their messages are "
                "taken in that order: what comes before its turn is left to be sent again.");
  table.duration("emit_every", &Config::emit_every, "0s", {"0s", "366d"},
                 "How often a window that is not finished is sent as it is, marked open, by the time of its stream and at least "
                 "1 ms; 0: only when the stream is idle.");
  table.text("quantity", &Config::quantity, "", TextLimits{.check = objection_to_name},
             "Only streams of this quantity; empty: of any.");
  table.text("device", &Config::device, "", TextLimits{.check = objection_to_plant_name},
             "Only streams of this device; empty: of any.");
  table.texts("statistics", &Config::statistics, std::vector<std::string>{}, {.count_max = 64, .check = objection_to_statistic},
              "The statistics that a row shows, by their names in [statistics](../statistics.md); empty: all of them. What "
              "windows are merged "
              "from is always kept.");
  table.texts(
      "quantiles", &Config::quantiles, std::vector<std::string>{}, {.count_max = 32, .check = objection_to_percentile},
      "Quantiles that a row shows, by percent: `p1`, `p50`, `p99.9`. They come from counts of samples in buckets, which the "
      "row then carries as well, so that they can be computed for merged windows.");
  table.check(check_window);
  return table;
}

settings::Table<LimitConfig> limit_table() {
  using Config = LimitConfig;
  constexpr double not_given = std::numeric_limits<double>::quiet_NaN();
  const settings::NumberLimits any_number(-1e300, 1e300);
  settings::Table<Config> table("limit", "A limit of one statistic.");
  table.text(
      "statistic", &Config::statistic, required, TextLimits{.check = objection_to_limit_statistic},
      "The statistic that is watched, by its name in [statistics](../statistics.md); with its parameter behind a dot, as in "
      "`quantile.p95`, and of a statistic of single blocks with what the window has of it, as in "
      "`vibration_velocity.10-1000Hz.max`.");
  table.text("unit", &Config::unit, required, TextLimits{.check = objection_to_unit},
             "The unit of the statistic and of the values here: that of the samples, or `1` where the statistic is a ratio or a "
             "number of samples. Streams in another unit are not watched, and counted.");
  table.choice("direction", &Config::direction, "above",
               {{"above", schema::LimitDirection::above}, {"below", schema::LimitDirection::below}},
               "On which side of the values the statistic exceeds them.");
  table.number("alert", &Config::alert, not_given, any_number,
               "The value beyond which the alarm is at ALERT; nan: there is none.");
  table.number("danger", &Config::danger, not_given, any_number,
               "The value beyond which it is at DANGER, further out than `alert`; nan: there is none. One of the two is needed.");
  table.number("deadband", &Config::deadband, 0, {0, 1e300},
               "How far the statistic must come back behind a value before the alarm leaves that level.");
  table.duration(
      "on_delay", &Config::on_delay, "0s", {"0s", "366d"},
      "How long a value must stay exceeded before the alarm takes that level, from the start of one window to the start of "
      "another; 0: at once.");
  table.duration("window", &Config::window, "0s", {"0s", "366d"},
                 "Only windows of this length are looked at; 0: all that have one. Each kind of window has alarms of its own.");
  table.text("quantity", &Config::quantity, "", TextLimits{.check = objection_to_name},
             "Only streams of this quantity; empty: of any.");
  table.text("device", &Config::device, "", TextLimits{.check = objection_to_plant_name},
             "Only streams of this device; empty: of any.");
  table.text("channel", &Config::channel, "", TextLimits{.check = objection_to_plant_name},
             "Only streams of this channel; empty: of any.");
  table.check(check_limit);
  return table;
}

void add_intake(settings::Table<EdgeConfig>& table) {
  using Config = EdgeConfig;
  table.text("mqtt.host", &Config::mqtt_host, "127.0.0.1", {.bytes_min = 1, .bytes_max = 255, .check = objection_to_host},
             "Host name or address of the broker. The connection is not encrypted yet: keep it on this machine or in a network "
             "you trust.");
  table.integer("mqtt.port", &Config::mqtt_port, 1883, {1, 65'535}, "Port of the broker.");
  table.text("mqtt.client_id", &Config::mqtt_client_id, "", TextLimits{.check = objection_to_name},
             "What the broker keeps the session under: no two clients may share one; empty: `stethos-edge-` and `node.id`. "
             "Under another one a spool is refused that has a session here: see `mqtt.former_client_id`.");
  table.text("mqtt.former_client_id", &Config::mqtt_former_client_id, "", TextLimits{.check = objection_to_name},
             "The client id that the node had before: what the broker has queued under it is given up, and not taken even if "
             "the node gets that id again. Needed once, after a change of `mqtt.client_id`.");
  table.text("mqtt.user", &Config::mqtt_user, "", "The user name for the broker; empty: none.");
  table.secret_file("mqtt.password_file", &Config::mqtt_password, "", "The password for the broker; empty: none.");
  table.duration("mqtt.keep_alive", &Config::mqtt_keep_alive, "30s", {"1s", "1h"},
                 "How long the connection may be silent before it is probed, in whole seconds.");
  table.duration("mqtt.reconnect_min", &Config::mqtt_reconnect_min, "500ms", {"10ms", "1h"},
                 "How long to wait before the first attempt to connect again; each further wait is twice as long.");
  table.duration("mqtt.reconnect_max", &Config::mqtt_reconnect_max, "30s", {"10ms", "1h"},
                 "The longest wait between two attempts.");
  table.duration(
      "mqtt.session_expiry", &Config::mqtt_session_expiry, "7d", {"1s", "365d"},
      "How long the broker is asked to keep the session, and what it has for us, while we are away, in whole seconds.");
  table.list("subscription", &Config::subscriptions, subscription_table(), {.count_max = subscriptions_max},
             "A topic filter to subscribe to, and how to read what comes through it. `run` needs at least one, `replay` none.");

  table.bytes("ingest.message_bytes_max", &Config::ingest_message_bytes_max, "8 MiB", {"1 KiB", "256 MiB"},
              "The largest payload that is read; a larger one becomes a dead letter.");
  table.bytes(
      "ingest.queue_bytes_max", &Config::ingest_queue_bytes_max, "64 MiB", {"1 KiB", "4 GiB"},
      "How much may wait in memory between the connection and the core; when it is full, nothing more is read and the "
      "broker queues. When it is half full, a device that holds more than half as much again as its share is crowded out: "
      "devices of our protocol send again, messages of QoS 0 are lost, counted; of QoS 1 with `on_arrival` they are given up, "
      "with a dead letter that counts them.");
  table.integer(
      "ingest.careful_messages", &Config::ingest_careful_messages, 1'000, {0, 10'000'000},
      "After a run that died (was killed, or crashed) so many messages are taken one by one, each written down before it "
      "is processed, so that one which stops the process again and again is found and set aside; 0: none.");
  table.integer("ingest.devices_max", &Config::ingest_devices_max, 10'000, {1, 1'000'000},
                "How many devices are followed; a message of one more becomes a dead letter.");
  table.integer("ingest.streams_max", &Config::ingest_streams_max, 50'000, {1, 10'000'000},
                "How many streams are followed; samples of one more are rejected.");
  table.duration(
      "ingest.forget_after", &Config::ingest_forget_after, "90d", {"0s", "3650d"},
      "A stream that nothing has come for in so long, and a device that has not spoken in so long, are forgotten and "
      "no longer count towards `streams_max` and `devices_max`: what was open of them is sent as it is, and what is "
      "needed to go on where they ended stays on record in the spool; 0: never. At least the longest window (or gap), the "
      "delay, the lateness and the idle timeout together, and an hour.");
  table.integer("ingest.forgotten_max", &Config::ingest_forgotten_max, 10'000, {0, 1'000'000},
                "How many forgotten streams, and as many devices, stay on record. Beyond it those that were forgotten first "
                "are not known any more: one that returns is a new one, and what it sends again is counted again.");

  table.file(
      "points.file", &Config::points_file, "",
      "The [point table](../point-table.md), a CSV with a heading: which machine and point a device's channel stands for; empty: "
      "none.");
  table.boolean("points.required", &Config::points_required, false,
                "Whether a stream that the point table does not have is rejected, instead of being named after its device.");
}

void add_time(settings::Table<EdgeConfig>& table) {
  using Config = EdgeConfig;
  table.choice(
      "time.clock", &Config::time_clock, "checked", {{"checked", ClockRule::checked}, {"trusted", ClockRule::trusted}},
      "Whether this machine's clock is right from the start. `checked`: not before the system says that it is in step with "
      "a time server, or a collector on another machine shows the same time within a minute; until then stamps of devices "
      "are not judged by it, and messages that are stamped by their arrival are held. `trusted`: always, whatever it "
      "shows, as where it has a battery and no time server.");
  table.bytes("time.held_bytes_max", &Config::time_held_bytes_max, "4 MiB", {"1 KiB", "4 GiB"},
              "How much may be held in memory of messages that are stamped by their arrival while the clock is not known to be "
              "right; beyond it, and what was queued by then, the node takes no messages at all: the broker queues.");
  table.duration("time.future_max", &Config::time_future_max, "5m", {"0s", "365d"},
                 "How far ahead of its arrival a stamp may be; what is further ahead is rejected, unless the clock is not known "
                 "to be right.");
  table.time("time.earliest", &Config::time_earliest, "2000-01-01", {"1970-01-01", "2200-01-01"},
             "Stamps before this are rejected: the clock that made them was not set.");
  table.duration("time.watermark_delay", &Config::time_watermark_delay, "5s", {"0s", "365d"},
                 "How long after the newest stamp of a stream older ones are waited for before a window is final.");
  table.duration(
      "time.lateness", &Config::time_lateness, "60s", {"0s", "1d"},
      "How long after its end a window is still revised for what comes; what comes later is counted as late and kept as "
      "a dead letter.");
  table.integer("time.rebase_after", &Config::time_rebase_after, 20, {0, 1'000'000},
                "A clock that jumped ahead and came back: after how many late blocks or readings in a row, none older than the "
                "one before, their stream goes back to them if it had jumped over their time; 0: never.");
  table.duration("time.idle_timeout", &Config::time_idle_timeout, "30s", {"0s", "365d"},
                 "After how long a silence an unfinished window is sent as it is, marked open; 0: never.");
  table.list("window", &Config::windows, window_table(), {.count_min = 1, .count_max = windows_max},
             "A way to cut the time of streams into windows; each stream is counted in every one that takes it.");
  table.list("limit", &Config::limits, limit_table(), {.count_max = limits_max},
             "A limit that windows are held against: [alarms](../alarms.md) says how.");

  table.list("spectrum", &Config::spectra, spectrum_table(), {.count_max = spectra_max},
             "What is computed of each block of some streams: a window has the mean (of amplitudes the root of the mean of "
             "squares), the maximum and the last of it.");
  table.list("bearing", &Config::bearings, bearing_table(), {.count_max = bearings_max}, "A kind of bearing.");
  table.duration("speed.age_max", &Config::speed_age_max, "60s", {"0s", "1d"},
                 "How old the reading of a speed stream may be when a block begins.");

  std::vector<std::string> backends{"best"};
  for (const auto name : kernels::backend_names()) backends.emplace_back(name);
  table.one_of("statistics.backend", &Config::backend, "best", backends,
               "What computes the statistics of blocks; one that is named and not there is an error, never replaced by another.");
  table.integer("statistics.threads", &Config::statistics_threads, 1, {1, 256},
                "How many threads compute the statistics of blocks; the numbers do not depend on it.");
}

void add_output(settings::Table<EdgeConfig>& table) {
  using Config = EdgeConfig;
  table.file("spool.file", &Config::spool_file, "/var/lib/stethos/edge.db",
             "The SQLite file that holds the state and all that waits for the collector; made when it is not there.");
  table.duration(
      "spool.commit_interval", &Config::spool_commit_interval, "1s", {"1ms", "1m"},
      "How long what has arrived may wait for its commit; shorter wears flash memory more. Messages that are acknowledged after "
      "the commit do not wait for it.");
  table.bytes("spool.batch_bytes_max", &Config::spool_batch_bytes_max, "16 MiB", {"1 KiB", "1 GiB"},
              "How much of what has arrived makes a commit before its time.");
  table.bytes(
      "spool.bytes_max", &Config::spool_bytes_max, "1 GiB", {"1 MiB", "1 TiB"},
      "How much rows and dead letters may take. Beyond it go, oldest first and counted: rows that the collector has, dead "
      "letters, then rows that it does not have, alarms last; those become gaps.");
  table.duration("spool.age_max", &Config::spool_age_max, "0s", {"0s", "3650d"},
                 "How old a row may become, whether the collector has it or not; 0: as old as it likes. Nothing goes while the "
                 "clock is not known to be right.");
  table.bytes(
      "spool.disk_free_bytes_min", &Config::spool_disk_free_bytes_min, "64 MiB", {"0 B", "1 TiB"},
      "With less room on the spool's disk the node disconnects from the broker, commits what it has taken, and comes back "
      "by itself once there is a quarter more, or 16 MiB; 0: it goes on until the disk is full.");
  table.integer("spool.dead_letters_max", &Config::spool_dead_letters_max, 10'000, {0, 10'000'000},
                "How many dead letters are kept; beyond it the oldest go, counted.");
  table.bytes("spool.dead_letter_bytes_max", &Config::spool_dead_letter_bytes_max, "32 KiB", {"0 B", "8 MiB"},
              "How many of the first bytes of its payload a dead letter keeps; one that is kept whole can be put through again.");

  table.file(
      "record.folder", &Config::record_folder, "",
      "The folder that everything which comes is recorded in, for `stethos-edge replay`; made when it is not there; empty: "
      "nothing is recorded.");
  table.bytes("record.bytes_max", &Config::record_bytes_max, "1 GiB", {"128 MiB", "1 TiB"},
              "How much the recording may take; then its oldest files go.");
  table.boolean(
      "record.compact", &Config::record_compact, true,
      "Whether waveforms of short decimals are compressed, to a third and without loss, for some of the processor's time.");

  table.boolean("uplink.enabled", &Config::uplink_enabled, true,
                "Whether rows are sent to a collector; if not, they stay in the spool.");
  table.text("uplink.url", &Config::uplink_url, "http://127.0.0.1:8090",
             TextLimits{.bytes_min = 1, .check = objection_to_uplink_url},
             "The collector: scheme, host and port. Only plain http to a loopback address is built yet.");
  table.duration("uplink.timeout", &Config::uplink_timeout, "30s", {"100ms", "1h"}, "How long one request may take in all.");
  table.duration("uplink.interval", &Config::uplink_interval, "1s", {"0s", "1d"}, "How long rows may wait to be sent together.");
  table.duration("uplink.heartbeat", &Config::uplink_heartbeat, "60s", {"1s", "1d"},
                 "How often an idle node sends an empty batch.");
  table.integer("uplink.rows_max", &Config::uplink_rows_max, 5'000, {1, std::int64_t{schema::rows_per_batch_max}},
                "The most rows in one request.");
  table.choice("uplink.order", &Config::uplink_order, "oldest_first",
               {{"oldest_first", uplink::SendOrder::oldest_first}, {"live_first", uplink::SendOrder::live_first}},
               "Which rows of a backlog are sent first.");
  table.bytes("uplink.bytes_per_s_max", &Config::uplink_bytes_per_s_max, "0 B", {"0 B", "10 GiB"},
              "The most that is sent in a second, on average, compressed; 0: as fast as it goes.");
  table.duration("uplink.backoff_min", &Config::uplink_backoff_min, "500ms", {"10ms", "1d"},
                 "How long to wait after a request that failed; each further wait is twice as long.");
  table.duration("uplink.backoff_max", &Config::uplink_backoff_max, "60s", {"10ms", "1d"},
                 "The longest wait after a request that failed.");

  table.text("republish.topic", &Config::republish_topic, "", TextLimits{.check = objection_to_republish_topic},
             "The topic that window rows are also published to, as [JSON](../spool.md#windows-published-again) at QoS 0; "
             "`{device}` and `{channel}` are replaced; empty: none.");

  table.text("health.host", &Config::health_host, "127.0.0.1", TextLimits{.bytes_min = 1, .check = objection_to_loopback_host},
             "The loopback address that `/livez`, `/readyz` and `/metrics` are served on.");
  table.integer("health.port", &Config::health_port, 8091, {0, 65'535}, "Their port; 0: any free one, which is logged.");
}

}  // namespace

settings::Table<EdgeConfig> edge_config_table() {
  using Config = EdgeConfig;
  settings::Table<Config> table(
      "stethos-edge",
      "The edge takes readings and waveforms from MQTT, turns them into windows of statistics, and keeps those until "
      "the collector has them.");
  table.text("node.id", &Config::node_id, required, TextLimits{.check = objection_to_name},
             "The name of this node, which no other node of the collector may have. Its spool keeps it: under another name it "
             "does not start.");
  table.one_of("log.level", &Config::log_level, "info", {"trace", "debug", "info", "warn", "error"}, "What is logged.");
  add_intake(table);
  add_time(table);
  add_output(table);
  table.duration(
      "shutdown.deadline", &Config::shutdown_deadline, "10s", {"0s", "10m"},
      "How long the node may take to finish what it has when it is asked to stop. What is left then and is not kept by "
      "its sender (QoS 0, and QoS 1 with `on_arrival`) is given up, with a dead letter for each topic that counts it.");
  table.check(check_across);
  return table;
}

}  // namespace stethos::edge
