#include "edge/inspect/velocity_units.h"

#include <algorithm>
#include <string_view>

#include "edge/window/block_plans.h"

namespace stethos::edge {
namespace {

// `device`: empty: any.
bool lacks_velocity(const EdgeConfig& config, std::string_view device, std::string_view quantity, std::string_view unit) {
  const auto takes = [&](const SpectrumConfig& each) {
    return each.quantity == quantity && (each.device.empty() || device.empty() || each.device == device);
  };
  const auto spectrum = std::ranges::find_if(config.spectra, takes);
  return spectrum != config.spectra.end() && !spectrum->velocity_bands.empty() && mm_s2_per_unit(unit) == 0;
}

std::string line_of(const std::string& what, const std::string& quantity, const std::string& unit) {
  return what + " is " + quantity + " in " + unit + ": no velocity is computed of it (it is of g, m/s2, mm/s2 or in/s2)";
}

}  // namespace

std::vector<std::string> without_velocity(const EdgeConfig& config, const PointTable& points) {
  std::vector<std::string> lines;
  for (const PointEntry* entry : points.latest()) {
    if (!lacks_velocity(config, entry->device, entry->quantity, entry->unit)) continue;
    lines.push_back(line_of(entry->device + "/" + entry->channel, entry->quantity, entry->unit));
  }
  for (std::size_t i = 0; i < config.subscriptions.size(); ++i) {
    for (const FieldConfig& field : config.subscriptions[i].all_fields()) {
      if (!lacks_velocity(config, "", field.quantity, field.unit)) continue;
      lines.push_back(line_of("subscription[" + std::to_string(i) + "]: " + field.channel, field.quantity, field.unit));
    }
  }
  return lines;
}

}  // namespace stethos::edge
