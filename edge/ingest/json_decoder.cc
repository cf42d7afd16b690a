// JSON that somebody else's device publishes, read as the subscription declares it.
#include <algorithm>
#include <memory_resource>
#include <unordered_map>

#include "common/hash.h"
#include "common/shortened.h"
#include "common/time_text.h"
#include "edge/core/limits.h"
#include "edge/core/refusals.h"
#include "edge/ingest/decoder.h"
#include "edge/ingest/field_value.h"
#include "edge/ingest/json_fault.h"
#include "edge/ingest/json_numbers.h"
#include "edge/ingest/json_path.h"
#include "edge/ingest/json_text.h"
#include "edge/ingest/local_clock.h"
#include "schemas/names.h"

namespace stethos::edge {
namespace {

using simdjson::dom::element;

constexpr std::size_t arena_bytes_initial = 64u << 10;
constexpr std::size_t time_bytes_shown = 40;  // of one that cannot be read

std::unexpected<Rejection> refuse(Reason reason, std::string detail) {
  return std::unexpected(Rejection{reason, std::move(detail)});
}

bool is_given(const std::optional<element>& value) { return value && !value->is_null(); }

std::optional<JsonPath> path_of(const std::string& text) { return text.empty() ? std::nullopt : std::optional<JsonPath>(text); }

struct Field {
  FieldConfig config;
  JsonPath path;
};

class JsonDecoder final : public Decoder {
 public:
  explicit JsonDecoder(const SubscriptionConfig& subscription)
      : subscription_(subscription),
        records_(subscription.records == "." ? std::nullopt : path_of(subscription.records)),
        device_(path_of(subscription.device_field)),
        tag_(path_of(subscription.tag_field)),
        value_(path_of(subscription.value_field)),
        time_(path_of(subscription.time_field)),
        interval_(path_of(subscription.interval_field)),
        rate_(path_of(subscription.rate_field)),
        identity_(subscription.identity == "time" ? std::nullopt : path_of(subscription.identity)),
        arena_initial_(arena_bytes_initial),
        arena_(arena_initial_.data(), arena_initial_.size()) {
    for (const FieldConfig& each : subscription.all_fields()) fields_.push_back({each, JsonPath(each.path)});
    if (const auto zone = TimeZone::find(subscription.time_zone)) local_clock_.emplace(*zone);
  }

  void begin_batch() override { arena_.release(); }

  std::expected<void, Rejection> decode(const Message& message, std::vector<DecodedMessage>& out) override {
    out.clear();
    const auto document = text_.parse(message.payload);
    if (!document) return std::unexpected(document.error());
    message_ = &message;
    devices_.clear();
    bad_records_ = 0;
    document_ = *document;
    if (subscription_.records.empty()) {
      if (auto taken = take_record(*document, out); !taken) return taken;
    } else {
      const auto records = records_of(*document);
      const bool is_other = !records && records.error().reason == Reason::missing_field;
      if (is_other && subscription_.ignores_other_documents) return {};
      if (!records) return std::unexpected(records.error());
      place_ = 0;
      for (const element record : *records) {
        if (auto taken = take_record(record, out); !taken) return taken;
        ++place_;
      }
      // The records of one document do not make each other late, whichever comes first in it.
      for (DecodedMessage& each : out) std::ranges::stable_sort(each.channels, {}, &DecodedChannel::start_ns);
    }
    if (bad_records_ > 0 && out.empty()) return std::unexpected(*bad_record_);
    if (bad_records_ > 0) {
      out.emplace_back().rejected =
          Rejection{Reason::bad_record, std::to_string(bad_records_) + " of its records: " + bad_record_->detail};
    }
    if (out.empty() && !subscription_.ignores_other_documents)
      return refuse(Reason::missing_field, "none of the declared fields" + names_in(*document));
    return {};
  }

 private:
  using Time = std::expected<TimeNs, Rejection>;

  std::expected<simdjson::dom::array, Rejection> records_of(element document) const {
    std::optional<element> found = document;
    if (records_) {
      const auto at = records_->find(document);
      if (!at) return std::unexpected(at.error());
      found = *at;
    }
    simdjson::dom::array records;
    if (found && found->is_null()) return refuse(Reason::missing_field, subscription_.records + " is null");
    if (!found) return refuse(Reason::missing_field, subscription_.records + " is not there" + names_in(document));
    if (found->get_array().get(records)) return refuse(Reason::wrong_type, subscription_.records + " is no array");
    return records;
  }

  // Of the record, or else of the document around it; null is nothing.
  std::expected<std::optional<element>, Rejection> find(const std::optional<JsonPath>& path, element record) const {
    if (!path) return std::nullopt;
    auto found = path->find(record);
    if (found && !is_given(*found) && !subscription_.records.empty()) found = path->find(document_);
    if (found && !is_given(*found)) return std::nullopt;
    return found;
  }

