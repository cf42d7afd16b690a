#include "edge/ingest/subscriber.h"

#include <algorithm>
#include <bit>
#include <random>

#include "common/log.h"

namespace stethos::edge {
namespace {

std::vector<WantedFilter> filters_of(const EdgeConfig& config) {
  std::vector<WantedFilter> filters;
  for (const SubscriptionConfig& each : config.subscriptions) filters.push_back({each.topic, each.qos});
  return filters;
}

bool is_granted(const SessionFilter& filter) { return filter.state == FilterState::granted; }

// A request carries the identifier of its filter, and its answer brings it back.
void* context_of(std::uint32_t id) { return std::bit_cast<void*>(std::uintptr_t{id}); }
std::uint32_t id_of(const mqtt::token& token) {
  return static_cast<std::uint32_t>(std::bit_cast<std::uintptr_t>(token.get_user_context()));
}

std::uint32_t random_id_base() {
  std::random_device chance;
  return std::uniform_int_distribution<std::uint32_t>(0, SessionFilters::id_base_max)(chance);
}

std::string text_of(int reason) { return "reason " + std::to_string(reason); }

bool offers_identifiers(const mqtt::connect_response& accepted) {
  constexpr auto property = mqtt::property::SUBSCRIPTION_IDENTIFIERS_AVAILABLE;
  const mqtt::properties& properties = accepted.get_properties();
  return !properties.contains(property) || mqtt::get<std::uint8_t>(properties, property) != 0;
}

}  // namespace

Subscriber::Subscriber(const EdgeConfig& config, std::string broker, std::string client_id, const Clock& clock,
                       SessionRecord record, Keep keep, PortNews& news, std::function<void()> answered)
    : config_(config),
      session_name_("\"" + client_id + "\" at " + broker),
      clock_(clock),
      keep_(std::move(keep)),
      news_(news),
      answered_(std::move(answered)),
      filters_(std::move(record), std::move(broker), std::move(client_id), filters_of(config), random_id_base()) {}

bool Subscriber::prepare() {
  {
    const std::lock_guard lock(mutex_);
    filters_.prepare();
    answers_.clear();
    asked_.clear();
    lowered_.clear();
    is_connected_ = true;  // before it is: it may be lost again before this thread hears of it
  }
  return keep_record();
}

bool Subscriber::begin(const mqtt::connect_response& accepted) {
  const bool has_identifiers = offers_identifiers(accepted);
  if (!has_identifiers && !std::exchange(identifiers_told_, true)) {
    spdlog::warn(
        "mqtt: the broker has no subscription identifiers: when a filter of the configuration takes the place of another, a "
        "message "
        "that both match may be counted twice");
  }
  SessionFound found{};
  {
    const std::lock_guard lock(mutex_);
    has_identifiers_ = has_identifiers;
    found = filters_.connected(accepted.is_session_present());
    if (found == SessionFound::lost) ++sessions_lost_;
    unknown_heard_ = true;
  }
  if (found == SessionFound::lost) {
    spdlog::error("mqtt: the broker has lost the session of {}, and what it had queued there", session_name_);
    news_.event(schema::EventKind::session_lost, 0, session_name_);
  }
  tell_unknown();
  return keep_record();
}

// Once a process and session, also of one that was found before: what comes by such filters comes until somebody ends the
// session.
void Subscriber::tell_unknown() {
  {
    const std::lock_guard lock(mutex_);
    if (!filters_.has_unknown()) {
      unknown_told_ = false;
      return;
    }
  }
  if (std::exchange(unknown_told_, true)) return;
  spdlog::warn(
      "mqtt: the session of {} may be subscribed to what is not on record here; what comes by it is taken as by a filter that "
      "has "
      "left the configuration",
      session_name_);
  news_.event(schema::EventKind::session_unknown, 0, session_name_);
}

// Unless this process has kept the same record before.
bool Subscriber::keep_record() {
  SessionRecord record;
  {
    const std::lock_guard lock(mutex_);
    record = filters_.record();
  }
  if (record == kept_) return true;
  if (auto kept = keep_(record); !kept) {
    spdlog::error("mqtt: {}", kept.error().text());
    return false;
  }
  kept_ = std::move(record);
  return true;
}

DurationNs Subscriber::look_after(mqtt::async_client& client) {
  std::vector<SessionFilter> to_subscribe;
  std::vector<SessionFilter> to_unsubscribe;
  DurationNs due = never;
  {
    const std::lock_guard lock(mutex_);
    unknown_heard_ = true;
    const auto& filters = filters_.record().sessions.back().filters;
    for (const auto& [id, answer] : std::exchange(answers_, {})) {
      const auto filter = std::ranges::find(filters, id, &SessionFilter::id);
      if (filter == filters.end()) continue;
      std::visit([&, its = *filter](const auto& what) { hear(its, what); }, answer);
    }
    // A session that was there had them already; all are asked for again, for the broker's rules may have changed.
    const std::vector<SessionFilter> wanted = filters_.wanted();
    const bool all_granted = std::ranges::all_of(wanted, is_granted);
    const bool is_subscribed = all_granted && is_connected_;
    if (subscribed_.exchange(is_subscribed) != is_subscribed && is_subscribed) spdlog::info("mqtt: subscribed");
    const auto is_due = [&](const SessionFilter& each) { return is_to_ask(each.id, due); };
    std::ranges::copy_if(wanted, std::back_inserter(to_subscribe), is_due);
    if (all_granted) std::ranges::copy_if(filters_.former(), std::back_inserter(to_unsubscribe), is_due);
  }
  try {
    for (const SessionFilter& filter : to_subscribe) subscribe(client, filter);
    for (const SessionFilter& filter : to_unsubscribe) client.unsubscribe(filter.topic, context_of(filter.id), *this);
  } catch (const mqtt::exception& error) {  // the connection is lost, or soon will be
    news_.error(std::string("subscribing: ") + error.what());
  }
  tell_unknown();
  keep_record();  // a spool that does not take it ends the process with its next commit
  return due;
}

// With the mutex. Whether the filter is to be asked for now; `due`: in how long at the latest to look again.
bool Subscriber::is_to_ask(std::uint32_t id, DurationNs& due) {
  const auto [known, is_new] = asked_.try_emplace(id);
  if (is_new) return true;
  auto& again_at = known->second.again_at;
  if (!again_at) return false;
  const DurationNs now = clock_.monotonic();
  if (now >= *again_at) {
    again_at.reset();
    return true;
  }
  due = std::min(due, *again_at - now);
  return false;
}

// One by one: Paho C++ 1.2 reads beyond the options of several. Retained messages are not asked for: they were counted when
// they were new.
void Subscriber::subscribe(mqtt::async_client& client, const SessionFilter& filter) {
  mqtt::properties properties;
  if (has_identifiers_) properties.add({mqtt::property::SUBSCRIPTION_IDENTIFIER, static_cast<std::int32_t>(filter.id)});
  client.subscribe(filter.topic, filter.qos, context_of(filter.id), *this,
                   mqtt::subscribe_options(false, false, mqtt::subscribe_options::DONT_SEND_RETAINED), properties);
}

// --- what the broker answered, with the mutex ---

void Subscriber::hear(const SessionFilter& filter, const Granted& granted) {
  filters_.granted(filter.id);
  if (granted.qos >= filter.qos) {
    lowered_.erase(filter.id);
    lowered_told_.erase(filter.id);
    return;
  }
  lowered_[filter.id] = granted.qos;
  const auto [told, is_new] = lowered_told_.try_emplace(filter.id, granted.qos);
  if (!is_new && std::exchange(told->second, granted.qos) == granted.qos) return;
  spdlog::warn("mqtt: the broker gives \"{}\" QoS {} where {} was asked for", filter.topic, granted.qos, filter.qos);
  news_.event(schema::EventKind::qos_lowered, granted.qos, filter.topic);
}

// Of one that is wanted, or of the end of a former one: either is asked for again.
void Subscriber::hear(const SessionFilter& filter, const Refused& refused) {
  const std::vector<SessionFilter> wanted = filters_.wanted();
  const bool is_wanted = std::ranges::find(wanted, filter.id, &SessionFilter::id) != wanted.end();
  if (is_wanted) filters_.refused(filter.id);
  news_.error("the broker refuses to " + std::string(is_wanted ? "subscribe" : "unsubscribe") + " \"" + filter.topic +
              "\": " + refused.why);
  ++refused_;
  Asked& asked = asked_[filter.id];
  asked.pause = asked.pause == 0 ? config_.mqtt_reconnect_min : std::min(2 * asked.pause, config_.mqtt_reconnect_max);
  asked.again_at = clock_.monotonic() + asked.pause;
}

void Subscriber::hear(const SessionFilter& filter, const Unsubscribed& /*unsubscribed*/) {
  spdlog::info("mqtt: unsubscribed \"{}\", which has left the configuration", filter.topic);
  filters_.left(filter.id);
}

// --- on Paho's thread ---

void Subscriber::on_success(const mqtt::token& token) {
  if (token.get_type() == mqtt::token::Type::UNSUBSCRIBE) return answer(token, Unsubscribed{});
  const auto codes = token.get_subscribe_response().get_reason_codes();
  const int code = codes.empty() ? mqtt::ReasonCode::UNSPECIFIED_ERROR : codes.front();
  if (code > mqtt::ReasonCode::GRANTED_QOS_2) return answer(token, Refused{text_of(code)});
  answer(token, Granted{code});
}

void Subscriber::on_failure(const mqtt::token& token) {
  const int reason = token.get_reason_code();
  answer(token, Refused{reason >= mqtt::ReasonCode::UNSPECIFIED_ERROR ? text_of(reason)
                                                                      : mqtt::exception::error_str(token.get_return_code())});
}

void Subscriber::answer(const mqtt::token& token, Answer answer) {
  {
    const std::lock_guard lock(mutex_);
    answers_.emplace_back(id_of(token), std::move(answer));
  }
  answered_();
}

// --- by any thread ---

void Subscriber::ended() {
  const std::lock_guard lock(mutex_);
  is_connected_ = false;
  subscribed_.store(false);
}

bool Subscriber::has_answers() const {
  const std::lock_guard lock(mutex_);
  return !answers_.empty() || !unknown_heard_;
}

bool Subscriber::begins_anew() const {
  const std::lock_guard lock(mutex_);
  return filters_.begins_anew();
}

bool Subscriber::may_differ() const {
  const std::lock_guard lock(mutex_);
  return filters_.may_differ();
}

bool Subscriber::is_settled() const {
  const std::lock_guard lock(mutex_);
  const auto is_refused = [](const auto& asked) { return asked.second.again_at.has_value(); };
  return answers_.empty() && (!filters_.may_differ() || std::ranges::any_of(asked_, is_refused));
}

CameBy Subscriber::came_by(std::string_view topic, std::span<const std::uint32_t> ids) {
  bool is_news = false;
  CameBy came_by;
  {
    const std::lock_guard lock(mutex_);
    const bool had_unknown = filters_.has_unknown();
    came_by = filters_.came_by(topic, ids, has_identifiers_);
    if (came_by.filter == unknown_filters) ++unknown_;
    is_news = filters_.has_unknown() && !had_unknown;
    if (is_news) unknown_heard_ = false;
  }
  if (is_news) answered_();
  return came_by;
}

Subscriber::Counts Subscriber::counts() const {
  const std::lock_guard lock(mutex_);
  return {.sessions_lost = sessions_lost_,
          .refused = refused_,
          .lowered = lowered_.size(),
          .former = filters_.former().size(),
          .unknown = unknown_,
          .without_identifiers = !has_identifiers_};
}

}  // namespace stethos::edge
