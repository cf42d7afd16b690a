#include "edge/replay/report_channel.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "common/number_text.h"
#include "edge/replay/html_text.h"
#include "edge/replay/report_spectrum.h"
#include "edge/replay/svg_plot.h"

namespace stethos::edge {
namespace {

constexpr double gap_steps = 3;  // a step so many times the usual one is a gap
constexpr double shown_turns = 4, shown_least = 256;  // of a close-up of a waveform: turns, or so many samples at least
constexpr std::size_t shown_samples = 2'048;
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

std::string fact(std::string_view name, const std::string& value) {
  return value.empty() ? value : "<div><dt>" + std::string(name) + "</dt><dd>" + value + "</dd></div>\n";
}

bool is_positive(double value) { return std::isfinite(value) && value > 0; }

std::string facts(const ReportChannel& channel, const NumberedNotes& notes) {
  std::string out = "<dl class=\"facts\">\n";
  out += fact("machine", escaped(channel.machine));
  const bool has_both = !channel.quantity.empty() && !channel.unit.empty();
  out += fact("quantity", escaped(channel.quantity) + (has_both ? ", " : "") + escaped(channel.unit));
  if (is_positive(channel.sampling_rate_hz)) out += fact("sampling rate", value_of(channel.sampling_rate_hz, "Hz"));
  const bool is_turning = channel.shaft_hz && std::isfinite(*channel.shaft_hz);
  std::string speed = value_or_dash(channel.shaft_hz, "Hz", "shaft", notes);
  if (is_turning) speed += " = " + value_of(60 * *channel.shaft_hz, "rpm");
  if (!channel.speed_source.empty()) speed += " (" + escaped(channel.speed_source) + ')';
  if (channel.shaft_hz || channel.spectrum || channel.envelope) out += fact("shaft", speed);
  out += fact("bearing", escaped(channel.bearing));
  if (channel.spectrum || channel.envelope || !channel.waveform.empty()) {
    std::string block = utc_of(channel.last_block_ns);
    if (!channel.waveform.empty()) block += ", " + count_of(channel.waveform.size(), "sample");
    if (!channel.waveform.empty() && is_positive(channel.sampling_rate_hz)) {
      block += ", " + value_of(static_cast<double>(channel.waveform.size()) / channel.sampling_rate_hz, "s");
    }
    out += fact("last block", block);
  }
  return out + "</dl>\n";
}

// By time, with a gap in the middle of steps that are longer than usual.
std::vector<PlotPoint> trend_points(const ReportSeries& series, TimeNs first_ns) {
  std::vector<std::size_t> order(length_of(series));
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return series.times_ns[i]; });
  std::vector<PlotPoint> points;
  std::vector<double> steps;
  for (const std::size_t i : order) {
    points.push_back({seconds_between(first_ns, series.times_ns[i]), series.values[i]});
    if (points.size() > 1) steps.push_back(points.back().x - points[points.size() - 2].x);
  }
  if (steps.empty()) return points;
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::ranges::nth_element(steps, middle);
  const double gap = gap_steps * *middle;
  std::vector<PlotPoint> out;
  for (const PlotPoint& point : points) {
    if (!out.empty() && gap > 0 && point.x - out.back().x > gap) out.push_back({(out.back().x + point.x) / 2, not_a_number});
    out.push_back(point);
  }
  return out;
}

std::string trend_figure(const ReportSeries& series, TimeNs first_ns, TimeNs last_ns, const ReportChannel& channel,
                         const NumberedNotes& notes) {
  SvgPlot plot;
  plot.is_small = true;
  plot.x = time_axis(first_ns, last_ns, 5);
  plot.y = amplitude_axis("", std::span(series.values).first(length_of(series)), 4);
  plot.points = trend_points(series, first_ns);
  plot.title = series.name + " of " + channel.device + ' ' + channel.channel;
  const auto latest = latest_of(series);
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const PlotPoint& point : plot.points) {
    low = std::isnan(point.y) ? low : std::min(low, point.y);
    high = std::isnan(point.y) ? high : std::max(high, point.y);
  }
  std::string out =
      "<figure><figcaption><b>" + escaped_breakable(series.name) + "</b><br/><span class=\"value\">" +
      value_or_dash(latest ? std::optional(series.values[*latest]) : std::nullopt, series.unit, series.name, notes) + "</span>";
  if (low < high) out += " · " + value_of(low, "") + " to " + value_of(high, "");
  return out + "</figcaption>\n" + draw_plot(plot).svg + "</figure>\n";
}

