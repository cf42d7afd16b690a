#include "edge/health/health.h"

#include <cmath>
#include <fstream>
#include <optional>

#include "common/metrics.h"
#include "common/sqlite_disk_work.h"

namespace stethos::edge {
namespace {

// A commit that takes longer than this is a spool that hangs.
constexpr DurationNs commit_ns_max = 60 * ns_per_s;

using Labels = std::vector<std::pair<std::string, std::string>>;

class MetricList {
 public:
  void counter(std::string name, std::string help, double value, Labels labels = {}) {
    metrics_.push_back({"stethos_edge_" + std::move(name), std::move(help), Metric::Kind::counter, value, std::move(labels)});
  }
  void gauge(std::string name, std::string help, double value, Labels labels = {}) {
    metrics_.push_back({"stethos_edge_" + std::move(name), std::move(help), Metric::Kind::gauge, value, std::move(labels)});
  }
  std::string text() const { return prometheus_text(metrics_); }

 private:
  std::vector<Metric> metrics_;
};

double real(std::uint64_t value) { return static_cast<double>(value); }
double seconds(DurationNs ns) { return static_cast<double>(ns) * 1e-9; }

void add_pipeline(MetricList& list, const PipelineStatus& status) {
  const Totals& totals = status.totals;
  list.counter("messages_total", "Messages taken from the broker, since the spool began.", real(totals[Counter::messages]));
  list.counter("message_bytes_total", "Bytes of their payloads.", real(totals[Counter::message_bytes]));
  list.counter("duplicate_messages_total", "Messages that had been handled before.", real(totals[Counter::duplicate_messages]));
  list.counter("deferred_messages_total", "Messages left to their device, for want of room to remember them.",
               real(totals[Counter::deferred_messages]));
  list.counter("lost_messages_total", "Messages that a device gave up: they are gaps.", real(totals[Counter::lost_messages]));
  list.counter("identities_forgotten_total", "Identities of readings forgotten early, for room.",
               real(totals[Counter::identities_forgotten]));
  list.counter("streams_rebased_total", "Times that a stream went back to a clock that had jumped ahead.",
               real(totals[Counter::streams_rebased]));
  list.counter("ignored_messages_total", "Messages that a rule of their subscription says are no readings.",
               real(totals[Counter::ignored_messages]));
  list.counter("streams_behind_total", "Times that all that came for a stream was late: a clock is behind.",
               real(totals[Counter::streams_behind]));
  list.counter("streams_forgotten_total", "Streams forgotten, for nothing had come for them for so long.",
               real(totals[Counter::streams_forgotten]));
  list.counter("analysis_blocks_total", "Analysis blocks that were made of blocks that follow one another.",
               real(totals[Counter::analysis_blocks]));
  list.counter("analysis_blocks_late_total", "Of these, those that the windows of a definition could not take any more.",
               real(totals[Counter::analysis_blocks_late]));
  list.counter("joins_ended_total", "Blocks to be joined that did not follow the one before, or were described otherwise.",
               real(totals[Counter::joins_ended]));
  list.counter("streams_returned_total", "Forgotten streams that something came for again while they were on record.",
               real(totals[Counter::streams_returned]));
  list.counter("devices_forgotten_total", "Devices forgotten, for they had not spoken for so long.",
               real(totals[Counter::devices_forgotten]));
  list.counter("devices_returned_total", "Forgotten devices that spoke again while their sequences were on record.",
               real(totals[Counter::devices_returned]));
  list.counter("window_rows_total", "Window rows written, open and final.", real(totals[Counter::window_rows]));
  list.counter("silence_rows_total", "Reports of windows that are missing, open, final and withdrawn.",
               real(totals[Counter::silence_rows]));
  list.counter("alarm_rows_total", "Changes of alarms written.", real(totals[Counter::alarm_rows]));
  list.counter("limit_units_differ_total", "Windows that were not held against a limit because it has another unit.",
               real(totals[Counter::limit_units_differ]));
  for (std::size_t i = 0; i < reason_count; ++i) {
    list.counter("dead_letters_total", "Messages, or channels of messages, that were refused.", real(totals.dead_letters[i]),
                 {{"reason", std::string(reason_names[i])}});
  }
  list.counter("dead_letters_put_through_total", "Dead letters that were processed again, and left.",
               real(totals[Counter::letters_put_through]));
  const SampleCounts& samples = status.samples;
  const std::pair<const char*, std::uint64_t> outcomes[] = {{"good", samples.good},
                                                            {"duplicate", samples.duplicate},
                                                            {"late", samples.late},
                                                            {"out_of_range", samples.out_of_range},
                                                            {"not_finite", samples.not_finite},
                                                            {"rejected", samples.rejected},
                                                            {"recovered", samples.recovered}};
  for (const auto& [outcome, value] : outcomes) {
    list.counter(
        "samples_total",
        "Samples by what became of them, since the spool began. Those that are recovered are counted as late and as what "
        "they are.",
        real(value), {{"outcome", outcome}});
  }
  if (status.disk_free_bytes) list.gauge("spool_disk_free_bytes", "Room on the spool's disk.", real(*status.disk_free_bytes));
  list.gauge("spool_disk_paused", "1 while no messages are taken, for want of room there.", status.disk_low ? 1 : 0);
  list.gauge("clock_trusted", "1 while the clock is known to be right.", status.clock_trusted ? 1 : 0);
  list.gauge("held_messages", "Messages without a time of their own, held until it is.", real(status.held_messages));
  list.gauge("held_bytes", "What they take.", real(status.held_bytes));
  list.gauge("careful_messages", "Messages still to be taken one by one, for the last run died.", real(status.careful_messages));
  list.gauge("suspect_messages", "Messages on record that the process died with.", real(status.suspects));
  list.gauge("streams", "Streams known.", real(status.streams));
  list.gauge("devices", "Devices known.", real(status.devices));
  list.gauge("event_time_behind_seconds_max", "How far the newest stamp of a stream lay behind its arrival, of all the farthest.",
             seconds(status.behind_ns_max));
  list.gauge("event_time_ahead_seconds_max", "The same, of stamps that lay ahead of it: a clock is wrong.",
             seconds(status.ahead_ns_max));
  list.gauge("alarms_active", "Alarms that are active, by level.", real(status.alarms_alert), {{"level", "alert"}});
  list.gauge("alarms_active", "Alarms that are active, by level.", real(status.alarms_danger), {{"level", "danger"}});
  constexpr const char* provisional = "Alarms, active or not, of which this level is provisional: not counted as active at it.";
  list.gauge("alarms_provisional", provisional, real(status.alarms_provisional_alert), {{"level", "alert"}});
  list.gauge("alarms_provisional", provisional, real(status.alarms_provisional_danger), {{"level", "danger"}});
  list.counter("commits_total", "Transactions committed, since the start.", real(status.commits));
  list.counter("commit_seconds_total", "Time spent committing, since the start.", seconds(status.commit_ns_sum));
  std::uint64_t below = 0;
  const LatencyHistogram& latency = status.receipt_to_commit;
  for (std::size_t i = 0; i + 1 < LatencyHistogram::bucket_count; ++i) {
    below += latency.buckets[i];
    list.counter("receipt_to_commit_seconds_bucket", "From the arrival of a message to its commit; cumulative, by upper bound.",
                 real(below), {{"le", std::to_string(std::ldexp(0.001, static_cast<int>(i)))}});
  }
  list.counter("receipt_to_commit_seconds_bucket", "", real(latency.count), {{"le", "+Inf"}});
  list.counter("receipt_to_commit_seconds_sum", "Sum of them.", seconds(latency.sum_ns));
  list.counter("receipt_to_commit_seconds_count", "How many.", real(latency.count));
}

void add_port(MetricList& list, const MqttStatus& status) {
  list.gauge("mqtt_subscribed", "1 while connected and subscribed.", status.subscribed ? 1 : 0);
  list.counter("mqtt_connections_total", "Connections made, since the start.", real(status.connections));
  list.counter("mqtt_connection_failures_total", "Connections that failed, since the start.", real(status.connection_failures));
  list.counter("mqtt_publishes_dropped_total", "Acknowledgements dropped, since the start.", real(status.publishes_dropped));
  list.counter("mqtt_sessions_lost_total", "Times that the broker had lost our session, since the start.",
               real(status.sessions_lost));
  list.counter("mqtt_sessions_taken_over_total", "Times that another client with our id took the session, since the start.",
               real(status.sessions_taken_over));
  list.counter("mqtt_subscriptions_refused_total", "Times that the broker refused a filter, since the start.",
               real(status.subscriptions_refused));
  list.gauge("mqtt_filters_lowered", "Filters that have a lower quality of service than was asked for.",
             real(status.filters_lowered));
  list.gauge("mqtt_without_identifiers", "1 while the broker has no subscription identifiers: copies are not told apart.",
             status.without_identifiers ? 1 : 0);
  list.counter("mqtt_messages_by_unknown_filters_total",
               "Messages by filters of our session that are not on record, since the start.",
               real(status.messages_by_unknown_filters));
  list.gauge("mqtt_former_filters", "Filters that have left the configuration and not yet the session.",
             real(status.former_filters));
  list.gauge("republish_waiting_bytes", "Rows that wait to be published again.", real(status.rows_waiting_bytes));
  list.counter("republish_dropped_total", "Rows dropped instead of being published again, since the start.",
               real(status.rows_dropped));
  list.gauge("queue_bytes", "Payloads waiting for the core.", real(status.queue_bytes));
  list.counter(
      "crowded_out_messages_total",
      "Messages not taken because their device held more than its share of a queue that was filling up, since the start.",
      real(status.messages_refused));
  list.counter("queue_full_waits_total", "Times that reading paused because the queue was full.", real(status.queue_full_waits));
}

// As the kernel counts them: what this process made dirty, to be written sooner or later. Flash wears out by it.
std::optional<double> bytes_written() {
  std::ifstream file("/proc/self/io");
  std::string key;
  double value = 0;
  while (file >> key >> value) {
    if (key == "write_bytes:") return value;
  }
  return std::nullopt;
}

void add_spool(MetricList& list, const SqliteSpool& spool) {
  const sqlite::DiskWork work = sqlite::disk_work();
  list.counter("spool_written_bytes_total",
               "Bytes handed to the system to be written to the spool and its write-ahead log, since the start.",
               real(work.bytes_written));
  list.counter("spool_syncs_total", "Times that the spool or its log was synced to its disk, since the start.", real(work.syncs));
  const auto lanes = spool.lane_totals();
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const Labels lane{{"lane", schema::EnumNameLane(static_cast<schema::Lane>(i))}};
    list.gauge("outbox_rows", "Rows that the collector does not have.", real(lanes[i].waiting.rows), lane);
    list.gauge("outbox_bytes", "Bytes of these rows.", real(lanes[i].waiting.bytes), lane);
    list.gauge("history_rows", "Rows that the collector has and that are still kept.", real(lanes[i].history.rows), lane);
    list.gauge("history_bytes", "Bytes of these rows.", real(lanes[i].history.bytes), lane);
  }
  const GivenUpTotals given_up = spool.given_up();
  list.counter("history_rows_dropped_total", "Rows that the collector has that left, for room or age.",
               real(given_up.history_rows));
  list.counter("dead_letters_dropped_total", "Dead letters that left, for room.", real(given_up.dead_letters));
  list.counter("rows_given_up_total", "Rows that the collector never got that left, for room or age: they are gaps.",
               real(given_up.rows));
  list.counter("forgotten_dropped_total",
               "Forgotten streams and devices of which nothing is on record any more, for there were too many.",
               real(given_up.forgotten));
}

void add_sender(MetricList& list, const uplink::SenderStatus& status) {
  list.counter("uplink_batches_total", "Batches acknowledged, since the start.", real(status.batches));
  list.counter("uplink_rows_total", "Rows acknowledged, since the start.", real(status.rows));
  list.counter("uplink_rows_again_total", "Rows sent again because the collector asked for them, since the start.",
               real(status.rows_again));
  list.counter("uplink_directives_ignored_total", "Directives of the collector that this version does not know, since the start.",
               real(status.directives_ignored));
  list.counter("uplink_bytes_total", "Bytes of these batches, as sent.", real(status.bytes));
  list.counter("uplink_bytes_uncompressed_total", "The same, before compression.", real(status.bytes_uncompressed));
  const std::pair<const char*, std::uint64_t> failures[] = {
      {"unreachable", status.failures_unreachable}, {"refused", status.failures_refused}, {"answer", status.failures_answer}};
  for (const auto& [kind, value] : failures) {
    list.counter("uplink_failures_total", "Batches that were not acknowledged, since the start.", real(value), {{"kind", kind}});
  }
  list.gauge("uplink_oldest_waiting_seconds",
             "When the oldest row that waits was committed, as seconds since 1970; 0: none does.",
             seconds(status.oldest_waiting));
  if (status.rows_per_s > 0) {
    list.gauge("uplink_drain_seconds", "How long the rows that wait will take, at the rate of late.",
               real(status.rows_waiting) / status.rows_per_s);
  }
  list.gauge("uplink_last_success_seconds", "When a batch was last acknowledged, as seconds since 1970; 0: not yet.",
             seconds(status.last_success));
}

void add_recorder(MetricList& list, const MessageRecorder::Status& status) {
  list.counter("recorded_messages_total", "Messages in the recording, since the start.", real(status.messages));
  list.counter("recorded_bytes_total", "What they took.", real(status.bytes));
  list.counter("recorded_segments_deleted_total", "The oldest of its files, for room.", real(status.segments_deleted));
  list.counter("recorded_messages_refused_total", "Messages that cannot be recorded.", real(status.messages_refused));
  list.gauge("recording_stopped", "1 once recording has stopped, for its disk takes no more.", status.stopped ? 1 : 0);
}

void add_never_seen(MetricList& list, const NeverSeen::Counts& counts) {
  for (const auto& [topic, fields] : counts.fields) {
    list.gauge("fields_never_seen", "Declared fields that have not come since the start, though messages have for ten minutes.",
               real(fields), {{"subscription", topic}});
  }
  list.gauge("points_never_seen", "Channels of the point table that have not come since the start, and should have.",
             real(counts.channels));
}

}  // namespace

