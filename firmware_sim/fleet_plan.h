// From the command line to the devices of a run: scenarios and recordings are read, names and stamps are set.
#pragma once

#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "firmware_sim/device.h"
#include "firmware_sim/options.h"

namespace stethos::firmware_sim {

struct FleetPlan {
  std::uint64_t seed = 1;
  std::vector<DeviceSpec> devices;  // their names differ
};

// `now` is where a run with moved stamps ends, if it took no time.
Result<FleetPlan> plan_fleet(const Options& options, TimeNs now);

}  // namespace stethos::firmware_sim
