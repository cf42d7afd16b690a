// Holds windows against limits, and says when an alarm becomes active, changes its level, or is over: by final windows. What
// open windows of an idle stream surely say is told as provisional until their final look, and changes nothing else. The words
// are those of OPC UA part 9; docs/alarms.md has the rules.
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

// What is provisional of the alarm beyond its level.
schema::AlarmLevel provisional_level(const Alarm& alarm);

class Detector {
 public:
  explicit Detector(std::vector<Limit> limits) : limits_(std::move(limits)) {}

  void set_provenance(std::uint64_t provenance) { provenance_ = provenance; }

  // What the limits see of a window that `watch` or `watch_open` is given.
  std::vector<Seen> see(const Stream& stream, const WindowDefinition& definition, const Description& description,
                        const Pane& whole) const;

  // Rows and changed alarms are noted in `effect`; a window without good samples says nothing.
  // Each window once, in the order in which they became final. Where a stream becomes another its alarms of that definition end,
  // after the windows before.
  void watch(std::span<const Watched> watched, Effect& effect) const;
  // Open windows of streams that are idle, in the order of their starts, after all that is final.
  void watch_open(std::span<const WatchedWindow> windows, Effect& effect) const;

  // Ends those whose limits are no longer configured.
  void withdraw_former(Stream& stream, Effect& effect) const;
  // Ends all of them: the stream is to be forgotten.
  void withdraw_all(Stream& stream, Effect& effect) const;

 private:
  // What a window shows of a limit's statistic.
  struct Look {
    TimeNs start_ns = 0;
    double value = 0;
    std::uint64_t stream_version = 0;  // of the window's part
  };

  void watch_final(const WatchedWindow& window, Effect& effect) const;
  void hold_final(const Limit& limit, const WatchedWindow& window, double value, Effect& effect) const;
  void hold_open(const Limit& limit, const WatchedWindow& window, double value, Effect& effect) const;
  void keep(const Limit& limit, Stream& stream, const Look& look, Alarm alarm, Effect& effect) const;
  void tell_changes(const Limit& limit, const Stream& stream, const Look& look, const Alarm& before, Alarm& alarm,
                    Effect& effect) const;
  schema::AlarmRowT row_of(const Limit& limit, const Stream& stream, const Look& look) const;
  void withdraw(Alarm& alarm, TimeNs changed_ns, Effect& effect) const;
  template <class Predicate>
  void withdraw_if(Stream& stream, TimeNs at, Effect& effect, Predicate is_over) const;

  const std::vector<Limit> limits_;
  std::uint64_t provenance_ = 0;
};

}  // namespace stethos::edge
