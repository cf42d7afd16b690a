// Which rows of the outbox others cannot do without: what a stream is and what computed the rows, as long as rows that are kept
// or are still to come name it, and what an active alarm stands at. Such a row is said once, so when it leaves the outbox it must
// come again: the collector may never have had it, or may have lost it.
//
// A part of the outbox, under its rules. What it remembers of streams is bounded by their parts, its table by the rows that are
// kept.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/sqlite.h"
#include "edge/core/effect.h"
#include "edge/core/saved_state.h"
#include "edge/spool/tables.h"

namespace stethos::edge {

using LaneNumbers = std::array<std::uint64_t, lane_count>;

class RowNeeds {
 public:
  // It must outlive this.
  explicit RowNeeds(sqlite::Database& writer);

  void restore(const SavedState& saved);
  // What new rows name by now. `next`: the numbers that the lanes' next rows get.
  Status note(const Effect& effect, const LaneNumbers& next);
  // A row that was added.
  Status note_row(const NewRow& row, std::uint64_t number);

  // Of a row that leaves. `lowest`: what is kept then, of each lane; `next` as above.
  Result<bool> is_needed(schema::RowKind kind, std::uint64_t number, std::span<const std::uint8_t> body,
                         const LaneNumbers& lowest, const LaneNumbers& next);

 private:
  Status follow(const Stream& stream, const LaneNumbers& next);
  Status end(std::uint64_t id, const LaneNumbers& next);
  Result<bool> is_description_needed(std::uint64_t id, std::uint64_t number, const LaneNumbers& lowest, const LaneNumbers& next);
  Result<bool> stands(const schema::AlarmRow& row);

  std::unordered_map<std::int64_t, std::vector<std::uint64_t>> versions_;  // by stream, those of its parts
  std::unordered_set<std::uint64_t> current_;  // all of these
  std::uint64_t provenance_ = 0;  // 0: none yet

  sqlite::Statement set_number_, begin_again_, end_, forget_, select_, select_alarms_;
};

}  // namespace stethos::edge
