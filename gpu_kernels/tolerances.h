// How far the numbers of a backend may be from those of the reference, and the reference's from what their definitions give
// without rounding. One table: the tests compare by it, docs/statistics.md prints it. Of finite samples whose spread is between
// 1e-77 and 1e76, or zero: its fourth power must fit into a float64.
// Plain C++20. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "gpu_kernels/moments.h"

namespace stethos::kernels {

// What a distance is counted in.
enum class ToleranceUnit : std::uint8_t {
  none,            // none is allowed: the same value
  value,           // the reference's value
  mean_magnitude,  // mean(|x|): in a mean, samples of both signs cancel
  mean_over_deviation,  // the reference's value, times 1 + mean(|x|) / standard deviation: the mean is taken from each sample
  skewness_max,    // kurtosis^(3/4), more than which no skewness is
  one,             // 1
  spectrum_rms,    // the root of the sum of all s_k, k from 1
  velocity,        // the velocity of the same, were all of it at the lower end of the band
  half_rate,       // half the sampling rate
  largest_line,    // the largest sqrt(3 s_k) of the block, k from 1
  multiple_velocity,  // the velocity of that line, were it at the multiple
  bins,            // a bin, times the largest line over this one
  share,           // the parameter: a value for any share that is no farther off will do
  deviation,       // the block's standard deviation: what is outside the envelope's band counts too
  envelope_lines,  // a value is right that sqrt(3 s_k) and a mean of the envelope give which are so many deviations off
};

struct Tolerance {
  double size = 0;
  ToleranceUnit unit = ToleranceUnit::none;
};

// The columns of the table.
std::span<const std::string_view> tolerance_backends();

// Of a statistic of one block, or of a window of one block: a backend from the reference, "reference" from the definition. NaN,
// with which nothing agrees, for a backend or statistic that is not in the table.
Tolerance tolerance_of(std::string_view backend, std::uint16_t statistic);

// Of what is merged from up to a million parts, from the moments of all samples: the sums relative to themselves (m3: to the sum
// of |x - mean|^3), the mean to |mean| plus the deviation.
double merge_tolerance(const Moments& all);

}  // namespace stethos::kernels
