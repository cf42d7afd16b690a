// The buckets of one block, counted in a dense table.
#pragma once

#include <cstdint>
#include <vector>

#include "gpu_kernels/block.h"

namespace stethos::kernels {

// `counts` is scratch: empty at first, then kept by the caller from block to block.
void cpu_buckets(const BlockView& block, std::vector<std::uint32_t>& counts, Buckets& out);

}  // namespace stethos::kernels
