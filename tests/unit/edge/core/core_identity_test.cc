#include "edge/core/core.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "edge/core/limits.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

TEST(Core, JsonReadingsWithTheSameIdentityCountOnce) {
  CoreRig rig;
  const std::string reading = R"({"device":"t1","ts":1767225600000,"temperature":20.5,"seq":7})";
  rig.step({json_message(reading), json_message(reading)});
  rig.restart();
  rig.step({json_message(reading)});
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 1, .duplicate = 2}));
  const Effect& conflict = rig.step({json_message(R"({"device":"t1","ts":1767225600000,"temperature":21,"seq":7})")});
  EXPECT_EQ(reason_of(conflict), "identity_conflict");
  // Real series repeat stamps with other values: another identity is another reading.
  rig.step({json_message(R"({"device":"t1","ts":1767225600000,"temperature":21,"seq":8})")});
  EXPECT_EQ(rig.core().samples().good, 2u);
  // Once its windows are closed an identity is forgotten: a reading that old is late anyway.
  rig.step({json_message(R"({"device":"t1","ts":1767225605000,"temperature":21,"seq":9})"), json_message(reading)});
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 3, .duplicate = 2, .late = 1, .rejected = 1}));
}

// Whatever else settles meanwhile, a session takes what lies in it.
TEST(Core, WhatLiesInASessionIsKnownAsLongAsTheSessionTakesIt) {
  EdgeConfig config = core_config();
  config.time_lateness = 10 * ns_per_s;
  WindowConfig session;
  session.gap = 30 * ns_per_s;
  config.windows.push_back(session);
  CoreRig rig(config);
  for (const int round : {1, 2}) {
    for (int i = 0; i < 60; ++i) {
      rig.step({json_message(R"({"device":"t1","ts":)" + std::to_string(1'767'225'600'000 + 10'000L * i) +
                             R"(,"temperature":21,"seq":)" + std::to_string(i) + "}")});
    }
    EXPECT_EQ(rig.core().samples().good, 60u) << round;
  }
  EXPECT_EQ(rig.core().samples().duplicate, 60u);
}

Message waiting(Message message, bool redelivered = false, std::uint64_t connection = 1) {
  message.waits_for_commit = message.may_return = true;
  message.redelivered = redelivered;
  message.connection = connection;
  return message;
}

EdgeConfig without_identity() {
  EdgeConfig config = core_config();
  for (SubscriptionConfig& subscription : config.subscriptions) subscription.identity.clear();
  return config;
}

TEST(Core, AllThatABrokerMayDeliverAgainIsRecognised) {
  CoreRig rig(without_identity());
  const std::size_t sent = on_the_way_max + 50;
  std::vector<Message> messages;
  for (std::size_t i = 0; i < sent; ++i) {
    messages.push_back(
        json_message(R"({"device":"t1","ts":)" + std::to_string(1'767'225'600'000 + i) + R"(,"temperature":20.5})"));
  }
  for (const Message& message : messages) rig.step({waiting(message)});
  rig.restart();
  // It begins somewhere, and may begin again when it is cut off, whatever has been delivered for the first time meanwhile.
  const Message fresh = json_message(R"({"device":"t1","ts":1767225700000,"temperature":20.5})");
  for (const std::uint64_t connection : {1, 2}) {
    for (std::size_t i = sent - 70; i < sent; ++i) rig.step({waiting(messages[i], true, connection)});
    rig.step({waiting(fresh, true, connection)});
  }
  EXPECT_EQ(rig.core().totals()[Counter::duplicate_messages], 141u);
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = sent + 1}));
}

// A broker may have had more on the way than it was allowed.
TEST(Core, AfterACutMoreAreRecognisedThanAreOnRecord) {
  CoreRig rig(without_identity());
  const std::size_t sent = 5 * redeliveries_on_record_max;
  std::vector<Message> messages;
  for (std::size_t i = 0; i < sent; ++i) {
    messages.push_back(
        json_message(R"({"device":"t1","ts":)" + std::to_string(1'767'225'600'000 + i) + R"(,"temperature":20.5})"));
  }
  for (const Message& message : messages) rig.step({waiting(message)});
  for (const Message& message : messages) rig.step({waiting(message, true, 2)});
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = sent}));
  Effect effect;
  rig.core().keep_all_that_may_return(effect);
  EXPECT_EQ(effect.may_return.size(), sent);
  EXPECT_TRUE(effect.changed);
}

