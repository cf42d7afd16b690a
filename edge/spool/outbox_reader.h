// Reads the rows of a spool's outbox for the sender, on a connection of its own: those that wait, and those of the history that
// the collector wants again. One thread at a time, while another may change the outbox: what is read is what was last committed.
#pragma once

#include <cstddef>
#include <type_traits>
#include <vector>

#include "common/sqlite.h"
#include "edge/spool/lane_state.h"
#include "uplink/sender/outbox_source.h"

namespace stethos::edge {

class OutboxReader {
 public:
  // The connection outlives the reader.
  explicit OutboxReader(sqlite::Database& database);

  // As uplink::OutboxSource has them.
  Result<std::vector<uplink::OutboxLane>> waiting(uplink::SendOrder order, std::size_t rows_max, std::size_t bytes_max);
  Result<uplink::RowsAgain> again(schema::Lane lane, const uplink::WantedRows& wanted, std::size_t rows_max,
                                  std::size_t bytes_max);

 private:
  Status read_rows(uplink::OutboxLane& out, const LaneState& state, uplink::SendOrder order, std::size_t rows_max,
                   std::size_t& bytes_left);
  Status read_given_up(uplink::OutboxLane& out);
  Result<uplink::RowsAgain> read_again(std::size_t lane, const uplink::WantedRows& wanted, std::size_t rows_max,
                                       std::size_t bytes_max);
  template <class Read>
  std::invoke_result_t<Read> in_one_view(Read read);

  sqlite::Database& database_;
  sqlite::Statement lane_, ascending_, descending_, body_, given_up_, first_;
};

}  // namespace stethos::edge
