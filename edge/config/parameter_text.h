// The parameters of statistics as configuration and rows write them. Nothing where a text is none. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gpu_kernels/statistics.h"

namespace stethos::edge {

// "10-1000Hz"
struct Band {
  double low_hz = 0;
  double high_hz = 0;
};
std::optional<Band> parse_band(std::string_view text);

// "2x": 2
std::optional<double> parse_multiple(std::string_view text);

// What a window may have of a statistic of single blocks: three of these, for of an amplitude it has the root of the mean of
// squares, and of anything else the mean.
inline constexpr std::string_view over_blocks[] = {"mean", "rms", "max", "last"};
bool has_over_blocks(const kernels::StatisticDefinition& statistic, std::string_view over);

// A statistic of a window as a limit names it: "rms", "quantile.p95", "band_rms.10-1000Hz.max".
struct StatisticName {
  const kernels::StatisticDefinition* statistic = nullptr;  // null: there is no such statistic, or not with this parameter
  std::string parameter;    // without the following
  std::string over_blocks;  // of a statistic of single blocks
};
// The parameter as rows have it: "10-1000Hz.max".
std::string parameter_of(const StatisticName& name);
StatisticName parse_statistic_name(std::string_view text);

}  // namespace stethos::edge
