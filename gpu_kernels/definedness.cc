#include "gpu_kernels/definedness.h"

#include <cmath>

#include "gpu_kernels/deviations.h"
#include "gpu_kernels/envelope.h"
#include "gpu_kernels/shaft_speed.h"
#include "gpu_kernels/spectrum.h"

namespace stethos::kernels {

bool can_be_defined(const Feature& feature, const BlockView& block) {
  if (is_of_deviations(feature)) return block.count > 0;
  const bool has_spectrum =
      block.count >= spectrum_samples_min && block.count <= spectrum_samples_max && block.sampling_rate_hz > 0;
  if (!has_spectrum) return false;
  const std::size_t bins = block.count / 2 + 1;
  const double bin_hz = block.sampling_rate_hz / static_cast<double>(block.count);
  const bool has_velocity = block.plan->mm_s2_per_unit > 0;
  const bool has_speed = !is_speed_estimated(block) || bins_of_speed(block) > 0;
  switch (feature.statistic) {
    case number::speed_confidence:
      return has_speed;
    case number::band_rms:
    case number::low_frequency_share:
      return !bins_of_band(feature.low, feature.high, block).empty();
    case number::vibration_velocity:
      return has_velocity && !bins_of_velocity(feature.low, feature.high, block).empty();
    case number::multiple_amplitude:
      return !bins_of_multiple(feature, block, bin_hz, bins).empty();
    case number::multiple_velocity:
      return !bins_of_multiple(feature, block, bin_hz, bins).empty() && !std::isnan(multiple_velocity(feature, block, 1));
    case number::bearing_amplitude:
    case number::bearing_depth:
    case number::bearing_significance: {
      const Bins line = bins_of_bearing_line(feature, block, bin_hz, bins);
      return has_speed && !line.empty() && free_bins(line, block, bin_hz, bins).count >= beside_min;
    }
    default:
      return true;
  }
}

std::size_t samples_needed(const Feature& feature, const BlockView& block) {
  BlockView longer = block;
  const auto is_enough = [&](std::size_t count) {
    longer.count = count;
    return can_be_defined(feature, longer);
  };
  std::size_t too_few = block.count, enough = block.count + 1;
  while (!is_enough(enough)) {
    too_few = enough;
    enough += 1 + enough / 50;
    if (enough > spectrum_samples_max) return 0;
  }
  while (enough - too_few > 1) {
    const std::size_t middle = (too_few + enough) / 2;
    (is_enough(middle) ? enough : too_few) = middle;
  }
  return enough;
}

}  // namespace stethos::kernels
