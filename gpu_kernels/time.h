// The time family: what moments say of a window's samples.
#pragma once

#include "gpu_kernels/statistics.h"

namespace stethos::kernels {

std::span<const StatisticDefinition> time_statistics();

}  // namespace stethos::kernels
