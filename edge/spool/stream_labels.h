// What the versions that windows name are called, from the spool: the rows of streams in its outbox, and what its streams are
// now. A version that neither has is not known any more: the budget needed the room of its row. As large as what the spool has of
// them. One thread; the connection must outlive it.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "common/sqlite.h"
#include "edge/core/effect.h"

namespace stethos::edge {

class StreamLabels {
 public:
  explicit StreamLabels(sqlite::Database& database) : database_(database) {}

  // Good until the next call; null: not known. What has been read is read once: rows that came since are looked at for a version
  // that is not among them.
  Result<const WindowLabels*> find(std::uint64_t version);

 private:
  Status read_rows();
  Status read_streams();

  sqlite::Database& database_;
  std::unordered_map<std::uint64_t, WindowLabels> known_;
  std::uint64_t rows_read_through_ = 0;  // ids of the outbox
  bool has_read_streams_ = false;
};

}  // namespace stethos::edge
