// The buckets of one block, counted in a dense table.
#pragma once

#include <cstdint>
#include <vector>

#include "gpu_kernels/block.h"

namespace stethos::kernels {

// Of one thread: kept from block to block.
struct BucketScratch {
  std::vector<std::uint16_t> indices;  // of the samples
  std::vector<std::uint16_t> table;    // counts by index; all zero between blocks
  std::vector<std::uint16_t> counts;   // those that are not
  std::vector<std::uint32_t> wide_counts;
};

// `moments` are the block's.
void cpu_buckets(const BlockView& block, const Moments& moments, BucketScratch& scratch, CountedBuckets& out);

}  // namespace stethos::kernels
