#include "uplink/collector/json.h"

#include <cmath>

#include "common/number_text.h"
#include "common/utf8.h"

namespace stethos::collector {
void JsonWriter::separate() {
  if (needs_comma_) out_ += ',';
  needs_comma_ = true;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_ += bracket;
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  quote(name);
  out_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  quote(text);
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  separate();
  out_ += number_text(number);
  return *this;
}

JsonWriter& JsonWriter::value(bool truth) {
  separate();
  out_ += truth ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::null() {
  separate();
  out_ += "null";
  return *this;
}

void JsonWriter::quote(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  out_ += '"';
  while (!text.empty()) {
    const char c = text.front();
    if (c == '"' || c == '\\') {
      out_.append({'\\', c});
      text.remove_prefix(1);
    } else if (c >= 0 && c < 0x20) {
      out_.append("\\u00")
          .append(1, digits[static_cast<std::size_t>(c) >> 4])
          .append(1, digits[static_cast<std::size_t>(c) & 15]);
      text.remove_prefix(1);
    } else if (const std::size_t length = utf8_sequence_length(text); length > 0) {
      out_.append(text.substr(0, length));
      text.remove_prefix(length);
    } else {
      out_.append("\xef\xbf\xbd");
      text.remove_prefix(1);
    }
  }
  out_ += '"';
}

}  // namespace stethos::collector
