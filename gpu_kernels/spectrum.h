// The spectrum family: what a block's spectrum says. Definitions, and their evaluation in float64 from a spectrum however it was
// computed.
//
// s_k is the mean square that the frequency f_k = k * rate / n adds: one-sided, of the block less its mean under a periodic
// Hann window, s_k = 2 |X_k|^2 / (n sum(w^2)), half of that at 0 and at half the rate. So s_k over all k sums to the mean
// square, and a sine of amplitude a that lies on a bin shows a = sqrt(3 s_k) there (Harris, Proceedings of the IEEE 66 (1978)).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "gpu_kernels/statistics.h"

namespace stethos::kernels {

std::span<const StatisticDefinition> spectrum_statistics();

// Shorter and longer blocks have no spectrum: what one block costs has a bound.
inline constexpr std::size_t spectrum_samples_min = 8;
inline constexpr std::size_t spectrum_samples_max = 1u << 17;

struct Spectrum {
  std::span<const double> mean_square;  // s_k, for k from 0 to n / 2
  double bin_hz = 0;                    // f_1
};

// NaN where it is not defined. `feature` is one of this family's, or the low frequency share.
double spectrum_feature(const Feature& feature, const Spectrum& spectrum, const BlockView& block);

// The numbers of the family, for those who compute them in another way.
namespace number {
inline constexpr std::uint16_t low_frequency_share = 20, band_rms = 21, spectral_centroid = 23, spectral_spread = 24,
                               spectral_entropy = 25, spectral_rolloff = 26, line_frequency = 27, line_amplitude = 28,
                               multiple_amplitude = 29, vibration_velocity = 32, multiple_velocity = 33, speed_confidence = 41;
}  // namespace number

struct Bins {
  std::size_t begin = 0;
  std::size_t end = 0;

  bool empty() const { return begin == end; }
};

// The bins of a block whose frequency is in [low_hz, high_hz), but not that at 0, which holds what is left of the mean. None
// where the spectrum has none there, or begins more than half a bin above low_hz: a block that is too short for the band has not
// a little of it, but nothing. A low_hz of 0 is wherever the spectrum begins.
Bins bins_of_band(double low_hz, double high_hz, const BlockView& block);
// The same, and none where the block lasts less than four periods of low_hz: in a shorter one a line reads up to 38 % high, and
// one below the band is not told from the band.
inline constexpr double velocity_periods_min = 4;
Bins bins_of_velocity(double low_hz, double high_hz, const BlockView& block);
// Of the plan's band before the envelope, below half the sampling rate. None where that is too narrow to have one.
Bins bins_of_envelope(const BlockView& block);

// The first and the last bin where a line is looked for that lies at `at`, in bins: the nearest, one on both sides, and what the
// tolerance adds.
struct Reach {
  double first = 0;
  double last = 0;
};
Reach reach_of(double at, double tolerance);

// Where the line of a multiple of the shaft's speed is looked for; nowhere: the feature is not defined. In less than two turns no
// line can be told from those of the shaft beside it; and all of the reach must be inside the spectrum.
Bins bins_of_multiple(const Feature& feature, const BlockView& block, double bin_hz, std::size_t bins);

// line_frequency or line_amplitude.
inline bool is_of_lines(const Feature& feature) {
  return feature.statistic == number::line_frequency || feature.statistic == number::line_amplitude;
}
// The bins of the highest local maxima, as many as there are up to `count`, the highest first; of two alike the lower bin.
std::vector<std::size_t> highest_maxima(std::span<const double> mean_square, std::size_t count);
// A feature of lines from those; NaN where they are fewer than its rank.
double line_feature(const Feature& feature, const Spectrum& spectrum, std::span<const std::size_t> highest);

// Of the lines at these bins; NaN where there are none.
double highest_amplitude(std::span<const double> mean_square, Bins bins);

// The rms of velocity, in mm/s, of a multiple whose amplitude is known; NaN where it is not defined.
double multiple_velocity(const Feature& feature, const BlockView& block, double amplitude);

}  // namespace stethos::kernels
