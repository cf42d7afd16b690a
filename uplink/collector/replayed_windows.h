// Which rows of a window stand once a replay has it too (docs/replay.md): those of the highest generation.
//
// A change of what the stream is cuts a window into parts, each with a row of its own; and the replay may cut where the node did
// not, or the other way round. So rows of a higher generation take the place of all rows of the window, whatever parts they are.
// Those that no row of the same start replaces are withdrawn: they stay as they are, but for the generation, that of the rows
// that they were withdrawn for, and are neither shown nor merged. It is told where a batch leaves fewer good samples of a window
// than were shown before, and where the node has more than are shown: how many its rows had is kept (`good_of_node`).
//
// A part of the intake: within its transaction, in its thread.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "common/sqlite.h"
#include "schemas/envelope.h"
#include "uplink/collector/notices.h"
#include "uplink/collector/store.h"

namespace stethos::collector {

// A window as its definition has it, before any cut.
struct WholeWindow {
  std::int64_t stream = 0;
  std::uint64_t definition = 0;
  TimeNs start = 0;
  auto operator<=>(const WholeWindow&) const = default;
};
WholeWindow whole_window_of(std::int64_t stream, const schema::WindowRow& row);

class ReplayedWindows {
 public:
  // All three must outlive it.
  ReplayedWindows(Store& store, Tally& tally, Notices& notices);

  void begin_batch() { replaced_.clear(); }
  // Before a row is stored: withdraws what it takes the place of but for the row of its own start. Returns whether it may stand:
  // not beside rows of a higher generation, nor beside those of another spool of its generation that cut the window elsewhere.
  // Notes a conflict where samples are not shown by that. `row` lasts until end_batch().
  Result<bool> make_room(const WholeWindow& window, const schema::WindowRow& row, std::int64_t spool, TimeNs now);
  // Notes the windows of the batch of which fewer good samples are shown now than before.
  Status end_batch();

 private:
  struct Stored {
    std::int64_t id = 0;
    TimeNs start = 0;
    std::int64_t generation = 0;
    bool is_withdrawn = false;
    std::int64_t spool = 0;
    std::int64_t good = 0;
    std::int64_t good_of_node = 0;
    bool is_beside = false;  // of another spool, of the row's generation, and it overlaps the row and begins elsewhere
  };

  struct Replaced {
    const schema::WindowRow* by = nullptr;  // one of the rows
    std::int64_t spool = 0;  // of one that was replaced
    std::int64_t good = 0;  // that were shown before
  };

  // The rows of the window. `row`: what is_beside is said of; null: it is not.
  Result<std::vector<Stored>> rows_of(const WholeWindow& window, const schema::WindowRow* row, std::int64_t spool);
  void note(const schema::WindowRow& row, std::int64_t spool_before, std::int64_t good_before, std::int64_t good,
            bool is_replaced);

  Tally& tally_;
  Notices& notices_;
  std::map<WholeWindow, Replaced> replaced_;  // in this batch

  sqlite::Statement select_;
  sqlite::Statement withdraw_;
};

}  // namespace stethos::collector
