#include "gpu_kernels/tolerances.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "gpu_kernels/statistics.h"

namespace stethos::kernels {
namespace {

constexpr std::array<std::string_view, 2> backends{"reference", "cpu"};

struct Row {
  std::string_view statistic;
  ToleranceUnit unit;
  std::array<double, backends.size()> sizes;
};

using enum ToleranceUnit;

// Moments: float64, twice through the block. Clearance: the cpu backend takes roots in float32; without the
// mean, a sample that is nearly the mean has a root of what its rounding leaves. Spectra: float32 behind the
// reference.
constexpr std::array rows{
    Row{"count", none, {0, 0}},
    Row{"mean", mean_magnitude, {1e-12, 1e-12}},
    Row{"standard_deviation", value, {1e-12, 1e-12}},
    Row{"rms", value, {1e-12, 1e-12}},
    Row{"peak", none, {0, 0}},
    Row{"peak_to_peak", value, {1e-15, 0}},
    Row{"min", none, {0, 0}},
    Row{"max", none, {0, 0}},
    Row{"crest", value, {1e-12, 1e-12}},
    Row{"shape", value, {1e-12, 1e-12}},
    Row{"impulse", value, {1e-12, 1e-12}},
    Row{"clearance", value, {1e-12, 2.5e-7}},
    Row{"skewness", skewness_max, {1e-12, 1e-12}},
    Row{"kurtosis", value, {1e-12, 1e-12}},
    Row{"ac_crest", mean_over_deviation, {1e-12, 1e-12}},
    Row{"ac_shape", mean_over_deviation, {1e-12, 1e-12}},
    Row{"ac_impulse", mean_over_deviation, {1e-12, 1e-12}},
    Row{"ac_clearance", mean_over_deviation, {1e-6, 1e-6}},
    Row{"quantile", value, {0.008, 0}},
    Row{"clipped", none, {0, 0}},
    Row{"longest_repeat", none, {0, 0}},
    Row{"longest_same_sign", none, {0, 0}},
    Row{"distinct_share", none, {0, 0}},
    Row{"low_frequency_share", one, {1e-11, 1e-5}},
    Row{"band_rms", spectrum_rms, {1e-11, 1e-5}},
    Row{"spectral_centroid", value, {1e-11, 1e-5}},
    Row{"spectral_spread", half_rate, {1e-11, 1e-5}},
    Row{"spectral_entropy", one, {1e-11, 1e-5}},
    Row{"spectral_rolloff", share, {1e-11, 1e-5}},
    Row{"line_frequency", bins, {1e-10, 3e-5}},
    Row{"line_amplitude", largest_line, {1e-11, 1e-5}},
    Row{"multiple_amplitude", largest_line, {1e-11, 1e-5}},
    Row{"vibration_velocity", velocity, {1e-11, 1e-5}},
    Row{"multiple_velocity", multiple_velocity, {1e-11, 1e-5}},
    Row{"speed_confidence", value, {1e-9, 1e-3}},
    Row{"bearing_amplitude", deviation, {1e-11, 1e-5}},
    Row{"bearing_depth", envelope_lines, {1e-11, 1e-5}},
    Row{"bearing_significance", envelope_lines, {1e-11, 1e-5}},
};

}  // namespace

std::span<const std::string_view> tolerance_backends() { return backends; }

Tolerance tolerance_of(std::string_view backend, std::uint16_t statistic) {
  const StatisticDefinition* definition = find_statistic(statistic);
  const auto* row = std::ranges::find(rows, definition == nullptr ? "" : definition->name, &Row::statistic);
  const auto* column = std::ranges::find(backends, backend);
  if (row == rows.end() || column == backends.end()) return {.size = std::numeric_limits<double>::quiet_NaN()};
  return {.size = row->sizes.at(static_cast<std::size_t>(column - backends.begin())), .unit = row->unit};
}

double merge_tolerance(const Moments& all) {
  const double deviation = std::sqrt(all.m2 / static_cast<double>(all.count));
  return 1e-13 * (1 + (deviation > 0 ? 1e-3 * std::abs(all.mean) / deviation : 0));
}

}  // namespace stethos::kernels
