#include "common/number_text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace stethos {

std::string number_text(double number) {
  if (!std::isfinite(number)) return {};
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return {text.data(), end};
}

std::string rounded_text(double number) {
  if (std::abs(number) >= 1'000 && std::abs(number) < 1e15) return std::to_string(std::llround(number));
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::general, 4).ptr;
  return {text.data(), end};
}

}  // namespace stethos
