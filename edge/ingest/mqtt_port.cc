#include "edge/ingest/mqtt_port.h"

#include <mqtt/async_client.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "common/hash.h"
#include "common/log.h"
#include "edge/core/limits.h"
#include "edge/ingest/message_queue.h"
#include "edge/ingest/topic_filter.h"

namespace stethos::edge {
namespace {

constexpr auto connect_timeout = std::chrono::seconds(10);
constexpr DurationNs disconnect_timeout = ns_per_s;
constexpr auto disconnect_look = std::chrono::milliseconds(10);
constexpr DurationNs disconnect_retry = 100 * ns_per_ms;

}  // namespace

class MqttPort::Link final : public virtual mqtt::callback, public virtual mqtt::iaction_listener {
 public:
  Link(const EdgeConfig& config, const Clock& clock)
      : config_(config),
        clock_(clock),
        client_("tcp://" + config.mqtt_host + ":" + std::to_string(config.mqtt_port),
                config.mqtt_client_id.empty() ? "stethos-edge-" + config.node_id : config.mqtt_client_id,
                mqtt::create_options(MQTTVERSION_5)),
        jitter_(hash_of(config.node_id)),
        queue_(static_cast<std::size_t>(config.ingest_queue_bytes_max)) {
    client_.set_callback(*this);
    connector_ = std::thread([this] { keep_connected(); });
  }

