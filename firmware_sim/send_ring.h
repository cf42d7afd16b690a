// What a device holds until it is acknowledged: the ring of its messages, numbered from 1, and when each of them is to be
// sent (again). A pure state machine: it is told the time, and neither reads a clock nor sends. One thread.
//
// At most in_flight_max messages are sent and not acknowledged. A message is sent again when resend_after has passed without
// an acknowledgement (then twice that, and so on up to resend_after_max), and given up after tries_max tries. A message
// that is held back (reordered, late) waits until others have been added after it, until the ring is full or until
// nothing more will be added, whichever comes first. A message that is to go alone waits until all before it are gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "common/clock.h"

namespace stethos::firmware_sim {

struct RingLimits {
  std::size_t count_max = 256;
  std::size_t in_flight_max = 64;
  DurationNs resend_after = 2 * ns_per_s;
  DurationNs resend_after_max = 30 * ns_per_s;
  unsigned tries_max = 100;
};

// What a message is made of. Its bytes are made when it is sent, since they say what the device holds then.
class Content {
 public:
  virtual ~Content() = default;
  virtual std::vector<std::uint8_t> payload(std::uint64_t sequence, std::uint64_t lowest_held) = 0;
};

struct HoldBack {
  std::uint64_t messages = 0;  // so many later messages must have been added
  DurationNs time_ns = 0;      // a message so much later must have been added
};

class SendRing {
 public:
  explicit SendRing(const RingLimits& limits) : limits_(limits) {}

  bool full() const { return entries_.size() >= limits_.count_max; }
  bool empty() const { return entries_.empty(); }
  std::uint64_t next_sequence() const { return next_sequence_; }
  std::uint64_t lowest_held() const { return entries_.empty() ? next_sequence_ : entries_.front().sequence; }

  // Returns the message's sequence. The ring is not full. `time_ns`: when the message was ready, not decreasing.
  std::uint64_t add(std::unique_ptr<Content> content, DurationNs time_ns, const HoldBack& hold_back, bool alone);

  // Makes room. The ring is not empty. Returns the sequence of what was given up.
  std::uint64_t give_up_oldest();

  // Nothing will be added any more.
  void finish();

  struct Turn {
    std::uint64_t sequence = 0;
    unsigned tries = 0;  // with this one
    Content* content = nullptr;
  };
  // The message to send now, if there is one: it counts as sent, and its timer runs.
  std::optional<Turn> take_turn(DurationNs now);

  // The message that was just taken has gone to a broker that acknowledges it: it is sent again only after connection_lost.
  void stop_timer(std::uint64_t sequence);
  // That broker may or may not have it: it is sent again after resend_after.
  void start_timer(std::uint64_t sequence, DurationNs now);
  // The message that was just taken could not be sent: the try does not count, and it is taken again after resend_after.
  void not_sent(std::uint64_t sequence, DurationNs now);

  // Messages that were never sent are not acknowledged by anything.
  void acknowledge(std::uint64_t first, std::uint64_t last);

  // What was sent and is not acknowledged is due at once.
  void connection_lost(DurationNs now);

  // No turn comes before this time unless something else happens.
  DurationNs quiet_until() const { return quiet_until_; }

  // What was given up after too many tries since the last call.
  std::vector<std::uint64_t> take_given_up();

  std::uint64_t acknowledged() const { return acknowledged_; }
  std::uint64_t given_up() const { return given_up_; }
  std::uint64_t resent() const { return resent_; }

 private:
  struct Entry {
    std::uint64_t sequence = 0;
    std::unique_ptr<Content> content;
    DurationNs ready_ns = 0;
    HoldBack hold_back;
    bool alone = false;
    bool in_flight = false;
    unsigned tries = 0;
    DurationNs due_ns = 0;  // when in flight
  };
  Entry* find(std::uint64_t sequence);
  bool may_go(const Entry& entry) const;
  DurationNs resend_delay(unsigned tries) const;
  void wake() { quiet_until_ = 0; }

  RingLimits limits_;
  std::deque<Entry> entries_;  // ascending by sequence
  std::uint64_t next_sequence_ = 1;
  DurationNs newest_ready_ns_ = 0;
  bool finished_ = false;
  std::size_t in_flight_ = 0;
  DurationNs quiet_until_ = 0;
  std::vector<std::uint64_t> given_up_now_;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t given_up_ = 0;
  std::uint64_t resent_ = 0;
};

}  // namespace stethos::firmware_sim
