#include "gpu_kernels/validity.h"

#include <algorithm>
#include <array>
#include <limits>

#include "gpu_kernels/statistics.h"

namespace stethos::kernels {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

double clipped(const Summary& window) {
  return window.validity.blocks_of_full_scale > 0 ? static_cast<double>(window.validity.clipped) : undefined;
}

double longest_repeat(const Summary& window) {
  return window.validity.blocks > 0 ? static_cast<double>(window.validity.longest_repeat) : undefined;
}

double longest_same_sign(const Summary& window) {
  return window.validity.blocks > 0 ? static_cast<double>(window.validity.longest_same_sign) : undefined;
}

double distinct_share(const Summary& window) { return window.validity.blocks > 0 ? window.validity.distinct_share : undefined; }

constexpr std::string_view not_of_readings = "of blocks; not defined where there was none";

constexpr std::array<StatisticDefinition, 5> definitions{{
    {16, "clipped", UnitRule::count, ParameterRule::none, Trend::grows, "count(|x| >= full scale)", "",
     "of blocks whose channel has a full_scale in the point table; not defined where there was none", clipped},
    {17, "longest_repeat", UnitRule::count, ParameterRule::none, Trend::grows, "samples in a row that are the same", "",
     not_of_readings, longest_repeat},
    {18, "longest_same_sign", UnitRule::count, ParameterRule::none, Trend::grows,
     "samples in a row that are all above or all below zero", "", not_of_readings, longest_same_sign},
    {19, "distinct_share", UnitRule::none, ParameterRule::none, Trend::shrinks, "different values / samples", "",
     "of the block with the fewest; not defined where there was none", distinct_share},
    {20, "low_frequency_share", UnitRule::none, ParameterRule::cutoff, Trend::any, "sum(s_k, f_k < cutoff) / sum(s_k)",
     "ski slope: Mobley, An Introduction to Predictive Maintenance (2002), 14",
     "k from 1; not defined where the spectrum is not, and of a constant", nullptr},
}};

}  // namespace

Validity merge(const Validity& a, const Validity& b) {
  return {.blocks = a.blocks + b.blocks,
          .blocks_of_full_scale = a.blocks_of_full_scale + b.blocks_of_full_scale,
          .clipped = a.clipped + b.clipped,
          .longest_repeat = std::max(a.longest_repeat, b.longest_repeat),
          .longest_same_sign = std::max(a.longest_same_sign, b.longest_same_sign),
          .distinct_share = std::min(a.distinct_share, b.distinct_share)};
}

std::span<const StatisticDefinition> validity_statistics() { return definitions; }

}  // namespace stethos::kernels
