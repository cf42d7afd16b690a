#include "edge/ingest/broker.h"

namespace stethos::edge {

std::string broker_of(const EdgeConfig& config) { return config.mqtt_host + ":" + std::to_string(config.mqtt_port); }

std::string broker_uri_of(const EdgeConfig& config) { return "tcp://" + broker_of(config); }

std::string client_id_of(const EdgeConfig& config) {
  return config.mqtt_client_id.empty() ? "stethos-edge-" + config.node_id : config.mqtt_client_id;
}

mqtt::connect_options connect_options_of(const EdgeConfig& config) {
  constexpr int in_flight_max = 65'535;
  mqtt::connect_options options = mqtt::connect_options_builder()
                                      .mqtt_version(MQTTVERSION_5)
                                      .keep_alive_interval(std::chrono::seconds(config.mqtt_keep_alive / ns_per_s))
                                      .connect_timeout(broker_timeout)
                                      .max_inflight(in_flight_max)
                                      .finalize();
  if (!config.mqtt_user.empty()) {
    options.set_user_name(config.mqtt_user);
    options.set_password(config.mqtt_password);
  }
  return options;
}

}  // namespace stethos::edge
