#include "gpu_kernels/envelope.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

namespace stethos::kernels {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

constexpr std::string_view randall = "Randall and Antoni, Mechanical Systems and Signal Processing 25 (2011)";
constexpr std::string_view not_without_speed =
    "s_k of the envelope; near as of multiple_amplitude; not defined where the speed is not known, the block has less than two "
    "turns, the line is outside the spectrum, or less than 8 bins of the band are inside it";

constexpr std::array<StatisticDefinition, 2> definitions{{
    {number::envelope_amplitude, "envelope_amplitude", UnitRule::same, ParameterRule::multiple, Trend::any,
     "max(sqrt(3 s_k)) near multiple * shaft speed", randall, not_without_speed, nullptr},
    {number::envelope_height, "envelope_height", UnitRule::none, ParameterRule::multiple, Trend::any,
     "envelope_amplitude / median(sqrt(3 s_k)) of the 32 bins below and the 32 above", randall, not_without_speed, nullptr},
}};

double median_beside(std::span<const double> mean_square, Bins line) {
  std::array<double, 2 * envelope_neighbours> beside{};
  std::size_t count = 0;
  const std::size_t first = line.begin > envelope_neighbours ? line.begin - envelope_neighbours : 1;
  for (std::size_t k = first; k < line.begin; ++k) beside[count++] = mean_square[k];
  const std::size_t end = std::min(mean_square.size(), line.end + envelope_neighbours);
  for (std::size_t k = line.end; k < end; ++k) beside[count++] = mean_square[k];
  if (count == 0) return undefined;
  const auto middle = beside.begin() + count / 2;
  std::nth_element(beside.begin(), middle, beside.begin() + count);
  if (count % 2 == 1) return std::sqrt(3 * *middle);
  return (std::sqrt(3 * *middle) + std::sqrt(3 * *std::max_element(beside.begin(), middle))) / 2;
}

}  // namespace

std::span<const StatisticDefinition> envelope_statistics() { return definitions; }

BearingRates rates_of(const Bearing& bearing) {
  const double share =
      bearing.element_diameter / bearing.pitch_diameter * std::cos(bearing.contact_angle_deg * std::numbers::pi / 180);
  return {.bpfo = bearing.elements / 2.0 * (1 - share),
          .bpfi = bearing.elements / 2.0 * (1 + share),
          .bsf_2 = bearing.pitch_diameter / bearing.element_diameter * (1 - share * share),
          .ftf = (1 - share) / 2};
}

double envelope_feature(const Feature& feature, std::span<const double> mean_square, Bins line) {
  const double amplitude = highest_amplitude(mean_square, line);
  if (feature.statistic == number::envelope_amplitude || std::isnan(amplitude)) return amplitude;
  const double median = median_beside(mean_square, line);
  return median > 0 ? amplitude / median : undefined;
}

}  // namespace stethos::kernels
