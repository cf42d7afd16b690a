// A synthetic machine as a recording: what its sensors would have recorded. A record is what the device puts into one
// message: a block of `vibration`, and one reading each of `speed` and `temperature` at the block's start.
#pragma once

#include <cstdint>
#include <memory>

#include "firmware_sim/scenario.h"
#include "recordings/recording.h"

namespace stethos::firmware_sim {

struct SyntheticOptions {
  TimeNs start_ns = 0;
  DurationNs duration_ns = 0;  // no sample is taken at or after it
  DurationNs offset_ns = 0;    // of the first record
  std::uint64_t seed = 0;      // of this machine
};

// `machine` has passed the checks of its table.
std::unique_ptr<recordings::Recording> make_synthetic(const MachineConfig& machine, const SyntheticOptions& options);

}  // namespace stethos::firmware_sim
