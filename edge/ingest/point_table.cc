#include "edge/ingest/point_table.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <sstream>

#include "common/hash.h"
#include "common/printable.h"
#include "common/time_text.h"
#include "common/utf8.h"
#include "schemas/names.h"

namespace stethos::edge {
namespace {

constexpr std::size_t file_bytes_max = 16u << 20;
constexpr std::size_t label_bytes_max = 256;
constexpr std::size_t errors_max = 100;  // that are told each
constexpr std::size_t shown_bytes_max = 128;  // of a field that is wrong

// One line of CSV; a field may be quoted, with "" for a quote. False: a quote is not closed.
bool split(std::string_view line, std::vector<std::string>& fields) {
  fields.assign(1, {});
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += c;
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return !quoted;
}

bool set_name(const std::string& text, std::string& out) {
  out = text;
  return schema::is_name(text);
}
bool set_plant_name(const std::string& text, std::string& out) {
  out = text;
  return schema::is_plant_name(text);
}
bool set_label(const std::string& text, std::string& out) {
  out = text;
  return is_plain_text(text, label_bytes_max);
}
bool set_real(const std::string& text, double& out) {
  if (text.empty()) return true;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

bool set_bound(const std::string& text, double& out) { return set_real(text, out) && std::abs(out) <= kernels::magnitude_max; }
bool set_positive(const std::string& text, double& out) {
  return text.empty() || (set_real(text, out) && out > 0 && std::isfinite(out));
}

// Excel saves a CSV in the encoding of its Windows, or as UTF-16, unless it is told "CSV UTF-8".
std::optional<Error> encoding_error(std::string_view csv, std::string_view name) {
  if (csv.starts_with("\xff\xfe") || csv.starts_with("\xfe\xff")) {
    return Error{Code::invalid, std::string(name), "it is UTF-16: save it as UTF-8 (Excel: \"CSV UTF-8\")"};
  }
  if (simdjson::validate_utf8(csv)) return std::nullopt;
  std::size_t line_number = 1;
  for (auto rest = csv;; ++line_number) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos || !simdjson::validate_utf8(rest.substr(0, end))) break;
    rest.remove_prefix(end + 1);
  }
  return Error{Code::invalid, std::string(name) + ":" + std::to_string(line_number),
               "it is not UTF-8, but perhaps Latin-1 or Windows-1252: save it as UTF-8 (Excel: \"CSV UTF-8\")"};
}

struct Column {
  std::string_view name;
  bool required;
  std::function<bool(const std::string&, PointEntry&)> set;
  std::string_view expected;
};

constexpr std::string_view plant_name = "a name of 1 to 128 bytes without a space at either end";

const std::vector<Column>& columns() {
  static const std::vector<Column> all{
      {"device", true, [](const auto& t, auto& e) { return set_plant_name(t, e.device); }, plant_name},
      {"channel", true, [](const auto& t, auto& e) { return set_plant_name(t, e.channel); }, plant_name},
      {"machine", true, [](const auto& t, auto& e) { return set_plant_name(t, e.machine); }, plant_name},
      {"point", true, [](const auto& t, auto& e) { return set_plant_name(t, e.point); }, plant_name},
      {"axis", true, [](const auto& t, auto& e) { return set_name(t.empty() ? "-" : t, e.axis); }, "a name"},
      {"quantity", true, [](const auto& t, auto& e) { return set_name(t, e.quantity); }, "a name"},
      {"unit", true, [](const auto& t, auto& e) { return set_plant_name(t, e.unit); }, "a unit"},
      {"range_min", false, [](const auto& t, auto& e) { return set_bound(t, e.plausible_min); }, "a number of at most 1e70"},
      {"range_max", false, [](const auto& t, auto& e) { return set_bound(t, e.plausible_max); }, "a number of at most 1e70"},
      {"interval", false,
       [](const auto& t, auto& e) {
         if (t.empty()) return true;
         const auto parsed = parse_duration(t);
         if (parsed) e.interval_ns = *parsed;
         return parsed.has_value() && e.interval_ns > 0;
       },
       "a duration above zero, as in 10s"},
      {"block_length", false,
       [](const auto& t, auto& e) {
         double value = 1;
         if (!set_real(t, value) || value < 1 || value > 1e9 || value != static_cast<double>(static_cast<std::uint64_t>(value)))
           return false;
         e.block_length = static_cast<std::uint64_t>(value);
         return true;
       },
       "a number of samples"},
      {"full_scale", false, [](const auto& t, auto& e) { return set_positive(t, e.full_scale); }, "a number above zero"},
      {"nominal_rpm", false, [](const auto& t, auto& e) { return set_positive(t, e.nominal_rpm); }, "a number above zero"},
      {"speed_ratio", false, [](const auto& t, auto& e) { return set_positive(t, e.speed_ratio); }, "a number above zero"},
      {"bearing", false, [](const auto& t, auto& e) { return t.empty() || set_name(t, e.bearing); }, "a name"},
      {"valid_from", false,
       [](const auto& t, auto& e) {
         if (t.empty()) return true;
         const auto parsed = parse_time(t);
         if (parsed) e.valid_from_ns = *parsed;
         return parsed.has_value();
       },
       "a time, as in 2026-01-31"},
      {"location", false, [](const auto& t, auto& e) { return set_label(t, e.location); },
       "a label of at most 256 bytes of UTF-8, without control characters"},
      {"owner", false, [](const auto& t, auto& e) { return set_label(t, e.owner); },
       "a label of at most 256 bytes of UTF-8, without control characters"}};
  return all;
}

}  // namespace

