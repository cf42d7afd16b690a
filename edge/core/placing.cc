#include "edge/core/placing.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "common/time_text.h"
#include "edge/config/parameter_text.h"
#include "edge/core/limits.h"
#include "gpu_kernels/statistics.h"
#include "schemas/envelope.h"

namespace stethos::edge {
namespace {

constexpr DurationNs idle_scan_interval_ns = 100 * ns_per_ms;

// What holds for samples of a stream by its entry.
Description description_of(const PointEntry& entry) {
  return {.version = entry.version,
          .machine = entry.machine,
          .quantity = entry.quantity,
          .unit = entry.unit,
          .interval_ns = entry.interval_ns,
          .block_length = entry.block_length,
          .plausible_min = entry.plausible_min,
          .plausible_max = entry.plausible_max};
}

// What a part of a stream is; nothing: the point table says otherwise now.
std::optional<PointEntry> entry_of(const Stream& stream, const Description& part, const std::vector<PointEntry>* entries) {
  if (entries != nullptr) {
    const auto found = std::ranges::find(*entries, part.version, &PointEntry::version);
    if (found != entries->end()) return *found;
  }
  PointEntry own = described_by_itself(stream.device, stream.channel, part.quantity, part.unit);
  return own.version == part.version ? std::optional(std::move(own)) : std::nullopt;
}

// Of two readings of one identity. Missing ones are all alike.
double told_apart_by(double value) { return std::isfinite(value) ? value : std::numeric_limits<double>::infinity(); }

}  // namespace

Placing::Placing(const EdgeConfig& config, Letters& letters, const PointTable& points, const Forgetting& forgetting,
                 const std::vector<WindowDefinition>& former)
    : letters_(letters),
      points_(points),
      forgetting_(forgetting),
      windower_(window_definitions(config.windows), former,
                {.watermark_delay_ns = config.time_watermark_delay,
                 .lateness_ns = config.time_lateness,
                 .idle_timeout_ns = config.time_idle_timeout,
                 .future_max_ns = config.time_future_max,
                 .rebase_after = static_cast<std::uint64_t>(config.time_rebase_after)}),
      plans_(config, windower_.definitions()),
      detector_(limits_of(config.limits, windower_.definitions())) {
  windower_.set_watch([this](const auto& stream, const auto& definition, const auto& description, const auto& whole) {
    return detector_.see(stream, definition, description, whole);
  });
}

void Placing::restore(std::vector<Stream> streams, const SampleCounts& samples_forgotten) {
  windower_.count_forgotten(samples_forgotten);
  for (Stream& stream : streams) adopt(std::move(stream), false);
  name_parameters();
}

void Placing::adopt(Stream stream, bool has_returned) {
  auto record = std::make_unique<StreamRecord>();
  record->state = std::move(stream);
  Stream& state = record->state;
  const auto* entries = points_.entries_of(state.device, state.channel);
  const PointEntry* entry = valid_at(entries, time_max);
  if (has_returned) record->summed = state.counts;  // they are in the sum already
  Description expected =
      description_of(entry != nullptr ? *entry : described_by_itself(state.device, state.channel, state.quantity, state.unit));
  if (expected.version != state.version) expected.machine.clear();
  windower_.adopt(*record, std::move(expected));
  if (has_returned) {
    // The rows that say what it is may have left the outbox meanwhile.
    for (const Part& part : state.parts) {
      if (const auto said = entry_of(state, part.description, entries)) send_stream_row(*said);
    }
    state.heard_ns = forgetting_.heard();
    windower_.take_over(*record, effect_->now_ns, *effect_);
    windower_.mark(*record);
    ++effect_->totals[Counter::streams_returned];
  }
  identity_count_ += state.identities.size();
  record->samples_balanced = state.counts.accounted();
  const StreamId id = state.id;
  streams_.insert_or_assign(id, std::move(record));
}

std::uint64_t Placing::rows_due(StreamId id, TimeNs watermark_ns) const {
  const auto found = streams_.find(id);
  return found == streams_.end() ? 0 : windower_.rows_due(*found->second, watermark_ns);
}

// What was open is sent as it is, and what was told as open is closed.
void Placing::close(StreamRecord& stream) {
  windower_.close(stream, effect_->now_ns, *effect_);
  detector_.withdraw_all(stream.state, *effect_);
  while (!stream.state.identities.empty()) forget_oldest_identity(stream.state);
}

// The stream for which something comes. Had it been looked at a moment before, it might have been forgotten: that it was not
// makes no difference.
StreamRecord& Placing::speaking(StreamId id) {
  StreamRecord& stream = stream_of(id);
  if (forgetting_.is_due(stream.state.heard_ns)) close(stream);
  stream.state.heard_ns = forgetting_.heard();
  return stream;
}

void Placing::settle_silences() {
  for (const auto& [id, stream] : streams_) {
    if (forgetting_.settle(stream->state.heard_ns)) windower_.mark(*stream);
  }
}

void Placing::set_provenance(std::uint64_t provenance) {
  windower_.set_provenance(provenance);
  detector_.set_provenance(provenance);
}

// Those that the configuration can bring forth, and those of panes that another one left.
void Placing::name_parameters() {
  for (const WindowDefinition& definition : windower_.definitions()) {
    for (const auto& [text, share] : definition.quantiles) parameters_.add(text);
  }
  for (const auto& [statistic, text] : plans_.features()) parameters_.add_feature(statistic, text);
  for (const auto& [id, stream] : streams_) {
    for (const auto& [definition, panes] : stream->state.panes) {
      for (const auto& [start, pane] : panes) {
        for (const FeatureSummary& each : pane.blocks.features) {
          parameters_.add_feature(each.statistic, each.parameter);
        }
      }
    }
  }
  windower_.set_parameters(parameters_);
}

std::vector<std::pair<std::uint16_t, std::uint16_t>> Placing::shown_statistics() const {
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
      const Parameters::OverBlocks numbers = parameters_.of_feature(text);
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (numbers[i] != 0 && has_over_blocks(*kernels::find_statistic(statistic), over_blocks[i])) add(statistic, numbers[i]);
      }
    }
  }
  std::ranges::sort(out);
  return out;
}

