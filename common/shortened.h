// Texts that may be long, cut.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace stethos {

// At most so many bytes, cut where a character of UTF-8 begins.
std::string_view first_of(std::string_view text, std::size_t bytes_max);

// The same, with dots behind it where it was cut.
std::string shortened(std::string_view text, std::size_t bytes_max);

}  // namespace stethos
