// The validity of one block in one pass, without sorting it.
#pragma once

#include <cstdint>
#include <vector>

#include "gpu_kernels/block.h"

namespace stethos::kernels {

// `seen` is scratch, kept by the caller from block to block.
Validity cpu_validity(const BlockView& block, std::vector<std::uint64_t>& seen);

}  // namespace stethos::kernels
