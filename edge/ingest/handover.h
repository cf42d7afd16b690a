// Where messages pass from the thread that receives them to the pipeline's, within the bound of a queue.
//
// Each message that is put gets a ticket: they count from 1. poll hands messages out in the order of their tickets, and a commit
// names the ticket up to which everything is durable. So whoever waits for a message's commit is released by a commit that holds
// the message, and by no other, whenever the message came.
//
// One thread receives, and may be held in `put`; poll, durable and close belong to the pipeline's; the rest may be called by any.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "common/clock.h"
#include "edge/ingest/message_queue.h"

namespace stethos::edge {

class Handover {
 public:
  struct Status {
    std::uint64_t queue_bytes = 0;
    std::uint64_t queue_full_waits = 0;
    std::uint64_t messages_refused = 0;  // by `put`
  };

  // What becomes of a message whose topic holds more than its share of the queue.
  enum class Crowded : std::uint8_t {
    refused,  // it is not taken: its sender keeps it, or nothing was promised
    given_up,  // only that it came is taken: the count and size of such messages, without their payloads
  };

  Handover(std::size_t queue_bytes_max, std::size_t batch_bytes_max, const Clock& clock)
      : batch_bytes_max_(batch_bytes_max),
        look_bytes_(std::min(batch_bytes_max, queue_bytes_max / 2)),
        clock_(clock),
        queue_(queue_bytes_max) {}

  // Returns when the message may be acknowledged: it is in the queue or refused, and durable if it waits for its commit. Once the
  // handover is closed it returns for no message that it has not taken.
  void put(Message message, Crowded crowded);

  // As those of MessagePort.
  void poll(DurationNs timeout, std::vector<Message>& batch);
  void durable(std::uint64_t ticket);
  void close();

  // Ends a poll that waits.
  void wake();

  // Whether `put` waits for a commit, or for ever.
  bool is_held() const;
  Status status() const;

 private:
  bool waits_for_commit() const { return awaited_ > durable_; }

  const std::size_t batch_bytes_max_;
  const std::size_t look_bytes_;  // so much in the queue ends a poll: a batch, or enough that a topic might be crowded out
  const Clock& clock_;

  mutable std::mutex mutex_;
  std::condition_variable arrived_;  // for poll
  std::condition_variable released_;  // for put
  MessageQueue queue_;
  std::uint64_t awaited_ = 0;  // the ticket of the last message that waited for its commit
  std::uint64_t durable_ = 0;  // the ticket up to which everything is
  bool woken_ = false;
  bool closed_ = false;
  bool held_for_ever_ = false;
  std::uint64_t queue_full_waits_ = 0;
  std::uint64_t messages_refused_ = 0;
};

}  // namespace stethos::edge
