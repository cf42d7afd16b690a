// What the configuration says of a channel. Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "edge/config/edge_config.h"

namespace stethos::edge {

// What the subscription says of this channel of this device, if that may come by it.
std::optional<FieldConfig> declared_by(const SubscriptionConfig& subscription, std::string_view device, std::string_view channel);

}  // namespace stethos::edge
