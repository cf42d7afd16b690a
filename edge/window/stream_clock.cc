#include "edge/window/windower.h"

#include <algorithm>
#include <iterator>

#include "schemas/envelope.h"

namespace stethos::edge {

// A window that is settled has been sent as it stays: nothing may be added, for its panes may be gone.
bool Windower::is_settled(const Stream& stream, TimeNs start, TimeNs end) const {
  return end + rules_.lateness_ns <= stream.watermark_ns || was_settled(stream, start, end);
}

// By a watermark that went back since: unless the stream had jumped over the whole of it.
bool Windower::was_settled(const Stream& stream, TimeNs start, TimeNs end) const {
  if (end + rules_.lateness_ns > stream.watermark_ns_max) return false;
  return start <= stream.jump_from_ns || end > stream.jump_to_ns;
}

bool Windower::accepts(const Stream& stream, const Followed& followed, TimeNs time) const {
  const WindowDefinition& definition = *followed.definition;
  switch (definition.kind) {
    case schema::WindowKind::tumbling:
    case schema::WindowKind::hopping:
      for (TimeNs start = definition.last_start(time); start + definition.length_ns > time; start -= definition.hop_ns) {
        if (!is_settled(stream, start, start + definition.length_ns)) return true;
        if (start + definition.length_ns + rules_.lateness_ns <= stream.watermark_ns) return false;
      }
      return false;
    case schema::WindowKind::session: {
      if (!is_settled(stream, time, time + definition.length_ns)) return true;
      const auto next = followed.panes->upper_bound(time);
      if (next != followed.panes->end() && next->first < time + definition.length_ns) return true;
      return next != followed.panes->begin() && time < std::prev(next)->first + std::prev(next)->second.length_ns;
    }
    case schema::WindowKind::count:
      return true;
  }
  STETHOS_CHECK(false, "a kind of window without a rule");
}

bool Windower::accepts_somewhere(const StreamRecord& stream, TimeNs time) const {
  return stream.followed.empty() ||
         std::ranges::any_of(stream.followed, [&](const Followed& each) { return accepts(stream.state, each, time); });
}

// Whether the watermark went back, because a clock had jumped ahead. One that is behind for as many arrivals is said once.
bool Windower::follow_late_run(StreamRecord& stream, TimeNs time, TimeNs now_ns, Effect& effect) const {
  Stream& state = stream.state;
  state.late_run = state.late_run > 0 && time >= state.late_run_ns ? state.late_run + 1 : 1;
  state.late_run_ns = time;
  if (rules_.rebase_after == 0 || state.late_run < rules_.rebase_after) return false;
  if (state.jump_from_ns < time && time < state.jump_to_ns) {
    if (time - rules_.watermark_delay_ns >= state.watermark_ns) return false;  // it is back, in a window that is settled
    const DurationNs by = state.newest_ns - time;
    rebase(stream, time, now_ns, effect);
    state.late_run = 0;
    ++effect.totals[Counter::streams_rebased];
    note_clock(state, schema::EventKind::stream_rebased, by, now_ns, effect);
    return true;
  }
  if (state.late_run == rules_.rebase_after && time + rules_.lateness_ns <= state.watermark_ns) {
    ++effect.totals[Counter::streams_behind];
    note_clock(state, schema::EventKind::stream_behind, state.newest_ns - time, now_ns, effect);
  }
  return false;
}

void Windower::note_clock(const Stream& stream, schema::EventKind kind, DurationNs by, TimeNs now_ns, Effect& effect) {
  schema::EventRowT event;
  event.kind = kind;
  event.at_ns = now_ns;
  event.device = stream.device;
  event.channel = stream.channel;
  event.value = by;
  effect.rows.push_back({schema::Lane::notes, schema::RowKind::event, schema::pack(event)});
}

void Windower::rebase(StreamRecord& stream, TimeNs time, TimeNs now_ns, Effect& effect) const {
  stream.state.watermark_ns = time - rules_.watermark_delay_ns;
  stream.state.newest_ns = time;
  for (Followed& followed : stream.followed) {
    withdraw_jumped(stream, followed, now_ns, effect);
    followed.unsettled_ns = first_unsettled(stream.state, followed);
    followed.due_ns = due_of(stream, followed);
  }
  stream.due_ns = time_min;
}

void Windower::note_jump(Stream& stream, TimeNs time) const {
  if (time <= stream.newest_ns) return;
  TimeNs& from = stream.jump_from_ns;
  TimeNs& to = stream.jump_to_ns;
  if (stream.newest_ns == time_min) {
    to = time;
  } else if (time - stream.newest_ns > rules_.lateness_ns) {
    if (from < stream.newest_ns && stream.newest_ns < to) {  // it was back, and jumps again
      from = stream.newest_ns;
      to = std::min(to, time);
    } else {
      const bool is_wider = from == time_min || time - stream.newest_ns >= to - from;
      if (is_wider || time - to > rules_.future_max_ns) {
        from = stream.newest_ns;
        to = time;
      }
    }
  }
  stream.newest_ns = time;
}

bool Windower::is_past(const StreamRecord& stream, TimeNs time) const {
  DurationNs longest = 0;
  for (const Followed& followed : stream.followed) longest = std::max(longest, followed.definition->length_ns);
  return time + longest + rules_.lateness_ns <= stream.state.watermark_ns;
}

}  // namespace stethos::edge
