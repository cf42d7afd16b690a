// What the core starts from: what the effects of all batches before have left in the spool.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "edge/core/copies.h"
#include "edge/core/definition.h"
#include "edge/core/joined_blocks.h"
#include "edge/core/sequence_tracker.h"
#include "edge/core/state.h"
#include "edge/core/suspects.h"
#include "edge/core/totals.h"
#include "edge/ingest/session_filters.h"

namespace stethos::edge {

struct DeviceSequences {
  std::string device;
  std::vector<EpochSequences> epochs;
  std::optional<TimeNs> heard_ns;  // when it spoke last; nothing: not known
};

struct SavedState {
  // Of the run before, then those that had left, the latest first; without what changes only what is shown.
  std::vector<WindowDefinition> definitions;
  std::vector<Stream> streams;  // and devices: without those that are forgotten
  std::int64_t last_stream = 0;  // the highest id of any stream, forgotten or not
  SampleCounts samples_forgotten;  // of the streams that are forgotten
  std::vector<DeviceSequences> devices;
  std::vector<SpeedChange> speeds;  // all with a value
  std::map<std::int64_t, KeptBlocks> joined;  // by stream, one of those above
  Totals totals;
  std::vector<std::uint64_t> may_return;  // hashes of the last messages that their broker may deliver again, oldest first
  ExpectedCopies expected_copies;
  std::uint64_t provenance = 0;  // of the ProvenanceRow that was sent last; 0: none
  std::string position;          // of the port, after all that is here; empty: it had none
  Suspects suspects;
  SessionRecord sessions;
};

}  // namespace stethos::edge
