// What the sender asks of whoever keeps the rows: the edge's spool implements it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "schemas/rows_generated.h"
#include "uplink/protocol/ranges.h"

namespace stethos::uplink {

enum class SendOrder : std::uint8_t {
  oldest_first,
  live_first,  // the newest rows first, while older ones wait
};

struct OutboxRow {
  std::uint64_t number = 0;
  std::uint16_t kind = 0;  // schema::RowKind
  std::vector<std::uint8_t> body;
};

struct GivenUp {
  NumberRange numbers;
  schema::GapCause cause = schema::GapCause::unknown;
  TimeNs first_ns = 0;  // when the first and the last of them were committed; 0: that is not known
  TimeNs last_ns = 0;
};

struct OutboxLane {
  schema::Lane lane = schema::Lane::windows;
  std::uint64_t first_number = 1;  // the lane's numbers begin here
  std::uint64_t lowest_kept = 0;   // whether the collector has it or not; next_number where nothing is kept
  std::uint64_t next_number = 0;
  std::uint64_t previous_number = 0;  // the row before rows.front(), and the hash of its body; 0: none
  std::uint64_t previous_hash = 0;
  std::uint64_t rows_waiting = 0;     // that the collector does not have, `rows` included
  TimeNs oldest_waiting_ns = 0;       // when the oldest of them was committed; 0: none waits, or that is not known
  std::vector<GivenUp> given_up;      // ascending
  std::vector<OutboxRow> rows;        // ascending
};

// What the collector holds of a lane.
struct LaneAnswer {
  schema::Lane lane = schema::Lane::windows;
  std::uint64_t durable_through = 0;
  std::vector<NumberRange> ranges;  // beyond it, ascending
  std::uint64_t last_number = 0;    // the highest row, and the hash of its body; 0: not said
  std::uint64_t last_hash = 0;
};

// What the collector asks for again of a lane.
struct WantedRows {
  NumberRange numbers;
  TimeNs from = 0;  // event time of the rows; both 0: any
  TimeNs to = 0;    // exclusive

  bool operator==(const WantedRows&) const = default;
};

// The answer to the beginning of it, or to all of it.
struct RowsAgain {
  std::uint64_t through = 0;   // of the numbers, inclusive: all of these were looked at
  std::uint64_t not_kept = 0;  // how many of them have no row any more
  schema::GapCause cause = schema::GapCause::unknown;  // why
  std::vector<OutboxRow> rows;  // ascending
};

// Called from the sender's thread while another one adds rows.
class OutboxSource {
 public:
  virtual ~OutboxSource() = default;

  // May change when an answer is taken.
  virtual std::string spool_identity() const = 0;

  // Up to `rows_max` rows and about `bytes_max` bytes of what waits, alarms first, notes before windows. Every lane is in the
  // answer, with or without rows.
  virtual Result<std::vector<OutboxLane>> waiting(SendOrder order, std::size_t rows_max, std::size_t bytes_max) = 0;

  // Rows that the collector has had and asks for again, up to `rows_max` of them and about `bytes_max` bytes, each at least 1.
  // Those that wait are not among them: they come by themselves.
  virtual Result<RowsAgain> again(schema::Lane lane, const WantedRows& wanted, std::size_t rows_max, std::size_t bytes_max) = 0;

  // The collector has these, and no others: what it has waits no more. True: rows that it had had wait again, for it has lost
  // them. Whoever keeps the rows takes a new identity if the collector holds rows under its numbers that it never gave out.
  virtual Result<bool> answered(std::span<const LaneAnswer> answers) = 0;

  // Every window that closed before this is in the outbox or has left it.
  virtual TimeNs offered_until() const = 0;
};

}  // namespace stethos::uplink
