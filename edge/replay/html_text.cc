#include "edge/replay/html_text.h"

#include "common/printable.h"

namespace stethos::edge {

std::string escaped(std::string_view text, std::size_t bytes_max) {
  // The two characters of three bytes that are none, and that XML forbids.
  constexpr std::string_view fffe = "\xef\xbf\xbe", ffff = "\xef\xbf\xbf";
  std::string out;
  const std::string shown = printable(text, bytes_max);
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const std::string_view rest = std::string_view(shown).substr(i);
    if (rest.starts_with(fffe) || rest.starts_with(ffff)) {
      out += rest.starts_with(fffe) ? "\\xef\\xbf\\xbe" : "\\xef\\xbf\\xbf";
      i += 2;
    } else if (rest.front() == '<') {
      out += "&lt;";
    } else if (rest.front() == '>') {
      out += "&gt;";
    } else if (rest.front() == '&') {
      out += "&amp;";
    } else if (rest.front() == '"') {
      out += "&quot;";
    } else if (rest.front() == '\'') {
      out += "&#39;";
    } else {
      out += rest.front();
    }
  }
  return out;
}

std::string escaped_breakable(std::string_view text) {
  std::string out;
  for (const char character : escaped(text)) {
    out += character;
    if (character == '.' || character == '_' || character == '/') out += "<wbr/>";
  }
  return out;
}

}  // namespace stethos::edge
