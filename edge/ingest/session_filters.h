// The topic filters of the session at the broker, and which of them the configuration still wants.
//
// A broker keeps a session, with its filters, while the edge is away: a filter that has left the configuration must be
// unsubscribed by name. So every filter that a session may have is on record before it is subscribed, and leaves the record of
// what is subscribed once the broker has confirmed that it is gone. New filters are granted before former ones go: between the
// two a topic that both match brings two copies of a message, each with the identifier of its filter, and of what the broker had
// queued some come later still. So filters that have left stay known by their identifiers, which no other filter gets.
//
// A session may have filters that are not on record: the record was lost with its spool, or is of the session under another name
// of the broker, or is older than the session. They cannot be unsubscribed, for nobody knows their topics. What comes by them is
// treated as what comes by a former filter, for as long as the broker keeps the session. So that no identifier of theirs is taken
// for one on record, each record begins with an identifier of its own.
//
// Pure state; one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace stethos::edge {

enum class FilterState : std::uint8_t {
  asked = 0,  // it may be subscribed, or will be
  granted = 1,  // the broker has confirmed that it is
  left = 2,  // the broker has confirmed that it is unsubscribed
};

// Stands for all filters that are not on record, where MQTT has identifiers below.
inline constexpr std::uint32_t unknown_filters = 1u << 28u;

struct SessionFilter {
  std::uint32_t id = 0;  // its MQTT subscription identifier, from 1
  std::string topic;
  int qos = 0;  // that is asked for
  FilterState state = FilterState::asked;

  bool operator==(const SessionFilter&) const = default;
};

struct MqttSession {
  std::string broker;
  std::string client_id;
  bool is_confirmed = false;  // the broker has once said that it has this session, and the record is of it
  bool has_unknown = false;  // it may have filters that are not on record
  bool is_given_up = false;  // what it holds is not wanted any more: another session has taken its place
  std::vector<SessionFilter> filters;  // by growing identifier

  bool operator==(const MqttSession&) const = default;
};

// What the spool holds.
struct SessionRecord {
  std::uint32_t last_id = 0;  // the highest identifier that was ever given
  std::vector<MqttSession> sessions;  // the one that was used last at the end

  bool operator==(const SessionRecord&) const = default;
};

struct WantedFilter {
  std::string topic;
  int qos = 0;
};

// By which filter of the session a message came.
struct CameBy {
  std::uint32_t filter = 0;  // 0: not known
  std::vector<std::uint32_t> others;  // that match its topic too, by each of which a copy may come; none where `filter` is 0
};

enum class SessionFound : std::uint8_t {
  as_recorded,
  lost,  // the broker had confirmed one before, with what came meanwhile, and has it no longer
  unknown,  // the broker has one, and there is no record of it: nobody knows to what it is subscribed
};

// A node that gets another client id leaves its session at the broker with what is queued there, and goes on in another: what
// comes from then on is in both. So that is not done unasked. `former`: the client whose session may be given up; empty: none's
// may. Should the node ever get that client id again, the session begins anew. Code::invalid: the record has another client's
// session at this broker, and what to do.
Status give_up_former(SessionRecord& record, std::string_view broker, std::string_view client_id, std::string_view former);

class SessionFilters {
 public:
  // Of this client at this broker; `wanted` are the filters of the configuration, no two of which overlap. A record that has
  // given no identifier yet gives those behind `id_base`, from 0 to id_base_max.
  SessionFilters(SessionRecord record, std::string broker, std::string client_id, std::vector<WantedFilter> wanted,
                 std::uint32_t id_base);
  static constexpr std::uint32_t id_base_max = unknown_filters / 2;

  // A connection is about to be made. Now the record has what will be subscribed, and must be kept before it is.
  void prepare();

  // The connection was made, so the broker has a session now, which the record says from here on. The
  // record must be kept before anything is subscribed. (A process that was killed before its first connection leaves a record of
  // a session that never was; one that was killed just after it finds a session that it takes for unknown.)
  SessionFound connected(bool session_present);

  // What the broker has answered: the filter is subscribed; it is not; it is unsubscribed.
  void granted(std::uint32_t id);
  void refused(std::uint32_t id);
  void left(std::uint32_t id);

  // In the order of the configuration.
  std::vector<SessionFilter> wanted() const;
  // To be unsubscribed, once all that are wanted are granted.
  std::vector<SessionFilter> former() const;
  const SessionRecord& record() const { return record_; }

  // Whether the broker may have a session that is not subscribed to what is wanted, and to nothing else.
  bool may_differ() const;

  // A message of this topic came with these subscription identifiers; `has_identifiers`: the broker keeps those that it is given.
  // One by a filter that is not on record shows that the session has such filters.
  CameBy came_by(std::string_view topic, std::span<const std::uint32_t> ids, bool has_identifiers);
  bool has_unknown() const { return session().has_unknown; }

  // Whether the session has been given up: what the broker has of it is to be discarded as the connection is made.
  bool begins_anew() const { return session().is_given_up; }

 private:
  void adopt();
  void forget_oldest_left();
  MqttSession& session() { return record_.sessions.back(); }
  const MqttSession& session() const { return record_.sessions.back(); }
  bool is_wanted(const SessionFilter& filter) const;
  void set_state(std::uint32_t id, FilterState state);

  SessionRecord record_;
  const std::vector<WantedFilter> wanted_;
};

}  // namespace stethos::edge
