// Runs a fleet of devices against a link, on one thread, until every message is acknowledged or it has waited too long.
//
// Messages are made strictly in the order of fleet time over all devices, so that the ledger does not depend on timing.
// Fleet time runs `speed` times as fast as the clock; with speed 0 a message is made as soon as its device has room.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "firmware_sim/device.h"
#include "firmware_sim/ledger.h"
#include "firmware_sim/link.h"

namespace stethos::firmware_sim {

struct FleetOptions {
  double speed = 0;
  bool wait_when_full = true;                // else a device with a full ring gives up its oldest message
  DurationNs deadline = 60 * ns_per_s;       // waiting without any acknowledgement; and from a stop to the end
  bool show_progress = true;                 // a line a second on standard error
};

enum class FleetEnd : std::uint8_t {
  finished,          // every message is acknowledged
  messages_given_up, // every message is acknowledged or given up
  deadline_passed,
};

struct FleetOutcome {
  FleetEnd end = FleetEnd::finished;
  bool stopped = false;  // before the end of what there was to publish
  std::vector<DeviceTotals> devices;
};

// What is added to the stamps of a device whose measurements span `length` from `base`, when they shall end as the run does:
// whole milliseconds, and never so that a message is stamped later than it is sent.
DurationNs stamp_shift(TimeNs now, TimeNs base, DurationNs length, double speed);

class Fleet {
 public:
  Fleet(std::vector<std::unique_ptr<Device>> devices, Link& link, Ledger& ledger, const Clock& clock,
        const FleetOptions& options);

  // Errors are those of the recordings and of the ledger. Totals are in the ledger then, as they are after success.
  Result<FleetOutcome> run(const std::function<bool()>& stop_requested);

 private:
  Status prepare(std::size_t index);
  Status produce(DurationNs now);
  void receive(DurationNs now);
  void send(DurationNs now);
  void stop();
  bool all_done() const;
  Status each_second(DurationNs now);
  DurationNs next_wake(DurationNs now) const;
  FleetOutcome conclude(FleetEnd end);

  std::vector<std::unique_ptr<Device>> devices_;
  Link& link_;
  Ledger& ledger_;
  const Clock& clock_;
  FleetOptions options_;
  std::map<std::string, std::size_t, std::less<>> by_acknowledgement_topic_;
  using Ready = std::pair<DurationNs, std::size_t>;  // fleet time, device
  std::priority_queue<Ready, std::vector<Ready>, std::greater<>> ready_;
  DurationNs length_ns_ = 0;
  DurationNs fleet_ns_ = 0;      // of the latest message
  bool started_ = false;         // fleet time runs, since the first connection
  bool blocked_ = false;         // the next message waits for room
  bool stopped_ = false;
  DurationNs start_ = 0;
  std::size_t send_first_ = 0;
  DurationNs next_second_ = 0;
  DurationNs progress_at_ = 0;
  DurationNs stopped_at_ = 0;
  std::uint64_t settled_ = 0;    // messages acknowledged or given up, a second ago
};

}  // namespace stethos::firmware_sim
