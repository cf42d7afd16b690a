#include "gpu_kernels/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "gpu_kernels/deviations.h"
#include "gpu_kernels/envelope.h"
#include "gpu_kernels/quantiles.h"
#include "gpu_kernels/spectrum.h"
#include "gpu_kernels/time.h"

namespace stethos::kernels {

std::span<const Family> families() {
  static const std::array<Family, 6> all{{
      {"Time", "Of all good samples of a window, from its moments.", time_statistics()},
      {"Without the mean",
       "Factors of shape that an offset does not hide: with gravity in the samples a crest is near 1. Prefer them for limits. "
       "The "
       "crest is of all good samples of a window, the others are of the good samples of each block.",
       deviation_statistics()},
      {"Quantiles", "Of all good samples of a window, from counts in buckets, where its definition asks for some.",
       quantile_statistics()},
      {"Validity",
       "Signs that a sensor cannot be believed. Of blocks, and of all finite samples, also those outside the plausible range.",
       validity_statistics()},
      {"Spectrum",
       "Of each block in which every sample is good. `s_k` is the mean square that the frequency `f_k = k rate / n` adds, "
       "one-sided, of the block less its mean under a periodic Hann window: `s_k = 2 |X_k|^2 / (n sum(w^2))`.",
       spectrum_statistics()},
      {"Envelope",
       "Of each block in which every sample is good: less its mean, cut to a band of frequencies, the magnitude of the analytic "
       "signal, and of that the spectrum as above. The lines are those of a bearing and their harmonics. A fault shows at the "
       "first of its lines before the others: a line may also "
       "be a multiple of another one of the same bearing (`check` names such pairs), or one of its sidebands, one or two turns "
       "of the "
       "shaft beside it, where the block is too short to tell them apart.",
       envelope_statistics()},
  }};
  return all;
}

std::span<const StatisticDefinition> statistics() {
  static const std::vector<StatisticDefinition> all = [] {
    std::vector<StatisticDefinition> out;
    for (const Family& family : families()) out.insert(out.end(), family.statistics.begin(), family.statistics.end());
    std::ranges::sort(out, {}, &StatisticDefinition::number);
    return out;
  }();
  return all;
}

std::string_view unit_of(const StatisticDefinition& statistic, std::string_view unit) {
  switch (statistic.unit) {
    case UnitRule::same:
      return unit;
    case UnitRule::count:
    case UnitRule::none:
      return "1";
    case UnitRule::hertz:
      return "Hz";
    case UnitRule::velocity:
      return "mm/s";
  }
  return {};
}

const StatisticDefinition* find_statistic(std::string_view name) {
  const auto found = std::ranges::find(statistics(), name, &StatisticDefinition::name);
  return found == statistics().end() ? nullptr : &*found;
}

const StatisticDefinition* find_statistic(std::uint16_t number) {
  const auto found = std::ranges::lower_bound(statistics(), number, {}, &StatisticDefinition::number);
  return found == statistics().end() || found->number != number ? nullptr : &*found;
}

bool is_of_validity(std::uint16_t number) {
  return std::ranges::find(validity_statistics(), number, &StatisticDefinition::number) != validity_statistics().end();
}

std::string objection_to(const Feature& feature) {
  const StatisticDefinition* statistic = find_statistic(feature.statistic);
  if (statistic == nullptr || !statistic->is_feature()) return "no statistic of single blocks";
  if (statistic->is_former()) return "no longer computed: " + std::string(statistic->replaced_by) + " takes its place";
  const double low = feature.low;
  switch (statistic->parameter) {
    case ParameterRule::none:
      return low == 0 && feature.high == 0 ? "" : "takes no parameter";
    case ParameterRule::quantile:
      return "no statistic of single blocks";
    case ParameterRule::band:
      return low >= 0 && low < feature.high && std::isfinite(feature.high)
                 ? ""
                 : "a band goes from 0 Hz or more to a higher frequency";
    case ParameterRule::cutoff:
      return low == 0 && feature.high > 0 && std::isfinite(feature.high) ? "" : "the cutoff is above 0 Hz";
    case ParameterRule::share:
      return low > 0 && low <= 1 ? "" : "a share is above 0 and at most 1";
    case ParameterRule::rank:
      return low >= 1 && low <= 100 && low == std::floor(low) ? "" : "a rank is 1 to 100";
    case ParameterRule::multiple:
      return low > 0 && low <= 10'000 ? "" : "a multiple of the shaft's speed is above 0 and at most 10000";
  }
  return {};
}

}  // namespace stethos::kernels
