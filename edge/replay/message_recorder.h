// Records what the core hears, for replay. It never holds the core up: when it can not write it stops, says so once, and the node
// goes on without. One thread; totals and whether it stopped may be asked for by any.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "edge/core/core.h"
#include "recordings/recording_writer.h"

namespace stethos::edge {

class MessageRecorder final : public Recorder {
 public:
  static Result<std::unique_ptr<MessageRecorder>> open(recordings::RecordingOptions options);

  void take(const DecodedMessage& message, const Message& arrived) override;

  // What was taken is in the file: once a batch is committed, so that what is recorded has been counted.
  void flush();

  struct Status {
    std::uint64_t messages = 0;  // in the file
    std::uint64_t bytes = 0;
    std::uint64_t segments_deleted = 0;  // the oldest, for room
    std::uint64_t messages_refused = 0;  // that cannot be recorded
    bool stopped = false;
  };
  Status status() const;

 private:
  explicit MessageRecorder(std::unique_ptr<recordings::RecordingWriter> writer) : writer_(std::move(writer)) {}
  void note(const stethos::Status& done);

  std::unique_ptr<recordings::RecordingWriter> writer_;
  std::vector<recordings::RecordedChannel> channels_;
  std::atomic<std::uint64_t> messages_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::atomic<std::uint64_t> segments_deleted_ = 0;
  std::atomic<std::uint64_t> messages_refused_ = 0;
  std::atomic<bool> stopped_ = false;
};

}  // namespace stethos::edge
