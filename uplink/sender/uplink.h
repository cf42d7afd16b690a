// The seam to the other side: one request, one answer. CurlUplink is the real one.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/result.h"

namespace stethos::uplink {

enum class PostFailure : std::uint8_t {
  unreachable,  // no connection, no answer in time, or an answer that asks to come again
  refused,      // the other side understood and will not take this batch
  aborted,      // by abort()
};

struct PostError {
  PostFailure failure = PostFailure::unreachable;
  DurationNs retry_after = 0;  // not before; 0: the other side did not say
  Error error;
};

// What a collector's clock showed, at some time between two monotonic ones of ours.
struct CollectorTime {
  TimeNs time_ns = 0;       // 0: it did not say
  std::uint64_t clock = 0;  // which clock that is, as Clock::identity
  DurationNs asked_monotonic = 0;
  DurationNs answered_monotonic = 0;
};

using PostResult = std::expected<std::vector<std::uint8_t>, PostError>;

class Uplink {
 public:
  virtual ~Uplink() = default;

  // Posts one compressed batch and returns the body of the answer, which nobody has verified yet. Blocks, but never longer
  // than its timeout. Called from one thread.
  virtual PostResult post(std::span<const std::uint8_t> body) = 0;

  // Ends the post that is under way, and all later ones, soon. From any thread.
  virtual void abort() = 0;
};

}  // namespace stethos::uplink
