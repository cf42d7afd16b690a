// The plainest backend, with which every faster one is compared: one thread, float64, two passes over each block.
#pragma once

#include <memory>

#include "gpu_kernels/backend.h"

namespace stethos::kernels {

Moments reference_moments(const BlockView& block);

std::unique_ptr<StatisticsBackend> make_reference_backend();

}  // namespace stethos::kernels
