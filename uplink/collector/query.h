// What the store can be asked, for the API and the command line alike. Every answer is a page: bounded, in the order of the
// store's own identifiers, with a cursor where there may be more.
//
// One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "schemas/envelope.h"
#include "uplink/collector/statistics.h"
#include "uplink/collector/store.h"
#include "uplink/protocol/ranges.h"

namespace stethos::collector {

inline constexpr std::size_t page_rows_default = 1'000;
inline constexpr std::size_t page_rows_max = 10'000;
// Streams, windows and alarms that may be looked at for one page, so that a filter which matches little stays cheap. A page that
// ends here may be short, or empty, and still has a cursor.
inline constexpr std::size_t page_examined_max = 50'000;
inline constexpr std::size_t page_bytes_max = 16u << 20;  // of rows as they are stored
inline constexpr std::size_t parameter_bytes_max = 1'024;

// "from=2026-11-21", as a list: an address, or a command line, has them in any order.
using Parameters = std::vector<std::pair<std::string, std::string>>;

struct BadParameter {
  std::string parameter;
  std::string message;
};
template <class T>
using Parsed = std::expected<T, BadParameter>;

struct Filter {
  std::optional<std::string> node;
  std::optional<std::string> device;
  std::optional<std::string> channel;
  std::optional<std::string> machine;
  std::optional<std::uint64_t> definition;
  std::optional<schema::AlarmState> state;
  std::optional<TimeNs> from;  // windows that start, alarms that were activated, at or after it
  std::optional<TimeNs> to;    // and before it
  // Empty: all. "quantile": whatever its parameter; "quantile.p95": with this one.
  std::vector<std::string> statistics;
  std::size_t limit = page_rows_default;
  std::vector<std::uint64_t> cursor;      // empty: from the beginning
};

// What each question can be asked with.
inline const std::vector<std::string_view> window_parameters{"node", "device", "channel",    "machine", "definition",
                                                             "from", "to",     "statistics", "limit",   "cursor"};
inline const std::vector<std::string_view> alarm_parameters{"node", "device", "channel", "machine", "state",
                                                            "from", "to",     "limit",   "cursor"};
inline const std::vector<std::string_view> stream_parameters{"node", "device", "channel", "machine", "limit", "cursor"};
inline const std::vector<std::string_view> node_parameters{"node", "limit", "cursor"};
inline const std::vector<std::string_view> gap_parameters{"node", "device", "limit", "cursor"};
inline const std::vector<std::string_view> silence_parameters{"node", "device", "channel", "from", "to", "limit", "cursor"};

// Only the names in `known` are taken, none of them twice.
Parsed<Filter> parse_filter(const Parameters& parameters, const std::vector<std::string_view>& known);

// Why a page of CSV cannot be made of it: its columns are those of the question, whatever rows there are.
std::optional<BadParameter> objection_to_columns(const Filter& filter);

struct StreamInfo {
  std::uint64_t version = 0;
  std::string machine, point, axis, quantity, unit, location, owner;
};

struct ProvenanceInfo {
  std::string program, backend;
  std::uint64_t config_hash = 0;
  int schema_major = 0;
  int schema_minor = 0;
  std::string source;
  ParameterTexts parameters;
};

struct WindowRecord {
  std::string node;
  std::optional<StreamInfo> stream;  // as the row names it, else the latest that is known
  std::shared_ptr<const ProvenanceInfo> provenance;  // many rows share one; null: it is not known
  std::int64_t windows = 1;  // merged into this row
  std::string spool;         // of an hour or a day: empty, with no lane or number
  int lane = 0;
  std::uint64_t number = 0;
  TimeNs stored = 0;
  std::vector<std::uint8_t> body;
  const schema::WindowRow* row = nullptr;  // in `body`, verified
};

// Of windows: each row is in one of them. See retention.h.
enum class Tier : std::uint8_t { windows, hours, days };
inline constexpr std::array<const char*, 3> tier_names{"windows", "hours", "days"};

struct TierRecord {
  const char* name;
  Counter rows, bytes, dropped;
  std::optional<TimeNs> oldest;
};

struct AlarmRecord {
  std::string node;
  std::optional<StreamInfo> stream;  // as the row names it, else the latest that is known
  std::string spool;
  int lane = 0;
  std::uint64_t number = 0;
  TimeNs stored = 0;
  std::vector<std::uint8_t> body;
  const schema::AlarmRow* row = nullptr;  // in `body`, verified
};

struct StreamRecord {
  std::string node, device, channel;
  std::optional<StreamInfo> latest;  // what it was in its newest window
  std::optional<TimeNs> first_start;  // of its windows
  std::optional<TimeNs> last_start;
};

struct LaneRecord {
  int lane = 0;
  std::uint64_t lowest_kept = 0;
  std::uint64_t next_number = 0;
  std::uint64_t rows = 0;
  std::uint64_t duplicates = 0;
  uplink::NumberSet held;
};
struct SpoolRecord {
  std::string identity;
  TimeNs first_seen = 0, last_seen = 0, sent = 0, offered_until = 0;
  std::vector<LaneRecord> lanes;
};
struct NodeRecord {
  std::string name;
  TimeNs first_seen = 0, last_seen = 0;
  std::vector<SpoolRecord> spools;
};

struct GapRecord {
  std::string node;
  std::string device;  // empty: a gap of rows
  std::uint64_t epoch = 0;
  std::string spool;
  int lane = 0;
  std::uint64_t first = 0, last = 0;
  std::string cause;
  TimeNs first_time = 0, last_time = 0;  // of rows: when the first and the last were committed; 0: not known
  TimeNs noticed = 0, stored = 0;
  bool clock_untrusted = false;  // noticed is by a node's clock that was not known to be right
};

struct EventRecord {
  std::string node;
  std::string kind;
  TimeNs at = 0;  // where the node did not know the time: when it was stored
  std::string device, channel;  // empty: not of one
  std::int64_t value = 0;
  std::string detail;
  TimeNs stored = 0;
  bool clock_untrusted = false;  // the node did not
};

struct SilenceRecord {
  std::string node;
  std::string device, channel;
  std::uint64_t definition = 0;
  TimeNs start = 0, end = 0;  // of the first window that is missing, and of the last; end is 0 unless final
  DurationNs length = 0, hop = 0;
  std::uint64_t windows = 0;
  schema::WindowState state = schema::WindowState::open;
  TimeNs noticed = 0, stored = 0;
  bool clock_untrusted = false;  // as of a gap
};

template <class Record>
struct Page {
  std::vector<Record> records;
  std::string next;  // the cursor of the next page; empty: there is none
};

class Query {
 public:
  explicit Query(Store& store);

