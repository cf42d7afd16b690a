#include "edge/run.h"

#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <thread>

#include "common/hash.h"
#include "common/log.h"
#include "common/signals.h"
#include "edge/core/core.h"
#include "edge/detect/limit.h"
#include "edge/health/health.h"
#include "edge/ingest/mqtt_port.h"
#include "edge/never_defined.h"
#include "edge/never_seen.h"
#include "edge/pipeline.h"
#include "edge/refusal_warnings.h"
#include "edge/replay/message_recorder.h"
#include "edge/replay/recording_port.h"
#include "edge/spool/sqlite_spool.h"
#include "edge/window/block_plans.h"
#include "edge/window/parameters.h"
#include "uplink/sender/curl_uplink.h"
#include "uplink/sender/sender.h"

namespace stethos::edge {
namespace {

// Waits for a stop signal beside the pipeline, which sleeps in its port, and wakes it.
class StopWatch {
 public:
  explicit StopWatch(MqttPort& port)
      : thread_([&port](const std::stop_token& ended) {
          constexpr int look_up_interval_ms = 200;
          pollfd waiting{stop_fd(), POLLIN, 0};
          while (!ended.stop_requested()) {
            if (::poll(&waiting, 1, look_up_interval_ms) <= 0) continue;
            port.wake();
            return;
          }
        }) {}

