#include "edge/ingest/handover.h"

#include <algorithm>
#include <utility>

namespace stethos::edge {

void Handover::put(Message message, Crowded crowded) {
  std::unique_lock lock(mutex_);
  if (queue_.crowds_out(message)) {
    if (crowded == Crowded::refused) {
      ++messages_refused_;
      return;
    }
    message = given_up(message);
  }
  if (!queue_.has_room(message) && !closed_) {
    ++queue_full_waits_;
    arrived_.notify_all();
    released_.wait(lock, [&] { return queue_.has_room(message) || closed_; });
  }
  if (closed_) {
    held_for_ever_ = true;
    released_.wait(lock, [] { return false; });
  }
  const bool waits = message.waits_for_commit;
  const std::uint64_t ticket = queue_.put(std::move(message));
  if (waits) awaited_ = ticket;
  if (waits || queue_.bytes() >= look_bytes_) arrived_.notify_all();
  if (waits) released_.wait(lock, [&] { return durable_ >= ticket; });
}

void Handover::poll(DurationNs timeout, std::vector<Message>& batch) {
  std::unique_lock lock(mutex_);
  clock_.wait_for(arrived_, lock, timeout,
                  [&] { return woken_ || (waits_for_commit() && !queue_.empty()) || queue_.bytes() >= look_bytes_ || closed_; });
  woken_ = false;
  queue_.take(batch_bytes_max_, batch);
  released_.notify_all();
}

void Handover::durable(std::uint64_t ticket) {
  const std::lock_guard lock(mutex_);
  durable_ = std::max(durable_, ticket);
  released_.notify_all();
}

void Handover::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

void Handover::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  arrived_.notify_all();
}

bool Handover::is_held() const {
  const std::lock_guard lock(mutex_);
  return held_for_ever_ || waits_for_commit();
}

Handover::Status Handover::status() const {
  const std::lock_guard lock(mutex_);
  return {queue_.bytes(), queue_full_waits_, messages_refused_};
}

}  // namespace stethos::edge