  Result<Page<WindowRecord>> windows(const Filter& filter, Tier tier = Tier::windows);
  Result<Page<AlarmRecord>> alarms(const Filter& filter);
  Result<Page<StreamRecord>> streams(const Filter& filter);
  Result<Page<NodeRecord>> nodes(const Filter& filter);
  Result<Page<GapRecord>> gaps(const Filter& filter);
  Result<Page<EventRecord>> events(const Filter& filter);
  Result<Page<SilenceRecord>> silences(const Filter& filter);
  Result<std::map<std::string, std::int64_t>> counters();
  Result<std::vector<TierRecord>> tiers();

 private:
  struct StreamKey;
  struct WindowScan;

  Status read_windows(const StreamKey& stream, WindowScan& scan);
  Status join(const StreamKey& stream, WindowScan& scan, WindowRecord& record);
  Result<std::vector<StreamKey>> matching_streams(const Filter& filter, std::uint64_t from_id, std::size_t count_max);
  Result<std::optional<StreamInfo>> stream_info(std::int64_t stream, std::optional<std::uint64_t> version);
  Result<std::optional<StreamInfo>> stream_info_or_latest(std::int64_t stream, std::uint64_t version);
  Result<std::optional<StreamInfo>> newest_stream_info(std::int64_t stream);
  Result<std::shared_ptr<const ProvenanceInfo>> provenance_info(std::int64_t node, std::uint64_t id);
  Status read_spools(std::int64_t node, NodeRecord& record);
  Status read_lanes(std::int64_t spool, SpoolRecord& record);

  sqlite::Statement select_streams_;
  sqlite::Statement select_version_;
  sqlite::Statement select_latest_;
  sqlite::Statement select_newest_;
  sqlite::Statement select_provenance_;
  std::array<sqlite::Statement, 3> select_windows_;  // by tier
  sqlite::Statement select_alarms_;
  sqlite::Statement select_span_;
  sqlite::Statement select_nodes_;
  sqlite::Statement select_spools_;
  sqlite::Statement select_lanes_;
  sqlite::Statement select_lane_ranges_;
  sqlite::Statement select_gaps_;
  sqlite::Statement select_events_;
  sqlite::Statement select_silences_;
  sqlite::Statement select_counters_;
  sqlite::Statement select_oldest_;
};

}  // namespace stethos::collector
