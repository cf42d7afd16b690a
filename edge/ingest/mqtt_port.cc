#include "edge/ingest/mqtt_port.h"

#include <mqtt/async_client.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "common/hash.h"
#include "common/log.h"
#include "edge/core/limits.h"
#include "edge/ingest/broker.h"
#include "edge/ingest/endpoint.h"
#include "edge/ingest/handover.h"
#include "edge/ingest/port_news.h"
#include "edge/ingest/subscriber.h"
#include "edge/ingest/topic_filter.h"

namespace stethos::edge {
namespace {

constexpr DurationNs connector_end_max = ns_per_s;
constexpr DurationNs disconnect_timeout = ns_per_s;
constexpr auto disconnect_look = std::chrono::milliseconds(10);
constexpr DurationNs disconnect_retry = 100 * ns_per_ms;
constexpr DurationNs taken_over_event_interval = 60 * ns_per_s;

// A broker need not say that it ended a connection because another client came with the same id (mosquitto 2.0 does not). So many
// connections in a row that it ended, none of which lasted as long as this and twice the longest pause, are taken for that: where
// it still listened when they ended. A broker that is stopped does not.
constexpr int short_connections_max = 3;
constexpr DurationNs short_connection = 30 * ns_per_s;
constexpr DurationNs listen_timeout = ns_per_s;

// Of what is to be published: how much may wait here, how many messages of it Paho holds, and how many it holds in all; and how
// long until it is looked whether Paho has sent some.
constexpr std::size_t later_bytes_max = 16u << 20;
constexpr std::size_t later_overhead_bytes = 128;
constexpr std::size_t later_in_client_max = 1'000;
constexpr int in_client_max = 10'000;
constexpr DurationNs later_look = 5 * ns_per_ms;

std::vector<std::uint32_t> identifiers_of(const mqtt::message& message) {
  const mqtt::properties& properties = message.get_properties();
  std::vector<std::uint32_t> ids;
  for (std::size_t i = 0; i < properties.count(mqtt::property::SUBSCRIPTION_IDENTIFIER); ++i) {
    ids.push_back(mqtt::get<std::uint32_t>(properties, mqtt::property::SUBSCRIPTION_IDENTIFIER, i));
  }
  return ids;
}

}  // namespace

class MqttPort::Link final : public virtual mqtt::callback {
 public:
  Link(const EdgeConfig& config, const Clock& clock, SessionRecord record, std::uint64_t careful_messages, Keep keep)
      : config_(config),
        clock_(clock),
        client_(broker_uri_of(config), client_id_of(config), mqtt::create_options(MQTTVERSION_5, in_client_max)),
        jitter_(hash_of(config.node_id)),
        careful_messages_(careful_messages),
        handover_(static_cast<std::size_t>(config.ingest_queue_bytes_max), static_cast<std::size_t>(config.spool_batch_bytes_max),
                  clock),
        subscriber_(config_, broker_of(config), client_id_of(config), clock, std::move(record), std::move(keep), news_, [this] {
          {
            const std::lock_guard lock(mutex_);
          }  // the connector does not look between asking and waiting
          changed_.notify_all();
        }) {
    client_.set_callback(*this);
    client_.set_disconnected_handler([this](const mqtt::properties&, mqtt::ReasonCode reason) { on_disconnect(reason); });
    connector_ = std::thread([this] {
      keep_connected();
      const std::lock_guard lock(mutex_);
      connector_ended_ = true;
      changed_.notify_all();
    });
  }

  void shut_down() {
    handover_.close();
    std::unique_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    const bool has_ended = clock_.wait_for(changed_, lock, connector_end_max, [&] { return connector_ended_; });
    lock.unlock();
    if (has_ended) {
      connector_.join();
      disconnect();
    } else {
      // It waits for a lock of Paho's, whose thread is held in our callback with a message that nobody takes any more.
      connector_.detach();
    }
  }

  Handover& handover() { return handover_; }

  bool publish(std::string_view topic, std::span<const std::uint8_t> payload) {
    if (subscriber_.is_subscribed()) {
      try {
        client_.publish(mqtt::string_ref(std::string(topic)), payload.data(), payload.size(), 0, false);
        return true;
      } catch (const mqtt::exception& error) {  // its buffer is full, or the connection is gone
        spdlog::debug("mqtt: dropped what was to be published to {}: {}", topic, error.what());
      }
    }
    publishes_dropped_.fetch_add(1);
    return false;
  }

  bool publish_later(std::string topic, std::string payload) {
    const std::size_t bytes = topic.size() + payload.size() + later_overhead_bytes;
    {
      const std::lock_guard lock(mutex_);
      if (later_bytes_ + bytes > later_bytes_max) {
        ++later_dropped_;
        return false;
      }
      later_bytes_ += bytes;
      later_.emplace_back(std::move(topic), std::move(payload));
    }
    changed_.notify_all();
    return true;
  }

