// The seam to what survives: state, outbox, dead letters, counters, all in one file, changed by one transaction a batch.
//
// The pipeline's thread loads and commits. The sender reads and acknowledges through the OutboxSource, from its own.
#pragma once

#include <cstdint>
#include <optional>

#include "common/result.h"
#include "edge/core/effect.h"
#include "edge/core/saved_state.h"
#include "edge/core/suspects.h"

namespace stethos::edge {

class Spool {
 public:
  virtual ~Spool() = default;

  virtual Result<SavedState> load() = 0;

  // All of it or nothing. After an error the file must not be used on: close, and open again.
  virtual Status commit(const Effect& effect) = 0;

  // Written before the message in hand is processed, should the process die of it. Errors as those of commit.
  virtual Status note(const Suspects& suspects) = 0;

  // Bytes free on its disk; 0 is also what a disk says that is full for us. Nothing: not known.
  virtual std::optional<std::uint64_t> disk_free_bytes() const = 0;
};

}  // namespace stethos::edge
