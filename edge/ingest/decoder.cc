#include "edge/ingest/decoder.h"

namespace stethos::edge {

std::unique_ptr<Decoder> make_decoder(const SubscriptionConfig& subscription) {
  switch (subscription.format) {
    case PayloadFormat::stethos:
      return make_batch_decoder();
    case PayloadFormat::json:
      return make_json_decoder(subscription);
    case PayloadFormat::f32:
      return make_f32_decoder(subscription);
  }
  STETHOS_CHECK(false, "a payload format without a decoder");
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
