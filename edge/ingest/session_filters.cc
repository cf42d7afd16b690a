#include "edge/ingest/session_filters.h"

#include <algorithm>
#include <utility>

#include "edge/core/limits.h"
#include "edge/ingest/topic_filter.h"

namespace stethos::edge {

SessionFilters::SessionFilters(SessionRecord record, std::string broker, std::string client_id, std::vector<WantedFilter> wanted)
    : record_(std::move(record)), wanted_(std::move(wanted)) {
  auto& sessions = record_.sessions;
  const auto is_ours = [&](const MqttSession& each) { return each.broker == broker && each.client_id == client_id; };
  const auto known = std::ranges::find_if(sessions, is_ours);
  if (known != sessions.end()) {
    std::rotate(known, known + 1, sessions.end());
  } else {
    if (sessions.size() == sessions_max) sessions.erase(sessions.begin());
    sessions.push_back({std::move(broker), std::move(client_id), false, {}});
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

bool SessionFilters::connected(bool session_present) {
  const bool is_lost = std::exchange(session().is_confirmed, true) && !session_present;
  if (!is_lost) return true;
  session().filters.clear();
  prepare();
  return false;
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
  auto& filters = session().filters;
  const auto has_left = [](const SessionFilter& each) { return each.state == FilterState::left; };
  if (std::ranges::count_if(filters, has_left) > std::ptrdiff_t{filters_left_max}) {
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

std::vector<std::uint32_t> SessionFilters::others(std::string_view topic, std::span<const std::uint32_t> came_by) const {
  std::vector<std::uint32_t> out;
  if (came_by.empty()) return out;
  for (const SessionFilter& each : session().filters) {
    if (std::ranges::find(came_by, each.id) == came_by.end() && topic_matches(each.topic, topic)) out.push_back(each.id);
  }
  return out;
}

}  // namespace stethos::edge
