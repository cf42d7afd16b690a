// The rows that wait for the collector, and those that it has, which are kept as history until the budget needs their room. A
// part of the spool: it shares the spool's writing connection, and whatever changes it runs within a transaction of that.
// outbox_reader.h reads them.
//
// Which rows the collector has is what it said last. If it says less than before (its store was lost, or is a copy of an earlier
// day), the history waits again. If it has a row that was never given out here, or another one under the same number, this file
// is the copy: its numbers were used by another life of it, and begin anew under another identity.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "common/sqlite.h"
#include "edge/spool/lane_state.h"
#include "edge/spool/row_needs.h"
#include "edge/spool/row_totals.h"
#include "edge/spool/spool.h"
#include "uplink/sender/outbox_source.h"

namespace stethos::edge {

// What a row takes beside its body, as the budget counts it.
inline constexpr std::uint64_t row_overhead_bytes = 32;

class Outbox {
 public:
  // The connection outlives the outbox.
  explicit Outbox(sqlite::Database& writer);

  Status load();

  // Changes: within a transaction of the writer, by one thread at a time. When it is committed, committed() says so.
  // `now`: nothing if it is not known, which is kept as 0.
  Status append(const std::vector<NewRow>& rows, std::optional<TimeNs> now);
  struct Taken {
    bool is_copy = false;     // this file is: numbers have begun anew, and the spool needs another identity
    bool wait_again = false;  // rows of the history
  };
  Result<Taken> take(std::span<const uplink::LaneAnswer> answers);
  // Let go of the oldest rows until `bytes` are free or there are none: of the history; or of those that wait, of the windows
  // first, the alarms last. Return what was freed.
  Result<RowTotals> drop_history(std::uint64_t bytes);
  Result<RowTotals> give_up(std::uint64_t bytes);
  // The same with all that is older than `age`. Of a row whose time is not known, or has not come yet, it is known that it is not
  // younger than those behind it: it is taken for as old as the next one, or for one of now.
  Result<RowTotals> drop_history_older(DurationNs age, TimeNs now);
  Result<RowTotals> give_up_older(DurationNs age, TimeNs now);
  // Of the rows that left since it was last called those that what is kept cannot do without: they are to come again.
  std::vector<NewRow> take_needed() { return std::exchange(needed_, {}); }
  // What the core has changed since the last call. Rows of now may name it, so it comes after append().
  Status note(const Effect& effect) { return needs_.note(effect, next_numbers()); }
  // What an earlier run knew.
  void restore(const SavedState& saved) { needs_.restore(saved); }
  void committed();
  // A planted fault: the rows that are sent are gone.
  void forget(const uplink::OutboxLane& sent);

  // As of the last committed change. Any thread.
  std::array<LaneTotals, lane_count> totals() const;

  // With the change at hand, as the budget counts it.
  std::uint64_t budget_bytes() const;

 private:
  enum class Leaving : std::uint8_t { history, waiting };
  struct Until {
    std::uint64_t bytes = 0;
    DurationNs age = 0;  // 0: whatever it is
    TimeNs now = 0;
  };

  Status save_lane(std::size_t lane);
  Result<RowTotals> measure(std::size_t lane, uplink::NumberRange range);
  Result<bool> has_another(std::size_t lane, const uplink::LaneAnswer& answer);
  Status begin_anew();
  Result<bool> note_acknowledged(std::size_t lane, uplink::NumberSet acknowledged);
  Result<RowTotals> leave(Leaving which, Until until);
  Status date_rows(std::size_t lane, uplink::NumberRange stretch, TimeNs now);
  Result<RowTotals> leave_stretch(std::size_t lane, uplink::NumberRange stretch, Leaving which, Until until);
  LaneNumbers next_numbers() const;
  Result<std::uint64_t> lowest_kept(std::size_t lane);
  Status keep_needed(std::size_t lane, std::uint64_t first_id, std::uint64_t last_id);
  Status note_given_up(std::size_t lane, uplink::NumberRange range, schema::GapCause cause, TimeNs first_ns, TimeNs last_ns);

  sqlite::Database& writer_;
  std::array<LaneState, lane_count> lanes_;  // with the change at hand
  RowNeeds needs_;
  std::vector<NewRow> needed_;
  mutable std::mutex mutex_;  // of totals_
  std::array<LaneTotals, lane_count> totals_;

  sqlite::Statement save_lane_, add_row_, row_body_, measure_rows_, oldest_rows_, date_rows_, delete_rows_, extend_given_up_,
      add_given_up_, delete_given_up_, first_given_up_, first_row_, describing_rows_;
};

}  // namespace stethos::edge
