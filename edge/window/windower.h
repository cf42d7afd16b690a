// Event time of the streams: which windows a sample belongs to, when their rows are sent, when nothing may change them.
//
// Each definition has a watermark of its own in each stream: the highest event time less the delay, or what the device declared
// complete. A window is final once the watermark has reached its end, and is sent again (revision + 1) for what still comes
// within the lateness. After that the window is settled, and what comes for it is late. A clock that had jumped ahead and came
// back would leave its stream late for as long: after `rebase_after` samples in a row that are late for a definition, all within
// what the stream had jumped over, the definition's watermark goes back to them.
//
// A change of what the stream is cuts its event time into parts (edge/core/part.h). Windows end at a cut and begin anew there,
// and each row has the labels, the unit and the expected count of its part. Samples are given to the part that covers their time.
//
// Of a stream that is due to speak (its interval is declared) the last pane on a grid that nothing can change any more stays:
// from it to the next one the windows are counted that are missing.
//
// A definition that has left the configuration takes nothing more. What it has is sent when its time comes, as that of any other,
// and if it comes back before that it goes on with it.
//
// Rows are decided sample by sample in the order in which they came and by the watermark alone, so where a batch ends changes
// nothing; only what an idle stream sends depends on the time of day. Pure state; one thread.
//
// One class in several files: windower.cc takes samples, stream_clock.cc has the watermarks, parts.cc the cuts and what else is
// sent for good, grid_windows.cc, session_windows.cc and count_windows.cc place samples, due.cc says when rows are sent and panes
// leave, sending.cc does it, silences.cc counts what is missing, and absences.cc what a definition misses that is not configured.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "edge/core/arrival.h"
#include "edge/core/effect.h"
#include "edge/window/window_row.h"

namespace stethos::edge {

// A definition that takes samples of at least one part of a stream, or did.
struct Followed {
  const WindowDefinition* definition = nullptr;
  bool is_former = false;  // it is not configured any more, and takes nothing
  Panes* panes = nullptr;
  StreamClock* clock = nullptr;
  TimeNs unsent_from_ns = time_max;  // every window on the grid that starts before it has had its row
  std::set<TimeNs> unsent_sessions;  // the starts of those that have not had their last row
  TimeNs due_ns = time_max;  // the watermark at which a row is due or a pane may go
  std::uint64_t samples_accounted = 0;  // that went into its panes, or are counted beside them, since it is followed
};

// A stream and what the windower keeps beside it.
struct StreamRecord {
  Stream state;
  Description declared;  // of its next samples
  PointEntry declared_by;  // the entry that it is of
  std::optional<TimeNs> declared_from_ns;  // from when on that holds; nothing: it has no time of its own
  std::vector<Followed> followed;
  std::uint64_t changes = 0;  // of its panes
  std::uint64_t changes_when_idle = 0;  // of which all was sent when it was idle last
  bool silence_begins_anew = false;  // last_received_ns is when that was said, not when anything came
  bool dirty = false;
  std::vector<PaneKey> touched;
  std::uint64_t samples_balanced = 0;  // of its counts: as many as the books of all batches before say
  SampleCounts summed;  // of its counts, what is in the windower's sum
};

// The statistics of an analysis block.
struct Analysis {
  TimeNs block_ns = 0;  // the start of the block in which it begins: it belongs to the same windows
  TimeNs start_ns = 0;
  ShaftSpeed speed;  // that they were computed for
  std::span<const double> features;  // as in BlockStatistics
};

// Samples of one stream that belong together: a block, or one reading.
struct Samples {
  TimeNs time_ns = 0;  // a block belongs where it starts
  kernels::Moments moments;
  const BlockPlan* plan = nullptr;  // null: a reading; else what `block` holds
  kernels::BlockStatistics block;
  ShaftSpeed speed;  // that its statistics were computed for
  std::span<const Analysis> analyses;  // that end in the block, by time
  std::optional<TimeNs> kept_from_ns;  // the watermark goes no further: an analysis block may begin there
  Origin origin;
  TimeNs received_ns = 0;
  bool clock_untrusted = false;  // received_ns is by a clock that was not known to be right
  // Null: they come for the first time. Else they are put through again, and these definitions have counted them as late.
  const std::vector<std::uint64_t>* late_in = nullptr;

