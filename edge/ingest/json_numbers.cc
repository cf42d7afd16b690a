#include "edge/ingest/json_numbers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <utility>

#include "common/number_text.h"
#include "edge/ingest/field_value.h"

namespace stethos::edge {
namespace {

using simdjson::dom::element;

std::unexpected<Rejection> no_number(const std::string& name) {
  return std::unexpected(Rejection{Reason::wrong_type, name + " is no number"});
}

std::unexpected<Rejection> beyond_all_time(double count, const std::string& name) {
  const std::string number = number_text(count);
  const std::string which = name + " is " + (number.empty() ? "infinite" : number);
  return std::unexpected(count < 0 ? Rejection{Reason::time_past, which + ", before the year 1678 by its time_unit"}
                                   : Rejection{Reason::time_future, which + ", beyond the year 2262 by its time_unit"});
}

std::expected<TimeNs, Rejection> time_of_whole(std::int64_t whole, TimeUnit unit, const std::string& name) {
  TimeNs time = 0;
  if (__builtin_mul_overflow(whole, ns_of(unit), &time)) return beyond_all_time(static_cast<double>(whole), name);
  return time;
}

// Whole and fraction apart: a double does not hold nanoseconds since 1970.
std::expected<TimeNs, Rejection> time_of_real(double real, TimeUnit unit, const std::string& name) {
  if (std::isnan(real)) return no_number(name);
  const double whole = std::floor(real);
  if (!(std::abs(whole) < 9.2e18)) return beyond_all_time(real, name);
  auto time = time_of_whole(static_cast<std::int64_t>(whole), unit, name);
  const auto fraction = std::llround((real - whole) * static_cast<double>(ns_of(unit)));
  if (time && __builtin_add_overflow(*time, fraction, &*time)) return beyond_all_time(real, name);
  return time;
}

std::expected<TimeNs, Rejection> time_of_text(std::string_view text, TimeUnit unit, const std::string& name) {
  std::int64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error == std::errc() && end == text.data() + text.size()) return time_of_whole(whole, unit, name);
  const auto real = parse_number(text);
  return real ? time_of_real(*real, unit, name) : no_number(name);
}

// Up to 15 digits each number has a double of its own.
bool may_stand_for_another(double value) {
  constexpr double whole_max = 9'007'199'254'740'992;  // 2^53: beyond, not even whole numbers have
  constexpr std::ptrdiff_t digits_max = 15;
  const std::string text = number_text(value);
  const auto first = std::ranges::find_if(text, [](char c) { return c >= '1' && c <= '9'; });
  const auto digits = std::count_if(first, std::find(first, text.end(), 'e'), [](char c) { return c >= '0' && c <= '9'; });
  return std::abs(value) > whole_max || digits > digits_max;
}

}  // namespace

DurationNs ns_of(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::s:
      return ns_per_s;
    case TimeUnit::ms:
      return ns_per_ms;
    case TimeUnit::us:
      return ns_per_us;
    default:
      return 1;
  }
}

std::expected<TimeNs, Rejection> counted_time(element value, TimeUnit unit, const std::string& name) {
  std::string_view text;
  if (!value.get_string().get(text)) return time_of_text(text, unit, name);
  std::int64_t whole = 0;
  if (value.is_int64() && !value.get_int64().get(whole)) return time_of_whole(whole, unit, name);
  double real = 0;
  if (value.get_double().get(real)) return no_number(name);
  return time_of_real(real, unit, name);
}

bool may_stand_for_another(element value) {
  simdjson::dom::array array;
  simdjson::dom::object object;
  const auto may = [](element each) { return may_stand_for_another(each); };
  if (!value.get_array().get(array)) return std::ranges::any_of(array, may);
  if (!value.get_object().get(object)) return std::ranges::any_of(object, may, [](const auto& each) { return each.value; });
  if (value.is_null()) return true;
  return value.type() == simdjson::dom::element_type::DOUBLE && may_stand_for_another(value.get_double().value_unsafe());
}

}  // namespace stethos::edge
