#include "edge/replay/report_spectrum.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "common/number_text.h"
#include "edge/replay/html_text.h"
#include "edge/replay/svg_plot.h"

namespace stethos::edge {
namespace {

constexpr double significant = 3;         // docs/statistics.md: of noise at most one block in a thousand is as high
constexpr double close_up_below = 0.4;    // of the whole range: lines that all lie lower are shown once more
constexpr std::size_t peaks_max = 5;
constexpr double peak_share = 0.1;  // of the highest: what is lower is not told
constexpr std::size_t peak_apart = 4;     // bins
constexpr std::size_t family_colours = mark_colours - 1;  // the last colour is that of the shaft

struct ShownRange {
  double low = 0, high = 0;  // Hz
  std::string_view name;
  bool has_marks = true;
};

bool has_frequency(const ReportLine& line) { return std::isfinite(line.hz) && line.hz > 0; }

bool is_significant(const ReportLine& line) { return line.significance && *line.significance >= significant; }

// "1x", "2.5x": of the shaft, and of no part of a bearing.
bool is_multiple(std::string_view name) {
  return name.size() > 1 && name.back() == 'x' && name.find_first_not_of("0123456789.") == name.size() - 1;
}

std::string_view family_of(std::string_view name) { return name.substr(0, name.find_last_of(" .")); }

// Of each line.
std::vector<std::size_t> line_colours(std::span<const ReportLine> lines) {
  std::vector<std::string_view> families;
  std::vector<std::size_t> colours;
  for (const ReportLine& line : lines) {
    if (is_multiple(line.name)) {
      colours.push_back(family_colours);
      continue;
    }
    const auto known = std::ranges::find(families, family_of(line.name));
    colours.push_back(static_cast<std::size_t>(known - families.begin()) % family_colours);
    if (known == families.end()) families.push_back(family_of(line.name));
  }
  return colours;
}

std::vector<ShownRange> ranges_of(const ReportSpectrum& spectrum, std::span<const ReportLine> lines) {
  const double end = static_cast<double>(spectrum.amplitude.size() - 1) * spectrum.bin_hz;
  if (std::isfinite(spectrum.low_hz) && std::isfinite(spectrum.high_hz) && spectrum.high_hz > spectrum.low_hz) {
    return {{std::max(0.0, spectrum.low_hz), std::min(spectrum.high_hz, std::max(end, spectrum.low_hz)), "", true}};
  }
  double highest = 0;
  for (const ReportLine& line : lines) highest = has_frequency(line) && line.hz <= end ? std::max(highest, line.hz) : highest;
  if (highest == 0 || highest > close_up_below * end) return {{0, end, "", true}};
  return {{0, end, "whole", false}, {0, std::min(end, std::max(1.1 * highest, 16 * spectrum.bin_hz)), "near its lines", true}};
}

std::string highest_peaks(const ReportSpectrum& spectrum, const ShownRange& range, const ReportChannel& channel) {
  const auto& values = spectrum.amplitude;
  std::vector<std::size_t> peaks;
  for (std::size_t i = 1; i + 1 < values.size(); ++i) {
    const double hz = static_cast<double>(i) * spectrum.bin_hz;
    const bool is_shown = hz >= range.low && hz <= range.high;
    if (is_shown && std::isfinite(values[i]) && values[i] > values[i - 1] && values[i] >= values[i + 1]) peaks.push_back(i);
  }
  std::ranges::sort(peaks, [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
  std::vector<std::size_t> told;
  for (std::size_t i = 0; i < peaks.size() && told.size() < peaks_max; ++i) {
    const auto is_near = [&](std::size_t other) { return std::max(peaks[i], other) - std::min(peaks[i], other) < peak_apart; };
    if (values[peaks[i]] < peak_share * values[peaks[0]]) break;
    if (std::ranges::none_of(told, is_near)) told.push_back(peaks[i]);
  }
  std::string out;
  for (const std::size_t peak : told) {
    out += (out.empty() ? "Highest peaks: " : ", ") + rounded_text(static_cast<double>(peak) * spectrum.bin_hz) + " Hz (" +
           value_of(values[peak], channel.unit) + ')';
  }
  return out.empty() ? out : out + ". ";
}

std::string lines_table(std::span<const ReportLine> lines, std::span<const std::size_t> colours, const ReportChannel& channel,
                        const NumberedNotes& notes) {
  const bool has_depths = std::ranges::any_of(lines, [](const ReportLine& line) { return line.depth || line.significance; });
  const bool has_orders = channel.shaft_hz && std::isfinite(*channel.shaft_hz) && *channel.shaft_hz > 0;
  std::string out = "<div class=\"wide\"><table class=\"lines\"><thead><tr><th scope=\"col\">line</th><th scope=\"col\">Hz</th>";
  if (has_orders) out += "<th scope=\"col\">order</th>";
  if (has_depths) out += "<th scope=\"col\">depth</th><th scope=\"col\">significance</th>";
  out += "</tr></thead><tbody>\n";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const ReportLine& line = lines[i];
    const auto cell = [&](std::optional<double> value) { out += "<td>" + value_or_dash(value, "", line.name, notes) + "</td>"; };
    out += is_significant(line) ? "<tr class=\"strong\">" : "<tr>";
    out += "<th scope=\"row\"><span class=\"swatch s" + std::to_string(colours[i]) + "\"></span>" + escaped(line.name) + "</th>";
    cell(has_frequency(line) ? std::optional(line.hz) : std::nullopt);
    if (has_orders) cell(has_frequency(line) ? std::optional(line.hz / *channel.shaft_hz) : std::nullopt);
    for (const auto& value : {line.depth, line.significance}) {
      if (!has_depths) continue;
      if (value || !is_multiple(line.name)) {
        cell(value);
      } else {
        out += "<td></td>";
      }
    }
    out += "</tr>\n";
  }
  out += "</tbody></table></div>\n";
  const bool has_significance = std::ranges::any_of(lines, [](const ReportLine& line) { return line.significance.has_value(); });
  if (has_significance) {
    out +=
        "<p class=\"hint\">Bold: a significance of 3 or more, which at most one block of noise in a thousand has. It is evidence "
        "of "
        "a line, and no measure of damage; the depth is how strongly the line modulates.</p>\n";
  }
  return out;
}

std::string spectrum_figure(std::string_view name, std::string_view quantity, const ShownRange& range,
                            const ReportSpectrum& spectrum, std::span<const ReportLine> lines,
                            std::span<const std::size_t> colours, const ReportChannel& channel) {
  SvgPlot plot;
  plot.x = number_axis("frequency, Hz", range.low, range.high, 10);
  std::vector<double> shown;
  const double bins = static_cast<double>(spectrum.amplitude.size());
  const auto first = static_cast<std::size_t>(std::clamp(std::ceil(range.low / spectrum.bin_hz - 1e-6), 0.0, bins));
  for (std::size_t i = first; i < spectrum.amplitude.size(); ++i) {
    const double hz = static_cast<double>(i) * spectrum.bin_hz;
    if (hz > range.high * (1 + 1e-9)) break;
    plot.points.push_back({std::clamp(hz, plot.x.low, plot.x.high), spectrum.amplitude[i]});
    shown.push_back(spectrum.amplitude[i]);
  }
  plot.y = amplitude_axis(std::string(quantity) + (channel.unit.empty() ? "" : ", " + channel.unit), shown, 5);
  for (const bool is_strong : {true, false}) {
    for (std::size_t i = 0; i < lines.size() && range.has_marks; ++i) {
      if (has_frequency(lines[i]) && is_significant(lines[i]) == is_strong) {
        plot.marks.push_back({lines[i].name, lines[i].hz, colours[i], is_strong});
      }
    }
  }
  const std::string caption = std::string(name) + (range.name.empty() ? "" : ", ") + std::string(range.name);
  plot.title = caption + " of " + channel.device + ' ' + channel.channel;
  const DrawnPlot drawn = draw_plot(plot);
  std::string out = "<figure><figcaption><b>" + escaped(caption) + ".</b> " + highest_peaks(spectrum, range, channel);
  if (drawn.labels_left_out > 0) {
    out += count_of(drawn.labels_left_out, "label") + " left out for want of room; the table has every line. ";
  }
  return out + "</figcaption><div class=\"wide\">\n" + drawn.svg + "</div></figure>\n";
}

}  // namespace

std::string spectrum_part(std::string_view name, std::string_view quantity, const ReportSpectrum& spectrum,
                          const ReportChannel& channel, const NumberedNotes& notes) {
  std::string out = "<h3>" + escaped(name) + " of the last block</h3>\n";
  const std::span<const ReportLine> lines = std::span(spectrum.lines).first(std::min(spectrum.lines.size(), lines_listed_max));
  const std::vector<std::size_t> colours = line_colours(lines);
  if (spectrum.amplitude.empty()) {
    out += "<p class=\"none\">– It has no bins.</p>\n";
  } else if (!std::isfinite(spectrum.bin_hz) || spectrum.bin_hz <= 0) {
    out += "<p class=\"none\">– It cannot be drawn: how wide its bins are is not known.</p>\n";
  } else {
    out +=
        "<p class=\"hint\">" + count_of(spectrum.amplitude.size(), "bin") + " of " + value_of(spectrum.bin_hz, "Hz") + ".</p>\n";
    for (const ShownRange& range : ranges_of(spectrum, lines)) {
      out += spectrum_figure(name, quantity, range, spectrum, lines, colours, channel);
    }
  }
  if (!lines.empty()) out += lines_table(lines, colours, channel, notes);
  if (lines.size() < spectrum.lines.size()) {
    out += "<p class=\"more\">And " + count_of(spectrum.lines.size() - lines.size(), "line") + " more.</p>\n";
  }
  return out;
}

}  // namespace stethos::edge
