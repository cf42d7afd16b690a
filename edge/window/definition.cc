#include "edge/window/definition.h"

#include "common/hash.h"
#include "gpu_kernels/statistics.h"

namespace stethos::edge {

std::vector<WindowDefinition> window_definitions(const std::vector<WindowConfig>& configured) {
  std::vector<WindowDefinition> definitions;
  for (const WindowConfig& config : configured) {
    WindowDefinition definition;
    definition.length_ns = config.length;
    definition.offset_ns = config.offset;
    definition.quantity = config.quantity;
    definition.device = config.device;
    definition.id =
        hash_of("tumbling length=" + std::to_string(config.length) + " hop=" + std::to_string(config.length) +
                " offset=" + std::to_string(config.offset) + " quantity=" + config.quantity + " device=" + config.device);
    if (config.statistics.empty()) {
      for (const auto& statistic : kernels::statistics()) definition.statistics.push_back(statistic.number);
    }
    for (const std::string& name : config.statistics) {
      const auto* statistic = kernels::find_statistic(name);
      STETHOS_CHECK(statistic != nullptr, "the configuration was checked for unknown statistics");
      definition.statistics.push_back(statistic->number);
    }
    definitions.push_back(std::move(definition));
  }
  return definitions;
}

}  // namespace stethos::edge