  void leave_out(Rejection why) {
    if (bad_records_++ == 0) bad_record_ = std::move(why);
  }

  // A record without any of the fields is left out, and one that has no fields at all, or whose device cannot be told, is a bad
  // one. What else is wrong with a record refuses its fields.
  std::expected<void, Rejection> take_record(element record, std::vector<DecodedMessage>& out) {
    if (!subscription_.records.empty() && !record.is_object() && !record.is_array()) {
      leave_out({Reason::wrong_type, "one is neither an object nor an array"});
      return {};
    }
    const auto interval = interval_of(record);
    channels_.clear();
    collect_fields(record, interval && *interval != 0);
    if (channels_.empty()) return {};
    auto device = device_of(record);
    if (device && !schema::is_plant_name(*device)) device = std::unexpected(bad_name("the device's", *device));
    if (!device) {
      leave_out(device.error());
      return {};
    }
    const auto stamp = stamp_of(record);
    Time time = message_->received_ns;
    if (!stamp) {
      time = std::unexpected(stamp.error());
    } else if (*stamp) {
      time = time_of(**stamp, *device);
    }
    const auto identity = time ? identity_of(*time, stamp->has_value(), record) : std::unexpected(time.error());
    const auto [of_device, is_new] = devices_.try_emplace(*device, out.size());
    if (is_new && out.size() == devices_per_message_max) {
      return refuse(Reason::too_large, "more than " + std::to_string(devices_per_message_max) + " devices");
    }
    if (is_new) out.emplace_back().device = *device;
    for (DecodedChannel& channel : channels_) {
      channel.is_stamped_by_arrival = stamp && !*stamp;
      if (!channel.rejected) channel.rejected = complete(channel, time, interval, identity);
      out[of_device->second].channels.push_back(std::move(channel));
    }
    return {};
  }

  // What the record says of all its fields.
  static std::optional<Rejection> complete(DecodedChannel& channel, const std::expected<TimeNs, Rejection>& time,
                                           const std::expected<double, Rejection>& interval,
                                           const std::expected<std::optional<ReadingIdentity>, Rejection>& identity) {
    if (!time) return time.error();
    channel.start_ns = *time;
    if (channel.reading) {
      if (!identity) return identity.error();
      channel.identity = *identity;
      return std::nullopt;
    }
    if (!interval) return interval.error();
    channel.interval_ns = *interval;
    if (channel.samples.count > 1 && *interval == 0) return Rejection{Reason::bad_times, "an array without a sampling interval"};
    return std::nullopt;
  }

  void collect_fields(element record, bool has_interval) {
    if (tag_) return collect_tagged(record, has_interval);
    for (const Field& field : fields_) collect(field, field.path.find(record), has_interval);
  }

  void collect_tagged(element record, bool has_interval) {
    const auto tag = tag_->find(record);
    if (!tag) return leave_out(tag.error());
    if (!*tag) return;
    const auto name = name_in(**tag);
    if (!name) return leave_out({Reason::wrong_type, tag_->text() + " is neither a text nor a whole number"});
    const auto field = std::ranges::find(fields_, *name, [](const Field& each) { return std::string_view(each.config.path); });
    if (field == fields_.end()) return;
    const auto value = value_->find(record);
    if (value && !*value) {
      add_channel(*field).rejected = Rejection{Reason::missing_field, value_->text() + " is not there" + names_in(record)};
    } else {
      collect(*field, value, has_interval);
    }
  }

  void collect(const Field& field, const std::expected<std::optional<element>, Rejection>& value, bool has_interval) {
    if (!value) {
      add_channel(field).rejected = value.error();
    } else if (*value) {
      read_json(field.config, **value, has_interval, arena_, add_channel(field));
    }
  }

  DecodedChannel& add_channel(const Field& field) {
    DecodedChannel& channel = channels_.emplace_back();
    channel.channel = field.config.channel;
    channel.quantity = field.config.quantity;
    channel.unit = field.config.unit;
    channel.start_ns = message_->received_ns;  // until its own is known
    return channel;
  }

  std::expected<std::string_view, Rejection> device_of(element record) {
    if (!device_) return topic_level(message_->topic, subscription_.device_level);
    const auto value = find(device_, record);
    if (!value) return std::unexpected(value.error());
    if (!*value) return refuse(Reason::missing_field, device_->text() + " is not there" + names_in(record));
    if (const auto name = name_in(**value)) return *name;
    return refuse(Reason::wrong_type, device_->text() + " is neither a text nor a whole number");
  }

  // Of a device or a tag: a text, or a whole number.
  std::optional<std::string_view> name_in(element value) {
    std::string_view text;
    std::int64_t negative = 0;
    std::uint64_t number = 0;
    if (!value.get_string().get(text)) return keep(text);
    if (!value.get_uint64().get(number)) return keep(std::to_string(number));
    if (!value.get_int64().get(negative)) return keep(std::to_string(negative));
    return std::nullopt;
  }

