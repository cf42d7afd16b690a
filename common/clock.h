// The one place that reads the time. Everything else is given a Clock, or a time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace stethos {

using TimeNs = std::int64_t;      // ns UTC since 1970
using DurationNs = std::int64_t;  // ns

inline constexpr DurationNs ns_per_us = 1'000;
inline constexpr DurationNs ns_per_ms = 1'000'000;
inline constexpr DurationNs ns_per_s = 1'000'000'000;

// Safe to call from any thread.
class Clock {
 public:
  virtual ~Clock() = default;

  // The time of day. It may jump.
  virtual TimeNs now() const = 0;

  // Time since some start. It never goes back: measure waits and intervals with it.
  virtual DurationNs monotonic() const = 0;

  // Whether the system holds its time of day for right: something keeps it in step with a time server. A clock that a test or a
  // replay makes is right unless it says otherwise.
  virtual bool synchronised() const { return true; }

  // Which clock this is: the same number in all programs that read the same time of day, another on another machine; 0: not
  // known.
  virtual std::uint64_t identity() const { return 0; }

  // Waits on `condition` until `ready()` holds or `timeout` has passed; returns ready(). `lock` is held on return.
  template <class Ready>
  bool wait_for(std::condition_variable& condition, std::unique_lock<std::mutex>& lock, DurationNs timeout, Ready ready) const {
    return condition.wait_for(lock, std::chrono::nanoseconds(timeout), ready);
  }
};

// The machine's own clock.
const Clock& system_clock();

}  // namespace stethos