  std::uint64_t count() const { return moments.count + moments.not_finite + moments.out_of_range; }
};

// What became of samples. Late ones, and those in another unit, are counted as late.
enum class Placed : std::uint8_t {
  placed,
  late,  // no window of the stream can take them any more
  unit_differs,  // another quantity or unit than the stream had at their time, and not newer than all that it has had
};

struct Taken {
  Placed placed = Placed::placed;
  std::vector<std::uint64_t> late_in;  // the definitions that have counted them as late now
  bool begins_version = false;  // none of the stream's parts had this version before: its StreamRow must be sent
};

// What a limit sees of a window.
struct Seen {
  std::size_t limit = 0;  // its place among the detector's
  std::optional<double> value;  // of its statistic; nothing: the window is in another unit
};
// Of a window of the definition, whole; empty: no limit watches it.
using Watch = std::function<std::vector<Seen>(const Stream&, const WindowDefinition&, const Description&, const Pane&)>;

// A window on a grid as limits are held against it.
struct WatchedWindow {
  StreamRecord* stream = nullptr;
  const WindowDefinition* definition = nullptr;
  TimeNs start_ns = 0;
  std::uint64_t stream_version = 0;  // of its part
  std::vector<Seen> seen;  // one at least
};
// All windows of the definition that start before `at_ns` have been in the list; from there on the stream measures
// another quantity, or in another unit.
struct MeasureEnd {
  StreamRecord* stream = nullptr;
  const WindowDefinition* definition = nullptr;
  TimeNs at_ns = 0;
};
using Watched = std::variant<WatchedWindow, MeasureEnd>;

struct TimeRules {
  DurationNs watermark_delay_ns = 0;
  DurationNs lateness_ns = 0;
  DurationNs idle_timeout_ns = 0;  // 0: never
  DurationNs future_max_ns = 0;
  std::uint64_t rebase_after = 0;  // 0: never
};

class Windower {
 public:
  // `former`: those that the runs before knew, the latest first.
  Windower(std::vector<WindowDefinition> definitions, const std::vector<WindowDefinition>& former, const TimeRules& rules);
  // What rows call the parameters of statistics; must outlive this. Without, they have none.
  void set_parameters(const Parameters& parameters) { parameters_ = &parameters; }
  // Without, no window is watched.
  void set_watch(Watch watch) { watch_ = std::move(watch); }

  const std::vector<WindowDefinition>& definitions() const { return definitions_; }
  // Those, and the former ones that are remembered, the latest first.
  const std::vector<WindowDefinition>& remembered() const { return remembered_; }
  void set_provenance(std::uint64_t provenance) { provenance_ = provenance; }
  void set_generation(std::uint32_t generation) { generation_ = generation; }

  // Call before anything else is done with a stream. `expected`: what is expected of a stream whose parts are not known, for the
  // release before left it; its quantity, unit and version are those of the stream.
  void adopt(StreamRecord& stream, Description expected);

  // Takes samples under the description that the record declares for them. One that differs from that of the part which covers
  // their time cuts: at `declared_from_ns`, if the part holds nothing from there on, else at their own time, if they are newer
  // than all that the stream has had. Where neither is so they go to the part as it is, unless they are in another quantity or
  // unit. `declared_from_ns` is not after the samples. What is changed is noted in `effect` by collect_changes.
  // Samples that were late and are put through again go into each window that can take them now; of a definition that has counted
  // them as late they are recovered, and where it has no window for them they stay so counted. They say nothing of where the
  // stream's clock is. Where no window at all can take them they are late once more.
  Taken add(StreamRecord& stream, Samples samples, TimeNs now_ns, Effect& effect);
  // The device has said that nothing older than `watermark_ns` is to come. If it does come all the same, the stream goes back to
  // it as after a jump of its clock.
  void advance(StreamRecord& stream, TimeNs watermark_ns, TimeNs now_ns, Effect& effect);
  void count_unplaced(StreamRecord& stream, Unplaced how, std::uint64_t samples);

  // How long the stream has been silent is measured from now on: by what the clock showed before it cannot be told.
  static void begin_silence_anew(StreamRecord& stream, TimeNs now_ns);

  // Sends what a silent stream has, marked open, without moving its watermarks.
  void send_if_idle(StreamRecord& stream, TimeNs now_ns, Effect& effect);

