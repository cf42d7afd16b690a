// What the sender asks of whoever keeps the rows: the edge's spool implements it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "schemas/rows_generated.h"
#include "uplink/protocol/ranges.h"

namespace stethos::uplink {

struct OutboxRow {
  std::uint64_t number = 0;
  std::uint16_t kind = 0;  // schema::RowKind
  std::vector<std::uint8_t> body;
};

struct OutboxLane {
  schema::Lane lane = schema::Lane::windows;
  std::uint64_t lowest_kept = 0;  // next_number where the lane is empty
  std::uint64_t next_number = 0;
  std::uint64_t previous_number = 0;  // the row before rows.front(), and the hash of its body; 0: none
  std::uint64_t previous_hash = 0;
  std::vector<NumberRange> given_up;
  std::vector<OutboxRow> rows;
};

// Called from the sender's thread while another one adds rows.
class OutboxSource {
 public:
  virtual ~OutboxSource() = default;

  virtual std::string spool_identity() const = 0;

  // Up to `rows_max` rows and about `bytes_max` bytes of the oldest rows of each lane, alarms first, notes before windows.
  // Every lane is in the answer, with or without rows.
  virtual Result<std::vector<OutboxLane>> oldest(std::size_t rows_max, std::size_t bytes_max) = 0;

  // The collector has these: they leave the outbox. Numbers that were never given out are an error.
  virtual Status acknowledged(schema::Lane lane, std::uint64_t durable_through, const std::vector<NumberRange>& ranges) = 0;

  // Every window that closed before this is in the outbox or has left it.
  virtual TimeNs offered_until() const = 0;
};

}  // namespace stethos::uplink
