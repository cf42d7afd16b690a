// Sets of row numbers, kept as few ranges: what a collector holds of a lane, and what is missing.
//
// Row numbers start at 1; 0 is no row. Not safe for use by several threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace stethos::uplink {

struct NumberRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive

  bool operator==(const NumberRange&) const = default;
};

// Whether each range has 1 <= first <= last, and each begins beyond the one before with at least one number between.
bool are_sorted_and_disjoint(std::span<const NumberRange> ranges);

class NumberSet {
 public:
  NumberSet() = default;
  explicit NumberSet(std::vector<NumberRange> ranges);  // sorted and disjoint, or the program stops

  // Adds first to last, 1 <= first <= last. False, with nothing changed, if there would be more than `count_max` ranges.
  bool add(NumberRange added, std::size_t count_max);

  bool contains(std::uint64_t number) const;

  // Every number from 1 to this one is in the set; 0: 1 is not.
  std::uint64_t durable_through() const;

  // The ranges beyond durable_through(), ascending.
  std::span<const NumberRange> beyond() const;

  // What is not in the set of first to last, ascending.
  std::vector<NumberRange> missing(NumberRange within) const;

  const std::vector<NumberRange>& ranges() const { return ranges_; }
  bool operator==(const NumberSet&) const = default;

 private:
  std::vector<NumberRange> ranges_;
};

}  // namespace stethos::uplink
