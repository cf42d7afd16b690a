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
constexpr std::string_view former_lines =
    "lines of the envelope nearer than three bins to a multiple of the shaft's speed as well";
constexpr std::string_view where_defined =
    "k are the bins near as of multiple_amplitude that lie between the multiples of the shaft's speed on both sides of the line, "
    "0 "
    "among them, at least three bins (less 1e-9) from either. Free bins are those from 3 to 64 below the lowest k and above the "
    "highest that are as far from every multiple, and below W, the number of bins of the envelope's band below half the rate. "
    "Not "
    "defined where the speed is not known, the line's own frequency is nearer to a multiple than that, there is no k, the "
    "highest "
    "k + 1 is not below W, W is less than 8, or there are less than 8 free bins";

constexpr std::array<StatisticDefinition, 5> definitions{{
    {30, "envelope_amplitude", UnitRule::same, ParameterRule::multiple, Trend::any,
     "max(sqrt(3 s_k)) near multiple * shaft speed", randall, former_lines, nullptr, "bearing_amplitude"},
    {31, "envelope_height", UnitRule::none, ParameterRule::multiple, Trend::any,
     "envelope_amplitude / median(sqrt(3 s_k)) of the 32 bins below and the 32 above", randall, former_lines, nullptr,
     "bearing_depth"},
    {number::bearing_amplitude, "bearing_amplitude", UnitRule::same, ParameterRule::multiple, Trend::any,
     "sqrt(2 max(s_(k-1) + s_k + s_(k+1)))", randall, where_defined, nullptr},
    {number::bearing_depth, "bearing_depth", UnitRule::none, ParameterRule::multiple, Trend::any,
     "sqrt(2 max(0, max(s_(k-1) + s_k + s_(k+1)) - 3 F)) / mean(envelope)", randall,
     "the depth of the modulation, whatever the length of the block; F is the median of the free bins' s_k over log(2); not "
     "defined where the mean is 0, and where bearing_amplitude is not",
     nullptr},
    {number::bearing_significance, "bearing_significance", UnitRule::none, ParameterRule::multiple, Trend::any,
     "-log10(min(1, K (1 + t / N)^(-N))), t = max(s_k) / F", randall,
     "3: of blocks of noise at most one in a thousand is as high, whatever their length; K is the number of bins k, N a quarter "
     "of the number of free bins; not defined where F is 0 or less than 1e-12 mean(envelope)^2, which is rounding, and where "
     "bearing_amplitude is not",
     nullptr},
}};

constexpr double floor_min = 1e-12;

// In turns of the shaft, to the nearest whole number of them, 0 among them.
double distance_from_multiples(double multiple) { return std::abs(multiple - std::round(multiple)); }

// Bins above are beyond the width of what the envelope is of.
std::size_t bins_with_envelope(const BlockView& block, std::size_t bins) {
  const Bins band = bins_of_envelope(block);
  return std::min(bins, band.end - band.begin);
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

double turns_needed(double multiple) {
  constexpr double between = 2 * bins_from_multiple_min + 1;  // two multiples: there is a bin that is three from both
  return std::max(between, bins_from_multiple_min / distance_from_multiples(multiple));
}

Bins bins_of_bearing_line(const Feature& feature, const BlockView& block, double bin_hz, std::size_t bins) {
  const double turns = block.shaft_hz / bin_hz;
  if (!(turns * distance_from_multiples(feature.low) >= bins_from_multiple_min)) return {};
  const Reach reach = reach_of(feature.low * turns, block.plan->line_tolerance);
  const double first = std::max(reach.first, std::ceil(std::floor(feature.low) * turns + bins_from_multiple_min));
  const double last = std::min(reach.last, std::floor(std::ceil(feature.low) * turns - bins_from_multiple_min));
  const bool is_inside = first <= last && last + 1 < static_cast<double>(bins_with_envelope(block, bins));
  return is_inside ? Bins{static_cast<std::size_t>(first), static_cast<std::size_t>(last) + 1} : Bins();
}

FreeBins free_bins(Bins line, const BlockView& block, double bin_hz, std::size_t bins) {
  FreeBins out;
  const double turns = block.shaft_hz / bin_hz;
  const auto take = [&](std::size_t k) {
    if (turns * distance_from_multiples(static_cast<double>(k) / turns) >= bins_from_multiple_min) out.at[out.count++] = k;
  };
  for (std::size_t k = line.begin - std::min(line.begin, beside_far); k + beside_near <= line.begin; ++k) take(k);
  const std::size_t end = std::min(line.end + beside_far, bins_with_envelope(block, bins));
  for (std::size_t k = line.end - 1 + beside_near; k < end; ++k) take(k);
  return out;
}

std::optional<BearingLine> bearing_line(std::span<const double> mean_square, std::size_t first, Bins line, const BlockView& block,
                                        double bin_hz, double mean) {
  if (line.empty()) return std::nullopt;
  const auto at = [&](std::size_t k) { return mean_square[k - first]; };
  const FreeBins free = free_bins(line, block, bin_hz, first + mean_square.size());
  const std::size_t count = free.count;
  if (count < beside_min) return std::nullopt;
  std::array<double, 2 * beside_far> beside{};
  for (std::size_t i = 0; i < count; ++i) beside[i] = at(free.at[i]);

  BearingLine out{.bins = line.end - line.begin, .beside = count, .mean = mean};
  for (std::size_t k = line.begin; k < line.end; ++k) {
    out.highest = std::max(out.highest, at(k));
    out.around = std::max(out.around, at(k - 1) + at(k) + at(k + 1));
  }
  const auto middle = beside.begin() + count / 2;
  std::nth_element(beside.begin(), middle, beside.begin() + count);
  const double median = count % 2 == 1 ? *middle : (*middle + *std::max_element(beside.begin(), middle)) / 2;
  out.floor = median / std::numbers::ln2;
  return out;
}

double bearing_feature(std::uint16_t statistic, const BearingLine& line) {
  switch (statistic) {
    case number::bearing_amplitude:
      return std::sqrt(2 * line.around);
    case number::bearing_depth:
      return line.mean > 0 ? std::sqrt(2 * std::max(0.0, line.around - 3 * line.floor)) / line.mean : undefined;
    case number::bearing_significance: {
      // Of one bin of noise, whose s_k is spread exponentially, (1 + t / N)^(-N) is the share above t floors where the floor is
      // the mean of N. Neighbours share a Hann window and a median is less sure than a mean: four bins are as one.
      if (!(line.floor > 0) || line.floor < floor_min * line.mean * line.mean) return undefined;
      const double beside = static_cast<double>(line.beside) / 4;
      const double exponent = beside * std::log10(1 + line.highest / line.floor / beside);
      return std::max(0.0, exponent - std::log10(static_cast<double>(line.bins)));
    }
    default:
      return undefined;
  }
}

}  // namespace stethos::kernels
