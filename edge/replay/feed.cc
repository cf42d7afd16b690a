#include "edge/replay/feed.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <deque>
#include <optional>
#include <utility>

#include "edge/replay/many_feeds.h"
#include "recordings/named_files.h"
#include "recordings/recording_reader.h"
#include "schemas/names.h"

namespace stethos::edge {
namespace {

// One that this version does not know is unsupported.
Reason reason_of(std::string_view name) {
  const auto found = std::ranges::find(reason_names, name);
  return found == reason_names.end() ? Reason::unsupported : static_cast<Reason>(found - reason_names.begin());
}

// Our own, a frame at a time.
class OwnFeed final : public Feed {
 public:
  explicit OwnFeed(std::unique_ptr<recordings::RecordingReader> reader) : reader_(std::move(reader)) {}

  Result<bool> next(std::vector<FedMessage>& out) override {
    out.clear();
    do {
      recordings::RecordedMessage message;
      const auto more = reader_->next(message);
      if (!more) return std::unexpected(more.error());
      if (!*more) break;
      out.push_back(fed(message));
    } while (reader_->frame_has_more());
    return !out.empty();
  }

  std::string position() const override {
    const auto at = reader_->position();
    return std::to_string(at.segment) + ":" + std::to_string(at.offset) + ":" + std::to_string(at.message);
  }

  std::uint64_t bytes_left_out() const override { return reader_->bytes_left_out(); }

  recordings::Recording::Progress progress() const override { return {reader_->bytes_read(), reader_->bytes_total()}; }

 private:
  static FedMessage fed(const recordings::RecordedMessage& message) {
    FedMessage out;
    out.received_ns = message.received_ns;
    out.clock_untrusted = message.clock_untrusted;
    out.decoded.device = message.device;
    out.decoded.epoch = message.epoch;
    out.decoded.sequence = message.sequence;
    out.decoded.lowest_held = message.lowest_held;
    out.decoded.complete_until_ns = message.complete_until_ns;
    for (const recordings::RecordedChannel& from : message.channels) {
      DecodedChannel channel;
      channel.channel = from.channel;
      channel.quantity = from.quantity;
      channel.unit = from.unit;
      channel.start_ns = from.start_ns;
      channel.interval_ns = from.interval_ns;
      channel.times_ns = from.times_ns;
      if (from.identity) channel.identity = ReadingIdentity{*from.identity, from.identity_is_alone};
      channel.is_stamped_by_arrival = from.is_stamped_by_arrival;
      channel.shaft_hz = from.shaft_hz;
      if (!from.rejected.empty()) channel.rejected = Rejection{reason_of(from.rejected), "when it was recorded"};
      if (const auto* f32 = std::get_if<std::span<const float>>(&from.samples)) {
        channel.samples.samples = f32->data();
        channel.samples.count = f32->size();
      } else if (const auto* i16 = std::get_if<recordings::ScaledSamples>(&from.samples)) {
        channel.samples.encoding = kernels::BlockView::Encoding::i16;
        channel.samples.samples = i16->raw.data();
        channel.samples.count = i16->raw.size();
        channel.samples.scale = i16->scale;
        channel.samples.offset = i16->offset;
      } else if (const auto& f64 = std::get<std::span<const double>>(from.samples); f64.size() == 1) {
        channel.reading = f64.front();
      }
      out.decoded.channels.push_back(std::move(channel));
    }
    return out;
  }

  std::unique_ptr<recordings::RecordingReader> reader_;
};

// Those of others: a record is a message, which came when its last sample was taken.
class NamedFeed final : public Feed {
 public:
  // `rpm`: of the shaft; 0: what the recording says.
  NamedFeed(recordings::NamedRecording named, double rpm) : named_(std::move(named)), rpm_(rpm) {}

  // Goes on behind so many records.
  Status pass(std::uint64_t records) {
    for (; records_ < records; ++records_) {
      const auto more = named_.recording->next(read_[0]);
      if (!more) return std::unexpected(more.error());
      if (!*more) return fail(Code::invalid, "going on with " + named_.name, "the recording has become shorter");
      for (const recordings::ChannelData& channel : read_[0].channels) note_time(channel);
    }
    return {};
  }

  Result<bool> next(std::vector<FedMessage>& out) override {
    out.clear();
    samples_.clear();
    std::size_t blocks = 0;
    for (std::size_t i = 0; i < read_.size() && blocks < blocks_max; ++i) {
      const auto more = named_.recording->next(read_[i]);
      if (!more) return std::unexpected(more.error());
      if (!*more) {
        if (out.empty() && latest_ns_ != 0 && !std::exchange(has_ended_, true)) out.push_back(end());
        break;
      }
      ++records_;
      blocks += static_cast<std::size_t>(
          std::ranges::count_if(read_[i].channels, [](const auto& each) { return each.interval_ns > 0; }));
      out.push_back(fed(read_[i]));
    }
    return !out.empty();
  }

