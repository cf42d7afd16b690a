#include "common/printable.h"

#include <algorithm>

namespace stethos {

std::string printable(std::span<const std::uint8_t> bytes, std::size_t bytes_max) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes.first(std::min(bytes.size(), bytes_max))) {
    if (byte == '\\') {
      text += "\\\\";
    } else if (byte >= 0x20 && byte < 0x7f) {
      text += static_cast<char>(byte);
    } else {
      text += {'\\', 'x', digits[byte >> 4u], digits[byte & 0xfu]};
    }
  }
  return bytes.size() > bytes_max ? text + " ..." : text;
}

std::string printable(std::string_view text, std::size_t bytes_max) {
  return printable(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()), bytes_max);
}

}  // namespace stethos
