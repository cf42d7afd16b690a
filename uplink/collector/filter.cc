#include <algorithm>
#include <charconv>

#include "common/time_text.h"
#include "uplink/collector/query.h"
#include "uplink/collector/statistics.h"

namespace stethos::collector {
namespace {

constexpr std::size_t cursor_part_digits = 16;
constexpr std::size_t cursor_parts_max = 3;

bool parse_hex(std::string_view text, std::uint64_t& out) {
  if (text.empty() || text.size() > cursor_part_digits) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, 16);
  return error == std::errc{} && end == text.data() + text.size();
}

Parsed<TimeNs> parse_when(const std::string& name, std::string_view text) {
  TimeNs time = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), time);
  if (error == std::errc{} && end == text.data() + text.size()) return time;
  if (const auto parsed = parse_time(text)) return *parsed;
  return std::unexpected(BadParameter{name, "expected a time like 2026-11-21T10:00:00Z, or ns since 1970"});
}

Parsed<std::vector<std::string>> parse_statistics(const std::string& name, std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const std::string_view word = text.substr(0, comma);
    const auto dot = std::min(word.find('.'), word.size());
    const auto* statistic = kernels::find_statistic(word.substr(0, dot));
    const bool is_one = statistic != nullptr && (dot == word.size() || (has_parameter(*statistic) && dot + 1 < word.size()));
    if (!is_one) return std::unexpected(BadParameter{name, "\"" + std::string(word) + "\" is no statistic"});
    if (std::ranges::find(out, word) == out.end()) out.emplace_back(word);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return out;
}

Parsed<std::vector<std::uint64_t>> parse_cursor(const std::string& name, std::string_view text) {
  std::vector<std::uint64_t> out;
  while (!text.empty() && out.size() < cursor_parts_max && parse_hex(text.substr(0, cursor_part_digits), out.emplace_back())) {
    text.remove_prefix(std::min(cursor_part_digits, text.size()));
  }
  if (!text.empty() || out.empty()) return std::unexpected(BadParameter{name, "expected the cursor of an earlier answer"});
  return out;
}

Parsed<std::size_t> parse_limit(const std::string& name, std::string_view text) {
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error == std::errc{} && end == text.data() + text.size() && limit >= 1 && limit <= page_rows_max) return limit;
  return std::unexpected(BadParameter{name, "expected a number from 1 to " + std::to_string(page_rows_max)});
}

Parsed<schema::AlarmState> parse_state(const std::string& name, std::string_view text) {
  for (const auto state : schema::EnumValuesAlarmState()) {
    if (text == schema::EnumNameAlarmState(state)) return state;
  }
  return std::unexpected(BadParameter{name, "expected active, provisional, inactive or withdrawn"});
}

Parsed<std::uint64_t> parse_definition(const std::string& name, std::string_view text) {
  std::uint64_t out = 0;
  if (parse_hex(text, out)) return out;
  return std::unexpected(BadParameter{name, "expected up to 16 hex digits"});
}

// Puts the value into its field, or passes on what is wrong with it.
template <class Field, class Value>
std::optional<BadParameter> put(Field& field, Parsed<Value> value) {
  if (!value) return std::move(value.error());
  field = std::move(*value);
  return std::nullopt;
}

std::optional<BadParameter> read_parameter(Filter& filter, const std::string& name, const std::string& value) {
  const auto text = [&]() -> Parsed<std::string> {
    if (value.empty()) return std::unexpected(BadParameter{name, "must not be empty"});
    return value;
  };
  if (name == "node") return put(filter.node, text());
  if (name == "device") return put(filter.device, text());
  if (name == "channel") return put(filter.channel, text());
  if (name == "machine") return put(filter.machine, text());
  if (name == "definition") return put(filter.definition, parse_definition(name, value));
  if (name == "state") return put(filter.state, parse_state(name, value));
  if (name == "from") return put(filter.from, parse_when(name, value));
  if (name == "to") return put(filter.to, parse_when(name, value));
  if (name == "statistics") return put(filter.statistics, parse_statistics(name, value));
  if (name == "limit") return put(filter.limit, parse_limit(name, value));
  if (name == "cursor") return put(filter.cursor, parse_cursor(name, value));
  STETHOS_CHECK(false, "every known parameter is read");
}

std::string join(const std::vector<std::string_view>& names) {
  std::string out;
  for (const auto name : names) out.append(out.empty() ? "" : ", ").append(name);
  return out.empty() ? "none" : out;
}

}  // namespace

Parsed<Filter> parse_filter(const Parameters& parameters, const std::vector<std::string_view>& known) {
  Filter filter;
  for (auto at = parameters.begin(); at != parameters.end(); ++at) {
    const std::string& name = at->first;
    const std::string& value = at->second;
    const auto refuse = [&](std::string why) { return std::unexpected(BadParameter{name, std::move(why)}); };
    if (std::ranges::find(known, name) == known.end()) return refuse("is not known; known are: " + join(known));
    if (value.size() > parameter_bytes_max) return refuse("is too long");
    if (std::any_of(parameters.begin(), at, [&](const auto& other) { return other.first == name; }))
      return refuse("is given twice");
    if (auto bad = read_parameter(filter, name, value)) return std::unexpected(std::move(*bad));
  }
  return filter;
}

std::optional<BadParameter> objection_to_columns(const Filter& filter) {
  for (const std::string& name : filter.statistics) {
    const auto* statistic = kernels::find_statistic(name);
    if (statistic != nullptr && has_parameter(*statistic))
      return BadParameter{"statistics", "\"" + name + "\" has a value for each parameter: a column wants its name in full"};
  }
  return std::nullopt;
}

}  // namespace stethos::collector
