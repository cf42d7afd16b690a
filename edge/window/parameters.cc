#include "edge/window/parameters.h"

#include "gpu_kernels/statistics.h"

namespace stethos::edge {
namespace {

constexpr std::size_t overhead_bytes = 12;  // of a text in a row: its place, its length, padding

}  // namespace

void Parameters::add(std::string_view text) {
  if (numbers_.contains(text)) return;
  bytes_ += text.size() + overhead_bytes;
  is_full_ = is_full_ || bytes_ > bytes_max;
  if (is_full_) return;
  numbers_.emplace(text, static_cast<std::uint16_t>(texts_.size()));
  texts_.emplace_back(text);
}

void Parameters::add_feature(std::uint16_t statistic, std::string_view text) {
  const kernels::StatisticDefinition* definition = kernels::find_statistic(statistic);
  if (definition == nullptr) return;  // of a later program
  OverBlocks& numbers = of_features_.try_emplace(std::string(text)).first->second;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (!has_over_blocks(*definition, over_blocks[i])) continue;
    const std::string name = parameter_of({.parameter = std::string(text), .over_blocks = std::string(over_blocks[i])});
    add(name);
    numbers[i] = of(name);
  }
}

std::uint16_t Parameters::of(std::string_view text) const {
  const auto found = numbers_.find(text);
  return found == numbers_.end() ? 0 : found->second;
}

Parameters::OverBlocks Parameters::of_feature(std::string_view text) const {
  const auto found = of_features_.find(text);
  return found == of_features_.end() ? OverBlocks{} : found->second;
}

}  // namespace stethos::edge
