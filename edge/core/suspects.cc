#include "edge/core/suspects.h"

#include <algorithm>
#include <utility>

#include "common/hash.h"
#include "edge/core/limits.h"

namespace stethos::edge {

std::uint64_t Suspects::stops(std::uint64_t message) const {
  const auto found = std::ranges::find(died_with, message, &Suspect::message);
  return found == died_with.end() ? 0 : found->stops;
}

void Suspects::last_run(bool died) {
  const std::uint64_t message = std::exchange(in_hand, 0);
  if (message == 0 || !died) return;
  const auto found = std::ranges::find(died_with, message, &Suspect::message);
  if (found != died_with.end()) {
    if (found->stops <= stops_max) ++found->stops;  // what is beyond it says that its letter is there
    return;
  }
  if (died_with.size() == suspects_max) died_with.erase(died_with.begin());
  died_with.push_back({message, 1});
}

void Suspects::handled() {
  const auto found = std::ranges::find(died_with, std::exchange(in_hand, 0), &Suspect::message);
  if (found == died_with.end()) return;
  if (found->stops > stops_max) {
    found->stops = stops_max + 2;
  } else {
    died_with.erase(found);
  }
}

std::uint64_t suspect_hash(std::string_view topic, std::span<const std::uint8_t> payload) {
  return std::max<std::uint64_t>(hash_of(payload, hash_of(topic)), 1);
}

}  // namespace stethos::edge
