#include "edge/core/identities.h"

#include <limits>
#include <utility>

namespace stethos::edge {

void Identities::add(const IdentityKey& key, double value) {
  values_.insert_or_assign({key.identity, key.time_ns}, value);
  by_time_.insert(key);
}

std::optional<double> Identities::find(const IdentityKey& key) const {
  const auto found = values_.find({key.identity, key.time_ns});
  return found == values_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<double> Identities::find(std::uint64_t identity) const {
  const auto found = values_.lower_bound({identity, std::numeric_limits<TimeNs>::min()});
  return found == values_.end() || found->first.first != identity ? std::nullopt : std::optional(found->second);
}

void Identities::forget_oldest() {
  const IdentityKey key = oldest();
  values_.erase({key.identity, key.time_ns});
  by_time_.erase(by_time_.begin());
}

}  // namespace stethos::edge
