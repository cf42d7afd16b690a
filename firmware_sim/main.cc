// stethos-sim: a fleet of devices for tests and demonstrations.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "common/identity.h"
#include "common/log.h"
#include "common/signals.h"
#include "firmware_sim/exit_codes.h"
#include "firmware_sim/fleet.h"
#include "firmware_sim/fleet_plan.h"
#include "firmware_sim/json_text.h"
#include "firmware_sim/ledger.h"
#include "firmware_sim/mqtt_link.h"
#include "firmware_sim/options.h"

namespace stethos::firmware_sim {
namespace {

int complain(const Error& error, int exit_code) {
  std::fprintf(stderr, "stethos-sim: %s\n", error.text().c_str());
  return exit_code;
}

LedgerHeader header_of(const FleetPlan& plan, std::uint64_t epoch, std::vector<std::string> arguments) {
  LedgerHeader header{plan.seed, epoch, std::move(arguments), {}};
  for (const DeviceSpec& spec : plan.devices) {
    const TimeNs first_ns = spec.base_ns + spec.shift_ns;
    header.devices.push_back(
        {spec.name, spec.machine, spec.format, spec.shift_ns, first_ns, spec.fault, first_ns + spec.fault_start_ns});
  }
  return header;
}

std::string summary_of(const FleetOutcome& outcome, DurationNs took) {
  DeviceTotals sum;
  for (const DeviceTotals& each : outcome.devices) {
    sum.messages += each.messages;
    sum.samples += each.samples;
    sum.acknowledged += each.acknowledged;
    sum.given_up += each.given_up;
    sum.resent += each.resent;
    sum.duplicates += each.duplicates;
    sum.foreign += each.foreign;
  }
  std::string out = "{";
  const auto add = [&](std::string_view key, auto value) {
    if (out.size() > 1) out += ',';
    append_json(out, key);
    out += ':';
    append_json(out, value);
  };
  add("devices", static_cast<std::uint64_t>(outcome.devices.size()));
  add("messages", sum.messages);
  add("samples", sum.samples);
  add("acknowledged", sum.acknowledged);
  add("given_up", sum.given_up);
  add("resent", sum.resent);
  add("duplicates", sum.duplicates);
  add("foreign", sum.foreign);
  add("seconds", std::round(static_cast<double>(took) / 1e6) / 1e3);
  out += std::string(",\"stopped\":") + (outcome.stopped ? "true" : "false");
  out += std::string(",\"finished\":") + (outcome.end == FleetEnd::finished && !outcome.stopped ? "true" : "false");
  return out + "}";
}

int run(Options options, std::vector<std::string> arguments) {
  const Clock& clock = system_clock();
  const TimeNs start = clock.now();
  const DurationNs started_at = clock.monotonic();
  auto plan = plan_fleet(options, start);
  if (!plan) return complain(plan.error(), exit_usage);
  auto ledger = Ledger::create(options.ledger);
  if (!ledger) return complain(ledger.error(), exit_usage);
  options.device.seed = plan->seed;
  options.device.epoch = options.epoch != 0 ? options.epoch : static_cast<std::uint64_t>(start / ns_per_ms);
  ledger->header(header_of(*plan, options.device.epoch, std::move(arguments)));

  MqttLinkOptions link_options;
  link_options.host = options.broker_host;
  link_options.port = options.broker_port;
  link_options.client_id = "stethos-sim-" + random_identity().substr(0, 10);
  link_options.qos = options.qos;
  link_options.in_flight_max = options.broker_in_flight_max;
  std::vector<std::unique_ptr<Device>> devices;
  for (DeviceSpec& spec : plan->devices) {
    devices.push_back(std::make_unique<Device>(std::move(spec), options.device, *ledger));
    if (!devices.back()->acknowledgement_topic().empty()) link_options.topics.push_back(devices.back()->acknowledgement_topic());
  }
  const auto link = make_mqtt_link(link_options, clock);
  Fleet fleet(std::move(devices), *link, *ledger, clock, options.fleet);
  const auto outcome = fleet.run(stop_requested);
  if (!outcome) return complain(outcome.error(), exit_failed);
  std::printf("%s\n", summary_of(*outcome, clock.monotonic() - started_at).c_str());
  switch (outcome->end) {
    case FleetEnd::finished:
      return exit_finished;
    case FleetEnd::messages_given_up:
      std::fprintf(stderr, "stethos-sim: devices gave up messages that nobody acknowledged\n");
      return exit_messages_given_up;
    case FleetEnd::deadline_passed:
      std::fprintf(stderr, "stethos-sim: the deadline has passed, and not every message is acknowledged: see the summary\n");
      return exit_deadline;
  }
  return exit_failed;
}

}  // namespace
}  // namespace stethos::firmware_sim

int main(int argument_count, char** arguments) {
  using namespace stethos::firmware_sim;
  auto parsed = parse_options(argument_count, arguments);
  if (!parsed.options) return parsed.exit_code;
  stethos::start_logging("stethos-sim", parsed.options->log_level);
  stethos::catch_stop_signals();
  return run(*std::move(parsed.options), std::vector<std::string>(arguments + 1, arguments + argument_count));
}
