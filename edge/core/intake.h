// From messages to arrivals: route, decode, check, follow the device's sequence, compute the statistics of blocks. What is
// refused becomes a dead letter. Intake knows nothing of windows, and Placing nothing of messages. One thread.
//
// One class in three files: intake.cc takes messages, channel_intake.cc what one has for a channel, and block_intake.cc blocks.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "edge/config/edge_config.h"
#include "edge/core/arrival.h"
#include "edge/core/copies.h"
#include "edge/core/effect.h"
#include "edge/core/joined_blocks.h"
#include "edge/core/letters.h"
#include "edge/core/redeliveries.h"
#include "edge/core/registry.h"
#include "edge/core/saved_state.h"
#include "edge/ingest/decoder.h"
#include "edge/ingest/message.h"
#include "edge/window/block_plans.h"
#include "edge/window/shaft_speeds.h"
#include "gpu_kernels/backend.h"

namespace stethos::edge {

// What a device is told once the batch is committed.
struct OutgoingAck {
  std::string topic;
  std::vector<std::uint8_t> payload;
};

// A message that is handled though its sequence is not followed.
struct HandledAlone {
  std::string device;
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
  std::uint64_t lowest_held = 0;
};

// Takes what is heard, to be replayed: each decoded message before anything is done with it but to leave out what a broker
// delivered again.
class Recorder {
 public:
  virtual ~Recorder() = default;
  virtual void take(const DecodedMessage& message, const Message& arrived) = 0;
};

// Looks at each message that has come, but for copies, and at what was decoded of it: nothing where it was refused or ignored.
class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void look(const Message& message, std::span<const DecodedMessage> decoded) = 0;
};

// A block that statistics of single blocks are computed of: an analysis block where blocks are joined. What it points to is good
// for the call.
struct WatchedBlock {
  std::string_view device;
  std::string_view channel;
  const BlockPlan& plan;
  const kernels::BlockView& samples;
  TimeNs start_ns = 0;
  ShaftSpeed speed;  // before it is estimated
  // Of those of its stream, from 1, since that was added to the registry, in which the machine did not stand: at a speed of 0
  // nothing is looked for. 0: it stands.
  std::uint64_t nth = 0;
};

class BlockWatcher {
 public:
  virtual ~BlockWatcher() = default;
  virtual void look(const WatchedBlock& block) = 0;
  // Once a stream: its blocks are to be joined, and again and again no analysis block has come of them. `why`: a sentence.
  virtual void look_unjoined(std::string_view device, std::string_view channel, const std::string& why) = 0;
};

class Intake {
 public:
  // How many windows and silences of a stream get their rows if its watermarks advance to there, about: Placing knows.
  using RowsDue = std::function<std::uint64_t(StreamId, TimeNs)>;

  // All but `saved` must outlive it. `definitions`: of windows.
  Intake(const EdgeConfig& config, const PointTable& points, const std::vector<WindowDefinition>& definitions, BlockPlans& plans,
         std::unique_ptr<kernels::StatisticsBackend> backend, Letters& letters, const Forgetting& forgetting,
         Remembered& remembered, RowsDue rows_due, const SavedState& saved);

  void set_recorder(Recorder& recorder) { recorder_ = &recorder; }
  void set_watcher(Watcher& watcher) { watcher_ = &watcher; }
  void set_watcher(BlockWatcher& watcher) { block_watcher_ = &watcher; }

  // Takes messages from the front of the batch and returns how many: all, or fewer where what they may bring forth is enough for
  // one commit, but one at least. `arrivals` is filled; what Intake remembers is noted in `effect`.
  Result<std::size_t> take(std::span<const Message> batch, Arrivals& arrivals, Effect& effect);

  // After Placing: forgets the streams that `effect` forgets, and devices.
  void forget(Effect& effect);

  // Whether the message has no time but that of its arrival: its payload has none.
  bool is_stamped_by_arrival(const Message& message);
  // Hashes of the last messages that their broker may deliver again, of so many at most, oldest first.
  std::vector<std::uint64_t> may_return(std::size_t count) const { return redeliveries_.latest(count); }

  // How many samples of each stream the last batch brought, in whatever state: what Placing must account for.
  const std::unordered_map<StreamId, std::uint64_t>& samples_decoded() const { return samples_decoded_; }

  // For the devices that the last batch heard from, and of messages that were refused as a whole.
  std::vector<OutgoingAck> acknowledgements() const;

  std::string backend_variant() const { return backend_->variant(); }
  std::size_t device_count() const { return registry_.device_count(); }
  std::size_t stream_count() const { return registry_.stream_count(); }

