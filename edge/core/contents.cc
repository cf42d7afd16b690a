#include "edge/core/contents.h"

#include <algorithm>
#include <span>

#include "common/hash.h"
#include "edge/core/limits.h"

namespace stethos::edge {
namespace {

template <class Value>
std::uint64_t add_to(std::uint64_t hash, const Value* values, std::size_t count) {
  return hash_of(std::span(reinterpret_cast<const std::uint8_t*>(values), count * sizeof(Value)), hash);
}

// Of the channels alone: what a message says of what its device still holds is another each time that it is sent.
std::uint64_t content_of(const DecodedMessage& message) {
  std::uint64_t hash = 0;
  for (const DecodedChannel& channel : message.channels) {
    hash = hash_of(channel.unit, hash_of(channel.channel, hash));
    hash = add_to(hash, &channel.start_ns, 1);
    hash = add_to(hash, channel.times_ns.data(), channel.times_ns.size());
    if (channel.reading) hash = add_to(hash, &*channel.reading, 1);
    const auto* samples = static_cast<const std::uint8_t*>(channel.samples.samples);
    const bool is_short = channel.samples.encoding == kernels::BlockView::Encoding::i16;
    hash = add_to(hash, samples, channel.samples.count * (is_short ? sizeof(std::int16_t) : sizeof(float)));
  }
  return hash;
}

}  // namespace

void Contents::add(const DecodedMessage& message) {
  if (last_.size() == contents_per_device_max) last_.erase(last_.begin());
  last_.push_back({message.epoch, message.sequence, content_of(message)});
}

bool Contents::differ(const DecodedMessage& message) const {
  const auto is_its = [&](const Content& each) { return each.epoch == message.epoch && each.sequence == message.sequence; };
  const auto found = std::ranges::find_if(last_, is_its);
  return found != last_.end() && found->hash != content_of(message);
}

}  // namespace stethos::edge
