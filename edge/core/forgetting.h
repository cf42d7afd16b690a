// When a device or a stream that has fallen silent is to be forgotten.
//
// A silence is measured between two moments at which the node's clock was known to be right: from when something came last to
// now. What came by a clock that was not is taken to have come when it was known to be right again. And only what was listened
// for can have been silent: nothing is forgotten before the node has run for a while. One thread.
#pragma once

#include <optional>

#include "common/clock.h"

namespace stethos::edge {

class Forgetting {
 public:
  // 0: nothing is ever forgotten.
  explicit Forgetting(DurationNs after_ns) : after_ns_(after_ns) {}

  void begin_batch(TimeNs now_ns, bool clock_trusted);

  // The clock was stepped: how long anything was silent is measured anew, from the next batch at which it is known to be right.
  void measure_anew() { was_stepped_ = true; }
  // Whether that is this batch: everything has to be settled.
  bool measures_anew() const { return is_anew_; }

  // When what comes with this batch has come; nothing: that is not known.
  std::optional<TimeNs> heard() const { return clock_trusted_ ? std::optional(now_ns_) : std::nullopt; }

  // Takes the silence to begin now where nothing better is known of it. Returns whether that changed `heard_ns`.
  bool settle(std::optional<TimeNs>& heard_ns) const;

  // Whether what was heard last at `heard_ns` is to be forgotten now.
  bool is_due(const std::optional<TimeNs>& heard_ns) const;

 private:
  const DurationNs after_ns_;
  TimeNs now_ns_ = 0;
  bool clock_trusted_ = false;
  bool was_stepped_ = false;  // and no batch has come since at which it is known to be right
  bool is_anew_ = false;
  std::optional<TimeNs> listens_since_ns_;  // nothing: the clock is not known to be right
};

}  // namespace stethos::edge
