#include "edge/core/intake.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/fault_point.h"
#include "edge/core/limits.h"
#include "edge/core/refusals.h"
#include "edge/core/rows_expected.h"
#include "schemas/envelope.h"
#include "schemas/names.h"

namespace stethos::edge {
namespace {

// Whether the message has had its place in its device's sequence when it became this letter.
bool was_handled(const DeadLetter& letter) {
  const Reason reason = letter.rejection.reason;
  const bool is_whole = reason == Reason::stopped_the_process || reason == Reason::too_large;
  return !letter.channel.empty() || (is_whole && !letter.device.empty());
}

std::string replaced(std::string_view device) {
  return "; if another device took the place of this one: stethos-edge spool admit --device " + std::string(device);
}

// The features of a block whose own are not computed are there, and not defined.
BlockValues values_of(const BlockPlan& plan, ShaftSpeed speed, const kernels::BlockStatistics& statistics) {
  if (statistics.estimated_hz > 0) speed = {.hz = statistics.estimated_hz, .source = schema::SpeedSource::estimate};
  std::vector<double> features(plan.kernel.features.size(), std::numeric_limits<double>::quiet_NaN());
  std::ranges::copy(statistics.features, features.begin());
  return {.plan = plan.id,
          .speed = speed,
          .moments = statistics.moments,
          .validity = statistics.validity,
          .buckets = {{statistics.buckets.indices.begin(), statistics.buckets.indices.end()},
                      {statistics.buckets.counts.begin(), statistics.buckets.counts.end()}},
          .features = std::move(features)};
}

}  // namespace

Intake::Intake(const EdgeConfig& config, const PointTable& points, const std::vector<WindowDefinition>& definitions,
               BlockPlans& plans, std::unique_ptr<kernels::StatisticsBackend> backend, Letters& letters,
               const Forgetting& forgetting, Remembered& remembered, RowsDue rows_due, const SavedState& saved)
    : config_(config),
      points_(points),
      definitions_(definitions),
      plans_(plans),
      backend_(std::move(backend)),
      letters_(letters),
      forgetting_(forgetting),
      rows_due_of_(std::move(rows_due)),
      registry_(config, points, definitions, forgetting, remembered),
      speeds_(config.speed_age_max),
      redeliveries_(saved.may_return),
      expected_copies_(saved.expected_copies) {
  for (const SubscriptionConfig& subscription : config_.subscriptions) decoders_.push_back(make_decoder(subscription));
  lookers_.resize(decoders_.size());
  registry_.restore(saved, kept_bytes_);
  for (const SpeedChange& each : saved.speeds) speeds_.restore(each.machine, each.time_ns, each.hz.value());
}

Result<std::size_t> Intake::take(std::span<const Message> batch, Arrivals& arrivals, Effect& effect) {
  arrivals_ = &arrivals;
  effect_ = &effect;
  arrivals.clear();
  registry_.begin_batch(arrivals.returned);
  blocks_.clear();
  joined_memory_.clear();
  joined_.clear();
  samples_decoded_.clear();
  rows_expected_ = 0;
  rows_due_.clear();
  heard_.clear();
  handled_alone_.clear();
  for (const auto& decoder : decoders_) decoder->begin_batch();

  std::size_t taken = 0;
  const auto has_room = [&] { return rows_expected_ < rows_per_batch_max && letters_.written() < letters_per_batch_max; };
  while (taken < batch.size() && (taken == 0 || has_room())) {
    take_message(batch[taken], taken);
    ++taken;
  }
  if (!registry_.asked()) return std::unexpected(registry_.asked().error());
  for (Device* device : registry_.returned_devices()) {
    heard_.emplace_back(device, device->sequences.epochs().back().epoch);
    ++effect.totals[Counter::devices_returned];
  }
  if (auto computed = compute(); !computed) return std::unexpected(computed.error());
  note_joined();

  // By name, not by address: the same input gives the same output.
  std::ranges::sort(heard_, {}, [](const auto& heard) { return std::pair(std::string_view(heard.first->name), heard.second); });
  const auto repeated = std::ranges::unique(heard_);
  heard_.erase(repeated.begin(), repeated.end());
  for (const auto& [device, epoch] : heard_) {
    if (effect.devices.empty() || effect.devices.back().name != &device->name) {
      effect.devices.push_back({&device->name, &device->sequences, device->heard_ns});
    }
  }
  effect.may_return = may_return(redeliveries_on_record_max);
  effect.expected_copies = expected_copies_;
  return taken;
}

// What is kept of a stream's blocks goes with it.
void Intake::forget(Effect& effect) {
  for (const Stream* stream : effect.forgotten_streams) {
    std::erase_if(effect.joined, [&](const JoinedChange& each) { return each.stream == stream->id; });
  }
  registry_.forget(effect);
}

// Of the whole batch at once: the statistics of blocks depend on nothing else.
Status Intake::compute() {
  if (blocks_.empty()) return {};
  results_.resize(blocks_.size());
  if (backend_->submit(blocks_) != kernels::KernelStatus::ok || backend_->collect(results_) != kernels::KernelStatus::ok) {
    return fail(Code::unavailable, "computing statistics with " + std::string(backend_->name()), "the backend failed");
  }
  for (std::size_t i = 0; i < results_.size(); ++i) {
    BlockValues& values = arrivals_->blocks[i];
    values = values_of(plans_.plan(values.plan), values.speed, results_[i]);
  }
  return {};
}

void Intake::take_message(const Message& message, std::size_t index) {
  if (message.again != nullptr) {
    ++effect_->totals[Counter::letters_put_through];
    effect_->put_through = message.again;
  } else if (message.crowded_out) {
    return give_up(*message.crowded_out, index);
  } else {
    ++effect_->totals[Counter::messages];
    effect_->totals[Counter::message_bytes] += message.payload.size();
  }
  if ((message.may_return && redeliveries_.take(message)) || (message.again == nullptr && take_copy(expected_copies_, message))) {
    ++effect_->totals[Counter::duplicate_messages];
    return;
  }
  // To say whose it is it must be read; if the process died of that too, it is not, and its device cannot be told.
  if (message.stops > stops_max + 1) {
    ++effect_->totals[Counter::duplicate_messages];  // its letter is there
    return;
  }
  if (message.stops > stops_max) return set_aside(message, index, {});
  if (message.payload.size() > static_cast<std::size_t>(config_.ingest_message_bytes_max)) {
    return letters_.write(index, {Reason::too_large, std::to_string(message.payload.size()) + " bytes"}, {});
  }
  poison_point("edge.decode", message.payload);
  const auto decoded = decode(message);
  if (!decoded) decoded_messages_.clear();
  if (watcher_ != nullptr) watcher_->look(message, decoded_messages_);
  if (!decoded) return letters_.write(index, decoded.error(), {});
  if (decoded_messages_.empty()) ++effect_->totals[Counter::ignored_messages];
  const std::uint64_t rows = rows_expected(decoded_messages_, definitions_);
  too_much_.reset();
  if (rows > rows_per_message_max) {
    too_much_ = {Reason::too_large, "its samples lie in " + std::to_string(rows) + " windows, and may lie in " +
                                        std::to_string(rows_per_message_max)};
  }
  rows_expected_ += std::min(rows, rows_per_message_max);
  if (message.stops == stops_max && decoded_messages_.size() > 1) return set_aside(message, index, {});
  for (DecodedMessage& of_device : decoded_messages_) {
    if (of_device.rejected) {
      const bool has_letter = message.again != nullptr && !message.again->device.empty();
      if (!too_much_ && !has_letter) letters_.write(index, *of_device.rejected, {});
      continue;
    }
    // A letter is of one device.
    if (message.again != nullptr && !message.again->device.empty() && message.again->device != of_device.device) continue;
    std::swap(decoded_, of_device);
    take_decoded(message, index);
  }
}

// What one device says with the message.
void Intake::take_decoded(const Message& message, std::size_t index) {
  if (!schema::is_plant_name(decoded_.device)) return letters_.write(index, bad_name("the device's", decoded_.device), {});
  if (message.clock_untrusted && std::ranges::any_of(decoded_.channels, &DecodedChannel::is_stamped_by_arrival)) {
    return letters_.write(index, {Reason::clock_untrusted, "it has no time but that of its arrival"}, decoded_.device);
  }
  // A recording is judged device by device, and would let through what is too much together.
  if (recorder_ != nullptr && !too_much_) recorder_->take(decoded_, message);
  Device* const found = device_of(message, index);
  if (found == nullptr) return;
  Device& device = *found;
  device.heard_ns = forgetting_.heard();
  const bool has_place = decoded_.epoch == 0 || (message.again != nullptr && was_handled(*message.again));
  if (!has_place && !follow_sequence(message, index, device)) return;

  if (message.stops == stops_max) return set_aside(message, index, decoded_.device);
  poison_point("edge.process", message.payload);

  if (too_much_) {
    for (const DecodedChannel& channel : decoded_.channels) leave_unplaced(device, channel, Unplaced::rejected);
    return refuse_too_much(index);
  }

  // Where the device numbers nothing, the edge's own count of messages does.
  const Origin origin =
      decoded_.epoch != 0 ? Origin{decoded_.epoch, decoded_.sequence} : Origin{0, effect_->totals[Counter::messages]};
  if (message.again != nullptr && !message.again->channel.empty()) {
    // Two blocks of one channel: which was refused is not known.
    const auto of_name = [&](const DecodedChannel& channel) { return channel.channel == message.again->channel; };
    if (std::ranges::count_if(decoded_.channels, of_name) != 1) return;
    return take_channel(message, index, device, origin, *std::ranges::find_if(decoded_.channels, of_name));
  }
  for (const DecodedChannel& channel : decoded_.channels) take_channel(message, index, device, origin, channel);

  if (decoded_.complete_until_ns == 0) return;
  if (decoded_.complete_until_ns > stamp_ns_max) {
    return letters_.write(index, beyond_all_time(decoded_.complete_until_ns), decoded_.device);
  }
  if (is_in_future(message, decoded_.complete_until_ns)) {
    return letters_.write(index, too_far_ahead(message, "what it declares complete", decoded_.complete_until_ns),
                          decoded_.device);
  }
  DeviceComplete complete{.streams = {}, .until_ns = decoded_.complete_until_ns, .is_judged = can_judge(message)};
  for (const ChannelRoute& route : device.channels) {
    complete.streams.push_back(route.stream);
    expect_rows_of(route.stream, decoded_.complete_until_ns);
  }
  arrivals_->list.emplace_back(std::move(complete));
  rows_expected_ += 1 + device.channels.size() / readings_a_row;
}

// Null: the message is refused as a whole, and is handled with that.
Device* Intake::device_of(const Message& message, std::size_t index) {
  if (Device* known = registry_.find_device(decoded_.device)) return known;
  if (too_much_ && decoded_.epoch == 0) {
    refuse_too_much(index);
    return nullptr;
  }
  if (!may_take_place(message)) {
    refuse_stranger(message, index);
    return nullptr;
  }
  const auto found = registry_.device_for(decoded_.device);
  if (found) return *found;
  letters_.write(index, found.error(), decoded_.device);
  if (decoded_.epoch != 0) tell_of_this_one();
  return nullptr;
}

// A device takes a place only with something that may be taken: places are few, and whoever can publish could fill them. One that
// numbers its messages takes it earlier, for its numbers must be followed.
bool Intake::may_take_place(const Message& message) const {
  if (decoded_.epoch != 0) return !config_.points_required || points_.has(decoded_.device);
  return std::ranges::any_of(decoded_.channels, [&](const DecodedChannel& channel) {
    return !check_channel(message, channel) &&
           (!config_.points_required || points_.entries_of(decoded_.device, channel.channel) != nullptr);
  });
}

// Of a message whose number is not followed there is one letter, without a channel: when it is put through its number is.
void Intake::refuse_stranger(const Message& message, std::size_t index) {
  if (decoded_.epoch != 0) {
    letters_.write(index, {Reason::unknown_stream, std::string(decoded_.device) + " is not in the point table"}, decoded_.device);
    return tell_of_this_one();
  }
  for (const DecodedChannel& channel : decoded_.channels) {
    const auto rejection = check_channel(message, channel);
    const std::string_view name = schema::is_plant_name(channel.channel) ? channel.channel : std::string_view();
    letters_.write_channel(index, rejection ? *rejection : unknown_stream(decoded_.device, channel.channel), decoded_.device,
                           name);
  }
}

// Of a message that may bring forth too much there is one letter, whatever it speaks of, so that all of it can be put through
// again.
void Intake::refuse_too_much(std::size_t index) {
  const std::string_view device = decoded_messages_.size() == 1 ? decoded_.device : std::string_view();
  letters_.write_channel(index, *too_much_, device, {});
}

// Or it would come again for ever, and leave a letter each time.
void Intake::tell_of_this_one() {
  handled_alone_.push_back({std::string(decoded_.device), decoded_.epoch, decoded_.sequence, decoded_.lowest_held});
}

// What comes may end windows that a long delay has kept open, many of them after a pause.
void Intake::expect_rows_of(StreamId stream, TimeNs watermark_ns) {
  const std::uint64_t due = rows_due_of_(stream, watermark_ns);
  std::uint64_t& known = rows_due_[stream];
  if (due <= known) return;
  rows_expected_ += due - known;
  known = due;
}

std::expected<void, Rejection> Intake::decode(const Message& message) {
  if (message.decoded != nullptr) {
    decoded_messages_.assign(1, *message.decoded);
    return {};
  }
  const auto subscription = registry_.subscription_of(message.topic);
  if (!subscription) return std::unexpected(Rejection{Reason::unknown_topic, "no subscription takes it"});
  return decoders_[*subscription]->decode(message, decoded_messages_);
}

bool Intake::is_stamped_by_arrival(const Message& message) {
  if (message.decoded != nullptr) return false;
  const auto found = registry_.subscription_of(message.topic);
  if (!found) return false;
  const SubscriptionConfig& subscription = config_.subscriptions[*found];
  if (subscription.format == PayloadFormat::json && subscription.time_missing == MissingTime::arrival) {
    // Only what the payload holds tells. The decoder is another one, for the first remembers in which order messages came.
    auto& decoder = lookers_[*found];
    if (decoder == nullptr) decoder = make_decoder(subscription);
    decoder->begin_batch();
    std::vector<DecodedMessage> decoded;
    const auto has_none = [](const DecodedMessage& each) {
      return std::ranges::any_of(each.channels, &DecodedChannel::is_stamped_by_arrival);
    };
    return decoder->decode(message, decoded) && std::ranges::any_of(decoded, has_none);
  }
  return subscription.format == PayloadFormat::f32 || subscription.format == PayloadFormat::value ||
         subscription.time_unit == TimeUnit::arrival;
}

// A clock that is not known to be right judges nothing.
bool Intake::can_judge(const Message& message) const {
  return message.again != nullptr ? effect_->clock_trusted : !message.clock_untrusted;
}

// A message that is put through again is judged by now: the clock that found it in the future may have been wrong.
TimeNs Intake::judged_by(const Message& message) const {
  return message.again != nullptr ? effect_->now_ns : message.received_ns;
}

bool Intake::is_in_future(const Message& message, TimeNs time_ns) const {
  return can_judge(message) && time_ns > judged_by(message) + config_.time_future_max;
}

Rejection Intake::too_far_ahead(const Message& message, std::string_view what, TimeNs time_ns) const {
  return time_future(what, time_ns, judged_by(message), config_.time_future_max);
}

// One letter for all that stood in a row, each of them counted.
void Intake::give_up(const CrowdedOut& crowded_out, std::size_t index) {
  const Reason reason = crowded_out.past_deadline ? Reason::past_deadline : Reason::crowded_out;
  effect_->totals[Counter::messages] += crowded_out.messages;
  effect_->totals[Counter::message_bytes] += crowded_out.bytes;
  effect_->totals[reason] += crowded_out.messages - 1;  // the letter counts one
  letters_.write(index, {reason, std::to_string(crowded_out.messages) + " messages"}, {});
}

void Intake::set_aside(const Message& message, std::size_t index, std::string_view device) {
  letters_.write(index, {Reason::stopped_the_process, "it died with this in hand " + std::to_string(message.stops) + " times"},
                 device);
}

bool Intake::follow_sequence(const Message& message, std::size_t index, Device& device) {
  gaps_.clear();
  if (message.again != nullptr && device.sequences.take_skipped(decoded_.epoch, decoded_.sequence)) {
    heard_.emplace_back(&device, decoded_.epoch);
    return true;
  }
  const auto verdict = device.sequences.observe(decoded_.epoch, decoded_.sequence, decoded_.lowest_held, gaps_, device.any_order);
  note_gaps(device);
  if (verdict != SequenceTracker::Verdict::epoch_too_old) heard_.emplace_back(&device, decoded_.epoch);
  switch (verdict) {
    case SequenceTracker::Verdict::fresh:
      device.contents.add(decoded_);
      return true;
    case SequenceTracker::Verdict::duplicate:
      ++effect_->totals[Counter::duplicate_messages];
      count_duplicates(device);
      if (device.contents.differ(decoded_)) {
        letters_.write(index,
                       {Reason::sequence_conflict, "epoch " + std::to_string(decoded_.epoch) + " sequence " +
                                                       std::to_string(decoded_.sequence) + replaced(device.name)},
                       device.name);
      }
      return false;
    case SequenceTracker::Verdict::epoch_too_old:
      letters_.write(index, {Reason::epoch_too_old, "epoch " + std::to_string(decoded_.epoch) + replaced(device.name)},
                     device.name);
      tell_of_this_one();
      return false;
    case SequenceTracker::Verdict::no_room:
      ++effect_->totals[Counter::deferred_messages];
      return false;
  }
  STETHOS_CHECK(false, "a verdict without a consequence");
}

void Intake::note_gaps(const Device& device) {
  for (const SequenceGap& gap : gaps_) {
    std::uint64_t& lost = effect_->totals[Counter::lost_messages];
    const std::uint64_t missing = gap.missing.last - gap.missing.first + 1;
    lost =
        missing > std::numeric_limits<std::uint64_t>::max() - lost ? std::numeric_limits<std::uint64_t>::max() : lost + missing;
    schema::GapRowT row;
    row.device = device.name;
    row.epoch = gap.epoch;
    row.first_sequence = gap.missing.first;
    row.last_sequence = gap.missing.last;
    row.cause = gap.cause;
    row.noticed_ns = effect_->now_ns;
    row.clock_untrusted = !effect_->clock_trusted;
    effect_->rows.push_back({schema::Lane::notes, schema::RowKind::gap, schema::pack(row)});
  }
}

void Intake::count_duplicates(Device& device) {
  for (const DecodedChannel& channel : decoded_.channels) {
    leave_unplaced(device, channel, Unplaced::duplicate);
  }
}

std::vector<OutgoingAck> Intake::acknowledgements() const {
  std::vector<OutgoingAck> acks;
  for (const auto& [device, epoch] : heard_) {
    const EpochSequences* known = device->sequences.find(epoch);
    if (known == nullptr) continue;  // the batch brought so many epochs that this one is forgotten
    schema::DeviceAckT ack;
    ack.device = device->name;
    ack.epoch = epoch;
    ack.durable_through = known->base;
    for (const SequenceRange& range : known->ranges) {
      auto entry = std::make_unique<schema::SequenceRangeT>();
      entry->first = range.first;
      entry->last = range.last;
      ack.ranges.push_back(std::move(entry));
    }
    acks.push_back({"stethos/v1/" + device->name + "/ack", schema::pack(ack)});
  }
  for (const HandledAlone& each : handled_alone_) {
    schema::DeviceAckT ack;
    ack.device = each.device;
    ack.epoch = each.epoch;
    ack.durable_through = each.lowest_held - 1;
    auto entry = std::make_unique<schema::SequenceRangeT>();
    entry->first = entry->last = each.sequence;
    ack.ranges.push_back(std::move(entry));
    acks.push_back({"stethos/v1/" + each.device + "/ack", schema::pack(ack)});
  }
  return acks;
}

}  // namespace stethos::edge
