// The numbers of the rows of a lane in the spool: where they begin and end, and which of them the collector has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/sqlite.h"
#include "edge/spool/row_totals.h"
#include "edge/spool/tables.h"
#include "uplink/sender/outbox_source.h"

namespace stethos::edge {

struct LaneTotals {
  RowTotals waiting;
  RowTotals history;
};

// A row of the table `lane`.
struct LaneState {
  std::uint64_t first_number = 1;
  std::uint64_t next_number = 1;
  uplink::NumberSet acknowledged;
  std::uint64_t previous_number = 0;  // the last row that left from the front, and its hash
  std::uint64_t previous_hash = 0;
  LaneTotals totals;
};

// The ids of the table `outbox`. Those of a lane lie between id_of(lane, 0) and id_of(lane + 1, 0) - 1.
constexpr std::uint64_t id_of(std::size_t lane, std::uint64_t number) {
  return static_cast<std::uint64_t>(lane) << lane_shift | number;
}
constexpr std::uint64_t number_of(std::uint64_t id) { return id & ((1ull << lane_shift) - 1); }

// What read_lane takes; its parameter is the lane.
inline constexpr const char* lane_query =
    "SELECT first_number, next_number, acknowledged, previous_number, previous_hash, waiting_rows, waiting_bytes, history_rows, "
    "history_bytes FROM lane WHERE lane = ?1";

std::unexpected<Error> corrupt_lane(std::string why);

// corrupt_lane for a lane that is missing or contradicts itself.
Result<LaneState> read_lane(sqlite::Statement& statement, std::size_t lane);

}  // namespace stethos::edge
