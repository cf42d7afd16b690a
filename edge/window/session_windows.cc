#include "edge/window/windower.h"

#include <algorithm>
#include <iterator>

#include "edge/window/pane.h"

namespace stethos::edge {

void Windower::place_in_session(StreamRecord& stream, Followed& followed, const Samples& samples, TimeNs now_ns, Effect& effect) {
  Panes& panes = *followed.panes;
  const TimeNs time = samples.time_ns;
  const DurationNs pause = followed.definition->length_ns;
  auto own = panes.upper_bound(time);
  if (own != panes.begin() && time < std::prev(own)->first + std::prev(own)->second.length_ns) {
    --own;
  } else {
    own = panes.try_emplace(own, time);
  }
  Pane& pane = own->second;
  pane.length_ns = std::max(pane.length_ns, time - own->first + pause);
  if (const auto next = std::next(own); next != panes.end() && next->first < own->first + pane.length_ns) {
    if (next->second.revision > 0) {  // its row is out, and says now that there is no such session
      Pane withdrawn;
      withdrawn.length_ns = next->second.length_ns;
      withdrawn.revision = next->second.revision;
      emit(stream, *followed.definition, next->first, withdrawn, schema::WindowState::withdrawn, now_ns, effect);
    }
    pane = joined(pane, next->second);
    pane.length_ns = next->first + next->second.length_ns - own->first;
    touch(stream, {next->first, followed.definition->id});
    panes.erase(next);
  }
  pane.is_final = false;
  fill(stream, followed, own->first, pane, samples);
}

}  // namespace stethos::edge