  // Reports a stream that is due to speak and has missed a whole window, by the time of day. What was missed exactly follows
  // when it has spoken again and nothing can come in between any more.
  void report_if_silent(StreamRecord& stream, TimeNs now_ns, Effect& effect);

  // The stream is to be forgotten: sends what is open as it is, for good, says how long it has been silent, and drops its panes.
  void close(StreamRecord& stream, TimeNs now_ns, Effect& effect);

  // Has the stream written with the next changes.
  void mark(StreamRecord& stream);

  // Of streams that it never had.
  void count_forgotten(const SampleCounts& counts) { samples_ += counts; }

  // Once for each stream that was adopted, before anything comes: what another configuration than that of the run before changes.
  // By a shorter lateness windows are settled now, and are sent if that is due. Definitions that have left are followed on, with
  // what they have, until nothing can change it; those beyond what is remembered are sent as they are, and removed.
  void take_over(StreamRecord& stream, TimeNs now_ns, Effect& effect);

  // At most so many windows and silences get their rows, about, if the watermarks advance to there: windows are reckoned by time,
  // not counted.
  std::uint64_t rows_due(const StreamRecord& stream, TimeNs watermark_ns) const;

  // Whether anything at `time` is late for every definition: nothing of it needs to be remembered.
  bool is_late(const StreamRecord& stream, TimeNs time) const;

  // Since the last collect_changes.
  const std::vector<StreamRecord*>& changed_streams() const { return dirty_; }
  // Of all streams together, also those that are forgotten, as of the last collect_changes.
  const SampleCounts& samples() const { return samples_; }
  // What did not balance: samples of a stream that a definition takes, and that it accounts for not once. Nothing: all does.
  const std::optional<std::string>& imbalance() const { return imbalance_; }
  // What limits are to be held against, since the last call: windows that have become final, in the order of their stream's time,
  // and where a stream became another. Not what late data make of a window whose end the watermark had reached before.
  std::vector<Watched> take_watched() { return std::exchange(watched_, {}); }
  // The open windows of the streams that fell idle since the last call, each stream's by definition and start; whether they were
  // sent now or before.
  std::vector<WatchedWindow> take_idle() { return std::exchange(idle_, {}); }
  // Moves the changes since the last call into `effect`.
  void collect_changes(Effect& effect);

 private:
  struct LateRun {
    bool is_back = false;  // the watermark went back
    bool is_first = false;  // and that of no other definition was back there before
    bool is_behind = false;  // so many in a row are late that the clock is behind
  };

  // stream_clock.cc
  bool is_settled(const WindowDefinition& definition, const StreamClock& clock, TimeNs start, TimeNs end) const;
  bool was_settled(const WindowDefinition& definition, const StreamClock& clock, TimeNs start, TimeNs end) const;
  void note_jump(StreamRecord& stream, TimeNs time) const;
  void note_jump(StreamClock& clock, const Panes& panes, const Stream& state, TimeNs time) const;
  LateRun follow_late_run(StreamRecord& stream, Followed& followed, TimeNs time, TimeNs now_ns, Effect& effect);
  bool follow_late_runs(StreamRecord& stream, const Part* part, TimeNs time, TimeNs now_ns, Effect& effect);
  void rebase(StreamRecord& stream, Followed& followed, TimeNs time, TimeNs now_ns, Effect& effect);
  void send_settled_since(StreamRecord& stream, Followed& followed, const StreamClock& before, TimeNs now_ns, Effect& effect);
  void advance(StreamRecord& stream, Followed& followed, TimeNs watermark_ns, TimeNs now_ns, Effect& effect);
  void advance_within_part(StreamRecord& stream, Followed& followed, TimeNs watermark_ns, TimeNs now_ns, Effect& effect);

  // parts.cc
  const Part* part_for(StreamRecord& stream, TimeNs time, bool is_newest, TimeNs now_ns, Effect& effect);
  void cut(StreamRecord& stream, TimeNs at, TimeNs now_ns, Effect& effect);
  void end_at_cut(StreamRecord& stream, Followed& followed, TimeNs at, TimeNs now_ns, Effect& effect);
  void send_across(StreamRecord& stream, Followed& followed, TimeNs at, TimeNs to, TimeNs now_ns, Effect& effect);
  void send_for_good(StreamRecord& stream, Followed& followed, TimeNs from, TimeNs to, TimeNs now_ns, Effect& effect);
  void close_between(StreamRecord& stream, Followed& followed, TimeNs from, TimeNs to, TimeNs now_ns, Effect& effect);
  void close_oldest_part(StreamRecord& stream, TimeNs now_ns, Effect& effect);
  void drop_parts(StreamRecord& stream);
  void follow_parts(StreamRecord& stream);