 private:
  void take_message(const Message& message, std::size_t index);
  void take_decoded(const Message& message, std::size_t index);
  std::expected<void, Rejection> decode(const Message& message);
  void give_up(const CrowdedOut& crowded_out, std::size_t index);
  void set_aside(const Message& message, std::size_t index, std::string_view device);
  Device* device_of(const Message& message, std::size_t index);
  bool may_take_place(const Message& message) const;
  void refuse_stranger(const Message& message, std::size_t index);
  void refuse_too_much(std::size_t index);
  void tell_of_this_one();
  void expect_rows_of(StreamId stream, TimeNs watermark_ns);
  bool can_judge(const Message& message) const;
  TimeNs judged_by(const Message& message) const;
  bool is_in_future(const Message& message, TimeNs time_ns) const;
  Rejection too_far_ahead(const Message& message, std::string_view what, TimeNs time_ns) const;
  bool follow_sequence(const Message& message, std::size_t index, Device& device);
  void note_gaps(const Device& device);
  void count_duplicates(Device& device);
  void take_channel(const Message& message, std::size_t index, Device& device, const Origin& origin,
                    const DecodedChannel& channel);
  std::optional<Rejection> check_channel(const Message& message, const DecodedChannel& channel) const;
  std::expected<ChannelRoute*, Rejection> route_for(Device& device, const DecodedChannel& channel, const PointEntry* entry);
  void refuse_channel(std::size_t index, Device& device, const DecodedChannel& channel, const Rejection& rejection);
  std::uint64_t tell(ChannelRoute& route, const Device& device, const PointEntry* entry);
  void take_block(ChannelRoute& route, const Device& device, const Source& source, const PointEntry* entry,
                  const DecodedChannel& channel, bool is_put_through);
  void compute_later(kernels::BlockView block, const BlockPlan& plan, const ShaftSpeed& speed);
  void join(ChannelRoute& route, const Device& device, const BlockPlan& plan, const PointEntry* entry, const JoinableBlock& block,
            bool is_alone);
  void watch(ChannelRoute& route, const Device& device, const BlockPlan& plan, kernels::BlockView block, TimeNs start_ns,
             const ShaftSpeed& speed);
  void tell_unjoined(ChannelRoute& route, const Device& device, const std::string& why);
  void note_joined();
  void take_readings(ChannelRoute& route, const Device& device, const Source& source, const DecodedChannel& channel);
  void leave_unplaced(Device& device, const DecodedChannel& channel, Unplaced how);
  void leave_unplaced(StreamId stream, Unplaced how, std::uint64_t samples);
  Status compute();

  const EdgeConfig& config_;
  const PointTable& points_;
  const std::vector<WindowDefinition>& definitions_;
  BlockPlans& plans_;
  const std::unique_ptr<kernels::StatisticsBackend> backend_;
  Letters& letters_;
  const Forgetting& forgetting_;
  const RowsDue rows_due_of_;
  std::vector<std::unique_ptr<Decoder>> decoders_;  // one a subscription
  std::vector<std::unique_ptr<Decoder>> lookers_;  // as decoders_; null: not needed yet
  KeptBytes kept_bytes_;
  Registry registry_;
  ShaftSpeeds speeds_;
  Redeliveries redeliveries_;
  ExpectedCopies expected_copies_;  // as in SavedState
  Recorder* recorder_ = nullptr;  // null: none
  Watcher* watcher_ = nullptr;  // null: none
  BlockWatcher* block_watcher_ = nullptr;

  // Of the batch at hand.
  Arrivals* arrivals_ = nullptr;
  Effect* effect_ = nullptr;
  std::vector<DecodedMessage> decoded_messages_;  // of the message at hand: one for each device that it speaks of
  DecodedMessage decoded_;  // the one at hand
  std::vector<kernels::BlockView> blocks_;
  std::vector<kernels::BlockStatistics> results_;
  std::vector<AnalysisBlock> cut_;  // of the block at hand
  std::deque<std::vector<std::uint8_t>> joined_memory_;  // of analysis blocks that are no part of one that came
  std::vector<std::pair<StreamId, JoinedBlocks*>> joined_;  // in which something was joined; one may be there more than once
  std::unordered_map<StreamId, std::uint64_t> samples_decoded_;
  std::optional<Rejection> too_much_;  // why nothing of the message at hand is taken, if it may bring forth too much
  std::uint64_t rows_expected_ = 0;  // at most, of what was taken; what costs as much is counted as one
  std::unordered_map<StreamId, std::uint64_t> rows_due_;  // of these, those of what a stream had before the batch
  std::vector<std::pair<Device*, std::uint64_t>> heard_;  // device and epoch
  std::vector<HandledAlone> handled_alone_;
  std::vector<SequenceGap> gaps_;
};

}  // namespace stethos::edge
