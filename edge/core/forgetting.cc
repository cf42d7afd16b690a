#include "edge/core/forgetting.h"

#include <algorithm>

#include "edge/core/limits.h"

namespace stethos::edge {

void Forgetting::begin_batch(TimeNs now_ns, bool clock_trusted) {
  now_ns_ = now_ns;
  clock_trusted_ = clock_trusted;
  is_anew_ = was_stepped_ && clock_trusted;
  if (is_anew_) was_stepped_ = false;
  if (!clock_trusted || is_anew_) listens_since_ns_.reset();
  if (clock_trusted) listens_since_ns_ = std::min(listens_since_ns_.value_or(now_ns), now_ns);
}

bool Forgetting::settle(std::optional<TimeNs>& heard_ns) const {
  if (after_ns_ == 0 || !clock_trusted_) return false;
  if (heard_ns && *heard_ns <= now_ns_ && !is_anew_) return false;
  heard_ns = now_ns_;
  return true;
}

bool Forgetting::is_due(const std::optional<TimeNs>& heard_ns) const {
  if (after_ns_ == 0 || !heard_ns || !listens_since_ns_ || is_anew_) return false;
  return now_ns_ - *heard_ns >= after_ns_ &&
         now_ns_ - *listens_since_ns_ >= std::min(listens_before_forgetting_ns, after_ns_ / listens_share);
}

}  // namespace stethos::edge
