#include "uplink/collector/row_text.h"

#include <algorithm>
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

std::string source_of(const schema::Speed& speed) {
  return name_or_number(schema::EnumNameSpeedSource(speed.source()), "source", speed.source());
}

std::string_view parameter_of(const schema::StatisticValue& value, const WindowRecord& record) {
  return record.provenance ? text_of(record.provenance->parameters, value.parameter()) : std::string_view{};
}

std::string name_of(const schema::StatisticValue& value, const WindowRecord& record) {
  const std::string_view text = parameter_of(value, record);
  if (value.parameter() == 0 || !text.empty()) return statistic_name(value.statistic(), text);
  return statistic_name(value.statistic(), "#" + std::to_string(value.parameter()));
}

bool is_wanted(const std::vector<std::string>& asked, std::string_view name) {
  const std::string_view without_parameter = name.substr(0, name.find('.'));
  return asked.empty() || std::ranges::any_of(asked, [&](const auto& each) { return each == name || each == without_parameter; });
}

}  // namespace stethos::collector
