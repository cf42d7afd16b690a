#include "tests/simulation/world_parts.h"

#include <cmath>

// What must hold, by the definitions of windows, silences and alarms alone.

namespace stethos::simulation {

// By the definition of windows alone: count and sum of what the device produced. Count windows are checked by their total.
std::map<std::pair<std::uint64_t, TimeNs>, World::Expected> World::expected_windows(const Device& device) const {
  std::map<std::pair<std::uint64_t, TimeNs>, Expected> expected;
  for (const auto& definition : definitions_) {
    const auto count_in = [&](TimeNs start, const Device::Produced& block) {
      Expected& window = expected[{definition.id, start}];
      window.count += block.samples.size();
      if (block.may_be_lost) window.may_be_lost += block.samples.size();
      for (const float sample : block.samples) window.sum += sample;
    };
    TimeNs session = 0;
    TimeNs last = 0;
    for (const auto& block : device.produced) {
      if (definition.is_on_grid()) {
        for (TimeNs start = definition.first_start(block.time); start <= block.time; start += definition.hop_ns)
          count_in(start, block);
      } else if (definition.kind == schema::WindowKind::session) {
        if (session == 0 || block.time - last >= definition.length_ns) session = block.time;
        last = block.time;
        count_in(session, block);
      }
    }
  }
  return expected;
}

std::string World::check(bool at_end) {
  const auto text_of = [](const schema::WindowRow& row) {
    return row.device()->str() + " " + schema::EnumNameWindowKind(row.kind()) + " window at " +
           std::to_string((row.start_ns() - begin) / ms) + " ms, revision " + std::to_string(row.revision());
  };
  tally_.windows = 0;
  std::uint64_t produced = 0;
  std::uint64_t incomplete = 0;  // windows, with a budget; without one that is an error at once
  for (const auto& device : devices_) {
    std::uint64_t of_device = 0;
    for (const auto& block : device->produced) of_device += block.samples.size();
    produced += of_device;
    if (is_reconfigured()) {
      if (auto wrong = check_slices(*device, of_device, at_end); !wrong.empty()) return wrong;
      continue;
    }
    auto expected = expected_windows(*device);
    std::map<std::uint64_t, std::uint64_t> in_count_windows;
    collector::Filter filter;
    filter.device = device->name;
    filter.limit = collector::page_rows_max;
    const auto page = query_->windows(filter);
    STETHOS_CHECK(page.has_value() && page->next.empty(), "a page takes them all");
    for (const auto& record : page->records) {
      const schema::WindowRow& row = *record.row;
      if (row.kind() == schema::WindowKind::count) {
        in_count_windows[row.definition()] += row.counts()->good();
        continue;
      }
      const auto known = expected.find({row.definition(), row.start_ns()});
      // While data is missing, or for ever where the row that withdraws it was given up, a session may stand for the second half
      // of another.
      if (known == expected.end() && row.kind() == schema::WindowKind::session && (!at_end || has_budget())) {
        if (at_end) ++incomplete;
        continue;
      }
      if (known == expected.end()) return text_of(row) + " should not exist";
      const auto [count, may_be_lost, sum] = known->second;
      const bool too_few = at_end && row.counts()->good() < count - may_be_lost;
      if (too_few) ++incomplete;
      if (row.counts()->good() > count || (too_few && !has_budget())) {
        return text_of(row) + " has " + std::to_string(row.counts()->good()) + " of " + std::to_string(count);
      }
      if (row.counts()->good() == count && std::abs(row.moments()->mean() * static_cast<double>(count) - sum) > 1e-9) {
        return text_of(row) + " has other values";
      }
      expected.erase(known);
    }
    for (const auto& [definition, count] : in_count_windows) {
      if (count > of_device || (at_end && count != of_device && !has_budget())) {
        return device->name + ": count windows hold " + std::to_string(count) + " of " + std::to_string(of_device);
      }
    }
    std::erase_if(expected, [](const auto& each) { return each.second.count == each.second.may_be_lost; });
    if (at_end) incomplete += expected.size();
    if (at_end && !expected.empty() && !has_budget()) {
      const auto& [definition, start] = expected.begin()->first;
      return device->name + ": no window of definition " + std::to_string(definition) + " at " +
             std::to_string((start - begin) / ms) + " ms, which should have " + std::to_string(expected.begin()->second.count);
    }
    tally_.windows += page->records.size();
  }
  const edge::SampleCounts samples = edge_->core->samples();
  // More changes than parts are kept close the oldest for good.
  const std::uint64_t counted = samples.good + (is_reconfigured() ? samples.late : 0);
  const bool too_few = at_end && counted != produced && tally_.copies == 0;
  if (counted > produced || too_few || counted - samples.good != samples.late || samples.rejected != 0) {
    return "the edge counts " + std::to_string(samples.good) + " good, " + std::to_string(samples.late) + " late and " +
           std::to_string(samples.rejected) + " rejected of " + std::to_string(produced);
  }
  // An edge that was put back knows nothing of the messages that its former life acknowledged, nor of its alarms.
  if (tally_.copies > 0) return {};
  collector::Filter all;
  all.limit = collector::page_rows_max;
  const auto gaps = query_->gaps(all);
  STETHOS_CHECK(gaps.has_value() && gaps->next.empty(), "a page takes them all");
  std::uint64_t missing = 0;
  for (const auto& gap : gaps->records) {
    if (!has_budget() || gap.cause != "given_up_for_room") return "a gap is reported, and nothing is missing: " + gap.cause;
    missing += gap.last - gap.first + 1;
  }
  if (missing > edge_->spool->given_up().rows) {
    return std::to_string(missing) + " rows are in gaps, and " + std::to_string(edge_->spool->given_up().rows) + " were given up";
  }
  if (auto wrong = check_budget(); !wrong.empty() || !at_end) return wrong;
  if (incomplete > missing)
    return std::to_string(incomplete) + " windows are not complete, and " + std::to_string(missing) + " rows were given up";
  tally_.given_up += missing;
  if (missing > 0) return {};
  for (const auto& device : devices_) {
    if (auto wrong = check_silences(*device); !wrong.empty()) return wrong;
  }
  return check_alarms();
}

// Where a change may cut windows: of the first definition, which all setups have, what lies in each slice of the grid.
std::string World::check_slices(const Device& device, std::uint64_t of_device, bool at_end) {
  const edge::WindowDefinition& definition = definitions_.front();
  std::map<TimeNs, std::uint64_t> good;
  std::uint64_t sum = 0;
  collector::Filter filter;
  filter.device = device.name;
  filter.limit = collector::page_rows_max;
  const auto page = query_->windows(filter);
  STETHOS_CHECK(page.has_value() && page->next.empty(), "a page takes them all");
  for (const auto& record : page->records) {
    const schema::WindowRow& row = *record.row;
    if (row.definition() != definition.id) continue;
    good[definition.slice_of(row.start_ns())] += row.counts()->good();
    sum += row.counts()->good() + row.counts()->late();
  }
  const auto expected = expected_windows(device);
  for (const auto& [start, count] : good) {
    const auto known = expected.find({definition.id, start});
    const std::uint64_t most = known == expected.end() ? 0 : known->second.count;
    if (count > most) {
      return device.name + ": what starts at " + std::to_string((start - begin) / ms) + " ms has " + std::to_string(count) +
             " of " + std::to_string(most);
    }
  }
  tally_.windows += page->records.size();
  if (!at_end || has_budget() || sum == of_device) return {};
  return device.name + ": the rows hold " + std::to_string(sum) + " of " + std::to_string(of_device);
}

std::string World::check_budget() const {
  std::uint64_t bytes = 0;
  for (const auto& lane : edge_->spool->lane_totals()) {
    for (const auto& part : {lane.waiting, lane.history}) bytes += part.bytes + part.rows * edge::row_overhead_bytes;
  }
  if (bytes <= budget_.bytes_max) return {};
  return "the spool has " + std::to_string(bytes) + " bytes, and may have " + std::to_string(budget_.bytes_max);
}

// By the windows that there should be: each stretch of the grid between two of them is one silence.
std::string World::check_silences(const Device& device) {
  std::map<std::pair<std::uint64_t, TimeNs>, std::uint64_t> expected;
  const auto windows = expected_windows(device);
  for (const auto& definition : definitions_) {
    if (!definition.is_on_grid()) continue;
    auto window = windows.lower_bound({definition.id, std::numeric_limits<TimeNs>::min()});
    for (auto next = std::next(window); next != windows.end() && next->first.first == definition.id; window = next++) {
      const TimeNs first = window->first.second + definition.hop_ns;
      if (first < next->first.second)
        expected[{definition.id, first}] = static_cast<std::uint64_t>((next->first.second - first) / definition.hop_ns);
    }
  }
  collector::Filter filter;
  filter.device = device.name;
  filter.limit = collector::page_rows_max;
  const auto page = query_->silences(filter);
  STETHOS_CHECK(page.has_value() && page->next.empty(), "a page takes them all");
  std::map<std::pair<std::uint64_t, TimeNs>, std::uint64_t> found;
  for (const auto& record : page->records) {
    if (std::ranges::find(definitions_, record.definition, &edge::WindowDefinition::id) == definitions_.end()) continue;
    // What has been forgotten since it spoke last is silent until it speaks again.
    if (record.state == schema::WindowState::final && record.start <= device.time)
      found[{record.definition, record.start}] = record.windows;
    if (record.state == schema::WindowState::open && record.start <= device.time) {
      return device.name + " has spoken since the silence at " + std::to_string((record.start - begin) / ms) + " ms began";
    }
  }
  // What is forgotten is not due to speak from then on.
  for (auto& [whose, count] : found) {
    const auto whole = expected.find(whose);
    if (!with_forgetting_ || whole == expected.end() || whole->second < count) continue;
    const DurationNs hop = std::ranges::find(definitions_, whose.first, &edge::WindowDefinition::id)->hop_ns;
    if (static_cast<DurationNs>(whole->second) * hop > rest_ns / 2) count = whole->second;
  }
  tally_.silences += found.size();
  if (found == expected) return {};
  const auto text = [](const auto& silences) {
    std::string all;
    for (const auto& [whose, count] : silences)
      all += " " + std::to_string((whose.second - begin) / ms) + " ms x" + std::to_string(count);
    return all;
  };
  return device.name + ": silent at" + text(found) + ", and should be at" + text(expected);
}

// Each change that the edge committed is one row, and what is active or provisional there is so here.
std::string World::check_alarms() {
  collector::Filter filter;
  filter.limit = collector::page_rows_max;
  const auto page = query_->alarms(filter);
  STETHOS_CHECK(page.has_value() && page->next.empty(), "a page takes them all");
  using schema::AlarmLevel;
  using schema::AlarmState;
  std::map<AlarmLevel, std::size_t> active, provisional;
  for (const auto& record : page->records) {
    const schema::AlarmRow& row = *record.row;
    ++active[row.level()];
    ++provisional[row.provisional_level()];
    const bool is_active = row.level() != AlarmLevel::none;
    const bool is_provisional = !is_active && row.provisional_level() != AlarmLevel::none;
    const bool was_active = row.highest_level() != AlarmLevel::none;
    const bool has_left = is_reconfigured() && row.state() == AlarmState::withdrawn;  // its limit, or its windows
    if (has_left && !is_active && !is_provisional) continue;
    const bool is_told_as_it_is = is_active        ? row.state() == AlarmState::active && was_active
                                  : is_provisional ? row.state() == AlarmState::provisional && !was_active
                                                   : row.state() == (was_active ? AlarmState::inactive : AlarmState::withdrawn);
    // Those of what is forgotten are withdrawn, active or not.
    const bool was_forgotten = with_forgetting_ && !is_active && !is_provisional && row.state() == AlarmState::withdrawn;
    if (!is_told_as_it_is && !was_forgotten) {
      return std::string("an alarm is ") + schema::EnumNameAlarmState(row.state()) + " at " +
             schema::EnumNameAlarmLevel(row.level()) + ", provisional at " + schema::EnumNameAlarmLevel(row.provisional_level()) +
             ", and was at most at " + schema::EnumNameAlarmLevel(row.highest_level());
    }
  }
  const edge::Core& core = *edge_->core;
  for (const auto level : {AlarmLevel::alert, AlarmLevel::danger}) {
    if (active[level] != core.alarm_count(level) || provisional[level] != core.provisional_alarm_count(level)) {
      return std::to_string(core.alarm_count(level)) + " alarms are active at " + schema::EnumNameAlarmLevel(level) + " and " +
             std::to_string(core.provisional_alarm_count(level)) + " provisional, at the collector " +
             std::to_string(active[level]) + " and " + std::to_string(provisional[level]);
    }
  }
  const auto nodes = query_->nodes(filter);
  STETHOS_CHECK(nodes.has_value(), "the store can be read");
  std::uint64_t changes = 0;
  for (const auto& node : nodes->records) {
    for (const auto& spool : node.spools) {
      for (const auto& lane : spool.lanes) changes += lane.lane == static_cast<int>(schema::Lane::alarms) ? lane.rows : 0;
    }
  }
  // What an alarm stands at is said again when its row leaves the spool for want of room.
  const std::uint64_t told = core.totals()[edge::Counter::alarm_rows];
  if (has_budget() ? changes < told : changes != told) {
    return "the edge tells of " + std::to_string(told) + " changes of alarms, the collector of " + std::to_string(changes);
  }
  tally_.alarms = page->records.size();
  return {};
}

}  // namespace stethos::simulation
