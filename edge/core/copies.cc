#include "edge/core/copies.h"

#include <algorithm>
#include <iterator>

#include "common/hash.h"
#include "edge/core/limits.h"

namespace stethos::edge {

bool take_copy(ExpectedCopies& expected, const Message& message) {
  if (message.other_filters.empty()) return false;
  const std::uint64_t topic = hash_of(message.topic);
  const std::uint64_t hash = hash_of(message.payload, topic);
  const auto found = std::find(expected.rbegin(), expected.rend(), ExpectedCopy{topic, hash, message.filter});
  const bool is_copy = found != expected.rend();
  const auto end = is_copy ? found.base() : expected.end();  // behind the one that is found
  const auto is_settled = [&](const ExpectedCopy& each) { return each.topic == topic && each.filter == message.filter; };
  expected.erase(std::remove_if(expected.begin(), end, is_settled), end);
  if (is_copy) return true;
  for (const std::uint32_t other : message.other_filters) expected.push_back({topic, hash, other});
  if (expected.size() > copies_expected_max) {
    expected.erase(expected.begin(), expected.end() - std::ptrdiff_t{copies_expected_max});
  }
  return false;
}

}  // namespace stethos::edge
