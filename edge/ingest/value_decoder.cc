// One bare value as text: "20.5", "ON". Device and channel stand in the topic, what the value is in the configuration; its time
// is that of its arrival, for want of another.
#include "edge/ingest/decoder.h"
#include "edge/ingest/field_value.h"

namespace stethos::edge {
namespace {

class ValueDecoder final : public Decoder {
 public:
  explicit ValueDecoder(const SubscriptionConfig& subscription)
      : subscription_(subscription), field_(subscription.all_fields().front()) {}

  void begin_batch() override {}

  std::expected<void, Rejection> decode(const Message& message, std::vector<DecodedMessage>& out) override {
    out.assign(1, {});
    out.front().device = topic_level(message.topic, subscription_.device_level);
    DecodedChannel channel;
    channel.channel = subscription_.channel_level >= 0 ? topic_level(message.topic, subscription_.channel_level)
                                                       : std::string_view(field_.channel);
    channel.quantity = field_.quantity;
    channel.unit = field_.unit;
    channel.start_ns = message.received_ns;
    const auto value = read_text(field_, {reinterpret_cast<const char*>(message.payload.data()), message.payload.size()});
    if (!value) return std::unexpected(value.error());
    channel.reading = *value;
    out.front().channels.push_back(channel);
    return {};
  }

 private:
  const SubscriptionConfig subscription_;
  const FieldConfig field_;
};

}  // namespace

std::unique_ptr<Decoder> make_value_decoder(const SubscriptionConfig& subscription) {
  return std::make_unique<ValueDecoder>(subscription);
}

}  // namespace stethos::edge
