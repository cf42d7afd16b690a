#include "edge/config/parameter_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "gpu_kernels/quantiles.h"
#include "gpu_kernels/spectrum.h"

namespace stethos::edge {
namespace {

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value) || value < 0) return std::nullopt;
  return value;
}

}  // namespace

std::optional<Band> parse_band(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos || !text.ends_with("Hz")) return std::nullopt;
  const auto low = parse_number(text.substr(0, dash));
  const auto high = parse_number(text.substr(dash + 1, text.size() - dash - 3));
  if (!low || !high || !kernels::objection_to({kernels::number::band_rms, *low, *high}).empty()) return std::nullopt;
  return Band{*low, *high};
}

std::optional<double> parse_multiple(std::string_view text) {
  if (!text.ends_with('x')) return std::nullopt;
  const auto value = parse_number(text.substr(0, text.size() - 1));
  return value && kernels::objection_to({kernels::number::multiple_amplitude, *value}).empty() ? value : std::nullopt;
}

bool has_over_blocks(const kernels::StatisticDefinition& statistic, std::string_view over) {
  return over != (statistic.is_amplitude() ? "mean" : "rms") && std::ranges::find(over_blocks, over) != std::end(over_blocks);
}

std::string parameter_of(const StatisticName& name) {
  if (name.over_blocks.empty() || name.parameter.empty()) return name.parameter + name.over_blocks;
  return name.parameter + "." + name.over_blocks;
}

StatisticName parse_statistic_name(std::string_view text) {
  StatisticName out;
  const auto dot = std::min(text.find('.'), text.size());
  const auto* statistic = kernels::find_statistic(text.substr(0, dot));
  std::string_view rest = text.substr(std::min(dot + 1, text.size()));
  if (statistic == nullptr || statistic->is_former()) return out;
  if (statistic->is_feature()) {
    const auto last_dot = rest.rfind('.');
    out.over_blocks = last_dot == std::string_view::npos ? rest : rest.substr(last_dot + 1);
    rest.remove_suffix(last_dot == std::string_view::npos ? rest.size() : rest.size() - last_dot);
    if (!has_over_blocks(*statistic, out.over_blocks)) return {};
  } else if (statistic->parameter == kernels::ParameterRule::quantile && !kernels::parse_percentile(rest)) {
    return {};
  }
  if ((statistic->parameter == kernels::ParameterRule::none) != rest.empty()) return {};
  out.statistic = statistic;
  out.parameter = rest;
  return out;
}

}  // namespace stethos::edge
