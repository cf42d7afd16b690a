// How a client of ours comes to the broker of the configuration: its address, names, and who it says it is. Any thread.
#pragma once

#include <mqtt/async_client.h>

#include <chrono>
#include <string>

#include "edge/config/edge_config.h"

namespace stethos::edge {

inline constexpr auto broker_timeout = std::chrono::seconds(10);

// "host:port", as people read it, and as Paho does.
std::string broker_of(const EdgeConfig& config);
std::string broker_uri_of(const EdgeConfig& config);

// Of the node's session.
std::string client_id_of(const EdgeConfig& config);

// MQTT 5, with user and password.
mqtt::connect_options connect_options_of(const EdgeConfig& config);

}  // namespace stethos::edge
