// The live port: Paho, MQTT 5, one persistent session.
//
// Paho calls back on a thread of its own, one message at a time, and sends the acknowledgement when the callback returns,
// whatever it returned. So the callback is where durability is kept: for a message whose sender waits for its commit it
// returns after `durable`, and for others when the message is in the queue. When the queue is full it waits, Paho stops
// reading, and the broker holds what comes. After `close` it never returns for a new message: what is not taken is not
// acknowledged, and the broker sends it again to the next process.
//
// Connecting, and connecting again with growing pauses and jitter, is done by a thread of the port's own.
// A pause is a disconnection: the broker keeps the session, and what comes for it. poll, durable, publish, pause and close belong
// to the pipeline's thread; status may be called from any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/clock.h"
#include "common/result.h"
#include "edge/config/edge_config.h"
#include "edge/ingest/message_port.h"

namespace stethos::edge {

struct MqttStatus {
  bool subscribed = false;  // connected, and the broker has granted every subscription
  std::uint64_t connections = 0;
  std::uint64_t connection_failures = 0;
  std::uint64_t publishes_dropped = 0;
  std::uint64_t queue_bytes = 0;
  std::uint64_t queue_full_waits = 0;
  std::uint64_t crowded_out = 0;  // messages that were not taken, for their device had more than its place
  std::string last_error;
};

class MqttPort final : public MessagePort {
 public:
  static Result<std::unique_ptr<MqttPort>> open(const EdgeConfig& config, const Clock& clock);

  // Disconnects where that is possible without acknowledging what was not committed. Paho's client is left to the end of
  // the process: one port a process.
  ~MqttPort() override;

  void poll(DurationNs timeout, std::vector<Message>& batch) override;
  void durable() override;
  bool publish(std::string_view topic, std::span<const std::uint8_t> payload) override;
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
