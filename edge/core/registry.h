// Who speaks, and where what they say goes: devices by name, their channels with the stream of each, and topics with the
// subscription that takes them. Each is looked up once and then remembered, within bounds, until it has not spoken for long: then
// it is forgotten, and what is on record of it is asked for when it speaks again. Intake's; one thread.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "edge/config/edge_config.h"
#include "edge/core/arrival.h"
#include "edge/core/contents.h"
#include "edge/core/effect.h"
#include "edge/core/forgetting.h"
#include "edge/core/joined_blocks.h"
#include "edge/core/known_topics.h"
#include "edge/core/rejection.h"
#include "edge/core/remembered.h"
#include "edge/core/saved_state.h"
#include "edge/core/sequence_tracker.h"
#include "edge/ingest/point_table.h"

namespace stethos::edge {

// A channel that has a stream.
struct ChannelRoute {
  std::string channel;
  StreamId stream = 0;
  const std::vector<PointEntry>* entries = nullptr;  // of the point table; null: it has none of this channel
  // What the stream is called where no entry is valid, and the epoch of its device in which that was said: 0 where the
  // configuration says it. Nothing: the configuration of an earlier run said it, and this one does not.
  std::string quantity;
  std::string unit;
  std::optional<std::uint64_t> described_in_epoch;
  // The version of what Placing was told last of the stream, in this run of the process; nothing: it has not been told.
  std::optional<std::uint64_t> told_version;
  std::optional<std::uint64_t> told_epoch;  // and its described_in_epoch then
  std::optional<PlanId> plan;  // of its last block
  std::uint64_t planned_version = 0;  // of what the stream was then
  Cutting cutting;  // of the plan, at `cutting_hz`
  double cutting_hz = 0;
  std::unique_ptr<JoinedBlocks> joined;  // null: nothing is kept
  std::uint64_t blocks_turning = 0;  // as nth of WatchedBlock
  unsigned ended_in_vain = 0;  // joins in a row of which no analysis block had come, up to as many as are told
};

struct Device {
  std::string name;
  SequenceTracker sequences;
  Contents contents;
  bool any_order = true;  // its messages need not be taken in their order
  std::optional<TimeNs> heard_ns;  // as in DeviceSequences
  std::vector<ChannelRoute> channels;

  // Null: the channel has no stream.
  ChannelRoute* find(std::string_view channel);
};

class Registry {
 public:
  // All must outlive it. `definitions`: of windows.
  Registry(const EdgeConfig& config, const PointTable& points, const std::vector<WindowDefinition>& definitions,
           const Forgetting& forgetting, Remembered& remembered);

  // What an earlier run knew. `kept_bytes`: for JoinedBlocks.
  void restore(const SavedState& saved, KeptBytes& kept_bytes);

  // Streams that are spoken of from now on, and were forgotten, are added to `returned`.
  void begin_batch(std::vector<Stream>& returned);
  // An error: what is on record could not be asked for, and the batch came to nothing.
  const Status& asked() const { return asked_; }
  // Since the batch began; each has sequences.
  const std::vector<Device*>& returned_devices() const { return returned_devices_; }
  // Forgets the streams that `effect` forgets, and devices that are due; they are good until the next batch begins.
  void forget(Effect& effect);

  // As KnownTopics.
  std::optional<std::size_t> subscription_of(std::string_view topic) { return topics_.subscription_of(topic); }

  // Null: it is not known.
  Device* find_device(std::string_view name);
  // One that is not known takes a place.
  std::expected<Device*, Rejection> device_for(std::string_view name);
  // Null: the channel has no stream, nor had one that is on record.
  ChannelRoute* find_channel(Device& device, std::string_view channel);
  // Of a device of this registry. What the message says of the channel has been checked.
  std::expected<ChannelRoute*, Rejection> add_channel(Device& device, std::string_view channel);
  const std::vector<PointEntry>* entries_of(const Device& device, std::string_view channel) const;

  std::size_t device_count() const { return devices_.size(); }
  std::size_t stream_count() const { return stream_count_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  bool is_declared(const Stream& stream) const;
  Device& make_device(std::string_view name);
  ChannelRoute& make_channel(Device& device, std::string_view channel, StreamId stream);

  const EdgeConfig& config_;
  const PointTable& points_;
  const std::vector<WindowDefinition>& definitions_;
  const Forgetting& forgetting_;
  Remembered& remembered_;
  KnownTopics topics_;
  std::unordered_map<std::string, std::unique_ptr<Device>, Hash, std::equal_to<>> devices_;
  std::size_t stream_count_ = 0;
  StreamId last_stream_ = 0;
  TimeNs scan_due_ns_ = 0;

  // Of the batch at hand.
  std::vector<Stream>* returned_ = nullptr;
  std::vector<Device*> returned_devices_;
  std::vector<std::unique_ptr<Device>> leaving_;
  Status asked_;
};

}  // namespace stethos::edge