  std::vector<schema::EventRowT> take_events() { return news_.take_events(); }

  void pause(bool paused) {
    {
      const std::lock_guard lock(mutex_);
      paused_ = paused;
    }
    changed_.notify_all();
  }

  MqttStatus status() const {
    const Handover::Status waiting = handover_.status();
    const Subscriber::Counts session = subscriber_.counts();
    MqttStatus status;
    status.subscribed = subscriber_.is_subscribed();
    status.publishes_dropped = publishes_dropped_.load();
    status.queue_bytes = waiting.queue_bytes;
    status.queue_full_waits = waiting.queue_full_waits;
    status.messages_refused = waiting.messages_refused;
    status.sessions_lost = session.sessions_lost;
    status.subscriptions_refused = session.refused;
    status.filters_lowered = session.lowered;
    status.former_filters = session.former;
    status.messages_by_unknown_filters = session.unknown;
    status.without_identifiers = session.without_identifiers;
    status.last_error = news_.last_error();
    const std::lock_guard lock(mutex_);
    status.connections = connections_;
    status.connection_failures = connection_failures_;
    status.sessions_taken_over = sessions_taken_over_;
    status.rows_waiting_bytes = later_bytes_;
    status.rows_dropped = later_dropped_;
    return status;
  }

 private:
  enum class End : std::uint8_t { settled, other };

  // --- on Paho's thread ---

  void message_arrived(mqtt::const_message_ptr arrived) override {
    Message message;
    const std::string& payload = arrived->get_payload_str();
    message.topic = arrived->get_topic();
    message.payload = {reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()};
    message.arrived_monotonic = clock_.monotonic();
    message.connection = connection_.load();
    message.redelivered = arrived->is_duplicate();
    CameBy came_by = subscriber_.came_by(message.topic, identifiers_of(*arrived));
    message.filter = came_by.filter;
    message.other_filters = std::move(came_by.others);
    const SubscriptionConfig* subscription = subscription_of(message.topic);
    const bool is_ours = subscription != nullptr && subscription->format == PayloadFormat::stethos;
    const bool on_arrival = subscription != nullptr && subscription->acknowledge == Acknowledge::on_arrival;
    message.waits_for_care = on_arrival && careful_messages_ > 0;
    message.waits_for_commit = arrived->get_qos() > 0 && !is_ours && (!on_arrival || message.waits_for_care);
    if (careful_messages_ > 0) --careful_messages_;
    message.comes_again = arrived->get_qos() > 0 || is_ours;
    message.may_return = arrived->get_qos() > 0 && !is_ours;
    message.owner = arrived;
    // A device of our protocol keeps what we have not acknowledged, and of QoS 0 nothing is promised.
    handover_.put(std::move(message),
                  arrived->get_qos() == 0 || is_ours ? Handover::Crowded::refused : Handover::Crowded::given_up);
  }

  void on_disconnect(mqtt::ReasonCode reason) {
    if (reason != mqtt::ReasonCode::SESSION_TAKEN_OVER) return;
    const std::lock_guard lock(mutex_);
    tell_taken_over("another client has taken");
  }

  void connection_lost(const std::string& cause) override {
    news_.error("connection lost" + (cause.empty() ? cause : ": " + cause));
    subscriber_.ended();
    {
      const std::lock_guard lock(mutex_);
      connected_ = false;
    }
    changed_.notify_all();
  }

  // --- on the connector's thread ---

