#include "edge/ingest/declared.h"

#include <algorithm>

#include "edge/ingest/topic_filter.h"

namespace stethos::edge {
namespace {

// Whether a level of a filter may be this name.
bool may_be(std::string_view filter, int level, std::string_view name) {
  const auto levels = levels_of(filter);
  const auto at = static_cast<std::size_t>(level);
  if (at >= levels.size()) return levels.back() == "#";
  return levels[at] == "+" || levels[at] == "#" || levels[at] == name;
}

}  // namespace

std::optional<FieldConfig> declared_by(const SubscriptionConfig& subscription, std::string_view device,
                                       std::string_view channel) {
  if (subscription.device_level >= 0 && !may_be(subscription.topic, subscription.device_level, device)) return std::nullopt;
  const auto fields = subscription.all_fields();
  if (subscription.channel_level >= 0) {
    if (!may_be(subscription.topic, subscription.channel_level, channel) || fields.empty()) return std::nullopt;
    return fields.front();
  }
  const auto found = std::ranges::find(fields, channel, &FieldConfig::channel);
  return found == fields.end() ? std::nullopt : std::optional(*found);
}

}  // namespace stethos::edge
