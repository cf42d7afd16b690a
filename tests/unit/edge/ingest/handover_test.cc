#include "edge/ingest/handover.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

constexpr std::size_t plenty = 1u << 20;

Message waiting_message() {
  Message message = message_of("slow", {1}, epoch_ns);
  message.waits_for_commit = true;
  return message;
}

std::vector<Message> polled(Handover& handover) {
  std::vector<Message> batch;
  handover.poll(60 * ns_per_s, batch);
  return batch;
}

// Puts from a thread of its own, as a connection does.
class Sender {
 public:
  Sender(Handover& handover, Message message)
      : thread_([this, &handover, message = std::move(message)]() mutable {
          handover.put(std::move(message), Handover::Crowded::given_up);
          released_ = true;
        }) {}
  void wait() { thread_.join(); }
  bool is_released() const { return released_; }

 private:
  std::atomic<bool> released_ = false;
  std::thread thread_;
};

TEST(Handover, ACommitReleasesWhatItHoldsAndNothingThatCameMeanwhile) {
  Handover handover(plenty, plenty, system_clock());
  handover.put(message_of("fast", {1}, epoch_ns), Handover::Crowded::refused);
  handover.wake();
  const auto first = polled(handover);
  ASSERT_EQ(first.size(), 1U);

  // While that is being committed:
  Sender sender(handover, waiting_message());
  while (!handover.is_held()) std::this_thread::yield();
  handover.durable(first.back().ticket);
  EXPECT_TRUE(handover.is_held()) << "it would be acknowledged, and lost if the process died now";
  EXPECT_FALSE(sender.is_released());

  const auto second = polled(handover);
  ASSERT_EQ(second.size(), 1U) << "and the poll does not wait";
  handover.durable(second.back().ticket);
  sender.wait();
  EXPECT_FALSE(handover.is_held());
}

TEST(Handover, OfABatchThatIsCommittedInPartsThePartDecides) {
  Handover handover(plenty, plenty, system_clock());
  handover.put(message_of("fast", {1}, epoch_ns), Handover::Crowded::refused);
  Sender sender(handover, waiting_message());
  while (!handover.is_held()) std::this_thread::yield();
  const auto batch = polled(handover);
  ASSERT_EQ(batch.size(), 2U);
  handover.durable(batch[0].ticket);
  EXPECT_TRUE(handover.is_held());
  handover.durable(batch[1].ticket);
  sender.wait();
}

TEST(Handover, AFloodOfOneTopicIsGivenUpOrRefusedAndOthersHaveTheirPlace) {
  for (const auto crowded : {Handover::Crowded::given_up, Handover::Crowded::refused}) {
    Handover handover(200u << 10, plenty, system_clock());
    const std::vector<std::uint8_t> payload(1'000);
    for (int i = 0; i < 10; ++i) handover.put(message_of("other", payload, epoch_ns), crowded);
    for (int i = 0; i < 1'000; ++i) handover.put(message_of("flood", payload, epoch_ns), crowded);
    for (int i = 0; i < 10; ++i) handover.put(message_of("other", payload, epoch_ns), crowded);
    EXPECT_EQ(handover.status().queue_full_waits, 0U);
    std::uint64_t others = 0;
    std::uint64_t flood = 0;
    std::uint64_t lost = 0;
    for (const Message& message : polled(handover)) {
      if (message.topic == "other") ++others;
      if (message.topic == "flood" && !message.crowded_out) ++flood;
      if (message.crowded_out) lost += message.crowded_out->messages;
    }
    EXPECT_EQ(others, 20U);
    EXPECT_LT(flood, 200U);
    EXPECT_EQ(flood + lost + handover.status().messages_refused, 1'000U);
    EXPECT_EQ(lost > 0, crowded == Handover::Crowded::given_up);
  }
}

}  // namespace
}  // namespace stethos::edge
