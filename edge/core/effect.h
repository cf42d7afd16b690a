// What one batch does: the changes of state, the rows that go to the collector, the dead letters. The spool commits all of it in
// one transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "edge/core/copies.h"
#include "edge/core/dead_letter.h"
#include "edge/core/definition.h"
#include "edge/core/joined_blocks.h"
#include "edge/core/sequence_tracker.h"
#include "edge/core/state.h"
#include "edge/core/suspects.h"
#include "edge/core/totals.h"
#include "schemas/rows_generated.h"

namespace stethos::edge {

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

// Of the blocks of a stream that are joined.
struct JoinedChange {
  std::int64_t stream = 0;
  const KeptBlocks* kept = nullptr;  // as it is now
  std::uint64_t first_unwritten = 0;  // those from this number on are new
};

struct AlarmChange {
  std::int64_t stream = 0;
  std::uint64_t limit = 0;
  std::optional<Alarm> alarm;  // nothing: its limit is not exceeded any more
};

// What the version of a stream says of its windows.
struct WindowLabels {
  std::string machine;  // empty: as in Description
  std::string quantity;
  std::string unit;
};

struct DeviceChange {
  const std::string* name = nullptr;
  const SequenceTracker* sequences = nullptr;  // with at least one epoch
  std::optional<TimeNs> heard_ns;  // as in DeviceSequences
};

// The effect of one batch. Pointers are good until the core's next step.
struct Effect {
  TimeNs now_ns = 0;
  std::size_t messages = 0;  // so many of the batch, from its front; the rest waits for the next
  bool clock_trusted = true;  // false: now_ns may be wrong
  const std::vector<WindowDefinition>* definitions = nullptr;  // all that panes have, as SavedState has them; null: as before
  std::vector<const Stream*> streams;  // without their panes and identities; none of them is forgotten, unless it stands below
  std::vector<PaneChange> panes;
  std::vector<IdentityChange> identities;
  std::vector<SpeedChange> speeds;  // of one machine and time the last counts
  std::vector<JoinedChange> joined;  // of one stream at most one
  std::vector<AlarmChange> alarms;  // of one alarm the last counts
  std::vector<DeviceChange> devices;  // as streams
  std::vector<const Stream*>
      forgotten_streams;  // by this batch; their panes, identities and alarms are gone by what stands above
  std::vector<const std::string*> forgotten_devices;
  std::vector<DeadLetter> dead_letters;
  const DeadLetter* put_through = nullptr;  // the batch was this one, which leaves
  std::vector<NewRow> rows;                 // notes first, then what pack_rows makes of the following
  std::vector<schema::WindowRowT> windows;
  std::unordered_map<std::uint64_t, WindowLabels> labels;  // of the versions that the windows name
  std::vector<schema::AlarmRowT> alarm_rows;
  std::vector<schema::SilenceRowT> silences;
  Totals totals;
  std::vector<std::uint64_t> may_return;  // hashes of the last messages that their broker may deliver again, oldest first
  ExpectedCopies expected_copies;
  std::uint64_t provenance = 0;
  std::string position;                // of the port; empty: as before
  const Suspects* suspects = nullptr;  // null: as before
  bool changed = false;  // false: there is nothing to commit
};

// Turns windows, alarms and silences into rows; done when the commit begins, for the first two say when that was.
void pack_rows(Effect& effect, TimeNs committed_ns);

}  // namespace stethos::edge
