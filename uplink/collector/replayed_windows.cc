#include "uplink/collector/replayed_windows.h"

#include "uplink/collector/intake_checks.h"

namespace stethos::collector {
namespace {

// A node cuts a window a few times: this bounds what a stranger's rows cost. Of a window that has as many rows no replay is
// taken.
constexpr std::size_t rows_of_a_window_max = 200;

}  // namespace

WholeWindow whole_window_of(std::int64_t stream, const schema::WindowRow& row) {
  return {stream, row.definition(), row.whole() == nullptr ? row.start_ns() : row.whole()->start_ns()};
}

ReplayedWindows::ReplayedWindows(Store& store, Tally& tally, Notices& notices)
    : tally_(tally),
      notices_(notices),
      select_(store.database(),
              "SELECT id, start_ns, generation, withdrawn, spool, good, iif(generation = 0, good, good_of_node), length_ns FROM "
              "windows WHERE stream = ?1 AND start_ns = ?3 AND definition = ?2 UNION ALL "
              "SELECT id, start_ns, generation, withdrawn, spool, good, iif(generation = 0, good, good_of_node), length_ns FROM "
              "windows WHERE stream = ?1 AND definition = ?2 AND part_of_ns = ?3 LIMIT ?4"),
      withdraw_(store.database(),
                "UPDATE windows SET generation = ?2, withdrawn = 1, stored_ns = ?3, "
                "good_of_node = iif(generation = 0, good, good_of_node) WHERE id = ?1") {}

Result<bool> ReplayedWindows::make_room(const WholeWindow& window, const schema::WindowRow& row, std::int64_t spool, TimeNs now) {
  const auto rows = rows_of(window, &row, spool);
  if (!rows) return std::unexpected(rows.error());

  const auto good = static_cast<std::int64_t>(row.counts()->good());
  const Stored* above = nullptr;  // one of a higher generation
  const Stored* beside = nullptr;
  const Stored* below = nullptr;  // one of a lower generation, that stands
  std::int64_t good_above = 0, good_beside = 0, good_below = 0;
  std::int64_t good_of_node = good;  // all that it has of the window, if the row is the node's
  for (const Stored& each : *rows) {
    if (row.generation() == 0 && each.start != row.start_ns()) good_of_node += each.good_of_node;
    if (each.is_withdrawn) continue;
    if (each.generation > row.generation()) {
      above = &each;
      good_above += each.good;
    } else if (each.is_beside) {
      beside = &each;
      good_beside += each.good;
    } else if (each.generation < row.generation()) {
      below = &each;
      good_below += each.good;
    }
  }
  if (above != nullptr) {
    if (good_of_node > good_above) note(row, above->spool, good_above, good_of_node, false);
    return false;
  }
  if (beside != nullptr) {
    note(row, beside->spool, good_beside, good, false);
    return false;
  }
  if (row.generation() > 0 && rows->size() == rows_of_a_window_max) {
    note(row, rows->front().spool, rows->front().good, good, false);
    return false;
  }
  for (const Stored& each : *rows) {
    if (each.generation >= row.generation() || each.is_withdrawn || each.start == row.start_ns()) continue;
    if (auto done = withdraw_.bind(1, each.id).bind(2, row.generation()).bind(3, now).run(); !done) {
      return std::unexpected(done.error());
    }
    tally_.count(Counter::windows_superseded);
  }
  if (below != nullptr) replaced_.try_emplace(window, Replaced{&row, below->spool, good_below});
  return true;
}

Status ReplayedWindows::end_batch() {
  for (const auto& [window, replaced] : replaced_) {
    const auto rows = rows_of(window, nullptr, 0);
    if (!rows) return std::unexpected(rows.error());
    std::int64_t good = 0;
    for (const Stored& each : *rows) good += each.is_withdrawn ? 0 : each.good;
    if (good < replaced.good) note(*replaced.by, replaced.spool, replaced.good, good, true);
  }
  return {};
}

Result<std::vector<ReplayedWindows::Stored>> ReplayedWindows::rows_of(const WholeWindow& window, const schema::WindowRow* row,
                                                                      std::int64_t spool) {
  std::vector<Stored> out;
  select_.bind(1, window.stream)
      .bind(2, window.definition)
      .bind(3, window.start)
      .bind(4, static_cast<std::int64_t>(rows_of_a_window_max));
  const Status read = sqlite::for_each(select_, [&](sqlite::Statement& found) -> Status {
    Stored stored{.id = found.integer(0),
                  .start = found.integer(1),
                  .generation = found.integer(2),
                  .is_withdrawn = found.integer(3) != 0,
                  .spool = found.integer(4),
                  .good = found.integer(5),
                  .good_of_node = found.integer(6)};
    if (row != nullptr && stored.generation == row->generation() && stored.spool != spool && !stored.is_withdrawn &&
        stored.start != row->start_ns()) {
      stored.is_beside = found.is_null(7) ||
                         (stored.start < row->start_ns() + row->length_ns() && row->start_ns() < stored.start + found.integer(7));
    }
    out.push_back(stored);
    return {};
  });
  if (!read) return std::unexpected(read.error());
  return out;
}

void ReplayedWindows::note(const schema::WindowRow& row, std::int64_t spool_before, std::int64_t good_before, std::int64_t good,
                           bool is_replaced) {
  notices_.note({.device = view(row.device()),
                 .channel = view(row.channel()),
                 .start = row.start_ns(),
                 .spool_before = spool_before,
                 .good_before = good_before,
                 .good = good,
                 .is_replaced = is_replaced});
}

}  // namespace stethos::collector