  void shut_down() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = stopping_ = true;
    }
    changed_.notify_all();
    connector_.join();
    disconnect();
  }

  void poll(DurationNs timeout, std::vector<Message>& batch) {
    std::unique_lock lock(mutex_);
    clock_.wait_for(changed_, lock, timeout,
                    [&] { return woken_ || (waiting_for_commit_ && !queue_.empty()) || is_batch_full() || closing_; });
    woken_ = false;
    queue_.take(static_cast<std::size_t>(config_.spool_batch_bytes_max), batch);
    taken_all_ = queue_.empty();
    room_.notify_all();
  }

  // A message that waits is always the last in the queue: its callback has not returned. So once the queue was emptied by
  // the poll before, it is among what is now durable.
  void durable() {
    const std::lock_guard lock(mutex_);
    if (!waiting_for_commit_ || !taken_all_) return;
    waiting_for_commit_ = false;
    room_.notify_all();
  }

  bool publish(std::string_view topic, std::span<const std::uint8_t> payload) {
    if (subscribed_.load()) {
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

  void pause(bool paused) {
    {
      const std::lock_guard lock(mutex_);
      paused_ = paused;
    }
    changed_.notify_all();
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }

  void wake() {
    {
      const std::lock_guard lock(mutex_);
      woken_ = true;
    }
    changed_.notify_all();
  }

  MqttStatus status() const {
    const std::lock_guard lock(mutex_);
    return {subscribed_.load(), connections_,      connection_failures_, publishes_dropped_.load(),
            queue_.bytes(),     queue_full_waits_, crowded_out_,         last_error_};
  }

 private:
  // --- on Paho's thread ---

  void message_arrived(mqtt::const_message_ptr arrived) override {
    Message message;
    const std::string& payload = arrived->get_payload_str();
    message.topic = arrived->get_topic();
    message.payload = {reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()};
    message.arrived_monotonic = clock_.monotonic();
    message.connection = connection_.load();
    message.redelivered = arrived->is_duplicate();
    const SubscriptionConfig& subscription = config_.subscriptions[subscription_of(message.topic)];
    message.waits_for_commit = arrived->get_qos() > 0 && subscription.format != PayloadFormat::stethos &&
                               subscription.acknowledge == Acknowledge::after_commit;
    message.comes_again = arrived->get_qos() > 0 || subscription.format == PayloadFormat::stethos;
    message.owner = arrived;
    // A device of our protocol keeps what we have not acknowledged, and of QoS 0 nothing is promised.
    put(std::move(message), arrived->get_qos() == 0 || subscription.format == PayloadFormat::stethos);
  }

  void put(Message message, bool may_refuse) {
    const bool waits = message.waits_for_commit;
    std::unique_lock lock(mutex_);
    if (may_refuse && queue_.crowds_out(message)) {
      ++crowded_out_;
      return;
    }
    if (!queue_.has_room(message) && !closing_) {
      ++queue_full_waits_;
      changed_.notify_all();
      room_.wait(lock, [&] { return queue_.has_room(message) || closing_; });
    }
    if (closing_) return hold(lock);
    queue_.put(std::move(message));
    if (waits) waiting_for_commit_ = true;
    if (waits || is_batch_full()) changed_.notify_all();
    if (waits) room_.wait(lock, [&] { return !waiting_for_commit_; });
  }

  // Or enough of the queue that something might be crowded out.
  bool is_batch_full() const {
    return queue_.bytes() >=
           static_cast<std::size_t>(std::min(config_.spool_batch_bytes_max, config_.ingest_queue_bytes_max / 2));
  }

  // Never returns: returning would acknowledge a message that nobody has taken.
  void hold(std::unique_lock<std::mutex>& lock) {
    callback_held_ = true;
    room_.wait(lock, [] { return false; });
  }

  void connection_lost(const std::string& cause) override {
    set_error("connection lost" + (cause.empty() ? cause : ": " + cause));
    subscribed_.store(false);
    {
      const std::lock_guard lock(mutex_);
      connected_ = false;
    }
    changed_.notify_all();
  }

  // Of a subscription.
  void on_success(const mqtt::token& token) override {
    const auto response = token.get_subscribe_response();
    for (const auto code : response.get_reason_codes()) {
      if (code > mqtt::ReasonCode::GRANTED_QOS_2) return set_error("the broker refuses a subscription");
    }
    if (granted_.fetch_add(1) + 1 < config_.subscriptions.size()) return;
    subscribed_.store(true);
    spdlog::info("mqtt: subscribed");
  }

  void on_failure(const mqtt::token& token) override {
    set_error("subscribing failed: " + mqtt::exception::error_str(token.get_return_code()));
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
        await_end();
      }
      std::unique_lock lock(mutex_);
      if (stopping_) return;
      const auto jittered = std::uniform_int_distribution<DurationNs>(pause / 2, pause)(jitter_);
      if (clock_.wait_for(changed_, lock, jittered, [&] { return stopping_; })) return;
      pause = std::min(2 * pause, config_.mqtt_reconnect_max);
    }
  }

  // Until the connection is lost, or was ended for a pause. A callback that waits for its commit is soon released, and then lets
  // it end; until it has, a pause may also be over.
  void await_end() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return stopping_ || !connected_ || paused_; });
      if (stopping_ || !connected_) return;
      lock.unlock();
      const bool ended = disconnect();
      lock.lock();
      if (ended) {
        connected_ = false;
        subscribed_.store(false);
        return;
      }
      clock_.wait_for(changed_, lock, disconnect_retry, [&] { return stopping_ || !paused_; });
    }
  }

  bool connect() {
    try {
      mqtt::connect_options options = mqtt::connect_options_builder()
                                          .mqtt_version(MQTTVERSION_5)
                                          .clean_start(false)
                                          .keep_alive_interval(std::chrono::seconds(config_.mqtt_keep_alive / ns_per_s))
                                          .connect_timeout(connect_timeout)
                                          .max_inflight(65'535)
                                          .finalize();
      mqtt::properties properties;
      properties.add(
          {mqtt::property::SESSION_EXPIRY_INTERVAL, static_cast<std::int32_t>(config_.mqtt_session_expiry / ns_per_s)});
      properties.add({mqtt::property::RECEIVE_MAXIMUM, std::uint16_t{on_the_way_max}});
      options.set_properties(properties);
      if (!config_.mqtt_user.empty()) {
        options.set_user_name(config_.mqtt_user);
        options.set_password(config_.mqtt_password);
      }
      {
        const std::lock_guard lock(mutex_);
        connected_ = true;  // before the call: the connection may be lost again before it returns
      }
      connection_.fetch_add(1);
      const auto token = client_.connect(options);
      if (!token->wait_for(connect_timeout)) throw mqtt::exception(MQTTASYNC_FAILURE, "no answer");
      subscribe();
      const std::lock_guard lock(mutex_);
      ++connections_;
      return true;
    } catch (const mqtt::exception& error) {
      set_error(std::string("connecting: ") + error.what());
      const std::lock_guard lock(mutex_);
      ++connection_failures_;
      connected_ = false;
      return false;
    }
  }

  // Unless Paho's thread is held in a callback, or gets itself held meanwhile. Whether there is no connection now.
  bool disconnect() {
    {
      const std::lock_guard lock(mutex_);
      if (!connected_) return true;  // asking Paho would wait for the lock that a held callback has
    }
    if (is_held()) return false;
    try {
      const auto token = client_.disconnect();
      const DurationNs deadline = clock_.monotonic() + disconnect_timeout;
      while (!token->wait_for(disconnect_look)) {
        if (is_held() || clock_.monotonic() >= deadline) return false;
      }
    } catch (const mqtt::exception& error) {
      spdlog::warn("mqtt: disconnecting: {}", error.what());
      return false;
    }
    return true;
  }

  // Not awaited: the broker sends the session's messages first, and their commits may take long. One by one: Paho C++ 1.2
  // reads beyond the options of several. Retained messages are not asked for: they were counted when they were new.
  void subscribe() {
    granted_.store(0);
    for (const SubscriptionConfig& subscription : config_.subscriptions) {
      client_.subscribe(subscription.topic, subscription.qos, nullptr, *this,
                        mqtt::subscribe_options(false, false, mqtt::subscribe_options::DONT_SEND_RETAINED));
    }
  }

  // --- shared ---

  bool is_held() const {
    const std::lock_guard lock(mutex_);
    return callback_held_ || waiting_for_commit_;
  }

  std::size_t subscription_of(std::string_view topic) const {
    for (std::size_t i = 0; i < config_.subscriptions.size(); ++i) {
      if (topic_matches(config_.subscriptions[i].topic, topic)) return i;
    }
    // A session may still hold messages of a subscription that was configured before: they are decoded, and refused.
    return config_.subscriptions.size() - 1;
  }

  void set_error(std::string text) {
    const std::lock_guard lock(mutex_);
    if (text != last_error_) spdlog::warn("mqtt: {}", text);
    last_error_ = std::move(text);
  }

  const EdgeConfig config_;
  const Clock& clock_;
  mqtt::async_client client_;
  std::mt19937_64 jitter_;
  std::thread connector_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;  // for poll and the connector
  std::condition_variable room_;  // for Paho's thread
  MessageQueue queue_;
  bool waiting_for_commit_ = false;  // the last message of the queue, or of the batch at hand
  bool taken_all_ = false;
  bool woken_ = false;
  bool paused_ = false;
  bool closing_ = false;
  bool stopping_ = false;
  bool connected_ = false;
  bool callback_held_ = false;
  std::uint64_t connections_ = 0;
  std::uint64_t connection_failures_ = 0;
  std::uint64_t queue_full_waits_ = 0;
  std::uint64_t crowded_out_ = 0;
  std::string last_error_;
  std::atomic<std::size_t> granted_ = 0;  // subscriptions, since the last connection was made
  std::atomic<bool> subscribed_ = false;
  std::atomic<std::uint64_t> publishes_dropped_ = 0;
  std::atomic<std::uint64_t> connection_ = 0;  // attempts, so far
};

Result<std::unique_ptr<MqttPort>> MqttPort::open(const EdgeConfig& config, const Clock& clock) {
  try {
    return std::unique_ptr<MqttPort>(new MqttPort(std::make_unique<Link>(config, clock)));
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
void MqttPort::poll(DurationNs timeout, std::vector<Message>& batch) { link_->poll(timeout, batch); }
void MqttPort::durable() { link_->durable(); }
bool MqttPort::publish(std::string_view topic, std::span<const std::uint8_t> payload) { return link_->publish(topic, payload); }
void MqttPort::pause(bool paused) { link_->pause(paused); }
void MqttPort::close() { link_->close(); }
void MqttPort::wake() { link_->wake(); }
MqttStatus MqttPort::status() const { return link_->status(); }

}  // namespace stethos::edge
