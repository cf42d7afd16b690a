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

}  // namespace stethos
