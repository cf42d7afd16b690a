#include "firmware_sim/device.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "firmware_sim/json_reading.h"

namespace stethos::firmware_sim {
namespace {

bool holds_readings(const recordings::Record& record) {
  return std::ranges::all_of(record.channels, [](const recordings::ChannelData& channel) { return !channel.times_ns.empty(); });
}

// Adds the readings of `from` to those of `into` where both have the same channels and no stamp would go back.
bool join(recordings::Record& into, const recordings::Record& from) {
  if (into.channels.size() != from.channels.size() || !holds_readings(from)) return false;
  for (std::size_t i = 0; i < into.channels.size(); ++i) {
    const auto& a = into.channels[i];
    const auto& b = from.channels[i];
    if (a.channel != b.channel || a.quantity != b.quantity || a.unit != b.unit || b.times_ns.front() < a.times_ns.back())
      return false;
  }
  for (std::size_t i = 0; i < into.channels.size(); ++i) {
    auto& a = into.channels[i];
    const auto& b = from.channels[i];
    a.times_ns.insert(a.times_ns.end(), b.times_ns.begin(), b.times_ns.end());
    a.samples.insert(a.samples.end(), b.samples.begin(), b.samples.end());
  }
  return true;
}

TimeNs last_sample_of(const recordings::Record& record) {
  TimeNs last_ns = recordings::last_sample_ns(record.channels.front());
  for (const auto& channel : record.channels) last_ns = std::max(last_ns, recordings::last_sample_ns(channel));
  return last_ns;
}

// Just past the last sample: where a next block would begin.
TimeNs end_of(const SentChannel& channel) {
  if (!channel.times_ns.empty()) return channel.times_ns.back() + 1;
  const double length_ns = static_cast<double>(channel.values.size()) * channel.interval_ns;
  return channel.start_ns + std::max<DurationNs>(1, static_cast<DurationNs>(std::ceil(length_ns)));
}

// The next record that belongs to the run.
Result<bool> read(const DeviceSpec& spec, recordings::Record& record) {
  while (true) {
    const auto more = spec.source->next(record);
    if (!more || !*more) return more;
    if (record.channels.front().start_ns - spec.base_ns <= spec.length_ns) return true;
  }
}

}  // namespace

class Device::Message final : public Content {
 public:
  explicit Message(std::string json) : json_(std::move(json)) {}
  explicit Message(schema::DeviceBatchT batch) : batch_(std::move(batch)) {}

  std::vector<std::uint8_t> payload(std::uint64_t sequence, std::uint64_t lowest_held) override {
    if (!json_.empty()) return {json_.begin(), json_.end()};
    batch_.sequence = sequence;
    batch_.lowest_held = lowest_held;
    return schema::pack(batch_);
  }

  Misbehaviour misbehaviour;
  bool foreign_done = false;
  bool fault_done = false;
  bool duplicate_done = false;

