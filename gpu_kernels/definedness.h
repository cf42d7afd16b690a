// Whether a statistic of single blocks can be defined at all, by what a block is and not by its samples: so that a null in a row
// is explained before anybody wonders. By the same functions that find the bins. Pure; any thread.
#pragma once

#include <cstddef>

#include "gpu_kernels/block.h"

namespace stethos::kernels {

// Of a block in which every sample is good: of its length, sampling rate, shaft's speed and plan.
bool can_be_defined(const Feature& feature, const BlockView& block);

// How many samples such a block must have; 0: however many, it is not defined.
std::size_t samples_needed(const Feature& feature, const BlockView& block);

}  // namespace stethos::kernels
