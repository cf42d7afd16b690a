// What a plot shows of numbers: where its axes begin and end, their ticks, and few points for many. Pure; any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "common/clock.h"

namespace stethos::edge {

struct AxisTick {
  double at = 0;  // as the axis counts
  std::string label;
};

struct PlotAxis {
  std::string title;  // as it was given, not escaped
  double low = 0;
  double high = 1;  // above low
  std::vector<AxisTick> ticks;
};

// Of amplitudes: from 0, or through it where some are negative, to a tick beyond the farthest of them; 0 to 1 where all are 0
// or none is finite. Steps are 1, 2 or 5 times a power of ten, about `ticks` of them.
PlotAxis amplitude_axis(std::string title, std::span<const double> values, std::size_t ticks);

// From `low` to `high`, which is moved up where it is not above `low`. Ticks as above.
PlotAxis number_axis(std::string title, double low, double high, std::size_t ticks);

// Counts seconds since `first_ns`. Ticks are at round times of UTC, and the title says the day. Ends at `last_ns`; where that
// is not later, begins a second before and ends a second later.
PlotAxis time_axis(TimeNs first_ns, TimeNs last_ns, std::size_t ticks);

// Seconds from `first_ns` to `time_ns`, which may be far apart.
double seconds_between(TimeNs first_ns, TimeNs time_ns);

// A y that is not finite is a gap.
struct PlotPoint {
  double x = 0;
  double y = 0;
};

// `points` are in the order of x, from 0 to `columns`, of which each unit is a pixel. Of more than two a column on the average,
// the lowest and the highest of each column are left, in their order: at most two a column, and a gap where a column has
// nothing but gaps.
std::vector<PlotPoint> reduced(std::span<const PlotPoint> points, std::size_t columns);

}  // namespace stethos::edge
