#include "edge/ingest/field_value.h"

#include <algorithm>
#include <array>
#include <boost/archive/iterators/binary_from_base64.hpp>
#include <boost/archive/iterators/dataflow_exception.hpp>
#include <boost/archive/iterators/transform_width.hpp>
#include <charconv>
#include <cstring>
#include <limits>

namespace stethos::edge {
namespace {

using simdjson::dom::element;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

double scaled(const FieldConfig& field, double value) { return field.scale * value + field.offset; }

// Nothing: the value is not of the field's type.
std::optional<double> number_of(const FieldConfig& field, const element& value) {
  double number = 0;
  std::string_view text;
  bool truth = false;
  switch (field.type) {
    case FieldType::number:
      if (!value.get_double().get(number)) return scaled(field, number);
      return std::nullopt;
    case FieldType::quoted_number:
      if (!value.get_double().get(number)) return scaled(field, number);
      break;
    case FieldType::boolean:
      if (!value.get_bool().get(truth)) return scaled(field, truth ? 1 : 0);
      if (!value.get_double().get(number) && (number == 0 || number == 1)) return scaled(field, number);
      break;
    case FieldType::base64_f32:
    case FieldType::base64_i16:
      return std::nullopt;
  }
  if (value.get_string().get(text)) return std::nullopt;
  const auto read = read_text(field, text);
  return read ? std::optional(*read) : std::nullopt;
}

std::string_view words_for(FieldType type) {
  switch (type) {
    case FieldType::number:
      return "is neither a number nor an array";
    case FieldType::quoted_number:
      return "is no number, quoted or not, and no array of them";
    case FieldType::boolean:
      return "is neither true nor false";
    case FieldType::base64_f32:
      return "is no base64 of 32-bit floats";
    case FieldType::base64_i16:
      return "is no base64 of 16-bit integers";
  }
  return {};
}

void read_base64(const FieldConfig& field, const element& value, std::pmr::memory_resource& arena, DecodedChannel& channel) {
  const std::size_t width = field.type == FieldType::base64_f32 ? sizeof(float) : sizeof(std::int16_t);
  std::string_view text;
  const auto bytes = value.get_string().get(text) ? std::nullopt : decode_base64(text);
  if (!bytes || bytes->size() % width != 0) {
    channel.rejected = Rejection{Reason::wrong_type, field.channel + " " + std::string(words_for(field.type))};
    return;
  }
  const std::size_t count = bytes->size() / width;
  auto* samples = static_cast<float*>(arena.allocate(std::max<std::size_t>(count, 1) * sizeof(float), alignof(float)));
  for (std::size_t i = 0; i < count; ++i) {
    double raw = 0;
    if (field.type == FieldType::base64_f32) {
      float number = 0;
      std::memcpy(&number, bytes->data() + i * width, width);
      raw = number;
    } else {
      std::int16_t number = 0;
      std::memcpy(&number, bytes->data() + i * width, width);
      raw = number;
    }
    samples[i] = static_cast<float>(scaled(field, raw));
  }
  channel.samples.samples = samples;
  channel.samples.count = count;
}

}  // namespace

std::optional<double> parse_number(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.starts_with('+')) return std::nullopt;
  if (lower(text) == "nan" || lower(text) == "-nan") return not_a_number;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<double> parse_truth(std::string_view text) {
  const std::string word = lower(trimmed(text));
  if (word == "on" || word == "true" || word == "yes" || word == "1") return 1;
  if (word == "off" || word == "false" || word == "no" || word == "0") return 0;
  return std::nullopt;
}

std::optional<std::string> decode_base64(std::string_view base64) {
  using namespace boost::archive::iterators;
  using Bytes = transform_width<binary_from_base64<std::string_view::const_iterator>, 8, 6>;
  if (base64.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && base64.ends_with('=')) base64.remove_suffix(1), ++padding;
  if (base64.find('=') != std::string_view::npos) return std::nullopt;
  // The iterators read whole bytes only, and never behind the end.
  std::string bytes(base64.size() * 6 / 8, '\0');
  try {
    Bytes from(base64.begin());
    for (char& byte : bytes) byte = *from++;
  } catch (const dataflow_exception&) {
    return std::nullopt;
  }
  return bytes;
}

std::expected<double, Rejection> read_text(const FieldConfig& field, std::string_view text) {
  const auto number = field.type == FieldType::boolean ? parse_truth(text) : parse_number(text);
  if (number) return scaled(field, *number);
  return std::unexpected(Rejection{Reason::wrong_type, field.channel + " " + std::string(words_for(field.type))});
}

void read_json(const FieldConfig& field, element value, bool has_interval, std::pmr::memory_resource& arena,
               DecodedChannel& channel) {
  if (value.is_null()) {
    channel.reading = not_a_number;
    return;
  }
  if (field.type == FieldType::base64_f32 || field.type == FieldType::base64_i16) {
    return read_base64(field, value, arena, channel);
  }
  if (const auto number = number_of(field, value)) {
    channel.reading = number;
    return;
  }
  simdjson::dom::array array;
  if (value.get_array().get(array)) {
    channel.rejected = Rejection{Reason::wrong_type, field.channel + " " + std::string(words_for(field.type))};
    return;
  }
  // size() stops counting at 2^24 - 1.
  std::pmr::vector<float> samples(&arena);
  samples.reserve(array.size());
  double last = 0;
  for (const element item : array) {
    const auto number = item.is_null() ? std::optional(not_a_number) : number_of(field, item);
    if (!number) {
      channel.rejected = Rejection{Reason::wrong_type, field.channel + " has an item that is no number"};
      return;
    }
    samples.push_back(static_cast<float>(*number));
    last = *number;
  }
  if (samples.size() == 1 && !has_interval) {
    channel.reading = last;
    return;
  }
  channel.samples.count = samples.size();
  channel.samples.samples =
      std::pmr::polymorphic_allocator<>(&arena).new_object<std::pmr::vector<float>>(std::move(samples))->data();
}

}  // namespace stethos::edge
