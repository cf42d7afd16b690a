// The command line of stethos-sim.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "firmware_sim/device.h"
#include "firmware_sim/fleet.h"

namespace stethos::firmware_sim {

enum class StampMode : std::uint8_t { now, original };

struct Options {
  std::string scenario;                 // one of the two
  std::vector<std::string> recordings;  // "KIND:PATH"

  std::string broker_host;
  int broker_port = 0;
  int qos = 1;
  std::size_t broker_in_flight_max = 200;

  std::optional<std::uint64_t> seed;
  std::uint64_t epoch = 0;              // 0: the time of start in ms
  StampMode stamps = StampMode::now;
  TimeNs start = 0;                     // of recordings without a date
  DurationNs duration = 0;              // 0: all of it
  std::optional<Format> format;         // of every device
  std::string device_prefix;
  std::size_t block_samples = 2560;     // cwru
  std::string channel;                  // nab
  std::string quantity;
  std::string unit;

  std::string ledger;
  FleetOptions fleet;
  DeviceOptions device;                 // without epoch and seed
  std::string log_level;
};

struct ParsedOptions {
  std::optional<Options> options;  // none: the program ends with exit_code
  int exit_code = 0;
};

// Prints help and mistakes itself.
ParsedOptions parse_options(int argument_count, char** arguments);

}  // namespace stethos::firmware_sim