bool is_shaft_speed(const PointEntry& entry) { return entry.quantity == "rotational_speed" && hz_per_speed_unit(entry.unit) > 0; }

double hz_per_speed_unit(std::string_view unit) {
  if (unit == "Hz") return 1;
  if (unit == "rpm" || unit == "1/min") return 1.0 / 60;
  return 0;
}

std::uint64_t version_of(const PointEntry& entry) {
  std::uint64_t hash = 0;
  for (const std::string* part : {&entry.device, &entry.channel, &entry.machine, &entry.point, &entry.axis, &entry.quantity,
                                  &entry.unit, &entry.location, &entry.owner}) {
    hash = hash_of(*part, hash);
  }
  // Of the rest only what is declared, so that what describes nothing more keeps its version.
  const auto add = [&](std::string_view name, const auto& value, const auto& undeclared) {
    if (value != undeclared)
      hash = hash_of(name, hash_of(std::string_view(reinterpret_cast<const char*>(&value), sizeof(value)), hash));
  };
  const PointEntry undeclared;
  add("range_min", entry.plausible_min, undeclared.plausible_min);
  add("range_max", entry.plausible_max, undeclared.plausible_max);
  add("interval", entry.interval_ns, undeclared.interval_ns);
  add("block_length", entry.block_length, undeclared.block_length);
  add("full_scale", entry.full_scale, undeclared.full_scale);
  add("nominal_rpm", entry.nominal_rpm, undeclared.nominal_rpm);
  add("speed_ratio", entry.speed_ratio, undeclared.speed_ratio);
  add("valid_from", entry.valid_from_ns, undeclared.valid_from_ns);
  return entry.bearing.empty() ? hash : hash_of(entry.bearing, hash);
}

