// What the log says of refused messages: of each reason and subscription one line an hour, however many topics and messages there
// are, with topic, reason, detail and cure. What no subscription takes has a line of its own. The memory is that of the
// configuration. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/clock.h"
#include "edge/config/edge_config.h"
#include "edge/core/dead_letter.h"

namespace stethos::edge {

class RefusalWarnings {
 public:
  // Both must outlive it. The hour is by the clock's monotonic time: a time of day that jumps repeats and hides nothing.
  RefusalWarnings(const EdgeConfig& config, const Clock& clock);

  // The lines that are due for these letters: bounded, and made printable.
  std::vector<std::string> take(std::span<const DeadLetter> letters);

 private:
  struct Said {
    std::optional<DurationNs> last_monotonic;  // nothing: not yet
    std::uint64_t letters_since = 0;  // that were not said
  };

  const EdgeConfig& config_;
  const Clock& clock_;
  std::vector<std::array<Said, reason_count>> said_;  // by subscription; the last: no subscription
};

}  // namespace stethos::edge
