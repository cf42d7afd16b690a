// What the core remembers, in the shape in which the spool keeps it. Plain data.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "edge/core/block_summary.h"
#include "edge/core/identities.h"
#include "edge/core/part.h"
#include "edge/core/stretches.h"
#include "gpu_kernels/moments.h"
#include "schemas/rows_generated.h"

namespace stethos::edge {

// Counts of samples by what became of them. A sample that is good, not finite or out of range is in a window. One that was late
// and was put through again is counted as both, and as recovered: it has come once.
struct SampleCounts {
  std::uint64_t good = 0;
  std::uint64_t duplicate = 0;
  std::uint64_t late = 0;
  std::uint64_t out_of_range = 0;
  std::uint64_t not_finite = 0;
  std::uint64_t rejected = 0;
  std::uint64_t recovered = 0;

  // As often as something became of a sample.
  std::uint64_t accounted() const { return good + duplicate + late + out_of_range + not_finite + rejected; }
  std::uint64_t received() const { return accounted() - recovered; }
  SampleCounts& operator+=(const SampleCounts& other) {
    good += other.good;
    duplicate += other.duplicate;
    late += other.late;
    out_of_range += other.out_of_range;
    not_finite += other.not_finite;
    rejected += other.rejected;
    recovered += other.recovered;
    return *this;
  }
  SampleCounts& operator-=(const SampleCounts& other) {
    good -= other.good;
    duplicate -= other.duplicate;
    late -= other.late;
    out_of_range -= other.out_of_range;
    not_finite -= other.not_finite;
    rejected -= other.rejected;
    recovered -= other.recovered;
    return *this;
  }
  bool operator==(const SampleCounts&) const = default;
};

// Which message a sample came with: its device's epoch and sequence, or epoch 0 and an intake number of the edge.
struct Origin {
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;

  auto operator<=>(const Origin&) const = default;
};

// The mergeable statistics of one stream over one slice of its event time, and what was sent of the window that starts there.
struct Pane {
  DurationNs length_ns = 0;  // session: to the end of the pause behind its last sample; count: to its last sample
  kernels::Moments moments;
  BlockSummary blocks;
  // Samples of the stream that came while this was its newest pane, and went into none: the rows balance with them.
  std::uint64_t duplicate = 0;
  std::uint64_t late = 0;
  std::uint64_t rejected = 0;
  std::uint64_t recovered = 0;  // of those in the moments: they were late, and put through again
  Origin first;
  Origin last;
  TimeNs first_received_ns = 0;
  TimeNs last_received_ns = 0;
  bool clock_untrusted = false;  // some of what came was stamped by a clock that was not known to be right
  std::uint64_t changed = 0;  // the stream's number of changes at the last one here; 0: nothing ever came
  std::uint64_t sent = 0;     // the same, at the last row of the window that starts here
  std::uint32_t revision = 0;  // of that window's next row
  bool is_final = false;       // its last row was final
  bool before_silence = false;  // the stream was silent after it when that was last looked at, and it has been reported

  bool operator==(const Pane&) const = default;
};

struct PaneKey {
  TimeNs start_ns = 0;
  std::uint64_t definition = 0;

  auto operator<=>(const PaneKey&) const = default;
};

// By start.
using Panes = std::map<TimeNs, Pane>;

// Of a shaft, at a time: a reading that is remembered now, or not any more.
struct SpeedChange {
  std::string machine;
  TimeNs time_ns = 0;
  std::optional<double> hz;  // nothing: it is forgotten
};

// What open windows of an idle stream say of a limit, where that is surely what their ends will say.
struct ProvisionalAlarm {
  TimeNs first_ns = 0;  // the start of the first of them that exceeds the limit
  TimeNs last_ns = 0;   // and of the last that was told: it stands until that one is final
  schema::AlarmLevel level = schema::AlarmLevel::none;  // never none; nothing is told of it while the alarm is at it
  double value = 0;     // of the statistic, where the level was reached

  bool operator==(const ProvisionalAlarm&) const = default;
};

// What is known of an exceeded limit of a stream. There is none while the limit is not exceeded.
struct Alarm {
  // The start of the first window of the excess, for each of the two values; time_min: it is not exceeded.
  TimeNs alert_since_ns = time_min;
  TimeNs danger_since_ns = time_min;
  TimeNs changed_ns = time_min;  // the start of the window that last changed anything here
  TimeNs activated_ns = time_min;  // the start of the first window of the excess, once the on-delay has passed
  schema::AlarmLevel level = schema::AlarmLevel::none;  // none: it has not passed
  schema::AlarmLevel highest_level = schema::AlarmLevel::none;
  // All of the above follows from final windows alone.
  std::optional<ProvisionalAlarm> provisional;
  std::uint32_t revision = 0;     // of its next row
  std::vector<std::uint8_t> row;  // an AlarmRow: the last one; empty: none yet

