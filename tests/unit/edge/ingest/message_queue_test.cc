#include "edge/ingest/message_queue.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

constexpr std::size_t payload_bytes = 488;
constexpr std::size_t message_bytes = payload_bytes + 512;  // and its topic
constexpr std::size_t topic_bytes = 128;                    // and its name, once

Message message_from(const std::string& topic) { return message_of(topic, std::vector<std::uint8_t>(payload_bytes), epoch_ns); }

// Puts it if it may go in; whether it did.
bool offer(MessageQueue& queue, const std::string& topic) {
  Message message = message_from(topic);
  if (queue.crowds_out(message) || !queue.has_room(message)) return false;
  queue.put(std::move(message));
  return true;
}

std::map<std::string, int> drain(MessageQueue& queue) {
  std::vector<Message> batch;
  queue.take(std::numeric_limits<std::size_t>::max(), batch);
  std::map<std::string, int> counts;
  for (const Message& message : batch) ++counts[std::string(message.topic)];
  return counts;
}

TEST(MessageQueue, TakesTheOldestUpToABound) {
  MessageQueue queue(100 * message_bytes);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(offer(queue, std::to_string(i)));
  EXPECT_EQ(queue.bytes(), 5 * (message_bytes + 1 + topic_bytes + 1));
  std::vector<Message> batch;
  queue.take(2 * (message_bytes + 1) + 1, batch);
  ASSERT_EQ(batch.size(), 3U);
  EXPECT_EQ(batch[0].topic, "0");
  EXPECT_EQ(batch[2].topic, "2");
  EXPECT_EQ(queue.bytes(), 2 * (message_bytes + 1 + topic_bytes + 1));
  drain(queue);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0U);
}

TEST(MessageQueue, OneMessageFitsHoweverLarge) {
  MessageQueue queue(10);
  EXPECT_TRUE(offer(queue, "a"));
  EXPECT_FALSE(offer(queue, "b"));
}

TEST(MessageQueue, ADeviceThatSendsAHundredTimesWhatItShouldLosesItsOwnPlaceOnly) {
  MessageQueue queue(100 * message_bytes);
  int refused_others = 0;
  std::map<std::string, int> taken;
  for (int round = 0; round < 20; ++round) {
    for (int device = 0; device < 10; ++device) {
      if (!offer(queue, "device " + std::to_string(device))) ++refused_others;
      for (int i = 0; i < 10; ++i) offer(queue, "flood");
    }
    for (const auto& [topic, count] : drain(queue)) taken[topic] += count;
  }
  EXPECT_EQ(refused_others, 0);
  for (int device = 0; device < 10; ++device) EXPECT_EQ(taken["device " + std::to_string(device)], 20);
  EXPECT_LT(taken["flood"], 20 * 100);
  EXPECT_GE(taken["flood"], 20 * 40) << "up to half of the queue is anybody's";
}

TEST(MessageQueue, ThoseWhoSendAlikeFillItAndThenWait) {
  for (const int devices : {1, 2, 3, 10, 50}) {
    MessageQueue queue(100 * (message_bytes + 2) + static_cast<std::size_t>(devices) * (topic_bytes + 2));
    for (int i = 0; i < 100; ++i) {
      const Message message = message_from(std::to_string(i % devices));
      EXPECT_FALSE(queue.crowds_out(message)) << devices << " devices, message " << i;
      ASSERT_TRUE(offer(queue, std::to_string(i % devices)));
    }
    EXPECT_FALSE(queue.has_room(message_from("0")));
  }
}

TEST(MessageQueue, TopicsCountToo) {
  MessageQueue queue(1u << 20);
  std::size_t names = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const std::string topic = std::string(1'000, 't') + std::to_string(i);
    const Message message = message_of(topic, {}, epoch_ns);
    if (!queue.has_room(message)) break;
    names += 2 * topic.size();  // in the message, and as the key of its count
    queue.put(message);
  }
  EXPECT_GT(names, (1u << 20) / 2);
  EXPECT_LE(names, 1u << 20);
  EXPECT_LE(queue.bytes(), 1u << 20);
  drain(queue);
  EXPECT_EQ(queue.bytes(), 0U);
}

TEST(MessageQueue, WhatIsGivenUpInARowIsOneMessageThatCounts) {
  MessageQueue queue(100 * message_bytes);
  for (int i = 0; i < 5; ++i) queue.put(given_up(message_from("flood")));
  queue.put(message_from("other"));
  const std::uint64_t last = queue.put(given_up(message_from("flood")));
  std::vector<Message> batch;
  queue.take(std::numeric_limits<std::size_t>::max(), batch);
  ASSERT_EQ(batch.size(), 3U);
  EXPECT_EQ(batch[0].topic, "flood");
  EXPECT_EQ(batch[0].crowded_out->messages, 5U);
  EXPECT_EQ(batch[0].crowded_out->bytes, 5 * payload_bytes);
  EXPECT_EQ(batch[0].ticket, 5U) << "of the last of them";
  EXPECT_EQ(batch[2].ticket, last);
  EXPECT_EQ(queue.bytes(), 0U);
}

}  // namespace
}  // namespace stethos::edge
