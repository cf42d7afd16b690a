#include "edge/replay/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <initializer_list>
#include <limits>
#include <set>
#include <string_view>

#include "common/hash.h"
#include "common/number_text.h"
#include "common/time_text.h"
#include "recordings/named_files.h"

namespace stethos::edge {

Exit describe(Feed& feed) {
  std::vector<FedMessage> fed;
  std::uint64_t messages = 0, blocks = 0, samples = 0;
  std::set<std::string> channels;
  TimeNs first_ns = std::numeric_limits<TimeNs>::max(), last_ns = std::numeric_limits<TimeNs>::min();
  for (;;) {
    const auto more = feed.next(fed);
    if (!more) return stop_with(Exit::recording, more.error());
    if (!*more) break;
    for (const FedMessage& message : fed) {
      if (!message.decoded.channels.empty()) ++messages;
      for (const DecodedChannel& channel : message.decoded.channels) {
        blocks += channel.interval_ns > 0 ? 1 : 0;
        samples += sample_count(channel);
        first_ns = std::min(first_ns, channel.start_ns);
        last_ns = std::max(last_ns, channel.start_ns);
        if (channels.size() < 1'000) {
          channels.insert(std::string(message.decoded.device) + "/" + std::string(channel.channel) + " (" +
                          std::string(channel.quantity) + " in " + std::string(channel.unit) + ")");
        }
      }
    }
  }
  if (feed.bytes_left_out() > 0) {
    std::printf("left out  %llu bytes: no whole frame\n", static_cast<unsigned long long>(feed.bytes_left_out()));
  }
  std::printf("messages  %llu\nblocks    %llu\nsamples   %llu\n", static_cast<unsigned long long>(messages),
              static_cast<unsigned long long>(blocks), static_cast<unsigned long long>(samples));
  if (samples > 0) std::printf("from      %s\nto        %s\n", format_time(first_ns).c_str(), format_time(last_ns).c_str());
  for (const std::string& channel : channels) std::printf("channel   %s\n", channel.c_str());
  return Exit::ok;
}

Result<std::string> identity_of(const ReplayOptions& options) {
  const auto files = recordings::named_files(options.feed.recording);
  if (!files) return std::unexpected(files.error());
  std::string name = options.feed.recording;
  if (files->size() > 1) {
    std::string all;
    for (const std::string& each : *files) all += each + "\n";
    name += fmt::format(" ({} files, {:016x})", files->size(), hash_of(all));
  }
  if (!options.feed.device.empty()) name += " --device " + options.feed.device;
  if (!options.replaces.empty())
    name += " --replaces " + options.replaces + " --generation " + std::to_string(options.generation);
  const recordings::NamedOptions& named = options.feed.named;
  const std::string_view kind = std::string_view(options.feed.recording).substr(0, options.feed.recording.find(':'));
  const auto is_any_of = [kind](std::initializer_list<std::string_view> kinds) {
    return std::ranges::find(kinds, kind) != kinds.end();
  };
  const bool has_samples = is_any_of({"wav", "mat", "npy", "f32", "i16"});
  if (kind == "femto") name += " --start " + format_time(named.start_ns);
  if (kind == "cwru") {
    name += " --start " + format_time(named.start_ns) + " --block-samples " + std::to_string(named.block_samples);
  }
  if (has_samples || is_any_of({"csv", "nab"})) {
    for (const std::string& channel : named.channels) name += " --channel " + channel;
    name += " --quantity " + named.quantity + " --unit " + named.unit;
  }
  if (has_samples || kind == "csv") {
    name += " --start " + format_time(named.start_ns) + " --block-samples " + std::to_string(named.block_samples) + " --scale " +
            number_text(named.scale) + " --rate " + number_text(named.rate_hz) + " --time-column " + named.time_column +
            " --time-unit " + std::to_string(named.time_unit_ns);
    if (named.delimiter != 0) name += std::string(" --delimiter ") + named.delimiter;
    for (const std::string& column : named.columns) name += " --column " + column;
    if (named.raw_channels != 1) name += " --raw-channels " + std::to_string(named.raw_channels);
  }
  if (!options.machine.empty()) name += " --machine " + options.machine;
  if (!options.bearing.empty()) name += " --bearing " + options.bearing;
  if (named.rpm > 0) name += " --rpm " + number_text(named.rpm);
  return name;
}

}  // namespace stethos::edge
