#include "firmware_sim/fleet.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "common/log.h"

namespace stethos::firmware_sim {
namespace {

// So many messages are made between two looks at the link.
constexpr int messages_per_step_max = 64;
constexpr DurationNs wait_ns_max = 200 * ns_per_ms;

std::string clock_text(DurationNs time) {
  const std::int64_t s = time / ns_per_s;
  char text[32];
  std::snprintf(text, sizeof text, "%02lld:%02lld:%02lld", static_cast<long long>(s / 3600), static_cast<long long>(s / 60 % 60),
                static_cast<long long>(s % 60));
  return text;
}

DurationNs floor_to_ms(DurationNs time) {
  const DurationNs rest = time % ns_per_ms;
  return time - (rest < 0 ? rest + ns_per_ms : rest);
}

}  // namespace

DurationNs stamp_shift(TimeNs now, TimeNs base, DurationNs length, double speed) {
  const double wall_ns = speed > 0 ? static_cast<double>(length) / speed : 0;
  const DurationNs ahead_ns = std::min<DurationNs>(0, std::llround(wall_ns) - length);
  return floor_to_ms(now + ahead_ns - base);
}

Fleet::Fleet(std::vector<std::unique_ptr<Device>> devices, Link& link, Ledger& ledger, const Clock& clock,
             const FleetOptions& options)
    : devices_(std::move(devices)), link_(link), ledger_(ledger), clock_(clock), options_(options) {
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    if (!devices_[i]->acknowledgement_topic().empty()) by_acknowledgement_topic_.emplace(devices_[i]->acknowledgement_topic(), i);
    length_ns_ = std::max(length_ns_, devices_[i]->spec().length_ns);
  }
}

Status Fleet::prepare(std::size_t index) {
  const auto more = devices_[index]->prepare();
  if (!more) return std::unexpected(more.error());
  if (*more) ready_.emplace(devices_[index]->ready_ns(), index);
  return {};
}

Status Fleet::produce(DurationNs now) {
  blocked_ = false;
  for (int count = 0; count < messages_per_step_max && !ready_.empty(); ++count) {
    const auto [ready_ns, index] = ready_.top();
    if (options_.speed > 0 && static_cast<double>(now - start_) * options_.speed < static_cast<double>(ready_ns)) return {};
    Device& device = *devices_[index];
    if (!device.has_room() && options_.wait_when_full) {
      blocked_ = true;
      return {};
    }
    ready_.pop();
    device.hold();
    fleet_ns_ = std::max(fleet_ns_, ready_ns);
    if (auto prepared = prepare(index); !prepared) return prepared;
  }
  return {};
}

void Fleet::receive(DurationNs now) {
  for (const LinkEvent& event : link_.poll(now)) {
    switch (event.kind) {
      case LinkEvent::Kind::connected:
        if (!started_) {
          started_ = true;
          start_ = now;
        }
        break;
      case LinkEvent::Kind::disconnected:
        for (auto& device : devices_) device->connection_lost(now);
        break;
      case LinkEvent::Kind::delivered:
        if (event.tag.device != PublicationTag::nobody) devices_[event.tag.device]->delivered(event.tag.sequence);
        break;
      case LinkEvent::Kind::not_delivered:
        if (event.tag.device != PublicationTag::nobody) devices_[event.tag.device]->not_delivered(event.tag.sequence, now);
        break;
      case LinkEvent::Kind::message:
        if (const auto found = by_acknowledgement_topic_.find(event.topic); found != by_acknowledgement_topic_.end()) {
          devices_[found->second]->acknowledged(event.payload);
        }
        break;
    }
  }
}

void Fleet::send(DurationNs now) {
  // Devices take turns, each beginning where the last round ended.
  std::size_t idle = 0;
  for (std::size_t i = send_first_; idle < devices_.size() && link_.room() >= publications_per_turn_max;
       i = (i + 1) % devices_.size()) {
    send_first_ = (i + 1) % devices_.size();
    Device& device = *devices_[i];
    const auto turn = device.take_turn(now);
    if (!turn) {
      ++idle;
      continue;
    }
    idle = 0;
    for (const Publication& publication : turn->publications) {
      const PublicationTag tag = publication.tracked ? PublicationTag{i, turn->sequence} : PublicationTag{};
      if (link_.publish(device.topic(), publication.payload, tag)) continue;
      device.not_published(turn->sequence, now);
      break;
    }
  }
}