 private:
  std::jthread thread_;
};

// All that the configuration can bring forth.
Parameters parameters_of(const EdgeConfig& config) {
  Parameters out;
  for (const WindowConfig& window : config.windows) {
    for (const std::string& quantile : window.quantiles) out.add(quantile);
  }
  for (const auto& [statistic, text] : BlockPlans(config, {}).features()) out.add_feature(statistic, text);
  return out;
}

std::expected<PointTable, std::vector<Error>> check_points(const EdgeConfig& config,
                                                           std::expected<PointTable, std::vector<Error>> points) {
  auto errors = limits_of_nothing(config);
  if (parameters_of(config).is_full()) {
    errors.push_back({Code::invalid, "[[spectrum]]",
                      "bands, multiples and quantiles have more names than a row of " +
                          std::to_string(Parameters::bytes_max >> 10) + " KiB holds: they must be fewer or shorter"});
  }
  if (!points) {
    std::ranges::move(points.error(), std::back_inserter(errors));
    return std::unexpected(std::move(errors));
  }
  std::ranges::move(limits_in_other_units(config.limits, *points), std::back_inserter(errors));
  for (const PointEntry* entry : points->latest()) {
    if (entry->bearing.empty() || std::ranges::count(config.bearings, entry->bearing, &BearingConfig::name) > 0) continue;
    errors.push_back({Code::invalid, config.points_file,
                      entry->device + "/" + entry->channel + " has the bearing " + entry->bearing +
                          ", and no [[bearing]] of the configuration is called that"});
  }
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return points;
}

}  // namespace

std::expected<PointTable, std::vector<Error>> load_points(const EdgeConfig& config) {
  return check_points(config, config.points_file.empty() ? PointTable() : PointTable::load(config.points_file));
}

std::expected<PointTable, std::vector<Error>> parse_points(const EdgeConfig& config, const std::string& csv) {
  return check_points(config, PointTable::parse(csv, "the point table"));
}

Exit stop_with(Exit exit, const Error& error) {
  spdlog::error("{}", error.text());
  return exit;
}

Exit exit_of(const Error& error) {
  if (error.code == Code::unbalanced) return Exit::unbalanced;
  return error.doing.starts_with("computing") ? Exit::backend : Exit::spool;
}

SpoolBudget budget_of(const EdgeConfig& config) {
  return {.bytes_max = static_cast<std::uint64_t>(config.spool_bytes_max),
          .age_max = config.spool_age_max,
          .clock = &system_clock(),
          .dead_letters_max = static_cast<std::uint64_t>(config.spool_dead_letters_max),
          .forgotten_max = static_cast<std::uint64_t>(config.ingest_forgotten_max)};
}

uplink::SenderConfig sender_config(const EdgeConfig& config, const std::string& spool_identity) {
  uplink::SenderConfig sender;
  sender.node = config.node_id;
  sender.interval = config.uplink_interval;
  sender.heartbeat = config.uplink_heartbeat;
  sender.rows_max = static_cast<std::size_t>(config.uplink_rows_max);
  sender.order = config.uplink_order;
  sender.bytes_per_s_max = static_cast<std::uint64_t>(config.uplink_bytes_per_s_max);
  sender.backoff_min = config.uplink_backoff_min;
  sender.backoff_max = config.uplink_backoff_max;
  sender.jitter_seed = hash_of(spool_identity);
  return sender;
}

Exit run_edge(const settings::Loaded<EdgeConfig>& loaded) {
  const EdgeConfig& config = loaded.config;
  const Clock& clock = system_clock();
  NodeClock node_clock(clock, config.time_clock == ClockRule::trusted);
  catch_stop_signals();

  if (config.subscriptions.empty()) {
    return stop_with(Exit::config, {Code::invalid, "starting",
                                    "the configuration has no [[subscription]]: without one there is "
                                    "nothing to take, and it is for replay alone"});
  }
  auto points = load_points(config);
  if (!points) {
    for (const Error& error : points.error()) spdlog::error("{}", error.text());
    return Exit::config;
  }
  auto backend = kernels::make_backend(config.backend, static_cast<std::size_t>(config.statistics_threads));
  if (backend == nullptr)
    return stop_with(Exit::backend, {Code::not_found, "starting the backend " + config.backend, "no such backend"});

  auto opened = SqliteSpool::open_or_set_aside(config.spool_file, clock.now(), budget_of(config));
  if (!opened) return stop_with(Exit::spool, opened.error());
  if (!opened->set_aside.empty()) {
    spdlog::error("the spool {} is damaged and was set aside as {}; a new one is begun: {}", config.spool_file, opened->set_aside,
                  opened->damage);
  }
  SqliteSpool& spool = *opened->spool;
  spdlog::info("node {} spool {} identity {} backend {} config {:016x}", config.node_id, config.spool_file,
               spool.spool_identity(), backend->variant(), loaded.hash);

  if (!opened->saved.position.empty()) {
    return stop_with(Exit::spool, {Code::invalid, "opening the spool " + config.spool_file,
                                   "it is that of a replay of " + parse_place(opened->saved.position).name});
  }

  if (auto claimed = spool.claim(config.node_id); !claimed) {
    return stop_with(claimed.error().code == Code::invalid ? Exit::config : Exit::spool, claimed.error());
  }

  Suspects suspects = std::move(opened->saved.suspects);
  SessionRecord sessions = std::move(opened->saved.sessions);
  NeverSeen never_seen(config, *points, clock, [](const std::string& line) { spdlog::warn("{}", line); });
  RefusalWarnings refusals(config, clock);
  Core core(config, loaded.hash, std::move(*points), std::move(backend), std::move(opened->saved), spool, "live");
  core.set_watcher(never_seen);
  NeverDefined never_defined([](const std::string& line) { spdlog::warn("{}", line); });
  core.set_watcher(never_defined);

  std::unique_ptr<MessageRecorder> recorder;
  if (!config.record_folder.empty()) {
    auto made = MessageRecorder::open({.folder = config.record_folder,
                                       .compact = config.record_compact,
                                       .bytes_max = static_cast<std::uint64_t>(config.record_bytes_max)});
    if (!made) return stop_with(Exit::recording, made.error());
    recorder = std::move(*made);
    core.set_recorder(*recorder);
  }

  std::unique_ptr<uplink::Uplink> uplink;
  std::unique_ptr<uplink::Sender> sender;
  if (config.uplink_enabled) {
    auto made = uplink::CurlUplink::create(config.uplink_url, config.uplink_timeout);
    if (!made) return stop_with(Exit::config, made.error());
    uplink = std::move(*made);
    sender = std::make_unique<uplink::Sender>(sender_config(config, spool.spool_identity()), spool, *uplink, clock);
    sender->set_listener([&node_clock](const uplink::CollectorTime& time) { node_clock.hear(time); });
  }

  const bool last_run_died = spool.begin_run();
  const auto careful_messages = last_run_died ? static_cast<std::uint64_t>(config.ingest_careful_messages) : 0;
  auto port = MqttPort::open(config, clock, std::move(sessions), careful_messages,
                             [&spool](const SessionRecord& record) { return spool.note(record); });
  if (!port) {
    if (!last_run_died) spool.end_run();
    return stop_with(Exit::config, port.error());
  }
  Pipeline pipeline({.commit_interval = config.spool_commit_interval,
                     .republish_topic = config.republish_topic,
                     .disk_free_bytes_min = static_cast<std::uint64_t>(config.spool_disk_free_bytes_min),
                     .held_bytes_max = static_cast<std::uint64_t>(config.time_held_bytes_max),
                     .last_run_died = last_run_died,
                     .careful_messages = careful_messages,
                     .before_commit = {}},
                    std::move(suspects), core, **port, spool, node_clock, [&](const Effect& effect) {
                      if (recorder != nullptr) recorder->flush();
                      for (const std::string& line : refusals.take(effect.dead_letters)) spdlog::warn("{}", line);
                      if (sender != nullptr && !effect.rows.empty()) sender->notify();
                    });
  if (!opened->set_aside.empty()) {
    schema::EventRowT event;
    event.kind = schema::EventKind::spool_set_aside;
    event.detail = opened->set_aside + ": " + opened->damage;
    pipeline.note_event(std::move(event));
  }
  const Health health(pipeline, **port, spool, !opened->set_aside.empty(), sender.get(), recorder.get(), never_seen,
                      config.spool_commit_interval, clock);
  auto listener = HttpListener::start(config.health_host, config.health_port,
                                      [&health](std::string_view path) { return health.answer(path); });
  if (!listener) {
    spool.end_run();
    return stop_with(Exit::listener, listener.error());
  }
  spdlog::info("health on {}:{}", config.health_host, (*listener)->port());

  if (sender != nullptr) sender->start();
  const StopWatch watch(**port);
  const Status ran = pipeline.run(stop_requested, config.shutdown_deadline);
  if (sender != nullptr) sender->stop(config.shutdown_deadline);
  Exit exit = Exit::ok;
  if (ran) {
    port->reset();
    spdlog::info("stopped");
  } else {
    // The connection is just dropped: an orderly end could acknowledge what the port holds back.
    exit = stop_with(exit_of(ran.error()), ran.error());
  }
  // A message whose counts do not agree is one that the process dies of: the next start looks for it.
  if (exit != Exit::unbalanced) spool.end_run();
  // civetweb and Paho take seconds to stop their threads, which hold nothing that matters any more.
  std::quick_exit(static_cast<int>(exit));
}

}  // namespace stethos::edge
