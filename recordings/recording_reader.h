// Reads a recording of our own (docs/recording-format.md): a folder of segments, or one of its files, as it was when it was
// opened. Everything is checked before it is believed.
//
// What it gives points into the mapped segment or into the reader, aligned for its type, and is good until the message behind the
// last of its frame is asked for; plain samples are not copied. It belongs to one thread. A file that is cut while it is read, or
// a medium that fails, ends the process (SIGBUS), as it does with every mapping; our own writer never cuts one.
//
// A frame that is cut short or damaged with no other frame behind it is a torn tail, as a crash or a power cut leaves it: the
// segment ends before it, and bytes_left_out() says how much was left out. With a frame behind it, it is an error.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "recordings/recorded_message.h"
#include "recordings/recording_format.h"
#include "schemas/recording_generated.h"

namespace stethos::recordings {

// Where a message stands. The default is the beginning.
struct RecordingPosition {
  std::uint64_t segment = 0;  // its number; 0 for a file that is not named as a segment
  std::uint64_t offset = 0;  // of the frame, in bytes
  std::uint32_t message = 0;  // in the frame

  bool operator==(const RecordingPosition&) const = default;
};

class RecordingReader {
 public:
  // Codes: not_found (no segment there, or not that of `from`), and those of next().
  static Result<std::unique_ptr<RecordingReader>> open(const std::string& path, const RecordingPosition& from = {});
  ~RecordingReader();
  RecordingReader(const RecordingReader&) = delete;
  RecordingReader& operator=(const RecordingReader&) = delete;

  // The next message, in the order of arrival. False at the end. Codes: corrupt (the error names file and offset), unsupported
  // (a newer major version), not_found (a segment is missing), io. Do not call it again after an error.
  Result<bool> next(RecordedMessage& message);

  // Whether the next message is of the same frame as the last.
  bool frame_has_more() const { return message_index_ < messages_.size(); }

  // Of the next message: open() with it goes on there, also when more was recorded since.
  RecordingPosition position() const;

  // The files up to the present frame, and all of them. A segment that is passed over for `from` counts as read.
  std::uint64_t bytes_read() const { return bytes_before_ + (mapping_ ? offset_ : 0); }
  std::uint64_t bytes_total() const { return bytes_total_; }

  // Of torn tails, so far.
  std::uint64_t bytes_left_out() const { return bytes_left_out_; }

 private:
  class Mapping;
  struct Decompressor;

  explicit RecordingReader(std::vector<Segment> segments);
  Status open_segment();
  Result<bool> next_frame();
  Status read_frame(const Frame& frame);
  Status read_samples(const schema::RecordingFrame& header, Bytes data);
  Status read_planes(const schema::RecordingFrame& header, Bytes data, std::uint64_t count,
                     std::vector<const std::uint8_t*>& planes);
  std::unexpected<Error> refuse(Code code, const std::string& why) const;

  std::vector<Segment> segments_;
  std::size_t segment_index_ = 0;
  std::unique_ptr<Mapping> mapping_;  // of that segment; null: not opened yet
  std::uint64_t offset_ = 0;  // of the present frame
  std::uint64_t frame_end_ = 0;  // of the segment's header before its first frame
  std::uint64_t bytes_before_ = 0;  // of earlier segments
  std::uint64_t bytes_total_ = 0;
  std::uint64_t bytes_left_out_ = 0;

  // The present frame.
  std::vector<RecordedMessage> messages_;
  std::vector<RecordedChannel> channels_;
  std::size_t message_index_ = 0;
  std::vector<float> decimal_samples_;
  std::unique_ptr<Decompressor> decompressor_;
};

}  // namespace stethos::recordings
