#include "edge/replay/report_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/number_text.h"
#include "common/printable.h"
#include "common/time_text.h"

namespace stethos::edge {
namespace {

constexpr std::size_t channels_shown_max = 50;
constexpr std::size_t name_bytes_max = 64;

std::string text_of(double value) { return std::isfinite(value) ? rounded_text(value) : "-"; }

std::string heading_of(const ReportChannel& channel) {
  std::string out = printable(channel.device, name_bytes_max) + "/" + printable(channel.channel, name_bytes_max) + ": " +
                    printable(channel.quantity, name_bytes_max) + " in " + printable(channel.unit, name_bytes_max);
  if (channel.sampling_rate_hz > 0) out += ", " + rounded_text(channel.sampling_rate_hz) + " Hz";
  if (channel.shaft_hz) {
    out += ", " + rounded_text(*channel.shaft_hz * 60) + " turns a minute (" + channel.speed_source + ")";
  }
  if (!channel.bearing.empty()) out += ", bearing " + printable(channel.bearing, name_bytes_max);
  return out + "\n";
}

std::string line_of(const ReportSeries& series) {
  double low = std::nan(""), high = std::nan(""), last = std::nan("");
  TimeNs last_ns = 0;
  for (std::size_t i = 0; i < series.values.size(); ++i) {
    if (!std::isfinite(series.values[i])) continue;
    low = std::fmin(low, series.values[i]);
    high = std::fmax(high, series.values[i]);
    if (std::isnan(last) || series.times_ns[i] >= last_ns) {
      last = series.values[i];
      last_ns = series.times_ns[i];
    }
  }
  return fmt::format("  {:<36} {:>12} {:>12} {:>12}  {}\n", series.name, text_of(last), text_of(low), text_of(high), series.unit);
}

}  // namespace

std::string report_table(const Report& report) {
  std::string out;
  if (report.windows > 0) {
    out += "windows that begin from " + format_time(report.first_ns) + " to " + format_time(report.last_ns) + "\n";
  }
  const std::size_t shown = std::min(report.channels.size(), channels_shown_max);
  for (std::size_t i = 0; i < shown; ++i) {
    const ReportChannel& channel = report.channels[i];
    out += "\n" + heading_of(channel);
    out += fmt::format("  {:<36} {:>12} {:>12} {:>12}\n", "", "last", "lowest", "highest");
    for (const ReportSeries& series : channel.trends) out += line_of(series);
    for (const std::string& note : channel.notes) out += "  " + note + "\n";
  }
  if (shown < report.channels.size()) out += fmt::format("\nand {} more channels\n", report.channels.size() - shown);
  return out;
}

}  // namespace stethos::edge
