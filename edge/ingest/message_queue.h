// What has arrived and waits for the core, within a bound of bytes. Not safe for use by several threads at once.
//
// A device that sends a hundred times what it should must lose its own place and no other's. So once the queue is half full, a
// topic that holds more than half as much again as its share of all of it is crowded out: what comes of it is refused where that
// may be, because its sender keeps it until it is acknowledged, or because nothing was promised (QoS 0); otherwise it is given
// up, and only counted. Shares are equal, among the topics that are in the queue or were when messages left it last. Where all
// send alike none is above its share, and a full queue makes them wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "edge/ingest/message.h"

namespace stethos::edge {

class MessageQueue {
 public:
  explicit MessageQueue(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // One message fits however large it is, so that it can be refused.
  bool has_room(const Message& message) const { return messages_.empty() || bytes_ + cost_of(message) <= bytes_max_; }
  bool crowds_out(const Message& message) const;

  // Gives the message the next ticket, and returns it. Messages of one topic that were given up one after the other become one.
  std::uint64_t put(Message message);

  // Moves the oldest to `batch`, about `bytes_max` bytes of them.
  void take(std::size_t bytes_max, std::vector<Message>& batch);

  bool empty() const { return messages_.empty(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::size_t cost_of(const Message& message) const;

  const std::size_t bytes_max_;
  std::deque<Message> messages_;
  std::size_t bytes_ = 0;  // with what each topic costs once
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> bytes_by_topic_;  // of its messages
  std::size_t topics_before_ = 0;  // when messages left last
  std::uint64_t last_ticket_ = 0;
};

// About what a message takes of the memory that is not the reader's own: payload, topic, and what MQTT client and queue need
// beside.
std::size_t memory_of(const Message& message);

// What is left of a message that is given up for want of a place: that it came, where, and how large it was. It waits for no
// commit.
Message given_up(const Message& message);

}  // namespace stethos::edge
