#include "firmware_sim/synthetic_machine.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace stethos::firmware_sim {
namespace {

double seconds(DurationNs duration) { return static_cast<double>(duration) / 1e9; }

Fault fault_of(const MachineConfig& machine) {
  return {machine.fault_kind, seconds(machine.fault_start), machine.fault_growth_per_hour, machine.fault_max};
}

VibrationOptions vibration_of(const MachineConfig& machine) {
  return {.sampling_rate_hz = machine.sampling_rate_hz,
          .rated_rpm = machine.rated_rpm,
          .harmonics_g = {machine.harmonic_1_g, machine.harmonic_2_g, machine.harmonic_3_g},
          .gear = machine.gear,
          .noise_g = machine.noise_g,
          .resonance_hz = machine.resonance_hz,
          .ring_time_s = seconds(machine.ring_time),
          .bearing = machine.bearing,
          .fault = fault_of(machine),
          .sensor = {machine.sensor_fault, seconds(machine.sensor_fault_start), seconds(machine.sensor_fault_duration),
                     machine.sensor_full_scale_g, machine.sensor_drift_g}};
}

TemperatureOptions temperature_of(const MachineConfig& machine) {
  return {.ambient_degc = machine.ambient_degc,
          .load_heat_k = machine.load_heat_k,
          .rated_rpm = machine.rated_rpm,
          .time_constant_s = seconds(machine.time_constant),
          .noise_k = machine.temperature_noise_k,
          .fault = fault_of(machine)};
}

class SyntheticMachine final : public recordings::Recording {
 public:
  SyntheticMachine(const MachineConfig& machine, const SyntheticOptions& options)
      : options_(options),
        period_ns_(machine.period),
        block_samples_(static_cast<std::size_t>(machine.block_samples)),
        interval_ns_(1e9 / machine.sampling_rate_hz),
        channels_(machine.channels),
        speed_(speed_points(machine)),
        vibration_(vibration_of(machine), speed_, options.seed),
        temperature_(temperature_of(machine), speed_, options.seed) {}

  Result<bool> next(recordings::Record& record) override {
    const DurationNs at_ns = options_.offset_ns + static_cast<DurationNs>(record_count_) * period_ns_;
    const bool vibrates = std::ranges::count(channels_, "vibration") > 0;
    const DurationNs last_ns = at_ns + (vibrates ? std::llround(static_cast<double>(block_samples_ - 1) * interval_ns_) : 0);
    if (last_ns >= options_.duration_ns) return false;
    const TimeNs stamp_ns = options_.start_ns + at_ns;
    const double at_s = seconds(at_ns);
    record.channels.clear();
    for (const std::string& name : channels_) {
      if (name == "vibration") {
        recordings::ChannelData block{name, "acceleration", "g", stamp_ns, interval_ns_, {}, std::vector<double>(block_samples_)};
        vibration_.fill(at_s, record_count_, block.samples);
        record.channels.push_back(std::move(block));
      } else if (name == "speed") {
        record.channels.push_back({name, "rotational_speed", "rpm", stamp_ns, 0, {stamp_ns}, {speed_.rpm(at_s)}});
      } else {
        record.channels.push_back({name, "temperature", "degC", stamp_ns, 0, {stamp_ns}, {temperature_.at(at_s, record_count_)}});
      }
    }
    ++record_count_;
    return true;
  }

 private:
  SyntheticOptions options_;
  DurationNs period_ns_;
  std::size_t block_samples_;
  double interval_ns_;
  std::vector<std::string> channels_;
  SpeedSchedule speed_;
  VibrationModel vibration_;
  TemperatureModel temperature_;
  std::uint64_t record_count_ = 0;
};

}  // namespace

std::unique_ptr<recordings::Recording> make_synthetic(const MachineConfig& machine, const SyntheticOptions& options) {
  return std::make_unique<SyntheticMachine>(machine, options);
}

}  // namespace stethos::firmware_sim
