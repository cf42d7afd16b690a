// A few stretches of event time, each from its first time to before its end: ascending and apart. Beyond `stretches_max` the two
// that lie closest are taken for one, with what lies between them. Plain data.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "common/clock.h"
#include "edge/core/limits.h"

namespace stethos::edge {

struct Stretch {
  TimeNs from_ns = 0;
  TimeNs to_ns = 0;

  bool operator==(const Stretch&) const = default;
};

class Stretches {
 public:
  // One that is empty adds nothing; those that touch or overlap become one.
  void add(TimeNs from_ns, TimeNs to_ns) {
    if (from_ns >= to_ns) return;
    Stretch added{from_ns, to_ns};
    std::erase_if(all_, [&added](const Stretch& each) {
      if (each.to_ns < added.from_ns || added.to_ns < each.from_ns) return false;
      added = {std::min(added.from_ns, each.from_ns), std::max(added.to_ns, each.to_ns)};
      return true;
    });
    all_.insert(std::ranges::upper_bound(all_, added.from_ns, {}, &Stretch::from_ns), added);
    if (all_.size() <= stretches_max) return;
    std::size_t closest = 1;
    for (std::size_t i = 2; i < all_.size(); ++i) {
      if (all_[i].from_ns - all_[i - 1].to_ns < all_[closest].from_ns - all_[closest - 1].to_ns) closest = i;
    }
    all_[closest - 1].to_ns = all_[closest].to_ns;
    all_.erase(all_.begin() + static_cast<std::ptrdiff_t>(closest));
  }

  // The one that holds `time`; null: none does.
  const Stretch* find(TimeNs time) const {
    const auto found =
        std::ranges::find_if(all_, [time](const Stretch& each) { return each.from_ns <= time && time < each.to_ns; });
    return found == all_.end() ? nullptr : &*found;
  }

  // Whether one of them holds any time from the first on, before the other.
  bool any_between(TimeNs from_ns, TimeNs to_ns) const {
    return std::ranges::any_of(all_, [&](const Stretch& each) { return each.from_ns < to_ns && from_ns < each.to_ns; });
  }

  template <class Predicate>
  std::size_t erase_if(Predicate predicate) {
    return std::erase_if(all_, predicate);
  }

  const std::vector<Stretch>& all() const { return all_; }
  bool operator==(const Stretches&) const = default;

 private:
  std::vector<Stretch> all_;
};

}  // namespace stethos::edge
