#include "firmware_sim/mqtt_link.h"

#include <mqtt/async_client.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>

#include "common/hash.h"
#include "common/log.h"
#include "common/result.h"
#include "common/signals.h"
#include "firmware_sim/random.h"

namespace stethos::firmware_sim {
namespace {

// Above what we ever have in flight: Paho stalls at its own limit of messages sent, and throws at that of messages that wait
// to be sent, which holds with a connection, too.
constexpr int paho_in_flight_max = 1000;
constexpr int keep_alive_s = 30;
constexpr std::size_t topics_per_subscription_max = 200;
constexpr std::chrono::milliseconds disconnect_wait(500);

enum class Happening : std::uint8_t {
  connected,
  connect_failed,
  subscribed,
  subscribe_failed,
  lost,
  delivered,
  not_delivered,
  message
};

struct Happened {
  std::uint64_t session = 0;
  Happening what = Happening::lost;
  void* slot = nullptr;  // of a publication
  std::string topic;
  std::vector<std::uint8_t> payload;
};

// From Paho's thread to ours.
class Inbox {
 public:
  explicit Inbox(std::size_t messages_max) : messages_max_(messages_max), fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    STETHOS_CHECK(fd_ >= 0, "no event descriptor");
  }
  ~Inbox() { ::close(fd_); }
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  void put(Happened happened) {
    {
      const std::lock_guard lock(mutex_);
      if (happened.what == Happening::message) {
        if (messages_ >= messages_max_) return;
        ++messages_;
      }
      happened_.push_back(std::move(happened));
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
  }
  std::deque<Happened> take() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(fd_, &count, sizeof count);
    const std::lock_guard lock(mutex_);
    messages_ = 0;
    return std::exchange(happened_, {});
  }
  int fd() const { return fd_; }

 private:
  std::size_t messages_max_;
  int fd_;
  std::mutex mutex_;
  std::deque<Happened> happened_;
  std::size_t messages_ = 0;
};

// Tells the inbox how one kind of action ended.
class Listener final : public mqtt::iaction_listener {
 public:
  Listener(Inbox& inbox, std::uint64_t session, Happening success, Happening failure)
      : inbox_(inbox), session_(session), success_(success), failure_(failure) {}

  void on_success(const mqtt::token& token) override { put(token, success_); }
  void on_failure(const mqtt::token& token) override { put(token, failure_); }

 private:
  void put(const mqtt::token& token, Happening what) { inbox_.put({session_, what, token.get_user_context(), {}, {}}); }

