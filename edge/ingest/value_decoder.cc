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
    const auto value = read_text(field_, {reinterpret_cast<const char*>(message.payload.data()), message.payload.size()});
    if (!value) return std::unexpected(value.error());
    channel_of_topic(subscription_, field_, message, out).reading = *value;
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
