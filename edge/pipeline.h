// The one place that wires: port -> core -> spool -> port, batch after batch, on the caller's thread.
//
// The order is the promise: commit, tell the port, then publish acknowledgements, never waiting for a publish. While the spool's
// disk has too little room the port is paused: what it has taken is still committed, and senders keep the rest.
//
// After a run that died, messages are taken one by one for a while, each on record before it is processed, so that the next start
// knows what a message has done; one that is on record for a death is always taken that way.
//
// While the clock is not known to be right, messages that are stamped by their arrival are held: nothing of them is committed,
// and no sender of one that waits for that, or of any that came after, is told. Once it is, they come first, each with the time
// at which it came. When they are as much as may be held the port is paused. What is held when the process ends and does not come
// again becomes a dead letter.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "edge/core/core.h"
#include "edge/ingest/message_port.h"
#include "edge/node_clock.h"
#include "edge/spool/spool.h"

namespace stethos::edge {

// Counts of durations in buckets whose bounds double, from 1 ms: for percentiles within a factor of two, and any sum of them.
struct LatencyHistogram {
  static constexpr std::size_t bucket_count = 24;
  std::array<std::uint64_t, bucket_count> buckets{};  // bucket i: up to 2^i ms; the last: all above
  std::uint64_t count = 0;
  DurationNs sum_ns = 0;

  void add(DurationNs duration);
};

// As of the last batch. Any thread may ask.
struct PipelineStatus {
  Totals totals;
  SampleCounts samples;
  std::size_t streams = 0;
  std::size_t devices = 0;
  DurationNs behind_ns_max = 0;  // event time, from when it came
  DurationNs ahead_ns_max = 0;
  std::size_t alarms_alert = 0;  // active, at this level
  std::size_t alarms_danger = 0;
  std::size_t alarms_provisional_alert = 0;  // active or not, of which this level is provisional
  std::size_t alarms_provisional_danger = 0;
  std::uint64_t commits = 0;
  DurationNs commit_ns_sum = 0;
  DurationNs stepped_monotonic_ns = 0;  // when the last batch was done
  std::optional<std::uint64_t> disk_free_bytes;
  bool disk_low = false;  // the port is paused: too little room on the disk
  bool clock_trusted = true;
  std::uint64_t held_messages = 0;  // until it is
  std::uint64_t held_bytes = 0;
  bool held_full = false;  // the port is paused: no more may be held
  bool held_waits = false;  // the sender of one of them waits for its commit: a port that brings them singly brings nothing more
  std::uint64_t careful_messages = 0;  // still to be taken one by one
  std::size_t suspects = 0;
  LatencyHistogram receipt_to_commit;
};

class Pipeline {
 public:
  struct Settings {
    DurationNs commit_interval = ns_per_s;
    std::string republish_topic;  // empty: none
    std::uint64_t disk_free_bytes_min = 0;
    std::uint64_t held_bytes_max = 0;
    bool last_run_died = false;
    std::uint64_t careful_messages = 0;  // that are taken one by one after that
    std::function<void(Effect&)> before_commit;  // sees what a batch has done; empty: nobody does
    bool clock_leaps = false;  // it is that of a recording
  };

  // All must outlive the pipeline. `suspects` is what the spool holds. `committed` is called after each commit that
  // changed anything, when acknowledgements are out.
  Pipeline(Settings settings, Suspects suspects, Core& core, MessagePort& port, Spool& spool, NodeClock& clock,
           std::function<void(const Effect&)> committed);

  // Goes to the collector with the next commit.
  void note_event(schema::EventRowT event);

  // One batch. After an error the process must end without releasing what the port holds back.
  Status step();

  // Batches until `stop` says so; then the port is closed and what it holds is drained, until `deadline` has passed. What is left
  // then and is not kept by its sender is given up, with a dead letter for each topic that counts them.
  Status run(const std::function<bool()>& stop, DurationNs deadline);

  PipelineStatus status() const;

 private:
  void watch_clock();
  void watch_disk();
  void pause_port();
  void hold();
  std::uint64_t durable_through(std::uint64_t ticket) const;
  bool stamp(std::size_t count);
  Result<std::span<const Message>> take_up();
  Status give_up_rest();
  void republish(const Effect& effect);
  void count_alarms();
  void note(const Effect& effect, std::span<const Message> batch, TimeNs committed_ns, DurationNs commit_ns);

  const Settings settings_;
  Core& core_;
  MessagePort& port_;
  Spool& spool_;
  NodeClock& clock_;
  const std::function<void(const Effect&)> committed_;
  std::vector<Message> polled_;
  std::size_t taken_ = 0;  // of them
  std::uint64_t ticket_committed_ = 0;  // the highest
  std::vector<Message> held_;
  std::uint64_t held_bytes_ = 0;
  bool closing_ = false;
  bool is_last_ = false;  // the step at hand is the process's last
  DurationNs clock_ahead_ns_ = 0;  // of the monotonic one, in the step before
  std::uint64_t careful_messages_;  // still to come
  Suspects suspects_;
  bool suspects_changed_ = false;  // since they were written
  std::vector<NewRow> events_;
  std::optional<std::uint64_t> disk_free_bytes_;
  bool disk_low_ = false;
  bool port_is_paused_ = false;

  mutable std::mutex status_mutex_;
  PipelineStatus status_;
};

}  // namespace stethos::edge
