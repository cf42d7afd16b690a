#include "edge/ingest/json_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <system_error>

#include "common/utf8.h"
#include "edge/ingest/json_fault.h"

namespace stethos::edge {
namespace {

bool ends_a_token(char c) { return std::string_view(" \t\r\n,:]}[{\"").find(c) != std::string_view::npos; }

std::string_view without_frame(std::string_view text) {
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
  return text;
}

// As C, Python and JavaScript print what is no number.
bool is_bare_nan(std::string_view token) {
  if (token.starts_with('-') || token.starts_with('+')) token.remove_prefix(1);
  std::string lower(token.substr(0, 9));
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  constexpr std::array<std::string_view, 3> known{"nan", "inf", "infinity"};
  return token.size() == lower.size() && std::ranges::find(known, lower) != known.end();
}

template <class Number>
std::from_chars_result read(std::string_view token, Number& value) {
  return std::from_chars(token.data(), token.data() + token.size(), value);
}

// A whole number that fits into no 64 bits, which simdjson refuses.
bool is_beyond_64_bits(std::string_view token) {
  std::int64_t negative = 0;
  std::uint64_t positive = 0;
  const auto [end, error] = token.starts_with('-') ? read(token, negative) : read(token, positive);
  return error == std::errc::result_out_of_range && end == token.data() + token.size();
}

bool is_beyond_double(std::string_view token) {
  double value = 0;
  const auto [end, error] = read(token, value);
  if (error != std::errc::result_out_of_range || end != token.data() + token.size()) return false;
  return std::isinf(std::strtod(std::string(token).c_str(), nullptr));  // else it is too near to zero
}

// With each bare token that JSON has no word for written as JSON.
void rewrite(std::string_view in, std::string& out) {
  out.clear();
  while (!in.empty()) {
    if (in.front() == '"') {
      std::size_t end = 1;
      while (end < in.size() && in[end] != '"') end += in[end] == '\\' ? 2 : 1;
      end = std::min(end + 1, in.size());
      out += in.substr(0, end);
      in.remove_prefix(end);
    } else if (ends_a_token(in.front())) {
      out += in.front();
      in.remove_prefix(1);
    } else {
      const auto end = std::ranges::find_if(in, ends_a_token);
      const std::string_view token(in.begin(), end);
      if (is_bare_nan(token) || is_beyond_double(token)) {
        out += "null";
      } else {
        out += token;
        if (is_beyond_64_bits(token)) out += ".0";
      }
      in.remove_prefix(token.size());
    }
  }
}

}  // namespace

std::expected<simdjson::dom::element, Rejection> JsonText::parse(std::span<const std::uint8_t> payload) {
  const std::string_view text = without_frame({reinterpret_cast<const char*>(payload.data()), payload.size()});
  if (text.empty()) return std::unexpected(Rejection{Reason::not_json, json_fault(text, simdjson::EMPTY)});
  simdjson::dom::element document;
  auto error = parser_.parse(text.data(), text.size()).get(document);
  if (error == simdjson::SUCCESS) return document;
  const auto first_error = error;
  rewrite(text, rewritten_);
  error = parser_.parse(rewritten_).get(document);
  if (error == simdjson::SUCCESS) return document;
  return std::unexpected(Rejection{Reason::not_json, json_fault(text, first_error)});
}

}  // namespace stethos::edge
