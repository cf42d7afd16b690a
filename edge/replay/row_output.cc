#include "edge/replay/row_output.h"

#include <poll.h>

#include <limits>
#include <utility>

#include "common/hash.h"
#include "common/log.h"
#include "common/signals.h"
#include "uplink/sender/curl_uplink.h"

namespace stethos::edge {
namespace {

constexpr std::uint64_t history_bytes_max = 64u << 20;

}  // namespace

std::uint64_t spool_bytes_max(const ReplayOptions& options) {
  const bool goes_on = !options.json_lines.empty() || !options.csv.empty() || options.to_collector;
  return goes_on ? history_bytes_max : std::numeric_limits<std::uint64_t>::max();
}

Exit RowOutput::open(const EdgeConfig& config, const ReplayOptions& options, const Core& core) {
  if (!options.json_lines.empty() || !options.csv.empty()) {
    const bool is_csv = options.json_lines.empty();
    auto opened = RowFile::open(is_csv ? options.csv : options.json_lines,
                                is_csv ? RowFileFormat::csv : RowFileFormat::json_lines, core.shown_statistics(),
                                core.parameters(), [this](std::uint64_t version) { return spool_.labels_of(version); });
    if (!opened) return stop_with(Exit::output, opened.error());
    file_ = std::move(*opened);
  }
  if (options.to_collector) {
    auto made = uplink::CurlUplink::create(config.uplink_url, config.uplink_timeout);
    if (!made) return stop_with(Exit::config, made.error());
    uplink_ = std::move(*made);
    uplink::SenderConfig sending = sender_config(config, spool_.spool_identity());
    sending.replaces = options.replaces;
    sender_ = std::make_unique<uplink::Sender>(std::move(sending), spool_, *uplink_, system_clock());
    sender_->start();
  }
  return Exit::ok;
}

void RowOutput::notify() {
  if (sender_ != nullptr) sender_->notify();
}

Exit RowOutput::pass_on() {
  if (const auto lost = spool_.given_up().rows - given_up_rows_; lost > 0) {
    return stop_with(Exit::spool, {Code::full, "keeping rows until they have gone on",
                                   std::to_string(lost) + " had to be given up: more came at once than the spool holds"});
  }
  if (file_ != nullptr) return drain();
  return sender_ != nullptr ? deliver(history_bytes_max / 2) : Exit::ok;
}

Exit RowOutput::finish(DurationNs deadline) {
  Exit exit = pass_on();
  if (exit == Exit::ok && file_ != nullptr) {
    if (auto whole = file_->finish(); !whole) return stop_with(Exit::output, whole.error());
  }
  if (sender_ == nullptr) return exit;
  if (exit == Exit::ok) exit = deliver(0);
  if (exit == Exit::ok) spdlog::info("the collector has all rows, {} of this run", sender_->status().rows);
  sender_->stop(deadline);
  return exit;
}

// Moves the rows that wait from the spool into the file, and says so to the spool once they are on the disk.
Exit RowOutput::drain() {
  constexpr std::size_t rows_max = 5'000, bytes_max = 8u << 20;
  for (;;) {
    const auto lanes = spool_.waiting(uplink::SendOrder::oldest_first, rows_max, bytes_max);
    if (!lanes) return stop_with(Exit::spool, lanes.error());
    std::vector<uplink::LaneAnswer> answers;
    for (const uplink::OutboxLane& lane : *lanes) {
      if (lane.rows.empty()) continue;
      for (const uplink::OutboxRow& row : lane.rows) {
        if (static_cast<schema::RowKind>(row.kind) != schema::RowKind::window) continue;
        const auto added = file_->add(row.number, row.body);
        if (!added) return stop_with(added.error().code == Code::invalid ? Exit::output : Exit::spool, added.error());
      }
      const uplink::OutboxRow& last = lane.rows.back();
      answers.push_back({.lane = lane.lane,
                         .durable_through = last.number,
                         .ranges = {},
                         .last_number = last.number,
                         .last_hash = hash_of(schema::Bytes(last.body))});
    }
    if (answers.empty()) return Exit::ok;
    if (auto synced = file_->sync(); !synced) return stop_with(Exit::output, synced.error());
    if (auto answered = spool_.answered(answers); !answered) return stop_with(Exit::spool, answered.error());
  }
}

RowTotals RowOutput::waiting() const {
  RowTotals all;
  for (const LaneTotals& lane : spool_.lane_totals()) all += lane.waiting;
  return all;
}

// Until no more than `bytes_most` wait for the collector, or it refuses them, or somebody asks to stop.
Exit RowOutput::deliver(std::uint64_t bytes_most) {
  constexpr int look_up_interval_ms = 50;
  constexpr std::uint64_t refusals_max = 3;  // on end: each comes with half as many rows
  sender_->notify();
  std::uint64_t rows = 0, refusals_before = 0;
  while (waiting().bytes > bytes_most) {
    const uplink::SenderStatus status = sender_->status();
    if (status.failures_outbox > 0) {
      return stop_with(Exit::spool, {Code::io, "taking the collector's answers into the spool", status.last_error});
    }
    if (std::exchange(rows, status.rows) != status.rows) refusals_before = status.failures_refused;
    if (status.failures_refused - refusals_before >= refusals_max) {
      return stop_with(Exit::uplink, {Code::invalid, "sending to the collector", status.last_error});
    }
    pollfd stop{stop_fd(), POLLIN, 0};
    if (::poll(&stop, 1, look_up_interval_ms) > 0) {
      spdlog::warn("stopped with {} rows that the collector does not have", waiting().rows);
      return Exit::interrupted;
    }
  }
  return Exit::ok;
}

}  // namespace stethos::edge
