// What one channel of one message means for its stream: Intake makes arrivals of messages, Placing takes them. An arrival names
// streams and devices by their ids and holds no pointer, so that it can be kept and taken again. Plain data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "edge/core/block_summary.h"
#include "edge/core/state.h"
#include "edge/ingest/point_table.h"

namespace stethos::edge {

using StreamId = std::int64_t;  // Stream::id

// Which message brought an arrival.
struct Source {
  std::size_t message = 0;  // its place in the batch
  std::uint64_t samples = 0;  // that the message has of the channel
  Origin origin;
  TimeNs received_ns = 0;
  bool clock_untrusted = false;  // received_ns is by a clock that was not known to be right
  bool was_late = false;  // it is put through again, and all of these samples are counted as late
};

// From here on the stream's arrivals are samples of what `descriptions` says at this place.
struct StreamDescribed {
  StreamId stream = 0;
  std::size_t description = 0;
  std::optional<std::uint64_t> described_in_epoch;  // as of Stream
};

// `statistics` is a place in `blocks`.
struct BlockArrived {
  StreamId stream = 0;
  Source source;
  TimeNs start_ns = 0;
  std::size_t statistics = 0;
  // Places in `analyses`: of the analysis blocks that end in this block.
  std::size_t analyses_begin = 0;
  std::size_t analyses_end = 0;
  // The start of the oldest block in which the next analysis block may begin; nothing: none is waited for.
  std::optional<TimeNs> kept_from_ns;
};

// Of an analysis block.
struct AnalysisArrived {
  TimeNs block_ns = 0;  // the start of the block in which it begins: it belongs to the same windows
  TimeNs start_ns = 0;
  std::size_t statistics = 0;  // as in BlockArrived
};

struct ReadingArrived {
  StreamId stream = 0;
  Source source;
  TimeNs time_ns = 0;
  double value = 0;
  std::optional<ReadingIdentity> identity;
};

enum class Unplaced : std::uint8_t { duplicate, late, rejected };

// Samples of the stream that go into no window. Counted in the order of arrival, since the window that counts them is the newest
// one at that moment.
struct SamplesUnplaced {
  StreamId stream = 0;
  Unplaced how = Unplaced::duplicate;
  std::uint64_t samples = 0;
};

// Nothing older than this comes for the device's streams any more: it says so.
struct DeviceComplete {
  std::vector<StreamId> streams;
  TimeNs until_ns = 0;
  bool is_judged = true;  // it is not in the future; false: of that the clock could not judge
};

using Arrival = std::variant<StreamDescribed, BlockArrived, ReadingArrived, SamplesUnplaced, DeviceComplete>;

// What was computed of a block.
struct BlockValues {
  PlanId plan = 0;
  ShaftSpeed speed;  // that the features were computed for
  kernels::Moments moments;
  kernels::Validity validity;
  kernels::CountedBuckets buckets;
  std::vector<double> features;  // as many as the plan's, in its order; NaN where one is not defined

  kernels::BlockStatistics view() const {
    return {.moments = moments, .validity = validity, .buckets = buckets.view(), .features = features};
  }
};

// In the order of arrival, with what is too large to lie in each.
struct Arrivals {
  std::vector<Stream> returned;  // that were forgotten, and are spoken of below
  std::vector<Arrival> list;
  std::vector<BlockValues> blocks;
  std::vector<AnalysisArrived> analyses;
  std::vector<PointEntry> descriptions;

  void clear() {
    returned.clear();
    list.clear();
    blocks.clear();
    analyses.clear();
    descriptions.clear();
  }
};

}  // namespace stethos::edge
