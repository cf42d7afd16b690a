// JSON that somebody else's device publishes, read as the subscription declares it. The whole document is validated before
// a field is believed: a number cut short by a broken sender is still a number.
#include <simdjson.h>

#include <cmath>
#include <memory_resource>

#include "common/hash.h"
#include "common/time_text.h"
#include "edge/ingest/declared_field.h"
#include "edge/ingest/decoder.h"

namespace stethos::edge {
namespace {

using simdjson::dom::element;

constexpr std::size_t arena_bytes_initial = 64u << 10;

std::unexpected<Rejection> refuse(Reason reason, std::string detail) {
  return std::unexpected(Rejection{reason, std::move(detail)});
}

DurationNs ns_of(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::s:
      return ns_per_s;
    case TimeUnit::ms:
      return ns_per_ms;
    case TimeUnit::us:
      return ns_per_us;
    default:
      return 1;
  }
}

class JsonDecoder final : public Decoder {
 public:
  explicit JsonDecoder(const SubscriptionConfig& subscription)
      : subscription_(subscription),
        fields_(declared_fields(subscription)),
        device_pointer_(subscription.device_field.empty() ? "" : json_pointer(subscription.device_field)),
        time_pointer_(subscription.time_unit == TimeUnit::arrival ? "" : json_pointer(subscription.time_field)),
        interval_pointer_(subscription.interval_field.empty() ? "" : json_pointer(subscription.interval_field)),
        identity_pointer_(subscription.identity.empty() || subscription.identity == "time" ? ""
                                                                                           : json_pointer(subscription.identity)),
        arena_initial_(arena_bytes_initial),
        arena_(arena_initial_.data(), arena_initial_.size()) {}

  void begin_batch() override { arena_.release(); }

  std::expected<void, Rejection> decode(const Message& message, DecodedMessage& out) override {
    out.channels.clear();
    out.epoch = out.sequence = out.lowest_held = 0;
    out.complete_until_ns = 0;
    element document;
    if (const auto error = parser_.parse(message.payload.data(), message.payload.size()).get(document)) {
      return refuse(Reason::not_json, simdjson::error_message(error));
    }
    if (auto device = device_of(message, document); device)
      out.device = *device;
    else
      return std::unexpected(device.error());
    const auto time = time_of(message, document);
    if (!time) return std::unexpected(time.error());
    const auto interval = interval_of(document);
    if (!interval) return std::unexpected(interval.error());
    const auto identity = identity_of(*time, document);
    if (!identity) return std::unexpected(identity.error());

    for (const DeclaredField& field : fields_) {
      element value;
      if (document.at_pointer(field.pointer).get(value) || value.is_null()) continue;
      DecodedChannel channel;
      channel.channel = field.channel;
      channel.quantity = field.quantity;
      channel.unit = field.unit;
      channel.start_ns = *time;
      read_value(value, *interval, channel);
      if (channel.reading) channel.identity = *identity;
      out.channels.push_back(std::move(channel));
    }
    if (out.channels.empty()) return refuse(Reason::missing_field, "none of the declared fields");
    return {};
  }

 private:
  std::expected<std::string_view, Rejection> device_of(const Message& message, const element& document) {
    if (device_pointer_.empty()) return topic_level(message.topic, subscription_.device_level);
    element value;
    if (document.at_pointer(device_pointer_).get(value)) return refuse(Reason::missing_field, device_pointer_);
    std::string_view text;
    if (value.get_string().get(text)) return refuse(Reason::wrong_type, device_pointer_ + " is no string");
    return keep(text);
  }