  void keep_connected() {
    DurationNs pause = config_.mqtt_reconnect_min;
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stopping_ || !paused_; });
        if (stopping_) return;
      }
      if (connect()) {
        pause = config_.mqtt_reconnect_min;
        const DurationNs begun = clock_.monotonic();
        if (await_end() == End::settled) continue;
        judge_end(clock_.monotonic() - begun);
      }
      std::unique_lock lock(mutex_);
      if (stopping_) return;
      if (std::exchange(taken_over_, false)) pause = config_.mqtt_reconnect_max;
      const auto jittered = std::uniform_int_distribution<DurationNs>(pause / 2, pause)(jitter_);
      if (clock_.wait_for(changed_, lock, jittered, [&] { return stopping_; })) return;
      pause = std::min(2 * pause, config_.mqtt_reconnect_max);
    }
  }

  // Of a connection that lasted so long: whether another client may have ended it.
  void judge_end(DurationNs lasted) {
    const bool listens = accepts_connections(config_.mqtt_host, config_.mqtt_port, listen_timeout);
    const std::lock_guard lock(mutex_);
    const bool is_short = listens && !paused_ && !stopping_ && lasted < short_connection + 2 * config_.mqtt_reconnect_max;
    short_connections_ = is_short ? short_connections_ + 1 : 0;
    if (short_connections_ >= short_connections_max && !taken_over_) {
      tell_taken_over("the broker ended " + std::to_string(short_connections_) +
                      " connections in a row soon after they were made; most likely another client takes");
    }
  }

  // Until the connection is lost, or was ended for a pause or because the session is settled. A callback that waits for its
  // commit is soon released, and then lets it end; until it has, a pause may also be over.
  End await_end() {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (stopping_ || !connected_) return End::other;
      const bool is_paused = paused_;
      if (is_paused || is_settled()) {
        lock.unlock();
        const bool ended = disconnect();
        lock.lock();
        if (ended) {
          connected_ = false;
          subscriber_.ended();
          if (is_paused) return End::other;
          settles_ = false;
          return End::settled;
        }
        clock_.wait_for(changed_, lock, disconnect_retry, [&] { return stopping_ || !connected_ || paused_ != is_paused; });
        continue;
      }
      lock.unlock();
      const DurationNs due = std::min(subscriber_.look_after(client_), publish_waiting());
      lock.lock();
      const auto is_due = [&] { return stopping_ || !connected_ || paused_ || has_news() || is_settled(); };
      if (due == Subscriber::never) {
        changed_.wait(lock, is_due);
      } else {
        clock_.wait_for(changed_, lock, due, is_due);
      }
    }
  }

  bool is_settled() const { return settles_ && subscriber_.is_settled(); }

  // An answer of the broker, or something to be published where nothing was.
  bool has_news() const { return subscriber_.has_answers() || (!later_seen_ && !later_.empty()); }

  bool connect() {
    try {
      {
        const std::lock_guard lock(mutex_);
        connected_ = true;  // before the call: the connection may be lost again before it returns
      }
      constexpr const char* not_kept = "the spool does not take what is to be subscribed";
      if (!subscriber_.prepare()) throw mqtt::exception(MQTTASYNC_FAILURE, not_kept);
      mqtt::connect_options options = connect_options_of(config_);
      options.set_clean_start(subscriber_.begins_anew());
      mqtt::properties properties;
      properties.add(
          {mqtt::property::SESSION_EXPIRY_INTERVAL, static_cast<std::int32_t>(config_.mqtt_session_expiry / ns_per_s)});
      settles_ = settles_ && subscriber_.may_differ();
      properties.add({mqtt::property::RECEIVE_MAXIMUM, static_cast<std::uint16_t>(settles_ ? 1 : on_the_way_max)});
      options.set_properties(properties);
      connection_.fetch_add(1);
      const auto token = client_.connect(options);
      if (!token->wait_for(broker_timeout)) throw mqtt::exception(MQTTASYNC_FAILURE, "no answer");
      if (!subscriber_.begin(token->get_connect_response())) {
        disconnect();
        throw mqtt::exception(MQTTASYNC_FAILURE, not_kept);
      }
      const std::lock_guard lock(mutex_);
      ++connections_;
      return true;
    } catch (const mqtt::exception& error) {
      news_.error(std::string("connecting: ") + error.what());
      subscriber_.ended();
      const std::lock_guard lock(mutex_);
      ++connection_failures_;
      short_connections_ = 0;  // it was not for another client that the broker ended the one before
      connected_ = false;
      return false;
    }
  }

  // As much as the client has room for. Returns when it wants to look again.
  DurationNs publish_waiting() {
    if (!subscriber_.is_subscribed()) return Subscriber::never;
    const std::size_t in_client = client_.get_pending_delivery_tokens().size();
    for (std::size_t room = later_in_client_max - std::min(in_client, later_in_client_max);; --room) {
      std::pair<std::string, std::string> next;
      {
        const std::lock_guard lock(mutex_);
        later_seen_ = !later_.empty();
        if (!later_seen_) return Subscriber::never;
        if (room == 0) return later_look;
        next = std::move(later_.front());
        later_.pop_front();
        later_bytes_ -= next.first.size() + next.second.size() + later_overhead_bytes;
      }
      try {
        client_.publish(mqtt::string_ref(std::move(next.first)), mqtt::binary_ref(std::move(next.second)), 0, false);
      } catch (const mqtt::exception& error) {
        spdlog::debug("mqtt: dropped a row: {}", error.what());
        const std::lock_guard lock(mutex_);
        ++later_dropped_;
        return later_look;
      }
    }
  }

  // Unless Paho's thread is held in a callback, or gets itself held meanwhile. Whether there is no connection now.
  bool disconnect() {
    {
      const std::lock_guard lock(mutex_);
      if (!connected_) return true;  // asking Paho would wait for the lock that a held callback has
    }
    if (handover_.is_held()) return false;
    try {
      const auto token = client_.disconnect();
      const DurationNs deadline = clock_.monotonic() + disconnect_timeout;
      while (!token->wait_for(disconnect_look)) {
        if (handover_.is_held() || clock_.monotonic() >= deadline) return false;
      }
    } catch (const mqtt::exception& error) {
      if (error.get_return_code() == MQTTASYNC_DISCONNECTED) return true;  // an earlier call has done it meanwhile
      spdlog::warn("mqtt: disconnecting: {}", error.what());
      return false;
    }
    return true;
  }

  // --- shared ---

  // Null: the session still holds messages of a filter that has left the configuration.
  const SubscriptionConfig* subscription_of(std::string_view topic) const {
    const auto found = std::ranges::find_if(config_.subscriptions,
                                            [&](const SubscriptionConfig& each) { return topic_matches(each.topic, topic); });
    return found == config_.subscriptions.end() ? nullptr : &*found;
  }

  // With the mutex.
  void tell_taken_over(const std::string& how) {
    taken_over_ = true;
    ++sessions_taken_over_;
    const DurationNs now = clock_.monotonic();
    if (taken_over_told_ && now - *taken_over_told_ < taken_over_event_interval) return;
    taken_over_told_ = now;
    spdlog::error("mqtt: {} the session of {}: two nodes with one client id take it from each other in turn", how,
                  subscriber_.session_name());
    news_.event(schema::EventKind::session_taken_over, static_cast<std::int64_t>(sessions_taken_over_),
                subscriber_.session_name());
  }

  const EdgeConfig config_;
  const Clock& clock_;
  mqtt::async_client client_;
  std::mt19937_64 jitter_;
  std::uint64_t careful_messages_;  // still to come that wait for their commit; Paho's thread's alone
  // The broker may have a session of ours that is not subscribed as it should be, with a backlog: Paho is busy with the messages
  // of it, under a lock that sending a SUBSCRIBE needs too and gets only while Paho waits for a message. So until the session is
  // settled the broker sends one message at a time. The connector's alone.
  bool settles_ = true;
  Handover handover_;
  PortNews news_;
  Subscriber subscriber_;
  std::thread connector_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;  // for the connector
  std::deque<std::pair<std::string, std::string>> later_;  // topic and payload
  std::size_t later_bytes_ = 0;
  std::uint64_t later_dropped_ = 0;
  bool later_seen_ = false;  // the connector knows that something waits
  bool paused_ = false;
  bool stopping_ = false;
  bool connector_ended_ = false;
  bool connected_ = false;
  bool taken_over_ = false;  // the session, since the last pause
  int short_connections_ = 0;
  std::optional<DurationNs> taken_over_told_;
  std::uint64_t connections_ = 0;
  std::uint64_t connection_failures_ = 0;
  std::uint64_t sessions_taken_over_ = 0;
  std::atomic<std::uint64_t> publishes_dropped_ = 0;
  std::atomic<std::uint64_t> connection_ = 0;  // attempts, so far
};

