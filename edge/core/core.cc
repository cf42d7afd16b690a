#include "edge/core/core.h"

#include <algorithm>
#include <cmath>

#include "common/fault_point.h"
#include "common/hash.h"
#include "common/time_text.h"
#include "edge/config/parameter_text.h"
#include "edge/core/limits.h"
#include "gpu_kernels/statistics.h"
#include "schemas/envelope.h"

namespace stethos::edge {
namespace {

constexpr DurationNs idle_scan_interval_ns = 100 * ns_per_ms;
constexpr std::string_view program_name = "stethos-edge " STETHOS_VERSION;

// A block has one time for all its samples; readings have one each.
bool is_block(const DecodedChannel& channel) { return !channel.reading && channel.interval_ns > 0; }

// Whether the message has had its place in its device's sequence when it became this letter.
bool was_handled(const DeadLetter& letter) {
  return !letter.channel.empty() || (letter.rejection.reason == Reason::stopped_the_process && !letter.device.empty());
}

// What the point table lets us expect of a stream.
void expect(StreamRecord& stream, const PointEntry& entry) {
  stream.interval_ns = entry.interval_ns;
  stream.block_length = entry.block_length;
  stream.plausible_min = entry.plausible_min;
  stream.plausible_max = entry.plausible_max;
}

}  // namespace

Core::Core(const EdgeConfig& config, std::uint64_t config_hash, PointTable points,
           std::unique_ptr<kernels::StatisticsBackend> backend, SavedState saved, std::string_view source)
    : config_(config),
      points_(std::move(points)),
      backend_(std::move(backend)),
      windower_(window_definitions(config.windows), saved.definitions,
                {.watermark_delay_ns = config.time_watermark_delay,
                 .lateness_ns = config.time_lateness,
                 .idle_timeout_ns = config.time_idle_timeout,
                 .future_max_ns = config.time_future_max,
                 .rebase_after = static_cast<std::uint64_t>(config.time_rebase_after)}),
      plans_(config, windower_.definitions()),
      speeds_(config.speed_age_max),
      detector_(limits_of(config.limits, windower_.definitions())) {
  for (const SubscriptionConfig& subscription : config_.subscriptions) decoders_.push_back(make_decoder(subscription));
  const std::uint64_t sent = saved.provenance;
  restore(std::move(saved));
  name_parameters();
  schema::ProvenanceRowT row;
  row.program = program_name;
  row.backend = backend_->variant();
  row.config_hash = config_hash;
  row.schema_major = schema::version_major;
  row.schema_minor = schema::version_minor;
  row.source = source;
  row.parameters = parameters_.texts();
  provenance_ = row.id = hash_of(schema::pack(row));
  windower_.set_provenance(provenance_);
  detector_.set_provenance(provenance_);
  if (provenance_ != sent) provenance_row_ = schema::pack(row);
}

// Those that the configuration can bring forth, and those of panes that another one left.
void Core::name_parameters() {
  for (const WindowDefinition& definition : windower_.definitions()) {
    for (const auto& [text, share] : definition.quantiles) parameters_.add(text);
  }
  for (const auto& [statistic, text] : plans_.features()) parameters_.add_feature(text);
  for (const auto& stream : streams_) {
    for (const auto& [definition, panes] : stream->state.panes) {
      for (const auto& [start, pane] : panes) {
        for (const FeatureSummary& each : pane.blocks.features) parameters_.add_feature(each.parameter);
      }
    }
  }
  windower_.set_parameters(parameters_);
}

std::vector<std::pair<std::uint16_t, std::uint16_t>> Core::shown_statistics() const {
  std::vector<std::pair<std::uint16_t, std::uint16_t>> out;
  const auto add = [&out](std::uint16_t statistic, std::uint16_t parameter) {
    const std::pair each{statistic, parameter};
    if (std::ranges::find(out, each) == out.end()) out.push_back(each);
  };
  for (const WindowDefinition& definition : windower_.definitions()) {
    for (const std::uint16_t number : definition.statistics) {
      const auto& statistic = *kernels::find_statistic(number);
      if (!statistic.is_feature() && statistic.parameter == kernels::ParameterRule::none) add(number, 0);
    }
    for (const auto& [text, share] : definition.quantiles) add(kernels::find_statistic("quantile")->number, parameters_.of(text));
    for (const auto& [statistic, text] : plans_.features()) {
      if (!definition.shows(statistic)) continue;
      const std::uint16_t first = parameters_.of_feature(text);
      for (std::size_t i = 0; i < std::size(over_blocks); ++i) add(statistic, static_cast<std::uint16_t>(first + i));
    }
  }
  std::ranges::sort(out);
  return out;
}

void Core::restore(SavedState saved) {
  totals_ = saved.totals;
  may_return_ = std::move(saved.may_return);
  const auto device_of = [&](const std::string& name) -> Device& {
    const auto known = devices_.find(name);
    return known == devices_.end() ? make_device(name) : *known->second;
  };
  for (DeviceSequences& device : saved.devices) device_of(device.device).sequences = SequenceTracker(std::move(device.epochs));
  for (const SpeedChange& each : saved.speeds) speeds_.restore(each.machine, each.time_ns, each.hz.value());
  for (Stream& stream : saved.streams) {
    auto record = std::make_unique<StreamRecord>();
    record->state = std::move(stream);
    if (const PointEntry* entry = points_.find(record->state.device, record->state.channel, std::numeric_limits<TimeNs>::max())) {
      expect(*record, *entry);
    }
    windower_.adopt(*record);
    device_of(record->state.device).streams.push_back(record.get());
    streams_.push_back(std::move(record));
  }
}

void Core::settle() {
  if (!provenance_row_.empty()) {
    effect_.rows.push_back({schema::Lane::notes, schema::RowKind::provenance, std::move(provenance_row_)});
    effect_.changed = true;
  }
  for (const auto& stream : streams_) {
    windower_.retire_former(*stream, now_ns_, effect_);
    detector_.withdraw_former(stream->state, effect_);
  }
  effect_.definitions = &windower_.definitions();
  settled_ = true;
}

std::size_t Core::alarm_count(schema::AlarmLevel level) const {
  std::size_t count = 0;
  for (const auto& stream : streams_) {
    count += std::ranges::count_if(stream->state.alarms, [&](const auto& each) { return each.second.level == level; });
  }
  return count;
}

Result<Effect*> Core::process(std::span<const Message> batch, TimeNs now_ns) {
  now_ns_ = now_ns;
  effect_ = Effect{};
  effect_.now_ns = now_ns;
  effect_.totals = totals_;
  blocks_.clear();
  steps_.clear();
  heard_.clear();
  last_letters_.fill({Step::no_block, nullptr});
  letter_bytes_ = 0;
  for (const auto& decoder : decoders_) decoder->begin_batch();
  if (!settled_) settle();

  for (std::size_t i = 0; i < batch.size(); ++i) take(batch[i], i);

  results_.resize(blocks_.size());
  if (!blocks_.empty() &&
      (backend_->submit(blocks_) != kernels::KernelStatus::ok || backend_->collect(results_) != kernels::KernelStatus::ok)) {
    return fail(Code::unavailable, "computing statistics with " + std::string(backend_->name()), "the backend failed");
  }
  for (const Step& step : steps_) place(step, batch);
  if (now_ns >= idle_scan_due_ns_ || now_ns < idle_scan_due_ns_ - idle_scan_interval_ns) {
    look_at_idle();
    idle_scan_due_ns_ = now_ns + idle_scan_interval_ns;
  }
  detect();
  windower_.collect_changes(effect_);

  // By name, not by address: the same input gives the same output.
  std::ranges::sort(heard_, {}, [](const auto& heard) { return std::pair(std::string_view(heard.first->name), heard.second); });
  const auto repeated = std::ranges::unique(heard_);
  heard_.erase(repeated.begin(), repeated.end());
  for (const auto& [device, epoch] : heard_) {
    if (effect_.devices.empty() || effect_.devices.back().first != &device->name) {
      effect_.devices.emplace_back(&device->name, &device->sequences);
    }
  }
  effect_.may_return = may_return_;
  effect_.provenance = provenance_;
  effect_.changed =
      effect_.changed || !batch.empty() || !effect_.streams.empty() || !effect_.panes.empty() || !effect_.alarms.empty();
  totals_ = effect_.totals;
  return &effect_;
}

void Core::look_at_idle() {
  behind_max_ = ahead_max_ = 0;
  for (const auto& stream : streams_) {
    windower_.send_if_idle(*stream, now_ns_, effect_);
    windower_.report_if_silent(*stream, now_ns_, effect_);
    if (stream->state.newest_ns == time_min) continue;
    const DurationNs behind = stream->state.last_received_ns - stream->state.newest_ns;
    behind_max_ = std::max(behind_max_, behind);
    ahead_max_ = std::max(ahead_max_, -behind);
  }
}

void Core::take(const Message& message, std::size_t index) {
  if (message.again != nullptr) {
    ++effect_.totals[Counter::letters_put_through];
    effect_.put_through = message.again;
  } else {
    ++effect_.totals[Counter::messages];
    effect_.totals[Counter::message_bytes] += message.payload.size();
  }
  if (message.waits_for_commit && is_redelivery(message)) {
    ++effect_.totals[Counter::duplicate_messages];
    return;
  }
  // To say whose it is it must be read; if the process died of that too, it is not, and its device cannot be told.
  if (message.stops > stops_max + 1) {
    ++effect_.totals[Counter::duplicate_messages];  // its letter is there
    return;
  }
  if (message.stops > stops_max) return set_aside(message, {});
  if (message.payload.size() > static_cast<std::size_t>(config_.ingest_message_bytes_max)) {
    return reject(message, {Reason::too_large, std::to_string(message.payload.size()) + " bytes"}, {});
  }
  poison_point("edge.decode", message.payload);
  if (message.decoded != nullptr) {
    decoded_ = *message.decoded;
  } else if (auto decoded = decoders_[message.subscription]->decode(message, decoded_); !decoded) {
    return reject(message, std::move(decoded.error()), {});
  }
  if (!schema::is_name(decoded_.device)) return reject(message, {Reason::bad_name, "the device's"}, {});
  if (recorder_ != nullptr) recorder_->take(decoded_, message.received_ns);
  const auto device = device_for(decoded_.device);
  if (!device) return reject(message, device.error(), decoded_.device);
  const bool has_place = decoded_.epoch == 0 || (message.again != nullptr && was_handled(*message.again));
  if (!has_place && !follow_sequence(message, **device)) return;

  if (message.stops == stops_max) return set_aside(message, decoded_.device);
  poison_point("edge.process", message.payload);

  // Where the device numbers nothing, the edge's own count of messages does.
  const Origin origin =
      decoded_.epoch != 0 ? Origin{decoded_.epoch, decoded_.sequence} : Origin{0, effect_.totals[Counter::messages]};
  if (message.again != nullptr && !message.again->channel.empty()) {
    // Two blocks of one channel: which was refused is not known.
    const auto of_name = [&](const DecodedChannel& channel) { return channel.channel == message.again->channel; };
    if (std::ranges::count_if(decoded_.channels, of_name) != 1) return;
    return take_channel(message, index, **device, origin, *std::ranges::find_if(decoded_.channels, of_name));
  }
  for (const DecodedChannel& channel : decoded_.channels) take_channel(message, index, **device, origin, channel);

  if (decoded_.complete_until_ns == 0) return;
  if (decoded_.complete_until_ns > message.received_ns + config_.time_future_max) {
    return reject(message, {Reason::time_future, "complete until a time in the future"}, decoded_.device);
  }
  Step step;
  step.complete = *device;
  step.time_ns = decoded_.complete_until_ns;
  steps_.push_back(step);
}

void Core::set_aside(const Message& message, std::string_view device) {
  reject(message, {Reason::stopped_the_process, "it died with this in hand " + std::to_string(message.stops) + " times"}, device);
}

// What a broker has not heard of it delivers again in its order: first what is committed here, from some message on, then what
// is not. Of equal messages the newest is taken for the one that returns: rather one too many than one too few.
bool Core::is_redelivery(const Message& message) {
  if (std::exchange(connection_, message.connection) != message.connection) returned_ = 0;
  const std::uint64_t hash = hash_of(message.payload, hash_of(message.topic, message.packet_id));
  if (message.redelivered) {
    const auto oldest = std::reverse_iterator(may_return_.begin() + returned_);
    const auto found = std::find(may_return_.rbegin(), oldest, hash);
    if (found != oldest) {
      returned_ = found.base() - may_return_.begin();
      return true;
    }
  }
  if (may_return_.size() == on_the_way_max) may_return_.erase(may_return_.begin());
  may_return_.push_back(hash);
  returned_ = std::ssize(may_return_);
  return false;
}

std::expected<Core::Device*, Rejection> Core::device_for(std::string_view name) {
  device_key_ = name;
  const auto found = devices_.find(device_key_);
  if (found != devices_.end()) return found->second.get();
  if (devices_.size() >= static_cast<std::size_t>(config_.ingest_devices_max)) {
    return std::unexpected(Rejection{Reason::too_many_devices, "ingest.devices_max is reached"});
  }
  return &make_device(device_key_);
}

Core::Device& Core::make_device(const std::string& name) {
  auto& device = devices_[name];
  device = std::make_unique<Device>();
  device->name = name;
  // A count window holds what its device sent in a row, in whatever order the line brings it.
  device->any_order = std::ranges::none_of(windower_.definitions(), [&](const WindowDefinition& definition) {
    return definition.kind == schema::WindowKind::count && (definition.device.empty() || definition.device == name);
  });
  return *device;
}

bool Core::follow_sequence(const Message& message, Device& device) {
  gaps_.clear();
  const auto verdict = device.sequences.observe(decoded_.epoch, decoded_.sequence, decoded_.lowest_held, gaps_, device.any_order);
  note_gaps(device);
  if (verdict != SequenceTracker::Verdict::epoch_too_old) heard_.emplace_back(&device, decoded_.epoch);
  switch (verdict) {
    case SequenceTracker::Verdict::fresh:
      return true;
    case SequenceTracker::Verdict::duplicate:
      ++effect_.totals[Counter::duplicate_messages];
      count_duplicates(device);
      return false;
    case SequenceTracker::Verdict::epoch_too_old:
      reject(message, {Reason::epoch_too_old, std::to_string(decoded_.epoch)}, device.name);
      return false;
    case SequenceTracker::Verdict::no_room:
      ++effect_.totals[Counter::deferred_messages];
      return false;
  }
  STETHOS_CHECK(false, "a verdict without a consequence");
}

void Core::note_gaps(const Device& device) {
  for (const SequenceGap& gap : gaps_) {
    effect_.totals[Counter::lost_messages] += gap.missing.last - gap.missing.first + 1;
    schema::GapRowT row;
    row.device = device.name;
    row.epoch = gap.epoch;
    row.first_sequence = gap.missing.first;
    row.last_sequence = gap.missing.last;
    row.cause = gap.cause;
    row.noticed_ns = now_ns_;
    effect_.rows.push_back({schema::Lane::notes, schema::RowKind::gap, schema::pack(row)});
  }
}

void Core::count_duplicates(Device& device) {
  for (const DecodedChannel& channel : decoded_.channels) {
    if (StreamRecord* stream = find_stream(device, channel.channel)) {
      count_unplaced(*stream, Unplaced::duplicate, sample_count(channel));
    }
  }
}

// In its turn: the window that it is counted in is the newest once what came before has been placed.
void Core::count_unplaced(StreamRecord& stream, Unplaced how, std::uint64_t samples) {
  Step step;
  step.stream = &stream;
  step.unplaced = samples;
  step.how = how;
  steps_.push_back(step);
}

StreamRecord* Core::find_stream(const Device& device, std::string_view channel) const {
  const auto found =
      std::ranges::find_if(device.streams, [&](const StreamRecord* stream) { return stream->state.channel == channel; });
  return found == device.streams.end() ? nullptr : *found;
}

std::optional<Rejection> Core::check_channel(const Message& message, const DecodedChannel& channel) const {
  if (channel.rejected) return channel.rejected;
  if (!schema::is_name(channel.channel)) return Rejection{Reason::bad_name, "a channel's"};
  if (!schema::is_name(channel.quantity)) return Rejection{Reason::bad_name, "the quantity's"};
  if (channel.unit.empty() || channel.unit.size() > schema::name_bytes_max) return Rejection{Reason::bad_name, "the unit's"};
  const std::uint64_t samples = sample_count(channel);
  if (samples == 0) return Rejection{Reason::empty, "no samples"};
  TimeNs last = channel.times_ns.empty() ? channel.start_ns : channel.times_ns.back();
  if (!channel.reading && channel.interval_ns != 0) {
    const double duration = channel.interval_ns * static_cast<double>(samples - 1);
    const bool plausible =
        channel.interval_ns >= 1 && channel.interval_ns <= interval_ns_max && duration <= block_duration_ns_max;
    if (!plausible) {  // NaN included
      return Rejection{Reason::bad_times, "a sampling interval of " + std::to_string(channel.interval_ns) + " ns"};
    }
    if (__builtin_add_overflow(last, static_cast<TimeNs>(duration), &last))
      return Rejection{Reason::time_future, "beyond all time"};
  }
  if (channel.start_ns < config_.time_earliest) return Rejection{Reason::time_past, "before time.earliest"};
  if (last > message.received_ns + config_.time_future_max) return Rejection{Reason::time_future, "beyond time.future_max"};
  return std::nullopt;
}

std::expected<StreamRecord*, Rejection> Core::stream_for(Device& device, const DecodedChannel& channel, const PointEntry* entry) {
  if (entry == nullptr && config_.points_required) {
    return std::unexpected(Rejection{Reason::unknown_stream, device.name + "/" + std::string(channel.channel)});
  }
  StreamRecord* stream = find_stream(device, channel.channel);
  const std::string_view quantity = entry != nullptr    ? std::string_view(entry->quantity)
                                    : stream != nullptr ? stream->state.quantity
                                                        : channel.quantity;
  const std::string_view unit = entry != nullptr    ? std::string_view(entry->unit)
                                : stream != nullptr ? stream->state.unit
                                                    : channel.unit;
  if (channel.quantity != quantity || channel.unit != unit) {
    return std::unexpected(Rejection{Reason::unit_differs, std::string(channel.quantity) + " in " + std::string(channel.unit) +
                                                               " where " + std::string(quantity) + " in " + std::string(unit) +
                                                               " is declared"});
  }
  if (stream == nullptr) {
    if (streams_.size() >= static_cast<std::size_t>(config_.ingest_streams_max)) {
      return std::unexpected(Rejection{Reason::too_many_streams, "ingest.streams_max is reached"});
    }
    auto record = std::make_unique<StreamRecord>();
    record->state.id = static_cast<std::int64_t>(streams_.size()) + 1;
    record->state.device = device.name;
    record->state.channel = channel.channel;
    record->state.quantity = quantity;
    record->state.unit = unit;
    windower_.adopt(*record);
    stream = record.get();
    device.streams.push_back(stream);
    streams_.push_back(std::move(record));
  }
  return stream;
}

void Core::describe_by_itself(StreamRecord& stream) {
  PointEntry own;
  own.device = own.machine = stream.state.device;
  own.channel = own.point = stream.state.channel;
  own.axis = "-";
  own.quantity = stream.state.quantity;
  own.unit = stream.state.unit;
  own.version = version_of(own);
  describe(stream, own);
}

void Core::describe(StreamRecord& stream, const PointEntry& entry) {
  expect(stream, entry);
  if (entry.version == stream.state.version) return;
  if (stream.state.quantity != entry.quantity || stream.state.unit != entry.unit) {
    detect();
    detector_.withdraw_all(stream.state, effect_);
    windower_.retire_all(stream, now_ns_, effect_);
    stream.state.quantity = entry.quantity;
    stream.state.unit = entry.unit;
    windower_.adopt(stream);
  }
  stream.state.version = entry.version;
  windower_.mark_dirty(stream);
  schema::StreamRowT row;
  row.version = entry.version;
  row.device = stream.state.device;
  row.channel = stream.state.channel;
  row.machine = entry.machine;
  row.point = entry.point;
  row.axis = entry.axis;
  row.quantity = entry.quantity;
  row.unit = entry.unit;
  row.location = entry.location;
  row.owner = entry.owner;
  effect_.rows.push_back({schema::Lane::notes, schema::RowKind::stream, schema::pack(row)});
}

// The point table may name another bearing from some day on, or another quantity.
const BlockPlan* Core::plan_for(StreamRecord& stream, const PointEntry* entry, const DecodedChannel& channel) {
  if (stream.plan == nullptr || stream.planned_for != entry) {
    stream.plan = plans_.plan_of(stream.state.device, channel.quantity, channel.unit, entry);
    stream.planned_for = entry;
  }
  return stream.plan;
}

void Core::take_channel(const Message& message, std::size_t index, Device& device, const Origin& origin,
                        const DecodedChannel& channel) {
  StreamRecord* stream = nullptr;
  const PointEntry* entry = points_.find(device.name, channel.channel, channel.start_ns);
  std::optional<Rejection> rejection = check_channel(message, channel);
  if (!rejection) {
    if (auto found = stream_for(device, channel, entry))
      stream = *found;
    else
      rejection = std::move(found.error());
  }
  if (rejection) {
    if (StreamRecord* known = find_stream(device, channel.channel)) {
      count_unplaced(*known, Unplaced::rejected, sample_count(channel));
    }
    const std::string_view name = schema::is_name(channel.channel) ? channel.channel : std::string_view();
    return reject(message, std::move(*rejection), device.name, name);
  }
  Step step;
  step.stream = stream;
  step.entry = entry;
  step.message = index;
  step.origin = origin;
  step.time_ns = channel.start_ns;
  step.identity = channel.identity;
  if (is_block(channel)) {
    step.block = blocks_.size();
    step.plan = plan_for(*stream, entry, channel);
    if (!step.plan->kernel.features.empty()) step.speed = speeds_.at(entry, channel.start_ns, channel.shaft_hz);
    kernels::BlockView& block = blocks_.emplace_back(channel.samples);
    block.plan = &step.plan->kernel;
    block.sampling_rate_hz = static_cast<double>(ns_per_s) / channel.interval_ns;
    block.shaft_hz = step.speed.hz;
    if (entry != nullptr) {
      block.plausible_min = entry->plausible_min;
      block.plausible_max = entry->plausible_max;
      block.full_scale = entry->full_scale;
    }
    steps_.push_back(step);
    return;
  }
  for (std::size_t i = 0; i < sample_count(channel); ++i) {
    step.reading = channel.reading ? *channel.reading : kernels::sample_of(channel.samples, i);
    if (!channel.times_ns.empty()) step.time_ns = channel.times_ns[i];
    if (entry != nullptr) speeds_.note(*entry, step.time_ns, step.reading, effect_.speeds);
    steps_.push_back(step);
  }
}

void Core::place(const Step& step, std::span<const Message> batch) {
  if (step.complete != nullptr) {
    for (StreamRecord* stream : step.complete->streams) windower_.advance(*stream, step.time_ns, now_ns_, effect_);
    return;
  }
  if (step.unplaced > 0) return windower_.count_unplaced(*step.stream, step.how, step.unplaced);
  const Message& message = batch[step.message];
  if (step.entry != nullptr) {
    describe(*step.stream, *step.entry);
  } else if (step.stream->state.version == 0) {
    describe_by_itself(*step.stream);
  }
  if (step.identity && is_repeated(step, message)) return;
  Arrival arrival;
  arrival.time_ns = step.time_ns;
  if (step.block != Step::no_block) {
    arrival.plan = step.plan;
    arrival.block = results_[step.block];
    arrival.moments = arrival.block.moments;
    arrival.speed = step.speed;
  } else {
    arrival.moments = kernels::moments_of(step.reading, step.stream->plausible_min, step.stream->plausible_max);
  }
  arrival.origin = step.origin;
  arrival.received_ns = message.received_ns;
  const Stream& stream = step.stream->state;
  if (windower_.add(*step.stream, arrival, now_ns_, effect_) == Placed::late && has_no_letter(step, Reason::late)) {
    reject(message, {Reason::late, "channel " + stream.channel + " is at " + format_time(stream.newest_ns)}, stream.device);
  }
  if (arrival.moments.not_finite == arrival.samples() && has_no_letter(step, Reason::not_finite)) {
    reject(message, {Reason::not_finite, "channel " + stream.channel}, stream.device);
  }
  if (step.identity) forget_identities(*step.stream);
}

bool Core::has_no_letter(const Step& step, Reason reason) {
  const std::pair<std::size_t, const StreamRecord*> whose{step.message, step.stream};
  return std::exchange(last_letters_.at(static_cast<std::size_t>(reason)), whose) != whose;
}

bool Core::is_repeated(const Step& step, const Message& message) {
  Stream& stream = step.stream->state;
  const IdentityKey key{step.time_ns, *step.identity};
  const auto [known, is_new] = stream.identities.try_emplace(key, step.reading);
  if (is_new) {
    effect_.identities.push_back({stream.id, key, step.reading});
    return false;
  }
  if (known->second == step.reading) {
    windower_.count_unplaced(*step.stream, Unplaced::duplicate, 1);
  } else {
    windower_.count_unplaced(*step.stream, Unplaced::rejected, 1);
    if (has_no_letter(step, Reason::identity_conflict)) {
      reject(message, {Reason::identity_conflict, "channel " + stream.channel + " came before with another value"},
             stream.device);
    }
  }
  return true;
}

void Core::forget_identities(StreamRecord& stream) {
  auto& identities = stream.state.identities;
  while (!identities.empty()) {
    const IdentityKey oldest = identities.begin()->first;
    // A reading that old is late whatever its identity.
    const bool is_past = windower_.is_past(stream, oldest.time_ns);
    if (!is_past && identities.size() <= identities_per_stream_max) break;
    if (!is_past) ++effect_.totals[Counter::identities_forgotten];
    identities.erase(identities.begin());
    effect_.identities.push_back({stream.state.id, oldest, std::nullopt});
  }
}

void Core::reject(const Message& message, Rejection rejection, std::string_view device, std::string_view channel) {
  ++effect_.totals[rejection.reason];
  DeadLetter letter;
  letter.received_ns = message.received_ns;
  letter.rejection = std::move(rejection);
  letter.topic = message.topic;
  letter.device = device;
  letter.channel = channel;
  letter.payload_bytes = message.payload.size();
  const std::size_t bytes_max =
      std::min(static_cast<std::size_t>(config_.spool_dead_letter_bytes_max), letter_bytes_per_batch_max - letter_bytes_);
  const auto kept = message.payload.first(std::min(message.payload.size(), bytes_max));
  letter_bytes_ += kept.size();
  letter.payload.assign(kept.begin(), kept.end());
  effect_.dead_letters.push_back(std::move(letter));
}

void Core::detect() { detector_.watch(windower_.take_final(), effect_); }

std::vector<OutgoingAck> Core::acknowledgements() const {
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
  return acks;
}

}  // namespace stethos::edge
