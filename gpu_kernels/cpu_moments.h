// The moments of one block with the vectors of this processor. A block in which a sample is left out, because it is not finite
// or not plausible, goes to the reference: there is one rule for what counts, and such blocks are rare.
#pragma once

#include <string_view>

#include "gpu_kernels/backend.h"

namespace stethos::kernels {

// `next`: the samples that will be asked about next, which are fetched into the cache meanwhile; may be null.
Moments cpu_moments(const BlockView& block, const void* next = nullptr);

// What Highway calls them: "AVX3_ZEN4", "AVX2", "NEON", ...
std::string_view cpu_vectors();

}  // namespace stethos::kernels