  std::expected<TimeNs, Rejection> time_of(const Message& message, const element& document) const {
    if (subscription_.time_unit == TimeUnit::arrival) return message.received_ns;
    element value;
    if (document.at_pointer(time_pointer_).get(value)) return refuse(Reason::missing_field, time_pointer_);
    if (subscription_.time_unit == TimeUnit::iso8601) {
      std::string_view text;
      if (value.get_string().get(text)) return refuse(Reason::wrong_type, time_pointer_ + " is no string");
      const auto time = parse_time(text);
      if (!time) return refuse(Reason::wrong_type, time.error().text());
      return *time;
    }
    const DurationNs unit = ns_of(subscription_.time_unit);
    std::int64_t whole = 0;
    if (value.is_int64() && !value.get_int64().get(whole)) {
      TimeNs time = 0;
      if (__builtin_mul_overflow(whole, unit, &time))
        return refuse(Reason::time_future, time_pointer_ + " is beyond the year 2262");
      return time;
    }
    double real = 0;
    if (value.get_double().get(real)) return refuse(Reason::wrong_type, time_pointer_ + " is no number");
    const double ns = real * static_cast<double>(unit);
    if (!(std::abs(ns) < 9.2e18)) return refuse(Reason::time_future, time_pointer_ + " is beyond the year 2262");
    return std::llround(ns);
  }

  // Zero: not given.
  std::expected<double, Rejection> interval_of(const element& document) const {
    if (interval_pointer_.empty()) return static_cast<double>(subscription_.interval);
    element value;
    if (document.at_pointer(interval_pointer_).get(value)) return static_cast<double>(subscription_.interval);
    double real = 0;
    if (value.get_double().get(real)) return refuse(Reason::wrong_type, interval_pointer_ + " is no number");
    return real * static_cast<double>(ns_of(subscription_.interval_unit));
  }

  std::expected<std::optional<ReadingIdentity>, Rejection> identity_of(TimeNs time, const element& document) const {
    if (subscription_.identity.empty()) return std::nullopt;
    if (identity_pointer_.empty()) return ReadingIdentity{.identity = static_cast<std::uint64_t>(time)};
    element value;
    if (document.at_pointer(identity_pointer_).get(value)) return refuse(Reason::missing_field, identity_pointer_);
    return ReadingIdentity{.identity = hash_of(std::string_view(simdjson::minify(value))),
                           .is_alone = subscription_.time_unit == TimeUnit::arrival};
  }

  void read_value(const element& value, double interval_ns, DecodedChannel& channel) {
    double real = 0;
    if (!value.get_double().get(real)) {
      channel.reading = real;
      return;
    }
    simdjson::dom::array array;
    if (value.get_array().get(array)) {
      channel.rejected = Rejection{Reason::wrong_type, std::string(channel.channel) + " is neither a number nor an array"};
      return;
    }
    channel.interval_ns = interval_ns;
    auto* samples = static_cast<float*>(arena_.allocate(std::max<std::size_t>(array.size(), 1) * sizeof(float), alignof(float)));
    std::size_t count = 0;
    for (const element item : array) {
      if (item.get_double().get(real)) {
        channel.rejected = Rejection{Reason::wrong_type, std::string(channel.channel) + " has an item that is no number"};
        return;
      }
      samples[count++] = static_cast<float>(real);
    }
    channel.samples.samples = samples;
    channel.samples.count = count;
    if (count > 1 && interval_ns == 0) channel.rejected = Rejection{Reason::bad_times, "an array without a sampling interval"};
  }

  std::string_view keep(std::string_view text) {
    auto* copy = static_cast<char*>(arena_.allocate(std::max<std::size_t>(text.size(), 1), 1));
    std::ranges::copy(text, copy);
    return {copy, text.size()};
  }

  const SubscriptionConfig subscription_;
  const std::vector<DeclaredField> fields_;
  const std::string device_pointer_;
  const std::string time_pointer_;
  const std::string interval_pointer_;
  const std::string identity_pointer_;
  simdjson::dom::parser parser_;
  std::vector<std::byte> arena_initial_;
  std::pmr::monotonic_buffer_resource arena_;  // device names and arrays of the batch; bounded by the size of the batch
};

}  // namespace

std::unique_ptr<Decoder> make_json_decoder(const SubscriptionConfig& subscription) {
  return std::make_unique<JsonDecoder>(subscription);
}

}  // namespace stethos::edge
