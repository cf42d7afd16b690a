// The registry of statistics: each has a number that never changes (schemas/rows.fbs, enum Statistic), a name, a rule for
// its unit, a formula with its source, and its edge cases. Configuration, the definitions page and the tests read it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gpu_kernels/moments.h"

namespace stethos::kernels {

enum class UnitRule : std::uint8_t {
  same,   // the unit of the samples
  count,  // a number of samples
  none,   // a ratio
};

struct StatisticDefinition {
  std::uint16_t number;
  std::string_view name;
  UnitRule unit;
  std::string_view formula;
  std::string_view source;
  std::string_view edge_cases;
  double (*compute)(const Moments&);  // NaN where the statistic is not defined
};

// In order of number.
std::span<const StatisticDefinition> statistics();

// Of the statistic of samples in `unit`; "1" for a ratio or a number of samples.
std::string_view unit_of(const StatisticDefinition& statistic, std::string_view unit);

const StatisticDefinition* find_statistic(std::string_view name);    // null: unknown
const StatisticDefinition* find_statistic(std::uint16_t number);     // null: unknown

// The registry as a page of Markdown: docs/statistics.md.
std::string statistics_page();

}  // namespace stethos::kernels
