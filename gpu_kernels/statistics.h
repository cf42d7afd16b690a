// The registry of statistics: each has a number that never changes (schemas/rows.fbs, enum Statistic), a name, a rule for its
// unit and its parameter, a formula with its source, and its edge cases. Configuration, the definitions page and the tests read
// it. Each family is a pair of files of its own; statistics.cc lists them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "gpu_kernels/block.h"

namespace stethos::kernels {

enum class UnitRule : std::uint8_t {
  same,      // the unit of the samples
  count,     // a number of samples
  none,      // a ratio
  hertz,
  velocity,  // mm/s, from acceleration
};

enum class ParameterRule : std::uint8_t {
  none,
  quantile,  // Feature::low: 0 to 1
  band,      // low and high, in Hz
  cutoff,    // high, in Hz
  share,     // low: above 0, at most 1
  rank,      // low: 1, 2, ...
  multiple,  // low: of the shaft's speed, above 0
};

// What more samples in the same window can do to a statistic that is defined.
enum class Trend : std::uint8_t {
  any,
  grows,    // it stays, or becomes greater
  shrinks,  // it stays, or becomes less
};

// What a window holds, for the statistics that are computed of the whole of it.
struct Summary {
  const Moments& moments;
  const Validity& validity;
  std::span<const Bucket> buckets;
  double parameter = 0;  // Feature::low

  Summary(const Moments& of) : moments(of), validity(nothing) {}  // NOLINT(google-explicit-constructor): most need no more
  Summary(const Moments& of, const Validity& valid, std::span<const Bucket> counted)
      : moments(of), validity(valid), buckets(counted) {}

 private:
  static constexpr Validity nothing{};
};

struct StatisticDefinition {
  std::uint16_t number;
  std::string_view name;
  UnitRule unit;
  ParameterRule parameter;
  Trend trend;  // a feature's is any; but the maximum over a window's blocks grows, whatever the feature
  std::string_view formula;
  std::string_view source;
  std::string_view edge_cases;
  // Of a window, from what is merged; NaN where the statistic is not defined. Null: a feature, which a backend computes of each
  // block, and of which a window has the mean, the maximum and the last.
  double (*compute)(const Summary&);
  // Not empty: it is in rows of earlier programs, and nothing computes it any more.
  std::string_view replaced_by = "";  // NOLINT(readability-redundant-string-init): definitions may leave it out

  bool is_feature() const { return compute == nullptr; }
  bool is_former() const { return !replaced_by.empty(); }
  // Of several blocks the root of the mean of squares is taken, not the mean.
  bool is_amplitude() const { return unit == UnitRule::same || unit == UnitRule::velocity; }
};

struct Family {
  std::string_view name;
  std::string_view about;
  std::span<const StatisticDefinition> statistics;
};

std::span<const Family> families();

// Of all families, in order of number.
std::span<const StatisticDefinition> statistics();

// Of the statistic of samples in `unit`; "1" for a ratio or a number of samples.
std::string_view unit_of(const StatisticDefinition& statistic, std::string_view unit);

const StatisticDefinition* find_statistic(std::string_view name);  // null: unknown
const StatisticDefinition* find_statistic(std::uint16_t number);  // null: unknown

bool is_of_validity(std::uint16_t number);

// Empty: `feature` is one of the registry's features, and its parameter in range.
std::string objection_to(const Feature& feature);

// The registry as a page of Markdown: docs/statistics.md.
std::string statistics_page();

}  // namespace stethos::kernels
