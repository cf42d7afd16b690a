#include "edge/detect/limit.h"

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
  limit.statistic = kernels::find_statistic(config.statistic);
  STETHOS_CHECK(limit.statistic != nullptr, "the configuration was checked for unknown statistics");
  limit.unit = config.unit;
  limit.direction = config.direction;
  limit.alert = config.alert;
  limit.danger = config.danger;
  limit.deadband = config.deadband;
  limit.on_delay_ns = config.on_delay;
  limit.quantity = config.quantity;
  limit.device = config.device;
  limit.channel = config.channel;
  limit.id = hash_of("definition=" + std::to_string(limit.definition) + " statistic=" + std::to_string(limit.statistic->number) +
                     " unit=" + limit.unit + " " + schema::EnumNameLimitDirection(limit.direction) +
                     " alert=" + bits_of(limit.alert) + " danger=" + bits_of(limit.danger) +
                     " deadband=" + bits_of(limit.deadband) + " on_delay=" + std::to_string(limit.on_delay_ns) +
                     " quantity=" + limit.quantity + " device=" + limit.device + " channel=" + limit.channel);
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

}  // namespace stethos::edge
