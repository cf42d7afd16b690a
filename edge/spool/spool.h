// The seam to what survives: state, outbox, dead letters, counters, all in one file, changed by one transaction a batch.
//
// The pipeline's thread loads and commits. The sender reads and acknowledges through the OutboxSource, from its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "edge/ingest/rejection.h"
#include "edge/ingest/sequence_tracker.h"
#include "edge/ingest/suspects.h"
#include "edge/window/definition.h"
#include "edge/window/shaft_speeds.h"
#include "edge/window/state.h"
#include "schemas/rows_generated.h"

namespace stethos::edge {

// Totals since the spool began. Append-only: the names are stored, the order is not.
enum class Counter : std::uint8_t {
  messages,             // taken from the port
  message_bytes,
  duplicate_messages,   // of our protocol, and redeliveries
  deferred_messages,    // not handled, so that the device sends them again
  lost_messages,        // in gaps
  identities_forgotten,  // before their time, for room
  window_rows,
  streams_rebased,      // went back to a clock that had jumped ahead
  alarm_rows,
  limit_units_differ,   // windows not held against a limit, which has another unit
  letters_put_through,  // dead letters that were processed again, and left
  silence_rows,
  streams_behind,       // of which so much was late in a row that a clock is behind
  count_,
};

struct DeadLetter {
  std::int64_t id = 0;  // which the spool gives it
  TimeNs received_ns = 0;
  Rejection rejection;
  std::string topic;
  std::string device;   // empty: not known
  std::string channel;  // of the message, the one that was refused; empty: not just one
  std::uint64_t payload_bytes = 0;
  std::vector<std::uint8_t> payload;  // its first bytes
};

struct DeviceSequences {
  std::string device;
  std::vector<EpochSequences> epochs;
};

struct Totals {
  std::uint64_t counters[static_cast<std::size_t>(Counter::count_)] = {};
  std::uint64_t dead_letters[reason_count] = {};

  std::uint64_t& operator[](Counter counter) { return counters[static_cast<std::size_t>(counter)]; }
  std::uint64_t operator[](Counter counter) const { return counters[static_cast<std::size_t>(counter)]; }
  std::uint64_t& operator[](Reason reason) { return dead_letters[static_cast<std::size_t>(reason)]; }
  std::uint64_t operator[](Reason reason) const { return dead_letters[static_cast<std::size_t>(reason)]; }
};

// What the core starts from.
struct SavedState {
  std::vector<WindowDefinition> definitions;  // of the panes; without what changes only what is shown
  std::vector<Stream> streams;
  std::vector<DeviceSequences> devices;
  std::vector<SpeedChange> speeds;  // all with a value
  Totals totals;
  std::vector<std::uint64_t> may_return;  // hashes of the last messages that their broker may deliver again, oldest first
  std::uint64_t provenance = 0;  // of the ProvenanceRow that was sent last; 0: none
  std::string position;          // of the port, after all that is here; empty: it had none
  Suspects suspects;
};

struct NewRow {
  schema::Lane lane = schema::Lane::windows;
  schema::RowKind kind = schema::RowKind::none;
  std::vector<std::uint8_t> body;
};

struct PaneChange {
  std::int64_t stream = 0;
  PaneKey key;
  const Pane* pane = nullptr;  // null: it is gone
};

struct IdentityChange {
  std::int64_t stream = 0;
  IdentityKey key;
  std::optional<double> value;  // nothing: it is forgotten
};

struct AlarmChange {
  std::int64_t stream = 0;
  std::uint64_t limit = 0;
  std::optional<Alarm> alarm;  // nothing: its limit is not exceeded any more
};

// The effect of one batch. Pointers are good until the core's next step.
struct Effect {
  TimeNs now_ns = 0;
  const std::vector<WindowDefinition>* definitions = nullptr;  // the only ones that panes have; null: as before
  std::vector<const Stream*> streams;  // without their panes and identities
  std::vector<PaneChange> panes;
  std::vector<IdentityChange> identities;
  std::vector<SpeedChange> speeds;  // of one machine and time the last counts
  std::vector<AlarmChange> alarms;  // of one alarm the last counts
  std::vector<std::pair<const std::string*, const SequenceTracker*>> devices;
  std::vector<DeadLetter> dead_letters;
  const DeadLetter* put_through = nullptr;  // the batch was this one, which leaves
  std::vector<NewRow> rows;                 // notes first, then what pack_rows makes of the following
  std::vector<schema::WindowRowT> windows;
  std::vector<schema::AlarmRowT> alarm_rows;
  std::vector<schema::SilenceRowT> silences;
  Totals totals;
  std::vector<std::uint64_t> may_return;  // hashes of the last messages that their broker may deliver again, oldest first
  std::uint64_t provenance = 0;
  std::string position;                // of the port; empty: as before
  const Suspects* suspects = nullptr;  // null: as before
  bool changed = false;  // false: there is nothing to commit
};

// Turns windows, alarms and silences into rows; done when the commit begins, for the first two say when that was.
void pack_rows(Effect& effect, TimeNs committed_ns);

class Spool {
 public:
  virtual ~Spool() = default;

  virtual Result<SavedState> load() = 0;

  // All of it or nothing. After an error the file must not be used on: close, and open again.
  virtual Status commit(const Effect& effect) = 0;

  // Written before the message in hand is processed, should the process die of it. Errors as those of commit.
  virtual Status note(const Suspects& suspects) = 0;

  // Bytes free on its disk; 0 is also what a disk says that is full for us. Nothing: not known.
  virtual std::optional<std::uint64_t> disk_free_bytes() const = 0;
};

}  // namespace stethos::edge
