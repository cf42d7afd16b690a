#include "edge/pipeline.h"

#include <algorithm>
#include <bit>

#include "edge/window/window_row.h"

namespace stethos::edge {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

}  // namespace

void LatencyHistogram::add(DurationNs duration) {
  const auto ms = static_cast<std::uint64_t>(std::max<DurationNs>(duration, 0) / ns_per_ms);
  ++buckets[std::min(static_cast<std::size_t>(std::bit_width(ms)), bucket_count - 1)];
  ++count;
  sum_ns += duration;
}

Pipeline::Pipeline(Settings settings, Core& core, MessagePort& port, Spool& spool, const Clock& clock,
                   std::function<void()> committed)
    : settings_(std::move(settings)), core_(core), port_(port), spool_(spool), clock_(clock), committed_(std::move(committed)) {
  status_.totals = core_.totals();
  status_.samples = core_.samples();
  status_.alarms_alert = core_.alarm_count(schema::AlarmLevel::alert);
  status_.alarms_danger = core_.alarm_count(schema::AlarmLevel::danger);
  status_.stepped_monotonic_ns = clock_.monotonic();
}

Status Pipeline::step() {
  batch_.clear();
  port_.poll(settings_.commit_interval, batch_);
  const auto processed = core_.process(batch_, clock_.now());
  if (!processed) return std::unexpected(processed.error());
  Effect& effect = **processed;

  const TimeNs committing_ns = clock_.now();
  const DurationNs started = clock_.monotonic();
  pack_rows(effect, committing_ns);
  if (auto committed = spool_.commit(effect); !committed) return committed;
  const DurationNs commit_ns = clock_.monotonic() - started;

  port_.durable();
  for (const OutgoingAck& ack : core_.acknowledgements()) port_.publish(ack.topic, ack.payload);
  if (!effect.rows.empty()) committed_();
  republish(effect);
  note(effect, batch_, clock_.now(), commit_ns);
  return {};
}

Status Pipeline::run(const std::function<bool()>& stop, DurationNs deadline) {
  while (!stop()) {
    if (auto done = step(); !done) return done;
  }
  port_.close();
  const DurationNs until = clock_.monotonic() + deadline;
  do {
    if (auto done = step(); !done) return done;
  } while (!batch_.empty() && clock_.monotonic() < until);
  return {};
}

void Pipeline::republish(const Effect& effect) {
  if (settings_.republish_topic.empty()) return;
  for (const schema::WindowRowT& row : effect.windows) {
    std::string topic = settings_.republish_topic;
    replace_all(topic, "{device}", row.device);
    replace_all(topic, "{channel}", row.channel);
    const std::string text = window_json(row);
    port_.publish(topic, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
}

void Pipeline::note(const Effect& effect, std::span<const Message> batch, TimeNs committed_ns, DurationNs commit_ns) {
  const SampleCounts samples = core_.samples();
  const std::lock_guard lock(status_mutex_);
  status_.totals = effect.totals;
  status_.samples = samples;
  status_.streams = core_.stream_count();
  status_.devices = core_.device_count();
  status_.alarms_alert = core_.alarm_count(schema::AlarmLevel::alert);
  status_.alarms_danger = core_.alarm_count(schema::AlarmLevel::danger);
  status_.stepped_monotonic_ns = clock_.monotonic();
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