  // Whether any window of the definition can take samples at `time`.
  bool accepts(const StreamRecord& stream, const Followed& followed, TimeNs time) const;
  void place(StreamRecord& stream, Followed& followed, const Samples& samples, TimeNs now_ns, Effect& effect);
  void fill(StreamRecord& stream, Followed& followed, TimeNs start, Pane& pane, const Samples& samples);

  // analyses.cc
  static void add_analysis(const Followed& followed, Pane& pane, const Samples& samples, const Analysis& analysis);
  void add_own_analyses(const Followed& followed, Pane& pane, const Samples& samples) const;
  void place_earlier_analyses(StreamRecord& stream, Followed& followed, const Samples& samples, Effect& effect);
  std::pair<TimeNs, Pane*> pane_of(const StreamRecord& stream, Followed& followed, TimeNs time) const;

  // absences.cc: what comes while a definition is not configured.
  static void begin_after(const Stream& stream, Followed& followed);
  void note_missed(StreamRecord& stream, Followed& followed, const Part& part, TimeNs time);
  void forget_absences(StreamRecord& stream, Followed& followed);
  static bool is_incomplete(const WindowDefinition& definition, const StreamClock& clock, TimeNs start, DurationNs length_ns);

  // grid_windows.cc
  bool accepts_on_grid(const StreamRecord& stream, const Followed& followed, TimeNs time) const;
  void place_on_grid(StreamRecord& stream, Followed& followed, const Samples& samples, TimeNs now_ns, Effect& effect);
  void sweep_grid(StreamRecord& stream, Followed& followed, bool open_too, TimeNs now_ns, Effect& effect);
  void note_open(StreamRecord& stream, const Followed& followed);
  TimeNs first_unsent(const Stream& stream, const Followed& followed) const;
  TimeNs revision_due(const Followed& followed, TimeNs window_end) const;

  // session_windows.cc
  bool accepts_in_session(const StreamRecord& stream, const Followed& followed, TimeNs time) const;
  static std::set<TimeNs> sessions_without_row(const Followed& followed);
  void sweep_sessions(StreamRecord& stream, Followed& followed, bool open_too, TimeNs now_ns, Effect& effect);
  void place_in_session(StreamRecord& stream, Followed& followed, const Samples& samples, TimeNs now_ns, Effect& effect);

  // count_windows.cc
  static bool accepts_in_count(const StreamRecord& stream, const Followed& followed, TimeNs time);
  void place_in_count(StreamRecord& stream, Followed& followed, const Samples& samples, TimeNs now_ns, Effect& effect);

  // due.cc
  // The pane has changed: the watermark will see that the windows that hold it are sent.
  void expect_row(StreamRecord& stream, Followed& followed, TimeNs start, Pane& pane);
  TimeNs first_unsettled(const StreamRecord& stream, const Followed& followed, TimeNs window, TimeNs slice) const;
  static std::uint64_t silences_due(const Parts& parts, const Followed& followed, TimeNs settled_ns);
  static bool needs_row(const Followed& followed, TimeNs start, TimeNs end, bool ended);
  static Panes::iterator leaves_with(const StreamRecord& stream, const Followed& followed);
  TimeNs leaves_at(const StreamRecord& stream, const Followed& followed) const;
  TimeNs due_of(const StreamRecord& stream, const Followed& followed) const;

  // sending.cc
  // Sends what is due, and what is open as well if `open_too`; removes panes that nothing can change any more.
  void sweep(StreamRecord& stream, Followed& followed, bool open_too, TimeNs now_ns, Effect& effect);
  void send_if_changed(StreamRecord& stream, const Followed& followed, TimeNs start, TimeNs end, bool ended, TimeNs now_ns,
                       Effect& effect);
  // The window's panes as one; something has come for it.
  Pane merged(const Followed& followed, TimeNs start, TimeNs end);
  void drop_settled(StreamRecord& stream, Followed& followed, TimeNs now_ns, Effect& effect);
  void emit(const StreamRecord& stream, const Followed& followed, TimeNs start, const Pane& whole, schema::WindowState state,
            TimeNs now_ns, Effect& effect) const;

