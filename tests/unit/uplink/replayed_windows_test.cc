// Windows that a node and replays of several generations cut as they like, and whose rows come in any order, in one batch or in
// two, and again: held against what must be shown, merged and told.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <compare>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/uplink/collector_fixture.h"
#include "uplink/collector/retention.h"

namespace stethos::collector {
namespace {

constexpr std::uint64_t good_per_tenth = 10;

// Of a definition: how long its windows are, and where the first of the trial begins.
struct Window {
  std::uint64_t definition = 1;
  TimeNs start = 0;
  DurationNs length = ns_per_s;

  TimeNs at(int tenths) const { return start + length / 10 * tenths; }
};

// A row of a window, in tenths of that.
struct Part {
  int from = 0;
  int to = 0;
  std::uint32_t generation = 0;
  std::uint64_t good = 0;
  auto operator<=>(const Part&) const = default;
};

struct Batch {
  std::uint32_t generation = 0;
  std::vector<Part> parts;
};

std::string text_of(const Batch& batch) {
  std::string text = "\n  generation " + std::to_string(batch.generation) + ":";
  for (const Part& each : batch.parts) {
    text += " [" + std::to_string(each.from) + "," + std::to_string(each.to) + ")=" + std::to_string(each.good);
  }
  return text;
}

// Of one of several lengths, that begins anywhere in an hour.
Window random_window(std::mt19937& random, std::uint64_t definition) {
  constexpr std::array lengths{ns_per_s, hour_ns, 2 * hour_ns, day_ns};
  const TimeNs start = at_or_before(some_time, day_ns) - 40 * day_ns + static_cast<TimeNs>(random() % 8) * (hour_ns / 4);
  return {.definition = definition, .start = start, .length = lengths.at(random() % lengths.size())};
}

void merge_all(Retention& retention) {
  for (Result<bool> more = true; more && *more;) more = retention.step(some_time);
}

using Cuts = std::vector<std::pair<int, int>>;

// From nothing to nine cuts in a window.
Cuts random_cuts(std::mt19937& random) {
  std::set<int> at{0, 10};
  for (auto more = random() % 4; more > 0; --more) at.insert(static_cast<int>(1 + random() % 9));
  Cuts cuts;
  for (auto each = at.begin(); std::next(each) != at.end(); ++each) cuts.emplace_back(*each, *std::next(each));
  return cuts;
}

// A number of samples in which each tenth of the window is a hexadecimal digit of its own, and whether none is there twice.
std::uint64_t digits(int from, int to) {
  std::uint64_t sum = 0;
  for (int i = from; i < to; ++i) sum += std::uint64_t{1} << (4 * i);
  return sum;
}
bool is_once(std::uint64_t sum) { return (sum & ~digits(0, 10)) == 0; }

class ReplayedWindowsTest : public CollectorTest {
 protected:
  ReplayedWindowsTest() {
    intake.emplace(*store, std::vector<std::string>{"gateway-1"});
    take(batch_of({}));
  }

  // Of some generations, each cut anywhere, now and then with a part missing, or with fewer samples.
  static std::vector<Batch> random_batches(std::mt19937& random, bool has_losses) {
    std::vector<Batch> batches;
    for (std::uint32_t generation = 0; generation < 4; ++generation) {
      if (random() % 4 == 0) continue;
      Batch batch{generation, {}};
      for (const auto& [from, to] : random_cuts(random)) {
        Part part{from, to, generation, good_per_tenth * static_cast<std::uint64_t>(to - from)};
        if (has_losses && random() % 4 == 0) part.good = random() % 30;
        if (!has_losses || random() % 8 > 0) batch.parts.push_back(part);
      }
      if (batch.parts.empty()) continue;
      std::ranges::shuffle(batch.parts, random);
      batches.push_back(batch);
      if (random() % 3 == 0) batches.push_back(batch);  // again
      if (random() % 3 == 0) batches.push_back({generation, {batch.parts.front()}});
    }
    std::ranges::shuffle(batches, random);
    return batches;
  }

  // `spool`: of two that a node, or the replays of a generation, have.
  void send(const Window& window, const Batch& batch, char spool = 'a') {
    const std::string identity = std::string(31, spool) + std::to_string(batch.generation);
    std::vector<SentRow> rows;
    for (const Part& each : batch.parts) {
      auto row = window_row(
          {.start = window.at(each.from), .definition = window.definition, .generation = each.generation, .good = each.good});
      row.length_ns = window.at(each.to) - window.at(each.from);
      if (each.to - each.from < 10) row.whole = std::make_unique<schema::SpanT>(schema::SpanT{{}, window.start, window.length});
      rows.push_back(sent(++numbers_[identity], row));
    }
    auto packed = batch_of({{.rows = std::move(rows)}}, identity, batch.generation == 0 ? "gateway-1" : "lab");
    if (batch.generation > 0) packed.replaces = "gateway-1";
    take(packed);
  }

