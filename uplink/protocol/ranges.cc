#include "uplink/protocol/ranges.h"

#include <algorithm>
#include <utility>

#include "common/result.h"

namespace stethos::uplink {

bool are_sorted_and_disjoint(std::span<const NumberRange> ranges) {
  std::uint64_t previous_last = 0;
  bool is_first = true;
  for (const NumberRange& range : ranges) {
    if (range.first == 0 || range.last < range.first) return false;
    if (!is_first && (range.first <= previous_last || range.first - previous_last < 2)) return false;
    previous_last = range.last;
    is_first = false;
  }
  return true;
}

NumberSet::NumberSet(std::vector<NumberRange> ranges) : ranges_(std::move(ranges)) {
  STETHOS_CHECK(are_sorted_and_disjoint(ranges_), "ranges of row numbers");
}

bool NumberSet::add(NumberRange added, std::size_t count_max) {
  STETHOS_CHECK(added.first > 0 && added.first <= added.last, "a range of row numbers");
  // The ranges that touch or meet the new one are those from `begin` up to `end`.
  const auto begin = std::ranges::partition_point(
      ranges_, [&](const NumberRange& range) { return range.last < added.first && added.first - range.last > 1; });
  const auto end = std::partition_point(
      begin, ranges_.end(), [&](const NumberRange& range) { return range.first <= added.last || range.first - added.last == 1; });
  if (begin == end) {
    if (ranges_.size() >= count_max) return false;
    ranges_.insert(begin, added);
    return true;
  }
  begin->first = std::min(begin->first, added.first);
  begin->last = std::max(std::prev(end)->last, added.last);
  ranges_.erase(std::next(begin), end);
  return true;
}

bool NumberSet::contains(std::uint64_t number) const {
  const auto after = std::ranges::upper_bound(ranges_, number, {}, &NumberRange::first);
  return after != ranges_.begin() && std::prev(after)->last >= number;
}

std::uint64_t NumberSet::durable_through() const {
  return !ranges_.empty() && ranges_.front().first == 1 ? ranges_.front().last : 0;
}

std::span<const NumberRange> NumberSet::beyond() const { return std::span(ranges_).subspan(durable_through() == 0 ? 0 : 1); }

std::vector<NumberRange> NumberSet::missing(NumberRange within) const {
  std::vector<NumberRange> out;
  if (within.first > within.last) return out;
  std::uint64_t next = within.first;
  for (const NumberRange& held : ranges_) {
    if (held.last < next) continue;
    if (held.first > within.last) break;
    if (held.first > next) out.push_back({next, held.first - 1});
    if (held.last >= within.last) return out;
    next = held.last + 1;
  }
  out.push_back({next, within.last});
  return out;
}

}  // namespace stethos::uplink
