// The family of factors of shape without the mean: with gravity or another offset in the samples a crest is near 1, however the
// machine knocks. The crest comes from the moments; the others need a pass over the block once its mean is known.
#pragma once

#include "gpu_kernels/statistics.h"

namespace stethos::kernels {

std::span<const StatisticDefinition> deviation_statistics();

namespace number {
inline constexpr std::uint16_t ac_crest = 37, ac_shape = 38, ac_impulse = 39, ac_clearance = 40;
}  // namespace number

inline bool is_of_deviations(const Feature& feature) {
  return feature.statistic >= number::ac_shape && feature.statistic <= number::ac_clearance;
}

// Of the block's good samples; `moments` are the block's. Float64; NaN where it is not defined.
double deviation_feature(std::uint16_t statistic, const BlockView& block, const Moments& moments);

}  // namespace stethos::kernels
