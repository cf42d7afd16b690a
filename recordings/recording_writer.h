// Writes a recording of our own (docs/recording-format.md): messages, in the order in which they are given, into a folder of
// segments that stays within a budget. A new writer begins a new segment, so what a crash left behind is never written to.
//
// It belongs to one thread. Errors are values: a message that cannot be recorded is refused and changes nothing. When the
// operating system refuses (a full disk, say), recording stops: each later call returns that same error, and what was written
// before can be read.
//
// A process that dies loses the messages since the last frame was written; nothing is synced, so a power cut costs what the
// system had not yet written by itself.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "recordings/recorded_message.h"
#include "recordings/recording_format.h"
#include "schemas/recording_generated.h"

namespace stethos::recordings {

struct RecordingOptions {
  std::string folder;                      // made when it is not there; one writer at a time
  bool compact = true;                     // f32 that are short decimals are compressed, without loss
  std::uint64_t segment_bytes = 64u << 20;  // a segment ends before it is larger, unless a single frame is; at least 1 MiB
  std::uint64_t bytes_max = 1u << 30;  // of all segments, each counted in whole blocks of 4 KiB; at least twice segment_bytes
};

// Since the writer was opened.
struct RecordingTotals {
  std::uint64_t messages = 0;  // of frames that are written
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
  std::uint64_t segments_deleted = 0;  // the oldest, for room
  std::uint64_t bytes_deleted = 0;
};

class RecordingWriter {
 public:
  // Code::unavailable: another writer has the folder.
  static Result<std::unique_ptr<RecordingWriter>> open(RecordingOptions options);

  // What was appended since the last flush is not written.
  ~RecordingWriter();
  RecordingWriter(const RecordingWriter&) = delete;
  RecordingWriter& operator=(const RecordingWriter&) = delete;

  // Codes of a refusal: invalid (times and samples do not match), too_large (a limit of recording_format.h, or half of the
  // budget). The message is in the file when its frame is full, or after flush.
  Status append(const RecordedMessage& message);

  // Ends the frame that is begun, and writes it.
  Status flush();

  const RecordingTotals& totals() const { return totals_; }

 private:
  struct Compressor;

  RecordingWriter(RecordingOptions options, int folder_fd, std::vector<Segment> segments);
  std::uint32_t index_of(std::string_view text);
  std::uint32_t add_data(const void* bytes, std::size_t count);
  void add_channel(const RecordedChannel& channel);
  Status finish_planes();
  Status make_room(std::uint64_t bytes);
  Status open_segment();
  Status write_frame(Bytes header, std::uint32_t header_bytes, std::uint32_t data_bytes);

  RecordingOptions options_;
  int folder_fd_;
  std::vector<Segment> segments_;  // oldest first; the last is being written to while segment_fd_ is not -1
  std::uint64_t occupied_bytes_ = 0;
  int segment_fd_ = -1;
  std::uint64_t next_number_ = 1;
  Status stopped_;
  RecordingTotals totals_;

  // The frame that is begun.
  schema::RecordingFrameT frame_;
  std::map<std::string, std::uint32_t, std::less<>> text_index_;
  std::vector<std::uint8_t> data_;
  std::uint64_t frame_bytes_ = 0;  // that its messages take before compression
  std::vector<std::int32_t> whole_;  // of all decimal channels
  bool whole_fit_i16_ = true;
  std::unique_ptr<Compressor> compressor_;
};

}  // namespace stethos::recordings
