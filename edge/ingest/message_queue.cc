#include "edge/ingest/message_queue.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace stethos::edge {
namespace {

// What one message costs beside its payload and topic, and what a topic costs beside its name.
constexpr std::size_t message_overhead_bytes = 512;
constexpr std::size_t topic_overhead_bytes = 128;

std::size_t size_of_topic(std::string_view topic) { return topic.size() + topic_overhead_bytes; }

}  // namespace

std::size_t memory_of(const Message& message) { return message.payload.size() + message.topic.size() + message_overhead_bytes; }

std::size_t MessageQueue::cost_of(const Message& message) const {
  return memory_of(message) + (bytes_by_topic_.contains(message.topic) ? 0 : size_of_topic(message.topic));
}

bool MessageQueue::crowds_out(const Message& message) const {
  if (bytes_ < bytes_max_ / 2) return false;
  const auto own = bytes_by_topic_.find(message.topic);
  if (own == bytes_by_topic_.end()) return false;
  const std::size_t share = bytes_max_ / std::max(bytes_by_topic_.size(), topics_before_);
  return own->second + memory_of(message) > share + share / 2;
}

std::uint64_t MessageQueue::put(Message message) {
  message.ticket = ++last_ticket_;
  if (message.crowded_out && !messages_.empty()) {
    Message& last = messages_.back();
    if (last.crowded_out && last.topic == message.topic) {
      last.crowded_out->messages += message.crowded_out->messages;
      last.crowded_out->bytes += message.crowded_out->bytes;
      last.ticket = message.ticket;
      return last.ticket;
    }
  }
  bytes_ += cost_of(message);
  auto own = bytes_by_topic_.find(message.topic);
  if (own == bytes_by_topic_.end()) own = bytes_by_topic_.emplace(message.topic, 0).first;
  own->second += memory_of(message);
  messages_.push_back(std::move(message));
  return last_ticket_;
}

void MessageQueue::take(std::size_t bytes_max, std::vector<Message>& batch) {
  if (!messages_.empty()) topics_before_ = bytes_by_topic_.size();
  for (std::size_t taken = 0; !messages_.empty() && taken < bytes_max;) {
    const Message& first = messages_.front();
    const std::size_t size = memory_of(first);
    const auto own = bytes_by_topic_.find(first.topic);
    own->second -= size;
    bytes_ -= size;
    if (own->second == 0) {
      bytes_ -= size_of_topic(first.topic);
      bytes_by_topic_.erase(own);
    }
    taken += size;
    batch.push_back(std::move(messages_.front()));
    messages_.pop_front();
  }
}

Message given_up(const Message& message) {
  Message left;
  const auto topic = std::make_shared<const std::string>(message.topic);
  left.topic = *topic;
  left.owner = topic;
  left.received_ns = message.received_ns;
  left.arrived_monotonic = message.arrived_monotonic;
  left.connection = message.connection;
  left.crowded_out = CrowdedOut{1, message.payload.size()};
  return left;
}

}  // namespace stethos::edge
