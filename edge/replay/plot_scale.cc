#include "edge/replay/plot_scale.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "common/time_text.h"

namespace stethos::edge {
namespace {

constexpr double farthest = 1e300;  // what lies farther is drawn there: a span would be infinite
constexpr DurationNs ns_per_minute = 60 * ns_per_s, ns_per_hour = 60 * ns_per_minute, ns_per_day = 24 * ns_per_hour;

// 1, 2 or 5 times a power of ten, at least `least`, which is above 0.
double round_step(double least) {
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double mantissa : {1.0, 2.0, 5.0}) {
    if (mantissa * power >= least * (1 - 1e-9)) return mantissa * power;
  }
  return 10 * power;
}

std::string tick_text(double number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::general, 9).ptr;
  return {text.data(), end};
}

void add_ticks(PlotAxis& axis, double step) {
  const double first = std::ceil(axis.low / step - 1e-6);
  for (double i = first; i * step <= axis.high + 1e-6 * step && i < first + 100; ++i) {
    axis.ticks.push_back({std::clamp(i * step, axis.low, axis.high), i == 0 ? "0" : tick_text(i * step)});
  }
}

// Of a clock: the least step that is round and not below `least_ns`.
DurationNs round_time_step(double least_ns) {
  for (DurationNs power = 1; power < ns_per_s; power *= 10) {
    for (const DurationNs mantissa : {1, 2, 5}) {
      if (static_cast<double>(mantissa * power) >= least_ns) return mantissa * power;
    }
  }
  for (const DurationNs unit : {ns_per_s, ns_per_minute}) {
    for (const DurationNs count : {1, 2, 5, 10, 15, 30}) {
      if (static_cast<double>(count * unit) >= least_ns) return count * unit;
    }
  }
  for (const DurationNs count : {1, 2, 3, 6, 12}) {
    if (static_cast<double>(count * ns_per_hour) >= least_ns) return count * ns_per_hour;
  }
  DurationNs days = 1;
  for (const DurationNs count : {1, 2, 5, 10, 20, 50, 100, 200, 500, 1'000, 2'000, 5'000, 10'000, 20'000, 50'000}) {
    days = count;
    if (static_cast<double>(days * ns_per_day) >= least_ns) break;
  }
  return days * ns_per_day;
}

std::string time_tick_text(TimeNs time_ns, DurationNs step, bool days_differ, bool years_differ) {
  const std::string text = format_time(time_ns);  // 2026-11-21T10:00:00.000Z
  const bool is_midnight = time_ns % ns_per_day == 0;
  if (step >= ns_per_day || (days_differ && is_midnight)) return years_differ ? text.substr(0, 10) : text.substr(5, 5);
  if (step >= ns_per_minute) return text.substr(11, 5);
  if (step >= ns_per_s) return text.substr(11, 8);
  std::size_t digits = 0;
  for (DurationNs unit = ns_per_s; step < unit; unit /= 10) ++digits;
  return text.substr(17, 3 + digits);
}

}  // namespace

PlotAxis amplitude_axis(std::string title, std::span<const double> values, std::size_t ticks) {
  PlotAxis axis{std::move(title), 0, 0, {}};
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    axis.low = std::min(axis.low, std::max(value, -farthest));
    axis.high = std::max(axis.high, std::min(value, farthest));
  }
  if (axis.high - axis.low < 1e-290) axis.high = axis.low + 1;
  const double step = round_step((axis.high - axis.low) / static_cast<double>(ticks));
  axis.low = std::floor(axis.low / step + 1e-9) * step;
  axis.high = std::ceil(axis.high / step - 1e-9) * step;
  add_ticks(axis, step);
  return axis;
}

PlotAxis number_axis(std::string title, double low, double high, std::size_t ticks) {
  PlotAxis axis{std::move(title), std::clamp(low, -farthest, farthest), std::min(high, farthest), {}};
  const double least = std::max(1e-290, 1e-9 * std::abs(axis.low));
  if (!(axis.high - axis.low >= least)) axis.high = axis.low + std::max(1.0, least);
  add_ticks(axis, round_step((axis.high - axis.low) / static_cast<double>(ticks)));
  return axis;
}

double seconds_between(TimeNs first_ns, TimeNs time_ns) {
  const auto ns = [](TimeNs from, TimeNs to) {
    return static_cast<double>(static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from));
  };
  return (time_ns >= first_ns ? ns(first_ns, time_ns) : -ns(time_ns, first_ns)) / 1e9;
}

PlotAxis time_axis(TimeNs first_ns, TimeNs last_ns, std::size_t ticks) {
  const bool is_moment = last_ns <= first_ns;
  PlotAxis axis{{}, is_moment ? -1.0 : 0.0, is_moment ? 1.0 : seconds_between(first_ns, last_ns), {}};
  const DurationNs step = round_time_step((axis.high - axis.low) * 1e9 / static_cast<double>(ticks));
  const std::string first = format_time(first_ns), last = format_time(std::max(first_ns, last_ns));
  const bool days_differ = first.substr(0, 10) != last.substr(0, 10), years_differ = first.substr(0, 4) != last.substr(0, 4);
  const bool are_seconds = !is_moment && step < ns_per_s;
  const auto said = [&](const std::string& text) {  // what the ticks do not say: the day, or the minute
    return are_seconds ? text.substr(0, 10) + ' ' + text.substr(11, 5) : text.substr(0, 10);
  };
  axis.title = (are_seconds ? "seconds of " : "") + said(first) + (said(first) == said(last) ? "" : " to " + said(last)) + " UTC";
  TimeNs tick = first_ns;
  const DurationNs beyond = (first_ns % step + step) % step;
  bool is_there = is_moment || beyond == 0 || !__builtin_add_overflow(first_ns, step - beyond, &tick);
  while (is_there && seconds_between(first_ns, tick) <= axis.high && axis.ticks.size() < 100) {
    axis.ticks.push_back({seconds_between(first_ns, tick),
                          is_moment ? format_time(tick).substr(11, 8) : time_tick_text(tick, step, days_differ, years_differ)});
    is_there = !is_moment && !__builtin_add_overflow(tick, step, &tick);
  }
  return axis;
}

std::vector<PlotPoint> reduced(std::span<const PlotPoint> points, std::size_t columns) {
  if (columns == 0 || points.size() <= 2 * columns) return {points.begin(), points.end()};
  std::vector<PlotPoint> out;
  const double last_column = static_cast<double>(columns - 1);
  for (std::size_t begin = 0; begin < points.size();) {
    const auto column = [&](std::size_t i) { return std::clamp(std::floor(points[i].x), 0.0, last_column); };
    std::optional<std::size_t> lowest, highest;
    std::size_t end = begin;
    for (; end < points.size() && column(end) == column(begin); ++end) {
      if (!std::isfinite(points[end].y)) continue;
      if (!lowest || points[end].y < points[*lowest].y) lowest = end;
      if (!highest || points[end].y > points[*highest].y) highest = end;
    }
    if (!lowest) {
      out.push_back(points[begin]);
    } else {
      out.push_back(points[std::min(*lowest, *highest)]);
      if (*lowest != *highest) out.push_back(points[std::max(*lowest, *highest)]);
    }
    begin = end;
  }
  return out;
}

}  // namespace stethos::edge
