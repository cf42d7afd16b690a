// Keeps the session at the broker subscribed to what the configuration wants: what may be subscribed is on record before it is
// asked for, what is refused is asked for again, what is granted at a lower QoS is told, and what has left the configuration is
// unsubscribed once all that is wanted is granted (edge/ingest/session_filters.h).
//
// The connector, the port's own thread, calls prepare, begin, look_after and may_differ; Paho's thread brings the broker's
// answers. They are heard in look_after. The rest may be called by any thread.
#pragma once

#include <mqtt/async_client.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "edge/config/edge_config.h"
#include "edge/ingest/port_news.h"
#include "edge/ingest/session_filters.h"

namespace stethos::edge {

class Subscriber final : public virtual mqtt::iaction_listener {
 public:
  using Keep = std::function<Status(const SessionRecord&)>;

  struct Counts {
    std::uint64_t sessions_lost = 0;
    std::uint64_t refused = 0;  // times
    std::uint64_t lowered = 0;  // filters, now
    std::uint64_t former = 0;   // filters, now
    std::uint64_t unknown = 0;  // messages by filters that are not on record
    bool without_identifiers = false;
  };

  // `answered` is called on Paho's thread when there is something to look after. All must outlive it. A record without filters
  // gives its first one an identifier that no other record has, but for chance.
  Subscriber(const EdgeConfig& config, std::string broker, std::string client_id, const Clock& clock, SessionRecord record,
             Keep keep, PortNews& news, std::function<void()> answered);

  // A connection is about to be made. False: the spool does not take what is to be subscribed.
  bool prepare();

  // Whether what the broker has of the session is to be discarded as the connection is made.
  bool begins_anew() const;

  // The broker has accepted the connection. False as above.
  bool begin(const mqtt::connect_response& accepted);

  // Hears what the broker has answered, and asks for what is to be asked for. Nothing is awaited: the broker may send the
  // session's messages first, and their commits may take long. Returns when it wants to look again, or `never`.
  static constexpr DurationNs never = std::numeric_limits<DurationNs>::max();
  DurationNs look_after(mqtt::async_client& client);

  // The connection is lost, or was ended.
  void ended();

  // Whether there is something to hear.
  bool has_answers() const;

  // Whether the session may be subscribed to something else than it should be; and whether that can be changed no more on this
  // connection: it is as it should be, or a filter is refused.
  bool may_differ() const;
  bool is_settled() const;

  // Whether there is a connection, and the broker has granted all that is wanted.
  bool is_subscribed() const { return subscribed_.load(); }

  // A message of this topic came with these subscription identifiers: as SessionFilters has it.
  CameBy came_by(std::string_view topic, std::span<const std::uint32_t> ids);

  const std::string& session_name() const { return session_name_; }
  Counts counts() const;

 private:
  struct Granted {
    int qos = 0;
  };
  struct Refused {
    std::string why;
  };
  struct Unsubscribed {};
  using Answer = std::variant<Granted, Refused, Unsubscribed>;

  // On this connection.
  struct Asked {
    std::optional<DurationNs> again_at;  // it was refused
    DurationNs pause = 0;
  };

  void on_success(const mqtt::token& token) override;
  void on_failure(const mqtt::token& token) override;
  void answer(const mqtt::token& token, Answer answer);

  bool keep_record();
  void tell_unknown();
  void hear(const SessionFilter& filter, const Granted& granted);
  void hear(const SessionFilter& filter, const Refused& refused);
  void hear(const SessionFilter& filter, const Unsubscribed& unsubscribed);
  bool is_to_ask(std::uint32_t id, DurationNs& due);
  void subscribe(mqtt::async_client& client, const SessionFilter& filter);

  const EdgeConfig& config_;
  const std::string session_name_;
  const Clock& clock_;
  const Keep keep_;
  PortNews& news_;
  const std::function<void()> answered_;
  std::optional<SessionRecord> kept_;  // by this process; the connector's alone
  bool identifiers_told_ = false;      // that there are none; the connector's alone
  bool unknown_told_ = false;          // that there are filters which are not on record; the connector's alone

  mutable std::mutex mutex_;
  SessionFilters filters_;
  std::vector<std::pair<std::uint32_t, Answer>> answers_;  // not heard yet; by identifier, as below
  std::map<std::uint32_t, Asked> asked_;
  std::map<std::uint32_t, int> lowered_;       // on this connection: the QoS that is given
  std::map<std::uint32_t, int> lowered_told_;  // the QoS that was told
  bool is_connected_ = false;
  bool has_identifiers_ = true;
  std::uint64_t sessions_lost_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t unknown_ = 0;
  bool unknown_heard_ = true;  // the connector has heard that there are filters which are not on record
  std::atomic<bool> subscribed_ = false;
};

}  // namespace stethos::edge
