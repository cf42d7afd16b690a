#include "firmware_sim/json_text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace stethos::firmware_sim {
namespace {

template <class Number>
void append_number(std::string& out, Number value) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(text.data(), end);
}

}  // namespace

void append_json(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_json(std::string& out, double value) {
  if (std::isfinite(value)) {
    append_number(out, value);
  } else {
    out += "null";
  }
}
void append_json(std::string& out, std::int64_t value) { append_number(out, value); }
void append_json(std::string& out, std::uint64_t value) { append_number(out, value); }

}  // namespace stethos::firmware_sim