Result<std::unique_ptr<MqttPort>> MqttPort::open(const EdgeConfig& config, const Clock& clock, SessionRecord record,
                                                 std::uint64_t careful_messages, Keep keep) {
  if (auto left = give_up_former(record, broker_of(config), client_id_of(config), config.mqtt_former_client_id); !left) {
    return std::unexpected(left.error());
  }
  try {
    return std::unique_ptr<MqttPort>(
        new MqttPort(std::make_unique<Link>(config, clock, std::move(record), careful_messages, std::move(keep))));
  } catch (const mqtt::exception& error) {
    return fail(Code::unavailable, "making the MQTT client", error.what());
  }
}

MqttPort::MqttPort(std::unique_ptr<Link> link) : link_(std::move(link)) {}
MqttPort::~MqttPort() {
  link_->shut_down();
  // Left to the end of the process: Paho's thread may be held in our callback, and if it is not, it takes Paho a second to
  // stop it.
  static_cast<void>(link_.release());
}
void MqttPort::poll(DurationNs timeout, std::vector<Message>& batch) { link_->handover().poll(timeout, batch); }
void MqttPort::durable(std::uint64_t ticket) { link_->handover().durable(ticket); }
bool MqttPort::publish(std::string_view topic, std::span<const std::uint8_t> payload) { return link_->publish(topic, payload); }
bool MqttPort::publish_later(std::string topic, std::string payload) {
  return link_->publish_later(std::move(topic), std::move(payload));
}
std::vector<schema::EventRowT> MqttPort::take_events() { return link_->take_events(); }
void MqttPort::pause(bool paused) { link_->pause(paused); }
void MqttPort::close() { link_->handover().close(); }
void MqttPort::wake() { link_->handover().wake(); }
MqttStatus MqttPort::status() const { return link_->status(); }

}  // namespace stethos::edge
