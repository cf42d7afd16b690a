#include "common/settings_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <set>

#include "common/time_text.h"

namespace stethos::settings {
namespace {

struct ByteUnit {
  std::string_view name;
  std::int64_t bytes;
};
constexpr std::array<ByteUnit, 5> byte_units{
    {{"TiB", 1ll << 40}, {"GiB", 1ll << 30}, {"MiB", 1ll << 20}, {"KiB", 1ll << 10}, {"B", 1}}};

}  // namespace

Result<std::int64_t> parse_bytes(std::string_view text) {
  const auto refuse = [&](std::string why) {
    return fail(Code::invalid, "reading the byte size \"" + std::string(text) + "\"", std::move(why));
  };
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !std::isfinite(value)) return refuse("expected a number and a unit, as in 64 MiB");
  if (std::signbit(value)) return refuse("it is negative");
  std::string_view name(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (name.empty() && value == 0) return 0;
  if (name.starts_with(' ')) name.remove_prefix(1);
  for (const auto& unit : byte_units) {
    if (name != unit.name) continue;
    const double bytes = value * static_cast<double>(unit.bytes);
    if (bytes > 9.2e18) return refuse("more than 8 EiB");
    if (bytes != std::floor(bytes)) return refuse("not a whole number of bytes");
    return static_cast<std::int64_t>(bytes);
  }
  return refuse("its unit is none of B, KiB, MiB, GiB, TiB");
}

std::string format_bytes(std::int64_t bytes) {
  if (bytes == 0) return "0 B";
  for (const auto& unit : byte_units) {
    if (bytes % unit.bytes == 0) return std::to_string(bytes / unit.bytes) + " " + std::string(unit.name);
  }
  STETHOS_CHECK(false, "every size is a number of bytes");
}

namespace detail {
namespace {

std::string written_integer(Kind kind, std::int64_t value) {
  switch (kind) {
    case Kind::duration:
      return in_quotes(format_duration(value));
    case Kind::time:
      return in_quotes(format_time(value));
    case Kind::bytes:
      return in_quotes(format_bytes(value));
    default:
      return std::to_string(value);
  }
}

std::string written_number(double value) {
  std::array<char, 64> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  STETHOS_CHECK(error == std::errc{}, "a double fits in 64 characters");
  return std::string(text.data(), end);
}

std::string with_unit(const std::string& text, const std::string& unit) { return unit.empty() ? text : text + " " + unit; }

std::string count_of(std::int64_t count, std::string_view noun) {
  if (count == 1) return "1 " + std::string(noun);
  if (noun.ends_with('y')) return std::to_string(count) + " " + std::string(noun.substr(0, noun.size() - 1)) + "ies";
  return std::to_string(count) + " " + std::string(noun) + "s";
}

std::string objection_to_size(std::int64_t size, const Key& key, std::string_view noun) {
  if (size == 0 && key.min == 1) return "must not be empty";
  if (size < key.min) return "must have at least " + count_of(key.min, noun);
  if (size > key.max) return "must have at most " + count_of(key.max, noun);
  return {};
}

std::string objection_to_text(std::string_view text, const TextCheck& check) {
  const bool printable = std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
  if (!printable) return "must not hold control characters";
  return check ? check(text) : std::string();
}

std::string objection_to_texts(const Key& key, const Texts& texts) {
  if (auto bad = objection_to_size(std::ssize(texts), key, "entry"); !bad.empty()) return bad;
  std::set<std::string_view> seen;
  for (const auto& text : texts) {
    if (auto bad = objection_to_text(text, key.check); !bad.empty()) return "its entry " + in_quotes(text) + " " + bad;
    if (!seen.insert(text).second) return "its entry " + in_quotes(text) + " stands there twice";
  }
  return {};
}

std::string objection_to_map(const Key& key, const TextMap& map) {
  if (auto bad = objection_to_size(std::ssize(map), key, "entry"); !bad.empty()) return bad;
  for (const auto& [name, text] : map) {
    if (name.empty()) return "must not have an entry without a name";
    if (auto bad = objection_to_text(name, nullptr); !bad.empty()) return "its entry " + in_quotes(name) + " " + bad;
    if (auto bad = objection_to_text(text, key.check); !bad.empty())
      return "its entry " + in_quotes(name) + " = " + in_quotes(text) + " " + bad;
  }
  return {};
}

}  // namespace

Result<std::int64_t> read_textual(Kind kind, std::string_view text) {
  switch (kind) {
    case Kind::duration:
      return parse_duration(text);
    case Kind::time:
      return parse_time(text);
    case Kind::bytes:
      return parse_bytes(text);
    default:
      STETHOS_CHECK(false, "only durations, times and byte sizes are read from texts");
  }
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(byte));
      out += escape.data();
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string written(const Key& key, const Value& value) {
  switch (key.kind) {
    case Kind::text:
    case Kind::file:
    case Kind::secret_file:
      return in_quotes(std::get<std::string>(value));
    case Kind::integer:
    case Kind::duration:
    case Kind::time:
    case Kind::bytes:
      return written_integer(key.kind, std::get<std::int64_t>(value));
    case Kind::number:
      return written_number(std::get<double>(value));
    case Kind::boolean:
      return std::get<bool>(value) ? "true" : "false";
    case Kind::choice:
      return in_quotes(key.choices[static_cast<std::size_t>(std::get<std::int64_t>(value))]);
    case Kind::texts: {
      std::string out;
      for (const auto& text : std::get<Texts>(value)) out += (out.empty() ? "" : ", ") + in_quotes(text);
      return "[" + out + "]";
    }
    case Kind::text_map: {
      std::string out;
      for (const auto& [name, text] : std::get<TextMap>(value))
        out += (out.empty() ? " " : ", ") + in_quotes(name) + " = " + in_quotes(text);
      return out.empty() ? "{}" : "{" + out + " }";
    }
    case Kind::list:
      break;
  }
  STETHOS_CHECK(false, "a list has no value of its own");
}

std::string objection(const Key& key, const Value& value) {
  switch (key.kind) {
    case Kind::text:
    case Kind::file:
    case Kind::secret_file: {
      const auto& text = std::get<std::string>(value);
      if (auto bad = objection_to_size(std::ssize(text), key, "byte"); !bad.empty()) return bad;
      return objection_to_text(text, key.check);
    }
    case Kind::integer:
    case Kind::duration:
    case Kind::time:
    case Kind::bytes: {
      const auto number = std::get<std::int64_t>(value);
      if (number < key.min) return "must be at least " + with_unit(written_integer(key.kind, key.min), key.unit);
      if (number > key.max) return "must be at most " + with_unit(written_integer(key.kind, key.max), key.unit);
      return {};
    }
    case Kind::number: {
      const auto number = std::get<double>(value);
      if (!std::isfinite(number)) return "must be finite";
      if (number < key.number_min) return "must be at least " + with_unit(written_number(key.number_min), key.unit);
      if (number > key.number_max) return "must be at most " + with_unit(written_number(key.number_max), key.unit);
      return {};
    }
    case Kind::texts:
      return objection_to_texts(key, std::get<Texts>(value));
    case Kind::text_map:
      return objection_to_map(key, std::get<TextMap>(value));
    case Kind::boolean:
    case Kind::choice:
    case Kind::list:
      return {};
  }
  STETHOS_CHECK(false, "a kind without a rule");
}

std::string form_of(const Key& key, std::string_view code) {
  const auto as_code = [&](const std::string& text) { return std::string(code) + text + std::string(code); };
  const auto range = [&](const std::string& min, const std::string& max) { return as_code(min) + " to " + as_code(max); };
  switch (key.kind) {
    case Kind::text:
      return key.min == 0 ? "a text" : "a text that is not empty";
    case Kind::integer:
      return with_unit("a whole number, " + range(std::to_string(key.min), std::to_string(key.max)), key.unit);
    case Kind::number:
      return with_unit("a number, " + range(written_number(key.number_min), written_number(key.number_max)), key.unit);
    case Kind::boolean:
      return as_code("true") + " or " + as_code("false");
    case Kind::duration:
      return "a duration, " + range(written_integer(key.kind, key.min), written_integer(key.kind, key.max));
    case Kind::time:
      return "a time, " + range(written_integer(key.kind, key.min), written_integer(key.kind, key.max));
    case Kind::bytes:
      return "a byte size, " + range(written_integer(key.kind, key.min), written_integer(key.kind, key.max));
    case Kind::choice: {
      std::string out;
      for (const auto& name : key.choices) out += (out.empty() ? "" : ", ") + as_code(in_quotes(name));
      return "one of " + out;
    }
    case Kind::file:
      return "the name of a file";
    case Kind::secret_file:
      return "the name of a file that holds a secret";
    case Kind::texts:
      return "a list of up to " + std::to_string(key.max) + " texts";
    case Kind::text_map:
      return "a table of up to " + std::to_string(key.max) + " texts";
    case Kind::list:
      return "a list of tables, [[" + key.path + "]]";
  }
  STETHOS_CHECK(false, "a kind without a form");
}

}  // namespace detail
}  // namespace stethos::settings
