// The validity family: signs that a sensor cannot be believed, because it clips, sticks or has few steps. Of blocks: single
// readings have none. All finite samples are looked at, also those outside the plausible range.
//
// Merging adds counts, and keeps the worst block of what is one block's. Plain C++20, no CUDA types. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>

namespace stethos::kernels {

struct StatisticDefinition;

struct Validity {
  std::uint64_t blocks = 0;                // that were looked at
  std::uint64_t blocks_of_full_scale = 0;  // those of them whose sensor's full scale is declared
  std::uint64_t clipped = 0;               // samples at or beyond it
  std::uint64_t longest_repeat = 0;        // samples in a row that are the same
  std::uint64_t longest_same_sign = 0;     // samples in a row on the same side of zero; zero itself is on none
  double distinct_share = 1;               // different values / finite samples, of the block with the fewest

  bool operator==(const Validity&) const = default;
};

// merge(a, nothing) is a, bit for bit. The order does not matter.
Validity merge(const Validity& a, const Validity& b);

std::span<const StatisticDefinition> validity_statistics();

}  // namespace stethos::kernels
