#include "tests/fuzz/decoder_input.h"

#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>
#include <zlib.h>

#include <bit>
#include <sstream>
#include <string>
#include <vector>

#include "common/result.h"
#include "edge/config/edge_config.h"
#include "edge/core/limits.h"
#include "edge/ingest/decoder.h"
#include "tests/folders.h"

namespace stethos::test {
namespace {

using edge::DecodedChannel;
using edge::DecodedMessage;

constexpr TimeNs received_ns = 1'795'000'000 * ns_per_s;
constexpr std::size_t fields_max = 64;

// In order of their names; the first is our own protocol.
const std::vector<edge::SubscriptionConfig>& configurations() {
  static const std::vector<edge::SubscriptionConfig> all = [] {
    std::vector<edge::SubscriptionConfig> read(1);
    read[0].topic = "stethos/v1/d1/batch";
    const toml::table table = toml::parse_file((source_folder() / "tests" / "data" / "payloads.toml").string());
    for (const auto& [name, keys] : *table["configuration"].as_table()) {
      toml::table whole = *keys.as_table();
      whole.insert("topic", "fleet/d1/telemetry");
      std::ostringstream text;
      text << whole;
      const auto loaded = settings::parse(edge::subscription_table(), text.str(), "payloads.toml");
      STETHOS_CHECK(loaded.has_value(), loaded ? "" : loaded.error().front().text());
      read.push_back(loaded->config);
    }
    return read;
  }();
  return all;
}

std::uint64_t bits_of(double value) { return std::bit_cast<std::uint64_t>(value); }

void describe(const DecodedChannel& channel, std::ostream& out) {
  out << channel.channel << ' ' << channel.quantity << ' ' << channel.unit << ' ' << channel.start_ns << ' '
      << bits_of(channel.interval_ns) << ' ' << channel.is_stamped_by_arrival << '\n';
  if (channel.rejected) out << edge::name_of(channel.rejected->reason) << ' ' << channel.rejected->detail << '\n';
  if (channel.reading) out << bits_of(*channel.reading) << '\n';
  if (channel.identity) out << channel.identity->identity << '\n';
  for (const TimeNs time : channel.times_ns) out << time << ' ';
  for (std::size_t i = 0; i < channel.samples.count; ++i) out << bits_of(kernels::sample_of(channel.samples, i)) << ' ';
}

// What became of it, all of it.
std::string read_once(const edge::SubscriptionConfig& subscription, const std::vector<std::uint8_t>& payload) {
  edge::Message message;
  message.topic = subscription.topic;
  message.payload = payload;
  message.received_ns = received_ns;
  const auto decoder = edge::make_decoder(subscription);
  decoder->begin_batch();
  std::vector<DecodedMessage> decoded;
  std::ostringstream out;
  if (const auto done = decoder->decode(message, decoded); !done) {
    out << edge::name_of(done.error().reason) << ' ' << done.error().detail;
    return out.str();
  }
  STETHOS_CHECK(decoded.size() <= edge::devices_per_message_max + 1, "devices");
  std::size_t channels = 0;
  std::size_t samples = 0;
  for (const DecodedMessage& each : decoded) {
    out << each.device << ' ' << each.epoch << ' ' << each.sequence << ' ' << each.lowest_held << '\n';
    if (each.rejected) out << each.rejected->detail << '\n';
    for (const DecodedChannel& channel : each.channels) {
      ++channels;
      samples += edge::sample_count(channel);
      describe(channel, out);
    }
  }
  STETHOS_CHECK(channels <= fields_max * (payload.size() + 1), "channels");
  STETHOS_CHECK(samples <= channels + payload.size(), "samples");
  return out.str();
}

}  // namespace

std::size_t decoder_configurations() { return configurations().size(); }

void read_decoder_input(std::span<const std::uint8_t> input) {
  if (input.empty()) return;
  const std::size_t chosen = input[0] % decoder_configurations();
  std::vector<std::uint8_t> payload(input.begin() + 1, input.end());
  if (chosen == 0) {  // no fuzzer finds a checksum
    const std::uint32_t crc = static_cast<std::uint32_t>(::crc32_z(0, payload.data(), payload.size()));
    for (unsigned shift = 0; shift < 32; shift += 8) payload.push_back(static_cast<std::uint8_t>(crc >> shift));
  }
  const edge::SubscriptionConfig& subscription = configurations()[chosen];
  STETHOS_CHECK(read_once(subscription, payload) == read_once(subscription, payload), "what is read twice is the same");
}

}  // namespace stethos::test