void Fleet::stop() {
  stopped_ = !ready_.empty();
  ready_ = {};
  for (auto& device : devices_) device->stop();
}

bool Fleet::all_done() const {
  return ready_.empty() && std::ranges::all_of(devices_, [](const auto& device) { return device->done(); });
}

Status Fleet::each_second(DurationNs now) {
  next_second_ = now + ns_per_s;
  std::uint64_t messages = 0, acknowledged = 0, given_up = 0, resent = 0;
  for (const auto& device : devices_) {
    const DeviceTotals totals = device->totals();
    messages += totals.messages;
    acknowledged += totals.acknowledged;
    given_up += totals.given_up;
    resent += totals.resent;
  }
  // Time in which the next message is not ready yet is not waiting.
  const bool waits = !started_ || blocked_ || ready_.empty();
  if (!waits || acknowledged + given_up != settled_) progress_at_ = now;
  settled_ = acknowledged + given_up;
  if (options_.show_progress) {
    std::fprintf(stderr, "stethos-sim: fleet time %s of %s, %llu messages, %llu acknowledged, %llu sent again%s\n",
                 clock_text(fleet_ns_).c_str(), clock_text(length_ns_).c_str(), static_cast<unsigned long long>(messages),
                 static_cast<unsigned long long>(acknowledged), static_cast<unsigned long long>(resent),
                 given_up > 0 ? (", " + std::to_string(given_up) + " given up").c_str() : "");
  }
  return ledger_.flush();
}

DurationNs Fleet::next_wake(DurationNs now) const {
  DurationNs wake = std::min(now + wait_ns_max, next_second_);
  if (started_ && !blocked_ && !ready_.empty()) {
    const DurationNs ready_at =
        options_.speed > 0 ? start_ + static_cast<DurationNs>(std::ceil(static_cast<double>(ready_.top().first) / options_.speed))
                           : now;
    wake = std::min(wake, ready_at);
  }
  if (link_.room() >= publications_per_turn_max) {
    for (const auto& device : devices_) wake = std::min(wake, device->quiet_until());
  }
  return wake;
}

FleetOutcome Fleet::conclude(FleetEnd end) {
  FleetOutcome outcome{end, stopped_, {}};
  for (const auto& device : devices_) outcome.devices.push_back(device->totals());
  const auto given_up = [](const DeviceTotals& totals) { return totals.given_up > 0; };
  if (end == FleetEnd::finished && std::ranges::any_of(outcome.devices, given_up)) outcome.end = FleetEnd::messages_given_up;
  ledger_.totals(outcome.devices, outcome.end == FleetEnd::finished && !stopped_);
  return outcome;
}

Result<FleetOutcome> Fleet::run(const std::function<bool()>& stop_requested) {
  Status status;
  for (std::size_t i = 0; i < devices_.size() && status; ++i) status = prepare(i);
  FleetEnd end = FleetEnd::finished;
  progress_at_ = clock_.monotonic();
  next_second_ = progress_at_ + ns_per_s;
  bool stopping = false;
  while (status) {
    const DurationNs now = clock_.monotonic();
    receive(now);
    if (!stopping && stop_requested()) {
      stopping = true;
      stopped_at_ = now;
      stop();
    }
    if (started_) status = produce(now);
    send(now);
    if (status && now >= next_second_) status = each_second(now);
    if (!status || all_done()) break;
    if (now - progress_at_ > options_.deadline || (stopping && now - stopped_at_ > options_.deadline)) {
      end = FleetEnd::deadline_passed;
      break;
    }
    if (const DurationNs wake = next_wake(now); wake > now) link_.wait(wake - now);
  }
  FleetOutcome outcome = conclude(end);
  if (const Status flushed = ledger_.flush(); status) status = flushed;
  if (!status) return std::unexpected(status.error());
  return outcome;
}

}  // namespace stethos::firmware_sim
