// Rows that an operator asks nodes for again. A request is of one lane: numbers of the spool that the node began last, or a span
// of event time, which the node's rows are searched for. It stands in the store until the node has answered all of it, so both
// ends may be killed at any time: the collector asks for what is left, and an answer to anything else is none.
//
// ask(), list() and cancel() are for another process than the collector, each in a transaction of its own; the rest is for
// Intake, within its transaction. One thread at a time.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "schemas/envelope.h"
#include "uplink/collector/store.h"
#include "uplink/protocol/ranges.h"

namespace stethos::collector {

inline constexpr std::int64_t open_requests_max = 1'000;
inline constexpr std::int64_t requests_kept_max = 2'000;  // of those that were made last, with all that are open

struct Request {
  std::int64_t id = 0;
  std::string node;
  std::string spool;  // whose rows are asked for; empty: the node was not asked yet
  schema::Lane lane = schema::Lane::windows;
  uplink::NumberRange numbers;     // of a span of time: all that the spool had given out when it was first asked
  std::optional<TimeNs> from, to;  // a span of time
  std::uint64_t next = 0;          // numbers below are answered
  std::int64_t rows = 0;           // that came
  std::int64_t not_kept = 0;       // numbers that the node has no row of any more
  std::string cause;               // why; empty where there are none
  std::string state;  // open; done: answered; cancelled; spool_changed: the node's new spool does not have these numbers
  TimeNs asked = 0;
  TimeNs ended = 0;  // 0: it is open
};

struct NewRequest {
  std::string node;
  std::vector<schema::Lane> lanes;  // each becomes a request
  std::optional<uplink::NumberRange> numbers = std::nullopt;  // either these
  std::optional<TimeNs> from = std::nullopt;  // or these, from < to
  std::optional<TimeNs> to = std::nullopt;
};

class Wanted {
 public:
  explicit Wanted(Store& store);

  // Their ids. Code::invalid: the node is not known, or has not given out these numbers; Code::too_large: too many are open.
  Result<std::vector<std::int64_t>> ask(const NewRequest& request, TimeNs now);
  // In the order in which they were made.
  Result<std::vector<Request>> list();
  // False: there is none that is open.
  Result<bool> cancel(std::int64_t id, TimeNs now);
  Result<std::int64_t> open_count();

  // What a lane of this spool is asked for.
  struct Open {
    std::int64_t id = 0;
    std::uint64_t next = 0;
    std::uint64_t last = 0;
    TimeNs from = 0;  // both 0: any
    TimeNs to = 0;
  };
  // The first request of the lane that this spool can answer. `next_number` is what the lane will give out next.
  Result<std::optional<Open>> open_of(std::int64_t node, std::int64_t spool, int lane, std::uint64_t next_number, TimeNs now);
  Status note_answer(const Open& open, const schema::Again& answer, std::int64_t rows, TimeNs now);

 private:
  Result<std::int64_t> insert(const NewRequest& request, std::int64_t node, schema::Lane lane, TimeNs now);
  Status end(std::int64_t id, std::string_view state, TimeNs now);

  Store& store_;
  sqlite::Statement select_node_;
  sqlite::Statement select_newest_spool_;
  sqlite::Statement insert_;
  sqlite::Statement trim_;
  sqlite::Statement select_all_;
  sqlite::Statement count_open_;
  sqlite::Statement select_open_;
  sqlite::Statement begin_;
  sqlite::Statement advance_;
  sqlite::Statement end_;
};

// Whether it is an answer to the beginning of what is wanted.
bool answers(const schema::Again& answer, const Wanted::Open& open);

}  // namespace stethos::collector
