// The live port: Paho, MQTT 5, one persistent session.
//
// Paho calls back on a thread of its own, one message at a time, and sends the acknowledgement when the callback returns,
// whatever it returned. So the callback is where durability is kept, by the Handover: for a message whose sender waits for its
// commit it returns after `durable`, and for others when the message is in the queue. When the queue is full it waits, Paho stops
// reading, and the broker holds what comes. After `close` it never returns for a new message: what is not taken is not
// acknowledged, and the broker sends it again to the next process.
//
// Connecting, and connecting again with growing pauses and jitter, is done by a thread of the port's own; so are subscribing and
// unsubscribing (edge/ingest/subscriber.h), and publishing what may wait. A node that takes the session from this one is given
// the longest pause: the two must not take it from each other at full speed. A pause is a disconnection: the broker keeps the
// session, and what comes for it. poll, durable, publish, pause and close belong to the pipeline's thread; status may be called
// from any.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/clock.h"
#include "common/result.h"
#include "edge/config/edge_config.h"
#include "edge/ingest/message_port.h"
#include "edge/ingest/session_filters.h"

namespace stethos::edge {

struct MqttStatus {
  bool subscribed = false;  // connected, and the broker has granted every subscription
  std::uint64_t connections = 0;
  std::uint64_t connection_failures = 0;
  std::uint64_t publishes_dropped = 0;
  std::uint64_t queue_bytes = 0;
  std::uint64_t queue_full_waits = 0;
  std::uint64_t messages_refused = 0;  // not taken, for their topic had more than its share of the queue
  std::uint64_t sessions_lost = 0;
  std::uint64_t sessions_taken_over = 0;
  std::uint64_t subscriptions_refused = 0;
  std::uint64_t filters_lowered = 0;  // now
  std::uint64_t former_filters = 0;  // now
  std::uint64_t messages_by_unknown_filters = 0;
  bool without_identifiers = false;  // the broker has no subscription identifiers
  std::uint64_t rows_waiting_bytes = 0;
  std::uint64_t rows_dropped = 0;
  std::string last_error;
};

class MqttPort final : public MessagePort {
 public:
  // Makes a record of the session's filters durable.
  using Keep = std::function<Status(const SessionRecord&)>;

  // `record` is what was kept last. Code::invalid: it has the session of another client id at this broker, which the
  // configuration does not give up. Of the first `careful_messages` none of QoS 1 is acknowledged on arrival: the process may die
  // of any, and then those behind it would be lost. `keep` is called by the port's own thread, until the port is destroyed.
  static Result<std::unique_ptr<MqttPort>> open(const EdgeConfig& config, const Clock& clock, SessionRecord record,
                                                std::uint64_t careful_messages, Keep keep);

  // Disconnects where that is possible without acknowledging what was not committed. Paho's client is left to the end of
  // the process: one port a process.
  ~MqttPort() override;

  void poll(DurationNs timeout, std::vector<Message>& batch) override;
  void durable(std::uint64_t ticket) override;
  bool publish(std::string_view topic, std::span<const std::uint8_t> payload) override;
  bool publish_later(std::string topic, std::string payload) override;
  std::vector<schema::EventRowT> take_events() override;
  void pause(bool paused) override;
  void close() override;

  // Wakes a poll that waits. Safe from any thread.
  void wake();

  MqttStatus status() const;

 private:
  class Link;
  explicit MqttPort(std::unique_ptr<Link> link);
  std::unique_ptr<Link> link_;
};

}  // namespace stethos::edge
