#include "edge/window/shaft_speeds.h"

#include <cmath>
#include <iterator>

namespace stethos::edge {
namespace {

constexpr std::size_t readings_max = 256;  // of a machine

}  // namespace

void ShaftSpeeds::note(const PointEntry& entry, TimeNs time_ns, double value, std::vector<SpeedChange>& changes) {
  if (!is_shaft_speed(entry)) return;
  if (!std::isfinite(value) || value < entry.plausible_min || value > entry.plausible_max) return;
  auto& readings = by_machine_[entry.machine];
  const double hz = std::abs(value) * hz_per_speed_unit(entry.unit);
  readings[time_ns] = hz;
  changes.push_back({entry.machine, time_ns, hz});
  if (readings.size() <= readings_max) return;
  changes.push_back({entry.machine, readings.begin()->first, std::nullopt});
  readings.erase(readings.begin());
}

ShaftSpeed ShaftSpeeds::at(const PointEntry* entry, TimeNs time_ns, double said_hz) const {
  if (said_hz > 0) return {.hz = said_hz, .source = schema::SpeedSource::block};
  if (entry == nullptr) return {};
  if (const auto machine = by_machine_.find(entry->machine); machine != by_machine_.end()) {
    const auto later = machine->second.upper_bound(time_ns);
    if (later != machine->second.begin()) {
      const auto& [at_ns, hz] = *std::prev(later);
      if (time_ns - at_ns <= age_max_ns_) {
        return {.hz = hz * entry->speed_ratio, .source = schema::SpeedSource::stream, .age_ns = time_ns - at_ns};
      }
    }
  }
  if (entry->nominal_rpm > 0) return {.hz = entry->nominal_rpm / 60, .source = schema::SpeedSource::nominal};
  return {};
}

}  // namespace stethos::edge
