#include <algorithm>
#include <iterator>

#include "edge/window/pane.h"
#include "edge/window/windower.h"

namespace stethos::edge {
namespace {

// Of a session whose last sample is at `time`: it does not reach into the next part.
TimeNs end_of(const Stream& stream, const WindowDefinition& definition, TimeNs time) {
  const auto next = part_after(stream.parts, time);
  return next == stream.parts.end() ? time + definition.length_ns : std::min(time + definition.length_ns, next->from_ns);
}

}  // namespace

// What is too late for a session of its own may lie in one, but does not begin it earlier: a session that began there may have
// been settled.
bool Windower::accepts_in_session(const StreamRecord& stream, const Followed& followed, TimeNs time) const {
  const TimeNs end = end_of(stream.state, *followed.definition, time);
  if (!is_settled(*followed.definition, *followed.clock, time, end)) return true;
  const auto next = followed.panes->upper_bound(time);
  return next != followed.panes->begin() && time < std::prev(next)->first + std::prev(next)->second.length_ns;
}

std::set<TimeNs> Windower::sessions_without_row(const Followed& followed) {
  std::set<TimeNs> starts;
  if (followed.definition->kind != schema::WindowKind::session) return starts;
  for (const auto& [start, pane] : *followed.panes) {
    if (needs_row(followed, start, start + 1, true)) starts.insert(start);
  }
  return starts;
}

// Sessions do not overlap: behind one that is open all are.
void Windower::sweep_sessions(StreamRecord& stream, Followed& followed, bool open_too, TimeNs now_ns, Effect& effect) {
  for (auto start = followed.unsent_sessions.begin(); start != followed.unsent_sessions.end();) {
    const bool ended = *start + followed.panes->at(*start).length_ns <= followed.clock->watermark_ns;
    if (!ended && !open_too) return;
    send_if_changed(stream, followed, *start, *start + 1, ended, now_ns, effect);
    start = ended ? followed.unsent_sessions.erase(start) : std::next(start);
  }
}

void Windower::place_in_session(StreamRecord& stream, Followed& followed, const Samples& samples, TimeNs now_ns, Effect& effect) {
  Panes& panes = *followed.panes;
  const TimeNs time = samples.time_ns;
  auto own = panes.upper_bound(time);
  if (own != panes.begin() && time < std::prev(own)->first + std::prev(own)->second.length_ns) {
    --own;
  } else {
    own = panes.try_emplace(own, time);
    own->second.revision = static_cast<std::uint32_t>(followed.clock->session_revision);
  }
  Pane& pane = own->second;
  pane.length_ns = std::max(pane.length_ns, end_of(stream.state, *followed.definition, time) - own->first);
  if (const auto next = std::next(own); next != panes.end() && next->first < own->first + pane.length_ns) {
    if (next->second.sent > 0) {  // its row is out, and says now that there is no such session
      Pane withdrawn;
      withdrawn.length_ns = next->second.length_ns;
      withdrawn.revision = next->second.revision;
      emit(stream, followed, next->first, withdrawn, schema::WindowState::withdrawn, now_ns, effect);
      followed.clock->session_revision = std::max<std::uint64_t>(followed.clock->session_revision, withdrawn.revision + 1);
    }
    pane = joined(pane, next->second);
    pane.length_ns = next->first + next->second.length_ns - own->first;
    touch(stream, {next->first, followed.definition->id});
    followed.unsent_sessions.erase(next->first);
    panes.erase(next);
  }
  pane.is_final = false;
  fill(stream, followed, own->first, pane, samples);
}

}  // namespace stethos::edge
