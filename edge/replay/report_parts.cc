#include "edge/replay/report_parts.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/number_text.h"
#include "common/time_text.h"
#include "edge/replay/html_text.h"

namespace stethos::edge {
namespace {

constexpr std::size_t note_bytes_max = 500;
constexpr std::size_t unit_bytes_max = 24;
constexpr std::size_t references_max = 3;  // of one dash

// Whether the note says the name, or what the note says before its colon is a part of the name.
bool is_on(std::string_view note, std::string_view name) {
  const std::string_view subject = note.substr(0, note.find(':'));
  if (name.empty() || subject.empty()) return false;
  return note.find(name) != std::string_view::npos || name.find(subject) != std::string_view::npos;
}

}  // namespace

std::string list_of(const NumberedNotes& notes) {
  if (notes.notes.empty()) return {};
  std::string out = "<ol class=\"notes\" start=\"" + std::to_string(notes.first) + "\">\n";
  for (std::size_t i = 0; i < notes.notes.size(); ++i) {
    out += "<li id=\"note-" + std::to_string(notes.first + i) + "\">" + escaped(notes.notes[i], note_bytes_max) + "</li>\n";
  }
  out += "</ol>\n";
  if (notes.left_out > 0) out += "<p class=\"more\">And " + count_of(notes.left_out, "note") + " more.</p>\n";
  return out;
}

std::string value_or_dash(std::optional<double> value, std::string_view unit, std::string_view name, const NumberedNotes& notes) {
  if (value && !std::isnan(*value)) return value_of(*value, unit);
  std::vector<std::size_t> all, numbers;
  for (std::size_t i = 0; i < notes.notes.size(); ++i) {
    all.push_back(notes.first + i);
    if (is_on(notes.notes[i], name)) numbers.push_back(all.back());
  }
  if (numbers.empty()) numbers = all;
  numbers.resize(std::min(numbers.size(), references_max));
  std::string out = "<span title=\"not defined\">–</span>";
  if (numbers.empty()) return out;
  out += " <sup>";
  for (const std::size_t number : numbers) {
    const std::string text = std::to_string(number);
    if (number != numbers.front()) out += ", ";
    out.append("<a href=\"#note-").append(text).append("\">").append(text).append("</a>");
  }
  return out + "</sup>";
}

std::string value_of(double value, std::string_view unit) {
  if (std::isnan(value)) return "–";
  const std::string number = std::isfinite(value) ? rounded_text(value) : value > 0 ? "∞" : "-∞";
  return unit.empty() ? number : number + ' ' + escaped(unit, unit_bytes_max);
}

std::string count_of(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

std::string count_of(std::uint64_t count, std::string_view name) {
  return count_of(count) + ' ' + std::string(name) + (count == 1 ? "" : "s");
}

std::string utc_of(TimeNs time_ns) {
  std::string text = format_time(time_ns).substr(0, 19);
  text[10] = ' ';
  return text + " UTC";
}

std::string channel_name(const ReportChannel& channel) {
  return escaped(channel.device) + (channel.device.empty() || channel.channel.empty() ? "" : " / ") + escaped(channel.channel);
}

std::size_t length_of(const ReportSeries& series) { return std::min(series.times_ns.size(), series.values.size()); }

std::optional<std::size_t> latest_of(const ReportSeries& series) {
  std::optional<std::size_t> latest;
  for (std::size_t i = 0; i < length_of(series); ++i) {
    if (!latest || series.times_ns[i] >= series.times_ns[*latest]) latest = i;
  }
  return latest;
}

std::optional<TimeNs> latest_time_of(const ReportChannel& channel) {
  std::optional<TimeNs> latest;
  for (const ReportSeries& series : channel.trends) {
    const auto at = latest_of(series);
    if (at) latest = std::max(latest.value_or(series.times_ns[*at]), series.times_ns[*at]);
  }
  return latest;
}

}  // namespace stethos::edge
