#include "edge/trial/trial.h"

#include <gtest/gtest.h>
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>

#include <set>
#include <sstream>

#include "edge/ingest/field_value.h"
#include "tests/folders.h"
#include "tests/unit/edge/trial/trial_rig.h"

namespace stethos::edge {
namespace {

using Reasons = std::vector<Reason>;

Message at(std::string topic, std::string_view payload) {
  return message_of(std::move(topic), {payload.begin(), payload.end()}, hour_later_ns);
}

TEST(Trial, OfEachChannelItIsKnownWhetherItIsTaken) {
  TrialRig rig;
  const TriedMessage& tried = rig.put(at(
      "fleet/x/telemetry", R"({"device":"t1","ts":1767225600000,"seq":1,"dt_us":100,"temperature":"warm","vibration":[1,2,3]})"));
  EXPECT_EQ(tried.subscription, 1u);
  EXPECT_FALSE(tried.is_taken());
  ASSERT_EQ(tried.devices.size(), 1u);
  ASSERT_EQ(tried.devices[0].channels.size(), 2u);
  EXPECT_EQ(tried.devices[0].decoded->device, "t1");
  EXPECT_EQ(tried.devices[0].channels[0].decoded->channel, "temperature");
  EXPECT_EQ(reasons_of(tried.devices[0].channels[0].refused), Reasons{Reason::wrong_type});
  EXPECT_EQ(tried.devices[0].channels[1].decoded->samples.count, 3u);
  EXPECT_TRUE(tried.devices[0].channels[1].refused.empty());
  EXPECT_TRUE(tried.refused.empty());
}

// One letter stands for all records of a channel that are refused for one reason: here each is told apart.
TEST(Trial, OfRecordsOfOneChannelEachIsToldApart) {
  EdgeConfig config = trial_config();
  config.subscriptions[1].records = "r";
  TrialRig rig(config);
  const TriedMessage& tried = rig.put(at("fleet/x/telemetry", R"({"device":"t1","r":[
      {"ts":1767225600000,"seq":1,"temperature":1},
      {"ts":1767225600000,"seq":1,"temperature":1},
      {"ts":1767225600000,"seq":1,"temperature":2},
      {"ts":1767325600000,"seq":2,"temperature":1},
      {"ts":1867225600000,"seq":3,"temperature":1},
      {"ts":1767225601000,"seq":4,"temperature":null}]})"));
  ASSERT_EQ(tried.devices.size(), 1u);
  std::vector<Reasons> refused;
  std::vector<std::uint64_t> duplicates;
  for (const TriedChannel& each : tried.devices[0].channels) {
    refused.push_back(reasons_of(each.refused));
    duplicates.push_back(each.duplicates);
  }
  EXPECT_EQ(refused,
            (std::vector<Reasons>{
                {}, {}, {Reason::identity_conflict}, {Reason::not_finite}, {Reason::time_future}, {Reason::time_future}}));
  EXPECT_EQ(duplicates, (std::vector<std::uint64_t>{0, 1, 0, 0, 0, 0}));
  EXPECT_TRUE(tried.devices[0].refused.empty()) << "each letter is explained by a channel";
}

TEST(Trial, WhatIsRefusedAsAWholeIsSaidOfTheMessage) {
  TrialRig rig;
  EXPECT_EQ(reasons_of(rig.put(at("nowhere", "1")).refused), Reasons{Reason::unknown_topic});
  EXPECT_EQ(rig.put(at("nowhere", "1")).subscription, std::nullopt);
  EXPECT_EQ(reasons_of(rig.put(at("fleet/x/telemetry", "{")).refused), Reasons{Reason::not_json});
  EXPECT_EQ(reasons_of(rig.put(at("fleet/x/telemetry", std::string(2u << 20, ' '))).refused), Reasons{Reason::too_large});
  EXPECT_EQ(reasons_of(rig.put(at("stethos/v1/d1/batch", "x")).refused), Reasons{Reason::corrupt});
  EXPECT_FALSE(rig.put(at("nowhere", "1")).is_taken());
}

TEST(Trial, OfAMessageThatIsRefusedAsAWholeNoChannelIsTaken) {
  EdgeConfig config = trial_config();
  config.windows[0].length = 3'600 * ns_per_s;
  config.windows[0].hop = ns_per_s;
  config.subscriptions[1].records = "r";
  TrialRig rig(config);
  std::string records;
  for (int i = 0; i < 130; ++i) {
    records += std::string(i == 0 ? "" : ",") + R"({"temperature":1,"seq":1,"ts":)" +
               std::to_string(1'767'225'600'000 - i * std::int64_t{3'600'000}) + "}";
  }
  const TriedMessage& tried = rig.put(at("fleet/x/telemetry", R"({"device":"t1","r":[)" + records + "]}"));
  EXPECT_EQ(reasons_of(tried.refused), Reasons{Reason::too_large});
  EXPECT_TRUE(tried.devices.empty());
  EXPECT_EQ(rig.text().find("taken"), std::string::npos) << rig.text();
}

TEST(Trial, WhatIsIgnoredIsSaidSo) {
  EdgeConfig config = trial_config();
  config.subscriptions[1].ignored_payloads = {"online"};
  TrialRig rig(config);
  const TriedMessage& tried = rig.put(at("fleet/x/telemetry", "online"));
  EXPECT_TRUE(tried.is_ignored);
  EXPECT_TRUE(tried.is_taken());
}

TEST(Trial, KnowsTheNumbersOfOurOwnProtocolAndJudgesItsCompleteness) {
  TrialRig rig;
  const TriedMessage& taken = rig.put(block_message({.epoch = 3, .sequence = 9, .lowest_held = 4}));
  ASSERT_EQ(taken.devices.size(), 1u);
  EXPECT_EQ(taken.devices[0].decoded->epoch, 3u);
  EXPECT_EQ(taken.devices[0].decoded->sequence, 9u);
  EXPECT_TRUE(taken.is_taken());
  const TriedMessage& ahead = rig.put(block_message({.complete_until_ns = hour_later_ns + 3'600 * ns_per_s}));
  EXPECT_EQ(reasons_of(ahead.devices[0].refused), Reasons{Reason::time_future});
  EXPECT_TRUE(ahead.devices[0].channels[0].refused.empty());
  EXPECT_FALSE(ahead.is_taken());
}

TEST(Trial, ThePointTableIsAskedForTheTimeOfTheSample) {
  const auto points = PointTable::parse(
      "device,channel,machine,point,axis,quantity,unit,valid_from\n"
      "d1,vibration,pump-1,DE,h,acceleration,g,\n"
      "d1,vibration,pump-2,DE,h,acceleration,m/s2,2026-06-01\n",
      "p.csv");
  ASSERT_TRUE(points.has_value());
  TrialRig rig(trial_config(), *points);
  const TriedChannel& taken = rig.put(block_message({})).devices[0].channels[0];
  ASSERT_NE(taken.entry, nullptr);
  EXPECT_EQ(taken.entry->machine, "pump-1");
  EXPECT_TRUE(taken.refused.empty());
  EXPECT_EQ(reasons_of(rig.put(block_message({.unit = "m/s2"})).devices[0].channels[0].refused), Reasons{Reason::unit_differs});
}

TEST(Trial, AStrangerIsRefusedWhereTheTableIsRequired) {
  EdgeConfig config = trial_config();
  config.points_required = true;
  TrialRig rig(config);
  const TriedMessage& own = rig.put(block_message({}));
  EXPECT_EQ(reasons_of(own.devices[0].refused), Reasons{Reason::unknown_stream});
  EXPECT_FALSE(own.is_taken());
  const TriedMessage& json = rig.put(at("fleet/x/telemetry", R"({"device":"t1","ts":1767225600000,"seq":1,"temperature":1})"));
  EXPECT_EQ(reasons_of(json.devices[0].channels[0].refused), Reasons{Reason::unknown_stream});
}

// A clock that is not known to be right judges no stamp, and a message without one waits.
TEST(Trial, WithoutATrustedClockItIsAsAtANodeWithoutOne) {
  TrialRig rig;
  const std::string ahead = R"({"device":"t1","ts":1867225600000,"seq":1,"temperature":1})";
  EXPECT_FALSE(rig.put(at("fleet/x/telemetry", ahead), true).is_taken());
  EXPECT_TRUE(rig.put(at("fleet/x/telemetry", ahead), false).is_taken());
  EXPECT_FALSE(rig.put(at("fleet/x/telemetry", ahead), false).waits_for_clock);
  const TriedMessage& raw = rig.put(at("raw/d1/c1", std::string_view("\0\0\0\0", 4)), false);
  EXPECT_TRUE(raw.waits_for_clock);
  EXPECT_TRUE(raw.is_taken());
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

// tests/data/payloads.toml: nothing is told that the core does not say, and nothing that it says is left out.
TEST(Trial, AgreesWithTheCoreOnEveryPayloadOfTheTable) {
  const auto file = test::source_folder() / "tests" / "data" / "payloads.toml";
  const toml::table table = toml::parse_file(file.string());
  for (const toml::node& node : *table["payload"].as_array()) {
    const toml::table& row = *node.as_table();
    const std::string shape = row["shape"].value_or("");
    const std::string topic = row["topic"].value_or("fleet/d1/telemetry");
    std::string payload = row["payload"].value_or("");
    if (const auto bytes = row["payload_base64"].value<std::string>()) payload = *decode_base64(*bytes);
    EdgeConfig config = trial_config();
    config.time_earliest = 0;
    config.subscriptions = {subscription_of(*table["configuration"][row["configuration"].value_or("")].as_table(), topic)};

    TrialRig rig(config);
    const TriedMessage& tried = rig.put(at(topic, payload));
    std::set<std::pair<Reason, std::string>> told_once;
    std::size_t channels = 0;
    const auto tell = [&](const std::vector<Rejection>& refused) {
      for (const Rejection& each : refused) told_once.emplace(each.reason, each.detail);
    };
    tell(tried.refused);
    for (const TriedDevice& device : tried.devices) {
      tell(device.refused);
      for (const TriedChannel& channel : device.channels) tell(channel.refused);
      channels += device.channels.size();
    }
    CoreRig core(config);
    const Effect& effect = core.step({at(topic, payload)}, hour_later_ns);
    std::set<std::pair<Reason, std::string>> letters;
    for (const DeadLetter& each : effect.dead_letters) letters.emplace(each.rejection.reason, each.rejection.detail);
    EXPECT_EQ(told_once, letters) << shape;
    EXPECT_EQ(tried.is_taken(), letters.empty()) << shape;
    std::size_t expected = 0;
    if (const toml::array* lines = row["expected"].as_array()) {
      for (const toml::node& line : *lines) expected += line.value_or(std::string()).starts_with("refused ") ? 0 : 1;
    }
    EXPECT_EQ(channels, expected) << shape;
    EXPECT_FALSE(rig.text().empty());
  }
}

}  // namespace
}  // namespace stethos::edge
