#include "edge/ingest/session_filters.h"

#include <algorithm>
#include <utility>

#include "edge/core/limits.h"
#include "edge/ingest/topic_filter.h"

namespace stethos::edge {

Status give_up_former(SessionRecord& record, std::string_view broker, std::string_view client_id, std::string_view former) {
  for (MqttSession& each : record.sessions) {
    if (each.broker != broker || each.client_id == client_id || !each.is_confirmed) continue;
    if (each.client_id != former) {
      return fail(Code::invalid, "using the session of \"" + std::string(client_id) + "\" at " + each.broker,
                  "the node has one as \"" + each.client_id + "\", in which messages may be queued. Put mqtt.client_id = \"" +
                      each.client_id + "\" back, or give it up with mqtt.former_client_id = \"" + each.client_id + "\"");
    }
    each.is_confirmed = false;
    each.has_unknown = false;
    each.is_given_up = true;
    each.filters.clear();
  }
  return {};
}

SessionFilters::SessionFilters(SessionRecord record, std::string broker, std::string client_id, std::vector<WantedFilter> wanted,
                               std::uint32_t id_base)
    : record_(std::move(record)), wanted_(std::move(wanted)) {
  if (record_.last_id == 0) record_.last_id = id_base;
  auto& sessions = record_.sessions;
  const auto is_ours = [&](const MqttSession& each) { return each.broker == broker && each.client_id == client_id; };
  const auto known = std::ranges::find_if(sessions, is_ours);
  if (known != sessions.end()) {
    std::rotate(known, known + 1, sessions.end());
  } else {
    if (sessions.size() == sessions_max) sessions.erase(sessions.begin());
    sessions.push_back({std::move(broker), std::move(client_id), false, false, false, {}});
  }
}

void SessionFilters::prepare() {
  auto& filters = session().filters;
  for (const WantedFilter& wanted : wanted_) {
    const auto is_it = [&](const SessionFilter& each) { return each.topic == wanted.topic && each.state != FilterState::left; };
    const auto known = std::ranges::find_if(filters, is_it);
    if (known == filters.end()) {
      filters.push_back({++record_.last_id, wanted.topic, wanted.qos, FilterState::asked});
    } else if (std::exchange(known->qos, wanted.qos) != wanted.qos) {
      known->state = FilterState::asked;
    }
  }
}

SessionFound SessionFilters::connected(bool session_present) {
  const bool was_confirmed = std::exchange(session().is_confirmed, true);
  session().is_given_up = false;
  if (was_confirmed == session_present) return SessionFound::as_recorded;
  session().has_unknown = session_present;
  if (session_present) {
    adopt();
    return SessionFound::unknown;
  }
  session().filters.clear();
  prepare();
  return SessionFound::lost;
}

// The session may be one that is on record under another name of its broker: what that one may have is to be unsubscribed here
// too, which does nothing where it is not subscribed. From here on it is not known what the session has under the other name.
void SessionFilters::adopt() {
  auto& filters = session().filters;
  for (MqttSession& other : record_.sessions) {
    if (&other == &session() || other.client_id != session().client_id) continue;
    other.is_confirmed = false;
    for (SessionFilter& its : other.filters) {
      if (its.state == FilterState::granted) its.state = FilterState::asked;
      SessionFilter filter = its;
      if (std::ranges::find(filters, filter.id, &SessionFilter::id) != filters.end()) continue;
      const bool is_replaced = std::ranges::any_of(
          filters, [&](const SessionFilter& each) { return each.topic == filter.topic && each.state != FilterState::left; });
      if (is_replaced) filter.state = FilterState::left;
      filters.push_back(std::move(filter));
    }
  }
  std::ranges::sort(filters, {}, &SessionFilter::id);
  forget_oldest_left();
}

void SessionFilters::set_state(std::uint32_t id, FilterState state) {
  auto& filters = session().filters;
  const auto found = std::ranges::find(filters, id, &SessionFilter::id);
  if (found != filters.end()) found->state = state;
}

void SessionFilters::granted(std::uint32_t id) { set_state(id, FilterState::granted); }

void SessionFilters::refused(std::uint32_t id) { set_state(id, FilterState::asked); }

void SessionFilters::left(std::uint32_t id) {
  set_state(id, FilterState::left);
  forget_oldest_left();
}

void SessionFilters::forget_oldest_left() {
  auto& filters = session().filters;
  const auto has_left = [](const SessionFilter& each) { return each.state == FilterState::left; };
  while (std::ranges::count_if(filters, has_left) > std::ptrdiff_t{filters_left_max}) {
    filters.erase(std::ranges::find_if(filters, has_left));
  }
}

bool SessionFilters::is_wanted(const SessionFilter& filter) const {
  return filter.state != FilterState::left && std::ranges::find(wanted_, filter.topic, &WantedFilter::topic) != wanted_.end();
}

std::vector<SessionFilter> SessionFilters::wanted() const {
  std::vector<SessionFilter> out;
  for (const WantedFilter& wanted : wanted_) {
    std::ranges::copy_if(session().filters, std::back_inserter(out), [&](const SessionFilter& each) {
      return each.topic == wanted.topic && each.state != FilterState::left;
    });
  }
  return out;
}

std::vector<SessionFilter> SessionFilters::former() const {
  std::vector<SessionFilter> out;
  std::ranges::copy_if(session().filters, std::back_inserter(out),
                       [&](const SessionFilter& each) { return each.state != FilterState::left && !is_wanted(each); });
  return out;
}

bool SessionFilters::may_differ() const {
  const auto is_granted = [](const SessionFilter& each) { return each.state == FilterState::granted; };
  return session().is_confirmed && !(std::ranges::all_of(wanted(), is_granted) && former().empty());
}

CameBy SessionFilters::came_by(std::string_view topic, std::span<const std::uint32_t> ids, bool has_identifiers) {
  const auto& filters = session().filters;
  const auto is_on_record = [&](std::uint32_t id) { return std::ranges::find(filters, id, &SessionFilter::id) != filters.end(); };
  // A message without an identifier came by a filter of somebody who gave it none.
  const bool came_by_unknown = ids.empty() ? has_identifiers && has_unknown() : !std::ranges::all_of(ids, is_on_record);
  if (ids.empty() && !came_by_unknown) return {};
  if (came_by_unknown) session().has_unknown = true;
  const auto known = std::ranges::find_if(ids, is_on_record);
  CameBy out{.filter = known == ids.end() ? unknown_filters : *known, .others = {}};
  for (const SessionFilter& each : filters) {
    if (std::ranges::find(ids, each.id) == ids.end() && topic_matches(each.topic, topic)) out.others.push_back(each.id);
  }
  if (has_unknown() && !came_by_unknown) out.others.push_back(unknown_filters);
  return out;
}

}  // namespace stethos::edge
