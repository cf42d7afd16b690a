#include "common/clock.h"

#include <sys/timex.h>

#include <ctime>
#include <fstream>
#include <string>

#include "common/fault_point.h"
#include "common/hash.h"

namespace stethos {
namespace {

std::int64_t read_ns(clockid_t which) {
  timespec t{};
  ::clock_gettime(which, &t);
  return static_cast<std::int64_t>(t.tv_sec) * ns_per_s + t.tv_nsec;
}

// Machines have a clock each, and so has each start of one.
std::uint64_t identity_of_machine() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string boot;
  return file >> boot ? hash_of(boot) : 0;
}

class SystemClock final : public Clock {
 public:
  TimeNs now() const override { return read_ns(CLOCK_REALTIME) + clock_fault().offset_s * ns_per_s; }
  DurationNs monotonic() const override { return read_ns(CLOCK_MONOTONIC); }
  bool synchronised() const override {
    timex said{};
    const int state = ::adjtimex(&said);
    return state >= 0 && state != TIME_ERROR && (said.status & STA_UNSYNC) == 0 && !clock_fault().is_armed;
  }
  std::uint64_t identity() const override {
    static const std::uint64_t identity = identity_of_machine();
    return clock_fault().is_armed ? ~identity : identity;
  }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace stethos
