// A recording, read piece by piece. Each format has a reader in a file of its own; all of them are used through this
// interface, by the simulator (published as devices would) and by replay.
//
// A reader belongs to one thread and holds at most one file of the recording in memory. Formats are read strictly: what is
// not as expected is an error with file and line, and nothing is skipped or mended in silence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/result.h"

namespace stethos::recordings {

// One quantity over one stretch of time: a block when interval_ns is above zero, else readings with a time each.
struct ChannelData {
  std::string channel;
  std::string quantity;
  std::string unit;
  TimeNs start_ns = 0;              // of the first sample
  double interval_ns = 0;
  std::vector<TimeNs> times_ns;     // readings: as many as samples, not decreasing; blocks: empty
  std::vector<double> samples;      // one that is missing is NaN, or infinite
  double shaft_hz = 0;              // turns a second of the machine's shaft, where the recording says it; 0: it does not
};

// What was measured in one go. It has at least one channel, and each channel at least one sample.
struct Record {
  std::vector<ChannelData> channels;
};

// Readers of blocks are asked for no longer ones.
inline constexpr std::size_t block_samples_max = 1u << 20;
Status check_block_samples(const std::string& path, std::size_t block_samples);

class Recording {
 public:
  virtual ~Recording() = default;

  // The next record, in the order in which it was recorded, which need not be the order of its stamps. False at the end.
  // Do not call it again after an error.
  virtual Result<bool> next(Record& record) = 0;

  // How far it has been read, in a unit of its own; total 0: it has no end that it knows.
  struct Progress {
    std::uint64_t read = 0;
    std::uint64_t total = 0;
  };
  virtual Progress progress() const { return {}; }
};

// When the last sample of a channel was taken.
TimeNs last_sample_ns(const ChannelData& channel);

// The time from the earliest to the latest sample, found by reading the recording to its end.
struct TimeSpan {
  TimeNs first_ns = 0;
  TimeNs last_ns = 0;
};
Result<TimeSpan> read_time_span(Recording& recording);

}  // namespace stethos::recordings
