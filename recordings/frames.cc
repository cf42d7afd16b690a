#include "recordings/frames.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace stethos::recordings {
namespace {

constexpr double rate_hz_max = 1e9;  // an interval is a nanosecond at least
constexpr double time_ns_max = 9e18;

class FrameReader final : public Recording {
 public:
  FrameReader(Frames frames, const FrameOptions& options)
      : frames_(std::move(frames)), options_(options), total_(frames_.tables.front().frames) {}

  Result<bool> next(Record& record) override {
    if (read_ == total_) return false;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(total_ - read_, options_.block_samples));
    record.channels.resize(frames_.names.size());
    for (std::size_t i = 0; i < frames_.names.size(); ++i) {
      ChannelData& channel = record.channels[i];
      channel.channel = frames_.names[i];
      channel.quantity = options_.quantity;
      channel.unit = options_.unit;
      channel.interval_ns = static_cast<double>(ns_per_s) / frames_.rate_hz;
      channel.start_ns = options_.start_ns + std::llround(static_cast<double>(read_) * channel.interval_ns);
      channel.times_ns.clear();
      channel.shaft_hz = frames_.shaft_hz;
      channel.samples.resize(count);
    }
    ChannelData* first = record.channels.data();
    for (const SampleTable& table : frames_.tables) {
      if (!read_table(table, count, first)) return fail(Code::io, "reading " + frames_.path, "it ended early");
      first += table.channels;
    }
    read_ += count;
    return true;
  }

  Progress progress() const override { return {read_, total_}; }

 private:
  bool read_table(const SampleTable& table, std::size_t count, ChannelData* channels) {
    const std::size_t number_bytes = table.format.bytes();
    const double factor = options_.scale / table.full_scale;
    const std::size_t stride = table.is_by_channel ? number_bytes : table.channels * number_bytes;
    bytes_.resize(count * stride);
    for (std::size_t i = 0; i < table.channels; ++i) {
      const std::uint64_t before = table.is_by_channel ? i * table.frames + read_ : read_ * table.channels;  // numbers
      const bool is_needed = i == 0 || table.is_by_channel;
      if (is_needed && !table.bytes->read(table.begin + before * number_bytes, bytes_.data(), bytes_.size())) return false;
      const char* const from = bytes_.data() + (table.is_by_channel ? 0 : i * number_bytes);
      read_numbers(from, stride, table.format, factor, channels[i].samples);
    }
    return true;
  }

  Frames frames_;
  FrameOptions options_;
  std::uint64_t total_;      // frames
  std::uint64_t read_ = 0;   // frames
  std::vector<char> bytes_;  // of a table, or of a channel of it
};

bool is_there(const SampleTable& table) {
  const std::uint64_t frame_bytes = table.channels * table.format.bytes();
  return table.begin <= table.bytes->size() && table.frames <= (table.bytes->size() - table.begin) / frame_bytes;
}

// `own`: as the recording says.
std::vector<std::string> names_of(std::size_t channels, std::vector<std::string> given, const std::vector<std::string>& own) {
  if (given.empty() && !own.empty()) return own;
  if (given.empty()) given.emplace_back("value");
  if (given.size() != 1 || channels == 1) return given;
  std::vector<std::string> names;
  for (std::size_t i = 1; i <= channels; ++i) names.push_back(given.front() + "-" + std::to_string(i));
  return names;
}

}  // namespace

Result<std::unique_ptr<Recording>> open_frames(Frames frames, const FrameOptions& options) {
  const std::string doing = "reading " + frames.path;
  if (auto checked = check_block_samples(frames.path, options.block_samples); !checked) return std::unexpected(checked.error());
  std::size_t channels = 0;
  for (const SampleTable& table : frames.tables) {
    if (table.channels == 0 || table.channels > frame_channels_max - channels) {
      return fail(Code::corrupt, doing,
                  "it has " + std::to_string(channels + table.channels) + " channels: 1 to " +
                      std::to_string(frame_channels_max) + " are read");
    }
    channels += table.channels;
    if (table.frames == 0) return fail(Code::corrupt, doing, "it has no samples");
    if (!is_there(table)) return fail(Code::corrupt, doing, "it has fewer samples than it says");
    if (table.frames != frames.tables.front().frames) {
      return fail(Code::invalid, doing,
                  "channels of " + std::to_string(frames.tables.front().frames) + " and of " + std::to_string(table.frames) +
                      " samples do not go together");
    }
  }
  frames.names = names_of(channels, options.channels, frames.names);
  if (frames.names.size() != channels) {
    return fail(
        Code::invalid, doing,
        "it has " + std::to_string(channels) + " channels, and " + std::to_string(frames.names.size()) + " names are given");
  }
  std::set<std::string> distinct;
  for (const std::string& name : frames.names) {
    if (!distinct.insert(name).second)
      return fail(Code::invalid, doing, "two channels are called " + name + ": --channel names them");
  }
  if (options.rate_hz > 0) frames.rate_hz = options.rate_hz;
  if (frames.rate_hz == 0) return fail(Code::invalid, doing, "it does not say its sampling rate: --rate does");
  const double length_ns = static_cast<double>(frames.tables.front().frames) / frames.rate_hz * static_cast<double>(ns_per_s);
  const bool is_rate = frames.rate_hz > 0 && frames.rate_hz <= rate_hz_max;
  if (!is_rate || length_ns + static_cast<double>(options.start_ns) >= time_ns_max) {
    return fail(Code::invalid, doing, "its sampling rate is beyond all time");
  }
  return std::make_unique<FrameReader>(std::move(frames), options);
}

}  // namespace stethos::recordings
