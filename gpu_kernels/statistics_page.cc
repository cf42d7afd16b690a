#include "gpu_kernels/statistics.h"

namespace stethos::kernels {
namespace {

std::string_view text_of(UnitRule unit) {
  switch (unit) {
    case UnitRule::same:
      return "that of the samples";
    case UnitRule::count:
      return "samples";
    case UnitRule::none:
      return "1 (a ratio)";
    case UnitRule::hertz:
      return "Hz";
    case UnitRule::velocity:
      return "mm/s";
  }
  return "";
}

std::string_view text_of(ParameterRule parameter) {
  switch (parameter) {
    case ParameterRule::none:
      return "";
    case ParameterRule::quantile:
      return "`p`, 0 to 1";
    case ParameterRule::band:
      return "`low` and `high`, Hz";
    case ParameterRule::cutoff:
      return "`cutoff`, above 0 Hz";
    case ParameterRule::share:
      return "`share`, above 0, at most 1";
    case ParameterRule::rank:
      return "`rank`, 1 to 100";
    case ParameterRule::multiple:
      return "`multiple` of the shaft's speed, above 0, at most 10,000";
  }
  return "";
}

// A bar ends a cell, also inside code.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string statistics_page() {
  std::string out =
      "# Statistics\n\n"
      "This page is made from the registry that computes them (`gpu_kernels/statistics.h`). A number never changes and is "
      "never\n"
      "used again.\n\n"
      "`x` are the good samples of a window: finite, and inside the plausible range of the point table. The others are counted "
      "and\n"
      "left out. `n` is their count, `m2` to `m4` are sums of powers of the distance from the mean, as in `m2 = sum((x - "
      "mean)^2)`.\n"
      "All sums are float64. A value that is not defined is a NaN.\n"
      "\n"
      "Statistics with a `compute` of their own are of a whole window. Those of the spectrum and the envelope, and the low "
      "frequency\n"
      "share, are of single blocks: a window has the mean, the maximum and the last (by time) of its blocks in which they are "
      "defined.\n";
  for (const Family& family : families()) {
    out += "\n## " + std::string(family.name) + "\n\n" + std::string(family.about) +
           "\n\n| number | name | unit | parameter | formula | where not obvious | source |\n|---|---|---|---|---|---|---|\n";
    for (const StatisticDefinition& each : family.statistics) {
      out += "| " + std::to_string(each.number) + " | `" + std::string(each.name) + "` | " + std::string(text_of(each.unit)) +
             " | " + std::string(text_of(each.parameter)) + " | `" + escaped(each.formula) + "` | " +
             std::string(each.edge_cases) + " | " + std::string(each.source) + " |\n";
    }
  }
  out +=
      "\n## Merging\n\n"
      "A window is merged from panes, and panes from blocks. What is merged are `n`, mean, `m2`, `m3`, `m4`, extremes and the "
      "sums\n"
      "of `|x|` and `sqrt(|x|)`, after Chan, Golub and LeVeque (1979) and Pebay (2008, SAND2008-6212); statistics are computed "
      "from\n"
      "the result. Merging with nothing changes no bit. Merging in another order agrees within rounding.\n";
  return out;
}

}  // namespace stethos::kernels
