// What the sensors of a rotating machine see: shaft harmonics, gear mesh, the ringing of bearing faults, imbalance, noise, and a
// temperature with inertia. Times are seconds since the start of the simulation.
//
// A fault of the machine and one of its vibration sensor may come together, so they are told apart.
//
// Vibration at a time depends on nothing but that time, the options and the seed: blocks may be asked for in any order, and
// one begins where the other ended, in phase. Pure and const, but for TemperatureModel, which is advanced.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stethos::firmware_sim {

struct SpeedPoint {
  double time_s = 0;
  double rpm = 0;
};

// Straight lines between points, constant before the first and after the last.
class SpeedSchedule {
 public:
  // At least one point; times ascend, speeds are not negative.
  explicit SpeedSchedule(std::vector<SpeedPoint> points);

  double rpm(double time_s) const;
  double revolutions(double time_s) const;  // turned since time 0

 private:
  std::size_t segment_at(double time_s) const;
  double integral(std::size_t segment, double time_s) const;

  std::vector<SpeedPoint> points_;  // the first one at time 0 or before
  std::vector<double> turned_;      // revolutions at each point since the first
  double turned_at_zero_ = 0;
};

struct Bearing {
  int elements = 0;
  double element_diameter_mm = 0;
  double pitch_diameter_mm = 0;
  double contact_angle_deg = 0;
  double slip = 0;               // by what share the cage is slower than rolling makes it
  double jitter = 0;             // standard deviation of the spacing of impulses, as a share of it
  double load_zone_depth = 0.8;  // by what share impulses of the inner race are lower opposite the load

  // How many elements pass a spot of the outer, of the inner race in one turn of the shaft, the outer race standing still.
  // A slower cage passes the outer one less often and the inner one more often: the sum is the number of elements.
  double outer_race_order() const;
  double inner_race_order() const;
};

enum class FaultKind : std::uint8_t { none, outer_race, inner_race, imbalance, overheating };

// `severity` is in g for the first three kinds (of an impulse, of the first harmonic) and in kelvin for overheating.
struct Fault {
  FaultKind kind = FaultKind::none;
  double start_s = 0;
  double growth_per_hour = 0;
  double severity_max = 0;

  double severity(double time_s) const;  // 0 before the start
};

// A gear on the shaft. Both amplitudes 0: there is none.
struct Gear {
  int teeth = 0;
  double mesh_1_g = 0;     // the amplitude at teeth * the shaft's speed
  double mesh_2_g = 0;     // at twice that
  double modulation = 0;   // by what share the amplitudes swing once a turn, as those of a gear that is off its centre do
};

enum class SensorFaultKind : std::uint8_t { none, stuck, clipped, drifting };

// What the sensor makes of the vibration that is there. Stuck, it repeats one value; clipped, it shows no more than its full
// scale; drifting (or an integrator behind it), it adds a slow wandering, the ski slope of its spectrum.
struct SensorFault {
  SensorFaultKind kind = SensorFaultKind::none;
  double start_s = 0;
  double duration_s = 0;     // 0: for ever
  double full_scale_g = 0;   // of a clipped sensor, both ways
  double drift_g = 0;        // root mean square of the wandering

  bool is_at(double time_s) const;
};

struct VibrationOptions {
  double sampling_rate_hz = 0;
  double rated_rpm = 0;              // amplitudes below hold there and go with the square of the speed
  std::vector<double> harmonics_g;   // of 1, 2, 3, ... times the shaft's speed
  Gear gear;
  double noise_g = 0;                // standard deviation, at any speed
  double resonance_hz = 0;           // at which an impulse makes the housing ring
  double ring_time_s = 0;            // in which the ringing falls to 1/e
  Bearing bearing;
  Fault fault;
  SensorFault sensor;
};

class VibrationModel {
 public:
  VibrationModel(VibrationOptions options, SpeedSchedule speed, std::uint64_t seed);

  // Acceleration in g at start_s, start_s + 1 / sampling rate, ... `block` is the number of the block: its noise.
  void fill(double start_s, std::uint64_t block, std::span<double> out) const;

 private:
  void fill_without_sensor(double start_s, std::uint64_t block, std::span<double> out) const;
  void add_shaft(double start_s, std::span<double> out) const;
  void add_gear(double start_s, std::span<double> out) const;
  void add_impulses(double start_s, std::span<double> out) const;
  double impulse_at(std::int64_t number) const;
  void add_noise(std::uint64_t block, std::span<double> out) const;
  void spoil_by_sensor(double start_s, std::span<double> out) const;
  double speed_factor(double time_s) const;

  VibrationOptions options_;
  SpeedSchedule speed_;
  std::uint64_t seed_;
  std::vector<double> phases_;   // of the harmonics
  double impulse_phase_ = 0;     // where in its round the fault stands at time 0
  std::array<double, 3> gear_phases_{};   // of the mesh, its second harmonic, the modulation
  double stuck_g_ = 0;           // what the sensor shows when it is stuck
};

struct TemperatureOptions {
  double ambient_degc = 0;
  double load_heat_k = 0;        // by how much running at rated speed warms in the end
  double rated_rpm = 0;
  double time_constant_s = 0;
  double noise_k = 0;
  Fault fault;
};

// First-order inertia: the temperature goes to ambient + load heat * speed + what a fault adds, with the time constant.
// It starts as if the speed at time 0 had been held for long.
class TemperatureModel {
 public:
  TemperatureModel(const TemperatureOptions& options, SpeedSchedule speed, std::uint64_t seed);

  // What the sensor shows. `reading` is the number of the reading: its noise. Times do not go back.
  double at(double time_s, std::uint64_t reading);

 private:
  double target(double time_s) const;

  TemperatureOptions options_;
  SpeedSchedule speed_;
  std::uint64_t seed_;
  double time_s_ = 0;
  double degc_ = 0;
};

}  // namespace stethos::firmware_sim
