// The envelope family: impulses that repeat, as a damaged bearing gives them. The block less its mean is cut to the plan's band
// of frequencies, its analytic signal taken (Hilbert), and the spectrum of that one's magnitude looked at near the frequencies at
// which the bearing's parts would strike.
#pragma once

#include "gpu_kernels/spectrum.h"

namespace stethos::kernels {

std::span<const StatisticDefinition> envelope_statistics();

namespace number {
inline constexpr std::uint16_t envelope_amplitude = 30, envelope_height = 31;
}  // namespace number

inline bool is_of_envelope(const Feature& feature) {
  return feature.statistic == number::envelope_amplitude || feature.statistic == number::envelope_height;
}

struct Bearing {
  int elements = 0;  // that roll
  double element_diameter = 0;  // both in the same unit
  double pitch_diameter = 0;
  double contact_angle_deg = 0;
};

// How often a turn of the inner ring, while the outer one stands: a damaged spot on the outer ring is struck, on the inner ring,
// on an element (twice as often as it turns); and the cage turns.
struct BearingRates {
  double bpfo = 0;
  double bpfi = 0;
  double bsf_2 = 0;
  double ftf = 0;
};
// Randall and Antoni, Mechanical Systems and Signal Processing 25 (2011), equations 1 to 4.
BearingRates rates_of(const Bearing& bearing);

// The bins that a line's height is compared with: those beside it, on both sides, but not the first of all.
inline constexpr std::size_t envelope_neighbours = 32;

// From s_k of the envelope, of all bins or at least of `line`, its neighbours and one more below.
double envelope_feature(const Feature& feature, std::span<const double> mean_square, Bins line);

}  // namespace stethos::kernels
