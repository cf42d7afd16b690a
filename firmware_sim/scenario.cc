#include "firmware_sim/scenario.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <string_view>
#include <utility>

#include "common/time_text.h"
#include "schemas/names.h"

namespace stethos::firmware_sim {
namespace {

constexpr std::array<std::pair<FaultKind, std::string_view>, 5> fault_names{{{FaultKind::none, "none"},
                                                                             {FaultKind::outer_race, "outer_race"},
                                                                             {FaultKind::inner_race, "inner_race"},
                                                                             {FaultKind::imbalance, "imbalance"},
                                                                             {FaultKind::overheating, "overheating"}}};
constexpr std::array<std::string_view, 3> channel_names{"vibration", "speed", "temperature"};
constexpr std::size_t machines_max = 10'000;

bool has(const MachineConfig& machine, std::string_view channel) { return std::ranges::count(machine.channels, channel) > 0; }

std::vector<settings::Problem> check_machine(const MachineConfig& machine) {
  std::vector<settings::Problem> problems;
  const auto refuse = [&](std::string key, std::string message) {
    problems.push_back({"", 0, std::move(key), std::move(message)});
  };
  if (machine.speed_schedule.empty() || speed_points(machine).empty()) {
    refuse("speed.schedule", "each line is a time and revolutions per minute, as in \"90s 1500\", and the times ascend");
  }
  if (machine.channels.empty()) refuse("channels", "at least one of vibration, speed and temperature");
  const bool vibrates = has(machine, "vibration");
  if (vibrates && machine.format == Format::json) refuse("format", "json carries readings: vibration needs stethos");
  if (machine.format == Format::json && machine.period % ns_per_ms != 0) refuse("period", "json stamps are whole milliseconds");
  if (vibrates &&
      static_cast<double>(machine.block_samples) / machine.sampling_rate_hz * 1e9 > static_cast<double>(machine.period)) {
    refuse("period", "shorter than a block");
  }
  if (2 * machine.resonance_hz >= machine.sampling_rate_hz) refuse("vibration.resonance_hz", "not below half the sampling rate");
  // The highest line: the upper sideband of the mesh or of twice the mesh.
  const Gear& gear = machine.gear;
  const int gear_order = gear.mesh_2_g > 0 ? 2 * gear.teeth + 1 : gear.mesh_1_g > 0 ? gear.teeth + 1 : 0;
  double rpm_max = 0;
  for (const SpeedPoint& point : speed_points(machine)) rpm_max = std::max(rpm_max, point.rpm);
  if (2 * gear_order * rpm_max / 60 >= machine.sampling_rate_hz) {
    refuse("gear.teeth", "the mesh is not below half the sampling rate");
  }
  if (machine.bearing.element_diameter_mm >= machine.bearing.pitch_diameter_mm) {
    refuse("bearing.element_diameter_mm", "not below the pitch diameter");
  }
  return problems;
}

settings::Table<MachineConfig> machine_table() {
  using M = MachineConfig;
  const auto name_check = [](std::string_view text) {
    return text.empty() || schema::is_name(text) ? "" : "must be printable ASCII without spaces, quotes, '/', '+', '#' and '\\'";
  };
  const auto channel_check = [](std::string_view text) {
    return std::ranges::count(channel_names, text) > 0 ? "" : "must be vibration, speed or temperature";
  };
  settings::Table<M> table("machine", "A rotating machine with its sensors and the device that publishes them.");
  table.text("name", &M::name, settings::required, {.bytes_min = 1, .bytes_max = 100, .check = name_check},
             "What the machine is called.");
  table.text("device", &M::device, "", {.bytes_min = 0, .bytes_max = 100, .check = name_check},
             "The device's id; empty: the machine's name.");
  table.integer("count", &M::count, 1, {1, static_cast<std::int64_t>(machines_max)},
                "How many machines like this there are; with more than one, names and devices end in a number.");
  table.choice("format", &M::format, "stethos", {{"stethos", Format::stethos}, {"json", Format::json}},
               "What the device publishes: our own batches, or thin JSON readings.");
  table.texts("channels", &M::channels, std::vector<std::string>{"vibration", "speed", "temperature"},
              {.count_min = 1, .count_max = channel_names.size(), .check = channel_check},
              "Which of vibration (blocks, in g), speed (rpm) and temperature (degC) the device has.");
  table.duration("period", &M::period, "10s", {"1ms", "1d"}, "The time from one message to the next.");
  table.boolean("staggered", &M::staggered, true, "Whether the machines of this entry are spread over the period.");
  table.number("block.sampling_rate_hz", &M::sampling_rate_hz, 25'600, {100, 1e6, "Hz"}, "The sampling rate of vibration.");
  table.integer("block.samples", &M::block_samples, 2560, {1, 1'000'000, "samples"}, "The length of a vibration block.");
  table.number("speed.rated_rpm", &M::rated_rpm, 1500, {1, 200'000, "rpm"},
               "The speed at which the amplitudes and the load heat hold.");
  table.texts(
      "speed.schedule", &M::speed_schedule, std::vector<std::string>{"0s 1500"}, {.count_min = 1, .count_max = 1000},
      "Lines of a time since the start and the speed in rpm then, as in \"90s 1500\"; straight between, constant outside.");
  table.number("vibration.harmonic_1_g", &M::harmonic_1_g, 0.10, {0, 1000, "g"}, "The amplitude at the shaft's speed.");
  table.number("vibration.harmonic_2_g", &M::harmonic_2_g, 0.04, {0, 1000, "g"}, "The amplitude at twice the shaft's speed.");
  table.number("vibration.harmonic_3_g", &M::harmonic_3_g, 0.02, {0, 1000, "g"},
               "The amplitude at three times the shaft's speed.");
  table.number("vibration.noise_g", &M::noise_g, 0.05, {0, 1000, "g"}, "The standard deviation of the noise.");
  table.number("vibration.resonance_hz", &M::resonance_hz, 3500, {1, 500'000, "Hz"},
               "At which the housing rings after an impulse.");
  table.duration("vibration.ring_time", &M::ring_time, "1ms", {"10us", "1s"}, "The time in which the ringing falls to 1/e.");
  table.integer(
      "gear.teeth", [](M& m) -> int& { return m.gear.teeth; }, 23, {1, 1000}, "The number of teeth of a gear on the shaft.");
  table.number(
      "gear.mesh_1_g", [](M& m) -> double& { return m.gear.mesh_1_g; }, 0, {0, 1000, "g"},
      "The amplitude at the gear mesh: the number of teeth times the shaft's speed.");
  table.number(
      "gear.mesh_2_g", [](M& m) -> double& { return m.gear.mesh_2_g; }, 0, {0, 1000, "g"},
      "The amplitude at twice the gear mesh.");
  table.number(
      "gear.modulation", [](M& m) -> double& { return m.gear.modulation; }, 0, {0, 1},
      "By what share both swing once a turn of the shaft; each of the two sidebands has half that share of its line.");
  table.integer(
      "bearing.elements", [](M& m) -> int& { return m.bearing.elements; }, 9, {3, 1000},
      "The number of rolling elements. The defaults are those of a 6205 bearing.");
  table.number(
      "bearing.element_diameter_mm", [](M& m) -> double& { return m.bearing.element_diameter_mm; }, 7.94, {0.1, 1000, "mm"},
      "The diameter of a rolling element.");
  table.number(
      "bearing.pitch_diameter_mm", [](M& m) -> double& { return m.bearing.pitch_diameter_mm; }, 39.04, {0.2, 10'000, "mm"},
      "The diameter of the circle through the elements' centres.");
  table.number(
      "bearing.contact_angle_deg", [](M& m) -> double& { return m.bearing.contact_angle_deg; }, 0, {0, 89, "degrees"},
      "The angle of contact.");
  table.number(
      "bearing.slip", [](M& m) -> double& { return m.bearing.slip; }, 0, {0, 0.1},
      "By what share the cage is slower than rolling makes it; 0.01 to 0.02 is common.");
  table.number(
      "bearing.jitter", [](M& m) -> double& { return m.bearing.jitter; }, 0, {0, 0.1},
      "The standard deviation of the spacing from impulse to impulse, as a share of that spacing.");
  table.number(
      "bearing.load_zone_depth", [](M& m) -> double& { return m.bearing.load_zone_depth; }, 0.8, {0, 4},
      "By what share impulses of the inner race are lower opposite the load. Above 1 a part of the turn has none.");
  table.number("temperature.ambient_degc", &M::ambient_degc, 22, {-100, 1000, "degC"}, "The temperature around the machine.");
  table.number("temperature.load_heat_k", &M::load_heat_k, 28, {0, 1000, "K"},
               "By how much running at rated speed warms in the end.");
  table.duration("temperature.time_constant", &M::time_constant, "5m", {"1s", "7d"}, "The thermal inertia.");
  table.number("temperature.noise_k", &M::temperature_noise_k, 0.05, {0, 100, "K"}, "The standard deviation of the noise.");
  std::vector<settings::Named<FaultKind>> faults;
  faults.reserve(fault_names.size());
  for (const auto& [kind, name] : fault_names) faults.push_back({std::string(name), kind});
  table.choice("fault.kind", &M::fault_kind, "none", std::move(faults), "What goes wrong with the machine.");
  table.duration("fault.start", &M::fault_start, "0s", {"0s", "3650d"}, "When it begins, since the start.");
  table.number("fault.growth_per_hour", &M::fault_growth_per_hour, 10, {0, 1e6, "g or K an hour"},
               "How fast it grows: the height of an impulse or of the first harmonic in g, or the added heat in K.");
  table.number("fault.max", &M::fault_max, 10, {0, 1e6, "g or K"}, "Where it stops growing.");
  table.choice("sensor.fault", &M::sensor_fault, "none",
               {{"none", SensorFaultKind::none},
                {"stuck", SensorFaultKind::stuck},
                {"clipped", SensorFaultKind::clipped},
                {"drifting", SensorFaultKind::drifting}},
               "What goes wrong with the vibration sensor, whatever the machine does.");
  table.duration("sensor.fault_start", &M::sensor_fault_start, "0s", {"0s", "3650d"}, "When it begins, since the start.");
  table.duration("sensor.fault_duration", &M::sensor_fault_duration, "0s", {"0s", "3650d"}, "How long it lasts; 0s: for ever.");
  table.number("sensor.full_scale_g", &M::sensor_full_scale_g, 50, {0.001, 10'000, "g"},
               "What a clipped sensor shows at most, both ways.");
  table.number("sensor.drift_g", &M::sensor_drift_g, 1, {0, 10'000, "g"}, "The root mean square of what a drifting sensor adds.");
  table.check(check_machine);
  return table;
}

}  // namespace

std::string_view name_of(FaultKind kind) {
  for (const auto& [each, name] : fault_names) {
    if (each == kind) return name;
  }
  STETHOS_CHECK(false, "a fault without a name");
}

std::string numbered(const std::string& name, int index, int count) {
  if (count == 1) return name;
  const std::size_t digits = std::to_string(count).size();
  const std::string number = std::to_string(index + 1);
  return name + "-" + std::string(digits - number.size(), '0') + number;
}

std::vector<SpeedPoint> speed_points(const MachineConfig& machine) {
  std::vector<SpeedPoint> points;
  for (const std::string& line : machine.speed_schedule) {
    const std::size_t space = line.find(' ');
    if (space == std::string::npos) return {};
    const auto time = parse_duration(std::string_view(line).substr(0, space));
    double rpm = 0;
    const char* const end = line.data() + line.size();
    const auto [read_to, error] = std::from_chars(line.data() + space + 1, end, rpm);
    if (!time || *time < 0 || error != std::errc{} || read_to != end || !std::isfinite(rpm) || rpm < 0) return {};
    const double time_s = static_cast<double>(*time) / 1e9;
    if (!points.empty() && time_s <= points.back().time_s) return {};
    points.push_back({time_s, rpm});
  }
  return points;
}

settings::Table<ScenarioConfig> scenario_table() {
  using S = ScenarioConfig;
  settings::Table<S> table(
      "stethos-sim scenario",
      "A scenario file tells `stethos-sim --scenario FILE` which machines to simulate. Times in it count from the "
      "start of the simulation. What the simulator does with them is described in [simulator.md](../simulator.md).");
  table.time("start", &S::start, "2026-01-01", {"1971-01-01", "2200-01-01"}, "The stamp of the start, with `--time original`.");
  table.duration("duration", &S::duration, settings::required, {"1ms", "3650d"}, "How much time is simulated.");
  table.integer("seed", &S::seed, 1, {0, 0x7fff'ffff'ffff'ffff}, "What chance is made of; `--seed` overrides it.");
  table.list("machine", &S::machines, machine_table(), {.count_min = 1, .count_max = 1000}, "The machines.");
  table.check([](const S& scenario) {
    std::vector<settings::Problem> problems;
    std::size_t count = 0;
    std::set<std::string> devices;
    for (std::size_t i = 0; i < scenario.machines.size(); ++i) {
      const MachineConfig& machine = scenario.machines[i];
      const std::string key = "machine[" + std::to_string(i) + "].";
      count += static_cast<std::size_t>(machine.count);
      if (count > machines_max) {
        problems.push_back({"", 0, key + "count", "more than " + std::to_string(machines_max) + " machines in all"});
        break;
      }
      for (int n = 0; n < machine.count; ++n) {
        const std::string device = numbered(machine.device.empty() ? machine.name : machine.device, n, machine.count);
        if (!devices.insert(device).second) {
          problems.push_back(
              {"", 0, key + (machine.device.empty() ? "name" : "device"), "another machine has the device " + device});
          break;
        }
      }
    }
    return problems;
  });
  return table;
}

}  // namespace stethos::firmware_sim
