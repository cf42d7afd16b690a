// What the last messages of a device said, to tell a copy from another message that has the number of one that came: two devices
// of one name, or one that began anew in an epoch that it had. Known in this run of the process alone. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "edge/ingest/decoder.h"

namespace stethos::edge {

class Contents {
 public:
  void add(const DecodedMessage& message);
  // Whether the message of this epoch and sequence is known to have said something else.
  bool differ(const DecodedMessage& message) const;

 private:
  struct Content {
    std::uint64_t epoch = 0;
    std::uint64_t sequence = 0;
    std::uint64_t hash = 0;
  };
  std::vector<Content> last_;  // oldest first
};

}  // namespace stethos::edge
