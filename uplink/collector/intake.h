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
#include <unordered_map>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "schemas/envelope.h"
#include "uplink/collector/notices.h"
#include "uplink/collector/store.h"
#include "uplink/collector/wanted.h"
#include "uplink/protocol/ranges.h"

namespace stethos::collector {

// Holes in what a lane has: rows that would need more ranges are left for later, and not acknowledged.
inline constexpr std::size_t ranges_per_lane_max = 200;
inline constexpr std::size_t refused_rows_max = 10'000;       // the oldest go first
inline constexpr std::size_t refused_row_bytes_max = 1'024;   // that are kept of each

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
  struct Source;  // whose row it is, and when it came
  // What is replaced by a higher revision. The statements take the same parameters.
  struct Replaceable {
    Counter rows, bytes, superseded, stale;
    sqlite::Statement insert;  // where there is none of the same identity
    sqlite::Statement update;  // where it is to be replaced
    // The size of its body, whether it is another spool's, of the same generation and with another body, which one's, and its
    // good samples.
    sqlite::Statement select;
  };

  Status find_replaced(std::string_view name, Source& source);
  Status take_lane(Source source, const schema::LaneBatch& lane, schema::LaneAckT& ack);
  Status take_again(Source source, const schema::LaneBatch& lane, const uplink::NumberSet& held, schema::LaneAckT& ack);
  Result<uplink::NumberSet> read_ranges(std::int64_t spool, int lane);
  Status write_ranges(std::int64_t spool, int lane, const uplink::NumberSet& held);
  Status note_lost_rows(const Source& source, const schema::LaneBatch& lane, uplink::NumberSet& held);
  Status note_missing_rows(const Source& source, const uplink::NumberSet& held, const schema::GivenUpT& lost);
  Status take_row(Source source, const schema::Row& row);
  Status take_window(const Source& source, const schema::WindowRow& row, schema::Bytes body);
  Status take_stream(const Source& source, const schema::StreamRow& row);
  Status take_provenance(const Source& source, const schema::ProvenanceRow& row);
  Status take_gap(const Source& source, const schema::GapRow& row);
  Status take_event(const Source& source, const schema::EventRow& row);
  Status take_silence(const Source& source, const schema::SilenceRow& row);
  Status take_alarm(const Source& source, const schema::AlarmRow& row, schema::Bytes body);
  // What was there already.
  struct Before {
    std::int64_t spool = 0;
    std::int64_t good = 0;
    bool differs = false;  // it is another spool's, of the same generation, and has another body
    bool is_replaced = false;
  };
  // Inserts a row, replaces one, or leaves it.
  template <class Bind>
  Result<Before> upsert(Replaceable& table, schema::Bytes body, Bind bind);
  Status refuse_row(const Source& source, const schema::Row& row, std::string_view reason);
  Result<std::int64_t> stream_id(std::int64_t node, std::string_view device, std::string_view channel);
  void count_note(std::size_t bytes);  // if the last statement inserted it

  Store& store_;
  const std::vector<std::string> replaceable_;
  const std::uint64_t clock_;
  Tally tally_;
  Notices notices_;
  Wanted wanted_;
  std::int64_t rows_before_ = 0;  // the store ever took, before this batch, with those that came again
  // Identifiers of streams, by node, device and channel: bounded, and emptied when a transaction fails.
  std::unordered_map<std::string, std::int64_t> stream_ids_;

  sqlite::Statement select_offered_;
  sqlite::Statement upsert_node_;
  sqlite::Statement upsert_spool_;
  sqlite::Statement select_last_row_;
  sqlite::Statement upsert_lane_;
  sqlite::Statement select_ranges_;
  sqlite::Statement delete_ranges_;
  sqlite::Statement insert_range_;
  sqlite::Statement select_stream_;
  sqlite::Statement insert_stream_;
  Replaceable windows_;
  sqlite::Statement insert_stream_version_;
  sqlite::Statement insert_provenance_;
  sqlite::Statement insert_gap_;
  sqlite::Statement insert_event_;
  sqlite::Statement update_silence_;
  sqlite::Statement insert_silence_;
  Replaceable alarms_;
  sqlite::Statement insert_unknown_;
  sqlite::Statement insert_refused_;
  sqlite::Statement trim_refused_;
};

}  // namespace stethos::collector
