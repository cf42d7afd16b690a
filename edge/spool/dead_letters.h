// The dead letters of a spool. A part of the spool, as the outbox is: it shares the spool's writing connection, and whatever
// changes it runs within a transaction. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "common/sqlite.h"
#include "edge/spool/row_totals.h"
#include "edge/spool/spool.h"

namespace stethos::edge {

class DeadLetters {
 public:
  // The connection must outlive it.
  explicit DeadLetters(sqlite::Database& writer);

  Status load();

  // `gone`: one that leaves, put through; null: none.
  Status change(std::span<const DeadLetter> added, const DeadLetter* gone);
  // Let go of the oldest until so many bytes are free, or until there are no more than so many. Return what left.
  Result<RowTotals> drop(std::uint64_t bytes);
  Result<RowTotals> drop_beyond(std::uint64_t letters_max);

  // The first with a greater id; nothing: there is none whose reason this program knows.
  Result<std::optional<DeadLetter>> after(std::int64_t id);

  // With the change at hand, as the budget counts it.
  std::uint64_t budget_bytes() const;

 private:
  Result<RowTotals> drop(std::uint64_t bytes, std::uint64_t letters);
  void take_off(const RowTotals& gone);
  Status save_totals();

  sqlite::Database& writer_;
  RowTotals totals_;
  sqlite::Statement add_, remove_, oldest_, remove_through_, save_total_;
};

}  // namespace stethos::edge
