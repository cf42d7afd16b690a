#include "firmware_sim/fleet_plan.h"

#include <algorithm>
#include <set>
#include <utility>

#include "firmware_sim/fleet.h"
#include "firmware_sim/random.h"
#include "firmware_sim/scenario.h"
#include "firmware_sim/synthetic_machine.h"
#include "recordings/named_recording.h"
#include "schemas/names.h"

namespace stethos::firmware_sim {
namespace {

Status plan_scenario(const Options& options, FleetPlan& plan) {
  auto loaded = settings::load(scenario_table(), options.scenario);
  if (!loaded) {
    std::string text;
    for (const auto& problem : loaded.error()) text += (text.empty() ? "" : "\n") + problem.text();
    return fail(Code::invalid, "reading the scenario", std::move(text));
  }
  const ScenarioConfig& scenario = loaded->config;
  plan.seed = options.seed.value_or(scenario.seed);
  const DurationNs duration = options.duration > 0 ? options.duration : scenario.duration;
  for (const MachineConfig& machine : scenario.machines) {
    for (int i = 0; i < machine.count; ++i) {
      DeviceSpec spec;
      spec.machine = numbered(machine.name, i, machine.count);
      spec.name = numbered(machine.device.empty() ? machine.name : machine.device, i, machine.count);
      spec.format = machine.format;
      spec.base_ns = scenario.start;
      spec.length_ns = duration;
      spec.fault = machine.fault_kind;
      spec.fault_start_ns = machine.fault_start;
      // Whole milliseconds, for the stamps of JSON.
      const DurationNs offset = machine.staggered ? machine.period / machine.count * i / ns_per_ms * ns_per_ms : 0;
      spec.source = make_synthetic(machine, {.start_ns = scenario.start,
                                             .duration_ns = duration,
                                             .offset_ns = offset,
                                             .seed = seed_for(plan.seed, "machine", spec.name)});
      plan.devices.push_back(std::move(spec));
    }
  }
  return {};
}

Result<recordings::NamedRecording> open_recording(const Options& options, const std::string& text) {
  recordings::NamedOptions named;
  named.start_ns = options.start;
  named.block_samples = options.block_samples;
  named.channels = {options.channel};
  named.quantity = options.quantity;
  named.unit = options.unit;
  return recordings::open_named(text, named);
}

Status plan_recordings(const Options& options, FleetPlan& plan) {
  plan.seed = options.seed.value_or(1);
  for (const std::string& text : options.recordings) {
    // Once through, for where it begins and ends; mistakes in it are found before anything is published.
    auto first = open_recording(options, text);
    if (!first) return std::unexpected(first.error());
    const auto span = recordings::read_time_span(*first->recording);
    if (!span) return std::unexpected(span.error());
    auto opened = open_recording(options, text);
    if (!opened) return std::unexpected(opened.error());
    DeviceSpec spec;
    spec.name = spec.machine = std::move(opened->name);
    spec.source = std::move(opened->recording);
    spec.base_ns = span->first_ns;
    spec.length_ns = span->last_ns - span->first_ns;
    if (options.duration > 0) spec.length_ns = std::min(spec.length_ns, options.duration);
    plan.devices.push_back(std::move(spec));
  }
  return {};
}

}  // namespace

Result<FleetPlan> plan_fleet(const Options& options, TimeNs now) {
  FleetPlan plan;
  const Status planned = options.scenario.empty() ? plan_recordings(options, plan) : plan_scenario(options, plan);
  if (!planned) return std::unexpected(planned.error());
  std::set<std::string> names;
  for (DeviceSpec& spec : plan.devices) {
    spec.name = options.device_prefix + spec.name;
    if (!schema::is_name(spec.name)) {
      return fail(Code::invalid, "naming a device", "\"" + spec.name + "\" cannot stand in a topic, or is too long");
    }
    if (!names.insert(spec.name).second) return fail(Code::invalid, "naming a device", "two are called " + spec.name);
    if (options.format) spec.format = *options.format;
    if (spec.format == Format::json && options.device.misbehaviour.nan > 0) {
      return fail(Code::invalid, "publishing " + spec.name, "JSON has no NaN");
    }
    if (options.stamps == StampMode::now) spec.shift_ns = stamp_shift(now, spec.base_ns, spec.length_ns, options.fleet.speed);
  }
  return plan;
}

}  // namespace stethos::firmware_sim
