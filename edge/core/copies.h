// Copies of a message that a broker sends because several filters of the session match its topic, while a former one and a new
// one are both subscribed: which of them are still expected. Equal in topic and bytes, they differ in the filter that they come
// by.
//
// What comes by one filter comes in the order in which it was published. So once a message has come by a filter, no copy of
// one published before on the same topic comes by it any more: of equal messages the last is the one a copy belongs to.
//
// Pure state, committed with the effect of the messages; one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "edge/ingest/message.h"

namespace stethos::edge {

struct ExpectedCopy {
  std::uint64_t topic = 0;    // hashes of the topic,
  std::uint64_t message = 0;  // and of topic and payload
  std::uint64_t filter = 0;   // that the copy will come by

  bool operator==(const ExpectedCopy&) const = default;
};

// Oldest first.
using ExpectedCopies = std::vector<ExpectedCopy>;

// Whether the message is a copy of one that has come by another filter. If not, its own copies are expected from now on.
bool take_copy(ExpectedCopies& expected, const Message& message);

}  // namespace stethos::edge
