// A line over two axes as SVG that stands in a page: its colours and sizes of text are those of the page's style. Pure; any
// thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "edge/replay/plot_scale.h"

namespace stethos::edge {

inline constexpr std::size_t mark_colours = 6;

// A vertical line.
struct PlotMark {
  std::string label;
  double x = 0;            // as the axis counts
  std::size_t colour = 0;  // below mark_colours
  bool is_strong = false;
};

struct SvgPlot {
  std::string title;  // for who cannot see it
  PlotAxis x, y;
  std::vector<PlotPoint> points;  // in the order of x, as the axes count; what lies beside the axis of x is not drawn
  std::vector<PlotMark> marks;    // the first ones get a label first
  bool is_small = false;          // one of many, without titles of axes
};

// How many px of a plot lie between its axes: a line has at most two points for each.
std::size_t plot_columns(bool is_small);

// An element <svg>; every text in it is escaped. `labels_left_out`: of marks that are drawn, for want of room.
struct DrawnPlot {
  std::string svg;
  std::size_t labels_left_out = 0;
};
DrawnPlot draw_plot(const SvgPlot& plot);

}  // namespace stethos::edge
