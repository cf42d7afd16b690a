#include "edge/core/letters.h"

#include <algorithm>
#include <utility>

#include "common/shortened.h"
#include "edge/core/limits.h"

namespace stethos::edge {
void Letters::begin(std::span<const Message> batch, Effect& effect) {
  batch_ = batch;
  effect_ = &effect;
  bytes_ = 0;
  message_.reset();
  unplaced_letter_.reset();
}

void Letters::write(std::size_t message, const Rejection& rejection, std::string_view device, std::string_view channel) {
  const Message& refused = batch_[message];
  ++effect_->totals[rejection.reason];
  DeadLetter letter;
  letter.received_ns = refused.received_ns;
  letter.clock_untrusted = refused.clock_untrusted;
  letter.rejection = {rejection.reason, std::string(first_of(rejection.detail, letter_detail_bytes_max))};
  letter.topic = first_of(refused.topic, letter_topic_bytes_max);
  letter.device = device;
  letter.channel = channel;
  letter.payload_bytes = refused.crowded_out ? refused.crowded_out->bytes : refused.payload.size();
  const std::size_t bytes_max = std::min(payload_bytes_max_, letter_bytes_per_batch_max - bytes_);
  const auto kept = refused.payload.first(std::min(refused.payload.size(), bytes_max));
  bytes_ += kept.size();
  letter.payload.assign(kept.begin(), kept.end());
  effect_->dead_letters.push_back(std::move(letter));
}

bool Letters::is_first(std::size_t message, Reason reason, StreamId stream, std::string_view device, std::string_view channel) {
  if (std::exchange(message_, message) != message) of_message_.clear();
  return of_message_.emplace(reason, stream, device, channel).second;
}

void Letters::write_channel(std::size_t message, const Rejection& rejection, std::string_view device, std::string_view channel) {
  constexpr StreamId no_stream = 0;
  if (is_first(message, rejection.reason, no_stream, device, channel)) write(message, rejection, device, channel);
}

void Letters::write_once(std::size_t message, const Rejection& rejection, StreamId stream, std::string_view device) {
  if (is_first(message, rejection.reason, stream, {}, {})) write(message, rejection, device);
}

void Letters::write_unplaced(const Source& source, const Rejection& rejection, std::uint64_t samples, const Stream& stream,
                             const std::vector<std::uint64_t>& late_in) {
  const std::size_t letters = effect_->dead_letters.size();
  write_once(source.message, rejection, stream.id, stream.device);
  if (effect_->dead_letters.size() > letters) {
    unplaced_letter_ = letters;
    unplaced_message_ = source.message;
    unplaced_stream_ = stream.id;
    unplaced_samples_ = 0;
    effect_->dead_letters[letters].late_in = late_in;
  }
  // Where another's came in between, what this one's letter stands for is not known any more.
  if (!unplaced_letter_ || unplaced_message_ != source.message || unplaced_stream_ != stream.id) return;
  DeadLetter& letter = effect_->dead_letters[*unplaced_letter_];
  if (letter.rejection.reason != rejection.reason || letter.late_in != late_in) return;
  unplaced_samples_ += samples;
  if (unplaced_samples_ == source.samples && !late_in.empty()) letter.channel = stream.channel;
}

}  // namespace stethos::edge
