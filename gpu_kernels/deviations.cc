#include "gpu_kernels/deviations.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace stethos::kernels {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

double deviation_of(const Moments& m) { return std::sqrt(m.m2 / static_cast<double>(m.count)); }
double farthest(const Moments& m) { return std::max(m.max - m.mean, m.mean - m.min); }

double crest(const Summary& window) {
  const Moments& m = window.moments;
  return m.m2 > 0 ? farthest(m) / deviation_of(m) : undefined;
}

constexpr std::string_view lei =
    "Lei, Intelligent Fault Diagnosis and Remaining Useful Life Prediction of Rotating Machinery (2016), 2";
constexpr std::string_view of_a_block = "the mean is the block's; not defined without good samples, or where all are the same";

constexpr std::array<StatisticDefinition, 4> definitions{{
    {number::ac_crest, "ac_crest", UnitRule::none, ParameterRule::none, Trend::any, "max(|x - mean|) / standard_deviation",
     "ISO 2041:2018", "of a window, whose mean is removed; not defined without samples, or where all are the same", crest},
    {number::ac_shape, "ac_shape", UnitRule::none, ParameterRule::none, Trend::any, "standard_deviation / mean(|x - mean|)", lei,
     of_a_block, nullptr},
    {number::ac_impulse, "ac_impulse", UnitRule::none, ParameterRule::none, Trend::any, "max(|x - mean|) / mean(|x - mean|)", lei,
     of_a_block, nullptr},
    {number::ac_clearance, "ac_clearance", UnitRule::none, ParameterRule::none, Trend::any,
     "max(|x - mean|) / mean(sqrt(|x - mean|))^2", lei, of_a_block, nullptr},
}};

// The mean of |x - mean|, or of its root.
double mean_deviation(const BlockView& block, const Moments& moments, bool of_root) {
  double sum = 0;
  for (std::size_t i = 0; i < block.count; ++i) {
    const double x = sample_of(block, i);
    if (!std::isfinite(x) || x < block.plausible_min || x > block.plausible_max) continue;
    const double distance = std::abs(x - moments.mean);
    sum += of_root ? std::sqrt(distance) : distance;
  }
  return sum / static_cast<double>(moments.count);
}

}  // namespace

std::span<const StatisticDefinition> deviation_statistics() { return definitions; }

double deviation_feature(std::uint16_t statistic, const BlockView& block, const Moments& moments) {
  if (moments.count == 0 || !(moments.max > moments.min)) return undefined;
  switch (statistic) {
    case number::ac_shape:
      return deviation_of(moments) / mean_deviation(block, moments, false);
    case number::ac_impulse:
      return farthest(moments) / mean_deviation(block, moments, false);
    case number::ac_clearance: {
      const double root = mean_deviation(block, moments, true);
      return farthest(moments) / (root * root);
    }
    default:
      return undefined;
  }
}

}  // namespace stethos::kernels
