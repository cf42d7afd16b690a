#include "gpu_kernels/quantiles.h"

#include <algorithm>
#include <array>
#include <limits>

namespace stethos::kernels {
namespace {

double quantile_of(const Summary& window) {
  if (window.buckets.empty()) return std::numeric_limits<double>::quiet_NaN();
  return std::clamp(quantile(window.buckets, window.parameter), window.moments.min, window.moments.max);
}

constexpr std::array<StatisticDefinition, 1> definitions{{
    {15, "quantile", UnitRule::same, ParameterRule::quantile, "the ceil(p n)-th smallest x",
     "Hyndman and Fan, The American Statistician 50 (1996), definition 1; buckets of 1/64 octave",
     "within 1 %, and between min and max; not defined without samples", quantile_of},
}};

}  // namespace

std::span<const StatisticDefinition> quantile_statistics() { return definitions; }

}  // namespace stethos::kernels
