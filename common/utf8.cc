#include "common/utf8.h"

#include <array>
#include <utility>

namespace stethos {

std::size_t utf8_sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  if (byte(0) < 0x80) return 1;
  if (byte(0) >= 0xc2 && byte(0) < 0xe0) return continues(1) ? 2 : 0;
  if (byte(0) >= 0xe0 && byte(0) < 0xf0) {
    const bool is_overlong = byte(0) == 0xe0 && byte(1) < 0xa0;
    const bool is_surrogate = byte(0) == 0xed && byte(1) >= 0xa0;
    return continues(1) && continues(2) && !is_overlong && !is_surrogate ? 3 : 0;
  }
  if (byte(0) >= 0xf0 && byte(0) < 0xf5) {
    const bool is_outside = (byte(0) == 0xf0 && byte(1) < 0x90) || (byte(0) == 0xf4 && byte(1) >= 0x90);
    return continues(1) && continues(2) && continues(3) && !is_outside ? 4 : 0;
  }
  return 0;
}

std::size_t plain_sequence_length(std::string_view text) {
  const std::size_t length = utf8_sequence_length(text);
  const std::string_view character = text.substr(0, length);
  if (length == 1) return character[0] < 0x20 || character[0] == 0x7f ? 0 : 1;
  if (length == 2) return character >= "\u0080" && character < "\u00a0" ? 0 : 2;  // bytes are ordered as characters are
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> refused{
      {{"\u200e", "\u200f"}, {"\u2028", "\u202e"}, {"\u2066", "\u2069"}, {"\ufeff", "\ufeff"}}};
  for (const auto& [first, last] : refused) {
    if (length == 3 && character >= first && character <= last) return 0;
  }
  return length;
}

bool is_plain_text(std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) return false;
  while (!text.empty()) {
    const std::size_t length = plain_sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace stethos
