#include "edge/ingest/decoder.h"

#include <algorithm>
#include <utility>

namespace stethos::edge {

namespace {

// Leaves out payloads that are no readings.
class IgnoringDecoder final : public Decoder {
 public:
  IgnoringDecoder(std::vector<std::string> ignored, std::unique_ptr<Decoder> decoder)
      : ignored_(std::move(ignored)), decoder_(std::move(decoder)) {}

  void begin_batch() override { decoder_->begin_batch(); }

  std::expected<void, Rejection> decode(const Message& message, std::vector<DecodedMessage>& out) override {
    const std::string_view payload(reinterpret_cast<const char*>(message.payload.data()), message.payload.size());
    if (std::ranges::find(ignored_, payload) == ignored_.end()) return decoder_->decode(message, out);
    out.clear();
    return {};
  }

 private:
  const std::vector<std::string> ignored_;
  const std::unique_ptr<Decoder> decoder_;
};

std::unique_ptr<Decoder> decoder_of_format(const SubscriptionConfig& subscription) {
  switch (subscription.format) {
    case PayloadFormat::stethos:
      return make_batch_decoder();
    case PayloadFormat::json:
      return make_json_decoder(subscription);
    case PayloadFormat::value:
      return make_value_decoder(subscription);
    case PayloadFormat::f32:
      return make_f32_decoder(subscription);
  }
  STETHOS_CHECK(false, "a payload format without a decoder");
}

}  // namespace

std::unique_ptr<Decoder> make_decoder(const SubscriptionConfig& subscription) {
  auto decoder = decoder_of_format(subscription);
  if (subscription.ignored_payloads.empty()) return decoder;
  return std::make_unique<IgnoringDecoder>(subscription.ignored_payloads, std::move(decoder));
}

DecodedChannel& channel_of_topic(const SubscriptionConfig& subscription, const FieldConfig& field, const Message& message,
                                 std::vector<DecodedMessage>& out) {
  out.assign(1, {});
  out.front().device = topic_level(message.topic, subscription.device_level);
  DecodedChannel& channel = out.front().channels.emplace_back();
  channel.channel =
      subscription.channel_level >= 0 ? topic_level(message.topic, subscription.channel_level) : std::string_view(field.channel);
  channel.quantity = field.quantity;
  channel.unit = field.unit;
  channel.start_ns = message.received_ns;
  channel.is_stamped_by_arrival = true;
  return channel;
}

std::string_view topic_level(std::string_view topic, int level) {
  for (;;) {
    const auto slash = topic.find('/');
    if (level == 0) return topic.substr(0, slash);
    if (slash == std::string_view::npos) return {};
    topic.remove_prefix(slash + 1);
    --level;
  }
}

}  // namespace stethos::edge
