#include "edge/core/redeliveries.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/hash.h"
#include "edge/core/limits.h"

namespace stethos::edge {

// Of equal messages the newest is taken for the one that comes again: rather one counted too often than one too few.
bool Redeliveries::take(const Message& message) {
  if (std::exchange(connection_, message.connection) != message.connection) passed_ = 0;
  const std::uint64_t hash =
      hash_of(message.payload, hash_of(message.topic, message.packet_id | std::uint64_t{message.filter} << 16u));
  if (message.redelivered) {
    const auto end = std::reverse_iterator(hashes_.begin() + static_cast<std::ptrdiff_t>(passed_));
    const auto found = std::find(hashes_.rbegin(), end, hash);
    if (found != end) {
      passed_ = static_cast<std::size_t>(found.base() - hashes_.begin());
      return true;
    }
  }
  if (hashes_.size() == 2 * redeliveries_remembered_max) {
    hashes_.erase(hashes_.begin(), hashes_.begin() + static_cast<std::ptrdiff_t>(redeliveries_remembered_max));
  }
  hashes_.push_back(hash);
  passed_ = hashes_.size();
  return false;
}

std::vector<std::uint64_t> Redeliveries::latest(std::size_t count) const {
  return {hashes_.end() - static_cast<std::ptrdiff_t>(std::min(count, hashes_.size())), hashes_.end()};
}

}  // namespace stethos::edge
