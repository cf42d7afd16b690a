#include "edge/ingest/json_fault.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "common/shortened.h"

namespace stethos::edge {
namespace {

constexpr std::size_t text_bytes_max = 24;

std::string at(std::size_t place) { return " at byte " + std::to_string(place + 1); }

std::string shown_text(std::string_view text) { return '"' + shortened(text, text_bytes_max) + '"'; }

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// UTF-16 has a NUL in every character of ASCII.
bool is_utf16(std::string_view text) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return true;
  return text.size() >= 4 && (text[0] == '\0') != (text[1] == '\0') && (text[0] == '\0') == (text[2] == '\0') &&
         (text[1] == '\0') == (text[3] == '\0');
}

// What a reader of braces, commas and quotes finds first; nothing: they are in order.
std::optional<std::string> misplaced(std::string_view text) {
  std::string open;  // braces, outermost first; bounded by the text
  bool in_text = false;
  char before = '\0';  // the last sign that is no space, outside of texts
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text) {
      if (c == '\\') ++i;
      if (c == '"') in_text = false;
      continue;
    }
    if (is_space(c)) continue;
    if (c == '\0') return "a NUL stands" + at(i) + ", and not behind the document";
    if (text.substr(i).starts_with("\xef\xbb\xbf")) return "a byte order mark stands" + at(i) + ", and not before the document";
    if (c == '\'') return "a single quote stands" + at(i) + ": JSON has double quotes";
    const bool is_done = open.empty() && (before == '}' || before == ']');
    if (is_done) return "something follows the document" + at(i) + ": " + shown_text(text.substr(i));
    if (c == '"') in_text = true;
    if (c == '{' || c == '[') open += c;
    if (c == '}' || c == ']') {
      if (before == ',') return "a comma stands before the brace" + at(i);
      if (open.empty() || (open.back() == '{') != (c == '}')) return "a brace" + at(i) + " closes what was not opened";
      open.pop_back();
    }
    if (c == ',' && (before == ',' || before == '{' || before == '[')) return "nothing stands before the comma" + at(i);
    before = c;
  }
  if (in_text) return "it ends within a text in quotes: was it cut short?";
  if (!open.empty()) return "it ends before its last brace is closed: was it cut short?";
  return std::nullopt;
}

}  // namespace

std::string json_fault(std::string_view text, simdjson::error_code error) {
  if (std::ranges::all_of(text, is_space)) return "it is empty";
  if (is_utf16(text)) return "it is UTF-16, and JSON is UTF-8";
  if (error == simdjson::UTF8_ERROR) return "it is not UTF-8 throughout; it begins with " + shown_text(text);
  if (error == simdjson::DEPTH_ERROR) return "its objects and arrays are too many within each other";
  if (auto found = misplaced(text)) return *found;
  const auto first = std::ranges::find_if_not(text, is_space);
  if (*first != '{' && *first != '[') return "it begins with " + shown_text({first, text.end()}) + ", and not with a brace";
  if (error == simdjson::UNESCAPED_CHARS) return "a text in it has a control character that is not escaped";
  if (error == simdjson::TAPE_ERROR) return "a comma, a colon, a quote or a value is missing, or one too many";
  return simdjson::error_message(error);
}

std::string names_in(simdjson::dom::element document) {
  constexpr std::size_t names_max = 6;
  simdjson::dom::object object;
  if (document.get_object().get(object)) return {};
  std::string names;
  std::size_t count = 0;
  for (const auto& field : object) {
    if (++count > names_max) return names + ", ...";
    names += (count == 1 ? "; it has " : ", ") + shown_text(field.key);
  }
  return names.empty() ? "; it has no names" : names;
}

}  // namespace stethos::edge
