// From bytes to samples. One decoder a payload format; each is chosen by the subscription that the message came through.
//
// What is decoded points into the message and into the decoder, and is good until the decoder's next `begin_batch`.
// A decoder belongs to one thread.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "edge/config/edge_config.h"
#include "edge/core/identities.h"
#include "edge/core/rejection.h"
#include "edge/ingest/message.h"
#include "gpu_kernels/backend.h"

namespace stethos::edge {

// One channel of a message: a block, or readings of their own times.
struct DecodedChannel {
  std::string_view channel;
  std::string_view quantity;
  std::string_view unit;
  TimeNs start_ns = 0;     // of the block, or of the one reading
  double interval_ns = 0;  // between the samples of a block; 0: readings
  std::span<const TimeNs> times_ns;  // of readings, where there are several
  kernels::BlockView samples;        // plausible range not yet filled in
  std::optional<double> reading;     // instead of `samples`: one value as exact as it came
  std::optional<ReadingIdentity> identity;  // of the one reading
  double shaft_hz = 0;     // turns a second while the block was taken; 0: not said
  bool is_stamped_by_arrival = false;  // it has no time of its own
  std::optional<Rejection> rejected;  // this channel only
};

inline std::uint64_t sample_count(const DecodedChannel& channel) { return channel.reading ? 1 : channel.samples.count; }

// What one device says with one message; or what of it cannot be told whose it is, and then nothing else.
struct DecodedMessage {
  std::string_view device;
  std::optional<Rejection> rejected;
  std::uint64_t epoch = 0;     // 0: the format has no sequence
  std::uint64_t sequence = 0;
  std::uint64_t lowest_held = 0;
  TimeNs complete_until_ns = 0;  // 0: not said
  std::vector<DecodedChannel> channels;
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual void begin_batch() = 0;
  // Clears and fills `out`: one for each device that the payload speaks of, none where the payload is to be ignored. A rejection
  // is of the whole payload.
  virtual std::expected<void, Rejection> decode(const Message& message, std::vector<DecodedMessage>& out) = 0;
};

std::unique_ptr<Decoder> make_batch_decoder();
std::unique_ptr<Decoder> make_json_decoder(const SubscriptionConfig& subscription);
std::unique_ptr<Decoder> make_value_decoder(const SubscriptionConfig& subscription);
std::unique_ptr<Decoder> make_f32_decoder(const SubscriptionConfig& subscription);
std::unique_ptr<Decoder> make_decoder(const SubscriptionConfig& subscription);

// What topic and subscription say of a payload that is one channel: its device, into `out`, and what it is. Its time is that of
// its arrival, for want of another. `field` must outlive the channel.
DecodedChannel& channel_of_topic(const SubscriptionConfig& subscription, const FieldConfig& field, const Message& message,
                                 std::vector<DecodedMessage>& out);

// Level `level` of a topic, counted from 0; empty: it has no such level.
std::string_view topic_level(std::string_view topic, int level);

}  // namespace stethos::edge
