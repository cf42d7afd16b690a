// Which of the messages whose senders waited for their commit their broker may deliver again: an acknowledgement that has left is
// lost with the connection if the broker has not read it yet.
//
// A broker delivers again at the beginning of a connection and in its order: first what is committed here, from some message on,
// then what is not. The last of such messages are remembered, and the last of those committed with the effect of the messages.
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "edge/ingest/message.h"

namespace stethos::edge {

class Redeliveries {
 public:
  // `hashes`: as latest() was.
  explicit Redeliveries(std::vector<std::uint64_t> hashes) : hashes_(std::move(hashes)) {}

  // Whether the message has been taken before and is delivered again. If not, it is remembered.
  bool take(const Message& message);

  // Of the messages that are remembered, of so many at most: of the last ones, oldest first.
  std::vector<std::uint64_t> latest(std::size_t count) const;

 private:
  std::vector<std::uint64_t> hashes_;  // oldest first; of twice as many as are remembered the older half goes
  std::uint64_t connection_ = 0;  // the one that the last message came by
  std::size_t passed_ = 0;  // so many of the oldest have come again on it, or will not any more
};

}  // namespace stethos::edge