  Inbox& inbox_;
  std::uint64_t session_;
  Happening success_;
  Happening failure_;
};

mqtt::create_options create_options() {
  mqtt::create_options options;
  options.set_send_while_disconnected(false);
  options.set_max_buffered_messages(paho_in_flight_max);
  return options;
}

// One connection, from the first attempt to its end. The listeners outlive the client that calls them.
class Session {
 public:
  Session(const MqttLinkOptions& options, std::uint64_t number, Inbox& inbox)
      : connect_listener_(inbox, number, Happening::connected, Happening::connect_failed),
        subscribe_listener_(inbox, number, Happening::subscribed, Happening::subscribe_failed),
        publish_listener_(inbox, number, Happening::delivered, Happening::not_delivered),
        client_("tcp://" + options.host + ":" + std::to_string(options.port), options.client_id, create_options()) {
    client_.set_connection_lost_handler(
        [&inbox, number](const std::string&) { inbox.put({number, Happening::lost, nullptr, {}, {}}); });
    client_.set_message_callback([&inbox, number](const mqtt::const_message_ptr& message) {
      const auto& payload = message->get_payload();
      inbox.put({number, Happening::message, nullptr, message->get_topic(), {payload.begin(), payload.end()}});
    });
    mqtt::connect_options connect;
    connect.set_mqtt_version(MQTTVERSION_3_1_1);
    connect.set_clean_session(true);
    connect.set_keep_alive_interval(keep_alive_s);
    connect.set_connect_timeout(std::chrono::nanoseconds(options.connect_timeout));
    connect.set_max_inflight(paho_in_flight_max);
    client_.connect(std::move(connect), nullptr, connect_listener_);
  }
  ~Session() {
    try {
      if (client_.is_connected()) client_.disconnect()->wait_for(disconnect_wait);
    } catch (const mqtt::exception& failure) {
      spdlog::debug("disconnecting: {}", failure.what());
    }
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Returns how many answers will come.
  std::size_t subscribe(const std::vector<std::string>& topics) {
    std::size_t requests = 0;
    for (std::size_t from = 0; from < topics.size(); from += topics_per_subscription_max) {
      const std::size_t to = std::min(topics.size(), from + topics_per_subscription_max);
      const std::vector<std::string> some(topics.begin() + static_cast<std::ptrdiff_t>(from),
                                          topics.begin() + static_cast<std::ptrdiff_t>(to));
      const mqtt::iasync_client::qos_collection qos(some.size(), 0);
      client_.subscribe(std::make_shared<const mqtt::string_collection>(some), qos, nullptr, subscribe_listener_);
      ++requests;
    }
    return requests;
  }

  void publish(const std::string& topic, const std::vector<std::uint8_t>& payload, int qos, void* slot) {
    client_.publish(mqtt::make_message(topic, payload.data(), payload.size(), qos, false), slot, publish_listener_);
  }

 private:
  Listener connect_listener_;
  Listener subscribe_listener_;
  Listener publish_listener_;
  mqtt::async_client client_;
};

class MqttLink final : public Link {
 public:
  MqttLink(const MqttLinkOptions& options, const Clock& clock)
      : options_(options),
        inbox_(options.events_max),
        random_(hash_of(options.client_id)),
        reconnect_pause_(options.reconnect_min),
        clock_(clock) {
    slots_.resize(options_.in_flight_max);
    free_all();
  }

  std::vector<LinkEvent> poll(DurationNs now) override {
    std::vector<LinkEvent> events;
    for (Happened& happened : inbox_.take()) {
      if (happened.session == session_number_) handle(happened, now, events);
    }
    if (state_ == State::connecting && now >= attempt_ends_) go_down("no answer", now, events);
    if (state_ == State::up && free_slots_.size() < slots_.size() && now - progress_at_ > options_.acknowledge_timeout) {
      go_down("publications are not acknowledged", now, events);
    }
    if (state_ == State::down && now >= next_attempt_) attempt(now, events);
    return events;
  }

  std::size_t room() const override { return state_ == State::up ? free_slots_.size() : 0; }

  bool publish(const std::string& topic, const std::vector<std::uint8_t>& payload, const PublicationTag& tag) override {
    STETHOS_CHECK(room() > 0, "room was looked for");
    const std::size_t slot = free_slots_.back();
    try {
      session_->publish(topic, payload, options_.qos, &slots_[slot]);
    } catch (const mqtt::exception& failure) {
      spdlog::debug("publishing to {}: {}", topic, failure.what());
      return false;
    }
    if (free_slots_.size() == slots_.size()) progress_at_ = clock_.monotonic();
    free_slots_.pop_back();
    slots_[slot] = tag;
    return true;
  }

  void wait(DurationNs timeout) override {
    pollfd fds[2] = {{inbox_.fd(), POLLIN, 0}, {stop_fd(), POLLIN, 0}};
    const nfds_t count = stop_requested() || stop_fd() < 0 ? 1 : 2;
    const DurationNs until_attempt =
        state_ == State::up
            ? timeout
            : std::max<DurationNs>(0, (state_ == State::down ? next_attempt_ : attempt_ends_) - clock_.monotonic());
    const DurationNs wait_ns = std::min(timeout, until_attempt);
    const timespec limit{wait_ns / ns_per_s, wait_ns % ns_per_s};
    ::ppoll(fds, count, &limit, nullptr);
  }

