// Holds final windows against limits, and says when an alarm becomes active, changes its level, or is over. The words are
// those of OPC UA part 9; docs/alarms.md has the rules.
//
// An alarm is of one limit and one stream; its state is with the stream, and is there only while the limit is exceeded.
// Pure: what it does follows from the windows and their order alone. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "edge/detect/limit.h"
#include "edge/spool/spool.h"
#include "edge/window/windower.h"

namespace stethos::edge {

// Takes the alarm past the window that starts at `start_ns` and in which the statistic has this value. Returns whether its
// level has changed. A value that is NaN changes nothing, nor does a window before the one that last changed the alarm.
bool follow(const Limit& limit, TimeNs start_ns, double value, Alarm& alarm);

class Detector {
 public:
  explicit Detector(std::vector<Limit> limits) : limits_(std::move(limits)) {}

  void set_provenance(std::uint64_t provenance) { provenance_ = provenance; }

  // Each window once, in the order in which they became final; one without good samples says nothing. Rows and changed alarms
  // are noted in `effect`.
  void watch(std::span<const WatchedWindow> windows, Effect& effect) const;

  // Ends all alarms of the stream, which is to become another.
  void withdraw_all(Stream& stream, Effect& effect) const;
  // Ends those whose limits are no longer configured.
  void withdraw_former(Stream& stream, Effect& effect) const;

 private:
  void hold_against(const Limit& limit, const WatchedWindow& window, Effect& effect) const;
  template <class Predicate>
  void withdraw_if(Stream& stream, Effect& effect, Predicate is_over) const;
  schema::AlarmRowT row_of(const Limit& limit, const WatchedWindow& window, double value, const Alarm& alarm) const;

  const std::vector<Limit> limits_;
  std::uint64_t provenance_ = 0;
};

}  // namespace stethos::edge
