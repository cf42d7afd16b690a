// The validity of one block, without sorting it.
#pragma once

#include <cstdint>
#include <vector>

#include "gpu_kernels/block.h"

namespace stethos::kernels {

// Of one thread: kept from block to block.
struct ValidityScratch {
  std::vector<double> values;  // of scaled integers
  std::vector<std::uint32_t> keys;
  std::vector<std::uint16_t> places;  // of the keys in the table
  std::vector<std::uint32_t> table;
};

Validity cpu_validity(const BlockView& block, ValidityScratch& scratch);

}  // namespace stethos::kernels
