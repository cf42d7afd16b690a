// What is declared and never comes: fields of JSON subscriptions, and channels of the point table. A name that is spelled
// otherwise than the device spells it makes no error anywhere, for nothing forbids a message without a field; here it shows.
//
// A field is missed once its subscription has had messages for ten minutes, and ten of them at least; a channel of the point
// table once the node has, or for three times its interval where that is longer. What came in any message since the start is not
// missed, whatever became of it. Each is said once; a field or channel that comes after all is missed no more.
//
// `look` belongs to one thread; any may ask for `counts`.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "edge/config/edge_config.h"
#include "edge/core/intake.h"
#include "edge/ingest/point_table.h"

namespace stethos::edge {

class NeverSeen final : public Watcher {
 public:
  // `warn` is given the lines for the log: bounded, and made printable.
  NeverSeen(const EdgeConfig& config, const PointTable& points, const Clock& clock, std::function<void(std::string)> warn);

  void look(const Message& message, std::span<const DecodedMessage> decoded) override;

  // How many are missed.
  struct Counts {
    std::vector<std::pair<std::string, std::size_t>> fields;  // by the topic of their subscription: of all that are JSON
    std::size_t channels = 0;                                 // of the point table
  };
  Counts counts() const;

 private:
  struct Fields {
    std::string topic;  // the filter
    std::vector<std::string> unseen;  // channels that fields make
    std::optional<DurationNs> first_monotonic;  // when its first message came; nothing: none has
    std::uint64_t messages = 0;
    bool is_missed = false;
  };
  struct Channel {
    std::string name;
    DurationNs wait = 0;
    TimeNs valid_from_ns = 0;  // of its first entry
    bool is_missed = false;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  void look_for_fields(const Message& message, std::span<const DecodedMessage> decoded, DurationNs now);
  void look_for_channels(std::span<const DecodedMessage> decoded, DurationNs now);
  void miss_channels(DurationNs now);
  void note_counts();

  const Clock& clock_;
  const std::function<void(std::string)> warn_;
  std::vector<Fields> fields_;
  std::unordered_map<std::string, std::vector<Channel>, Hash, std::equal_to<>> channels_;  // unseen, by device
  std::size_t channels_missed_ = 0;
  std::optional<DurationNs> first_monotonic_;
  DurationNs channels_due_ = 0;  // when the channels are gone through again

  mutable std::mutex mutex_;
  Counts counts_;
};

}  // namespace stethos::edge
