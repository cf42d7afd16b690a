#include "edge/ingest/session_filters.h"

#include <algorithm>
#include <utility>

#include "edge/core/limits.h"
#include "edge/ingest/topic_filter.h"

namespace stethos::edge {

SessionFilters::SessionFilters(SessionRecord record, std::string broker, std::string client_id, std::vector<std::string> wanted)
    : record_(std::move(record)), wanted_(std::move(wanted)) {
  auto& sessions = record_.sessions;
  const auto is_ours = [&](const MqttSession& each) { return each.broker == broker && each.client_id == client_id; };
  const auto known = std::ranges::find_if(sessions, is_ours);
  if (known != sessions.end()) {
    std::rotate(known, known + 1, sessions.end());
  } else {
    if (sessions.size() == sessions_max) sessions.erase(sessions.begin());
    sessions.push_back({std::move(broker), std::move(client_id), {}});
  }
  may_exist_ = !session().filters.empty();
}

void SessionFilters::prepare() {
  auto& filters = session().filters;
  for (const std::string& topic : wanted_) {
    const auto is_there = [&](const SessionFilter& each) { return each.topic == topic && !each.has_left; };
    if (std::ranges::none_of(filters, is_there)) filters.push_back({++record_.last_id, topic});
  }
}

bool SessionFilters::connected(bool session_present) {
  const bool is_lost = std::exchange(may_exist_, true) && !session_present;
  if (is_lost) session().filters.clear();
  prepare();
  return !is_lost;
}

void SessionFilters::left(std::uint32_t id) {
  auto& filters = session().filters;
  const auto found = std::ranges::find(filters, id, &SessionFilter::id);
  if (found == filters.end()) return;
  found->has_left = true;
  if (std::ranges::count_if(filters, &SessionFilter::has_left) > std::ptrdiff_t{filters_left_max}) {
    filters.erase(std::ranges::find_if(filters, &SessionFilter::has_left));
  }
}

bool SessionFilters::is_wanted(const SessionFilter& filter) const {
  return !filter.has_left && std::ranges::find(wanted_, filter.topic) != wanted_.end();
}

std::vector<SessionFilter> SessionFilters::wanted() const {
  std::vector<SessionFilter> out;
  for (const std::string& topic : wanted_) {
    for (const SessionFilter& each : session().filters) {
      if (each.topic == topic && !each.has_left) out.push_back(each);
    }
  }
  return out;
}

std::vector<SessionFilter> SessionFilters::former() const {
  std::vector<SessionFilter> out;
  std::ranges::copy_if(session().filters, std::back_inserter(out),
                       [&](const SessionFilter& each) { return !each.has_left && !is_wanted(each); });
  return out;
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