  // Nothing: the record has the time of its arrival.
  std::expected<std::optional<element>, Rejection> stamp_of(element record) const {
    if (subscription_.time_unit == TimeUnit::arrival) return std::nullopt;
    const auto found = find(time_, record);
    if (found && !*found && subscription_.time_missing == MissingTime::refuse) {
      return refuse(Reason::missing_field, time_->text() + " is not there" + names_in(record));
    }
    return found;
  }

  Time time_of(element value, std::string_view device) {
    std::string_view text;
    const bool is_text = !value.get_string().get(text);
    if (subscription_.time_unit == TimeUnit::iso8601) {
      if (!is_text) return refuse(Reason::wrong_type, time_->text() + " is no string");
      const auto written = parse_written_time(text);
      if (!written)
        return refuse(Reason::wrong_type,
                      time_->text() + " is \"" + shortened(text, time_bytes_shown) + "\": " + written.error().failed);
      if (written->has_zone || !local_clock_) return written->time_ns;
      return local_clock_->time_of(written->time_ns, device, channels_, *message_);
    }
    return counted_time(value, subscription_.time_unit, time_->text());
  }

  // Zero: not given.
  std::expected<double, Rejection> interval_of(element record) const {
    const bool is_rate = rate_.has_value();
    const std::optional<JsonPath>& path = is_rate ? rate_ : interval_;
    const auto value = find(path, record);
    if (!value) return std::unexpected(value.error());
    if (!*value) return static_cast<double>(subscription_.interval);
    double real = 0;
    if ((*value)->get_double().get(real)) return refuse(Reason::wrong_type, path->text() + " is no number");
    if (!is_rate) return real * static_cast<double>(ns_of(subscription_.interval_unit));
    if (!(real > 0)) return refuse(Reason::bad_times, path->text() + " is no sampling rate");
    return static_cast<double>(ns_per_s) / real;
  }

  std::expected<std::optional<ReadingIdentity>, Rejection> identity_of(TimeNs time, bool is_stamped, element record) const {
    if (subscription_.identity.empty()) return std::nullopt;
    if (!identity_) return ReadingIdentity{.identity = static_cast<std::uint64_t>(time)};
    const auto value = find(identity_, record);
    if (!value) return std::unexpected(value.error());
    if (!*value) return refuse(Reason::missing_field, identity_->text() + " is not there" + names_in(record));
    if ((*value)->is_bool()) return refuse(Reason::wrong_type, identity_->text() + " identifies nothing");
    if (may_stand_for_another(**value)) {
      return refuse(Reason::wrong_type,
                    identity_->text() + " holds a null, or more digits than numbers have here: let it be a text");
    }
    std::uint64_t identity = hash_of(std::string_view(simdjson::minify(**value)));
    // What stands around the records identifies the document: each has its place in it.
    const auto own = identity_->find(record);
    if (!subscription_.records.empty() && !(own && is_given(*own))) identity = hash_of(std::to_string(place_), identity);
    return ReadingIdentity{.identity = identity, .is_alone = !is_stamped};
  }

  std::string_view keep(std::string_view text) {
    auto* copy = static_cast<char*>(arena_.allocate(std::max<std::size_t>(text.size(), 1), 1));
    std::ranges::copy(text, copy);
    return {copy, text.size()};
  }

  const SubscriptionConfig subscription_;
  std::optional<LocalClock> local_clock_;  // nothing: times without a zone are UTC
  std::vector<Field> fields_;  // in order of path
  const std::optional<JsonPath> records_;
  const std::optional<JsonPath> device_;
  const std::optional<JsonPath> tag_;
  const std::optional<JsonPath> value_;
  const std::optional<JsonPath> time_;
  const std::optional<JsonPath> interval_;
  const std::optional<JsonPath> rate_;
  const std::optional<JsonPath> identity_;
  JsonText text_;
  std::vector<std::byte> arena_initial_;
  std::pmr::monotonic_buffer_resource arena_;  // device names and arrays of the batch; bounded by the size of the batch

  // Of the message at hand.
  const Message* message_ = nullptr;
  std::size_t bad_records_ = 0;
  std::optional<Rejection> bad_record_;  // the first of them
  element document_;
  std::size_t place_ = 0;  // of the record at hand
  std::unordered_map<std::string_view, std::size_t> devices_;  // by name, their places in what is decoded
  std::vector<DecodedChannel> channels_;  // of the record at hand
};

}  // namespace

std::unique_ptr<Decoder> make_json_decoder(const SubscriptionConfig& subscription) {
  return std::make_unique<JsonDecoder>(subscription);
}

}  // namespace stethos::edge
