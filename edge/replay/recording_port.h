// The MessagePort that a replay reads from, and the clock that it makes: it is always as late as the last message arrived, and
// jumps where the clock of the node that recorded it was corrected. One thread. Nobody is acknowledged and nobody listens.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "edge/ingest/message_port.h"
#include "edge/replay/feed.h"

namespace stethos::edge {

class RecordingPort final : public MessagePort, public Clock {
 public:
  // `name` stands in positions, so that a replay does not go on in another recording.
  RecordingPort(std::unique_ptr<Feed> feed, std::string name)
      : feed_(std::move(feed)), name_(std::move(name)), position_(feed_->position()) {}

  void poll(DurationNs timeout, std::vector<Message>& batch) override;
  void durable(std::uint64_t /*ticket*/) override {}
  bool publish(std::string_view topic, std::span<const std::uint8_t> payload) override;
  bool publish_later(std::string /*topic*/, std::string /*payload*/) override { return true; }
  void pause(bool paused) override { paused_ = paused; }
  void close() override { at_end_ = true; }
  std::string position() const override { return name_ + "\n" + position_; }

  TimeNs now() const override { return now_ns_; }
  DurationNs monotonic() const override { return system_clock().monotonic(); }

  // Lets so much time pass after the last message.
  void pass(DurationNs time) { now_ns_ += time; }

  bool at_end() const { return at_end_; }
  bool is_paused() const { return paused_; }
  const Status& status() const { return status_; }
  recordings::Recording::Progress progress() const { return feed_->progress(); }
  std::uint64_t bytes_left_out() const { return feed_->bytes_left_out(); }
  std::uint64_t samples() const { return samples_; }
  std::uint64_t messages() const { return messages_; }  // of channels

 private:
  std::unique_ptr<Feed> feed_;
  std::string name_;
  std::string position_;  // behind what poll gave last: an error lies beyond
  std::vector<FedMessage> fed_;
  Status status_;
  TimeNs now_ns_ = 0;
  bool clock_untrusted_ = false;  // of the node that recorded it, when the last message came
  std::uint64_t messages_ = 0;
  std::uint64_t samples_ = 0;
  bool at_end_ = false;
  bool paused_ = false;
};

// What a position says: the name of the recording, and where in it.
struct RecordingPlace {
  std::string name;
  std::string position;
};
RecordingPlace parse_place(const std::string& position);

}  // namespace stethos::edge