std::string trends(const ReportChannel& channel, const NumberedNotes& notes) {
  std::optional<TimeNs> first_ns;
  const std::optional<TimeNs> last_ns = latest_time_of(channel);
  std::size_t windows = 0;
  for (const ReportSeries& series : channel.trends) {
    windows = std::max(windows, length_of(series));
    for (std::size_t i = 0; i < length_of(series); ++i) {
      first_ns = std::min(first_ns.value_or(series.times_ns[i]), series.times_ns[i]);
    }
  }
  if (!first_ns || !last_ns) return "<p class=\"none\">– No window has a value.</p>\n";
  std::string out = "<h3>Trends</h3>\n<p class=\"hint\">" + count_of(windows, "window") + ", " +
                    time_axis(*first_ns, *last_ns, 5).title +
                    ". Below each name: the latest value, and from the lowest to the highest.</p>\n<div class=\"trends\">\n";
  const std::size_t drawn = std::min(channel.trends.size(), trends_drawn_max);
  for (std::size_t i = 0; i < drawn; ++i) out += trend_figure(channel.trends[i], *first_ns, *last_ns, channel, notes);
  out += "</div>\n";
  if (drawn < channel.trends.size()) {
    out += "<p class=\"more\">And " + count_of(channel.trends.size() - drawn, "trend") + " more.</p>\n";
  }
  return out;
}

std::string waveform_figure(std::span<const float> waveform, std::string_view caption, const ReportChannel& channel) {
  const bool has_rate = is_positive(channel.sampling_rate_hz);
  const double rate_hz = has_rate ? channel.sampling_rate_hz : 1;
  const std::vector<double> values(waveform.begin(), waveform.end());
  const double last = static_cast<double>(values.size() - 1) / rate_hz;
  const bool is_short = has_rate && last < 1;
  const double scale = is_short ? 1e3 : 1;
  SvgPlot plot;
  plot.x = number_axis(!has_rate ? "sample" : is_short ? "time, ms" : "time, s", 0, last * scale, 10);
  const std::string quantity = channel.quantity.empty() ? "value" : channel.quantity;
  plot.y = amplitude_axis(quantity + (channel.unit.empty() ? "" : ", " + channel.unit), values, 5);
  for (std::size_t i = 0; i < values.size(); ++i) {
    plot.points.push_back({std::min(static_cast<double>(i) / rate_hz * scale, plot.x.high), values[i]});
  }
  plot.title = "Waveform of " + channel.device + ' ' + channel.channel;
  const std::string said = caption.empty() ? "" : "<figcaption><b>" + std::string(caption) + "</b></figcaption>";
  return "<figure>" + said + "<div class=\"wide\">\n" + draw_plot(plot).svg + "</div></figure>\n";
}

// Once more its beginning, where the whole is too long to see single impacts.
std::string waveform_part(const ReportChannel& channel) {
  if (channel.waveform.empty()) return {};
  const bool has_turns = channel.shaft_hz && is_positive(*channel.shaft_hz) && is_positive(channel.sampling_rate_hz);
  const double turns = has_turns ? shown_turns * channel.sampling_rate_hz / *channel.shaft_hz : 0;
  const bool are_turns = turns >= shown_least && turns <= static_cast<double>(channel.waveform.size()) / 2;
  const std::size_t shown = are_turns ? static_cast<std::size_t>(turns) + 1 : shown_samples;
  const bool is_long = channel.waveform.size() >= 2 * shown;
  std::string out = "<h3>Waveform of the last block</h3>\n" + waveform_figure(channel.waveform, is_long ? "Whole." : "", channel);
  if (!is_long) return out;
  const std::string caption = are_turns ? "Its first four turns of the shaft." : "Its first " + count_of(shown) + " samples.";
  return out + waveform_figure(std::span(channel.waveform).first(shown), caption, channel);
}

}  // namespace

std::string channel_part(const ReportChannel& channel, std::size_t number, const NumberedNotes& notes) {
  std::string out = "<section id=\"channel-" + std::to_string(number) + "\">\n<h2>" + channel_name(channel) + "</h2>\n";
  out += facts(channel, notes) + list_of(notes) + trends(channel, notes);
  const std::string quantity = channel.quantity.empty() ? "amplitude" : channel.quantity;
  if (channel.spectrum) out += spectrum_part("Spectrum", quantity, *channel.spectrum, channel, notes);
  if (channel.envelope) out += spectrum_part("Envelope spectrum", "envelope of " + quantity, *channel.envelope, channel, notes);
  return out + waveform_part(channel) + "</section>\n";
}

}  // namespace stethos::edge
