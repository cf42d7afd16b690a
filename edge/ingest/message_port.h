// The seam to where messages come from: MQTT when live, a recording in replay, a list in tests.
//
// The pipeline's thread calls everything here. The order is: poll, commit what came, durable, publish. Messages are committed in
// the order in which poll handed them out, not necessarily all at once.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "edge/ingest/message.h"
#include "schemas/rows_generated.h"

namespace stethos::edge {

class MessagePort {
 public:
  virtual ~MessagePort() = default;

  // Appends what has arrived to `batch`. Returns after `timeout`, or earlier: when a message waits for its commit, when
  // the batch has reached the port's size, or when the port was told to close and has nothing more.
  virtual void poll(DurationNs timeout, std::vector<Message>& batch) = 0;

  // Where the port goes on after what poll has handed out, to be committed with it and given back to whoever makes the port anew;
  // empty: it has no place to go on at.
  virtual std::string position() const { return {}; }

  // Every message with this ticket or one below that waits for its commit is committed: its sender may be told.
  virtual void durable(std::uint64_t ticket) = 0;

  // Sends without waiting; at most once. False: it was dropped, which the port counts.
  virtual bool publish(std::string_view topic, std::span<const std::uint8_t> payload) = 0;

  // The same for what need not go at once: it may wait, within a bound of the port's, for a connection and for its turn.
  virtual bool publish_later(std::string topic, std::string payload) = 0;

  // What happened to the port since it was last asked, for the collector.
  virtual std::vector<schema::EventRowT> take_events() { return {}; }

  // While paused nothing new is taken: senders keep what they have. poll still hands out what is queued.
  virtual void pause(bool paused) = 0;

  // For good: takes nothing new; poll still hands out what is queued. Messages that come later stay unacknowledged.
  virtual void close() = 0;
};

}  // namespace stethos::edge
