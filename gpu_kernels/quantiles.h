// The quantile family: from buckets.
#pragma once

#include "gpu_kernels/statistics.h"

namespace stethos::kernels {

std::span<const StatisticDefinition> quantile_statistics();

}  // namespace stethos::kernels
