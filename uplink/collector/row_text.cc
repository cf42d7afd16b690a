#include "uplink/collector/row_text.h"

#include <limits>

#include "common/time_text.h"

namespace stethos::collector {
namespace {

constexpr double not_there = std::numeric_limits<double>::quiet_NaN();

}  // namespace

std::string time_or_empty(TimeNs time) {
  constexpr TimeNs time_max = std::numeric_limits<TimeNs>::max() - 2LL * 86'400 * ns_per_s;
  return time == 0 || time > time_max || time < -time_max ? std::string() : format_time(time);
}

std::string kind_of(const schema::WindowRow& row) {
  const std::string name = schema::EnumNameWindowKind(row.kind());
  return name.empty() ? "kind_" + std::to_string(static_cast<int>(row.kind())) : name;
}
std::string state_of(const schema::WindowRow& row) {
  const std::string name = schema::EnumNameWindowState(row.state());
  return name.empty() ? "state_" + std::to_string(static_cast<int>(row.state())) : name;
}
std::string lane_of(int lane) {
  const std::string name =
      lane <= static_cast<int>(schema::Lane::MAX) ? schema::EnumNameLane(static_cast<schema::Lane>(lane)) : "";
  return name.empty() ? "lane_" + std::to_string(lane) : name;
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