std::expected<PointTable, std::vector<Error>> PointTable::parse(std::string_view csv, std::string_view name) {
  PointTable table;
  std::vector<Error> errors;
  std::vector<const Column*> header;
  std::vector<std::string> fields;
  std::size_t line_number = 0;
  std::size_t more_errors = 0;
  if (auto error = encoding_error(csv, name)) return std::unexpected(std::vector{std::move(*error)});
  // Excel puts a byte order mark before what it saves as UTF-8.
  if (csv.starts_with(byte_order_mark)) csv.remove_prefix(byte_order_mark.size());
  while (!csv.empty()) {
    const auto end = csv.find('\n');
    std::string_view line = csv.substr(0, end);
    csv.remove_prefix(end == std::string_view::npos ? csv.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++line_number;
    const auto report = [&](std::string why) {
      if (errors.size() == errors_max) {
        ++more_errors;
        return;
      }
      errors.push_back({Code::invalid, std::string(name) + ":" + std::to_string(line_number), std::move(why)});
    };
    if (line.empty() || line.front() == '#') continue;
    if (!split(line, fields)) {
      report("a quote is not closed");
      continue;
    }
    if (header.empty()) {
      if (fields.size() == 1 && line.find_first_of(";\t") != std::string_view::npos) {
        report("the columns are separated by semicolons or tabs: commas are expected");
        return std::unexpected(std::move(errors));
      }
      for (const std::string& field : fields) {
        const auto found = std::ranges::find(columns(), field, &Column::name);
        if (found == columns().end())
          report("unknown column \"" + printable(field, shown_bytes_max) + "\"");
        else if (std::ranges::find(header, &*found) != header.end())
          report("column \"" + printable(field, shown_bytes_max) + "\" stands twice");
        header.push_back(found == columns().end() ? nullptr : &*found);
      }
      for (const Column& column : columns()) {
        if (column.required && std::ranges::find(header, &column) == header.end()) {
          report("column \"" + std::string(column.name) + "\" is missing");
        }
      }
      if (!errors.empty()) return std::unexpected(std::move(errors));
      continue;
    }
    if (fields.size() != header.size()) {
      report(std::to_string(fields.size()) + " fields, the header has " + std::to_string(header.size()));
      continue;
    }
    PointEntry entry;
    bool good = true;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (header[i]->set(fields[i], entry)) continue;
      report(std::string(header[i]->name) + ": \"" + printable(fields[i], shown_bytes_max) + "\" is not " +
             std::string(header[i]->expected));
      good = false;
    }
    if (!good) continue;
    if (entry.plausible_min > entry.plausible_max) report("range_min is above range_max");
    entry.version = version_of(entry);
    auto& list = table.entries_[{entry.device, entry.channel}];
    const auto place = std::ranges::lower_bound(list, entry.valid_from_ns, std::greater<>{}, &PointEntry::valid_from_ns);
    if (place != list.end() && place->valid_from_ns == entry.valid_from_ns)
      report("a second entry of the same channel and valid_from");
    list.insert(place, std::move(entry));
  }
  if (header.empty()) errors.push_back({Code::invalid, std::string(name), "no header"});
  if (more_errors > 0) {
    errors.push_back({Code::invalid, std::string(name), "and " + std::to_string(more_errors) + " more mistakes"});
    return std::unexpected(std::move(errors));
  }
  std::map<std::string_view, const PointEntry*> tachometers;
  for (const PointEntry* entry : table.latest()) {
    if (!is_shaft_speed(*entry)) continue;
    const auto [other, is_new] = tachometers.emplace(entry->machine, entry);
    if (is_new) continue;
    errors.push_back({Code::invalid, std::string(name),
                      "machine " + entry->machine + " has two speeds, " + other->second->device + "/" + other->second->channel +
                          " and " + entry->device + "/" + entry->channel + ": give each shaft a machine of its own"});
  }
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return table;
}

std::expected<PointTable, std::vector<Error>> PointTable::load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  if (file) {
    text.resize(file_bytes_max + 1);
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
  }
  if (!file && !file.eof()) return std::unexpected(std::vector{Error{Code::io, path, "it cannot be read"}});
  if (text.size() > file_bytes_max) return std::unexpected(std::vector{Error{Code::too_large, path, "larger than 16 MiB"}});
  return parse(text, path);
}

PointEntry described_by_itself(std::string device, std::string channel, std::string quantity, std::string unit) {
  PointEntry entry;
  entry.machine = entry.device = std::move(device);
  entry.point = entry.channel = std::move(channel);
  entry.axis = "-";
  entry.quantity = std::move(quantity);
  entry.unit = std::move(unit);
  entry.version = version_of(entry);
  return entry;
}

const PointEntry* valid_at(const std::vector<PointEntry>* entries, TimeNs at) {
  if (entries == nullptr) return nullptr;
  const auto valid = std::ranges::find_if(*entries, [&](const PointEntry& entry) { return entry.valid_from_ns <= at; });
  return valid == entries->end() ? nullptr : &*valid;
}

const std::vector<PointEntry>* PointTable::entries_of(std::string_view device, std::string_view channel) const {
  const auto found = entries_.find(std::pair(std::string(device), std::string(channel)));
  return found == entries_.end() ? nullptr : &found->second;
}

bool PointTable::has(std::string_view device) const {
  const auto first = entries_.lower_bound(std::pair(std::string(device), std::string()));
  return first != entries_.end() && first->first.first == device;
}

std::vector<const PointEntry*> PointTable::latest() const {
  std::vector<const PointEntry*> entries;
  for (const auto& [channel, versions] : entries_) entries.push_back(&versions.front());
  return entries;
}

}  // namespace stethos::edge
