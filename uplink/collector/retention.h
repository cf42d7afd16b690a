// Keeps the store within its budgets. It has five tiers: windows, hours, days, alarms, events (with gaps, silences and rows of
// unknown kinds). When a tier has more bytes than it may, or what is older than it may be, its oldest rows go; windows are merged
// into hours first, and hours into days.
//
// Windows go by event time: the oldest hour of the store first, one stream of it after the other. One that its hour covers
// already (see Rollup) goes without being merged, and is counted: a late revision, or one sent again after the hour was rolled
// up. So nothing is counted twice, and nothing is lost without a trace. An alarm goes by when it last changed, an active one only
// for the bytes. The rest goes in the order in which it came.
//
// Where there is both what starts more than a day after the collector's clock and what does not, the former goes first.
//
// Age is counted back from the collector's clock, or from the newest window where that is earlier: a clock that jumps ahead
// drops nothing.
//
// One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "schemas/envelope.h"
#include "uplink/collector/budgets.h"
#include "uplink/collector/rollup.h"
#include "uplink/collector/store.h"

namespace stethos::collector {

// A window of which parts are merged, and where the last of them ends.
struct MergedParts {
  TimeNs window = 0;  // where it begins
  TimeNs until = 0;
};

class Retention {
 public:
  // That one step drops at most: some milliseconds of work, which a batch may have to wait for.
  static constexpr std::int64_t rows_per_step = 1'000;

  Retention(Store& store, const Budgets& budgets);
  ~Retention();

  // Drops what is over the budgets, up to rows_per_step, in one transaction. Whether there was anything: then there may be more.
  Result<bool> step(TimeNs now);

 private:
  struct Tier;
  struct Timed;
  struct Untimed;
  struct Merged;

  Result<TimeNs> today(TimeNs now);
  Result<bool> is_over(const Tier& tier, TimeNs oldest, TimeNs today);
  Result<std::int64_t> drop_timed(std::size_t tier, TimeNs today, TimeNs now, std::int64_t rows_max);
  Result<std::int64_t> drop_of_stream(std::size_t tier, std::int64_t stream, TimeNs start, TimeNs now, std::int64_t rows_max);
  Result<Merged> merged_so_far(std::size_t tier, std::int64_t stream, TimeNs start, std::uint64_t definition);
  Result<bool> merge(Merged& into, std::int64_t stream, const Span& span, schema::Bytes body);
  Result<bool> is_merged_already(std::int64_t stream, const Merged& into, const schema::WindowRow& row);
  Result<Rollup::Texts> texts_of(std::int64_t stream, std::uint64_t provenance);
  Status write(Timed& tier, std::int64_t stream, const Merged& merged, TimeNs now);
  Result<std::int64_t> drop_untimed(Untimed& tier, TimeNs today, std::int64_t rows_max);

  Store& store_;
  Tally tally_;
  sqlite::Statement select_newest_;
  sqlite::Statement select_change_;
  sqlite::Statement select_parameters_;
  std::map<std::uint64_t, Rollup::Texts> texts_;  // by provenance, of the stream that is being merged
  std::vector<Timed> timed_;  // windows, hours, days: each is merged into the next
  std::vector<Untimed> untimed_;  // alarms, events
};

}  // namespace stethos::collector
