#include "common/clock.h"

#include <ctime>

namespace stethos {
namespace {

std::int64_t read_ns(clockid_t which) {
  timespec t{};
  ::clock_gettime(which, &t);
  return static_cast<std::int64_t>(t.tv_sec) * ns_per_s + t.tv_nsec;
}

class SystemClock final : public Clock {
 public:
  TimeNs now() const override { return read_ns(CLOCK_REALTIME); }
  DurationNs monotonic() const override { return read_ns(CLOCK_MONOTONIC); }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace stethos
