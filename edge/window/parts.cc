#include <algorithm>
#include <iterator>

#include "edge/core/limits.h"
#include "edge/window/grid.h"
#include "edge/window/pane.h"
#include "edge/window/windower.h"

namespace stethos::edge {
// The part for samples at `time`, after the cut that they may make. Null: they fit none.
const Part* Windower::part_for(StreamRecord& stream, TimeNs time, bool is_newest, TimeNs now_ns, Effect& effect) {
  const Parts& parts = stream.state.parts;
  const std::optional<TimeNs>& from_ns = stream.declared_from_ns;
  const Part* part = part_of(parts, time);
  if (part == nullptr) {
    cut(stream, from_ns.value_or(time_min), now_ns, effect);
  } else if (part->description == stream.declared) {
    return part;
  } else if (from_ns && *from_ns > part->from_ns && *from_ns > part->newest_ns) {
    cut(stream, *from_ns, now_ns, effect);
  } else if (is_newest && time > part->from_ns) {
    cut(stream, time, now_ns, effect);
  } else {
    return part->description.measures_as(stream.declared) ? part : nullptr;
  }
  return part_of(parts, time);
}

// From `at` until the next part begins what is declared now holds.
void Windower::cut(StreamRecord& stream, TimeNs at, TimeNs now_ns, Effect& effect) {
  Stream& state = stream.state;
  // Beyond the cut there may be windows that a clock had filled which jumped ahead and came back. They stay what they were.
  const auto next = part_after(state.parts, at);
  const TimeNs to = next == state.parts.end() ? time_max : next->from_ns;
  const bool is_within = next != state.parts.begin();
  if (is_within) {
    for (Followed& followed : stream.followed) {
      send_across(stream, followed, at, to, now_ns, effect);
      send_for_good(stream, followed, at, to, now_ns, effect);
    }
  }
  state.parts.insert(next, {.from_ns = at, .newest_ns = time_min, .description = stream.declared});
  const Description& last = state.parts.back().description;
  state.quantity = last.quantity;
  state.unit = last.unit;
  state.version = last.version;
  if (is_within) {
    for (Followed& followed : stream.followed) end_at_cut(stream, followed, at, now_ns, effect);
  }
  follow_parts(stream);
  if (state.parts.size() > parts_per_stream_max) close_oldest_part(stream, now_ns, effect);
  mark(stream);
}

// Sends the definition's windows that begin before the time and hold anything between the two, as they are, final. Limits see
// those of them that had not ended, unless one before them is still open: what they see is in order.
void Windower::send_across(StreamRecord& stream, Followed& followed, TimeNs at, TimeNs to, TimeNs now_ns, Effect& effect) {
  const WindowDefinition& definition = *followed.definition;
  if (!definition.is_on_grid()) return;
  const Grid grid(definition, stream.state.parts);
  Panes& panes = *followed.panes;
  const auto end = panes.lower_bound(to);
  const auto beyond = std::find_if(panes.lower_bound(at), end, has_come);
  if (beyond == end) return;
  const TimeNs first = grid.first_start(beyond->first);
  if (followed.unsent_from_ns >= first) advanced_from_ns_ = followed.clock->watermark_ns;
  for (TimeNs start = first; start < at; start = grid.next_start(start)) {
    const TimeNs window_end = grid.end_of(start);
    if (!is_settled(definition, *followed.clock, start, window_end)) {
      send_if_changed(stream, followed, start, window_end, true, now_ns, effect);
    }
  }
  advanced_from_ns_ = time_max;
}

// The windows of the definition that hold the cut are those of the part before it, and end there.
void Windower::end_at_cut(StreamRecord& stream, Followed& followed, TimeNs at, TimeNs now_ns, Effect& effect) {
  const Parts& parts = stream.state.parts;
  const auto after = std::ranges::lower_bound(parts, at, {}, &Part::from_ns);
  const Part& before = *std::prev(after);
  const WindowDefinition& definition = *followed.definition;
  Panes& panes = *followed.panes;
  const auto last = std::find_if(std::make_reverse_iterator(panes.lower_bound(at)), panes.rend(), has_come);
  if (last != panes.rend() && last->first >= before.from_ns) {
    auto& [start, pane] = *last;
    switch (definition.kind) {
      case schema::WindowKind::tumbling:
      case schema::WindowKind::hopping:
        pane.length_ns = std::min(pane.length_ns, at - start);
        // Its last windows may have been sent, final, with an end beyond the cut.
        if (definition.last_start(start) + definition.length_ns > at) {
          expect_row(stream, followed, start, pane);
        }
        break;
      case schema::WindowKind::session:
        if (start + pane.length_ns <= at) break;
        // A wrong clock may have put samples beyond. They stay, and the sessions that they were in keep their names.
        followed.clock->cut_short.add(at, start + pane.length_ns - definition.length_ns + 1);
        pane.length_ns = at - start;
        expect_row(stream, followed, start, pane);
        break;
      case schema::WindowKind::count:
        send_if_changed(stream, followed, start, start + 1, true, now_ns, effect);
        touch(stream, {start, definition.id});
        panes.erase(start);
        break;
    }
  }
  if (definition.kind == schema::WindowKind::count) followed.clock->cut_short.add(time_min, at);
  // Windows that ended after the cut by the watermark, and end at it now.
  const TimeNs end_before = std::next(after) == parts.end() ? time_max : std::next(after)->from_ns;
  advanced_from_ns_ = at - 1;
  if (definition.is_on_grid()) {
    const Grid grid(definition, parts);
    for (TimeNs window = grid.first_start(at - 1); window < at; window = grid.next_start(window)) {
      const TimeNs uncut_end = std::min(definition.last_start(window) + definition.length_ns, end_before);
      // Only by its new end it is settled: no sweep will come to it.
      if (!is_settled(*followed.definition, *followed.clock, window, uncut_end) &&
          is_settled(*followed.definition, *followed.clock, window, at)) {
        send_if_changed(stream, followed, window, at, true, now_ns, effect);
      }
    }
  }
  sweep(stream, followed, false, now_ns, effect);
  advanced_from_ns_ = time_max;
  if (end_before == time_max && followed.clock->watermark_ns >= at && !after->description.measures_as(before.description)) {
    watched_.push_back(MeasureEnd{&stream, followed.definition, at});
  }
}

// Sends the definition's windows that hold anything between the two times, which lie in one part, as they are, final. What comes
// for them is late. The panes between the two times leave.
void Windower::send_for_good(StreamRecord& stream, Followed& followed, TimeNs from, TimeNs to, TimeNs now_ns, Effect& effect) {
  const WindowDefinition& definition = *followed.definition;
  StreamClock& clock = *followed.clock;
  Panes& panes = *followed.panes;
  auto first = panes.lower_bound(from);
  const auto end = panes.lower_bound(to);
  if (first == end) return;
  const auto last = std::prev(end);
  // Windows of a number of samples may have had all names up to the last, whichever pane is left.
  TimeNs first_window = definition.kind == schema::WindowKind::count ? from : first->first;
  TimeNs first_within = first_window;  // that does not start before `from`
  TimeNs last_window = last->first;
  if (definition.is_on_grid()) {
    // Also those that start before: what they hold here is in no pane afterwards.
    const Grid grid(definition, stream.state.parts);
    const auto first_come = std::find_if(first, end, has_come);
    if (first_come != end) first_window = grid.first_start(first_come->first);
    // A part that begins at `from` will have a window that starts there, and is none of these.
    first_within = first_window < from ? grid.next_start(from - 1) : first_window;
    last_window = grid.last_start(last->first);
    grid.for_each_window(panes, std::max(first_window, followed.unsent_from_ns), [&](TimeNs start) {
      if (start >= to) return false;
      const TimeNs window_end = grid.end_of(start);
      if (!was_settled(definition, clock, start, window_end)) {
        send_if_changed(stream, followed, start, window_end, true, now_ns, effect);
      }
      return true;
    });
    first = panes.lower_bound(from);  // a window that was sent has a pane where it starts
    if (followed.unsent_from_ns >= from) followed.unsent_from_ns = std::max(followed.unsent_from_ns, to);
  } else {
    for (auto pane = first; pane != end; ++pane) {
      send_if_changed(stream, followed, pane->first, pane->first + 1, true, now_ns, effect);
    }
  }
  const StreamClock before = clock;
  clock.cut_short.add(first_window, std::min(first_within, from));
  clock.cut_short.add(first_within, last_window + 1);
  send_settled_since(stream, followed, before, now_ns, effect);
  for (auto pane = first; pane != end; ++pane) {
    touch(stream, {pane->first, definition.id});
    if (!definition.is_on_grid() || !has_come(*pane)) continue;
    const auto next = std::find_if(std::next(pane), end, has_come);
    const bool goes_on_at_once = next == end && end != panes.end() && end->first == to && has_come(*end);
    if (next != end || goes_on_at_once) {
      settle_silence(stream, followed, pane, next, now_ns, effect);
    } else {
      withdraw_silence(stream, followed, pane, now_ns, effect);
    }
  }
  panes.erase(first, end);
  followed.unsent_sessions.erase(followed.unsent_sessions.lower_bound(from), followed.unsent_sessions.lower_bound(to));
  followed.due_ns = due_of(stream, followed);
}

void Windower::close_oldest_part(StreamRecord& stream, TimeNs now_ns, Effect& effect) {
  Parts& parts = stream.state.parts;
  const TimeNs at = parts[1].from_ns;
  const bool measures_another = !parts[1].description.measures_as(parts[0].description);
  for (Followed& followed : stream.followed) {
    advanced_from_ns_ = followed.clock->watermark_ns;  // what had not ended becomes final now
    send_for_good(stream, followed, parts[0].from_ns, at, now_ns, effect);
    advanced_from_ns_ = time_max;
    if (measures_another && followed.clock->watermark_ns < at) watched_.push_back(MeasureEnd{&stream, followed.definition, at});
  }
  parts.erase(parts.begin());
  follow_parts(stream);
}

void Windower::close(StreamRecord& stream, TimeNs now_ns, Effect& effect) {
  mark(stream);
  for (Followed& followed : stream.followed) {
    end_silence(stream, followed, now_ns, effect);
    const StreamClock& clock = *followed.clock;
    // Of windows of a number of samples the last one may lie beyond, and those before it have had their names.
    if (clock.back_to_ns == time_min || followed.definition->kind == schema::WindowKind::count) {
      close_between(stream, followed, time_min, time_max, now_ns, effect);
    } else {
      // Beyond where the clock came back from there may be windows. What lies before them may still come.
      const bool is_on_grid = followed.definition->is_on_grid();
      const TimeNs beyond =
          is_on_grid ? Grid(*followed.definition, stream.state.parts).first_start(clock.back_to_ns) : clock.back_to_ns;
      close_between(stream, followed, time_min, beyond, now_ns, effect);
      close_between(stream, followed, beyond, time_max, now_ns, effect);
    }
    // What is left says what was sent of windows that hold panes of the next stretch.
    for (const auto& [start, pane] : *followed.panes) touch(stream, {start, followed.definition->id});
    followed.panes->clear();
    followed.unsent_sessions.clear();
    followed.due_ns = followed.unsent_from_ns = time_max;
  }
}

void Windower::close_between(StreamRecord& stream, Followed& followed, TimeNs from, TimeNs to, TimeNs now_ns, Effect& effect) {
  Stretch closed;  // beside the starts of the windows that are sent
  const auto end = followed.panes->lower_bound(to);
  if (followed.definition->kind == schema::WindowKind::session && end != followed.panes->lower_bound(from)) {
    const auto& [start, pane] = *std::prev(end);
    closed = {start, start + pane.length_ns};  // nothing comes into the last session either
  }
  send_for_good(stream, followed, from, to, now_ns, effect);
  followed.clock->cut_short.add(closed.from_ns, closed.to_ns);
}

// Parts of which no window can change any more.
void Windower::drop_parts(StreamRecord& stream) {
  Parts& parts = stream.state.parts;
  const std::size_t before = parts.size();
  while (parts.size() > 1) {
    const TimeNs end = parts[1].from_ns;
    const bool is_needed = std::ranges::any_of(stream.followed, [&](const Followed& followed) {
      const bool has_pane = !followed.panes->empty() && followed.panes->begin()->first < end;
      return has_pane || end > followed.clock->settled_ns;
    });
    if (is_needed) break;
    parts.erase(parts.begin());
  }
  if (parts.size() == before) return;
  follow_parts(stream);
  mark(stream);
}

// The definitions that take samples of any part, and those that did of an earlier one or in an earlier run: they may again, and
// what they have sent must be remembered.
void Windower::follow_parts(StreamRecord& stream) {
  Stream& state = stream.state;
  state.note_clock_behind();
  const std::vector<Followed> before = std::exchange(stream.followed, {});
  const auto follow = [&](const WindowDefinition& definition, bool is_former) {
    const auto known = std::ranges::find(before, &definition, &Followed::definition);
    if (known != before.end()) {
      stream.followed.push_back(*known);
      return;
    }
    StreamClock& clock = state.clocks.try_emplace(definition.id, begun_with(state.clock)).first->second;
    Followed followed{.definition = &definition,
                      .is_former = is_former,
                      .panes = &state.panes[definition.id],
                      .clock = &clock,
                      .unsent_sessions = {}};
    followed.unsent_from_ns = first_unsent(state, followed);
    followed.unsent_sessions = sessions_without_row(followed);
    followed.due_ns = due_of(stream, followed);
    stream.followed.push_back(followed);
  };
  for (const WindowDefinition& definition : definitions_) {
    const bool is_taken = std::ranges::any_of(
        state.parts, [&](const Part& part) { return definition.takes(state.device, part.description.quantity); });
    if (is_taken || state.clocks.contains(definition.id)) follow(definition, false);
  }
  for (const WindowDefinition& definition : former_) {
    if (state.clocks.contains(definition.id)) follow(definition, true);
  }
}

}  // namespace stethos::edge
