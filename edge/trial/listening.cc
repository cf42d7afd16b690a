#include "edge/trial/listening.h"

#include <algorithm>
#include <atomic>
#include <iostream>
#include <utility>
#include <vector>

#include "common/signals.h"
#include "common/time_text.h"
#include "edge/ingest/handover.h"
#include "edge/ingest/passing_client.h"
#include "edge/node_clock.h"
#include "edge/trial/listen_report.h"

namespace stethos::edge {
namespace {

constexpr DurationNs look_interval = 100 * ns_per_ms;

// What stands between Paho's thread and this one. Once it has ended, what comes is left.
class Ear {
 public:
  explicit Ear(const EdgeConfig& config)
      : handover_(static_cast<std::size_t>(config.ingest_queue_bytes_max), static_cast<std::size_t>(config.spool_batch_bytes_max),
                  system_clock()) {}

  void hear(Message message) {
    if (has_ended_) return;
    message.arrived_monotonic = system_clock().monotonic();
    handover_.put(std::move(message), Handover::Crowded::refused);
  }

  std::vector<Message> poll(DurationNs timeout) {
    std::vector<Message> batch;
    handover_.poll(timeout, batch);
    return batch;
  }

  void end() {
    has_ended_ = true;
    do {
      poll(0);  // whoever waits for room has it now
    } while (handover_.status().queue_bytes > 0);
  }

  std::uint64_t left_out() const { return handover_.status().messages_refused; }

 private:
  Handover handover_;
  std::atomic<bool> has_ended_ = false;
};

// How many of the filters are granted; what the others were refused for is told.
std::size_t subscribe_all(const EdgeConfig& config, PassingClient& client) {
  std::size_t granted = 0;
  for (const SubscriptionConfig& each : config.subscriptions) {
    const auto done = client.subscribe(each.topic, 0);
    if (done) ++granted;
    if (!done) std::cerr << done.error().text() << '\n';
  }
  return granted;
}

}  // namespace

Exit listen(const EdgeConfig& config, const PointTable& points, DurationNs duration, std::ostream& out) {
  catch_stop_signals();
  auto report = ListenReport::begin(config, points, out);
  if (!report) return stop_with(exit_of(report.error()), report.error());
  const NodeClock clock(system_clock(), config.time_clock == ClockRule::trusted);
  Ear ear(config);
  auto client = PassingClient::connect(config, "try", 0, [&ear](Message message) { ear.hear(std::move(message)); });
  if (!client) return stop_with(Exit::broker, client.error());
  const std::size_t granted = subscribe_all(config, **client);
  if (granted == 0) return Exit::broker;
  std::cerr << "listening for " << format_duration(duration) << " to " << granted << " of " << config.subscriptions.size()
            << " filters; Ctrl-C ends it\n";

  const DurationNs end = clock.monotonic() + duration;
  Status status;
  bool is_lost = false;
  while (status && !is_lost && !stop_requested() && clock.monotonic() < end) {
    is_lost = !(*client)->is_connected();  // what came before is still taken
    for (Message& message : ear.poll(std::min(look_interval, std::max<DurationNs>(end - clock.monotonic(), 0)))) {
      message.received_ns = clock.at(*message.arrived_monotonic);
      if (status) status = (*report)->take(message, clock.now(), clock.is_trusted());
    }
  }
  ear.end();
  client->reset();
  if (!status) return stop_with(exit_of(status.error()), status.error());
  (*report)->write_table();
  if ((*report)->messages() == 0) out << "nothing came\n";
  if (ear.left_out() > 0) out << ear.left_out() << " more messages came faster than they could be looked at\n";
  if (is_lost) {
    return stop_with(Exit::broker, {Code::unavailable, "listening", "the connection to the broker was lost"});
  }
  return (*report)->has_refused() || granted < config.subscriptions.size() ? Exit::refused : Exit::ok;
}

}  // namespace stethos::edge
