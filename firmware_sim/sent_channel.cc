#include "firmware_sim/sent_channel.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace stethos::firmware_sim {
namespace {

constexpr double i16_max = 32'767;

void encode_f32(const recordings::ChannelData& data, double nan, Random& random, schema::ChannelT& out, SentChannel& sent) {
  schema::F32SamplesT samples;
  samples.values.reserve(data.samples.size());
  for (const double value : data.samples) {
    const bool lost = nan > 0 && random.chance(nan);
    const float rounded = lost ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(value);
    samples.values.push_back(rounded);
    sent.values.push_back(static_cast<double>(rounded));
  }
  out.samples.Set(std::move(samples));
}

void encode_i16(const recordings::ChannelData& data, schema::ChannelT& out, SentChannel& sent) {
  double largest = 0;
  for (const double value : data.samples) largest = std::max(largest, std::abs(value));
  schema::I16SamplesT samples;
  samples.scale = largest > 0 ? largest / i16_max : 1;
  samples.offset = 0;
  samples.values.reserve(data.samples.size());
  for (const double value : data.samples) {
    const double raw = std::clamp(std::nearbyint(value / samples.scale), -i16_max, i16_max);
    samples.values.push_back(static_cast<std::int16_t>(raw));
    sent.values.push_back(samples.scale * raw + samples.offset);
  }
  out.samples.Set(std::move(samples));
}

}  // namespace

schema::ChannelT encode_channel(const recordings::ChannelData& data, DurationNs shift_ns, Encoding encoding, double nan,
                                Random& random, SentChannel& sent) {
  sent = {data.channel, data.quantity, data.unit, data.start_ns + shift_ns, data.interval_ns, data.times_ns, {}};
  for (TimeNs& time_ns : sent.times_ns) time_ns += shift_ns;
  sent.values.reserve(data.samples.size());
  schema::ChannelT out;
  out.name = sent.channel;
  out.quantity = sent.quantity;
  out.unit = sent.unit;
  out.start_ns = sent.start_ns;
  out.interval_ns = sent.interval_ns;
  out.times_ns = sent.times_ns;
  if (encoding == Encoding::f32) {
    encode_f32(data, nan, random, out, sent);
  } else {
    encode_i16(data, out, sent);
  }
  return out;
}

SentChannel reading_channel(const recordings::ChannelData& data, DurationNs shift_ns) {
  const TimeNs stamp_ns = (data.start_ns + shift_ns) / ns_per_ms * ns_per_ms;
  return {data.channel, data.quantity, data.unit, stamp_ns, 0, {stamp_ns}, data.samples};
}

}  // namespace stethos::firmware_sim
