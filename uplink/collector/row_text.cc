#include "uplink/collector/row_text.h"

#include <limits>

#include "common/time_text.h"

namespace stethos::collector {
namespace {

constexpr double not_there = std::numeric_limits<double>::quiet_NaN();

template <class Number>
std::string name_or_number(std::string_view name, std::string_view of, Number number) {
  return name.empty() ? std::string(of) + "_" + std::to_string(static_cast<int>(number)) : std::string(name);
}

}  // namespace

std::string time_or_empty(TimeNs time) {
  constexpr TimeNs time_max = std::numeric_limits<TimeNs>::max() - 2LL * 86'400 * ns_per_s;
  return time == 0 || time > time_max || time < -time_max ? std::string() : format_time(time);
}

std::string kind_of(const schema::WindowRow& row) {
  return name_or_number(schema::EnumNameWindowKind(row.kind()), "kind", row.kind());
}
std::string state_of(const schema::WindowRow& row) {
  return name_or_number(schema::EnumNameWindowState(row.state()), "state", row.state());
}
std::string state_of(const schema::AlarmRow& row) {
  return name_or_number(schema::EnumNameAlarmState(row.state()), "state", row.state());
}
std::string level_of(schema::AlarmLevel level) { return name_or_number(schema::EnumNameAlarmLevel(level), "level", level); }
std::string direction_of(const schema::AlarmRow& row) {
  return name_or_number(schema::EnumNameLimitDirection(row.direction()), "direction", row.direction());
}
std::string lane_of(int lane) {
  const bool is_known = lane <= static_cast<int>(schema::Lane::MAX);
  return name_or_number(is_known ? schema::EnumNameLane(static_cast<schema::Lane>(lane)) : "", "lane", lane);
}

double coverage_of(const schema::WindowRow& row) {
  const auto& counts = *row.counts();
  return counts.expected() == 0 ? not_there : static_cast<double>(counts.good()) / static_cast<double>(counts.expected());
}

double statistic_of(const schema::WindowRow& row, std::uint16_t number) {
  if (row.statistics() != nullptr) {
    for (const auto* value : *row.statistics()) {
      if (value->statistic() == number && value->parameter() == 0) return value->value();
    }
  }
  return not_there;
}

}  // namespace stethos::collector
