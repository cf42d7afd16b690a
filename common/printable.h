// Bytes that somebody else made, as they may be shown on a terminal or stand in a log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace stethos {

// Everything but plain text (common/utf8.h) is escaped: "\x1b". At most so many of the bytes, and then " ...".
std::string printable(std::span<const std::uint8_t> bytes, std::size_t bytes_max = SIZE_MAX);
std::string printable(std::string_view text, std::size_t bytes_max = SIZE_MAX);

}  // namespace stethos
