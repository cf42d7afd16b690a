#include "edge/never_seen.h"

#include <algorithm>

#include "common/printable.h"
#include "edge/ingest/topic_filter.h"

namespace stethos::edge {
namespace {

constexpr DurationNs wait_min = 600 * ns_per_s;
constexpr std::uint64_t messages_min = 10;
constexpr DurationNs intervals_waited = 3;
constexpr DurationNs channels_interval = 60 * ns_per_s;  // between two looks at all channels that have not come
constexpr std::size_t names_max = 10;                    // on one line
constexpr std::size_t name_bytes_max = 64;

// The first names, and how many more there are.
class NameList {
 public:
  void add(std::string_view name) {
    if (count_++ < names_max) text_ += (text_.empty() ? "\"" : ", \"") + printable(name, name_bytes_max) + '"';
  }
  std::size_t count() const { return count_; }
  std::string text() const { return count_ > names_max ? text_ + " and " + std::to_string(count_ - names_max) + " more" : text_; }

 private:
  std::string text_;
  std::size_t count_ = 0;
};

DurationNs wait_for(const PointEntry& entry) {
  DurationNs wait = 0;
  if (__builtin_mul_overflow(entry.interval_ns, intervals_waited, &wait)) return entry.interval_ns;
  return std::max(wait, wait_min);
}

}  // namespace

NeverSeen::NeverSeen(const EdgeConfig& config, const PointTable& points, const Clock& clock,
                     std::function<void(std::string)> warn)
    : clock_(clock), warn_(std::move(warn)) {
  for (const SubscriptionConfig& subscription : config.subscriptions) {
    if (subscription.format != PayloadFormat::json) continue;  // the others have one field, and no message without it
    Fields& fields = fields_.emplace_back();
    fields.topic = subscription.topic;
    for (const FieldConfig& field : subscription.all_fields()) fields.unseen.push_back(field.channel);
  }
  for (const PointEntry* entry : points.latest()) {
    channels_[entry->device].push_back({.name = entry->channel,
                                        .wait = wait_for(*entry),
                                        .valid_from_ns = points.entries_of(entry->device, entry->channel)->back().valid_from_ns});
  }
  note_counts();
}

void NeverSeen::look(const Message& message, std::span<const DecodedMessage> decoded) {
  const bool all_fields_seen = std::ranges::all_of(fields_, [](const Fields& each) { return each.unseen.empty(); });
  if (all_fields_seen && channels_.empty()) return;
  const DurationNs now = clock_.monotonic();
  look_for_fields(message, decoded, now);
  look_for_channels(decoded, now);
}

void NeverSeen::look_for_fields(const Message& message, std::span<const DecodedMessage> decoded, DurationNs now) {
  const auto is_its = [&](const Fields& each) { return !each.unseen.empty() && topic_matches(each.topic, message.topic); };
  const auto found = std::ranges::find_if(fields_, is_its);
  if (found == fields_.end()) return;
  Fields& fields = *found;
  ++fields.messages;
  if (!fields.first_monotonic) fields.first_monotonic = now;
  const std::size_t unseen_before = fields.unseen.size();
  for (const DecodedMessage& each : decoded) {
    for (const DecodedChannel& channel : each.channels) std::erase(fields.unseen, channel.channel);
  }
  if (!fields.is_missed && !fields.unseen.empty() && fields.messages >= messages_min &&
      now - *fields.first_monotonic >= wait_min) {
    fields.is_missed = true;
    NameList names;
    for (const std::string& name : fields.unseen) names.add(name);
    warn_("declared and never come since the start, in " + std::to_string(fields.messages) + " messages: " + names.text() +
          " of the subscription \"" + printable(fields.topic, name_bytes_max) +
          "\". Cure: compare their paths with a payload, letter by letter, or leave them out of the configuration");
    note_counts();
  } else if (fields.is_missed && fields.unseen.size() != unseen_before) {
    note_counts();
  }
}

void NeverSeen::look_for_channels(std::span<const DecodedMessage> decoded, DurationNs now) {
  if (channels_.empty()) return;
  if (!first_monotonic_) {
    first_monotonic_ = now;
    channels_due_ = now + wait_min;
  }
  const std::size_t missed_before = channels_missed_;
  for (const DecodedMessage& each : decoded) {
    const auto device = channels_.find(each.device);
    if (device == channels_.end()) continue;
    for (const DecodedChannel& channel : each.channels) {
      const auto unseen = std::ranges::find(device->second, channel.channel, &Channel::name);
      if (unseen == device->second.end()) continue;
      if (unseen->is_missed) --channels_missed_;
      device->second.erase(unseen);
    }
    if (device->second.empty()) channels_.erase(device);
  }
  if (now >= channels_due_) miss_channels(now);
  if (channels_missed_ != missed_before) note_counts();
}

void NeverSeen::miss_channels(DurationNs now) {
  channels_due_ = now + channels_interval;
  const TimeNs time = clock_.now();
  NameList names;
  for (auto& [device, channels] : channels_) {
    for (Channel& channel : channels) {
      if (channel.is_missed || now - *first_monotonic_ < channel.wait || channel.valid_from_ns > time - channel.wait) continue;
      channel.is_missed = true;
      names.add(device + "/" + channel.name);
    }
  }
  if (names.count() == 0) return;
  channels_missed_ += names.count();
  warn_("in the point table and never come since the start: " + names.text() +
        ". Cure: look whether the device is on, and compare its name and the channel's with what it sends, letter by letter");
}

void NeverSeen::note_counts() {
  Counts counts{.fields = {}, .channels = channels_missed_};
  for (const Fields& each : fields_) counts.fields.emplace_back(each.topic, each.is_missed ? each.unseen.size() : 0);
  const std::lock_guard lock(mutex_);
  counts_ = std::move(counts);
}

NeverSeen::Counts NeverSeen::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace stethos::edge
