#include "edge/pipeline.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdlib>
#include <iterator>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>

#include "common/fault_point.h"
#include "common/log.h"
#include "edge/core/limits.h"
#include "edge/ingest/message_queue.h"
#include "edge/ingest/topic_filter.h"
#include "edge/spool/row_json.h"
#include "schemas/envelope.h"

namespace stethos::edge {
namespace {

constexpr std::uint64_t disk_free_bytes_more = 16u << 20;
constexpr std::uint64_t held_overhead_bytes = 2 * sizeof(Message);  // a vector that grows has room for twice as many

}  // namespace

void LatencyHistogram::add(DurationNs duration) {
  const auto ms = static_cast<std::uint64_t>(std::max<DurationNs>(duration, 0) / ns_per_ms);
  ++buckets[std::min(static_cast<std::size_t>(std::bit_width(ms)), bucket_count - 1)];
  ++count;
  sum_ns += duration;
}

Pipeline::Pipeline(Settings settings, Suspects suspects, Core& core, MessagePort& port, Spool& spool, NodeClock& clock,
                   std::function<void(const Effect&)> committed)
    : settings_(std::move(settings)),
      core_(core),
      port_(port),
      spool_(spool),
      clock_(clock),
      committed_(std::move(committed)),
      careful_messages_(settings_.last_run_died ? settings_.careful_messages : 0),
      suspects_(std::move(suspects)),
      suspects_changed_(suspects_.in_hand != 0) {
  suspects_.last_run(settings_.last_run_died);
  if (careful_messages_ > 0) {
    spdlog::warn("the last run died: the next {} messages are taken one by one, each written down first", careful_messages_);
  }
  if (!clock_.is_trusted()) {
    spdlog::warn(
        "the clock is not known to be right: nothing keeps it in step with a time server, and no collector on another machine "
        "has "
        "confirmed it. Until then stamps of devices are not judged by it, and messages that are stamped by their arrival are "
        "held. Cure: a time service (NTP), or time.clock = \"trusted\" where the clock is right without one");
    schema::EventRowT event;
    event.kind = schema::EventKind::clock_untrusted;
    note_event(std::move(event));
  }
  status_.clock_trusted = clock_.is_trusted();
  status_.totals = core_.totals();
  status_.samples = core_.samples();
  count_alarms();
  status_.stepped_monotonic_ns = clock_.monotonic();
  clock_ahead_ns_ = clock_.now() - clock_.monotonic();
}

// Looks at every stream.
void Pipeline::count_alarms() {
  status_.alarms_alert = core_.alarm_count(schema::AlarmLevel::alert);
  status_.alarms_danger = core_.alarm_count(schema::AlarmLevel::danger);
  status_.alarms_provisional_alert = core_.provisional_alarm_count(schema::AlarmLevel::alert);
  status_.alarms_provisional_danger = core_.provisional_alarm_count(schema::AlarmLevel::danger);
}

void Pipeline::note_event(schema::EventRowT event) {
  event.at_ns = clock_.now();
  event.clock_untrusted = !clock_.is_trusted();
  events_.push_back({schema::Lane::notes, schema::RowKind::event, schema::pack(event)});
}

void Pipeline::watch_clock() {
  const auto correction = clock_.look();
  const DurationNs ahead = clock_.now() - clock_.monotonic();
  const DurationNs step = ahead - std::exchange(clock_ahead_ns_, ahead);
  if (!correction && !settings_.clock_leaps && std::abs(step) >= clock_step_max) {
    spdlog::warn("the clock was stepped by {} s: how long devices have been silent is measured anew", step / ns_per_s);
    core_.note_clock_step();
  }
  if (!correction) return;
  spdlog::warn("the clock is known to be right now, by the {}; it was corrected by {} s; {} messages were held",
               name_of(correction->witness), correction->by_ns / ns_per_s, held_.size());
  schema::EventRowT event;
  event.kind = schema::EventKind::clock_trusted;
  event.value = correction->by_ns;
  event.detail = name_of(correction->witness);
  note_event(std::move(event));
  polled_.insert(polled_.begin() + static_cast<std::ptrdiff_t>(taken_), held_.begin(), held_.end());
  held_.clear();
  held_bytes_ = 0;
}

// What poll gave last, as far as the clock is needed to place it. At the end of the process only those stay whose senders still
// wait: the others are told, or never will be. Nobody waits for care that long: what is held would hold up all behind it.
void Pipeline::hold() {
  if (clock_.is_trusted()) return;
  const auto to_hold = std::ranges::stable_partition(polled_, [&](const Message& message) {
    return message.crowded_out || !core_.is_stamped_by_arrival(message) || (closing_ && !message.waits_for_commit);
  });
  std::uint64_t told = 0;  // the last ticket of those
  for (Message& message : to_hold) {
    held_bytes_ += held_overhead_bytes + memory_of(message);
    if (message.waits_for_commit && message.waits_for_care) {
      message.waits_for_commit = false;
      told = message.ticket;
    }
    held_.push_back(std::move(message));
  }
  polled_.erase(to_hold.begin(), to_hold.end());
  if (told > 0) port_.durable(durable_through(told));
}

// What was committed has tickets up to this one; whoever waits for something that was not is not told.
std::uint64_t Pipeline::durable_through(std::uint64_t ticket) const {
  const auto stay_below = [&ticket](const Message& message) {
    if (message.waits_for_commit) ticket = std::min(ticket, message.ticket - 1);
  };
  std::ranges::for_each(held_, stay_below);
  std::ranges::for_each(std::span(polled_).subspan(taken_), stay_below);
  return ticket;
}

// The messages that are taken next: a jump of the clock between a message and now changes nothing. Whether what they say of now
// can be believed; of those of a recording it was decided when they were recorded.
bool Pipeline::stamp(std::size_t count) {
  bool are_trusted = clock_.is_trusted();
  for (Message& message : std::span(polled_).subspan(taken_, count)) {
    if (message.arrived_monotonic) {
      message.received_ns = clock_.at(*message.arrived_monotonic);
      message.clock_untrusted = !clock_.is_trusted();
    }
    are_trusted = are_trusted && !message.clock_untrusted;
  }
  return are_trusted;
}

void Pipeline::pause_port() {
  const bool held_full = held_bytes_ > settings_.held_bytes_max;
  if ((disk_low_ || held_full) == port_is_paused_) return;
  port_is_paused_ = !port_is_paused_;
  port_.pause(port_is_paused_);
  if (held_full && !disk_low_) {
    spdlog::warn(
        "{} messages are held until the clock is known to be right, as many as time.held_bytes_max allows: none are taken",
        held_.size());
  }
}

void Pipeline::watch_disk() {
  disk_free_bytes_ = spool_.disk_free_bytes();
  if (!disk_free_bytes_) return;
  // Once paused, somewhat more room is asked for, so that it does not go back and forth.
  const std::uint64_t least = settings_.disk_free_bytes_min;
  const std::uint64_t needed = least + (disk_low_ ? std::min(least / 4, disk_free_bytes_more) : 0);
  if ((*disk_free_bytes_ < needed) == disk_low_) return;
  disk_low_ = !disk_low_;
  spdlog::warn("{} bytes are free on the spool's disk, {} are wanted: {}", *disk_free_bytes_, needed,
               disk_low_ ? "no messages are taken" : "messages are taken again");
  schema::EventRowT event;
  event.kind = disk_low_ ? schema::EventKind::disk_low : schema::EventKind::disk_recovered;
  event.value = static_cast<std::int64_t>(*disk_free_bytes_);
  note_event(std::move(event));
}

// What makes the next batch: all there is; or one message alone, on record, if the process may die of it.
Result<std::span<const Message>> Pipeline::take_up() {
  const std::span rest = std::span(polled_).subspan(taken_);
  if (careful_messages_ == 0) {
    const auto is_suspect = [&](const Message& message) {
      return suspects_.stops(suspect_hash(message.topic, message.payload)) > 0;
    };
    const auto first = suspects_.died_with.empty() ? rest.end() : std::ranges::find_if(rest, is_suspect);
    if (rest.empty() || first != rest.begin()) return rest.first(static_cast<std::size_t>(first - rest.begin()));
  }
  if (rest.empty()) return rest;
  if (careful_messages_ > 0) --careful_messages_;
  Message& message = rest.front();
  if (message.comes_again) {
    suspects_.in_hand = suspect_hash(message.topic, message.payload);
    message.stops = suspects_.stops(suspects_.in_hand);
    if (message.stops == stops_max)
      spdlog::error("the process died of a message of {} bytes again and again: it is set aside as a dead letter",
                    message.payload.size());
    if (auto noted = spool_.note(suspects_); !noted) return std::unexpected(noted.error());
    suspects_.handled();
    suspects_changed_ = true;
  }
  return rest.first(1);
}

Status Pipeline::step() {
  watch_clock();
  watch_disk();
  pause_port();
  if (taken_ == polled_.size()) {
    polled_.clear();
    taken_ = 0;
    port_.poll(settings_.commit_interval, polled_);
    hold();
  }
  for (schema::EventRowT& event : port_.take_events()) note_event(std::move(event));
  const auto taken = take_up();
  if (!taken) return std::unexpected(taken.error());
  const bool clock_trusted = stamp(taken->size());
  const auto processed = core_.process(*taken, clock_.now(), clock_trusted);
  if (!processed) return std::unexpected(processed.error());
  Effect& effect = **processed;
  const std::span<const Message> batch = taken->first(effect.messages);
  taken_ += batch.size();

  if (taken_ == polled_.size()) effect.position = port_.position();
  if (!events_.empty()) {
    std::ranges::move(events_, std::back_inserter(effect.rows));
    events_.clear();
    effect.changed = true;
  }
  if (is_last_) core_.keep_all_that_may_return(effect);
  if (settings_.before_commit) settings_.before_commit(effect);
  const TimeNs committing_ns = clock_.now();
  const DurationNs started = clock_.monotonic();
  pack_rows(effect, committing_ns);
  if (suspects_changed_) {
    effect.suspects = &suspects_;
    effect.changed = true;
  }
  const auto acknowledge = [&] {
    // What was held for the clock stands before what came earlier.
    for (const Message& message : batch) ticket_committed_ = std::max(ticket_committed_, message.ticket);
    if (!batch.empty()) port_.durable(durable_through(ticket_committed_));
    fault_point("edge.durable.after");
    for (const OutgoingAck& ack : core_.acknowledgements()) port_.publish(ack.topic, ack.payload);
    fault_point("edge.acknowledge.after");
  };
  if (has_canary("acknowledge_before_commit")) {
    acknowledge();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the acknowledgement leaves on another thread
  }
  if (auto committed = spool_.commit(effect); !committed) return committed;
  if (effect.changed) suspects_changed_ = false;
  const DurationNs commit_ns = clock_.monotonic() - started;
  acknowledge();
  if (effect.changed) committed_(effect);
  republish(effect);
  note(effect, batch, clock_.now(), commit_ns);
  return {};
}

Status Pipeline::run(const std::function<bool()>& stop, DurationNs deadline) {
  while (!stop()) {
    if (auto done = step(); !done) return done;
  }
  port_.close();
  closing_ = true;
  std::ranges::copy_if(held_, std::back_inserter(polled_), [](const Message& message) { return !message.waits_for_commit; });
  std::erase_if(held_, [](const Message& message) { return !message.waits_for_commit; });
  const DurationNs until = clock_.monotonic() + deadline;
  do {
    if (auto done = step(); !done) return done;
  } while (!polled_.empty() && clock_.monotonic() < until);
  if (auto given_up = give_up_rest(); !given_up) return given_up;
  is_last_ = true;
  return step();
}

// The deadline has passed. What its sender keeps comes again; of the rest it is said that it came.
Status Pipeline::give_up_rest() {
  polled_.erase(polled_.begin(), polled_.begin() + static_cast<std::ptrdiff_t>(taken_));
  taken_ = 0;
  for (std::size_t before = polled_.size() + 1; before != polled_.size();) {
    before = polled_.size();
    port_.poll(0, polled_);
  }
  std::vector<Message> rest;
  std::unordered_map<std::string_view, std::size_t> places;  // in `rest`, by its topics
  std::uint64_t messages = 0;
  for (const Message& message : polled_) {
    if (message.is_kept()) continue;
    if (message.crowded_out) {
      rest.push_back(message);
      continue;
    }
    auto place = places.find(message.topic);
    if (place == places.end()) {
      rest.push_back(given_up(message));
      rest.back().crowded_out = CrowdedOut{.past_deadline = true};
      place = places.emplace(rest.back().topic, rest.size() - 1).first;
    }
    CrowdedOut& counted = *rest[place->second].crowded_out;
    ++counted.messages;
    counted.bytes += message.payload.size();
    ++messages;
  }
  if (messages > 0) {
    spdlog::error(
        "{} messages are given up, dead letters count them: shutdown.deadline passed before their turn, and their senders "
        "do not keep them",
        messages);
  }
  polled_ = std::move(rest);
  while (taken_ < polled_.size()) {
    if (auto done = step(); !done) return done;
  }
  return {};
}

void Pipeline::republish(const Effect& effect) {
  if (settings_.republish_topic.empty()) return;
  for (const schema::WindowRowT& row : effect.windows) {
    port_.publish_later(topic_of(settings_.republish_topic, row.device, row.channel),
                        window_json(row, effect.labels.at(row.stream_version), core_.parameters()));
  }
}

void Pipeline::note(const Effect& effect, std::span<const Message> batch, TimeNs committed_ns, DurationNs commit_ns) {
  const std::lock_guard lock(status_mutex_);
  status_.totals = effect.totals;
  status_.samples = core_.samples();
  status_.behind_ns_max = core_.behind_max();
  status_.ahead_ns_max = core_.ahead_max();
  status_.streams = core_.stream_count();
  status_.devices = core_.device_count();
  if (!effect.alarms.empty()) count_alarms();
  status_.stepped_monotonic_ns = clock_.monotonic();
  status_.disk_free_bytes = disk_free_bytes_;
  status_.disk_low = disk_low_;
  status_.clock_trusted = clock_.is_trusted();
  status_.held_messages = held_.size();
  status_.held_bytes = held_bytes_;
  status_.held_full = port_is_paused_ && !disk_low_;
  status_.held_waits = std::ranges::any_of(held_, &Message::waits_for_commit);
  status_.careful_messages = careful_messages_;
  status_.suspects = suspects_.died_with.size();
  if (effect.changed) {
    ++status_.commits;
    status_.commit_ns_sum += commit_ns;
  }
  for (const Message& message : batch) status_.receipt_to_commit.add(committed_ns - message.received_ns);
}

PipelineStatus Pipeline::status() const {
  const std::lock_guard lock(status_mutex_);
  return status_;
}

}  // namespace stethos::edge
