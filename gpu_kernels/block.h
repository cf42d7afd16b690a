// What is asked of a backend about a block of samples, and what it answers. Plain data, C++20, no CUDA types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "gpu_kernels/buckets.h"
#include "gpu_kernels/moments.h"
#include "gpu_kernels/validity.h"

namespace stethos::kernels {

// A spectral or envelope statistic of each block, with its parameter as the registry declares it.
struct Feature {
  std::uint16_t statistic = 0;  // number
  double low = 0;   // of a band in Hz; or the share, the rank, the frequency as a multiple of the shaft's speed
  double high = 0;  // of a band in Hz; else 0

  auto operator<=>(const Feature&) const = default;
};

// What is computed of blocks of one kind besides their moments.
struct BlockPlan {
  std::vector<Feature> features;
  // Where the bearing's resonance is looked for: the band before the envelope is taken.
  double envelope_low_hz = 0;
  double envelope_high_hz = 0;
  // How far from its computed frequency a line may lie, as a share of it: bearings slip, and speeds are rounded.
  double line_tolerance = 0.02;
  // What one unit of the samples is in mm/s^2; 0: they are no acceleration, and have no velocity.
  double mm_s2_per_unit = 0;
  // How far from a speed that a plate says the shaft's is looked for, as a share of it; 0: the plate is believed.
  double speed_range = 0;
  bool buckets = false;   // for quantiles
  bool validity = false;

  bool operator==(const BlockPlan&) const = default;
};

// Samples as they came, not owned. f32 samples need an alignment of 4, i16 samples of 2.
struct BlockView {
  enum class Encoding : std::uint8_t { f32, i16 };

  Encoding encoding = Encoding::f32;
  const void* samples = nullptr;
  std::size_t count = 0;
  double scale = 1;   // i16 only: value = scale * raw + offset
  double offset = 0;
  // Samples outside are counted and left out, like those that are not finite.
  double plausible_min = -magnitude_max;
  double plausible_max = magnitude_max;
  double sampling_rate_hz = 0;  // 0: not known
  double shaft_hz = 0;          // turns a second while the block was taken; 0: not known
  bool is_speed_nominal = false;  // that is what a plate says, and nobody measured it
  double full_scale = 0;        // of the sensor, on both sides of zero; 0: not declared
  const BlockPlan* plan = nullptr;  // not owned; null: moments alone
};

inline std::size_t sample_bytes(BlockView::Encoding encoding) {
  return encoding == BlockView::Encoding::f32 ? sizeof(float) : sizeof(std::int16_t);
}

inline double sample_of(const BlockView& block, std::size_t index) {
  if (block.encoding == BlockView::Encoding::f32) return static_cast<const float*>(block.samples)[index];
  return block.scale * static_cast<const std::int16_t*>(block.samples)[index] + block.offset;
}

// Of one block.
struct BlockStatistics {
  Moments moments;
  Validity validity;
  BlockBuckets buckets;                // none unless the plan asks for them
  std::span<const double> features;    // as many as the plan's, in its order; NaN where one is not defined
  double estimated_hz = 0;  // the speed that they were computed for, where the block's spectrum showed it; 0: the block's
};

}  // namespace stethos::kernels
