#include <algorithm>
#include <limits>
#include <utility>

#include "edge/spool/state_columns.h"
#include "edge/spool/state_tables.h"

// What is forgotten, and what is left of it on record.
namespace stethos::edge {

using sqlite::Statement;

// What is written otherwise is not forgotten: the column is not named there.
Status StateTables::write_forgotten(const Effect& effect) {
  for (const Stream* stream : effect.forgotten_streams) {
    if (auto done = forget_stream_.bind(1, stream->id).bind(2, effect.now_ns).run(); !done) return done;
    if (auto done = delete_joined_.bind(1, stream->id).run(); !done) return done;
    constexpr auto all = std::numeric_limits<std::int64_t>::max();
    if (auto done = delete_joined_blocks_.bind(1, stream->id).bind(2, all).run(); !done) return done;
    may_have_forgotten_ = true;
  }
  for (const std::string* device : effect.forgotten_devices) {
    if (auto done = forget_device_.bind(1, *device).bind(2, effect.now_ns).run(); !done) return done;
    may_have_forgotten_ = true;
  }
  return {};
}

Result<std::optional<DeviceSequences>> StateTables::forgotten_device(std::string_view device) {
  std::optional<DeviceSequences> found;
  if (!may_have_forgotten_) return found;
  auto read = sqlite::for_each(forgotten_device_.bind(1, device), [&](Statement& row) -> Status {
    auto epoch = epoch_of(row);
    if (!epoch) return std::unexpected(epoch.error());
    if (!found) found = DeviceSequences{std::string(device), {}, time_of(row, 4)};
    found->epochs.push_back(std::move(*epoch));
    return {};
  });
  if (!read) return std::unexpected(read.error());
  return found;
}

Result<std::optional<Stream>> StateTables::forgotten_stream(std::string_view device, std::string_view channel) {
  std::optional<Stream> found;
  if (!may_have_forgotten_) return found;
  auto read = sqlite::for_each(forgotten_stream_.bind(1, device).bind(2, channel), [&](Statement& row) -> Status {
    auto stream = stream_of(row);
    if (!stream) return std::unexpected(stream.error());
    found = std::move(*stream);
    return {};
  });
  if (!read) return std::unexpected(read.error());
  return found;
}

Result<std::uint64_t> StateTables::drop_forgotten_beyond(std::uint64_t max) {
  const auto most = static_cast<std::int64_t>(std::min<std::uint64_t>(max, std::numeric_limits<std::int64_t>::max()));
  constexpr std::string_view beyond =
      "(SELECT id FROM stream WHERE forgotten_ns IS NOT NULL ORDER BY forgotten_ns DESC, id DESC LIMIT -1 OFFSET ?1)";
  SampleCounts samples;
  std::string sql = "SELECT count(*)";
  for (const auto& [column, count] : sample_columns) sql.append(", coalesce(sum(").append(column).append("), 0)");
  Statement sums(writer_, sql.append(" FROM stream WHERE id IN ").append(beyond));
  std::uint64_t streams = 0;
  auto done = sqlite::for_each(sums.bind(1, most), [&](Statement& row) {
    streams = row.unsigned_integer(0);
    int at = 0;
    for (const auto& [column, count] : sample_columns) samples.*count = row.unsigned_integer(++at);
  });
  if (!done) return std::unexpected(done.error());
  if (streams > 0) {
    Statement add(writer_,
                  "INSERT INTO counter (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = value + ?2");
    for (const auto& [column, count] : sample_columns) {
      const std::string name = dropped_samples_counter(column);
      if (done = add.bind(1, std::string_view(name)).bind(2, samples.*count).run(); !done) return std::unexpected(done.error());
    }
    Statement drop(writer_, std::string("DELETE FROM stream WHERE id IN ").append(beyond));
    if (done = drop.bind(1, most).run(); !done) return std::unexpected(done.error());
  }
  std::vector<std::string> devices;
  Statement names(writer_,
                  "SELECT device FROM device WHERE forgotten_ns IS NOT NULL GROUP BY device "
                  "ORDER BY max(forgotten_ns) DESC, device DESC LIMIT -1 OFFSET ?1");
  done = sqlite::for_each(names.bind(1, most), [&](Statement& row) { devices.emplace_back(row.text(0)); });
  if (!done) return std::unexpected(done.error());
  for (const std::string& device : devices) {
    if (auto gone = forget_epochs(device); !gone) return std::unexpected(gone.error());
  }
  return streams + devices.size();
}

}  // namespace stethos::edge