// Told on arrival, by this run or the one before, which had another configuration.
TEST(Core, WhatWasAcknowledgedOnArrivalIsRecognisedWhenItReturns) {
  CoreRig rig(without_identity());
  const auto on_arrival = [](Message message, bool redelivered, std::uint64_t connection) {
    message.may_return = true;
    message.redelivered = redelivered;
    message.connection = connection;
    return message;
  };
  std::vector<Message> messages;
  for (std::size_t i = 0; i < on_the_way_max; ++i) {
    messages.push_back(
        json_message(R"({"device":"t1","ts":)" + std::to_string(1'767'225'600'000 + i) + R"(,"temperature":20.5})"));
  }
  std::vector<Message> batch;
  for (const Message& message : messages) batch.push_back(on_arrival(message, false, 1));
  // The line is cut while they are still in the queue, and what returns stands behind them there.
  for (const Message& message : messages) batch.push_back(on_arrival(message, true, 2));
  rig.step(batch);
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = on_the_way_max}));
  rig.restart();
  for (const Message& message : messages) rig.step({waiting(message, true)});
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = on_the_way_max}));
  EXPECT_EQ(rig.core().totals()[Counter::duplicate_messages], 2 * on_the_way_max);
}

TEST(Core, OfEqualMessagesOneIsTakenForTheOneThatReturns) {
  CoreRig rig(without_identity());
  const Message message = json_message(R"({"device":"t1","ts":1767225600000,"temperature":20.5})");
  for (int i = 0; i < 3; ++i) rig.step({waiting(message)});
  rig.restart();
  for (int i = 0; i < 3; ++i) rig.step({waiting(message, true)});
  EXPECT_EQ(rig.core().totals()[Counter::duplicate_messages], 1u);
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 5}));
}

TEST(Core, AnotherMessageWithANumberThatWasIsADuplicateAndALetter) {
  CoreRig rig;
  rig.step({block_message({.sequence = 1}), block_message({.sequence = 2, .start_ns = epoch_ns + ns_per_ms})});
  EXPECT_EQ(rig.step({block_message({.sequence = 2, .lowest_held = 2, .start_ns = epoch_ns + ns_per_ms})}).dead_letters.size(),
            0u)
      << "a copy says anew what its device holds";
  const Effect& effect =
      rig.step({block_message({.sequence = 2, .lowest_held = 2, .start_ns = epoch_ns + ns_per_ms, .samples = {9}})});
  EXPECT_EQ(reason_of(effect), "sequence_conflict");
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 8, .duplicate = 5}));
  EXPECT_EQ(acknowledged(rig.core()), (std::vector<std::string>{"d1 1 2"}));
}

// As after a restart of a device that numbers what it sends, and stamps it once its clock is set.
TEST(Core, WhereSomeReadingsHaveATimeItIsPartOfTheirIdentity) {
  EdgeConfig config = core_config();
  config.subscriptions.at(1).time_missing = MissingTime::arrival;
  CoreRig rig(config);
  for (const char* ts : {"1767225600000", "1767225601000", "1767225602000"}) {
    rig.step({json_message(R"({"device":"t1","ts":)" + std::string(ts) + R"(,"temperature":20.5,"seq":0})")});
  }
  EXPECT_EQ(rig.core().samples(), (SampleCounts{.good = 3}));
}

std::string identity_of(const std::string& seq, const std::string& beside = "1") {
  CoreRig rig;
  auto letters = reason_of(rig.step(
      {json_message(R"({"device":"t1","ts":1767225600000,"temperature":20.5,"seq":)" + seq + R"(,"x":)" + beside + "}")}));
  if (letters != "0 dead letters") return letters;
  rig.step({json_message(R"({"device":"t1","ts":1767225600000,"temperature":20.5,"seq":)" + seq + R"(,"x":1})")});
  return rig.core().samples().duplicate == 1 ? "known" : "another";
}

TEST(Core, ANumberThatMightStandForAnotherIdentifiesNothingWhereverItStands) {
  for (const std::string number :
       {"123456789012345678901", "18446744073709551616", "-9223372036854775809", "1e310", "0.1234567890123456"}) {
    for (const auto& seq : {number, "[17," + number + "]", R"({"boot":[)" + number + "]}"}) {
      EXPECT_EQ(identity_of(seq), seq == "1e310" ? "missing_field" : "wrong_type") << seq;
    }
  }
  for (const char* seq : {"[17,null]", "[17,nan]", R"({"a":[null]})"}) EXPECT_EQ(identity_of(seq), "wrong_type") << seq;
  for (const std::string number :
       {"1795975600123456789", "9007199254740993", "18446744073709551615", "-9223372036854775808", "0.5"}) {
    for (const auto& seq : {number, "[17," + number + "]"}) {
      EXPECT_EQ(identity_of(seq), "known") << seq;
      EXPECT_EQ(identity_of(seq, "nan"), "known") << "what stands beside it changes nothing: " << seq;
    }
  }
}

}  // namespace
}  // namespace stethos::edge