  std::set<Part> shown(const Window& window) {
    Filter filter;
    filter.from = window.start;
    filter.to = window.at(10);
    std::set<Part> parts;
    const auto page = query->windows(filter);
    for (const auto& each : page->records) {
      const auto from = (each.row->start_ns() - window.start) / (window.length / 10);
      parts.insert({static_cast<int>(from), static_cast<int>(from + each.row->length_ns() / (window.length / 10)),
                    each.row->generation(), each.row->counts()->good()});
    }
    return parts;
  }

  // Of all windows, hours or days of the definition.
  std::uint64_t good(const Window& window, Tier tier) {
    Filter filter;
    filter.definition = window.definition;
    std::uint64_t sum = 0;
    const auto page = query->windows(filter, tier);
    for (const auto& each : page->records) sum += each.row->counts()->good();
    return sum;
  }

 private:
  std::map<std::string, std::uint64_t> numbers_;  // by spool
};

std::uint64_t good_of(const std::set<Part>& parts) {
  std::uint64_t sum = 0;
  for (const Part& each : parts) sum += each.good;
  return sum;
}

TEST_F(ReplayedWindowsTest, RowsOfTheHighestGenerationAreShownAndALossIsTold) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 400; ++trial) {
    const Window window{.start = some_time - 3'600 * ns_per_s - trial * ns_per_s};
    std::map<std::uint32_t, std::set<Part>> come;
    std::string story = "trial " + std::to_string(trial);
    for (const Batch& batch : random_batches(random, true)) {
      story += text_of(batch);
      const auto before = good_of(shown(window));
      const auto told = counted(Counter::windows_conflicting);
      send(window, batch);
      come[batch.generation].insert(batch.parts.begin(), batch.parts.end());
      ASSERT_EQ(shown(window), come.rbegin()->second) << story;
      const bool is_told = counted(Counter::windows_conflicting) > told;
      ASSERT_TRUE(is_told || good_of(shown(window)) >= before) << story;
    }
  }
}

// Of windows of several lengths, that begin anywhere in an hour, two spools have some parts each of every generation, which come
// one by one in any order. Each tenth of the window counts in a digit of its own.
TEST_F(ReplayedWindowsTest, NoSampleIsShownOrMergedTwice) {
  Budgets budgets;
  budgets.windows.bytes_max = 0;
  Budgets without_hours = budgets;
  without_hours.hours.bytes_max = 0;
  Retention to_hours(*store, budgets);
  Retention to_days(*store, without_hours);
  for (std::uint32_t trial = 0; trial < 600; ++trial) {
    std::mt19937 random(trial);
    const Window window = random_window(random, 100 + trial);
    std::string story = "trial " + std::to_string(trial) + ": " + std::to_string(window.length / ns_per_s) + " s";
    std::vector<std::pair<char, Part>> parts;  // with the spool
    for (std::uint32_t generation = 0; generation < 3; ++generation) {
      for (const char spool : {'a', 'b'}) {
        if (random() % 2 == 0) continue;
        for (const auto& [from, to] : random_cuts(random)) {
          if (random() % 6 > 0) parts.emplace_back(spool, Part{from, to, generation, digits(from, to)});
        }
      }
    }
    std::ranges::shuffle(parts, random);
    for (const auto& [spool, part] : parts) {
      story += "\n  " + std::string(1, spool) + text_of({part.generation, {part}});
      send(window, {part.generation, {part}}, spool);
      ASSERT_TRUE(is_once(good(window, Tier::windows))) << story;
      if (random() % 3 == 0) {
        const bool is_to_days = random() % 3 == 0;
        story += is_to_days ? "\n  merged to days" : "\n  merged";
        merge_all(is_to_days ? to_days : to_hours);
      }
      ASSERT_TRUE(is_once(good(window, Tier::hours) + good(window, Tier::days))) << story;
    }
  }
}

// As a node sends them that nothing is wrong with: all parts are merged, in whichever order they come and wherever a day begins.
TEST_F(ReplayedWindowsTest, OfOneSpoolEverythingIsMerged) {
  Budgets budgets;
  budgets.windows.bytes_max = 0;
  Retention to_hours(*store, budgets);
  for (std::uint32_t trial = 0; trial < 200; ++trial) {
    std::mt19937 random(trial);
    const Window window = random_window(random, 100 + trial);
    auto cuts = random_cuts(random);
    const bool is_newest_first = random() % 2 == 0;
    if (is_newest_first) std::ranges::reverse(cuts);
    std::string story = "trial " + std::to_string(trial) + (is_newest_first ? ", newest first" : "");
    const std::uint32_t generation = random() % 2;
    for (const auto& [from, to] : cuts) {
      const Batch batch{generation, {{from, to, generation, digits(from, to)}}};
      story += text_of(batch);
      send(window, batch);
      if (random() % 2 == 0) continue;
      story += "\n  merged";
      merge_all(to_hours);
    }
    merge_all(to_hours);
    ASSERT_EQ(good(window, Tier::hours), digits(0, 10)) << story;
  }
}

}  // namespace
}  // namespace stethos::collector
