// Vectors of the processor at hand, chosen at run time (Highway): AVX-512, AVX2, NEON, or a baseline that every one has.
#pragma once

#include <memory>

#include "gpu_kernels/backend.h"

namespace stethos::kernels {

// With more than one thread the others are the backend's own; collect computes with them.
std::unique_ptr<StatisticsBackend> make_cpu_backend(std::size_t threads);

}  // namespace stethos::kernels
