// Event time of the streams: which window a sample belongs to, whether it comes too late, when a window is closed.
//
// The watermark of a stream is the highest event time less the delay, or what its device declared complete, and never
// goes back. A window is final once the watermark has reached its end; what comes for it later is late. Everything here
// happens sample by sample in arrival order, so where a batch ends changes nothing. Pure state; one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "edge/spool/spool.h"
#include "edge/window/definition.h"
#include "edge/window/state.h"
#include "edge/window/window_row.h"

namespace stethos::edge {

// A stream and what the windower keeps beside it.
struct StreamRecord {
  Stream state;
  DurationNs interval_ns = 0;            // expected between its blocks or readings; 0: not declared
  std::uint64_t block_length = 1;        // expected samples in each
  double plausible_min = -std::numeric_limits<double>::infinity();
  double plausible_max = std::numeric_limits<double>::infinity();
  std::vector<std::size_t> definitions;  // indices of those that take it
  TimeNs next_close_ns = 0;              // the earliest end of its panes
  bool dirty = false;
  std::vector<PaneKey> touched;
};

// Samples of one stream that belong together: a block, or one reading.
struct Arrival {
  TimeNs time_ns = 0;  // a block belongs where it starts
  kernels::Moments moments;
  Origin origin;
  TimeNs received_ns = 0;

  std::uint64_t samples() const { return moments.count + moments.not_finite + moments.out_of_range; }
};

enum class Unplaced : std::uint8_t { duplicate, late, rejected };

class Windower {
 public:
  Windower(std::vector<WindowDefinition> definitions, DurationNs watermark_delay_ns, DurationNs idle_timeout_ns);

  void set_provenance(std::uint64_t provenance) { provenance_ = provenance; }

  // Call before anything else is done with a stream.
  void adopt(StreamRecord& stream) const;

  // What is changed is noted in `effect` by collect_changes.
  void add(StreamRecord& stream, const Arrival& arrival, TimeNs now_ns, Effect& effect);
  void advance(StreamRecord& stream, TimeNs watermark_ns, TimeNs now_ns, Effect& effect);
  void count_unplaced(StreamRecord& stream, Unplaced how, std::uint64_t samples);

  // Sends what a silent stream has, marked open, without moving its watermark.
  void send_if_idle(StreamRecord& stream, TimeNs now_ns, Effect& effect);

  // Sends and removes the panes that will not grow any more: of definitions that are no longer configured, or all, where the
  // stream has become another quantity or unit.
  void retire_unknown(StreamRecord& stream, TimeNs now_ns, Effect& effect);
  void retire_all(StreamRecord& stream, TimeNs now_ns, Effect& effect);

  // A reading whose time and identity may still come again lies within this of the watermark.
  DurationNs length_max_ns() const { return length_max_ns_; }

  void mark_dirty(StreamRecord& stream) { mark(stream); }
  // Moves the changes since the last call into `effect`.
  void collect_changes(Effect& effect);

 private:
  const WindowDefinition* definition_of(std::uint64_t id) const;
  Pane* newest_pane(StreamRecord& stream, std::uint64_t definition);
  void mark(StreamRecord& stream);
  void touch(StreamRecord& stream, const PaneKey& key);
  template <class Ended>
  void retire(StreamRecord& stream, TimeNs now_ns, Effect& effect, Ended ended);
  void close_ended(StreamRecord& stream, TimeNs now_ns, Effect& effect);
  void emit(const StreamRecord& stream, const PaneKey& key, const Pane& pane, schema::WindowState state, TimeNs now_ns,
            Effect& effect);

  const std::vector<WindowDefinition> definitions_;
  const DurationNs watermark_delay_ns_;
  const DurationNs idle_timeout_ns_;
  DurationNs length_max_ns_ = 0;
  std::uint64_t provenance_ = 0;
  std::vector<StreamRecord*> dirty_;
};

}  // namespace stethos::edge
