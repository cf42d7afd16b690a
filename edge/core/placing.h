// From arrivals to effects: what a stream is, which windows its samples go into, identities, silences, alarms. Placing knows
// nothing of messages beyond their place in the batch, which a dead letter names. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "edge/config/edge_config.h"
#include "edge/core/arrival.h"
#include "edge/core/effect.h"
#include "edge/core/forgetting.h"
#include "edge/core/letters.h"
#include "edge/core/saved_state.h"
#include "edge/detect/detector.h"
#include "edge/window/block_plans.h"
#include "edge/window/windower.h"

namespace stethos::edge {

class Placing {
 public:
  // All but `former` must outlive it. `former`: definitions of the panes that an earlier run left.
  Placing(const EdgeConfig& config, Letters& letters, const PointTable& points, const Forgetting& forgetting,
          const std::vector<WindowDefinition>& former);

  // What an earlier run knew; before anything else is done. `samples_forgotten`: of streams that are not among these.
  void restore(std::vector<Stream> streams, const SampleCounts& samples_forgotten);

  // Of rows of windows: higher than what they replace.
  void set_generation(std::uint32_t generation) { windower_.set_generation(generation); }
  // What rows say of who made them.
  void set_provenance(std::uint64_t provenance);

  // Takes what a batch brought, and what time brings by itself; then fails if a stream's samples are not all accounted for.
  // `samples_decoded`: as Intake counted them.
  Status take(const Arrivals& arrivals, const std::unordered_map<StreamId, std::uint64_t>& samples_decoded, Effect& effect);

  // What is computed of blocks; Intake asks.
  BlockPlans& plans() { return plans_; }
  const std::vector<WindowDefinition>& definitions() const { return windower_.definitions(); }
  // What rows call the parameters of statistics.
  const Parameters& parameters() const { return parameters_; }
  // What a row may show, by statistic and parameter.
  std::vector<std::pair<std::uint16_t, std::uint16_t>> shown_statistics() const;
  // Of a stream, that get their rows with this watermark, about; 0: nothing has come of it yet.
  std::uint64_t rows_due(StreamId id, TimeNs watermark_ns) const;
  // Of all streams together, also those that are forgotten.
  const SampleCounts& samples() const { return windower_.samples(); }
  // How far event times are from when they came, of the newest of each stream, the farthest; 0: none is on that side.
  DurationNs behind_max() const { return behind_max_; }
  DurationNs ahead_max() const { return ahead_max_; }
  // Active alarms.
  std::size_t alarm_count(schema::AlarmLevel level) const;
  // Alarms, active or not, of which this level is provisional.
  std::size_t provisional_alarm_count(schema::AlarmLevel level) const;

 private:
  void name_parameters();
  void take_over();
  void note_trust();
  void look_at_idle();
  void detect();
  void settle_silences();
  void adopt(Stream stream, bool has_returned);
  void close(StreamRecord& stream);
  StreamRecord& stream_of(StreamId id) { return *streams_.at(id); }
  StreamRecord& speaking(StreamId id);

  void take_one(const StreamDescribed& described, const Arrivals& arrivals);
  void take_one(const BlockArrived& arrived, const Arrivals& arrivals);
  void take_one(const ReadingArrived& arrived, const Arrivals& arrivals);
  void take_one(const SamplesUnplaced& unplaced, const Arrivals& arrivals);
  void take_one(const DeviceComplete& complete, const Arrivals& arrivals);
  void send_stream_row(const PointEntry& entry);
  // Returns whether any window or, where no definition takes the stream, the stream itself took them.
  bool place(StreamRecord& stream, const Source& source, Samples& samples);

  bool is_repeated(StreamRecord& stream, const ReadingArrived& arrived);
  void remember(Stream& stream, const ReadingArrived& arrived);
  void forget_identities(StreamRecord& stream);
  void forget_early(Stream& stream);
  void forget_oldest_identity(Stream& stream);
  Status check_books(const std::unordered_map<StreamId, std::uint64_t>& samples_decoded);

  Letters& letters_;
  const PointTable& points_;
  const Forgetting& forgetting_;
  Windower windower_;
  BlockPlans plans_;
  Parameters parameters_;
  Detector detector_;
  std::map<StreamId, std::unique_ptr<StreamRecord>> streams_;
  std::vector<std::unique_ptr<StreamRecord>> leaving_;  // forgotten by the last batch, whose effect speaks of them
  std::size_t identity_count_ = 0;  // of all streams
  TimeNs idle_scan_due_ns_ = 0;
  DurationNs behind_max_ = 0;
  DurationNs ahead_max_ = 0;
  bool clock_trusted_ = true;    // in the batch before
  bool has_taken_over_ = false;  // the first batch also does what another configuration than that of the run before changes

  // Of the batch at hand.
  Effect* effect_ = nullptr;
  std::vector<Analysis> analyses_;  // of the block at hand
};

}  // namespace stethos::edge