 private:
  std::string json_;  // one of the two
  schema::DeviceBatchT batch_;
};

Device::Device(DeviceSpec spec, const DeviceOptions& options, Ledger& ledger)
    : spec_(std::move(spec)), options_(options), ledger_(&ledger), ring_(options.ring) {
  totals_.device = spec_.name;
  if (spec_.format == Format::json) {
    topic_ = options_.json_topic_prefix + "/" + spec_.name + "/telemetry";
  } else {
    topic_ = "stethos/v1/" + spec_.name + "/batch";
    acknowledgement_topic_ = "stethos/v1/" + spec_.name + "/ack";
  }
}

Result<bool> Device::prepare() {
  if (source_ended_) return false;
  if (!has_ahead_) {
    const auto more = read(spec_, ahead_);
    if (!more) return more;
    if (!*more) {
      stop();
      return false;
    }
  }
  Prepared prepared{std::move(ahead_), false};
  if (spec_.format == Format::json) {
    for (const auto& channel : prepared.record.channels) {
      if (channel.samples.size() != 1 || channel.times_ns.empty()) {
        return fail(Code::invalid, "publishing " + spec_.name + " as json",
                    "channel " + channel.channel + " holds blocks, json readings only");
      }
    }
  }
  std::size_t joined = 1;
  while (true) {
    ahead_ = {};
    const auto more = read(spec_, ahead_);
    if (!more) return more;
    has_ahead_ = *more;
    prepared.last = !*more;
    const bool may_join =
        spec_.format == Format::stethos && joined < options_.readings_per_message_max && holds_readings(prepared.record);
    if (!has_ahead_ || !may_join || !join(prepared.record, ahead_)) break;
    ++joined;
  }
  ready_ns_ = std::max(ready_ns_, last_sample_of(prepared.record) - spec_.base_ns);
  prepared_ = std::move(prepared);
  return true;
}

void Device::hold() {
  STETHOS_CHECK(prepared_.has_value(), "a message was prepared");
  if (ring_.full()) {
    ledger_->gave_up(spec_.name, ring_.give_up_oldest());
  }
  const std::uint64_t sequence = ring_.next_sequence();
  const Misbehaviour drawn = draw_misbehaviour(options_.misbehaviour, options_.seed, spec_.name, sequence);
  const DurationNs clock_error = options_.misbehaviour.clock_error(ready_ns_);
  const DurationNs shift_ns = spec_.shift_ns + clock_error;
  std::vector<SentChannel> sent;
  std::unique_ptr<Message> message;
  bool alone = false;
  if (spec_.format == Format::json) {
    for (const auto& channel : prepared_->record.channels) sent.push_back(reading_channel(channel, shift_ns));
    message = std::make_unique<Message>(json_reading(spec_.name, sequence, sent));
  } else {
    schema::DeviceBatchT batch;
    batch.device = spec_.name;
    batch.epoch = options_.epoch;
    Random random = random_for(options_.seed, "nan", spec_.name, sequence);
    for (const auto& channel : prepared_->record.channels) {
      batch.channels.push_back(std::make_unique<schema::ChannelT>(
          encode_channel(channel, shift_ns, options_.encoding, options_.misbehaviour.nan, random, sent.emplace_back())));
    }
    for (const auto& channel : sent) latest_ns_ = std::max(latest_ns_, end_of(channel) - clock_error);
    if (prepared_->last && options_.complete) {
      // It may say so only when everything before it has arrived.
      batch.complete_until_ns = latest_ns_ + options_.complete_past_ns;
      alone = true;
    }
    message = std::make_unique<Message>(std::move(batch));
  }
  message->misbehaviour = drawn;
  const HoldBack hold_back{drawn.reordered_by, drawn.late ? options_.misbehaviour.late_by : 0};
  STETHOS_CHECK(ring_.add(std::move(message), ready_ns_, hold_back, alone) == sequence, "sequences follow each other");
  ++totals_.messages;
  for (const auto& channel : sent) totals_.samples += channel.values.size();
  ledger_->message(spec_.name, options_.epoch, sequence, spec_.format, sent);
  ledger_->misbehaviour(spec_.name, sequence, drawn);
  if (clock_error != 0) ledger_->clock_wrong(spec_.name, sequence);
  if (prepared_->last) stop();
  prepared_.reset();
}

void Device::stop() {
  source_ended_ = true;
  has_ahead_ = false;
  ring_.finish();
}

void Device::note_given_up() {
  for (const std::uint64_t sequence : ring_.take_given_up()) ledger_->gave_up(spec_.name, sequence);
}

std::optional<Turn> Device::take_turn(DurationNs now) {
  const auto taken = ring_.take_turn(now);
  note_given_up();
  if (!taken) return std::nullopt;
  auto& message = static_cast<Message&>(*taken->content);
  const Misbehaviour& wrong = message.misbehaviour;
  Turn turn{taken->sequence, {}};
  Random random = random_for(options_.seed, "payload", spec_.name, taken->sequence);
  if (wrong.foreign && !message.foreign_done) {
    message.foreign_done = true;
    ++totals_.foreign;
    turn.publications.push_back({foreign_payload(random), false});
  }
  const bool faulty = (wrong.dropped || wrong.truncated || wrong.flipped) && !message.fault_done;
  if (faulty) {
    message.fault_done = true;
    if (wrong.dropped) return turn;
    const auto payload = message.payload(taken->sequence, ring_.lowest_held());
    turn.publications.push_back({wrong.truncated ? truncated(payload, random) : flipped(payload, spec_.format, random), false});
    return turn;
  }
  const bool tracked = spec_.format == Format::json;
  auto payload = message.payload(taken->sequence, ring_.lowest_held());
  const bool twice = wrong.duplicated && !message.duplicate_done;
  turn.publications.push_back({payload, tracked});
  if (twice) {
    message.duplicate_done = true;
    ++totals_.duplicates;
    turn.publications.push_back({std::move(payload), false});
  }
  if (tracked) ring_.stop_timer(taken->sequence);
  return turn;
}

void Device::acknowledged(std::span<const std::uint8_t> payload) {
  const auto opened = schema::open_device_ack(payload);
  if (!opened) return;
  const schema::DeviceAck& answer = **opened;
  if (answer.device()->string_view() != spec_.name || answer.epoch() != options_.epoch) return;
  ring_.acknowledge(1, answer.durable_through());
  if (answer.ranges() == nullptr) return;
  for (const auto* range : *answer.ranges()) ring_.acknowledge(range->first(), range->last());
}

void Device::delivered(std::uint64_t sequence) { ring_.acknowledge(sequence, sequence); }

void Device::not_delivered(std::uint64_t sequence, DurationNs now) { ring_.start_timer(sequence, now); }

void Device::not_published(std::uint64_t sequence, DurationNs now) { ring_.not_sent(sequence, now); }

DeviceTotals Device::totals() const {
  DeviceTotals out = totals_;
  out.acknowledged = ring_.acknowledged();
  out.given_up = ring_.given_up();
  out.resent = ring_.resent();
  out.finished = done() && out.given_up == 0;
  return out;
}

}  // namespace stethos::firmware_sim
