// The parts of a stream's event time. What a stream measures and what is said of it may change: the point table has another entry
// from some time on, the configuration declares another unit, a device describes itself otherwise. Each such change cuts: before
// it lies one part and after it another, and no window lies in two of them. Plain data and pure functions; any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "common/clock.h"
#include "edge/core/block_summary.h"
#include "gpu_kernels/moments.h"

namespace stethos::edge {

inline constexpr TimeNs time_max = std::numeric_limits<TimeNs>::max();

// What holds for all samples of a part.
struct Description {
  std::uint64_t version = 0;  // hash of the entry of the point table, and of the StreamRow with the labels
  std::string machine;  // empty: not known, where the release before left the part
  std::string quantity;
  std::string unit;
  DurationNs interval_ns = 0;  // expected between blocks, or between readings; 0: not declared
  std::uint64_t block_length = 1;  // expected samples in each
  double plausible_min = -kernels::magnitude_max;
  double plausible_max = kernels::magnitude_max;

  bool operator==(const Description&) const = default;
  // Whether values under both may be merged: then only labels and expectations differ.
  bool measures_as(const Description& other) const { return quantity == other.quantity && unit == other.unit; }
};

struct Part {
  TimeNs from_ns = time_min;  // it ends where the next one begins
  TimeNs newest_ns = time_min;  // event time of the newest sample placed in it, since the clock came back
  Description description;

  bool operator==(const Part&) const = default;
};

using Parts = std::vector<Part>;  // by from_ns

// The first part that begins after `time`.
inline Parts::const_iterator part_after(const Parts& parts, TimeNs time) {
  return std::ranges::upper_bound(parts, time, {}, &Part::from_ns);
}

// Null: `time` is before all parts.
inline const Part* part_of(const Parts& parts, TimeNs time) {
  const auto after = part_after(parts, time);
  return after == parts.begin() ? nullptr : &*std::prev(after);
}

// Whether the stream measures the same from `from` to `to`, whatever else changes.
inline bool measures_the_same(const Parts& parts, TimeNs from, TimeNs to) {
  if (parts.size() < 2) return true;
  const auto first = part_after(parts, from);
  const auto last = part_after(parts, to);
  if (first == last || first == parts.begin()) return first == last;
  return std::all_of(first, last, [&](const Part& each) { return each.description.measures_as(std::prev(first)->description); });
}

}  // namespace stethos::edge
