#include "common/fault_point.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <string_view>

#include "common/result.h"

namespace stethos {
namespace {

struct Faults {
  std::string point;  // empty: none is armed
  std::atomic<int> passes_left = 0;
  std::set<std::string, std::less<>> canaries;
  std::string poisoned_point;  // empty: none is
  std::string poison;
  std::string clock_file;  // empty: the clock is the machine's

  Faults() {
    const char* text = std::getenv("STETHOS_FAULT");
    if (text == nullptr) return;
    for (std::string_view rest = text; !rest.empty();) {
      const std::string_view one = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(one.size() + 1, rest.size()));
      if (one.starts_with("canary:")) {
        canaries.emplace(one.substr(one.find(':') + 1));
        continue;
      }
      if (one.starts_with("poison:")) {
        const auto last = one.rfind(':');
        poisoned_point = one.substr(one.find(':') + 1, last - one.find(':') - 1);
        poison = one.substr(last + 1);
        STETHOS_CHECK(!poisoned_point.empty() && !poison.empty(), text);
        continue;
      }
      if (one.starts_with("clock:")) {
        clock_file = one.substr(one.find(':') + 1);
        STETHOS_CHECK(!clock_file.empty(), text);
        continue;
      }
      // A misspelt fault would be a test that cannot fail.
      STETHOS_CHECK(one.starts_with("kill:") && point.empty(), text);
      const auto last = one.rfind(':');
      point = one.substr(one.find(':') + 1, last - one.find(':') - 1);
      int passes = 0;
      const auto read = std::from_chars(one.data() + last + 1, one.data() + one.size(), passes);
      STETHOS_CHECK(read.ptr == one.data() + one.size() && passes > 0 && !point.empty(), text);
      passes_left = passes;
    }
  }
};

Faults& faults() {
  static Faults read_once;
  return read_once;
}

}  // namespace

void fault_point(std::string_view name) {
  if (name == faults().point && --faults().passes_left == 0) std::raise(SIGKILL);
}

void poison_point(std::string_view name, std::span<const std::uint8_t> bytes) {
  if (name == faults().poisoned_point && !std::ranges::search(bytes, faults().poison).empty()) std::raise(SIGKILL);
}

ClockFault clock_fault() {
  if (faults().clock_file.empty()) return {};
  ClockFault fault{.is_armed = true};
  std::ifstream(faults().clock_file) >> fault.offset_s;
  return fault;
}

bool has_canary(std::string_view name) { return faults().canaries.contains(name); }

}  // namespace stethos
