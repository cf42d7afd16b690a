#include <algorithm>
#include <iterator>
#include <utility>

#include "edge/window/pane.h"
#include "edge/window/windower.h"

// Silences are counted on the uncut grid: a cut of labels only neither makes nor breaks one. After another quantity or unit they
// begin anew.
namespace stethos::edge {
namespace {

// The start of the first window that lies wholly behind the pane that starts at `start`.
TimeNs first_behind(const WindowDefinition& definition, TimeNs start) {
  return definition.first_behind(definition.slice_of(start));
}

}  // namespace

// Whether windows without samples are reported where the part at `at` says how often the stream is due to speak. Where less is
// expected than one block or reading a window, a window without any says nothing.
bool Windower::reports_silence(const StreamRecord& stream, const Followed& followed, TimeNs at) {
  const Part* part = part_of(stream.state.parts, at);
  const DurationNs interval_ns = part == nullptr ? 0 : part->description.interval_ns;
  return followed.definition->is_on_grid() && interval_ns > 0 && interval_ns <= followed.definition->length_ns;
}

// Whether what is missing between the pane at `from` and `to` is so because nothing came: the stream measures the same, and the
// definition was configured whenever something came.
bool Windower::is_followed_throughout(const StreamRecord& stream, const Followed& followed, TimeNs from, TimeNs to) {
  const bool was_away = followed.clock->away.any_between(first_behind(*followed.definition, from), to + 1);
  return !was_away && measures_the_same(stream.state.parts, from, to);
}

// Nothing can come between the two panes any more.
void Windower::settle_silence(StreamRecord& stream, const Followed& followed, Panes::iterator from, Panes::iterator to,
                              TimeNs now_ns, Effect& effect) {
  const WindowDefinition& definition = *followed.definition;
  const TimeNs first = first_behind(definition, from->first);
  // Where a clock had jumped to there were windows, though their panes may be gone.
  TimeNs until = to->first;
  if (followed.clock->jump_to_ns != time_min) {
    const TimeNs jumped = definition.slice_of(followed.clock->jump_to_ns);
    if (from->first < jumped) until = std::min(until, jumped);
  }
  const bool is_reported =
      reports_silence(stream, followed, from->first) && is_followed_throughout(stream, followed, from->first, to->first);
  const std::uint64_t windows = is_reported ? definition.count_from(first, until) : 0;
  if (windows > 0) {
    emit_silence(stream, definition, first, windows, schema::WindowState::final, now_ns, effect);
  } else if (from->second.before_silence && first_behind(definition, to->first) == first) {
    to->second.before_silence = true;  // the same windows are missing
    touch(stream, {to->first, definition.id});
  } else {
    withdraw_silence(stream, followed, from, now_ns, effect);
  }
}

void Windower::withdraw_silence(const StreamRecord& stream, const Followed& followed, Panes::const_iterator before, TimeNs now_ns,
                                Effect& effect) const {
  if (!before->second.before_silence) return;
  emit_silence(stream, *followed.definition, first_behind(*followed.definition, before->first), 0, schema::WindowState::withdrawn,
               now_ns, effect);
}

// The definition has left: nobody will hear how long the silence that is open lasts.
void Windower::withdraw_open_silence(StreamRecord& stream, Followed& followed, TimeNs now_ns, Effect& effect) {
  const auto newest = std::find_if(followed.panes->rbegin(), followed.panes->rend(), has_come);
  if (newest == followed.panes->rend() || !newest->second.before_silence) return;
  withdraw_silence(stream, followed, std::prev(newest.base()), now_ns, effect);
  newest->second.before_silence = false;
  touch(stream, {newest->first, followed.definition->id});
}

// Something comes for a slice of which some windows are settled already: what was missing until then is so for ever.
void Windower::settle_silence_before(StreamRecord& stream, Followed& followed, TimeNs slice, TimeNs now_ns, Effect& effect) {
  const WindowDefinition& definition = *followed.definition;
  Panes& panes = *followed.panes;
  if (followed.clock->watermark_ns == time_min || panes.empty()) return;
  const auto from = panes.begin();
  if (!reports_silence(stream, followed, from->first)) return;
  const TimeNs settled = followed.clock->settled_ns;
  if (definition.first_start(definition.slice_of(slice)) + definition.length_ns > settled) return;
  const auto next = std::find_if(std::next(from), panes.end(), has_come);
  if (!has_come(*from) || from->first >= slice || (next != panes.end() && next->first <= slice)) return;
  if (!is_followed_throughout(stream, followed, from->first, slice)) return;
  const TimeNs first = first_behind(definition, from->first);
  const std::uint64_t windows = definition.count_from(first, next == panes.end() ? settled : std::min(settled, next->first));
  if (windows == 0) return;
  emit_silence(stream, definition, first, windows, schema::WindowState::final, now_ns, effect);
  touch(stream, {from->first, definition.id});
  panes.erase(from);
  followed.due_ns = due_of(stream, followed);
}

// The newest pane that something came for, if the stream is due to speak behind it; end: it is not, or there is none.
Panes::iterator Windower::silent_after(const StreamRecord& stream, const Followed& followed) {
  const TimeNs newest_ns = stream.state.newest_ns;
  const auto none = followed.panes->end();
  if (!reports_silence(stream, followed, newest_ns)) return none;
  // Beyond the stream's time there may be panes of a clock that had jumped ahead.
  const auto behind = std::make_reverse_iterator(followed.panes->upper_bound(newest_ns));
  const auto newest = std::find_if(behind, followed.panes->rend(), has_come);
  if (newest == followed.panes->rend()) return none;
  return is_followed_throughout(stream, followed, newest->first, newest_ns) ? std::prev(newest.base()) : none;
}

void Windower::report_if_silent(StreamRecord& stream, TimeNs now_ns, Effect& effect) {
  const DurationNs silent_ns = now_ns - stream.state.last_received_ns;
  if (rules_.idle_timeout_ns == 0 || silent_ns < rules_.idle_timeout_ns) return;
  const TimeNs reached = stream.state.newest_ns + silent_ns - rules_.idle_timeout_ns;
  for (const Followed& followed : stream.followed) {
    const auto newest = silent_after(stream, followed);
    if (followed.is_former || newest == followed.panes->end()) continue;
    const TimeNs first = first_behind(*followed.definition, newest->first);
    // Of the panes that have the same windows behind them one may say so.
    bool is_reported = false;
    for (auto pane = std::next(newest); pane != followed.panes->begin() && !is_reported;) {
      --pane;
      if (first_behind(*followed.definition, pane->first) != first) break;
      is_reported = pane->second.before_silence;
    }
    if (is_reported) continue;
    const std::uint64_t windows = followed.definition->count_from(first, reached);
    if (windows == 0) continue;
    newest->second.before_silence = true;
    touch(stream, {newest->first, followed.definition->id});
    emit_silence(stream, *followed.definition, first, windows, schema::WindowState::open, now_ns, effect);
  }
}

// The stream is to be forgotten, and is not due to speak from now on: what it has missed is told, and is taken to be so for ever.
void Windower::end_silence(StreamRecord& stream, Followed& followed, TimeNs now_ns, Effect& effect) {
  const auto newest = silent_after(stream, followed);
  if (newest == followed.panes->end() || std::any_of(std::next(newest), followed.panes->end(), has_come)) return;
  const WindowDefinition& definition = *followed.definition;
  const TimeNs first = first_behind(definition, newest->first);
  std::uint64_t reported = 0;  // one at least
  for (auto pane = followed.panes->begin(); pane != std::next(newest); ++pane) {
    if (first_behind(definition, pane->first) == first && std::exchange(pane->second.before_silence, false)) reported = 1;
  }
  const DurationNs silent_ns = now_ns - stream.state.heard_ns.value_or(now_ns);
  const std::uint64_t windows =
      std::max(definition.count_from(first, stream.state.newest_ns + silent_ns - rules_.idle_timeout_ns), reported);
  if (windows == 0) return;
  followed.clock->silent_from_ns = first;
  followed.clock->silent_to_ns = first + static_cast<DurationNs>(windows - 1) * definition.hop_ns + definition.length_ns;
  emit_silence(stream, definition, first, windows, schema::WindowState::final, now_ns, effect);
}

// Something comes for what was taken to be missing for ever when the stream was forgotten.
void Windower::withdraw_forgotten_silence(const StreamRecord& stream, Followed& followed, TimeNs now_ns, Effect& effect) const {
  const TimeNs first = std::exchange(followed.clock->silent_from_ns, time_min);
  followed.clock->silent_to_ns = time_min;
  emit_silence(stream, *followed.definition, first, 0, schema::WindowState::withdrawn, now_ns, effect);
}

// What the stream had jumped over was no silence: its clock was wrong.
void Windower::withdraw_jumped(const StreamRecord& stream, const Followed& followed, TimeNs now_ns, Effect& effect) const {
  const Panes& panes = *followed.panes;
  const TimeNs from = followed.clock->jump_from_ns;
  const bool has_left = from != time_min && !panes.empty() && panes.begin()->first > from;
  if (!has_left || !reports_silence(stream, followed, from)) return;
  const WindowDefinition& definition = *followed.definition;
  const TimeNs first = first_behind(definition, from);
  if (definition.count_from(first, definition.slice_of(followed.clock->jump_to_ns)) == 0) return;
  emit_silence(stream, definition, first, 0, schema::WindowState::withdrawn, now_ns, effect);
}

void Windower::emit_silence(const StreamRecord& stream, const WindowDefinition& definition, TimeNs first_start,
                            std::uint64_t windows, schema::WindowState state, TimeNs now_ns, Effect& effect) const {
  const Part* part = part_of(stream.state.parts, first_start);
  schema::SilenceRowT row;
  row.device = stream.state.device;
  row.channel = stream.state.channel;
  row.definition = definition.id;
  row.first_start_ns = first_start;
  row.length_ns = definition.length_ns;
  row.hop_ns = definition.hop_ns;
  row.windows = windows;
  row.state = state;
  row.stream_version = part != nullptr ? part->description.version : stream.state.version;
  row.provenance = provenance_;
  row.noticed_ns = now_ns;
  row.clock_untrusted = !effect.clock_trusted;
  effect.silences.push_back(std::move(row));
  ++effect.totals[Counter::silence_rows];
}

}  // namespace stethos::edge