  bool operator==(const Alarm&) const = default;
};

// What a clock that jumped ahead, or a device that declared its time complete, left out, and what became of it.
enum class Jump : std::uint8_t {
  ahead,  // the stream is beyond it, and may come back into it
  back,   // it came back, and is going through it
  over,   // it has gone through all of it, and may not come back again: windows there have been sent
};

// Samples that went into no window, and stand in no row yet.
struct Unshown {
  std::uint64_t duplicate = 0;
  std::uint64_t late = 0;
  std::uint64_t rejected = 0;

  std::uint64_t count() const { return duplicate + late + rejected; }
  bool operator==(const Unshown&) const = default;
};

// How far the windows of one definition have come in a stream's event time.
struct StreamClock {
  TimeNs watermark_ns = time_min;
  TimeNs watermark_ns_max = time_min;  // the highest ever; differs once the clock has come back
  // Windows that end by then are settled: the watermark less the lateness. With a longer lateness it stays until the watermark
  // has caught up, for the panes of what was settled are gone.
  TimeNs settled_ns = time_min;
  TimeNs settled_ns_max = time_min;  // the highest ever, as of the watermark
  // The stretch that the stream last jumped over; from time_min: all that is before its first sample.
  TimeNs jump_from_ns = time_min;
  TimeNs jump_to_ns = time_min;
  Jump jump = Jump::ahead;
  // The stretch that the clock came back into: windows that lie in it were not settled by the highest watermark. Empty: it did
  // not come back, or the watermark has gone through it.
  TimeNs back_from_ns = time_min;
  TimeNs back_to_ns = time_min;
  std::uint64_t late_run = 0;     // late ones in a row, none older than the one before
  TimeNs late_run_ns = time_min;  // the last of them
  Stretches cut_short;  // windows that start in them were sent for good before their end was reached
  Stretches away;  // samples of the stream came in them while the definition was not configured
  // Samples that went into no window while there was none whose row could show it: the next one does.
  Unshown unshown;
  // The windows that were missing when the stream was forgotten: from the start of the first of them to the end of the last.
  // Empty: there were none, or something has come for them after all.
  TimeNs silent_from_ns = time_min;
  TimeNs silent_to_ns = time_min;
  // Of the first row of a session that begins from now on: above all that said that there is no session of some start, so that
  // one may begin there again.
  std::uint64_t session_revision = 0;

  bool operator==(const StreamClock&) const = default;
};

struct Stream {
  std::int64_t id = 0;
  std::string device;
  std::string channel;
  // Of the last part.
  std::string quantity;
  std::string unit;
  std::uint64_t version = 0;  // 0: it has no part yet
  // In which epoch of its device what it is called where no entry is valid was said; 0: the configuration says it; nothing: only
  // entries do, or it is not known.
  std::optional<std::uint64_t> described_in_epoch;
  Parts parts;
  TimeNs newest_ns = time_min;  // event time, since the clock came back
  TimeNs newest_ns_max = time_min;  // the newest ever
  std::map<std::uint64_t, StreamClock> clocks;  // by definition
  // The one that is farthest behind: with it a definition begins that is new to the stream, and the release before knows no
  // other.
  StreamClock clock;
  TimeNs last_received_ns = 0;
  std::uint64_t block_samples = 0;  // of its last block; 0: there was none
  // When anything came for it last, whatever became of that; nothing: by a clock that was not known to be right.
  std::optional<TimeNs> heard_ns;
  SampleCounts counts;  // since the spool began
  std::map<std::uint64_t, Panes> panes;  // by definition
  Identities identities;
  std::map<std::uint64_t, Alarm> alarms;  // by limit

  void note_clock_behind() {
    const auto watermark_of = [](const auto& each) { return each.second.watermark_ns; };
    const auto behind = std::ranges::min_element(clocks, {}, watermark_of);
    if (behind != clocks.end()) clock = behind->second;
  }
  bool operator==(const Stream&) const = default;
};

}  // namespace stethos::edge