std::size_t Placing::alarm_count(schema::AlarmLevel level) const {
  std::size_t count = 0;
  for (const auto& [id, stream] : streams_) {
    count += std::ranges::count_if(stream->state.alarms, [&](const auto& each) { return each.second.level == level; });
  }
  return count;
}

std::size_t Placing::provisional_alarm_count(schema::AlarmLevel level) const {
  std::size_t count = 0;
  for (const auto& [id, stream] : streams_) {
    count +=
        std::ranges::count_if(stream->state.alarms, [&](const auto& each) { return provisional_level(each.second) == level; });
  }
  return count;
}

Status Placing::take(const Arrivals& arrivals, const std::unordered_map<StreamId, std::uint64_t>& samples_decoded,
                     Effect& effect) {
  effect_ = &effect;
  leaving_.clear();
  for (const Stream& stream : arrivals.returned) adopt(stream, true);
  if (!has_taken_over_) take_over();
  note_trust();
  if (forgetting_.measures_anew()) settle_silences();
  for (const Arrival& arrival : arrivals.list) {
    std::visit([&](const auto& each) { take_one(each, arrivals); }, arrival);
  }
  if (auto balanced = check_books(samples_decoded); !balanced) return balanced;
  detect();
  const TimeNs now_ns = effect.now_ns;
  if (now_ns >= idle_scan_due_ns_ || now_ns < idle_scan_due_ns_ - idle_scan_interval_ns) {
    idle_scan_due_ns_ = now_ns + idle_scan_interval_ns;
    look_at_idle();
  }
  windower_.collect_changes(effect);
  return {};
}

// Each sample that was decoded is placed, late, a duplicate, out of range, not finite or rejected, and nothing else is: of the
// stream, and of each definition that takes it.
Status Placing::check_books(const std::unordered_map<StreamId, std::uint64_t>& samples_decoded) {
  if (windower_.imbalance()) return fail(Code::unbalanced, "balancing the books of a definition", *windower_.imbalance());
  std::size_t balanced = 0;
  for (StreamRecord* stream : windower_.changed_streams()) {
    const std::uint64_t all = stream->state.counts.accounted();
    const std::uint64_t accounted = all - std::exchange(stream->samples_balanced, all);
    const auto found = samples_decoded.find(stream->state.id);
    const std::uint64_t decoded = found == samples_decoded.end() ? 0 : found->second;
    if (found != samples_decoded.end()) ++balanced;
    if (accounted == decoded) continue;
    return fail(Code::unbalanced, "balancing the books of " + stream->state.device + "/" + stream->state.channel,
                std::to_string(decoded) + " samples came and " + std::to_string(accounted) + " are accounted for");
  }
  if (balanced == samples_decoded.size()) return {};
  return fail(Code::unbalanced, "balancing the books", "samples of a stream came, and it has not changed");
}

