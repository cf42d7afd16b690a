#include "edge/core/redeliveries.h"

#include <algorithm>
#include <utility>

#include "common/hash.h"
#include "edge/core/limits.h"

namespace stethos::edge {

bool Redeliveries::take(const Message& message) {
  if (std::exchange(connection_, message.connection) != message.connection) {
    before_ = hashes_.size();
    is_begun_ = may_be_through_ = false;
    places_.clear();
  }
  const std::uint64_t hash = hash_of(message.payload, hash_of(message.topic, std::uint64_t{message.filter}));
  if (message.redelivered && comes_again(hash)) return true;
  remember(hash);
  return false;
}

bool Redeliveries::comes_again(std::uint64_t hash) {
  const auto like_it = [&](std::size_t from) {  // before_: there is none
    const auto end = hashes_.begin() + static_cast<std::ptrdiff_t>(before_);
    return static_cast<std::size_t>(std::find(hashes_.begin() + static_cast<std::ptrdiff_t>(from), end, hash) - hashes_.begin());
  };
  const auto is_one_of_several = [&] { return like_it(like_it(0) + 1) < before_; };  // of one that is there
  std::vector<std::size_t> next;  // where it is, if it follows the one before
  if (!is_begun_) {
    for (std::size_t place = like_it(0); place < before_; place = like_it(place + 1)) next.push_back(place);
    if (next.empty()) {  // older than what is remembered, or new
      may_be_through_ = true;
      return false;
    }
  } else {
    for (const std::size_t place : places_) {
      if (place + 1 == before_) may_be_through_ = true;
      if (place + 1 < before_ && hashes_[place + 1] == hash) next.push_back(place + 1);
    }
  }
  if (next.empty()) {
    if (may_be_through_) {
      places_.clear();
      return false;
    }
    // Out of order, for what was given up in between is not remembered.
    const std::size_t place = like_it(0);
    if (place == before_ || is_one_of_several()) return false;
    places_ = {place};
    return true;
  }
  if (may_be_through_ && is_one_of_several()) {
    if (is_begun_) places_ = std::move(next);
    return false;
  }
  is_begun_ = true;
  may_be_through_ = false;
  places_ = std::move(next);
  return true;
}

void Redeliveries::remember(std::uint64_t hash) {
  if (hashes_.size() == 2 * redeliveries_remembered_max) {
    constexpr std::size_t gone = redeliveries_remembered_max;
    hashes_.erase(hashes_.begin(), hashes_.begin() + static_cast<std::ptrdiff_t>(gone));
    std::erase_if(places_, [](std::size_t place) { return place < gone; });
    for (std::size_t& place : places_) place -= gone;
    before_ -= std::min(before_, gone);
  }
  hashes_.push_back(hash);
}

std::vector<std::uint64_t> Redeliveries::latest(std::size_t count) const {
  return {hashes_.end() - static_cast<std::ptrdiff_t>(std::min(count, hashes_.size())), hashes_.end()};
}

}  // namespace stethos::edge
