#include "edge/detect/detector.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "schemas/envelope.h"

namespace stethos::edge {
namespace {

using schema::AlarmLevel;

// Takes one of the two values past a window, and returns whether the alarm is at its level now. Comparing with NaN, which
// stands for a value that is not given, is false.
bool follow_value(const Limit& limit, double bound, DurationNs on_delay_ns, TimeNs start_ns, double value, bool was_reached,
                  TimeNs& since_ns) {
  const double sign = limit.direction == schema::LimitDirection::above ? 1 : -1;
  const bool is_exceeded = sign * value > sign * bound - (was_reached ? limit.deadband : 0);
  if (!is_exceeded) {
    since_ns = time_min;
    return false;
  }
  if (since_ns == time_min) since_ns = start_ns;
  return was_reached || start_ns - since_ns >= on_delay_ns;
}

bool follow_with(const Limit& limit, DurationNs on_delay_ns, TimeNs start_ns, double value, Alarm& alarm) {
  if (std::isnan(value) || start_ns < alarm.changed_ns) return false;
  const Alarm before = alarm;
  const bool alert =
      follow_value(limit, limit.alert, on_delay_ns, start_ns, value, before.level >= AlarmLevel::alert, alarm.alert_since_ns);
  const bool danger =
      follow_value(limit, limit.danger, on_delay_ns, start_ns, value, before.level == AlarmLevel::danger, alarm.danger_since_ns);
  alarm.level = danger ? AlarmLevel::danger : alert ? AlarmLevel::alert : AlarmLevel::none;
  alarm.highest_level = std::max(alarm.highest_level, alarm.level);
  if (before.level == AlarmLevel::none && alarm.level != AlarmLevel::none) {
    alarm.activated_ns = alert ? alarm.alert_since_ns : alarm.danger_since_ns;
  }
  if (alarm != before) alarm.changed_ns = start_ns;
  return alarm.level != before.level;
}

bool is_exceeded(const Alarm& alarm) { return alarm.alert_since_ns != time_min || alarm.danger_since_ns != time_min; }

// The activation of the alarm that the collector is to know of: one that is active, or becomes so if what is provisional is
// confirmed. Nothing: there is none.
std::optional<TimeNs> told_activation(const Alarm& alarm) {
  if (alarm.level != AlarmLevel::none) return alarm.activated_ns;
  if (!alarm.provisional) return std::nullopt;
  if (!is_exceeded(alarm)) return alarm.provisional->first_ns;
  return alarm.alert_since_ns != time_min ? alarm.alert_since_ns : alarm.danger_since_ns;
}

Alarm alarm_of(const Limit& limit, const Stream& stream) {
  const auto known = stream.alarms.find(limit.id);
  return known == stream.alarms.end() ? Alarm{} : known->second;
}

void tell(schema::AlarmRowT row, Alarm& alarm, Effect& effect) {
  row.revision = alarm.revision++;
  alarm.row = schema::pack(row);
  effect.alarm_rows.push_back(std::move(row));
  ++effect.totals[Counter::alarm_rows];
}

}  // namespace

bool follow(const Limit& limit, TimeNs start_ns, double value, Alarm& alarm) {
  return follow_with(limit, limit.on_delay_ns, start_ns, value, alarm);
}

AlarmLevel provisional_level(const Alarm& alarm) {
  return alarm.provisional && alarm.provisional->level > alarm.level ? alarm.provisional->level : AlarmLevel::none;
}

void Detector::watch(std::span<const Watched> watched, Effect& effect) const {
  for (const Watched& each : watched) {
    if (const auto* window = std::get_if<WatchedWindow>(&each)) {
      watch_final(*window, effect);
      continue;
    }
    const auto& end = std::get<MeasureEnd>(each);
    withdraw_if(end.stream->state, end.at_ns, effect, [&](std::uint64_t id) {
      const auto limit = std::ranges::find(limits_, id, &Limit::id);
      return limit != limits_.end() && limit->definition == end.definition->id;
    });
  }
}

std::vector<Seen> Detector::see(const Stream& stream, const WindowDefinition& definition, const Description& description,
                                const Pane& whole) const {
  std::vector<Seen> seen;
  if (whole.moments.count == 0) return seen;
  const struct {
    std::string_view device, channel, quantity;
  } watched{stream.device, stream.channel, description.quantity};
  for (std::size_t i = 0; i < limits_.size(); ++i) {
    const Limit& limit = limits_[i];
    if (limit.definition != definition.id || !filter_takes(limit, watched)) continue;
    const bool is_in_unit = kernels::unit_of(*limit.statistic.statistic, description.unit) == limit.unit;
    seen.push_back({i, is_in_unit ? std::optional(value_of(limit.statistic, whole.moments, whole.blocks)) : std::nullopt});
  }
  return seen;
}

void Detector::watch_final(const WatchedWindow& window, Effect& effect) const {
  for (const Seen& each : window.seen) {
    if (each.value) {
      hold_final(limits_[each.limit], window, *each.value, effect);
    } else {
      ++effect.totals[Counter::limit_units_differ];
    }
  }
}

void Detector::watch_open(std::span<const WatchedWindow> windows, Effect& effect) const {
  for (const WatchedWindow& window : windows) {
    for (const Seen& each : window.seen) {
      if (limits_[each.limit].stays_exceeded && each.value) hold_open(limits_[each.limit], window, *each.value, effect);
    }
  }
}

void Detector::hold_final(const Limit& limit, const WatchedWindow& window, double value, Effect& effect) const {
  Stream& stream = window.stream->state;
  const Look look{window.start_ns, value, window.stream_version};
  Alarm alarm = alarm_of(limit, stream);
  follow(limit, look.start_ns, look.value, alarm);
  if (auto& open = alarm.provisional; open && open->last_ns <= look.start_ns) {
    open.reset();
  } else if (open && open->first_ns <= look.start_ns) {
    open->first_ns = open->last_ns;  // that this one exceeds the limit is known as that of a final one, if it does
  }
  keep(limit, stream, look, std::move(alarm), effect);
}

void Detector::hold_open(const Limit& limit, const WatchedWindow& window, double value, Effect& effect) const {
  Stream& stream = window.stream->state;
  const Look look{window.start_ns, value, window.stream_version};
  Alarm alarm = alarm_of(limit, stream);
  Alarm expected = alarm;
  follow_with(limit, 0, look.start_ns, look.value, expected);
  auto& open = alarm.provisional;
  if (expected.level <= std::max(alarm.level, open ? open->level : AlarmLevel::none)) return;
  const TimeNs first_ns = open ? std::min(open->first_ns, look.start_ns) : look.start_ns;
  const TimeNs last_ns = open ? std::max(open->last_ns, look.start_ns) : look.start_ns;
  open = ProvisionalAlarm{first_ns, last_ns, expected.level, look.value};
  keep(limit, stream, look, std::move(alarm), effect);
}

// Takes the alarm for what is known of the limit from now on, and tells what is new of it.
void Detector::keep(const Limit& limit, Stream& stream, const Look& look, Alarm alarm, Effect& effect) const {
  const Alarm before = alarm_of(limit, stream);
  if (alarm == before) return;
  tell_changes(limit, stream, look, before, alarm, effect);
  if (!is_exceeded(alarm)) {
    if (!alarm.provisional) {
      stream.alarms.erase(limit.id);
      effect.alarms.push_back({stream.id, limit.id, std::nullopt});
      return;
    }
    // Final windows know of no excess. The revisions go on: an alarm that was told may be told again.
    alarm = {.provisional = alarm.provisional, .revision = alarm.revision, .row = std::move(alarm.row)};
  }
  stream.alarms.insert_or_assign(limit.id, alarm);
  effect.alarms.push_back({stream.id, limit.id, std::move(alarm)});
}

void Detector::tell_changes(const Limit& limit, const Stream& stream, const Look& look, const Alarm& before, Alarm& alarm,
                            Effect& effect) const {
  const auto told = told_activation(before);
  const auto is_to_be_told = told_activation(alarm);
  if (told && told != is_to_be_told) {  // what was told is over
    if (before.level == AlarmLevel::none) {
      withdraw(alarm, look.start_ns, effect);
    } else {
      schema::AlarmRowT row = row_of(limit, stream, look);
      row.state = schema::AlarmState::inactive;
      row.activated_ns = before.activated_ns;
      row.highest_level = before.highest_level;
      tell(std::move(row), alarm, effect);
    }
  }
  if (!is_to_be_told) return;
  if (told == is_to_be_told && before.level == alarm.level && provisional_level(before) == provisional_level(alarm)) return;
  const bool is_active = alarm.level != AlarmLevel::none;
  schema::AlarmRowT row =
      row_of(limit, stream, is_active ? look : Look{alarm.provisional->last_ns, alarm.provisional->value, look.stream_version});
  row.state = is_active ? schema::AlarmState::active : schema::AlarmState::provisional;
  row.activated_ns = *is_to_be_told;
  row.level = alarm.level;
  // What is provisional after an alarm that is over is another one, and has been at no level.
  row.highest_level = is_active ? alarm.highest_level : schema::AlarmLevel::none;
  row.provisional_level = provisional_level(alarm);
  tell(std::move(row), alarm, effect);
}

// How a change of the limit's alarm begins; which alarm it is and what has become of it is left to the caller.
schema::AlarmRowT Detector::row_of(const Limit& limit, const Stream& stream, const Look& look) const {
  schema::AlarmRowT row;
  row.device = stream.device;
  row.channel = stream.channel;
  row.limit = limit.id;
  row.changed_ns = look.start_ns;
  row.value = look.value;
  row.statistic = limit.statistic.statistic->number;
  row.parameter = parameter_of(limit.statistic);
  row.unit = limit.unit;
  row.direction = limit.direction;
  row.alert = limit.alert;
  row.danger = limit.danger;
  row.deadband = limit.deadband;
  row.on_delay_ns = limit.on_delay_ns;
  row.definition = limit.definition;
  row.length_ns = limit.length_ns;
  row.stream_version = look.stream_version;
  row.provenance = provenance_;
  return row;
}

void Detector::withdraw_former(Stream& stream, Effect& effect) const {
  withdraw_if(stream, stream.newest_ns, effect,
              [&](std::uint64_t limit) { return std::ranges::find(limits_, limit, &Limit::id) == limits_.end(); });
}

void Detector::withdraw_all(Stream& stream, Effect& effect) const {
  withdraw_if(stream, stream.newest_ns, effect, [](std::uint64_t) { return true; });
}

// Ends the alarm that was told last.
void Detector::withdraw(Alarm& alarm, TimeNs changed_ns, Effect& effect) const {
  const auto last = schema::open_alarm_row(alarm.row);
  STETHOS_CHECK(last, "an alarm that was told has a row");
  schema::AlarmRowT row;
  (*last)->UnPackTo(&row);
  row.state = schema::AlarmState::withdrawn;
  row.level = AlarmLevel::none;
  row.provisional_level = AlarmLevel::none;
  row.changed_ns = changed_ns;
  row.value = std::numeric_limits<double>::quiet_NaN();
  row.provenance = provenance_;
  tell(std::move(row), alarm, effect);
}

template <class Predicate>
void Detector::withdraw_if(Stream& stream, TimeNs at, Effect& effect, Predicate is_over) const {
  for (auto each = stream.alarms.begin(); each != stream.alarms.end();) {
    auto& [limit, alarm] = *each;
    if (!is_over(limit)) {
      ++each;
      continue;
    }
    if (told_activation(alarm)) withdraw(alarm, std::max(at, alarm.changed_ns), effect);
    effect.alarms.push_back({stream.id, limit, std::nullopt});
    each = stream.alarms.erase(each);
  }
}

}  // namespace stethos::edge