 private:
  enum class State : std::uint8_t { down, connecting, up };

  void attempt(DurationNs now, std::vector<LinkEvent>& events) {
    state_ = State::connecting;
    attempt_ends_ = now + 2 * options_.connect_timeout;
    try {
      session_ = std::make_unique<Session>(options_, session_number_, inbox_);
    } catch (const mqtt::exception& failure) {
      go_down(failure.what(), now, events);
    }
  }

  void go_down(std::string_view why, DurationNs now, std::vector<LinkEvent>& events) {
    spdlog::warn("no connection to {}:{} ({})", options_.host, options_.port, why);
    if (state_ == State::up) events.push_back({LinkEvent::Kind::disconnected, {}, {}, {}});
    state_ = State::down;
    ++session_number_;  // what Paho still says of the publications under way is too late: their slots are free
    session_.reset();
    free_all();
    next_attempt_ = now + static_cast<DurationNs>(static_cast<double>(reconnect_pause_) * (0.5 + random_.uniform() / 2));
    reconnect_pause_ = std::min(2 * reconnect_pause_, options_.reconnect_max);
  }

  void go_up(std::vector<LinkEvent>& events) {
    state_ = State::up;
    reconnect_pause_ = options_.reconnect_min;
    events.push_back({LinkEvent::Kind::connected, {}, {}, {}});
  }

  void handle(Happened& happened, DurationNs now, std::vector<LinkEvent>& events) {
    switch (happened.what) {
      case Happening::connected:
        try {
          answers_missing_ = session_->subscribe(options_.topics);
          if (answers_missing_ == 0) go_up(events);
        } catch (const mqtt::exception& failure) {
          go_down(failure.what(), now, events);
        }
        return;
      case Happening::subscribed:
        if (--answers_missing_ == 0) go_up(events);
        return;
      case Happening::connect_failed:
        return go_down("it does not answer or refuses", now, events);
      case Happening::subscribe_failed:
        return go_down("it refuses the subscription", now, events);
      case Happening::lost:
        return go_down("lost", now, events);
      case Happening::delivered:
      case Happening::not_delivered:
        events.push_back({happened.what == Happening::delivered ? LinkEvent::Kind::delivered : LinkEvent::Kind::not_delivered,
                          slots_[slot_of(happened)],
                          {},
                          {}});
        free_slots_.push_back(slot_of(happened));
        progress_at_ = now;
        return;
      case Happening::message:
        events.push_back({LinkEvent::Kind::message, {}, std::move(happened.topic), std::move(happened.payload)});
        return;
    }
  }

  std::size_t slot_of(const Happened& happened) const {
    return static_cast<std::size_t>(static_cast<const PublicationTag*>(happened.slot) - slots_.data());
  }

  void free_all() {
    free_slots_.clear();
    for (std::size_t slot = slots_.size(); slot > 0; --slot) free_slots_.push_back(slot - 1);
  }

  MqttLinkOptions options_;
  Inbox inbox_;
  Random random_;
  State state_ = State::down;
  DurationNs next_attempt_ = 0;
  DurationNs attempt_ends_ = 0;
  DurationNs reconnect_pause_;
  DurationNs progress_at_ = 0;  // when a publication was acknowledged last, or sent while none was under way
  const Clock& clock_;
  std::uint64_t session_number_ = 0;
  std::size_t answers_missing_ = 0;
  std::vector<PublicationTag> slots_;
  std::vector<std::size_t> free_slots_;
  std::unique_ptr<Session> session_;  // last: it calls into what is above
};

}  // namespace

std::unique_ptr<Link> make_mqtt_link(const MqttLinkOptions& options, const Clock& clock) {
  return std::make_unique<MqttLink>(options, clock);
}

}  // namespace stethos::firmware_sim
