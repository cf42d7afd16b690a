// Where the rows of a replay go that wait in its spool: to a file, to the collector, or nowhere else. One thread; what fails is
// said on standard error, and ends the replay with the exit code that is returned.
#pragma once

#include <cstdint>
#include <memory>

#include "edge/core/core.h"
#include "edge/replay/replay.h"
#include "edge/replay/row_file.h"
#include "edge/spool/sqlite_spool.h"
#include "uplink/sender/sender.h"

namespace stethos::edge {

// What the spool may hold: what has gone on is kept for a while only.
std::uint64_t spool_bytes_max(const ReplayOptions& options);

class RowOutput {
 public:
  // The spool must outlive it.
  explicit RowOutput(SqliteSpool& spool) : spool_(spool), given_up_rows_(spool.given_up().rows) {}

  // The core's parameters must outlive it.
  Exit open(const EdgeConfig& config, const ReplayOptions& options, const Core& core);

  // Rows were added.
  void notify();

  // Until what waits leaves room for more.
  Exit pass_on();

  // Until nothing waits. The collector is then left within `deadline`.
  Exit finish(DurationNs deadline);

 private:
  Exit drain();
  Exit deliver(std::uint64_t bytes_most);
  RowTotals waiting() const;

  SqliteSpool& spool_;
  const std::uint64_t given_up_rows_;  // by earlier runs
  std::unique_ptr<RowFile> file_;
  std::unique_ptr<uplink::Uplink> uplink_;
  std::unique_ptr<uplink::Sender> sender_;
};

}  // namespace stethos::edge
