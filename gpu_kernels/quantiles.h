// The quantile family: from buckets.
#pragma once

#include <optional>
#include <string_view>

#include "gpu_kernels/statistics.h"

namespace stethos::kernels {

std::span<const StatisticDefinition> quantile_statistics();

// The share that a percentage stands for, as people and rows write it: "p99.9" is 0.999. Nothing: it is none.
std::optional<double> parse_percentile(std::string_view text);

}  // namespace stethos::kernels
