// Raw little-endian float32: the payload is one block and nothing else. Device and channel stand in the topic, the sampling
// interval in the configuration; the arrival is the time of the first sample, for want of another.
#include <bit>

#include "edge/ingest/decoder.h"

namespace stethos::edge {
namespace {

static_assert(std::endian::native == std::endian::little, "samples are read where they lie");

class F32Decoder final : public Decoder {
 public:
  explicit F32Decoder(const SubscriptionConfig& subscription)
      : subscription_(subscription), field_(subscription.all_fields().front()) {}

  void begin_batch() override {}

  std::expected<void, Rejection> decode(const Message& message, std::vector<DecodedMessage>& out) override {
    if (message.payload.size() % sizeof(float) != 0) {
      return std::unexpected(Rejection{Reason::corrupt, "its size is no multiple of four bytes"});
    }
    DecodedChannel& channel = channel_of_topic(subscription_, field_, message, out);
    channel.interval_ns = static_cast<double>(subscription_.interval);
    channel.samples.samples = message.payload.data();
    channel.samples.count = message.payload.size() / sizeof(float);
    return {};
  }

 private:
  const SubscriptionConfig subscription_;
  const FieldConfig field_;
};

}  // namespace

std::unique_ptr<Decoder> make_f32_decoder(const SubscriptionConfig& subscription) {
  return std::make_unique<F32Decoder>(subscription);
}

}  // namespace stethos::edge
