// tests/data/payloads.toml: payloads as they are published, and what becomes of them.
#include <gtest/gtest.h>
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>

#include <sstream>

#include "common/number_text.h"
#include "common/time_text.h"
#include "edge/config/edge_config.h"
#include "edge/ingest/decoder.h"
#include "edge/ingest/field_value.h"
#include "tests/folders.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

constexpr TimeNs arrival_ns = epoch_ns + 12'345'678'901;

std::string text_of(double value) { return std::isnan(value) ? "nan" : number_text(value); }

std::string text_of(const DecodedMessage& message, const DecodedChannel& channel) {
  std::string text = std::string(message.device) + "/" + std::string(channel.channel);
  if (channel.rejected) return text + " refused " + std::string(name_of(channel.rejected->reason));
  text += " = ";
  if (channel.reading) {
    text += text_of(*channel.reading);
  } else {
    std::string samples;
    for (std::size_t i = 0; i < channel.samples.count; ++i) {
      samples += (i == 0 ? "" : " ") + text_of(kernels::sample_of(channel.samples, i));
    }
    text += "[" + samples + "]";
  }
  text += " " + std::string(channel.unit) + " at " + (channel.start_ns == arrival_ns ? "arrival" : format_time(channel.start_ns));
  if (!channel.reading && channel.interval_ns != 0) text += " every " + number_text(channel.interval_ns / 1e3) + "us";
  return text;
}

SubscriptionConfig subscription_of(const toml::table& keys, const std::string& topic) {
  toml::table whole = keys;
  whole.insert("topic", topic);
  std::ostringstream text;
  text << whole;
  const auto loaded = settings::parse(subscription_table(), text.str(), "payloads.toml");
  STETHOS_CHECK(loaded.has_value(), loaded.error().front().text());
  return loaded->config;
}

// The decoder of a configuration reads one payload after the other.
TEST(Payloads, AreReadAsTheTableSays) {
  const auto file = test::source_folder() / "tests" / "data" / "payloads.toml";
  const toml::table table = toml::parse_file(file.string());
  std::map<std::string, std::unique_ptr<Decoder>> decoders;
  std::size_t count = 0;
  for (const toml::node& node : *table["payload"].as_array()) {
    const toml::table& row = *node.as_table();
    const std::string shape = row["shape"].value_or("");
    const std::string name = row["configuration"].value_or("");
    const std::string topic = row["topic"].value_or("fleet/d1/telemetry");
    auto& decoder = decoders[name];
    if (decoder == nullptr) decoder = make_decoder(subscription_of(*table["configuration"][name].as_table(), topic));
    std::string payload = row["payload"].value_or("");
    if (const auto bytes = row["payload_base64"].value<std::string>()) payload = *decode_base64(*bytes);
    const Message message = message_of(topic, {payload.begin(), payload.end()}, arrival_ns);

    std::vector<DecodedMessage> decoded;
    decoder->begin_batch();
    const auto done = decoder->decode(message, decoded);
    ++count;
    EXPECT_EQ(done ? "" : std::string(name_of(done.error().reason)), row["refused"].value_or(std::string())) << shape;
    if (!done) continue;
    std::vector<std::string> found, expected;
    for (const DecodedMessage& each : decoded) {
      if (each.rejected) found.push_back("refused " + std::string(name_of(each.rejected->reason)));
      for (const DecodedChannel& channel : each.channels) found.push_back(text_of(each, channel));
    }
    for (const toml::node& line : *row["expected"].as_array()) expected.push_back(line.value_or(std::string()));
    EXPECT_EQ(found, expected) << shape;
  }
  EXPECT_GE(count, 110u);
}

}  // namespace
}  // namespace stethos::edge