  std::string position() const override { return std::to_string(records_); }
  bool has_ended() const override { return has_ended_; }

  recordings::Recording::Progress progress() const override { return named_.recording->progress(); }

 private:
  static constexpr std::size_t records_max = 4'096;  // a call, where they are readings
  static constexpr std::size_t blocks_max = 128;

  // Nothing comes behind the last sample: what ends there is final.
  FedMessage end() const {
    FedMessage out;
    out.decoded.device = named_.name;
    out.decoded.complete_until_ns = out.received_ns = latest_ns_ + 1;
    return out;
  }

  TimeNs note_time(const recordings::ChannelData& channel) {
    const TimeNs last_ns = recordings::last_sample_ns(channel);
    latest_ns_ = std::max(latest_ns_, last_ns);
    return last_ns;
  }

  FedMessage fed(const recordings::Record& record) {
    FedMessage out;
    out.decoded.device = named_.name;
    for (const recordings::ChannelData& from : record.channels) {
      out.received_ns = std::max(out.received_ns, note_time(from));
      DecodedChannel channel;
      channel.channel = from.channel;
      channel.quantity = from.quantity;
      channel.unit = from.unit;
      channel.start_ns = from.start_ns;
      channel.interval_ns = from.interval_ns;
      if (from.interval_ns > 0) {
        const auto& samples = samples_.emplace_back(from.samples.begin(), from.samples.end());
        channel.samples.samples = samples.data();
        channel.samples.count = samples.size();
        channel.shaft_hz = rpm_ > 0 ? rpm_ / 60 : from.shaft_hz;
        out.decoded.channels.push_back(std::move(channel));
        continue;
      }
      for (std::size_t i = 0; i < from.samples.size(); ++i) {
        channel.start_ns = from.times_ns[i];
        channel.reading = from.samples[i];
        out.decoded.channels.push_back(channel);
      }
    }
    return out;
  }

  recordings::NamedRecording named_;
  double rpm_;
  std::uint64_t records_ = 0;
  TimeNs latest_ns_ = 0;  // 0: nothing was read
  bool has_ended_ = false;  // its end was said
  std::vector<recordings::Record> read_ = std::vector<recordings::Record>(records_max);
  std::deque<std::vector<float>> samples_;  // of the blocks
};

Result<std::unique_ptr<Feed>> open_own(const std::string& path, const std::string& position) {
  recordings::RecordingPosition from;
  if (!position.empty()) {
    unsigned long long segment = 0, offset = 0;
    unsigned message = 0;
    if (std::sscanf(position.c_str(), "%llu:%llu:%u", &segment, &offset, &message) != 3) {
      return fail(Code::invalid, "going on at " + position, "that is no position in a recording");
    }
    from = {segment, offset, message};
  }
  auto reader = recordings::RecordingReader::open(path, from);
  if (!reader) return std::unexpected(reader.error());
  return std::make_unique<OwnFeed>(std::move(*reader));
}

}  // namespace

std::string objection_to_feed(const std::string& text) {
  if (text.starts_with(own_kind) && text.size() > own_kind.size()) return "";
  const std::string why = recordings::objection_to_recording(text);
  return why.empty() ? why : why + ", or stethos:FILE or stethos:FOLDER";
}

Result<std::unique_ptr<Feed>> open_feed(const FeedOptions& options) {
  if (options.recording.starts_with(own_kind)) return open_own(options.recording.substr(own_kind.size()), options.position);
  auto files = recordings::named_files(options.recording);
  if (!files) return std::unexpected(files.error());
  if (files->size() > 1) return open_many(options, std::move(*files));
  std::uint64_t records = 0;
  const auto [end, error] = std::from_chars(options.position.data(), options.position.data() + options.position.size(), records);
  if (!options.position.empty() && (error != std::errc{} || end != options.position.data() + options.position.size())) {
    return fail(Code::invalid, "going on at " + options.position, "that is no position in this recording");
  }
  auto named = recordings::open_named(files->front(), options.named);
  if (!named) return std::unexpected(named.error());
  if (!options.device.empty()) named->name = options.device;
  if (!schema::is_plant_name(named->name)) {
    return fail(Code::invalid, "naming the device of " + options.recording,
                "\"" + named->name + "\" is no name: give it another");
  }
  auto feed = std::make_unique<NamedFeed>(std::move(*named), options.named.rpm);
  if (auto passed = feed->pass(records); !passed) return std::unexpected(passed.error());
  return feed;
}

}  // namespace stethos::edge
