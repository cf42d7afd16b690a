#include "common/shortened.h"

#include <algorithm>

namespace stethos {

std::string_view first_of(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  constexpr unsigned char continuation_mask = 0xC0;
  constexpr unsigned char continuation = 0x80;
  const std::size_t least = bytes_max - std::min<std::size_t>(bytes_max, 3);  // bytes that are no text are cut anywhere
  while (bytes_max > least && (static_cast<unsigned char>(text[bytes_max]) & continuation_mask) == continuation) --bytes_max;
  return text.substr(0, bytes_max);
}

std::string shortened(std::string_view text, std::size_t bytes_max) {
  std::string first(first_of(text, bytes_max));
  return first.size() < text.size() ? first + "..." : first;
}

}  // namespace stethos
