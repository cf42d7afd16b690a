#include "edge/core/known_topics.h"

#include <algorithm>

#include "edge/core/limits.h"
#include "edge/ingest/topic_filter.h"

namespace stethos::edge {
namespace {

constexpr std::size_t overhead_bytes = 128;  // of one topic, beside its name

}  // namespace

std::optional<std::size_t> KnownTopics::subscription_of(std::string_view topic) {
  if (const auto known = topics_.find(topic); known != topics_.end()) return known->second;
  const auto takes = [&](const SubscriptionConfig& each) { return topic_matches(each.topic, topic); };
  const auto found = std::ranges::find_if(config_.subscriptions, takes);
  const auto index = found == config_.subscriptions.end()
                         ? std::nullopt
                         : std::optional(static_cast<std::size_t>(found - config_.subscriptions.begin()));
  const std::size_t bytes = topic.size() + overhead_bytes;
  if (bytes_ + bytes > topics_known_bytes_max) {
    topics_.clear();
    bytes_ = 0;
  }
  topics_.emplace(topic, index);
  bytes_ += bytes;
  return index;
}

}  // namespace stethos::edge
