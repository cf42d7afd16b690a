// Messages for tests of our own recording format: owned, made by chance, and compared bit by bit.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "recordings/recorded_message.h"

namespace stethos::recordings {

struct OwnedScaled {
  std::vector<std::int16_t> raw;
  double scale = 1;
  double offset = 0;
};

struct OwnedChannel {
  RecordedChannel view;  // without samples and times
  std::vector<TimeNs> times_ns;
  std::variant<std::vector<float>, OwnedScaled, std::vector<double>> samples;
};

// Names must be literals.
struct OwnedMessage {
  RecordedMessage view;  // without channels
  std::vector<OwnedChannel> channels;
};

// Calls `take` with the message as a writer wants it.
template <class Take>
auto as_recorded(const OwnedMessage& owned, Take take) {
  std::vector<RecordedChannel> channels;
  for (const OwnedChannel& each : owned.channels) {
    channels.push_back(each.view);
    channels.back().times_ns = each.times_ns;
    if (const auto* f32 = std::get_if<std::vector<float>>(&each.samples)) {
      channels.back().samples = std::span<const float>(*f32);
    } else if (const auto* i16 = std::get_if<OwnedScaled>(&each.samples)) {
      channels.back().samples = ScaledSamples{i16->raw, i16->scale, i16->offset};
    } else {
      channels.back().samples = std::span<const double>(std::get<std::vector<double>>(each.samples));
    }
  }
  RecordedMessage message = owned.view;
  message.channels = channels;
  return take(message);
}

// All that the message says, bit by bit: two are the same when these are.
inline std::string bits_of(const RecordedMessage& message) {
  std::string out;
  const auto text = [&](std::string_view value) { out += std::string(value) + '|'; };
  const auto raw = [&]<class T>(std::span<const T> values) {
    out += std::to_string(values.size()) + ':';
    out.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  };
  const auto number = [&]<class T>(const T& value) { raw(std::span<const T>(&value, 1)); };
  text(message.device);
  number(message.epoch);
  number(message.sequence);
  number(message.lowest_held);
  number(message.complete_until_ns);
  number(message.received_ns);
  number(message.clock_untrusted);
  for (const RecordedChannel& channel : message.channels) {
    text(channel.channel);
    text(channel.quantity);
    text(channel.unit);
    number(channel.start_ns);
    number(channel.interval_ns);
    number(channel.shaft_hz);
    text(channel.rejected);
    raw(channel.times_ns);
    out += channel.identity ? "identified" : "not identified";
    out += channel.identity_is_alone ? "alone" : "with a time";
    out += channel.is_stamped_by_arrival ? "by arrival" : "by itself";
    number(channel.identity.value_or(0));
    number(channel.samples.index());
    if (const auto* f32 = std::get_if<std::span<const float>>(&channel.samples)) {
      raw(*f32);
    } else if (const auto* i16 = std::get_if<ScaledSamples>(&channel.samples)) {
      raw(i16->raw);
      number(i16->scale);
      number(i16->offset);
    } else {
      raw(std::get<std::span<const double>>(channel.samples));
    }
  }
  return out;
}

class Chance {
 public:
  explicit Chance(std::uint32_t seed) : random_(seed) {}

  std::int64_t below(std::int64_t end) { return std::uniform_int_distribution<std::int64_t>(0, end - 1)(random_); }
  bool once_in(std::int64_t times) { return below(times) == 0; }

  OwnedMessage message() {
    static constexpr const char* names[] = {"press-7", "press-8", "a", "vibration of the drive end", ""};
    OwnedMessage out;
    out.view.device = names[below(5)];
    if (!once_in(3)) {
      out.view.epoch = random_();
      out.view.sequence = random_();
      out.view.lowest_held = random_();
    }
    if (once_in(3)) out.view.complete_until_ns = -below(1'000);
    out.view.clock_untrusted = once_in(5);
    out.view.received_ns = 1'780'000'000'123'456'789 + below(1'000'000);
    const std::int64_t channels = once_in(40) ? below(150) : below(4);
    for (std::int64_t i = 0; i < channels; ++i) {
      OwnedChannel channel;
      channel.view.channel = names[below(5)];
      channel.view.quantity = names[below(5)];
      channel.view.unit = names[below(5)];
      channel.view.start_ns = below(1'000) - 500;
      if (once_in(4)) channel.view.rejected = "wrong_type";
      channel.view.shaft_hz = once_in(3) ? 0 : static_cast<double>(below(100)) + 0.5;
      channel.view.interval_ns = once_in(2) ? 0 : static_cast<double>(below(1'000)) + 0.1;
      const std::int64_t count = once_in(10) ? below(3'000) : once_in(3) ? 1 : below(20);
      if (once_in(3)) {
        for (std::int64_t at = 0; at < count; ++at) channel.times_ns.push_back(below(1'000'000));
      }
      if (once_in(5)) channel.view.identity = once_in(4) ? 0 : random_();
      channel.view.is_stamped_by_arrival = once_in(3);
      channel.view.identity_is_alone = channel.view.identity && channel.view.is_stamped_by_arrival;
      fill(channel, count);
      out.channels.push_back(std::move(channel));
    }
    return out;
  }

 private:
  void fill(OwnedChannel& channel, std::int64_t count) {
    const std::int64_t kind = below(6);
    if (kind == 0) {
      OwnedScaled samples{{}, 0.01, once_in(2) ? -0.0 : 40.5};
      for (std::int64_t i = 0; i < count; ++i) samples.raw.push_back(static_cast<std::int16_t>(below(65'536) - 32'768));
      channel.samples = std::move(samples);
    } else if (kind == 1) {
      std::vector<double> samples;
      for (std::int64_t i = 0; i < count; ++i) samples.push_back(static_cast<double>(below(1'000'000)) / 7);
      channel.samples = std::move(samples);
    } else {
      channel.samples = floats(kind, count);
    }
  }

  std::vector<float> floats(std::int64_t kind, std::int64_t count) {
    constexpr float special[] = {-0.0F, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e-42F,
                                 3e38F};
    std::vector<float> samples;
    const float power = std::pow(10.0F, static_cast<float>(below(5)));
    const std::int64_t range = kind == 2 ? 30'000 : 4'000'000;  // i16, i32
    for (std::int64_t i = 0; i < count; ++i) {
      float sample = static_cast<float>(below(2 * range) - range) / power;
      if (kind == 4) sample = std::normal_distribution<float>()(random_);
      if (kind == 5 && once_in(30)) sample = special[below(5)];
      samples.push_back(sample);
    }
    return samples;
  }

  std::mt19937 random_;
};

}  // namespace stethos::recordings
