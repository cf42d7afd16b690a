// Writes the dead letters of one batch, within bounds: of each message's payload, of the payloads of the batch together, of what
// is said of the reason, and of the topic. One thread.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "edge/core/arrival.h"
#include "edge/core/effect.h"
#include "edge/ingest/message.h"

namespace stethos::edge {

class Letters {
 public:
  explicit Letters(std::size_t payload_bytes_max) : payload_bytes_max_(payload_bytes_max) {}

  // Both must stay where they are until the next call.
  void begin(std::span<const Message> batch, Effect& effect);

  // Of the message at this place of the batch. `device` and `channel`: empty where they are not known, or it was not just one.
  void write(std::size_t message, const Rejection& rejection, std::string_view device, std::string_view channel = {});

  // Of the batch, so far.
  std::size_t written() const { return effect_->dead_letters.size(); }

  // The same, but once a message, device, channel and reason, however many records of it are refused.
  void write_channel(std::size_t message, const Rejection& rejection, std::string_view device, std::string_view channel);

  // The same, but once a message, stream and reason, however many of its readings are refused.
  void write_once(std::size_t message, const Rejection& rejection, StreamId stream, std::string_view device);

  // As write_once, of so many samples that no window took and that these definitions have counted as late. The letter names the
  // channel if all that the message has of it are such, in the same definitions, and in one at least.
  void write_unplaced(const Source& source, const Rejection& rejection, std::uint64_t samples, const Stream& stream,
                      const std::vector<std::uint64_t>& late_in);

 private:
  bool is_first(std::size_t message, Reason reason, StreamId stream, std::string_view device, std::string_view channel);

  const std::size_t payload_bytes_max_;
  std::span<const Message> batch_;
  Effect* effect_ = nullptr;
  std::size_t bytes_ = 0;
  std::optional<std::size_t> message_;  // of which letters were written last
  std::set<std::tuple<Reason, StreamId, std::string, std::string>> of_message_;  // by stream, or by device and channel
  // The last letter of the batch that is of samples that no window took: its place among the effect's, its message, its stream,
  // and how many samples of that it stands for.
  std::optional<std::size_t> unplaced_letter_;
  std::size_t unplaced_message_ = 0;
  StreamId unplaced_stream_ = 0;
  std::uint64_t unplaced_samples_ = 0;
};

}  // namespace stethos::edge
