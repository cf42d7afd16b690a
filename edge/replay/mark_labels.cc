#include "edge/replay/mark_labels.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

namespace stethos::edge {
namespace {

constexpr double label_gap = 3;  // px, between a text and what is beside it

struct TakenLane {
  std::size_t lane = 0;
  double x = 0, left = 0, right = 0;
};

bool are_apart(const TakenLane& a, const TakenLane& b) {
  if (a.lane == b.lane) return a.right + label_gap <= b.left || b.right + label_gap <= a.left;
  const TakenLane& lower = a.lane < b.lane ? a : b;
  const TakenLane& higher = a.lane < b.lane ? b : a;
  return higher.x <= lower.left || higher.x >= lower.right + label_gap;
}

// Nothing: it fits nowhere.
std::optional<std::pair<PlacedLabel, TakenLane>> place_for(const WantedLabel& label, std::span<const TakenLane> taken,
                                                           double left, double right) {
  for (std::size_t i = 0; i < 2 * label_lanes; ++i) {
    const PlacedLabel place{i % label_lanes, i >= label_lanes};
    const double begin = place.is_left ? label.x - label_gap - label.width : label.x + label_gap;
    const TakenLane wanted{place.lane, label.x, std::min(begin, label.x), std::max(begin + label.width, label.x)};
    const bool is_apart = std::ranges::all_of(taken, [&](const TakenLane& other) { return are_apart(wanted, other); });
    if (wanted.left >= left && wanted.right <= right && is_apart) return std::pair(place, wanted);
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::optional<PlacedLabel>> place_labels(std::span<const WantedLabel> labels, double left, double right) {
  // From right to left, each as low as it can: a line then crosses no text that was placed before.
  std::vector<std::size_t> order(labels.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t i) { return labels[i].x; });
  std::vector<std::optional<PlacedLabel>> placed;
  for (bool is_done = false; !is_done;) {
    placed.assign(labels.size(), std::nullopt);
    std::vector<TakenLane> taken;
    is_done = true;
    for (const std::size_t i : order) {
      const auto place = place_for(labels[i], taken, left, right);
      if (place) {
        placed[i] = place->first;
        taken.push_back(place->second);
        continue;
      }
      // The last one of those that are in each other's way is given up, and all are placed anew.
      std::size_t given_up = i;
      for (const std::size_t other : order) {
        const double apart = std::max(labels[i].width, labels[other].width) + label_gap;
        if (std::abs(labels[other].x - labels[i].x) < apart) given_up = std::max(given_up, other);
      }
      std::erase(order, given_up);
      is_done = false;
      break;
    }
  }
  return placed;
}

}  // namespace stethos::edge
