#include "edge/core/sequence_tracker.h"

#include "edge/core/limits.h"

#include <algorithm>

namespace stethos::edge {
namespace {

// Calls `missing(first, last)` for what lies in (base, limit] and in no range.
template <class Missing>
void for_each_hole(const EpochSequences& epoch, std::uint64_t limit, Missing missing) {
  if (epoch.base >= limit) return;
  std::uint64_t next = epoch.base + 1;
  for (const SequenceRange& range : epoch.ranges) {
    if (range.first > limit) break;
    if (next < range.first) missing(next, range.first - 1);
    next = range.last + 1;
  }
  if (next <= limit) missing(next, limit);
}

void raise_base(EpochSequences& epoch, std::uint64_t base) {
  epoch.base = std::max(epoch.base, base);
  auto& ranges = epoch.ranges;
  while (!ranges.empty() && ranges.front().first <= epoch.base + 1) {
    epoch.base = std::max(epoch.base, ranges.front().last);
    ranges.erase(ranges.begin());
  }
}

// What lies beyond all that was skipped before.
void skip(EpochSequences& epoch, SequenceRange range) {
  auto& skipped = epoch.skipped;
  if (!skipped.empty() && skipped.back().last + 1 == range.first) {
    skipped.back().last = range.last;
    return;
  }
  if (skipped.size() == ranges_per_epoch_max) skipped.erase(skipped.begin());
  skipped.push_back(range);
}

}  // namespace

const EpochSequences* SequenceTracker::find(std::uint64_t epoch) const {
  const auto found = std::ranges::find(epochs_, epoch, &EpochSequences::epoch);
  return found == epochs_.end() ? nullptr : &*found;
}

EpochSequences* SequenceTracker::find_or_begin(std::uint64_t epoch, std::uint64_t lowest_held, std::vector<SequenceGap>& gaps) {
  auto place = std::ranges::lower_bound(epochs_, epoch, {}, &EpochSequences::epoch);
  if (place != epochs_.end() && place->epoch == epoch) return &*place;
  if (epochs_.size() == epochs_per_device_max) {
    if (place == epochs_.begin()) return nullptr;
    const EpochSequences& oldest = epochs_.front();
    const std::uint64_t highest = oldest.ranges.empty() ? oldest.base : oldest.ranges.back().last;
    for_each_hole(oldest, highest, [&](std::uint64_t first, std::uint64_t last) {
      gaps.push_back({oldest.epoch, {first, last}, schema::GapCause::device_restarted});
    });
    place = epochs_.erase(epochs_.begin()) + (place - epochs_.begin() - 1);
  }
  EpochSequences begun{.epoch = epoch, .base = lowest_held - 1, .ranges = {}, .skipped = {}};
  if (begun.base > 0) begun.skipped.push_back({1, begun.base});
  return &*epochs_.insert(place, std::move(begun));
}

bool SequenceTracker::take_skipped(std::uint64_t epoch, std::uint64_t sequence) {
  const auto known = std::ranges::find(epochs_, epoch, &EpochSequences::epoch);
  if (known == epochs_.end()) return false;
  auto& skipped = known->skipped;
  const auto holds = std::ranges::lower_bound(skipped, sequence, {}, &SequenceRange::last);
  if (holds == skipped.end() || sequence < holds->first) return false;
  const SequenceRange whole = *holds;
  const bool is_split = whole.first < sequence && sequence < whole.last;
  if (is_split && skipped.size() == ranges_per_epoch_max) return false;
  const auto place = skipped.erase(holds);
  if (is_split) {
    skipped.insert(place, {{whole.first, sequence - 1}, {sequence + 1, whole.last}});
  } else if (whole.first < whole.last) {
    skipped.insert(
        place, sequence == whole.first ? SequenceRange{whole.first + 1, whole.last} : SequenceRange{whole.first, whole.last - 1});
  }
  return true;
}

SequenceTracker::Verdict SequenceTracker::observe(std::uint64_t epoch, std::uint64_t sequence, std::uint64_t lowest_held,
                                                  std::vector<SequenceGap>& gaps, bool any_order) {
  EpochSequences* known = find_or_begin(epoch, lowest_held, gaps);
  if (known == nullptr) return Verdict::epoch_too_old;
  if (lowest_held - 1 > known->base) {
    for_each_hole(*known, lowest_held - 1, [&](std::uint64_t first, std::uint64_t last) {
      gaps.push_back({epoch, {first, last}, schema::GapCause::device_gave_up});
      skip(*known, {first, last});
    });
    raise_base(*known, lowest_held - 1);
  }
  if (sequence <= known->base) return Verdict::duplicate;

  auto& ranges = known->ranges;
  // The first range that ends at or after the sequence's left neighbour: the only one it can fall into or extend to the right.
  auto place = std::ranges::lower_bound(ranges, sequence - 1, {}, &SequenceRange::last);
  if (place != ranges.end() && place->first <= sequence && sequence <= place->last) return Verdict::duplicate;
  if (place != ranges.end() && place->last + 1 == sequence) {
    place->last = sequence;
    if (const auto next = place + 1; next != ranges.end() && next->first == sequence + 1) {
      place->last = next->last;
      ranges.erase(next);
    }
  } else if (place != ranges.end() && place->first == sequence + 1) {
    place->first = sequence;
  } else if (sequence != known->base + 1) {
    if (!any_order || ranges.size() == ranges_per_epoch_max) return Verdict::no_room;
    ranges.insert(place, {sequence, sequence});
  } else {
    known->base = sequence;
  }
  raise_base(*known, known->base);
  return Verdict::fresh;
}

}  // namespace stethos::edge
