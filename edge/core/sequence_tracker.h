// Which messages of a device have been handled. The tables of the spool hold the same, in the transaction of their effect.
//
// Per epoch: everything up to `base` is handled or known to be lost, and beyond it a few ranges are handled. A device seen
// for the first time, or after a boot, starts at its lowest held sequence without a gap; what it skips so, or gives up, may be
// kept as a dead letter, and may still be handled. Pure state; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "schemas/rows_generated.h"

namespace stethos::edge {

struct SequenceRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive

  bool operator==(const SequenceRange&) const = default;
};

struct EpochSequences {
  std::uint64_t epoch = 0;
  std::uint64_t base = 0;
  std::vector<SequenceRange> ranges;  // ascending, disjoint, not touching, all beyond base + 1
  // What was not handled up to base: what the device did not hold any more when it was heard first in this epoch, and what it
  // gave up since. As `ranges`; beyond as many the lowest are forgotten.
  std::vector<SequenceRange> skipped;

  bool operator==(const EpochSequences&) const = default;
};

struct SequenceGap {
  std::uint64_t epoch = 0;
  SequenceRange missing;
  schema::GapCause cause = schema::GapCause::unknown;
};

class SequenceTracker {
 public:
  enum class Verdict : std::uint8_t { fresh, duplicate, epoch_too_old, no_room };

  SequenceTracker() = default;
  explicit SequenceTracker(std::vector<EpochSequences> epochs) : epochs_(std::move(epochs)) {}

  // Marks the message as handled if the verdict is `fresh`. Requires 1 <= lowest_held <= sequence, and that there is a next
  // sequence. Gaps are appended.
  // Without `any_order` nothing is handled before what is still held below it.
  Verdict observe(std::uint64_t epoch, std::uint64_t sequence, std::uint64_t lowest_held, std::vector<SequenceGap>& gaps,
                  bool any_order = true);

  // Marks a message as handled that was kept elsewhere while its device was not known yet, and has gone on meanwhile. False: it
  // has been handled, or nothing is known of it.
  bool take_skipped(std::uint64_t epoch, std::uint64_t sequence);

  // Ascending by epoch.
  const std::vector<EpochSequences>& epochs() const { return epochs_; }
  // Null: the epoch is not remembered.
  const EpochSequences* find(std::uint64_t epoch) const;

 private:
  EpochSequences* find_or_begin(std::uint64_t epoch, std::uint64_t lowest_held, std::vector<SequenceGap>& gaps);

  std::vector<EpochSequences> epochs_;
};

}  // namespace stethos::edge
