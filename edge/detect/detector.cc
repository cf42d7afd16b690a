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
bool follow_value(const Limit& limit, double bound, TimeNs start_ns, double value, bool was_reached, TimeNs& since_ns) {
  const double sign = limit.direction == schema::LimitDirection::above ? 1 : -1;
  const bool is_exceeded = sign * value > sign * bound - (was_reached ? limit.deadband : 0);
  if (!is_exceeded) {
    since_ns = time_min;
    return false;
  }
  if (since_ns == time_min) since_ns = start_ns;
  return was_reached || start_ns - since_ns >= limit.on_delay_ns;
}

}  // namespace

bool follow(const Limit& limit, TimeNs start_ns, double value, Alarm& alarm) {
  if (std::isnan(value) || start_ns < alarm.changed_ns) return false;
  const Alarm before = alarm;
  const bool alert = follow_value(limit, limit.alert, start_ns, value, before.level >= AlarmLevel::alert, alarm.alert_since_ns);
  const bool danger =
      follow_value(limit, limit.danger, start_ns, value, before.level == AlarmLevel::danger, alarm.danger_since_ns);
  alarm.level = danger ? AlarmLevel::danger : alert ? AlarmLevel::alert : AlarmLevel::none;
  alarm.highest_level = std::max(alarm.highest_level, alarm.level);
  if (before.level == AlarmLevel::none && alarm.level != AlarmLevel::none) {
    alarm.activated_ns = alert ? alarm.alert_since_ns : alarm.danger_since_ns;
  }
  if (alarm != before) alarm.changed_ns = start_ns;
  return alarm.level != before.level;
}

void Detector::watch(std::span<const WatchedWindow> windows, Effect& effect) const {
  for (const WatchedWindow& window : windows) {
    if (window.moments.count == 0) continue;
    for (const Limit& limit : limits_) {
      if (limit.definition != window.definition->id || !filter_takes(limit, window.stream->state)) continue;
      if (kernels::unit_of(*limit.statistic.statistic, window.stream->state.unit) == limit.unit) {
        hold_against(limit, window, effect);
      } else {
        ++effect.totals[Counter::limit_units_differ];
      }
    }
  }
}

void Detector::hold_against(const Limit& limit, const WatchedWindow& window, Effect& effect) const {
  Stream& stream = window.stream->state;
  const double value = value_of(limit.statistic, window.moments, window.blocks);
  const auto known = stream.alarms.find(limit.id);
  const Alarm before = known == stream.alarms.end() ? Alarm{} : known->second;
  Alarm alarm = before;
  if (follow(limit, window.start_ns, value, alarm)) {
    schema::AlarmRowT row = row_of(limit, window, value, alarm);
    ++alarm.revision;
    alarm.row = schema::pack(row);
    effect.alarm_rows.push_back(std::move(row));
    ++effect.totals[Counter::alarm_rows];
  }
  if (alarm == before) return;
  const bool is_over = alarm.alert_since_ns == time_min && alarm.danger_since_ns == time_min;
  if (is_over) {
    stream.alarms.erase(limit.id);
    effect.alarms.push_back({stream.id, limit.id, std::nullopt});
  } else {
    stream.alarms.insert_or_assign(limit.id, alarm);
    effect.alarms.push_back({stream.id, limit.id, std::move(alarm)});
  }
}

schema::AlarmRowT Detector::row_of(const Limit& limit, const WatchedWindow& window, double value, const Alarm& alarm) const {
  const Stream& stream = window.stream->state;
  schema::AlarmRowT row;
  row.device = stream.device;
  row.channel = stream.channel;
  row.limit = limit.id;
  row.activated_ns = alarm.activated_ns;
  row.revision = alarm.revision;
  row.state = alarm.level == AlarmLevel::none ? schema::AlarmState::inactive : schema::AlarmState::active;
  row.level = alarm.level;
  row.highest_level = alarm.highest_level;
  row.changed_ns = window.start_ns;
  row.value = value;
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
  row.stream_version = stream.version;
  row.provenance = provenance_;
  return row;
}

void Detector::withdraw_all(Stream& stream, Effect& effect) const {
  withdraw_if(stream, effect, [](std::uint64_t) { return true; });
}

void Detector::withdraw_former(Stream& stream, Effect& effect) const {
  withdraw_if(stream, effect,
              [&](std::uint64_t limit) { return std::ranges::find(limits_, limit, &Limit::id) == limits_.end(); });
}

template <class Predicate>
void Detector::withdraw_if(Stream& stream, Effect& effect, Predicate is_over) const {
  for (auto each = stream.alarms.begin(); each != stream.alarms.end();) {
    const auto& [limit, alarm] = *each;
    if (!is_over(limit)) {
      ++each;
      continue;
    }
    if (alarm.level != AlarmLevel::none) {
      const auto last = schema::open_alarm_row(alarm.row);
      STETHOS_CHECK(last, "an active alarm has a row");
      schema::AlarmRowT row;
      (*last)->UnPackTo(&row);
      row.revision = alarm.revision;
      row.state = schema::AlarmState::withdrawn;
      row.level = AlarmLevel::none;
      row.changed_ns = std::max(stream.watermark_ns, alarm.changed_ns);
      row.value = std::numeric_limits<double>::quiet_NaN();
      row.provenance = provenance_;
      effect.alarm_rows.push_back(std::move(row));
      ++effect.totals[Counter::alarm_rows];
    }
    effect.alarms.push_back({stream.id, limit, std::nullopt});
    each = stream.alarms.erase(each);
  }
}

}  // namespace stethos::edge
