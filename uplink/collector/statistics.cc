#include "uplink/collector/statistics.h"

#include <algorithm>

namespace stethos::collector {

std::string lines_of(const schema::ProvenanceRow& row) {
  std::string out;
  if (row.parameters() == nullptr) return out;
  for (const auto* text : *row.parameters()) out.append(text->string_view()).append("\n");
  return out;
}

ParameterTexts parameter_texts(std::string_view lines) {
  ParameterTexts out;
  while (!lines.empty()) {
    const auto end = std::min(lines.find('\n'), lines.size());
    out.emplace_back(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return out;
}

std::string_view text_of(const ParameterTexts& texts, std::uint16_t index) {
  return index == 0 || index >= texts.size() ? std::string_view{} : texts[index];
}

std::string statistic_name(std::uint16_t number, std::string_view parameter) {
  const auto* known = kernels::find_statistic(number);
  std::string out = known != nullptr ? std::string(known->name) : "statistic_" + std::to_string(number);
  if (!parameter.empty()) out.append(".").append(parameter);
  return out;
}

bool has_parameter(const kernels::StatisticDefinition& statistic) {
  return statistic.is_feature() || statistic.parameter != kernels::ParameterRule::none;
}

std::string_view statistic_unit(std::uint16_t number, std::string_view unit) {
  const auto* known = kernels::find_statistic(number);
  return known == nullptr ? std::string_view{} : kernels::unit_of(*known, unit);
}

}  // namespace stethos::collector
