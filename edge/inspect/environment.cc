#include "edge/inspect/environment.h"

#include <iomanip>
#include <iterator>
#include <ostream>

#include "common/time_text.h"
#include "edge/inspect/broker_findings.h"
#include "edge/inspect/disk_findings.h"

namespace stethos::edge {
namespace {

constexpr int column_width = 8;

const char* text_of(Severity severity) {
  switch (severity) {
    case Severity::ok:
      return "ok";
    case Severity::warning:
      return "warning";
    case Severity::problem:
      return "problem";
  }
  return "";
}

}  // namespace

Findings look_at_clock(const EdgeConfig& config, const Clock& clock) {
  const TimeNs now = clock.now();
  const std::string shows = "it is " + format_time(now);
  if (now < config.time_earliest) {
    return {{Severity::problem, "clock", shows + ", which is before time.earliest: it was not set",
             "keep it in step with a time server (chrony, systemd-timesyncd), or give it a battery"}};
  }
  if (clock.synchronised()) return {{Severity::ok, "clock", shows + ", in step with a time server", {}}};
  if (config.time_clock == ClockRule::trusted) {
    return {{Severity::ok, "clock", shows + ", which time.clock = \"trusted\" says is right; nothing keeps it in step", {}}};
  }
  return {{Severity::warning, "clock",
           shows + ", and the system does not say that anything keeps it in step: until that or a collector on another machine "
                   "does, stamps are not judged and messages without a time of their own are held",
           "keep it in step with a time server (chrony, systemd-timesyncd), or set time.clock = \"trusted\" where it is right"}};
}

void write_findings(const Findings& findings, std::ostream& out) {
  for (const Finding& each : findings) {
    out << std::left << std::setw(column_width) << text_of(each.severity) << ' ' << std::setw(column_width) << each.subject << ' '
        << each.what << '\n';
    if (!each.cure.empty()) out << std::setw(2 * column_width + 2) << "" << "cure: " << each.cure << '\n';
  }
}

Exit check_environment(const EdgeConfig& config, std::ostream& out) {
  Findings findings = look_at_broker(config);
  std::ranges::move(look_at_clock(config, system_clock()), std::back_inserter(findings));
  std::ranges::move(look_at_disk(config), std::back_inserter(findings));
  write_findings(findings, out);
  return has_problem(findings) ? Exit::environment : Exit::ok;
}

}  // namespace stethos::edge
