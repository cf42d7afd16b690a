#include "edge/detect/limit.h"

#include <algorithm>
#include <bit>

#include "common/hash.h"

namespace stethos::edge {
namespace {

// Values by their bits: a text of a double may differ from one library to the next.
std::string bits_of(double value) { return std::to_string(std::bit_cast<std::uint64_t>(value)); }

Limit limit_of(const LimitConfig& config, const WindowDefinition& definition) {
  Limit limit;
  limit.definition = definition.id;
  limit.length_ns = definition.length_ns;
  limit.statistic = parse_statistic_name(config.statistic);
  STETHOS_CHECK(limit.statistic.statistic != nullptr, "the configuration was checked for unknown statistics");
  limit.unit = config.unit;
  limit.direction = config.direction;
  limit.alert = config.alert;
  limit.danger = config.danger;
  limit.deadband = config.deadband;
  limit.on_delay_ns = config.on_delay;
  limit.quantity = config.quantity;
  limit.device = config.device;
  limit.channel = config.channel;
  limit.id = hash_of("definition=" + std::to_string(limit.definition) + " statistic=" + config.statistic + " unit=" + limit.unit +
                     " " + schema::EnumNameLimitDirection(limit.direction) + " alert=" + bits_of(limit.alert) +
                     " danger=" + bits_of(limit.danger) + " deadband=" + bits_of(limit.deadband) +
                     " on_delay=" + std::to_string(limit.on_delay_ns) + " quantity=" + limit.quantity +
                     " device=" + limit.device + " channel=" + limit.channel);
  return limit;
}

}  // namespace

std::vector<Limit> limits_of(const std::vector<LimitConfig>& configured, const std::vector<WindowDefinition>& definitions) {
  std::vector<Limit> limits;
  for (const LimitConfig& config : configured) {
    for (const WindowDefinition& definition : definitions) {
      if (!definition.is_on_grid() || (config.window != 0 && config.window != definition.length_ns)) continue;
      limits.push_back(limit_of(config, definition));
    }
  }
  return limits;
}

std::vector<Error> limits_in_other_units(const std::vector<LimitConfig>& configured, const PointTable& points) {
  const auto entries = points.latest();
  std::vector<Error> errors;
  for (std::size_t i = 0; i < configured.size(); ++i) {
    const LimitConfig& limit = configured[i];
    const auto* statistic = parse_statistic_name(limit.statistic).statistic;
    const auto differs = [&](const PointEntry* entry) {
      return filter_takes(limit, *entry) && kernels::unit_of(*statistic, entry->unit) != limit.unit;
    };
    const auto count = std::ranges::count_if(entries, differs);
    if (count == 0) continue;
    const PointEntry& first = **std::ranges::find_if(entries, differs);
    errors.push_back({Code::invalid, "limit[" + std::to_string(i) + "].unit",
                      "is " + limit.unit + ", and the point table has " + std::to_string(count) +
                          " channels in other units that the filters let pass, the first of them " + first.device + "/" +
                          first.channel + " in " + first.unit});
  }
  return errors;
}

}  // namespace stethos::edge
