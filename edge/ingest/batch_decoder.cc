// Our own format: schemas/device_batch.fbs.
#include <algorithm>
#include <cmath>
#include <limits>

#include "edge/core/refusals.h"
#include "edge/ingest/decoder.h"
#include "schemas/envelope.h"
#include "schemas/names.h"

namespace stethos::edge {
namespace {

// Of epochs, so that tables can put them in order, and of sequences, so that there is always a next one.
constexpr std::uint64_t number_max = std::numeric_limits<std::int64_t>::max();

// What a channel takes of a message beside its samples and times, at least: its table, and where that is.
constexpr std::uint64_t channel_bytes_min = 12;

std::string_view view_of(const flatbuffers::String* text) { return text->string_view(); }

Reason reason_of(Code code) {
  switch (code) {
    case Code::too_large:
      return Reason::too_large;
    case Code::unsupported:
      return Reason::unsupported;
    default:
      return Reason::corrupt;
  }
}

// The samples of a channel as the backend takes them; nothing if the union holds none that we know.
std::optional<kernels::BlockView> samples_of(const schema::Channel& channel) {
  kernels::BlockView view;
  if (const auto* f32 = channel.samples_as_F32Samples()) {
    if (f32->values() == nullptr) return view;
    view.samples = f32->values()->data();
    view.count = f32->values()->size();
    return view;
  }
  if (const auto* i16 = channel.samples_as_I16Samples()) {
    view.encoding = kernels::BlockView::Encoding::i16;
    view.scale = i16->scale();
    view.offset = i16->offset();
    if (i16->values() == nullptr) return view;
    view.samples = i16->values()->data();
    view.count = i16->values()->size();
    return view;
  }
  return std::nullopt;
}

std::uint64_t bytes_of(const kernels::BlockView& samples) {
  return samples.count * (samples.encoding == kernels::BlockView::Encoding::i16 ? sizeof(std::int16_t) : sizeof(float));
}

std::optional<Rejection> check_times(const DecodedChannel& channel) {
  const auto refuse = [](std::string detail) { return Rejection{Reason::bad_times, std::move(detail)}; };
  if (channel.interval_ns != 0 && !channel.times_ns.empty()) return refuse("both an interval and explicit times");
  if (!channel.times_ns.empty()) {
    if (channel.times_ns.size() != channel.samples.count) return refuse("as many times as samples are needed");
    for (std::size_t i = 1; i < channel.times_ns.size(); ++i) {
      if (channel.times_ns[i] < channel.times_ns[i - 1]) return refuse("the explicit times decrease");
    }
  } else if (channel.interval_ns == 0 && channel.samples.count > 1) {
    return refuse("neither an interval nor explicit times");
  }
  return std::nullopt;
}

class BatchDecoder final : public Decoder {
 public:
  void begin_batch() override {}

  std::expected<void, Rejection> decode(const Message& message, std::vector<DecodedMessage>& decoded) override {
    decoded.assign(1, {});
    DecodedMessage& out = decoded.front();
    const auto opened = schema::open_device_batch(message.payload);
    if (!opened) return std::unexpected(Rejection{reason_of(opened.error().code), opened.error().failed});
    const schema::DeviceBatch& batch = **opened;
    out.device = view_of(batch.device());
    out.epoch = batch.epoch();
    out.sequence = batch.sequence();
    out.lowest_held = batch.lowest_held();
    out.complete_until_ns = batch.complete_until_ns();
    if (!schema::is_plant_name(out.device)) return std::unexpected(bad_name("the device's", out.device));
    // stethos/v1/<device>/batch: a device speaks for itself alone.
    if (topic_level(message.topic, 2) != out.device) {
      return std::unexpected(Rejection{Reason::device_differs, "the payload says " + std::string(out.device)});
    }
    if (out.epoch == 0 || out.epoch > number_max || out.sequence == 0 || out.sequence > number_max || out.lowest_held == 0 ||
        out.lowest_held > out.sequence) {
      return std::unexpected(Rejection{Reason::bad_sequence, "epoch, sequence and lowest held sequence do not fit"});
    }
    if (batch.channels() == nullptr) return {};
    // Several channels may be one place of the message, and a small message so be a large one.
    std::uint64_t bytes = 0;
    for (const schema::Channel* source : *batch.channels()) {
      const DecodedChannel& channel = out.channels.emplace_back(decode_channel(*source));
      bytes += channel_bytes_min + bytes_of(channel.samples) + channel.times_ns.size_bytes();
    }
    if (bytes > message.payload.size()) return std::unexpected(Rejection{Reason::corrupt, "its channels share their bytes"});
    return {};
  }

 private:
  static DecodedChannel decode_channel(const schema::Channel& source) {
    DecodedChannel channel;
    channel.channel = view_of(source.name());
    channel.quantity = view_of(source.quantity());
    channel.unit = view_of(source.unit());
    channel.start_ns = source.start_ns();
    channel.interval_ns = source.interval_ns();
    channel.shaft_hz = std::isfinite(source.shaft_hz()) ? std::max(source.shaft_hz(), 0.0) : 0;
    if (const auto samples = samples_of(source)) {
      channel.samples = *samples;
    } else {
      channel.rejected = Rejection{Reason::unsupported, "an unknown encoding of samples"};
      return channel;
    }
    if (source.times_ns() != nullptr && source.times_ns()->size() > 0) {
      channel.times_ns = {source.times_ns()->data(), source.times_ns()->size()};
      channel.start_ns = channel.times_ns.front();
    }
    if (channel.samples.encoding == kernels::BlockView::Encoding::i16 &&
        !(std::isfinite(channel.samples.scale) && std::isfinite(channel.samples.offset))) {
      channel.rejected = Rejection{Reason::wrong_type, "scale and offset are not finite"};
    } else {
      channel.rejected = check_times(channel);
    }
    return channel;
  }
};

}  // namespace

std::unique_ptr<Decoder> make_batch_decoder() { return std::make_unique<BatchDecoder>(); }

}  // namespace stethos::edge
