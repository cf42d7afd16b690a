// What a device does wrong on request. It is drawn from the run's seed, the device and the sequence alone: the same run
// misbehaves in the same way, whatever the timing. Pure functions.
//
// A message that is dropped, truncated or flipped is so on its first send; what is sent again is right.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "firmware_sim/random.h"
#include "firmware_sim/scenario.h"

namespace stethos::firmware_sim {

// Probabilities from 0 to 1.
struct MisbehaviourOptions {
  double duplicate = 0;
  double reorder = 0;
  std::uint64_t reorder_window = 8;  // a message goes after 1 to so many later ones
  double late = 0;
  DurationNs late_by = 0;            // and then after a message that is so much younger
  double drop = 0;
  double truncate = 0;
  double flip = 0;
  double foreign = 0;
  double nan = 0;                    // of each sample
  // Not drawn: in messages that are made within this span of fleet time the stamps are wrong by so much.
  DurationNs clock_wrong_by = 0;
  DurationNs clock_wrong_from = 0;
  DurationNs clock_wrong_until = std::numeric_limits<DurationNs>::max();

  DurationNs clock_error(DurationNs at) const { return at >= clock_wrong_from && at < clock_wrong_until ? clock_wrong_by : 0; }
};

struct Misbehaviour {
  bool duplicated = false;
  bool foreign = false;
  // At most one of these three.
  bool dropped = false;
  bool truncated = false;
  bool flipped = false;
  // At most one of these two.
  std::uint64_t reordered_by = 0;
  bool late = false;
};

Misbehaviour draw_misbehaviour(const MisbehaviourOptions& options, std::uint64_t seed, std::string_view device,
                               std::uint64_t sequence);

// The generator of everything else that is drawn for a message.
Random random_for(std::uint64_t seed, std::string_view purpose, std::string_view device, std::uint64_t sequence);

// Cut to between one byte and all but one. `payload` has at least two.
std::vector<std::uint8_t> truncated(std::span<const std::uint8_t> payload, Random& random);

// One bit is another; of JSON it is a highest one, so that the text is no longer UTF-8 and cannot be another right one.
std::vector<std::uint8_t> flipped(std::span<const std::uint8_t> payload, Format format, Random& random);

// Something that no device sends.
std::vector<std::uint8_t> foreign_payload(Random& random);

}  // namespace stethos::firmware_sim
