// Which bytes are text.
#pragma once

#include <cstddef>
#include <string_view>

namespace stethos::collector {

// The length in bytes of the UTF-8 sequence at the front of `text`; 0: there is none, or not a valid one.
std::size_t utf8_sequence_length(std::string_view text);

}  // namespace stethos::collector