  // silences.cc
  static Panes::iterator silent_after(const StreamRecord& stream, const Followed& followed);
  void end_silence(StreamRecord& stream, Followed& followed, TimeNs now_ns, Effect& effect);
  void withdraw_forgotten_silence(const StreamRecord& stream, Followed& followed, TimeNs now_ns, Effect& effect) const;
  static bool reports_silence(const StreamRecord& stream, const Followed& followed, TimeNs at);
  static bool is_followed_throughout(const StreamRecord& stream, const Followed& followed, TimeNs from, TimeNs to);
  void settle_silence(StreamRecord& stream, const Followed& followed, Panes::iterator from, Panes::iterator to, TimeNs now_ns,
                      Effect& effect);
  void settle_silence_before(StreamRecord& stream, Followed& followed, TimeNs slice, TimeNs now_ns, Effect& effect);
  void withdraw_silence(const StreamRecord& stream, const Followed& followed, Panes::const_iterator before, TimeNs now_ns,
                        Effect& effect) const;
  void withdraw_open_silence(StreamRecord& stream, Followed& followed, TimeNs now_ns, Effect& effect);
  void withdraw_jumped(const StreamRecord& stream, const Followed& followed, TimeNs now_ns, Effect& effect) const;
  void emit_silence(const StreamRecord& stream, const WindowDefinition& definition, TimeNs first_start, std::uint64_t windows,
                    schema::WindowState state, TimeNs now_ns, Effect& effect) const;

  void sum_up(StreamRecord& stream);
  void count_beside(StreamRecord& stream, Followed& followed, Unplaced how, std::uint64_t samples);
  void check_accounted(const StreamRecord& stream, const Followed& followed, std::uint64_t before, std::uint64_t samples);
  void touch(StreamRecord& stream, const PaneKey& key);

  void retire(StreamRecord& stream, const WindowDefinition& definition, TimeNs now_ns, Effect& effect);

  const std::vector<WindowDefinition> definitions_;
  std::vector<WindowDefinition> remembered_;  // those, and the following
  std::span<const WindowDefinition> former_;  // that left the configuration
  std::vector<WindowDefinition> retired_;  // beyond what is remembered
  const TimeRules rules_;
  const Parameters* parameters_ = nullptr;
  std::uint64_t provenance_ = 0;
  std::uint32_t generation_ = 0;
  SampleCounts samples_;
  std::optional<std::string> imbalance_;
  std::vector<StreamRecord*> dirty_;
  std::vector<const Pane*> to_merge_;
  void note_watched(StreamRecord& stream, const WindowDefinition& definition, TimeNs start, const Pane& whole, auto& list) const {
    const Description& description = part_of(stream.state.parts, start)->description;
    auto seen = watch_ ? watch_(stream.state, definition, description, whole) : std::vector<Seen>{};
    if (!seen.empty()) list.push_back(WatchedWindow{&stream, &definition, start, description.version, std::move(seen)});
  }

  Watch watch_;
  std::vector<Watched> watched_;
  std::vector<WatchedWindow> idle_;
  // While a watermark advances: where it was. Windows that end after it become final now, and are watched.
  TimeNs advanced_from_ns_ = time_max;
};

// The next multiple of `every` after `time`.
inline TimeNs next_multiple(TimeNs time, DurationNs every) {
  const TimeNs remainder = time % every;
  return time - remainder + (remainder < 0 ? 0 : every);
}

// The clock of a definition that begins where that of another is.
inline StreamClock begun_with(const StreamClock& other) {
  StreamClock clock = other;
  clock.late_run = 0;
  clock.late_run_ns = time_min;
  clock.cut_short = {};
  clock.away = {};
  clock.silent_from_ns = clock.silent_to_ns = time_min;
  clock.unshown = {};
  return clock;
}

// Whether the definition takes samples of the part.
inline bool takes(const Followed& followed, const Stream& stream, const Part& part) {
  return !followed.is_former && followed.definition->takes(stream.device, part.description.quantity);
}

}  // namespace stethos::edge
