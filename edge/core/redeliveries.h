// Which of the messages whose senders waited for their commit their broker may deliver again: an acknowledgement that has left is
// lost with the connection if the broker has not read it yet.
//
// A broker delivers again at the beginning of a connection and in its order: first what is committed here, from some message on,
// then what is not. The last of such messages are remembered, and the last of those committed with the effect of the messages.
//
// What comes again is held against that order. Where equal messages leave open how far it has come, all that it may be is kept in
// mind until a message tells. Where the order says that a message may be a new one, it is taken for the one before if only one
// like it is remembered; of several equal ones rather one is counted too often than one too few. The first of a connection that
// is marked as delivered again and equals any that is remembered is taken for that one. One thread.
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
  explicit Redeliveries(std::vector<std::uint64_t> hashes) : hashes_(std::move(hashes)), before_(hashes_.size()) {}

  // Whether the message has been taken before and is delivered again. If not, it is remembered.
  bool take(const Message& message);

  // Of the messages that are remembered, of so many at most: of the last ones, oldest first.
  std::vector<std::uint64_t> latest(std::size_t count) const;

 private:
  bool comes_again(std::uint64_t hash);
  void remember(std::uint64_t hash);

  std::vector<std::uint64_t> hashes_;  // oldest first; of twice as many as are remembered the older half goes
  // Of the connection that the last message came by.
  std::uint64_t connection_ = 0;
  std::size_t before_ = 0;  // so many of the hashes are from before it
  bool is_begun_ = false;  // one of those has come again
  std::vector<std::size_t> places_;  // then: which of them the last one that came again may have been, ascending
  bool may_be_through_ = false;  // all that is known may have come again: the next one may be new
};

}  // namespace stethos::edge
