#include "edge/ingest/passing_client.h"

#include <algorithm>
#include <utility>

#include "common/identity.h"
#include "common/log.h"
#include "edge/ingest/broker.h"

namespace stethos::edge {
namespace {

constexpr auto leave_timeout = std::chrono::seconds(1);
constexpr std::size_t id_digits = 8;

// Of the broker, if it has said anything but that it could not be reached.
Error error_of(const EdgeConfig& config, const mqtt::exception& error) {
  const std::string doing = "connecting to the broker " + broker_of(config);
  // Of a CONNACK Paho gives it as its own.
  const int reason = std::max(error.get_reason_code(), error.get_return_code());
  switch (reason) {
    case mqtt::ReasonCode::BAD_USER_NAME_OR_PASSWORD:
      return {Code::invalid, doing, "it does not know this user name and password (mqtt.user, mqtt.password_file)"};
    case mqtt::ReasonCode::NOT_AUTHORIZED:
      return {Code::invalid, doing,
              config.mqtt_user.empty() ? "it refuses clients without a user name (mqtt.user, mqtt.password_file)"
                                       : "it refuses this client or user: not authorized (mqtt.user, mqtt.password_file)"};
    case mqtt::ReasonCode::CLIENT_IDENTIFIER_NOT_VALID:
      return {Code::invalid, doing, "it refuses the client id (mqtt.client_id)"};
    case mqtt::ReasonCode::UNSUPPORTED_PROTOCOL_VERSION:
      return {Code::invalid, doing, "it does not speak MQTT 5"};
    default:
      break;
  }
  if (reason >= mqtt::ReasonCode::UNSPECIFIED_ERROR) return {Code::invalid, doing, mqtt::exception::reason_code_str(reason)};
  return {Code::unavailable, doing, error.what()};
}

template <class Number>
void take(const mqtt::properties& properties, mqtt::property::code code, Number& out) {
  if (properties.contains(code)) out = mqtt::get<Number>(properties, code);
}

void take_flag(const mqtt::properties& properties, mqtt::property::code code, bool& out) {
  if (properties.contains(code)) out = mqtt::get<std::uint8_t>(properties, code) != 0;
}

void take_optional(const mqtt::properties& properties, mqtt::property::code code, std::optional<std::uint32_t>& out) {
  if (properties.contains(code)) out = mqtt::get<std::uint32_t>(properties, code);
}

BrokerSays said_by(const mqtt::properties& properties) {
  BrokerSays says;
  take_optional(properties, mqtt::property::MAXIMUM_PACKET_SIZE, says.packet_bytes_max);
  if (properties.contains(mqtt::property::MAXIMUM_QOS))
    says.qos_max = mqtt::get<std::uint8_t>(properties, mqtt::property::MAXIMUM_QOS);
  take(properties, mqtt::property::RECEIVE_MAXIMUM, says.receive_max);
  take_flag(properties, mqtt::property::RETAIN_AVAILABLE, says.has_retained);
  take_flag(properties, mqtt::property::WILDCARD_SUBSCRIPTION_AVAILABLE, says.has_wildcards);
  take_flag(properties, mqtt::property::SUBSCRIPTION_IDENTIFIERS_AVAILABLE, says.has_identifiers);
  take_optional(properties, mqtt::property::SESSION_EXPIRY_INTERVAL, says.session_expiry_s);
  return says;
}

}  // namespace

class PassingClient::Link final : public virtual mqtt::callback {
 public:
  Link(const EdgeConfig& config, std::string_view purpose, Heard heard)
      : config_(config),
        heard_(std::move(heard)),
        client_(broker_uri_of(config),
                client_id_of(config) + "-" + std::string(purpose) + "-" + random_identity().substr(0, id_digits),
                mqtt::create_options(MQTTVERSION_5)) {
    client_.set_callback(*this);
  }

  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  ~Link() override {
    try {
      if (!client_.is_connected()) return;
      mqtt::properties ends;
      ends.add({mqtt::property::SESSION_EXPIRY_INTERVAL, std::int32_t{0}});
      client_.disconnect(mqtt::disconnect_options_builder().properties(ends).finalize())->wait_for(leave_timeout);
    } catch (const mqtt::exception& error) {
      spdlog::debug("mqtt: leaving: {}", error.what());
    }
  }

  void connect(std::uint32_t session_expiry_s) {
    mqtt::connect_options options = connect_options_of(config_);
    options.set_clean_start(true);
    mqtt::properties properties;
    properties.add({mqtt::property::SESSION_EXPIRY_INTERVAL, static_cast<std::int32_t>(session_expiry_s)});
    options.set_properties(properties);
    const auto token = client_.connect(options);
    if (!token->wait_for(broker_timeout)) throw mqtt::exception(MQTTASYNC_FAILURE, "no answer");
    says_ = said_by(token->get_connect_response().get_properties());
  }

  int subscribe(const std::string& filter, int qos) {
    const auto token =
        client_.subscribe(filter, qos, mqtt::subscribe_options(false, false, mqtt::subscribe_options::DONT_SEND_RETAINED));
    if (!token->wait_for(broker_timeout)) throw mqtt::exception(MQTTASYNC_FAILURE, "no answer");
    const auto codes = token->get_subscribe_response().get_reason_codes();
    return codes.empty() ? static_cast<int>(mqtt::ReasonCode::UNSPECIFIED_ERROR) : static_cast<int>(codes.front());
  }

  bool is_connected() const { return client_.is_connected(); }
  const BrokerSays& says() const { return says_; }

 private:
  void message_arrived(mqtt::const_message_ptr arrived) override {
    if (heard_ == nullptr) return;
    Message message;
    const std::string& payload = arrived->get_payload_str();
    message.topic = arrived->get_topic();
    message.payload = {reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()};
    message.redelivered = arrived->is_duplicate();
    message.owner = arrived;
    heard_(std::move(message));
  }

  const EdgeConfig& config_;
  const Heard heard_;
  mqtt::async_client client_;
  BrokerSays says_;
};

PassingClient::PassingClient(std::unique_ptr<Link> link) : link_(std::move(link)) {}
PassingClient::~PassingClient() = default;

Result<std::unique_ptr<PassingClient>> PassingClient::connect(const EdgeConfig& config, std::string_view purpose,
                                                              std::uint32_t session_expiry_s, Heard heard) {
  try {
    auto link = std::make_unique<Link>(config, purpose, std::move(heard));
    link->connect(session_expiry_s);
    return std::unique_ptr<PassingClient>(new PassingClient(std::move(link)));
  } catch (const mqtt::exception& error) {
    return std::unexpected(error_of(config, error));
  }
}

const BrokerSays& PassingClient::broker() const { return link_->says(); }

Result<int> PassingClient::subscribe(const std::string& filter, int qos) {
  const std::string doing = "subscribing \"" + filter + "\"";
  try {
    const int code = link_->subscribe(filter, qos);
    if (code <= mqtt::ReasonCode::GRANTED_QOS_2) return code;
    return fail(Code::invalid, doing, "the broker refuses it: " + mqtt::exception::reason_code_str(code));
  } catch (const mqtt::exception& error) {
    return fail(Code::unavailable, doing, error.what());
  }
}

bool PassingClient::is_connected() const { return link_->is_connected(); }

}  // namespace stethos::edge
