// What a node would make of the messages that a broker delivers, by topic: the first payload of each in full, then counts.
// Bounded, whatever comes. One thread.
//
// A core takes all of them in their turn, as a node's that begins with nothing, so that what one message means for the next is
// counted too: a copy, a reading that is late, another unit.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/result.h"
#include "edge/config/edge_config.h"
#include "edge/core/core.h"
#include "edge/ingest/message.h"
#include "edge/ingest/point_table.h"

namespace stethos::edge {

// Topics whose first payload is shown, and that are counted each by itself; what comes on more of them is counted together.
inline constexpr std::size_t topics_shown_max = 20;
inline constexpr std::size_t topics_counted_max = 500;

class ListenReport {
 public:
  // All must outlive it.
  static Result<std::unique_ptr<ListenReport>> begin(const EdgeConfig& config, const PointTable& points, std::ostream& out);

  // An error is the core's: it must not be used on.
  Status take(const Message& message, TimeNs now_ns, bool clock_trusted);

  void write_table() const;

  std::uint64_t messages() const { return messages_; }
  bool has_refused() const { return refused_ > 0; }

 private:
  struct Counts {
    std::uint64_t messages = 0;
    std::uint64_t taken = 0;  // in whole
    std::uint64_t ignored = 0;
    std::uint64_t duplicates = 0;
    std::map<Reason, std::uint64_t> refused;  // messages of which anything was
  };

  ListenReport(const EdgeConfig& config, const PointTable& points, std::unique_ptr<Core> core, std::ostream& out)
      : config_(config), points_(points), core_(std::move(core)), out_(out) {}

  Counts& counts_of(std::string_view topic, bool& is_new);
  Status show(const Message& message, TimeNs now_ns, bool clock_trusted, const Effect& effect);
  void write_row(const std::string& topic, const Counts& counts) const;

  const EdgeConfig& config_;
  const PointTable& points_;
  const std::unique_ptr<Core> core_;
  std::ostream& out_;
  std::map<std::string, Counts, std::less<>> topics_;
  Counts others_;  // of the topics beyond
  std::size_t shown_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace stethos::edge
