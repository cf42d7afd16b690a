// The time by which rows are too old: what a clock says once it has said so for a while. A clock that steps ahead and comes back
// is not believed, for what was given up by it would be gone; one that steps back is believed at once, for that keeps rows. Plain
// data; one thread.
#pragma once

#include <algorithm>
#include <optional>

#include "common/clock.h"

namespace stethos::edge {

class HeldTime {
 public:
  explicit HeldTime(DurationNs hold) : hold_(hold) {}

  // Asked now and then. Nothing: the clock has not been held against another one for long enough.
  std::optional<TimeNs> at(TimeNs now, DurationNs monotonic) {
    const DurationNs offset = now - monotonic;
    if (held_ && offset <= *held_) {
      held_ = offset;
      ahead_since_.reset();
    } else {
      if (!ahead_since_) {
        ahead_since_ = monotonic;
        ahead_by_least_ = offset;
      }
      ahead_by_least_ = std::min(ahead_by_least_, offset);
      if (monotonic - *ahead_since_ >= hold_) {
        held_ = ahead_by_least_;
        ahead_since_.reset();
      }
    }
    return held_ ? std::optional(*held_ + monotonic) : std::nullopt;
  }

 private:
  const DurationNs hold_;
  std::optional<DurationNs> held_;  // how far the time of day is from the monotonic clock
  std::optional<DurationNs> ahead_since_;  // a monotonic time: of the first claim of more that still stands
  DurationNs ahead_by_least_ = 0;  // of the claims since then
};

}  // namespace stethos::edge
