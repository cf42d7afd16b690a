// Event time of the streams: which windows a sample belongs to, when their rows are sent, when nothing may change them.
//
// The watermark of a stream is the highest event time less the delay, or what its device declared complete. A window is
// final once the watermark has reached its end, and is sent again (revision + 1) for what still comes within the lateness;
// later arrivals are late. A clock that had jumped ahead and came back would leave its stream late for as long: after
// `rebase_after` arrivals in a row, all within what the stream had jumped over, the watermark goes back to them.
//
// Of a stream that is due to speak (its interval is declared) the last pane on a grid that nothing can change any more stays:
// from it to the next one the windows are counted that are missing.
//
// Rows are decided sample by sample in arrival order and by the watermark alone, so where a batch ends changes nothing; only
// what an idle stream sends depends on the time of day. Pure state; one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edge/core/arrival.h"
#include "edge/core/effect.h"
#include "edge/window/window_row.h"

namespace stethos::edge {

inline constexpr TimeNs time_max = std::numeric_limits<TimeNs>::max();

// A definition that a stream is cut by.
struct Followed {
  const WindowDefinition* definition = nullptr;
  Panes* panes = nullptr;
  TimeNs unsettled_ns = time_min;  // windows that start before it have been sent, final and whole
  TimeNs due_ns = time_max;        // the watermark at which a row is due or a pane may go
};

// A stream and what the windower keeps beside it.
struct StreamRecord {
  Stream state;
  DurationNs interval_ns = 0;            // expected between its blocks or readings; 0: not declared
  std::uint64_t block_length = 1;        // expected samples in each
  double plausible_min = -kernels::magnitude_max;
  double plausible_max = kernels::magnitude_max;
  std::vector<Followed> followed;
  TimeNs due_ns = time_max;              // the earliest of those it follows
  std::uint64_t changes = 0;             // of its panes
  std::uint64_t changes_when_idle = 0;   // of which all was sent when it was idle last
  bool silence_begins_anew = false;      // last_received_ns is when that was said, not when anything came
  bool dirty = false;
  std::vector<PaneKey> touched;
  std::uint64_t samples_balanced = 0;    // of its counts: as many as the books of all batches before say
  SampleCounts summed;                   // of its counts, what is in the windower's sum
};

// Samples of one stream that belong together: a block, or one reading.
struct Samples {
  TimeNs time_ns = 0;  // a block belongs where it starts
  kernels::Moments moments;
  const BlockPlan* plan = nullptr;  // null: a reading; else what `block` holds
  kernels::BlockStatistics block;
  ShaftSpeed speed;                 // that its statistics were computed for
  Origin origin;
  TimeNs received_ns = 0;
  bool clock_untrusted = false;     // received_ns is by a clock that was not known to be right

  std::uint64_t count() const { return moments.count + moments.not_finite + moments.out_of_range; }
};

// What became of an arrival.
enum class Placed : std::uint8_t { placed, late };

// A window of a stream that has become final, in the order of its stream's time: not what late data make of one that was
// passed already.
struct FinalWindow {
  StreamRecord* stream = nullptr;
  const WindowDefinition* definition = nullptr;
  TimeNs start_ns = 0;
  kernels::Moments moments;
  BlockSummary blocks;
};

struct TimeRules {
  DurationNs watermark_delay_ns = 0;
  DurationNs lateness_ns = 0;
  DurationNs idle_timeout_ns = 0;  // 0: never
  DurationNs future_max_ns = 0;
  std::uint64_t rebase_after = 0;  // 0: never
};

class Windower {
 public:
  // `former`: definitions of panes that a program with another configuration left.
  Windower(std::vector<WindowDefinition> definitions, const std::vector<WindowDefinition>& former, const TimeRules& rules);
  // What rows call the parameters of statistics; must outlive this. Without, they have none.
  void set_parameters(const Parameters& parameters) { parameters_ = &parameters; }

  const std::vector<WindowDefinition>& definitions() const { return definitions_; }
  void set_provenance(std::uint64_t provenance) { provenance_ = provenance; }
  void set_generation(std::uint32_t generation) { generation_ = generation; }

  // Call before anything else is done with a stream, and when its quantity has changed.
  void adopt(StreamRecord& stream);

  // What is changed is noted in `effect` by collect_changes.
  Placed add(StreamRecord& stream, const Samples& samples, TimeNs now_ns, Effect& effect);
  void advance(StreamRecord& stream, TimeNs watermark_ns, TimeNs now_ns, Effect& effect);
  void count_unplaced(StreamRecord& stream, Unplaced how, std::uint64_t samples);

  // How long the stream has been silent is measured from now on: by what the clock showed before it cannot be told.
  static void begin_silence_anew(StreamRecord& stream, TimeNs now_ns);

  // Sends what a silent stream has, marked open, without moving its watermark.
  void send_if_idle(StreamRecord& stream, TimeNs now_ns, Effect& effect);

  // Reports a stream that is due to speak and has missed a whole window, by the time of day. What was missed exactly follows
  // when it has spoken again and nothing can come in between any more.
  void report_if_silent(StreamRecord& stream, TimeNs now_ns, Effect& effect);

  // Sends and removes the panes of definitions that are no longer configured.
  void retire_former(StreamRecord& stream, TimeNs now_ns, Effect& effect);
  // All of them, where the stream has become another quantity or unit: until the windows that were open would have ended,
  // what comes is late, for they have been sent.
  void retire_all(StreamRecord& stream, TimeNs now_ns, Effect& effect);

