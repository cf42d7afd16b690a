// What the collector notices by itself about the spools of a node: another spool than before, two of them in turn, windows that
// two of them have differently. It stands among the events, beside what nodes report.
//
// A part of the intake: within its transaction, in its thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/result.h"
#include "common/sqlite.h"
#include "uplink/collector/store.h"

namespace stethos::collector {

// While it lasts the same is told of a node once in this time.
inline constexpr DurationNs notice_interval = hour_ns;

// A window that two spools have with other content, or a replay with fewer samples than the node. One row of it is shown. The
// texts are the batch's.
struct WindowConflict {
  std::string_view device;
  std::string_view channel;
  TimeNs start = 0;
  std::int64_t spool_before = 0;  // of the row that was there
  std::int64_t good_before = 0;   // samples
  std::int64_t good = 0;          // of the row that came
  bool is_replaced = false;       // by the row that came
};

class Notices {
 public:
  // Both must outlive it.
  Notices(sqlite::Database& database, Tally& tally);

  // Before the spool of a batch is noted as seen.
  Status look_at_spool(std::int64_t node, std::string_view node_name, std::string_view spool, TimeNs now);

  void begin_batch();
  void note(const WindowConflict& conflict);
  // Tells what was noted since the batch began.
  Status tell_conflicts(std::int64_t node, std::string_view node_name, std::string_view spool, TimeNs now);

 private:
  struct Event {
    std::string_view kind;
    std::string device;
    std::string channel;
    std::int64_t value = 0;
    std::string detail;
  };
  Result<std::string> identity_of(std::int64_t spool);
  Result<bool> add_to_last(std::int64_t node, const Event& event, TimeNs now);
  Status tell(std::int64_t node, std::string_view node_name, const Event& event, TimeNs now);

  Tally& tally_;
  sqlite::Database& database_;
  std::int64_t conflicts_ = 0;  // of the batch
  std::optional<WindowConflict> first_;  // of them

  sqlite::Statement select_other_;
  sqlite::Statement select_identity_;
  sqlite::Statement add_to_last_;
  sqlite::Statement insert_;
};

}  // namespace stethos::collector
