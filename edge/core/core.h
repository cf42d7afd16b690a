// The edge's state machine: (state, batch of messages, now) -> (new state, rows to write, things to send). It calls no clock,
// socket or file, and is therefore the same code live, in replay and in simulation. An empty batch is the tick that lets time
// pass.
//
// Intake makes arrivals of messages, and Placing makes an effect of arrivals. That each decoded sample is accounted for is
// checked after every batch. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "edge/config/edge_config.h"
#include "edge/core/effect.h"
#include "edge/core/forgetting.h"
#include "edge/core/intake.h"
#include "edge/core/letters.h"
#include "edge/core/placing.h"
#include "edge/core/remembered.h"
#include "edge/core/saved_state.h"
#include "edge/ingest/message.h"
#include "edge/ingest/point_table.h"
#include "gpu_kernels/backend.h"

namespace stethos::edge {

class Core {
 public:
  // `saved` is what the spool holds, and `remembered`, which must outlive this, what is forgotten and still on record there;
  // `source` is "live" or the name of a recording. The configuration has been checked.
  Core(const EdgeConfig& config, std::uint64_t config_hash, PointTable points,
       std::unique_ptr<kernels::StatisticsBackend> backend, SavedState saved, Remembered& remembered, std::string_view source);

  // Both must outlive the core.
  void set_recorder(Recorder& recorder) { intake_.set_recorder(recorder); }
  void set_watcher(Watcher& watcher) { intake_.set_watcher(watcher); }
  void set_watcher(BlockWatcher& watcher) { intake_.set_watcher(watcher); }
  // Of the rows of windows: higher than what they replace.
  void set_generation(std::uint32_t generation) { placing_.set_generation(generation); }

  // Takes the first messages of the batch: all, or as many as one commit should hold (Effect::messages). The effect is good until
  // the next call, and must be committed before the acknowledgements are sent. After an error it must not be, and the core is not
  // to be used again: the backend failed, what is on record could not be asked for, or the books do not balance
  // (Code::unbalanced).
  // `clock_trusted`: now_ns is known to be right.
  Result<Effect*> process(std::span<const Message> batch, TimeNs now_ns, bool clock_trusted = true);

  // The clock was stepped, though it was known to be right: from the next batch on how long anything was silent is measured anew.
  void note_clock_step() { forgetting_.measure_anew(); }

  // Whether the message has no time but that of its arrival.
  bool is_stamped_by_arrival(const Message& message) { return intake_.is_stamped_by_arrival(message); }

  // Has the effect hold all the messages that may be delivered again, and not the last of them alone: no process will go on
  // remembering the others.
  void keep_all_that_may_return(Effect& effect) const;

  // For the devices that the last batch heard from.
  std::vector<OutgoingAck> acknowledgements() const { return intake_.acknowledgements(); }

  const Totals& totals() const { return totals_; }
  std::size_t stream_count() const { return intake_.stream_count(); }
  std::size_t device_count() const { return intake_.device_count(); }

  // As Placing says them.
  const SampleCounts& samples() const { return placing_.samples(); }
  DurationNs behind_max() const { return placing_.behind_max(); }
  DurationNs ahead_max() const { return placing_.ahead_max(); }
  const Parameters& parameters() const { return placing_.parameters(); }
  std::vector<std::pair<std::uint16_t, std::uint16_t>> shown_statistics() const { return placing_.shown_statistics(); }
  std::size_t alarm_count(schema::AlarmLevel level) const { return placing_.alarm_count(level); }
  // Alarms, active or not, of which this level is provisional.
  std::size_t provisional_alarm_count(schema::AlarmLevel level) const { return placing_.provisional_alarm_count(level); }

 private:
  const EdgeConfig config_;
  const PointTable points_;
  Totals totals_;
  Letters letters_;
  Forgetting forgetting_;
  Placing placing_;
  Intake intake_;
  std::uint64_t provenance_ = 0;
  std::vector<std::uint8_t> provenance_row_;  // until it is sent
  Arrivals arrivals_;
  Effect effect_;
};

}  // namespace stethos::edge
