#include "common/printable.h"

#include <algorithm>

#include "common/shortened.h"
#include "common/utf8.h"

namespace stethos {

std::string printable(std::string_view text, std::size_t bytes_max) {
  constexpr std::string_view digits = "0123456789abcdef";
  const std::string_view shown = first_of(text, bytes_max);
  std::string out;
  for (std::size_t i = 0; i < shown.size();) {
    const std::size_t length = plain_sequence_length(shown.substr(i));
    if (shown[i] == '\\') {
      out += "\\\\";
    } else if (length > 0) {
      out += shown.substr(i, length);
    } else {
      const auto byte = static_cast<unsigned char>(shown[i]);
      out += {'\\', 'x', digits[byte >> 4u], digits[byte & 0xfu]};
    }
    i += std::max<std::size_t>(length, 1);
  }
  return shown.size() < text.size() ? out + " ..." : out;
}

std::string printable(std::span<const std::uint8_t> bytes, std::size_t bytes_max) {
  return printable({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, bytes_max);
}

}  // namespace stethos
