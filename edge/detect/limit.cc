#include "edge/detect/limit.h"

#include <algorithm>
#include <bit>

#include "common/hash.h"
#include "edge/window/block_plans.h"

namespace stethos::edge {
namespace {

// Values by their bits: a text of a double may differ from one library to the next.
std::string bits_of(double value) { return std::to_string(std::bit_cast<std::uint64_t>(value)); }

// Of what a window shows of the statistic.
kernels::Trend trend_of(const StatisticName& name) {
  return name.statistic->is_feature() && name.over_blocks == "max" ? kernels::Trend::grows : name.statistic->trend;
}

Limit limit_of(const LimitConfig& config, const WindowDefinition& definition) {
  Limit limit;
  limit.definition = definition.id;
  limit.length_ns = definition.length_ns;
  limit.statistic = parse_statistic_name(config.statistic);
  STETHOS_CHECK(limit.statistic.statistic != nullptr, "the configuration was checked for unknown statistics");
  limit.unit = config.unit;
  limit.direction = config.direction;
  const bool is_above = limit.direction == schema::LimitDirection::above;
  limit.stays_exceeded = trend_of(limit.statistic) == (is_above ? kernels::Trend::grows : kernels::Trend::shrinks);
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

bool meet(const std::string& a, const std::string& b) { return a.empty() || b.empty() || a == b; }

bool is_computed(const StatisticName& name, const WindowDefinition& definition, const EdgeConfig& config) {
  const std::uint16_t number = name.statistic->number;
  if (name.statistic->is_feature()) {
    const auto features = BlockPlans(config, {}).features();
    return definition.shows_features && std::ranges::find(features, std::pair(number, name.parameter)) != features.end();
  }
  if (name.statistic->parameter == kernels::ParameterRule::quantile) return !definition.quantiles.empty();
  return !kernels::is_of_validity(number) || definition.shows_validity;
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

std::vector<Error> limits_of_nothing(const EdgeConfig& config) {
  const auto definitions = window_definitions(config.windows);
  std::vector<Error> errors;
  for (std::size_t i = 0; i < config.limits.size(); ++i) {
    const LimitConfig& limit = config.limits[i];
    EdgeConfig of_limit = config;
    std::erase_if(of_limit.spectra, [&](const SpectrumConfig& spectrum) {
      return !meet(limit.quantity, spectrum.quantity) || !meet(limit.device, spectrum.device);
    });
    const auto name = parse_statistic_name(limit.statistic);
    const auto watches = [&](const WindowDefinition& definition) {
      return definition.is_on_grid() && (limit.window == 0 || limit.window == definition.length_ns) &&
             meet(limit.quantity, definition.quantity) && meet(limit.device, definition.device) &&
             is_computed(name, definition, of_limit);
    };
    if (std::ranges::any_of(definitions, watches)) continue;
    std::string others;  // of the same statistic
    for (const auto& [statistic, parameter] : BlockPlans(of_limit, {}).features()) {
      if (statistic == name.statistic->number) others += (others.empty() ? "; there are " : ", ") + parameter;
    }
    errors.push_back({Code::invalid, "limit[" + std::to_string(i) + "].statistic",
                      "is " + limit.statistic + ", which is computed for none of the windows that the limit watches: what is, " +
                          "the statistics and quantiles of [[window]] say, and [[spectrum]]" + others});
  }
  return errors;
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
