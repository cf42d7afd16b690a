// Windows of one stream and one definition, merged into the row of an hour or a day: counts are summed, moments merged, and the
// statistics that the windows have are computed from them anew, all by the code that the edge uses.
//
// Nothing can be taken out of a sum again. So a rollup says from which window to which it covers its time: of one that is to be
// added and starts between them nobody can tell any more whether it is in.
//
// One thread at a time.
#pragma once

#include <cstdint>

#include "common/clock.h"
#include "gpu_kernels/moments.h"
#include "schemas/envelope.h"

namespace stethos::collector {

struct Span {
  std::int64_t windows = 0;
  TimeNs first = 0;  // the starts of the first and the last of them
  TimeNs last = 0;

  bool meets(const Span& other) const { return windows > 0 && other.windows > 0 && first <= other.last && other.first <= last; }
};

class Rollup {
 public:
  // Empty, or as `stored` is, a row that row() made.
  Rollup(TimeNs start, DurationNs length) : start_(start), length_(length) {}
  Rollup(const schema::WindowRow& stored, const Span& span);

  // Whether it was taken. Of windows that overlap (hopping) only those are that start at a multiple of their length since 1970;
  // sessions are not: late data may join one to an earlier one, and from its start nobody can tell whether it is in.
  bool add(const schema::WindowRow& row, const Span& span);

  const Span& span() const { return span_; }
  std::uint64_t stream_version() const { return row_.stream_version; }  // once something was added
  schema::WindowRowT row() const;

 private:
  void take_statistics(const schema::WindowRow& row);

  TimeNs start_;
  DurationNs length_;
  Span span_;
  kernels::Moments moments_;
  schema::WindowRowT row_;  // all else
};

}  // namespace stethos::collector
