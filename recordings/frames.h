// Samples at one rate that lie in tables, as in WAV, MAT, NumPy and raw files: a row is a frame, what was sampled at one
// moment, a column a channel. They come as blocks that follow each other; the last may be short. One block is in memory at a
// time. Samples that are NaN or infinite are given as they are: to all who use them they are missing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "recordings/binary_source.h"
#include "recordings/numbers.h"
#include "recordings/recording.h"

namespace stethos::recordings {

inline constexpr std::size_t frame_channels_max = 256;

// What is said of a recording from outside.
struct FrameOptions {
  double rate_hz = 0;  // 0: as the recording says
  TimeNs start_ns = 0;
  std::size_t block_samples = 2560;
  std::vector<std::string> channels;  // their names: as many as there are, or one, to which a number is added: x-1, x-2;
                                      // none: as the recording says, else "value"
  std::string quantity = "value";
  std::string unit = "1";
  double scale = 1;  // of every sample
};

struct SampleTable {
  std::shared_ptr<const BinarySource> bytes;
  std::uint64_t begin = 0;  // of its first number
  std::uint64_t frames = 0;
  std::size_t channels = 1;
  NumberFormat format;
  bool is_by_channel = false;  // all samples of the first channel, then all of the next; else all of the first frame, and so on
  double full_scale = 1;  // the number that stands for 1
};

struct Frames {
  std::string path;  // for messages
  std::vector<SampleTable> tables;  // beside each other: all have as many frames
  std::vector<std::string> names;  // of all channels; empty: the recording does not say
  double rate_hz = 0;  // 0: it does not say
  double shaft_hz = 0;  // 0: it does not say
};

// What the tables claim to hold is checked against the bytes that there are.
Result<std::unique_ptr<Recording>> open_frames(Frames frames, const FrameOptions& options);

}  // namespace stethos::recordings
