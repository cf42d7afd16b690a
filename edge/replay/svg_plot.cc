#include "edge/replay/svg_plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string_view>

#include "common/printable.h"
#include "edge/replay/html_text.h"
#include "edge/replay/mark_labels.h"

namespace stethos::edge {
namespace {

constexpr std::size_t label_bytes_max = 24, title_bytes_max = 80;
constexpr double dot_apart = 6;  // px, from which on the points of a line are marked

// In px of the SVG's own, which a page scales.
struct PlotLayout {
  double width, height, left, top, right, bottom, letter;
};
constexpr double lane_height = 15;
constexpr PlotLayout large_layout{900, 250, 64, 24, 882, 206, 6.9};
constexpr PlotLayout small_layout{300, 132, 56, 8, 274, 110, 6.2};

// To a tenth of a px.
std::string px(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", std::clamp(value, -1e5, 1e5));
  std::string out = text.data();
  if (out.ends_with(".0")) out.resize(out.size() - 2);
  return out == "-0" ? "0" : out;
}

std::string svg_line(std::string_view style, double x1, double y1, double x2, double y2) {
  return "<line class=\"" + std::string(style) + "\" x1=\"" + px(x1) + "\" y1=\"" + px(y1) + "\" x2=\"" + px(x2) + "\" y2=\"" +
         px(y2) + "\"/>";
}

// `text` has been escaped.
std::string svg_text(std::string_view style, double x, double y, std::string_view text) {
  return "<text class=\"" + std::string(style) + "\" x=\"" + px(x) + "\" y=\"" + px(y) + "\">" + std::string(text) + "</text>";
}

struct PlotFrame {
  PlotLayout layout;
  const SvgPlot& plot;

  double x(double value) const {
    return layout.left + (value - plot.x.low) / (plot.x.high - plot.x.low) * (layout.right - layout.left);
  }
  double y(double value) const {
    const double within = std::clamp(value, plot.y.low, plot.y.high);
    return layout.bottom - (within - plot.y.low) / (plot.y.high - plot.y.low) * (layout.bottom - layout.top);
  }
  bool holds(double value) const { return value >= plot.x.low && value <= plot.x.high; }
};

std::string axes(const PlotFrame& frame) {
  const PlotLayout& at = frame.layout;
  std::string out;
  for (const AxisTick& tick : frame.plot.y.ticks) {
    out += svg_line(tick.at == 0 ? "axis" : "grid", at.left, frame.y(tick.at), at.right, frame.y(tick.at));
    out += svg_text("tick ty", at.left - 6, frame.y(tick.at) + 4, escaped(tick.label));
  }
  double free_from = 0;  // labels of times may be long
  for (const AxisTick& tick : frame.plot.x.ticks) {
    const double half = static_cast<double>(tick.label.size()) * at.letter / 2;
    out += svg_line("axis", frame.x(tick.at), at.bottom, frame.x(tick.at), at.bottom + 4);
    if (frame.x(tick.at) - half < free_from || frame.x(tick.at) + half > at.width) continue;
    out += svg_text("tick tx", frame.x(tick.at), at.bottom + 17, escaped(tick.label));
    free_from = frame.x(tick.at) + half + 2;
  }
  if (!frame.plot.is_small) {
    out += svg_text("tick", 4, 13, escaped(frame.plot.y.title, title_bytes_max));
    out += svg_text("tick tx", (at.left + at.right) / 2, at.height - 6, escaped(frame.plot.x.title, title_bytes_max));
  }
  return out;
}

// Lines between neighbours; what has no neighbour is a dot, and all are where they are few.
std::string curve(const PlotFrame& frame) {
  std::vector<PlotPoint> points;
  for (const PlotPoint& point : frame.plot.points) {
    if (!frame.holds(point.x)) continue;
    points.push_back({frame.x(point.x) - frame.layout.left, std::isfinite(point.y) ? frame.y(point.y) : point.y});
  }
  const std::size_t columns = plot_columns(frame.plot.is_small);
  const std::vector<PlotPoint> drawn = reduced(points, columns);
  const bool are_few = static_cast<double>(drawn.size()) * dot_apart < static_cast<double>(columns);
  std::string line, dots, x_before;
  bool is_open = false;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const bool is_gap = !std::isfinite(drawn[i].y);
    const bool is_alone = !is_gap && !is_open && (i + 1 == drawn.size() || !std::isfinite(drawn[i + 1].y));
    const std::string x = px(drawn[i].x + frame.layout.left), y = is_gap ? "" : px(drawn[i].y);
    std::string at = x;
    at.append(" ").append(y);
    if (!is_gap && !is_alone) {
      const bool is_upright = is_open && x == x_before;
      line.append(is_upright ? "V" : is_open ? "L" : "M").append(is_upright ? y : at);
    }
    if (is_alone || (are_few && !is_gap)) dots.append("M").append(at).append("h0");
    x_before = x;
    is_open = !is_gap && !is_alone;
  }
  std::string out;
  if (!line.empty()) out += "<path class=\"line\" d=\"" + line + "\"/>";
  if (!dots.empty()) out += "<path class=\"dots\" d=\"" + dots + "\"/>";
  if (line.empty() && dots.empty()) {
    out += svg_text("tick tx", (frame.layout.left + frame.layout.right) / 2, (frame.layout.top + frame.layout.bottom) / 2,
                    "no value is defined");
  }
  return out;
}

std::string drawn_marks(const PlotFrame& frame, const std::vector<PlotMark>& marks,
                        const std::vector<std::optional<PlacedLabel>>& places) {
  std::string out;
  for (std::size_t i = 0; i < marks.size(); ++i) {
    const double x = frame.x(marks[i].x);
    double top = frame.layout.top;
    if (places[i]) {
      top -= lane_height * static_cast<double>(places[i]->lane + 1) - 3;
      const std::string style = std::string("label") + (places[i]->is_left ? " ty" : "") + (marks[i].is_strong ? " strong" : "");
      out += svg_text(style, places[i]->is_left ? x - 3 : x + 3, top + 9, escaped(marks[i].label, label_bytes_max));
    }
    const std::string style = "mark m" + std::to_string(marks[i].colour % mark_colours) + (marks[i].is_strong ? " strong" : "");
    out += svg_line(style, x, top, x, frame.layout.bottom);
  }
  return out;
}

}  // namespace

