#include "edge/spool/stream_labels.h"

#include <algorithm>

#include "edge/spool/stream_blobs.h"
#include "edge/spool/tables.h"
#include "schemas/envelope.h"

namespace stethos::edge {
namespace {

constexpr std::uint64_t notes_begin = static_cast<std::uint64_t>(schema::Lane::notes) << lane_shift;

}  // namespace

Result<const WindowLabels*> StreamLabels::find(std::uint64_t version) {
  auto found = known_.find(version);
  if (found == known_.end()) {
    if (auto read = read_rows(); !read) return std::unexpected(read.error());
    found = known_.find(version);
  }
  if (found == known_.end() && !has_read_streams_) {
    if (auto read = read_streams(); !read) return std::unexpected(read.error());
    has_read_streams_ = true;
    found = known_.find(version);
  }
  return found == known_.end() ? nullptr : &found->second;
}

Status StreamLabels::read_rows() {
  auto rows = sqlite::Statement::prepare(
      database_, "SELECT id, CASE kind WHEN ?3 THEN body END FROM outbox WHERE id > ?1 AND id < ?2 ORDER BY id");
  if (!rows) return std::unexpected(rows.error());
  rows->bind(1, std::max(rows_read_through_, notes_begin)).bind(2, notes_begin + (std::uint64_t{1} << lane_shift));
  rows->bind(3, static_cast<int>(schema::RowKind::stream));
  return sqlite::for_each(*rows, [&](sqlite::Statement& each) {
    rows_read_through_ = each.unsigned_integer(0);
    if (each.is_null(1)) return;
    const auto row = schema::open_stream_row(each.blob(1));
    if (!row) return;  // SpoolReport::verify says so
    known_.try_emplace((*row)->version(), (*row)->machine()->str(), (*row)->quantity()->str(), (*row)->unit()->str());
  });
}

Status StreamLabels::read_streams() {
  auto streams = sqlite::Statement::prepare(database_, "SELECT parts FROM stream");
  if (!streams) return {};  // a spool of an earlier version has none
  return sqlite::for_each(*streams, [&](sqlite::Statement& each) {
    const auto parts = decode_parts(each.blob(0));
    if (!parts) return;
    for (const Part& part : *parts) {
      const Description& of = part.description;
      known_.try_emplace(of.version, of.machine, of.quantity, of.unit);
    }
  });
}

}  // namespace stethos::edge
