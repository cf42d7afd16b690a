// The rows of batches, as the store takes them: see intake.h for the rules. Runs within the transaction of a batch; one thread at
// a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/clock.h"
#include "common/result.h"
#include "schemas/envelope.h"
#include "uplink/collector/notices.h"
#include "uplink/collector/replayed_windows.h"
#include "uplink/collector/store.h"
#include "uplink/protocol/ranges.h"

namespace stethos::collector {

inline constexpr std::size_t refused_rows_max = 10'000;  // the oldest go first
inline constexpr std::size_t refused_row_bytes_max = 1'024;  // that are kept of each

// Whose row it is, and when it came.
struct RowSource {
  std::int64_t node = 0;
  std::int64_t spool = 0;
  std::string_view node_name;
  int lane = 0;
  std::uint64_t number = 0;
  TimeNs now = 0;
  bool is_again = false;
  // The node that windows are of: a replay's are those of the node that it replaces; nothing: that one has never come.
  std::optional<std::int64_t> owner = std::nullopt;
  TimeNs offered_until = 0;  // then: by that node
};

class RowIntake {
 public:
  // All three must outlive it.
  RowIntake(Store& store, Tally& tally, Notices& notices);

  // `rows_before`: that the store ever took before the batch, with those that came again.
  void begin_batch(std::int64_t rows_before) {
    rows_before_ = rows_before;
    replayed_.begin_batch();
  }
  // The row lasts until end_batch().
  Status take(RowSource source, const schema::Row& row);
  // Before the conflicts that were noted are told.
  Status end_batch() { return replayed_.end_batch(); }
  // Rows of the lane that will not come.
  Status note_missing(const RowSource& source, const uplink::NumberRange& range, const schema::GivenUpT& lost);
  // The transaction failed: what it inserted is not there.
  void forget_streams() { stream_ids_.clear(); }

 private:
  // What is replaced by a higher revision. The statements take the same parameters.
  struct Replaceable {
    Counter rows, bytes, superseded, stale;
    sqlite::Statement insert;  // where there is none of the same identity
    sqlite::Statement update;  // where it is to be replaced
    // The size of its body, whether it differs as in Before, which spool's it is, and its good samples.
    sqlite::Statement select;
  };

  Status take_window(const RowSource& source, const schema::WindowRow& row, schema::Bytes body);
  Status take_stream(const RowSource& source, const schema::StreamRow& row);
  Status take_provenance(const RowSource& source, const schema::ProvenanceRow& row);
  Status take_gap(const RowSource& source, const schema::GapRow& row);
  Status take_event(const RowSource& source, const schema::EventRow& row);
  Status take_silence(const RowSource& source, const schema::SilenceRow& row);
  Status take_alarm(const RowSource& source, const schema::AlarmRow& row, schema::Bytes body);
  // What was there already.
  struct Before {
    std::int64_t spool = 0;
    std::int64_t good = 0;
    // It is another spool's, of the same generation, and has another body.
    bool differs = false;
    bool is_replaced = false;
  };
  // Inserts a row, replaces one, or leaves it.
  template <class Bind>
  Result<Before> upsert(Replaceable& table, schema::Bytes body, Bind bind);
  Status refuse_row(const RowSource& source, const schema::Row& row, std::string_view reason);
  Result<std::int64_t> stream_id(std::int64_t node, std::string_view device, std::string_view channel);
  void count_note(std::size_t bytes);  // if the last statement inserted it

  Store& store_;
  Tally& tally_;
  Notices& notices_;
  ReplayedWindows replayed_;
  std::int64_t rows_before_ = 0;
  // Identifiers of streams, by node, device and channel: bounded, and emptied when a transaction fails.
  std::unordered_map<std::string, std::int64_t> stream_ids_;

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
