#include "edge/core/definition.h"

#include <numeric>

#include "common/hash.h"
#include "edge/config/parameter_text.h"
#include "gpu_kernels/quantiles.h"
#include "gpu_kernels/statistics.h"

namespace stethos::edge {
namespace {

void show(WindowDefinition& definition, const kernels::StatisticDefinition& statistic) {
  definition.statistics.push_back(statistic.number);
  definition.shows_features = definition.shows_features || statistic.is_feature();
  definition.shows_validity = definition.shows_validity || (!statistic.is_feature() && kernels::is_of_validity(statistic.number));
}

WindowDefinition definition_of(const WindowConfig& config) {
  WindowDefinition definition;
  definition.offset_ns = config.offset;
  definition.quantity = config.quantity;
  definition.device = config.device;
  definition.emit_every_ns = config.emit_every;
  if (config.gap > 0) {
    definition.kind = schema::WindowKind::session;
    definition.length_ns = config.gap;
  } else if (config.samples > 0) {
    definition.kind = schema::WindowKind::count;
    definition.samples = static_cast<std::uint64_t>(config.samples);
  } else {
    definition.length_ns = config.length;
    definition.hop_ns = config.hop == 0 ? config.length : config.hop;
    definition.slice_ns = std::gcd(definition.length_ns, definition.hop_ns);
    definition.kind = definition.hop_ns == definition.length_ns ? schema::WindowKind::tumbling : schema::WindowKind::hopping;
  }
  std::string text = std::string(schema::EnumNameWindowKind(definition.kind)) +
                     " length=" + std::to_string(definition.length_ns) + " hop=" + std::to_string(definition.hop_ns) +
                     " offset=" + std::to_string(definition.offset_ns);
  if (definition.samples > 0) text += " samples=" + std::to_string(definition.samples);
  definition.id = hash_of(text + " quantity=" + definition.quantity + " device=" + definition.device);
  if (config.statistics.empty()) show_all(definition);
  for (const std::string& name : config.statistics) {
    const auto* statistic = kernels::find_statistic(name);
    STETHOS_CHECK(statistic != nullptr, "the configuration was checked for unknown statistics");
    show(definition, *statistic);
  }
  for (const std::string& each : config.quantiles)
    definition.quantiles.emplace_back(each, kernels::parse_percentile(each).value());
  return definition;
}

}  // namespace

void show_all(WindowDefinition& definition) {
  definition.statistics.clear();
  for (const auto& statistic : kernels::statistics()) {
    if (!statistic.is_former()) show(definition, statistic);
  }
}

std::vector<WindowDefinition> window_definitions(const std::vector<WindowConfig>& configured) {
  std::vector<WindowDefinition> definitions;
  definitions.reserve(configured.size());
  for (const WindowConfig& config : configured) definitions.push_back(definition_of(config));
  return definitions;
}

}  // namespace stethos::edge
