#include "edge/trial/trial.h"

#include <algorithm>
#include <utility>

#include "edge/ingest/topic_filter.h"

namespace stethos::edge {
namespace {

class NothingOnRecord final : public Remembered {
 public:
  Result<std::optional<DeviceSequences>> forgotten_device(std::string_view /*device*/) override { return std::nullopt; }
  Result<std::optional<Stream>> forgotten_stream(std::string_view /*device*/, std::string_view /*channel*/) override {
    return std::nullopt;
  }
};

bool is_same(const Rejection& a, const Rejection& b) { return a.reason == b.reason && a.detail == b.detail; }

// Whether a letter is of what one of the channels was refused for.
bool is_explained(const DeadLetter& letter, const TriedDevice& device) {
  return std::ranges::any_of(device.channels, [&](const TriedChannel& channel) {
    if (!letter.channel.empty() && letter.channel != channel.decoded->channel) return false;
    return std::ranges::any_of(channel.refused, [&](const Rejection& each) { return is_same(each, letter.rejection); });
  });
}

// Where a letter belongs that no channel explains.
std::vector<Rejection>& place_of(const DeadLetter& letter, TriedMessage& tried) {
  const auto device =
      std::ranges::find_if(tried.devices, [&](const TriedDevice& each) { return each.decoded->device == letter.device; });
  return device == tried.devices.end() ? tried.refused : device->refused;
}

}  // namespace

bool TriedMessage::is_taken() const {
  return refused.empty() && std::ranges::all_of(devices, [](const TriedDevice& device) {
           return device.refused.empty() &&
                  std::ranges::all_of(device.channels, [](const TriedChannel& channel) { return channel.refused.empty(); });
         });
}

Result<std::unique_ptr<Core>> core_without_memory(const EdgeConfig& config, const PointTable& points) {
  static NothingOnRecord nothing;
  auto backend = kernels::make_backend(config.backend, static_cast<std::size_t>(config.statistics_threads));
  if (backend == nullptr) return fail(Code::not_found, "starting the backend " + config.backend, "no such backend");
  return std::make_unique<Core>(config, 0, points, std::move(backend), SavedState{}, nothing, "trial");
}

Result<TriedMessage> Trial::put(const Message& message, TimeNs now_ns, bool clock_trusted) {
  witness_.seen.clear();
  auto core = core_without_memory(config_, points_);
  if (!core) return std::unexpected(core.error());
  core_ = std::move(*core);
  core_->set_recorder(witness_);

  TriedMessage tried;
  const auto subscription = std::ranges::find_if(
      config_.subscriptions, [&](const SubscriptionConfig& each) { return topic_matches(each.topic, message.topic); });
  if (subscription != config_.subscriptions.end())
    tried.subscription = static_cast<std::size_t>(subscription - config_.subscriptions.begin());
  tried.clock_trusted = clock_trusted;
  tried.waits_for_clock = !clock_trusted && core_->is_stamped_by_arrival(message);
  Message arrived = message;
  arrived.clock_untrusted = !clock_trusted && !tried.waits_for_clock;  // once it is released the clock is right

  const auto processed = core_->process({&arrived, 1}, now_ns, clock_trusted);
  if (!processed) return std::unexpected(processed.error());
  const Effect& effect = **processed;
  tried.is_ignored = effect.totals[Counter::ignored_messages] > 0;
  if (auto taken = take_one_by_one(arrived, now_ns, clock_trusted, tried); !taken) return std::unexpected(taken.error());
  for (const DeadLetter& letter : effect.dead_letters) {
    auto& refused = place_of(letter, tried);
    const bool is_known = std::ranges::any_of(tried.devices, [&](const TriedDevice& device) {
      return device.decoded->device == letter.device && is_explained(letter, device);
    });
    if (!is_known) refused.push_back(letter.rejection);
  }
  return tried;
}

Status Trial::take_one_by_one(const Message& message, TimeNs now_ns, bool clock_trusted, TriedMessage& tried) {
  const auto core = core_without_memory(config_, points_);
  if (!core) return std::unexpected(core.error());
  for (const DecodedMessage& decoded : witness_.seen) {
    TriedDevice& device = tried.devices.emplace_back();
    device.decoded = &decoded;
    for (const DecodedChannel& channel : decoded.channels) {
      TriedChannel& its = device.channels.emplace_back();
      its.decoded = &channel;
      its.entry = valid_at(points_.entries_of(decoded.device, channel.channel), channel.start_ns);
      DecodedMessage alone;
      alone.device = decoded.device;
      alone.channels = {channel};
      Message arrived = message;
      arrived.decoded = &alone;
      arrived.payload = {};
      const SampleCounts before = (*core)->samples();
      const auto processed = (*core)->process({&arrived, 1}, now_ns, clock_trusted);
      if (!processed) return std::unexpected(processed.error());
      for (const DeadLetter& letter : (*processed)->dead_letters) its.refused.push_back(letter.rejection);
      const SampleCounts after = (*core)->samples();
      its.out_of_range = after.out_of_range - before.out_of_range;
      its.duplicates = after.duplicate - before.duplicate;
    }
  }
  return {};
}

}  // namespace stethos::edge
