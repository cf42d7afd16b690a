// The envelope family: impulses that repeat, as a damaged bearing gives them. The block less its mean is cut to the plan's band
// of frequencies, its analytic signal taken (Hilbert), and the spectrum of that one's magnitude looked at near the frequencies at
// which the bearing's parts would strike.
#pragma once

#include <array>
#include <optional>

#include "gpu_kernels/spectrum.h"

namespace stethos::kernels {

std::span<const StatisticDefinition> envelope_statistics();

namespace number {
inline constexpr std::uint16_t bearing_amplitude = 34, bearing_depth = 35, bearing_significance = 36;
}  // namespace number

inline bool is_of_envelope(const Feature& feature) {
  return feature.statistic >= number::bearing_amplitude && feature.statistic <= number::bearing_significance;
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

// What is beside a multiple of the shaft's speed belongs to it: a line nearer than three bins cannot be told from it. 0 is a
// multiple as well. The little that is missing to three is for the rounding of speeds: whether a bin that is three from a
// multiple counts must not hang on a last bit.
inline constexpr double bins_from_multiple_min = 3 - 1e-9;

// From so many turns of the shaft on a block shows the line at a multiple of its speed; some shorter ones do as well. Infinite
// for a whole multiple.
double turns_needed(double multiple);

// Where a bearing's line is looked for; nowhere: it is not defined. All that is looked at lies between the multiples of the
// shaft's speed on both sides of the line, at least three bins from either, and with one bin more on both sides below as many
// bins as the plan's band has: an envelope has hardly anything above.
Bins bins_of_bearing_line(const Feature& feature, const BlockView& block, double bin_hz, std::size_t bins);

// What is beside it: from 3 to 64 bins below and above, inside the same limits and as far from every multiple of the shaft.
inline constexpr std::size_t beside_near = 3;
inline constexpr std::size_t beside_far = 64;
inline constexpr std::size_t beside_min = 8;  // of fewer no floor is known

struct FreeBins {
  std::array<std::size_t, 2 * beside_far> at{};
  std::size_t count = 0;
};
// `line`: not empty.
FreeBins free_bins(Bins line, const BlockView& block, double bin_hz, std::size_t bins);

// What is known of a line of a bearing.
struct BearingLine {
  double highest = 0;  // of s_k where it is looked for
  double around = 0;  // the largest sum of s_(k-1), s_k and s_(k+1), of the same k
  double floor = 0;  // the median of s_k beside it, over log(2): the mean, where it is noise
  std::size_t bins = 0;  // where it is looked for
  std::size_t beside = 0;
  double mean = 0;  // of the envelope
};

// From s_k of the envelope; `mean_square` begins at the bin `first`, and holds at least what is beside the line. Null: too little
// is beside it.
std::optional<BearingLine> bearing_line(std::span<const double> mean_square, std::size_t first, Bins line, const BlockView& block,
                                        double bin_hz, double mean);

double bearing_feature(std::uint16_t statistic, const BearingLine& line);

}  // namespace stethos::kernels
