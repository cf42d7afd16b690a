// Dead letters put through again, on a spool whose edge does not run: after the configuration or the point table was mended that
// they were refused for.
//
// Each letter is one transaction: it leaves, and its message is processed as if it came now, with the time of its first arrival;
// of a message that was refused in part only that part. What was handled with the first arrival is not handled again: counting
// the message, its place in its device's sequence, counting its samples if they were late. A letter that would be refused again
// or come too late stays as it is.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

#include "edge/config/edge_config.h"
#include "edge/ingest/point_table.h"
#include "edge/spool/sqlite_spool.h"

namespace stethos::edge {

struct WhichLetters {
  std::int64_t id = 0;  // 0: any
  std::string reason;   // empty: any
};

// `clock_trusted`: now_ns is known to be right. Writes a line for each letter to `out`, and at the end, if any is too late, how a
// replay takes it. Code::not_found: there is no letter of that id. After an error of the spool those before it are put through.
Status put_through(const EdgeConfig& config, std::uint64_t config_hash, const PointTable& points, SqliteSpool& spool,
                   TimeNs now_ns, bool clock_trusted, const WhichLetters& which, std::ostream& out);

}  // namespace stethos::edge
