// Text of others, as a page may hold it. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace stethos::edge {

// As it may stand in HTML, in SVG, in XML and between the double quotes of an attribute: nothing in it ends an element or an
// attribute, and what is not plain text (common/utf8.h) is written as in "\x1b". At most so many of the bytes, and then " ...".
std::string escaped(std::string_view text, std::size_t bytes_max = 160);

// The same for content, not for attributes: a browser may break the line behind a point, an underline and a slash.
std::string escaped_breakable(std::string_view text);

}  // namespace stethos::edge
