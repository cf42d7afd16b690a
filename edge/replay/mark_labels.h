// Where the labels of vertical lines stand above a plot, so that none covers another. Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace stethos::edge {

inline constexpr std::size_t label_lanes = 5;

struct WantedLabel {
  double x = 0;      // of the line, px
  double width = 0;  // of the text, px
};

struct PlacedLabel {
  std::size_t lane = 0;  // 0: the lowest, next to the plot
  bool is_left = false;  // the text ends at the line, and does not begin there
};

// A label of lane n is reached by its line through the lanes below, so nothing else stands there. Where there is no room for
// all between `left` and `right`, the last ones of those in each other's way have no place.
std::vector<std::optional<PlacedLabel>> place_labels(std::span<const WantedLabel> labels, double left, double right);

}  // namespace stethos::edge
