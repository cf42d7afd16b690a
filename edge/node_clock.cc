#include "edge/node_clock.h"

#include <cmath>
#include <string>

#include "common/log.h"
#include "edge/core/limits.h"

namespace stethos::edge {

std::string_view name_of(ClockWitness witness) {
  switch (witness) {
    case ClockWitness::configuration:
      return "configuration";
    case ClockWitness::system:
      return "system";
    case ClockWitness::collector:
      return "collector";
  }
  return "";
}

NodeClock::NodeClock(const Clock& clock, bool is_trusted)
    : clock_(clock),
      is_trusted_(is_trusted || clock.synchronised()),
      begin_ns_(clock.now()),
      begin_monotonic_(clock.monotonic()) {}

// Of a clock that is trusted exactly what it shows: a replay makes its own, and must give the same rows each time.
TimeNs NodeClock::now() const { return is_trusted() ? clock_.now() : at(clock_.monotonic()); }

TimeNs NodeClock::at(DurationNs monotonic) const {
  const std::lock_guard lock(mutex_);
  if (!is_trusted_) return begin_ns_ + (monotonic - begin_monotonic_);
  return clock_.now() - (clock_.monotonic() - monotonic);
}

bool NodeClock::is_trusted() const {
  const std::lock_guard lock(mutex_);
  return is_trusted_;
}

void NodeClock::hear(const uplink::CollectorTime& time) {
  // The clock that this node reads itself says nothing about it, and of an unknown one it cannot be excluded that it is this.
  const std::uint64_t own = clock_.identity();
  if (time.time_ns == 0 || time.clock == 0 || own == 0 || time.clock == own) return;
  const std::lock_guard lock(mutex_);
  heard_ = time;
}

std::optional<NodeClock::Correction> NodeClock::look() {
  const std::lock_guard lock(mutex_);
  if (is_trusted_) return std::nullopt;
  Correction correction;
  if (clock_.synchronised()) {
    correction.witness = ClockWitness::system;
  } else if (agrees_with_collector()) {
    correction.witness = ClockWitness::collector;
  } else {
    return std::nullopt;
  }
  is_trusted_ = true;
  correction.by_ns = clock_.now() - (begin_ns_ + (clock_.monotonic() - begin_monotonic_));
  return correction;
}

// The collector read its clock some time between the two moments.
bool NodeClock::agrees_with_collector() {
  if (!heard_) return false;
  const DurationNs monotonic = clock_.monotonic();
  const TimeNs now = clock_.now();
  const TimeNs latest = heard_->time_ns + (monotonic - heard_->asked_monotonic);
  const TimeNs earliest = heard_->time_ns + (monotonic - heard_->answered_monotonic);
  const DurationNs ahead = now > latest ? now - latest : now < earliest ? now - earliest : 0;
  if (std::abs(ahead) <= clock_difference_max) return true;
  if (!warned_of_ || std::abs(*warned_of_ - ahead) > clock_difference_max) {
    spdlog::warn("the node's clock is {} s {} the collector's: neither can be taken for right", std::abs(ahead) / ns_per_s,
                 ahead > 0 ? "ahead of" : "behind");
    warned_of_ = ahead;
  }
  return false;
}

}  // namespace stethos::edge
