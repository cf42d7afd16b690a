// The edge's state machine: (state, batch of messages, now) -> (new state, rows to write, things to send). It calls no
// clock, socket or file, and is therefore the same code live, in replay and in simulation. An empty batch is the tick that
// lets time pass. One thread.
//
// Per message, in order: decode, check, follow its device's sequence, place its samples. The statistics of blocks are computed
// for the whole batch at once, since they depend on nothing else; so are limits watched, which depend on windows alone.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "edge/config/edge_config.h"
#include "edge/detect/detector.h"
#include "edge/ingest/decoder.h"
#include "edge/ingest/message.h"
#include "edge/ingest/point_table.h"
#include "edge/spool/spool.h"
#include "edge/window/block_plans.h"
#include "edge/window/shaft_speeds.h"
#include "edge/window/windower.h"
#include "gpu_kernels/backend.h"

namespace stethos::edge {

// What a device is told once the batch is committed.
struct OutgoingAck {
  std::string topic;
  std::vector<std::uint8_t> payload;
};

// Takes what a core hears, to be replayed: each decoded message before anything is done with it but to leave out what a broker
// delivered again.
class Recorder {
 public:
  virtual ~Recorder() = default;
  virtual void take(const DecodedMessage& message, TimeNs received_ns) = 0;
};

class Core {
 public:
  // `saved` is what the spool holds; `source` is "live" or the name of a recording. The configuration has been checked.
  Core(const EdgeConfig& config, std::uint64_t config_hash, PointTable points,
       std::unique_ptr<kernels::StatisticsBackend> backend, SavedState saved, std::string_view source);

  // Must outlive the core.
  void set_recorder(Recorder& recorder) { recorder_ = &recorder; }
  // Of the rows of windows: higher than what they replace.
  void set_generation(std::uint32_t generation) { windower_.set_generation(generation); }

  // The effect is good until the next call. It must be committed before the acknowledgements are sent.
  Result<Effect*> process(std::span<const Message> batch, TimeNs now_ns);

  // For the devices that the last batch heard from.
  std::vector<OutgoingAck> acknowledgements() const;

  const Totals& totals() const { return totals_; }
  // Of all streams together.
  const SampleCounts& samples() const { return windower_.samples(); }
  std::size_t stream_count() const { return streams_.size(); }
  std::size_t device_count() const { return devices_.size(); }
  // How far event times are from when they came, of the newest of each stream, the farthest; 0: none is on that side.
  DurationNs behind_max() const { return behind_max_; }
  DurationNs ahead_max() const { return ahead_max_; }
  // What rows call the parameters of statistics.
  const Parameters& parameters() const { return parameters_; }
  // What a row may show, by statistic and parameter.
  std::vector<std::pair<std::uint16_t, std::uint16_t>> shown_statistics() const;
  // Active alarms.
  std::size_t alarm_count(schema::AlarmLevel level) const;

 private:
  struct Device {
    std::string name;
    SequenceTracker sequences;
    bool any_order = true;  // its messages need not be taken in their order
    std::vector<StreamRecord*> streams;
  };

  // What a message leaves for the second pass.
  struct Step {
    StreamRecord* stream = nullptr;
    const PointEntry* entry = nullptr;  // null: the stream describes itself
    std::size_t message = 0;
    Origin origin;
    TimeNs time_ns = 0;
    std::size_t block = no_block;       // index into blocks_
    const BlockPlan* plan = nullptr;    // what is computed of the block, which another entry may change for the next
    ShaftSpeed speed;                   // of the block
    double reading = 0;                 // where there is no block
    std::optional<std::uint64_t> identity;
    Device* complete = nullptr;         // instead of all that: the device's streams are complete until time_ns
    std::uint64_t unplaced = 0;         // or: so many of the stream's samples go into no window
    Unplaced how = Unplaced::duplicate;
    static constexpr std::size_t no_block = static_cast<std::size_t>(-1);
  };

  void restore(SavedState saved);
  void name_parameters();
  void look_at_idle();
  void settle();
  void take(const Message& message, std::size_t index);
  void set_aside(const Message& message, std::string_view device);
  bool is_redelivery(const Message& message);
  bool follow_sequence(const Message& message, Device& device);
  void note_gaps(const Device& device);
  void take_channel(const Message& message, std::size_t index, Device& device, const Origin& origin,
                    const DecodedChannel& channel);
  std::optional<Rejection> check_channel(const Message& message, const DecodedChannel& channel) const;
  std::expected<Device*, Rejection> device_for(std::string_view name);
  Device& make_device(const std::string& name);
  std::expected<StreamRecord*, Rejection> stream_for(Device& device, const DecodedChannel& channel, const PointEntry* entry);
  const BlockPlan* plan_for(StreamRecord& stream, const PointEntry* entry, const DecodedChannel& channel);
  void describe(StreamRecord& stream, const PointEntry& entry);
  void describe_by_itself(StreamRecord& stream);
  void place(const Step& step, std::span<const Message> batch);
  // Asked before each letter of a step: one a message, stream and reason, however many of its readings are refused.
  bool has_no_letter(const Step& step, Reason reason);
  bool is_repeated(const Step& step, const Message& message);
  void forget_identities(StreamRecord& stream);
  void count_duplicates(Device& device);
  void count_unplaced(StreamRecord& stream, Unplaced how, std::uint64_t samples);
  // `channel`: the one that was refused, if it was just one.
  void reject(const Message& message, Rejection rejection, std::string_view device, std::string_view channel = {});
  void detect();

  StreamRecord* find_stream(const Device& device, std::string_view channel) const;

  const EdgeConfig config_;
  const PointTable points_;
  const std::unique_ptr<kernels::StatisticsBackend> backend_;
  std::vector<std::unique_ptr<Decoder>> decoders_;  // one a subscription
  Windower windower_;
  BlockPlans plans_;
  Parameters parameters_;
  ShaftSpeeds speeds_;
  Detector detector_;

  std::unordered_map<std::string, std::unique_ptr<Device>> devices_;
  std::vector<std::unique_ptr<StreamRecord>> streams_;
  Totals totals_;
  std::vector<std::uint64_t> may_return_;  // as in SavedState
  std::ptrdiff_t returned_ = 0;            // so many of them have returned on this connection, or will not any more
  std::uint64_t connection_ = 0;
  Recorder* recorder_ = nullptr;  // null: none
  std::uint64_t provenance_ = 0;
  std::vector<std::uint8_t> provenance_row_;  // until it is sent
  TimeNs idle_scan_due_ns_ = 0;
  DurationNs behind_max_ = 0;
  DurationNs ahead_max_ = 0;
  bool settled_ = false;  // the first batch also settles what was restored

  // Of the batch at hand.
  Effect effect_;
  TimeNs now_ns_ = 0;
  std::string device_key_;
  DecodedMessage decoded_;
  std::vector<kernels::BlockView> blocks_;
  std::vector<kernels::BlockStatistics> results_;
  std::vector<Step> steps_;
  std::vector<std::pair<Device*, std::uint64_t>> heard_;  // device and epoch
  std::vector<SequenceGap> gaps_;
  std::array<std::pair<std::size_t, const StreamRecord*>, reason_count> last_letters_{};  // message and stream, by reason
  std::size_t letter_bytes_ = 0;
};

}  // namespace stethos::edge