void Placing::take_over() {
  for (const auto& [id, stream] : streams_) {
    windower_.take_over(*stream, effect_->now_ns, *effect_);
    // Nobody listened: what came meanwhile waits at the broker.
    Windower::begin_silence_anew(*stream, effect_->now_ns);
    detector_.withdraw_former(stream->state, *effect_);
  }
  effect_->definitions = &windower_.remembered();
  has_taken_over_ = true;
}

void Placing::note_trust() {
  if (std::exchange(clock_trusted_, effect_->clock_trusted) == effect_->clock_trusted) return;
  for (const auto& [id, stream] : streams_) Windower::begin_silence_anew(*stream, effect_->now_ns);
}

// Sends no more than one commit should hold, besides what the batch sends; the next batch goes on, however soon it comes.
void Placing::look_at_idle() {
  behind_max_ = ahead_max_ = 0;
  settle_silences();
  const auto row_count = [&] { return effect_->windows.size() + effect_->silences.size(); };
  const std::size_t rows_before = row_count();
  for (auto each = streams_.begin(); each != streams_.end();) {
    const auto own = each++;
    const auto& stream = own->second;
    if (row_count() - rows_before >= rows_per_batch_max) {
      idle_scan_due_ns_ = effect_->now_ns;
    } else {
      windower_.send_if_idle(*stream, effect_->now_ns, *effect_);
      detector_.watch_open(windower_.take_idle(), *effect_);
      if (leaving_.size() < forgotten_per_batch_max && forgetting_.is_due(stream->state.heard_ns)) {
        close(*stream);
        effect_->forgotten_streams.push_back(&stream->state);
        ++effect_->totals[Counter::streams_forgotten];
        leaving_.push_back(std::move(own->second));
        streams_.erase(own);
        continue;
      }
      windower_.report_if_silent(*stream, effect_->now_ns, *effect_);
    }
    if (stream->state.newest_ns == time_min || stream->silence_begins_anew || !effect_->clock_trusted) continue;
    const DurationNs behind = stream->state.last_received_ns - stream->state.newest_ns;
    behind_max_ = std::max(behind_max_, behind);
    ahead_max_ = std::max(ahead_max_, -behind);
  }
}

void Placing::detect() { detector_.watch(windower_.take_watched(), *effect_); }

void Placing::take_one(const StreamDescribed& described, const Arrivals& arrivals) {
  const PointEntry& entry = arrivals.descriptions[described.description];
  auto& stream = streams_[described.stream];
  if (stream == nullptr) {
    stream = std::make_unique<StreamRecord>();
    stream->state.id = described.stream;
    stream->state.device = entry.device;
    stream->state.channel = entry.channel;
    windower_.adopt(*stream, {});
  }
  stream->state.described_in_epoch = described.described_in_epoch;
  stream->declared = description_of(entry);
  stream->declared_by = entry;
  stream->declared_from_ns.reset();
  if (entry.valid_from_ns != time_min) stream->declared_from_ns = entry.valid_from_ns;
}

void Placing::send_stream_row(const PointEntry& entry) {
  schema::StreamRowT row;
  row.version = entry.version;
  row.device = entry.device;
  row.channel = entry.channel;
  row.machine = entry.machine;
  row.point = entry.point;
  row.axis = entry.axis;
  row.quantity = entry.quantity;
  row.unit = entry.unit;
  row.location = entry.location;
  row.owner = entry.owner;
  effect_->rows.push_back({schema::Lane::notes, schema::RowKind::stream, schema::pack(row)});
}

void Placing::take_one(const BlockArrived& arrived, const Arrivals& arrivals) {
  const BlockValues& values = arrivals.blocks[arrived.statistics];
  Samples samples;
  samples.time_ns = arrived.start_ns;
  samples.moments = values.moments;
  samples.plan = &plans_.plan(values.plan);
  samples.block = values.view();
  samples.speed = values.speed;
  analyses_.clear();
  for (std::size_t i = arrived.analyses_begin; i < arrived.analyses_end; ++i) {
    const AnalysisArrived& each = arrivals.analyses[i];
    const BlockValues& its = arrivals.blocks[each.statistics];
    analyses_.push_back({each.block_ns, each.start_ns, its.speed, its.features});
  }
  samples.analyses = analyses_;
  samples.kept_from_ns = arrived.kept_from_ns;
  place(speaking(arrived.stream), arrived.source, samples);
}

void Placing::take_one(const ReadingArrived& arrived, const Arrivals& /*arrivals*/) {
  StreamRecord& stream = speaking(arrived.stream);
  if (arrived.identity && is_repeated(stream, arrived)) return;
  Samples samples;
  samples.time_ns = arrived.time_ns;
  samples.moments = kernels::moments_of(arrived.value, stream.declared.plausible_min, stream.declared.plausible_max);
  const bool is_placed = place(stream, arrived.source, samples);
  if (!arrived.identity) return;
  if (is_placed) remember(stream.state, arrived);
  forget_identities(stream);
}