Health::Health(const Pipeline& pipeline, const MqttPort& port, const SqliteSpool& spool, bool spool_set_aside,
               const uplink::Sender* sender, const MessageRecorder* recorder, const NeverSeen& never_seen,
               DurationNs commit_interval, const Clock& clock)
    : pipeline_(pipeline),
      port_(port),
      spool_(spool),
      spool_set_aside_(spool_set_aside),
      sender_(sender),
      recorder_(recorder),
      never_seen_(never_seen),
      commit_interval_(commit_interval),
      clock_(clock) {}

HttpAnswer Health::answer(std::string_view path) const {
  if (path == "/livez") return live();
  if (path == "/readyz") return ready();
  if (path == "/metrics") return metrics();
  return {404, "text/plain; charset=utf-8", "there is /livez, /readyz and /metrics\n"};
}

bool is_live(DurationNs since_step, DurationNs commit_interval) { return since_step <= commit_interval + commit_ns_max; }

HttpAnswer Health::live() const {
  if (!is_live(clock_.monotonic() - pipeline_.status().stepped_monotonic_ns, commit_interval_)) {
    return {503, "text/plain; charset=utf-8", "no batch has been committed for a minute longer than the commit interval\n"};
  }
  return {200, "text/plain; charset=utf-8", "live\n"};
}

