// The tables of a spool that hold the core's state: definitions, streams, panes, identities, speeds, blocks that are joined,
// alarms, devices, totals. A part of the spool, as the outbox is: it shares the spool's writing connection, and whatever changes
// it runs within a transaction. One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/sqlite.h"
#include "edge/spool/spool.h"

namespace stethos::edge {

class StateTables {
 public:
  // The connection must outlive it.
  explicit StateTables(sqlite::Database& writer);

  Result<SavedState> load();

  // All of the effect but its rows and dead letters.
  Status write(const Effect& effect);
  Status write_suspects(const Suspects& suspects);
  Status write_sessions(const SessionRecord& record);

  // As those of Remembered.
  Result<std::optional<DeviceSequences>> forgotten_device(std::string_view device);
  Result<std::optional<Stream>> forgotten_stream(std::string_view device, std::string_view channel);
  // Of streams and of devices each so many stay that are forgotten; those that were forgotten first go. Returns how many did.
  Result<std::uint64_t> drop_forgotten_beyond(std::uint64_t max);
  // Returns how many of the device there were.
  Result<std::size_t> forget_epochs(std::string_view device);
  Status set_meta(std::string_view key, std::string_view value);
  Status set_counter(std::string_view name, std::uint64_t value);

 private:
  Status write_definitions(const std::vector<WindowDefinition>& definitions);
  Status write_pane(const PaneChange& change);
  Status write_stream(const Stream* stream);
  Status write_identity(const IdentityChange& change);
  Status write_speed(const SpeedChange& change);
  Status write_joined(const JoinedChange& change);
  Status write_alarm(const AlarmChange& change);
  Status write_device(const DeviceChange& change);
  Status write_forgotten(const Effect& effect);
  Status write_totals(const Effect& effect);

  sqlite::Database& writer_;
  sqlite::Statement set_meta_, set_definition_, set_stream_, set_pane_, delete_pane_, set_alarm_, delete_alarm_, set_identity_,
      delete_identity_, set_speed_, delete_speed_, set_joined_, delete_joined_, set_joined_block_, delete_joined_blocks_,
      set_epoch_, delete_epochs_before_, set_counter_, forget_stream_, forget_device_, forgotten_stream_, forgotten_device_;
  bool may_have_forgotten_ = true;  // false: nothing that is forgotten is on record
  SavedState written_;  // its totals, redelivery and provenance: what this process wrote last
};

}  // namespace stethos::edge
