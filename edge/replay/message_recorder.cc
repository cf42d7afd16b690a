#include "edge/replay/message_recorder.h"

#include "common/log.h"

namespace stethos::edge {
namespace {

recordings::RecordedSamples samples_of(const DecodedChannel& channel) {
  if (channel.reading) return std::span<const double>(&*channel.reading, 1);
  const kernels::BlockView& view = channel.samples;
  if (view.encoding == kernels::BlockView::Encoding::f32) {
    return std::span<const float>(static_cast<const float*>(view.samples), view.count);
  }
  return recordings::ScaledSamples{
      .raw = {static_cast<const std::int16_t*>(view.samples), view.count}, .scale = view.scale, .offset = view.offset};
}

}  // namespace

Result<std::unique_ptr<MessageRecorder>> MessageRecorder::open(recordings::RecordingOptions options) {
  auto writer = recordings::RecordingWriter::open(std::move(options));
  if (!writer) return std::unexpected(writer.error());
  return std::unique_ptr<MessageRecorder>(new MessageRecorder(std::move(*writer)));
}

void MessageRecorder::take(const DecodedMessage& message, const Message& arrived) {
  if (stopped_) return;
  channels_.clear();
  for (const DecodedChannel& from : message.channels) {
    channels_.push_back({.channel = from.channel,
                         .quantity = from.quantity,
                         .unit = from.unit,
                         .start_ns = from.start_ns,
                         .interval_ns = from.interval_ns,
                         .times_ns = from.rejected ? std::span<const TimeNs>() : from.times_ns,  // which may be why
                         .identity = from.identity ? std::optional(from.identity->identity) : std::nullopt,
                         .identity_is_alone = from.identity && from.identity->is_alone,
                         .is_stamped_by_arrival = from.is_stamped_by_arrival,
                         .shaft_hz = from.shaft_hz,
                         .rejected = from.rejected ? name_of(from.rejected->reason) : std::string_view(),
                         .samples = samples_of(from)});
  }
  note(writer_->append({.device = message.device,
                        .epoch = message.epoch,
                        .sequence = message.sequence,
                        .lowest_held = message.lowest_held,
                        .complete_until_ns = message.complete_until_ns,
                        .received_ns = arrived.received_ns,
                        .clock_untrusted = arrived.clock_untrusted,
                        .channels = channels_}));
}

void MessageRecorder::flush() {
  if (stopped_) return;
  note(writer_->flush());
  const recordings::RecordingTotals& totals = writer_->totals();
  messages_ = totals.messages;
  bytes_ = totals.bytes;
  segments_deleted_ = totals.segments_deleted;
}

void MessageRecorder::note(const stethos::Status& done) {
  if (done) return;
  if (done.error().code == Code::invalid || done.error().code == Code::too_large) {
    ++messages_refused_;
    return;
  }
  stopped_ = true;
  spdlog::error("recording has stopped: {}", done.error().text());
}

MessageRecorder::Status MessageRecorder::status() const {
  return {.messages = messages_,
          .bytes = bytes_,
          .segments_deleted = segments_deleted_,
          .messages_refused = messages_refused_,
          .stopped = stopped_};
}

}  // namespace stethos::edge
