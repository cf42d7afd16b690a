#include "firmware_sim/send_ring.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "common/result.h"

namespace stethos::firmware_sim {
namespace {

constexpr DurationNs never_ns = std::numeric_limits<DurationNs>::max();

}  // namespace

SendRing::Entry* SendRing::find(std::uint64_t sequence) {
  const auto found = std::ranges::lower_bound(entries_, sequence, {}, &Entry::sequence);
  return found != entries_.end() && found->sequence == sequence ? &*found : nullptr;
}

std::uint64_t SendRing::add(std::unique_ptr<Content> content, DurationNs time_ns, const HoldBack& hold_back, bool alone) {
  STETHOS_CHECK(!full() && !finished_, "room was looked for before a message is added");
  newest_ready_ns_ = std::max(newest_ready_ns_, time_ns);
  entries_.push_back({next_sequence_, std::move(content), time_ns, hold_back, alone, false, 0, 0});
  wake();
  return next_sequence_++;
}

std::uint64_t SendRing::give_up_oldest() {
  STETHOS_CHECK(!entries_.empty(), "only a message that is held can be given up");
  const std::uint64_t sequence = entries_.front().sequence;
  if (entries_.front().in_flight) --in_flight_;
  entries_.pop_front();
  ++given_up_;
  wake();
  return sequence;
}

void SendRing::finish() {
  finished_ = true;
  wake();
}

bool SendRing::may_go(const Entry& entry) const {
  if (entry.alone && &entry != &entries_.front()) return false;
  if (finished_ || full()) return true;
  return next_sequence_ - 1 - entry.sequence >= entry.hold_back.messages &&
         newest_ready_ns_ - entry.ready_ns >= entry.hold_back.time_ns;
}

DurationNs SendRing::resend_delay(unsigned tries) const {
  DurationNs delay = limits_.resend_after;
  for (unsigned i = 1; i < tries && delay < limits_.resend_after_max; ++i) delay *= 2;
  return std::min(delay, std::max(limits_.resend_after, limits_.resend_after_max));
}

std::optional<SendRing::Turn> SendRing::take_turn(DurationNs now) {
  if (now < quiet_until_) return std::nullopt;
  DurationNs next_due_ns = never_ns;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (entry->in_flight ? entry->due_ns > now : in_flight_ >= limits_.in_flight_max || !may_go(*entry)) {
      if (entry->in_flight) next_due_ns = std::min(next_due_ns, entry->due_ns);
      ++entry;
      continue;
    }
    if (entry->tries >= limits_.tries_max) {
      given_up_now_.push_back(entry->sequence);
      ++given_up_;
      --in_flight_;
      entry = entries_.erase(entry);
      continue;
    }
    if (entry->tries > 0) ++resent_;
    if (!entry->in_flight) ++in_flight_;
    entry->in_flight = true;
    ++entry->tries;
    entry->due_ns = now + resend_delay(entry->tries);
    return Turn{entry->sequence, entry->tries, entry->content.get()};
  }
  quiet_until_ = next_due_ns;
  return std::nullopt;
}

void SendRing::stop_timer(std::uint64_t sequence) {
  if (Entry* entry = find(sequence)) entry->due_ns = never_ns;
}

void SendRing::start_timer(std::uint64_t sequence, DurationNs now) {
  Entry* entry = find(sequence);
  if (entry == nullptr || !entry->in_flight) return;
  entry->due_ns = now + limits_.resend_after;
  wake();
}

void SendRing::not_sent(std::uint64_t sequence, DurationNs now) {
  Entry* entry = find(sequence);
  if (entry == nullptr || !entry->in_flight) return;
  if (entry->tries > 1) --resent_;
  if (entry->tries > 0) --entry->tries;
  entry->due_ns = now + limits_.resend_after;
  wake();
}

void SendRing::acknowledge(std::uint64_t first, std::uint64_t last) {
  const auto before = entries_.size();
  const auto from = std::ranges::lower_bound(entries_, first, {}, &Entry::sequence);
  const auto to = std::ranges::upper_bound(entries_, last, {}, &Entry::sequence);
  if (from >= to) return;
  entries_.erase(std::remove_if(from, to,
                                [&](const Entry& entry) {
                                  if (entry.tries == 0) return false;
                                  if (entry.in_flight) --in_flight_;
                                  return true;
                                }),
                 to);
  acknowledged_ += before - entries_.size();
  if (entries_.size() != before) wake();
}

void SendRing::connection_lost(DurationNs now) {
  for (Entry& entry : entries_) {
    if (entry.in_flight) entry.due_ns = now;
  }
  wake();
}

std::vector<std::uint64_t> SendRing::take_given_up() { return std::exchange(given_up_now_, {}); }

}  // namespace stethos::firmware_sim
