// Messages that the process may have died of: the one it has in hand, and those it died with before. The spool holds the same.
//
// Pure state; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace stethos::edge {

struct Suspect {
  std::uint64_t message = 0;  // as suspect_hash
  std::uint64_t stops = 0;    // deaths with it in hand

  bool operator==(const Suspect&) const = default;
};

struct Suspects {
  std::vector<Suspect> died_with;  // oldest first
  std::uint64_t in_hand = 0;       // as suspect_hash; 0: none

  // Of a message by the hash.
  std::uint64_t stops(std::uint64_t message) const;
  // The last process died, with what it had in hand; or it ended by itself, for a reason that no message has.
  void last_run(bool died);
  // What is in hand is committed. A message that was set aside unread stays known: nobody could be told that it was handled.
  void handled();

  bool operator==(const Suspects&) const = default;
};

// Never 0.
std::uint64_t suspect_hash(std::string_view topic, std::span<const std::uint8_t> payload);

}  // namespace stethos::edge
