// Which bytes are text. Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace stethos {

inline constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";  // before a text of UTF-8

// The length in bytes of the UTF-8 sequence at the front of `text`; 0: there is none, or not a valid one.
std::size_t utf8_sequence_length(std::string_view text);

// The same; 0 as well where the character is not shown but does something to what is shown: the controls of ASCII and Latin-1,
// ends of lines and paragraphs, byte order marks, and what changes the direction of a text (UAX 9, explicit formatting).
std::size_t plain_sequence_length(std::string_view text);

// Whether all of it is such, and no longer than so many bytes.
bool is_plain_text(std::string_view text, std::size_t bytes_max);

}  // namespace stethos