HttpAnswer Health::ready() const {
  const PipelineStatus pipeline = pipeline_.status();
  if (pipeline.disk_low) {
    return {503, "text/plain; charset=utf-8", "there is too little room on the spool's disk: no messages are taken\n"};
  }
  if (pipeline.held_full) {
    return {503, "text/plain; charset=utf-8",
            "the clock is not known to be right, and as much is held as time.held_bytes_max allows: no messages are taken\n"};
  }
  if (pipeline.held_waits) {
    return {
        503, "text/plain; charset=utf-8",
        "the clock is not known to be right, and a message without a time of its own, whose sender waits for its commit, waits "
        "for that: what comes behind it stays at the broker\n"};
  }
  const MqttStatus status = port_.status();
  if (!status.subscribed) {
    return {503, "text/plain; charset=utf-8",
            "not subscribed: " + (status.last_error.empty() ? "connecting" : status.last_error) + "\n"};
  }
  return {200, "text/plain; charset=utf-8", "ready\n"};
}

HttpAnswer Health::metrics() const {
  MetricList list;
  add_pipeline(list, pipeline_.status());
  add_port(list, port_.status());
  add_spool(list, spool_);
  list.gauge("spool_set_aside", "1 if the spool was damaged at the start: it was set aside, and a new one begun.",
             spool_set_aside_ ? 1 : 0);
  if (const auto written = bytes_written()) {
    list.counter("disk_written_bytes_total", "Bytes that this process wrote to disks, since its start.", *written);
  }
  add_never_seen(list, never_seen_.counts());
  if (sender_ != nullptr) add_sender(list, sender_->status());
  if (recorder_ != nullptr) add_recorder(list, recorder_->status());
  return {200, "text/plain; version=0.0.4; charset=utf-8", list.text()};
}

}  // namespace stethos::edge
