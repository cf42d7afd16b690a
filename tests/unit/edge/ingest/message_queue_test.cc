#include "edge/ingest/message_queue.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

constexpr std::size_t payload_bytes = 488;
constexpr std::size_t message_bytes = payload_bytes + 512;

Message message_from(const std::string& topic) {
  return message_of(topic, std::vector<std::uint8_t>(payload_bytes), epoch_ns);
}

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
  EXPECT_EQ(queue.bytes(), 5 * message_bytes);
  std::vector<Message> batch;
  queue.take(2 * message_bytes + 1, batch);
  ASSERT_EQ(batch.size(), 3U);
  EXPECT_EQ(batch[0].topic, "0");
  EXPECT_EQ(batch[2].topic, "2");
  EXPECT_EQ(queue.bytes(), 2 * message_bytes);
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
    MessageQueue queue(100 * message_bytes);
    for (int i = 0; i < 100; ++i) {
      const Message message = message_from(std::to_string(i % devices));
      EXPECT_FALSE(queue.crowds_out(message)) << devices << " devices, message " << i;
      ASSERT_TRUE(offer(queue, std::to_string(i % devices)));
    }
    EXPECT_FALSE(queue.has_room(message_from("0")));
  }
}

}  // namespace
}  // namespace stethos::edge
