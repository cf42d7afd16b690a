#include "tests/unit/gpu_kernels/skeleton_statistic.h"

#include <array>
#include <cmath>
#include <limits>

namespace stethos::kernels {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

// From what is merged, and from nothing else.
double middle(const Summary& window) {
  const Moments& m = window.moments;
  return m.count == 0 ? undefined : m.min + (m.max - m.min) / 2;
}

// With its `compute` a statistic is one of windows, without it a feature of blocks.
constexpr std::array<StatisticDefinition, 2> definitions{{
    {skeleton_number::middle, "middle", UnitRule::same, ParameterRule::none, Trend::any, "(min(x) + max(x)) / 2", "",
     "not defined without samples", middle},
    {skeleton_number::spectral_flatness, "spectral_flatness", UnitRule::none, ParameterRule::none, Trend::any,
     "exp(mean(log(s_k))) / mean(s_k)",
     "Gray and Markel, IEEE Transactions on Acoustics, Speech, and Signal Processing 22 (1974)",
     "0 for a single line, 1 for bins alike; k from 1; not defined of a constant", nullptr},
}};

double flatness(std::span<const double> mean_square) {
  double sum = 0, sum_of_logs = 0;
  for (const double each : mean_square) {
    sum += each;
    sum_of_logs += std::log(each);
  }
  const auto count = static_cast<double>(mean_square.size());
  return sum > 0 ? std::exp(sum_of_logs / count) / (sum / count) : undefined;
}

}  // namespace

std::span<const StatisticDefinition> skeleton_statistics() { return definitions; }

double skeleton_feature(const Feature& feature, const Spectrum& spectrum) {
  switch (feature.statistic) {
    case skeleton_number::spectral_flatness:
      return flatness(spectrum.mean_square.subspan(1));  // the first holds what is left of the mean
    default:
      return undefined;
  }
}

}  // namespace stethos::kernels
