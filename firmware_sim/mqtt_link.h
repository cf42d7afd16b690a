// The link to a real broker: Eclipse Paho C++, MQTT 3.1.1, clean sessions, one connection for the whole fleet.
//
// Paho calls back on a thread of its own; all it does there is to put an event into a bounded queue. Acknowledgements that
// find it full are dropped, since the next one repeats them. A lost connection is made again with a growing,
// jittered pause, each time with a new client, so that nothing of the old one is sent twice behind the devices' backs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "firmware_sim/link.h"

namespace stethos::firmware_sim {

struct MqttLinkOptions {
  std::string host = "127.0.0.1";
  int port = 1883;
  std::string client_id;
  int qos = 1;                           // of what is published
  std::vector<std::string> topics;       // subscribed to with QoS 0 before `connected` is reported
  std::size_t in_flight_max = 200;       // publications handed in and not yet delivered
  std::size_t events_max = 20'000;       // of messages waiting to be polled
  DurationNs reconnect_min = 100 * ns_per_ms;
  DurationNs reconnect_max = 5 * ns_per_s;
  DurationNs connect_timeout = 5 * ns_per_s;
  DurationNs acknowledge_timeout = 10 * ns_per_s;  // with nothing acknowledged for so long the connection is made again
};

std::unique_ptr<Link> make_mqtt_link(const MqttLinkOptions& options, const Clock& clock);

}  // namespace stethos::firmware_sim
