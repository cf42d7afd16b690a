#include "edge/ingest/message_queue.h"

#include <algorithm>
#include <utility>

namespace stethos::edge {
namespace {

// What one message costs beside its payload.
constexpr std::size_t message_overhead_bytes = 512;

}  // namespace

std::size_t MessageQueue::size_of(const Message& message) { return message.payload.size() + message_overhead_bytes; }

bool MessageQueue::crowds_out(const Message& message) const {
  if (bytes_ < bytes_max_ / 2) return false;
  const auto own = bytes_by_topic_.find(message.topic);
  if (own == bytes_by_topic_.end()) return false;
  const std::size_t share = bytes_max_ / std::max(bytes_by_topic_.size(), topics_before_);
  return own->second + size_of(message) > share + share / 2;
}

void MessageQueue::put(Message message) {
  const std::size_t size = size_of(message);
  bytes_ += size;
  auto own = bytes_by_topic_.find(message.topic);
  if (own == bytes_by_topic_.end()) own = bytes_by_topic_.emplace(message.topic, 0).first;
  own->second += size;
  messages_.push_back(std::move(message));
}

void MessageQueue::take(std::size_t bytes_max, std::vector<Message>& batch) {
  if (!messages_.empty()) topics_before_ = bytes_by_topic_.size();
  for (std::size_t taken = 0; !messages_.empty() && taken < bytes_max;) {
    const std::size_t size = size_of(messages_.front());
    const auto own = bytes_by_topic_.find(messages_.front().topic);
    own->second -= size;
    if (own->second == 0) bytes_by_topic_.erase(own);
    bytes_ -= size;
    taken += size;
    batch.push_back(std::move(messages_.front()));
    messages_.pop_front();
  }
}

}  // namespace stethos::edge