void Placing::take_one(const SamplesUnplaced& unplaced, const Arrivals& /*arrivals*/) {
  windower_.count_unplaced(speaking(unplaced.stream), unplaced.how, unplaced.samples);
}

// It holds for all its streams, also those that are silent. What no clock could judge holds no further than the device's own
// samples have come.
void Placing::take_one(const DeviceComplete& complete, const Arrivals& /*arrivals*/) {
  TimeNs until_ns = complete.until_ns;
  if (!complete.is_judged) {
    TimeNs newest_ns = time_min;
    for (const StreamId id : complete.streams) newest_ns = std::max(newest_ns, stream_of(id).state.newest_ns);
    until_ns = std::min(until_ns, newest_ns);
  }
  for (const StreamId id : complete.streams) {
    StreamRecord& stream = stream_of(id);
    if (!forgetting_.is_due(stream.state.heard_ns)) windower_.advance(stream, until_ns, effect_->now_ns, *effect_);
  }
}

bool Placing::place(StreamRecord& stream, const Source& source, Samples& samples) {
  samples.origin = source.origin;
  samples.received_ns = source.received_ns;
  samples.clock_untrusted = source.clock_untrusted;
  if (source.was_late) samples.late_in = &effect_->put_through->late_in;
  const Stream& state = stream.state;
  const Taken taken = windower_.add(stream, samples, effect_->now_ns, *effect_);
  if (taken.begins_version) send_stream_row(stream.declared_by);
  if (taken.placed == Placed::late) {
    letters_.write_unplaced(source, {Reason::late, "channel " + state.channel + " is at " + format_time(state.newest_ns)},
                            samples.count(), state, taken.late_in);
  }
  if (taken.placed == Placed::unit_differs) {
    const std::string units = " in " + stream.declared.unit + ", not newer than what came in " + state.unit;
    letters_.write_unplaced(source, {Reason::unit_differs, "channel " + state.channel + units}, samples.count(), state,
                            taken.late_in);
  }
  if (samples.moments.not_finite == samples.count()) {
    letters_.write_once(source.message, {Reason::not_finite, "channel " + state.channel}, state.id, state.device);
  }
  return taken.placed == Placed::placed;
}

bool Placing::is_repeated(StreamRecord& stream, const ReadingArrived& arrived) {
  Stream& state = stream.state;
  const IdentityKey key{arrived.time_ns, arrived.identity->identity};
  const auto known = arrived.identity->is_alone ? state.identities.find(key.identity) : state.identities.find(key);
  if (!known) return false;
  if (*known == told_apart_by(arrived.value)) {
    windower_.count_unplaced(stream, Unplaced::duplicate, 1);
    return true;
  }
  windower_.count_unplaced(stream, Unplaced::rejected, 1);
  letters_.write_once(arrived.source.message,
                      {Reason::identity_conflict, "channel " + state.channel + " came before with another value"}, state.id,
                      state.device);
  return true;
}

// Of one that was placed: what no window took may come once more, or be put through again.
void Placing::remember(Stream& stream, const ReadingArrived& arrived) {
  const IdentityKey key{arrived.time_ns, arrived.identity->identity};
  const double value = told_apart_by(arrived.value);
  stream.identities.add(key, value);
  ++identity_count_;
  effect_->identities.push_back({stream.id, key, value});
}

// Those of readings that would be late now whatever their identity, and the oldest where there is no room.
void Placing::forget_identities(StreamRecord& stream) {
  const Identities& identities = stream.state.identities;
  while (!identities.empty() && windower_.is_late(stream, identities.oldest().time_ns)) forget_oldest_identity(stream.state);
  if (identities.size() > identities_per_stream_max) forget_early(stream.state);
  if (identity_count_ <= identities_max) return;
  const auto size_of = [](const auto& each) { return each.second->state.identities.size(); };
  forget_early(std::ranges::max_element(streams_, {}, size_of)->second->state);
}

void Placing::forget_early(Stream& stream) {
  ++effect_->totals[Counter::identities_forgotten];
  forget_oldest_identity(stream);
}

void Placing::forget_oldest_identity(Stream& stream) {
  effect_->identities.push_back({stream.id, stream.identities.oldest(), std::nullopt});
  stream.identities.forget_oldest();
  --identity_count_;
}

}  // namespace stethos::edge