std::size_t plot_columns(bool is_small) {
  const PlotLayout& layout = is_small ? small_layout : large_layout;
  return static_cast<std::size_t>(layout.right - layout.left);
}

DrawnPlot draw_plot(const SvgPlot& plot) {
  PlotFrame frame{plot.is_small ? small_layout : large_layout, plot};
  std::vector<PlotMark> marks;
  std::ranges::copy_if(plot.marks, std::back_inserter(marks), [&](const PlotMark& mark) { return frame.holds(mark.x); });
  std::vector<WantedLabel> labels;
  for (const PlotMark& mark : marks) {
    const std::string label = printable(mark.label, label_bytes_max);
    const double letter = frame.layout.letter * (mark.is_strong ? 1.12 : 1);
    labels.push_back({frame.x(mark.x), static_cast<double>(label.size()) * letter});
  }
  const auto places = place_labels(labels, frame.layout.left, frame.layout.width);
  std::size_t lanes = 0;
  for (const auto& place : places) lanes = std::max(lanes, place ? place->lane + 1 : 0);
  const double above = lane_height * static_cast<double>(lanes);
  frame.layout.height += above;
  frame.layout.top += above;
  frame.layout.bottom += above;
  DrawnPlot drawn;
  drawn.labels_left_out = static_cast<std::size_t>(std::ranges::count_if(places, [](const auto& place) { return !place; }));
  drawn.svg = std::string("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"") + (plot.is_small ? "small" : "large") +
              "\" role=\"img\" viewBox=\"0 0 " + px(frame.layout.width) + ' ' + px(frame.layout.height) + "\"><title>" +
              escaped(plot.title) + "</title>" + axes(frame) + drawn_marks(frame, marks, places) + curve(frame) + "</svg>\n";
  return drawn;
}

}  // namespace stethos::edge
