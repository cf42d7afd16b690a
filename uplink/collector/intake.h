// The collector's side of the protocol, without a server: (store, batch, now) -> answer.
//
// A batch is verified as a whole before anything of it is used, and stored in one transaction: after it the answer says, per
// lane, which numbers are durable here or known never to come. A row that came before changes nothing. A window replaces the
// one of the same identity only with a higher (generation, revision), an alarm with a higher revision; of two spools that have a
// window differently the row with more good samples is shown, and that there were two is an event. A row of a kind that is
// not known is kept as bytes; one that is not what it claims to be is kept aside with the reason; both are acknowledged, so that
// no lane is blocked. Rows that were asked for again (see wanted.h) came before and are taken all the same, by the same rules.
//
// A batch may be a replay's: then its windows, with what describes them, stand instead of another node's. The collector must
// permit it for that node; the windows must be final, of a generation above the live one, and end before what the node has
// offered by now.
//
// One thread at a time.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "schemas/envelope.h"
#include "uplink/collector/notices.h"
#include "uplink/collector/row_intake.h"
#include "uplink/collector/store.h"
#include "uplink/collector/wanted.h"
#include "uplink/protocol/ranges.h"

namespace stethos::collector {

// Holes in what a lane has: rows that would need more ranges are left for later, and not acknowledged.
inline constexpr std::size_t ranges_per_lane_max = 200;

struct IntakeError {
  enum class Fault : std::uint8_t {
    batch,  // it will never be taken
    store,  // nothing of the batch was taken
  };
  Fault fault = Fault::batch;
  Error error;
};

class Intake {
 public:
  // `replaceable`: the nodes whose windows a replay may replace.
  // `clock`: which one the times given to take() are of, as Clock::identity.
  explicit Intake(Store& store, std::vector<std::string> replaceable = {}, std::uint64_t clock = 0);

  // `packed` is an UplinkBatch, decompressed; the answer is a packed UplinkAck.
  std::expected<std::vector<std::uint8_t>, IntakeError> take(std::span<const std::uint8_t> packed, TimeNs now);

 private:
  Status find_replaced(std::string_view name, RowSource& source);
  Status take_lane(RowSource source, const schema::LaneBatch& lane, schema::LaneAckT& ack);
  Status take_again(RowSource source, const schema::LaneBatch& lane, const uplink::NumberSet& held, schema::LaneAckT& ack);
  Result<uplink::NumberSet> read_ranges(std::int64_t spool, int lane);
  Status write_ranges(std::int64_t spool, int lane, const uplink::NumberSet& held);
  Status note_lost_rows(const RowSource& source, const schema::LaneBatch& lane, uplink::NumberSet& held);
  Status note_missing_rows(const RowSource& source, const uplink::NumberSet& held, const schema::GivenUpT& lost);

  Store& store_;
  const std::vector<std::string> replaceable_;
  const std::uint64_t clock_;
  Tally tally_;
  Notices notices_;
  Wanted wanted_;
  RowIntake rows_;

  sqlite::Statement select_offered_;
  sqlite::Statement upsert_node_;
  sqlite::Statement upsert_spool_;
  sqlite::Statement select_last_row_;
  sqlite::Statement upsert_lane_;
  sqlite::Statement select_ranges_;
  sqlite::Statement delete_ranges_;
  sqlite::Statement insert_range_;
};

}  // namespace stethos::collector
