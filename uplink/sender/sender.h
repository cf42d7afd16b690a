// Brings the outbox to the collector: rows of every lane in one batch, an acknowledgement back, and only then do rows wait no
// more. Whatever goes wrong, the same rows are sent again; nothing is ever dropped here. The first batch has no rows: its answer
// shows whether the outbox is a copy of an earlier day before any row of it is mistaken for another.
//
// What an answer asks for again goes into the next batch, where rows that wait leave room. Nothing of it is remembered but that:
// the next answer says what is still wanted. Directives are for a later version: they are counted, and ignored.
//
// While there is a backlog, batch follows batch. Otherwise the first row after a quiet time leaves at once, later ones are
// gathered for up to `interval`, and an idle node sends an empty batch at its start and each `heartbeat`. After a failure it
// waits: twice as long each time, with jitter, between `backoff_min` and `backoff_max`, and never less than the collector
// asked for. A batch that the collector refuses is halved, down to one row; each success doubles it again.
//
// start() runs one thread, which alone talks to the source and to the uplink. notify(), status() and stop() may be called
// from any thread. A test may call step() itself instead of start().
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "schemas/uplink_ack_generated.h"
#include "uplink/sender/outbox_source.h"
#include "uplink/sender/uplink.h"

namespace stethos::uplink {

struct SenderConfig {
  std::string node;
  std::string replaces;                       // the node whose windows these are to be instead of; empty: none
  DurationNs interval = ns_per_s;             // how long rows may wait to be sent together
  DurationNs heartbeat = 30 * ns_per_s;       // an idle node sends an empty batch this often
  std::size_t rows_max = 5'000;               // in one batch
  std::size_t batch_bytes_max = 4u << 20;     // of row bodies, before compression
  SendOrder order = SendOrder::oldest_first;
  std::uint64_t bytes_per_s_max = 0;          // of compressed batches, on average; 0: as fast as it goes
  DurationNs backoff_min = ns_per_s;
  DurationNs backoff_max = 60 * ns_per_s;
  std::uint64_t jitter_seed = 0;              // different on each node, so that a fleet does not come back all at once
};

// The longest wait that a collector may ask for.
inline constexpr DurationNs retry_after_max = 3'600 * ns_per_s;

enum class SenderState : std::uint8_t { idle, sending, backing_off, stopped };
std::string_view name_of(SenderState state);

// Since the sender was made.
struct SenderStatus {
  SenderState state = SenderState::idle;
  TimeNs last_success = 0;              // 0: never
  std::uint64_t batches = 0;            // acknowledged
  std::uint64_t rows = 0;               // acknowledged: one that is sent twice counts twice
  std::uint64_t bytes = 0;              // of acknowledged batches, as sent
  std::uint64_t bytes_uncompressed = 0;
  std::uint64_t rows_waiting = 0;       // in the outbox, as last seen
  TimeNs oldest_waiting = 0;            // when the oldest of them was committed; 0: none waits, or that is not known
  double rows_per_s = 0;                // acknowledged, of late, while rows waited; 0: not known
  std::uint64_t failures_unreachable = 0;
  std::uint64_t failures_refused = 0;
  std::uint64_t failures_answer = 0;    // an answer that is not an acknowledgement of ours
  std::uint64_t failures_outbox = 0;    // the outbox could not be read, or would not take an acknowledgement
  std::uint64_t rows_again = 0;         // sent again because the collector wanted them
  std::uint64_t directives_ignored = 0;
  std::size_t rows_max = 0;             // in the next batch: less than configured after a refusal
  std::string collector;                // the identity of the store that answered last
  std::string last_error;               // empty after a success
};

class Sender {
 public:
  // All four must outlive the sender. `config` is a valid one: the program stops otherwise.
  Sender(SenderConfig config, OutboxSource& source, Uplink& uplink, const Clock& clock);
  ~Sender();  // stops at once

  // Called on the sender's thread with the time in each answer. Before start().
  void set_listener(std::function<void(const CollectorTime&)> listener) { listener_ = std::move(listener); }

  void start();

  // Rows were added to the outbox.
  void notify();

  // Ends the thread. A post under way may take until `deadline` from now, then it is aborted. Rows that are still in the
  // outbox stay there.
  void stop(DurationNs deadline);

  SenderStatus status() const;

  // One round: sends at most one batch, and returns how long to wait for the next round unless notify() comes first.
  DurationNs step();

 private:
  struct Sent;
  enum class Problem : std::uint8_t { unreachable, refused, answer, outbox };

  struct LaneAgain {
    WantedRows wanted;
    RowsAgain answer;
  };
  using Again = std::map<schema::Lane, LaneAgain>;

  Result<std::vector<OutboxLane>> read_outbox();
  Result<Again> read_again(const std::vector<OutboxLane>& lanes);
  DurationNs deliver(std::vector<OutboxLane> lanes, Again again, TimeNs offered_until);
  DurationNs accept(const Sent& sent, const schema::UplinkAckT& ack);
  DurationNs back_off(Problem problem, const Error& error, DurationNs at_least);
  DurationNs wait_locked(DurationNs now) const;
  DurationNs wait(DurationNs now) const;
  void note_directives(const schema::UplinkAckT& ack);
  void run();
  template <class Change>
  void update(Change change);

  const SenderConfig config_;
  OutboxSource& source_;
  Uplink& uplink_;
  const Clock& clock_;
  std::function<void(const CollectorTime&)> listener_;  // empty: nobody listens

  // Of the thread that runs step().
  std::size_t rows_max_;
  DurationNs backoff_ = 0;            // 0: the last round went well
  DurationNs not_before_ = 0;         // a monotonic time
  std::optional<DurationNs> last_success_;  // a monotonic time
  bool has_greeted_ = false;
  bool has_backlog_ = true;           // what an earlier run left behind is sent first
  std::map<schema::Lane, WantedRows> wanted_;  // as the last answer said, until a batch is made of it
  std::set<std::string> directives_;  // kinds that were logged
  std::optional<DurationNs> draining_since_;  // a monotonic time: of the batch before, which left rows behind
  std::mt19937_64 jitter_;

  mutable std::mutex mutex_;          // of all below
  std::condition_variable wake_;
  bool notified_ = false;
  bool stopping_ = false;
  bool ended_ = false;
  SenderStatus status_;

  std::thread thread_;
};

}  // namespace stethos::uplink
