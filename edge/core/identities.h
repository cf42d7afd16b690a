// The identities of a stream's readings that may still come again, each with its reading's time and value. A reading of a device
// that stamps them is known by time and identity together, another by its identity alone. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "common/clock.h"

namespace stethos::edge {

// What a reading that has an identity brings along.
struct ReadingIdentity {
  std::uint64_t identity = 0;
  bool is_alone = false;  // its device does not stamp it

  bool operator==(const ReadingIdentity&) const = default;
};

struct IdentityKey {
  TimeNs time_ns = 0;
  std::uint64_t identity = 0;

  auto operator<=>(const IdentityKey&) const = default;
};

class Identities {
 public:
  void add(const IdentityKey& key, double value);

  // The value that came with it; nothing: it is not known. Without a time, of the earliest reading with that identity.
  std::optional<double> find(const IdentityKey& key) const;
  std::optional<double> find(std::uint64_t identity) const;

  bool empty() const { return by_time_.empty(); }
  std::size_t size() const { return by_time_.size(); }
  // Requires that there is one.
  IdentityKey oldest() const { return *by_time_.begin(); }
  void forget_oldest();

  bool operator==(const Identities&) const = default;

 private:
  using Name = std::pair<std::uint64_t, TimeNs>;  // identity and time
  std::map<Name, double> values_;
  std::set<IdentityKey> by_time_;
};

}  // namespace stethos::edge
