#include "edge/window/parameters.h"

#include <limits>

#include "edge/config/parameter_text.h"

namespace stethos::edge {
void Parameters::add(std::string_view text) {
  if (texts_.size() > std::numeric_limits<std::uint16_t>::max() || !numbers_.emplace(text, texts_.size()).second) return;
  texts_.emplace_back(text);
}

void Parameters::add_feature(std::string_view text) {
  for (const std::string_view over : over_blocks)
    add(parameter_of({.parameter = std::string(text), .over_blocks = std::string(over)}));
}

std::uint16_t Parameters::of(std::string_view text) const {
  const auto found = numbers_.find(text);
  return found == numbers_.end() ? 0 : found->second;
}

std::uint16_t Parameters::of_feature(std::string_view text) const {
  return of(parameter_of({.parameter = std::string(text), .over_blocks = std::string(over_blocks[0])}));
}

}  // namespace stethos::edge
