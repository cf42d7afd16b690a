// Windows of one stream and one definition, merged into the row of an hour or a day: counts are summed, moments and buckets
// merged, and the statistics of them that the windows have are computed anew, all by the code that the edge uses. What windows
// have of single blocks (validity, features) is merged by what it is: sums, extremes, means by blocks, the last one.
//
// An index of a parameter means something within its provenance alone: values are merged by the parameters' texts, and the row
// has the indices of the provenance that it names, that of the latest window. What has no text there is left out, and so is what
// had none in the provenance of its window.
//
// Nothing can be taken out of a sum again. So a rollup says from which window to which it covers its time: of one that is to be
// added and starts between them nobody can tell any more whether it is in.
//
// One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "common/clock.h"
#include "gpu_kernels/buckets.h"
#include "gpu_kernels/moments.h"
#include "schemas/envelope.h"
#include "uplink/collector/statistics.h"

namespace stethos::collector {

struct Span {
  std::int64_t windows = 0;
  TimeNs first = 0;  // the starts of the first and the last of them
  TimeNs last = 0;

  bool meets(const Span& other) const { return windows > 0 && other.windows > 0 && first <= other.last && other.first <= last; }
};

class Rollup {
 public:
  // Of the row's provenance; none where that is not known.
  using Texts = std::shared_ptr<const ParameterTexts>;

  // Empty, or as `stored` is, a row that row() made.
  Rollup(TimeNs start, DurationNs length) : start_(start), length_(length) {}
  Rollup(const schema::WindowRow& stored, const Span& span, Texts texts);

  // Whether it was taken. Of windows that overlap (hopping) only those are that start at a multiple of their length since 1970
  // (of a part its whole window); sessions are not: late data may join one to an earlier one, and from its start nobody can tell
  // whether it is in.
  bool add(const schema::WindowRow& row, const Span& span, Texts texts);

  const Span& span() const { return span_; }
  std::uint64_t stream_version() const { return row_.stream_version; }  // once something was added
  schema::WindowRowT row() const;

 private:
  struct Mean {
    double value = 0;
    double weight = 0;

    void add(double other, double its_weight) {
      if (!(its_weight > 0)) return;
      weight += its_weight;
      value += (other - value) * (its_weight / weight);
    }
  };

  // Of what is not computed from moments and buckets.
  struct Value {
    double value = std::numeric_limits<double>::quiet_NaN();
    std::uint64_t blocks = 0;  // of the windows that have it
    bool has_blocks = true;  // all of them say of how many blocks; rows of before 1.1 do not
    // Of a mean, by blocks and by good samples: all of it is by the one or by the other.
    Mean by_blocks;
    Mean by_samples;
    TimeNs start = 0;  // of a last one: of its window
  };

  void take_names(const schema::WindowRow& row);
  void merge_buckets(const schema::WindowRow& row);
  void merge_values(const schema::WindowRow& row, TimeNs start, const ParameterTexts& texts);
  void put_values(schema::WindowRowT& out) const;
  double quantile(double share) const;

  TimeNs start_;
  DurationNs length_;
  Span span_;
  kernels::Moments moments_;
  kernels::Buckets buckets_;
  std::set<std::uint16_t> of_moments_;  // statistics that the latest window has
  std::map<std::uint16_t, std::map<std::string, Value, std::less<>>> values_;  // by statistic and text of the parameter
  std::size_t value_count_ = 0;
  TimeNs speed_start_ = 0;  // of the window that the speed is of
  Texts texts_ = std::make_shared<const ParameterTexts>();  // of the latest window
  schema::WindowRowT row_;  // all else
};

}  // namespace stethos::collector
