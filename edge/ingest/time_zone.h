// What clocks on a wall show, by the zones that this machine knows (its package tzdata). Pure; any thread.
#pragma once

#include <cctz/time_zone.h>

#include <cstdint>
#include <optional>
#include <string>

#include "common/clock.h"

namespace stethos::edge {

class TimeZone {
 public:
  // "Europe/Berlin"; nothing: there is no such zone.
  static std::optional<TimeZone> find(const std::string& name);

  // When clocks show something: once; never, for they are put forward over it; or twice, for they are put back over it.
  enum class Shown : std::uint8_t { once, never, twice };
  struct Times {
    Shown shown = Shown::once;
    TimeNs first_ns = 0;
    TimeNs second_ns = 0;  // if twice
  };
  // `shown_ns`: what they show, as if that were UTC.
  Times times_of(TimeNs shown_ns) const;

  // Whether clocks are put back within so long after `time_ns`.
  bool goes_back_within(DurationNs duration, TimeNs time_ns) const;

  std::string name() const { return zone_.name(); }

 private:
  explicit TimeZone(cctz::time_zone zone) : zone_(zone) {}

  cctz::time_zone zone_;
};

}  // namespace stethos::edge
