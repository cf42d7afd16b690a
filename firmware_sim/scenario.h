// A scenario file: a fleet of synthetic machines. Plain data; scenario.cc declares each key once, from which come the
// parser and docs/config/simulator.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/settings.h"
#include "firmware_sim/signal_model.h"

namespace stethos::firmware_sim {

enum class Format : std::uint8_t { stethos, json };

// [[machine]]
struct MachineConfig {
  std::string name;
  std::string device;      // empty: as name
  int count = 1;           // above 1: so many of them, their names and devices numbered "-1", "-2", ...
  Format format = Format::stethos;
  std::vector<std::string> channels;
  DurationNs period = 0;   // from one message to the next
  bool staggered = true;   // those of one entry are spread over the period

  double sampling_rate_hz = 0;
  std::int64_t block_samples = 0;

  double rated_rpm = 0;
  std::vector<std::string> speed_schedule;  // "time rpm"

  double harmonic_1_g = 0;
  double harmonic_2_g = 0;
  double harmonic_3_g = 0;
  double noise_g = 0;
  double resonance_hz = 0;
  DurationNs ring_time = 0;

  Gear gear;

  Bearing bearing;

  double ambient_degc = 0;
  double load_heat_k = 0;
  DurationNs time_constant = 0;
  double temperature_noise_k = 0;

  FaultKind fault_kind = FaultKind::none;
  DurationNs fault_start = 0;
  double fault_growth_per_hour = 0;
  double fault_max = 0;

  SensorFaultKind sensor_fault = SensorFaultKind::none;
  DurationNs sensor_fault_start = 0;
  DurationNs sensor_fault_duration = 0;
  double sensor_full_scale_g = 0;
  double sensor_drift_g = 0;
};

struct ScenarioConfig {
  TimeNs start = 0;
  DurationNs duration = 0;
  std::uint64_t seed = 0;
  std::vector<MachineConfig> machines;
};

settings::Table<ScenarioConfig> scenario_table();

// The points of a machine's schedule; empty where one of its lines cannot be read or their times do not ascend.
std::vector<SpeedPoint> speed_points(const MachineConfig& machine);

// The name of the index-th (from 0) of a machine's `count`.
std::string numbered(const std::string& name, int index, int count);

std::string_view name_of(FaultKind kind);

}  // namespace stethos::firmware_sim