  // Whether anything at `time` is late now: nothing of it needs to be remembered.
  bool is_past(const StreamRecord& stream, TimeNs time) const;

  void mark_dirty(StreamRecord& stream) { mark(stream); }
  // Since the last collect_changes.
  const std::vector<StreamRecord*>& changed_streams() const { return dirty_; }
  // Of all streams together, as of the last collect_changes.
  const SampleCounts& samples() const { return samples_; }
  // Since the last call. Streams stay what they are until these windows have been looked at.
  std::vector<FinalWindow> take_final() { return std::exchange(final_, {}); }
  // Moves the changes since the last call into `effect`.
  void collect_changes(Effect& effect);

 private:
  bool is_settled(const Stream& stream, TimeNs start, TimeNs end) const;
  bool was_settled(const Stream& stream, TimeNs start, TimeNs end) const;
  bool accepts(const Stream& stream, const Followed& followed, TimeNs time) const;
  bool accepts_somewhere(const StreamRecord& stream, TimeNs time) const;
  bool follow_late_run(StreamRecord& stream, TimeNs time, TimeNs now_ns, Effect& effect) const;
  static void note_clock(const Stream& stream, schema::EventKind kind, DurationNs by, TimeNs now_ns, Effect& effect);
  void rebase(StreamRecord& stream, TimeNs time, TimeNs now_ns, Effect& effect) const;
  void withdraw_jumped(const StreamRecord& stream, const Followed& followed, TimeNs now_ns, Effect& effect) const;
  void note_jump(Stream& stream, TimeNs time) const;

  void place(StreamRecord& stream, Followed& followed, const Samples& samples, TimeNs now_ns, Effect& effect);
  void place_on_grid(StreamRecord& stream, Followed& followed, const Samples& samples, TimeNs now_ns, Effect& effect);
  void place_in_session(StreamRecord& stream, Followed& followed, const Samples& samples, TimeNs now_ns, Effect& effect);
  void place_in_count(StreamRecord& stream, Followed& followed, const Samples& samples, TimeNs now_ns, Effect& effect);
  void fill(StreamRecord& stream, Followed& followed, TimeNs start, Pane& pane, const Samples& samples);
  // The pane has changed: the watermark will see that the windows that hold it are sent.
  void expect_row(StreamRecord& stream, Followed& followed, TimeNs start, Pane& pane);

  TimeNs revision_due(const WindowDefinition& definition, TimeNs window, TimeNs watermark) const;

  // Sends what is due, and what is open as well if `open_too`; removes panes that nothing can change any more.
  void sweep(StreamRecord& stream, Followed& followed, bool open_too, TimeNs now_ns, Effect& effect);
  void sweep_grid(StreamRecord& stream, Followed& followed, bool open_too, TimeNs now_ns, Effect& effect);
  template <class Visit>
  static void for_each_window(const Followed& followed, TimeNs from, Visit visit);
  static bool needs_row(const Followed& followed, TimeNs start, TimeNs end, bool ended);
  void send_if_changed(StreamRecord& stream, const Followed& followed, TimeNs start, TimeNs end, bool ended, TimeNs now_ns,
                       Effect& effect);
  static Panes::iterator leaves_with(const StreamRecord& stream, const Followed& followed);
  TimeNs over_at(const StreamRecord& stream, const Followed& followed) const;
  void drop_settled(StreamRecord& stream, Followed& followed, TimeNs now_ns, Effect& effect);
  static bool reports_silence(const StreamRecord& stream, const Followed& followed);
  void settle_silence(StreamRecord& stream, const Followed& followed, Panes::iterator from, Panes::iterator to, TimeNs now_ns,
                      Effect& effect);
  void settle_silence_before(StreamRecord& stream, Followed& followed, TimeNs slice, TimeNs now_ns, Effect& effect);
  void emit_silence(const StreamRecord& stream, const WindowDefinition& definition, TimeNs first_start, std::uint64_t windows,
                    schema::WindowState state, TimeNs now_ns, Effect& effect) const;
  TimeNs first_unsettled(const Stream& stream, const Followed& followed) const;
  TimeNs due_of(const StreamRecord& stream, const Followed& followed) const;
  void retire(StreamRecord& stream, Followed& followed, TimeNs now_ns, Effect& effect);

  void sum_up(StreamRecord& stream);
  void count_in_newest(StreamRecord& stream, Followed& followed, Unplaced how, std::uint64_t samples);
  void mark(StreamRecord& stream);
  void touch(StreamRecord& stream, const PaneKey& key);
  void emit(const StreamRecord& stream, const WindowDefinition& definition, TimeNs start, const Pane& whole,
            schema::WindowState state, TimeNs now_ns, Effect& effect) const;

  const std::vector<WindowDefinition> definitions_;
  const std::vector<WindowDefinition> former_;  // less those that are configured
  const TimeRules rules_;
  const Parameters* parameters_ = nullptr;
  std::uint64_t provenance_ = 0;
  std::uint32_t generation_ = 0;
  SampleCounts samples_;
  std::vector<StreamRecord*> dirty_;
  std::vector<const Pane*> to_merge_;
  std::vector<FinalWindow> final_;
  // While a watermark advances: where it was. Windows that end after it are passed now.
  TimeNs passed_ns_ = time_max;
};

}  // namespace stethos::edge
