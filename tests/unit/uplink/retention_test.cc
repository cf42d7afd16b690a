#include "uplink/collector/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "gpu_kernels/buckets.h"
#include "gpu_kernels/moments.h"
#include "gpu_kernels/statistics.h"
#include "tests/unit/uplink/collector_fixture.h"
#include "uplink/collector/render.h"
#include "uplink/collector/row_text.h"

namespace stethos::collector {
namespace {

constexpr TimeNs midnight = 20'000 * day_ns;

class RetentionTest : public CollectorTest {
 protected:
  // What comes, numbered one after the other.
  void send(const std::vector<schema::WindowRowT>& rows, TimeNs now = some_time) {
    std::vector<SentRow> out;
    for (const auto& row : rows) {
      out.push_back({next_++, static_cast<std::uint16_t>(schema::RowKind::window), schema::pack(row)});
    }
    take(batch_of({{.rows = std::move(out)}}), now);
  }

  // As long as there is anything to drop. How many steps it took.
  int keep(const Budgets& budgets, TimeNs now) {
    Retention retention(*store, budgets);
    for (int steps = 0;; ++steps) {
      const auto more = retention.step(now);
      EXPECT_TRUE(more) << more.error().text();
      if (!more || !*more) return steps;
    }
  }

  struct Stored {
    std::int64_t windows = 0;
    schema::WindowRowT row;
  };
  std::vector<Stored> rows_of(const std::string& table) {
    std::vector<Stored> out;
    sqlite::Statement statement(store->database(),
                                "SELECT windows, body FROM " + table + " ORDER BY stream, start_ns, definition");
    while (*statement.step()) {
      const auto opened = schema::open_window_row(statement.blob(1));
      EXPECT_TRUE(opened);
      out.push_back({.windows = statement.integer(0), .row = {}});
      (*opened)->UnPackTo(&out.back().row);
    }
    return out;
  }

  // Every window that the store ever held is in exactly one place, as long as no day was dropped.
  void expect_balance() {
    expect_balance_of_bytes();
    EXPECT_EQ(counted(Counter::windows_dropped) - counted(Counter::windows_unmerged),
              integer("SELECT coalesce((SELECT sum(windows) FROM hours), 0) + coalesce((SELECT sum(windows) FROM days), 0)"));
  }
  void expect_balance_of_bytes() {
    EXPECT_EQ(counted(Counter::windows), integer("SELECT count(*) FROM windows"));
    EXPECT_EQ(counted(Counter::hours), integer("SELECT count(*) FROM hours"));
    EXPECT_EQ(counted(Counter::days), integer("SELECT count(*) FROM days"));
    for (const std::string table : {"windows", "hours", "days", "alarms"}) {
      const std::string sum = "SELECT coalesce(sum(length(body) + 128), 0) FROM " + table;
      EXPECT_EQ(integer("SELECT value FROM counters WHERE name = '" + table + "_bytes'"), integer(sum)) << table;
    }
  }

  std::uint64_t next_ = 1;
};

// A minute of samples, with all that a window says of them.
schema::WindowRowT minute(TimeNs start, std::mt19937& random, kernels::Moments* all = nullptr) {
  schema::WindowRowT row = window_row({.start = start});
  row.length_ns = 60 * ns_per_s;
  kernels::Moments moments;
  std::normal_distribution<double> sample(3, 2);
  for (int i = 0; i < 20; ++i) {
    moments = kernels::merge(moments, kernels::moments_of(sample(random), -100, 100));
  }
  if (all != nullptr) *all = kernels::merge(*all, moments);
  row.moments->count = moments.count;
  row.moments->mean = moments.mean;
  row.moments->m2 = moments.m2;
  row.moments->m3 = moments.m3;
  row.moments->m4 = moments.m4;
  row.moments->min = moments.min;
  row.moments->max = moments.max;
  row.moments->sum_abs = moments.sum_abs;
  row.moments->sum_sqrt_abs = moments.sum_sqrt_abs;
  row.counts->expected = row.counts->received = row.counts->good = moments.count;
  row.counts->late = 1;
  return row;
}

std::vector<schema::WindowRowT> minutes(TimeNs start, int count, std::mt19937& random, kernels::Moments* all = nullptr) {
  std::vector<schema::WindowRowT> out;
  for (int i = 0; i < count; ++i) out.push_back(minute(start + 60 * ns_per_s * i, random, all));
  return out;
}

TEST_F(RetentionTest, WindowsThatAreTooOldBecomeHours) {
  std::mt19937 random(1);
  kernels::Moments first;
  send(minutes(midnight, 60, random, &first));
  send(minutes(midnight + hour_ns, 60, random));
  Budgets budgets;
  budgets.windows.age_max = hour_ns;
  keep(budgets, midnight + 2 * hour_ns);
  EXPECT_EQ(counted(Counter::windows), 60);
  const auto hours = rows_of("hours");
  ASSERT_EQ(hours.size(), 1U);
  EXPECT_EQ(hours[0].windows, 60);
  const auto& row = hours[0].row;
  EXPECT_EQ(row.start_ns, midnight);
  EXPECT_EQ(row.length_ns, hour_ns);
  EXPECT_EQ(row.counts->good, 1200U);
  EXPECT_EQ(row.counts->late, 60U);
  EXPECT_EQ(row.moments->count, first.count);
  EXPECT_NEAR(row.moments->m4, first.m4, 1e-9 * first.m4);
  for (const auto& value : row.statistics) {
    const double expected = kernels::find_statistic(value->statistic)->compute(first);
    EXPECT_NEAR(value->value, expected, 1e-9 * std::abs(expected)) << value->statistic;
  }
  expect_balance();
}

// Two days of windows that come in batches of random sizes and orders, and are rolled up in between: in the end what days, hours
// and windows hold together is what the samples say.
TEST_F(RetentionTest, HowAndWhenWindowsAreMergedChangesNoSum) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    std::mt19937 random(seed);
    const std::string channel = "c" + std::to_string(seed);
    kernels::Moments whole;
    auto rows = minutes(midnight, 48 * 60, random, &whole);
    std::uint64_t late = rows.size();
    for (auto& row : rows) row.channel = channel;
    Budgets budgets;
    budgets.windows.age_max = 6 * hour_ns;
    budgets.hours.age_max = 12 * hour_ns;
    for (std::size_t at = 0; at < rows.size();) {
      const std::size_t count = std::min(rows.size() - at, std::size_t{1} + random() % 400);
      const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(at);
      std::vector<schema::WindowRowT> some;
      for (auto row = begin; row != begin + static_cast<std::ptrdiff_t>(count); ++row) {
        std::vector<std::uint8_t> packed = schema::pack(*row);
        (*schema::open_window_row(packed))->UnPackTo(&some.emplace_back());
      }
      std::ranges::shuffle(some, random);
      send(some);
      at += count;
      keep(budgets, midnight + static_cast<TimeNs>(at) * 60 * ns_per_s);
    }
    kernels::Moments sum;
    std::uint64_t late_sum = 0;
    for (const std::string table : {"(SELECT *, 1 AS windows FROM windows)", "hours", "days"}) {
      for (const auto& stored : rows_of(table)) {
        if (stored.row.channel != channel) continue;
        const auto& m = *stored.row.moments;
        sum = kernels::merge(sum, {m.count, m.mean, m.m2, m.m3, m.m4, m.min, m.max, m.sum_abs, m.sum_sqrt_abs, 0, 0});
        late_sum += stored.row.counts->late;
      }
    }
    EXPECT_EQ(sum.count, whole.count);
    EXPECT_EQ(late_sum, late);
    EXPECT_NEAR(sum.mean, whole.mean, 1e-9);
    EXPECT_NEAR(sum.m2, whole.m2, 1e-9 * whole.m2);
    EXPECT_NEAR(sum.m4, whole.m4, 1e-9 * whole.m4);
    EXPECT_EQ(sum.min, whole.min);
    EXPECT_EQ(sum.max, whole.max);
    EXPECT_NEAR(sum.sum_sqrt_abs, whole.sum_sqrt_abs, 1e-9 * whole.sum_sqrt_abs);
  }
  EXPECT_GT(integer("SELECT count(*) FROM days"), 0);
  EXPECT_GT(integer("SELECT count(*) FROM hours"), 0);
  EXPECT_EQ(counted(Counter::windows_unmerged), 0);
  expect_balance();
}

TEST_F(RetentionTest, WhatIsSentAgainAfterItWasMergedIsCountedAndNotMergedTwice) {
  std::mt19937 random(2);
  const auto rows = [&](int first, int count) {
    random.seed(3);
    auto out = minutes(midnight, 60, random);
    std::vector<schema::WindowRowT> some;
    for (int i = first; i < first + count; ++i) some.push_back(std::move(out[static_cast<std::size_t>(i)]));
    return some;
  };
  const auto newest = [&] {
    random.seed(4);
    return minutes(midnight + 5 * hour_ns, 1, random);
  };
  Budgets budgets;
  budgets.windows.age_max = hour_ns;
  const TimeNs now = midnight + 6 * hour_ns;
  send(newest());
  send(rows(20, 20));
  keep(budgets, now);
  send(rows(40, 20));
  keep(budgets, now);
  send(rows(0, 20));
  keep(budgets, now);
  ASSERT_EQ(rows_of("hours").size(), 1U);
  EXPECT_EQ(rows_of("hours")[0].windows, 60);
  EXPECT_EQ(rows_of("hours")[0].row.first_received_ns, midnight);
  EXPECT_EQ(counted(Counter::windows_unmerged), 0);

  const auto before = schema::pack(rows_of("hours")[0].row);
  send(rows(0, 60));
  keep(budgets, now);
  EXPECT_EQ(schema::pack(rows_of("hours")[0].row), before);
  EXPECT_EQ(counted(Counter::windows_unmerged), 60);
  expect_balance();

  budgets.hours.age_max = hour_ns;  // and the same once the hour has become a day
  send({minute(midnight + 2 * day_ns, random)});
  keep(budgets, midnight + 3 * day_ns);
  ASSERT_EQ(rows_of("days").size(), 1U);
  EXPECT_EQ(rows_of("days")[0].windows, 61);
  send(rows(10, 5));
  keep(budgets, midnight + 3 * day_ns);
  EXPECT_EQ(rows_of("days")[0].windows, 61);
  EXPECT_EQ(rows_of("hours").size(), 0U);
  EXPECT_EQ(counted(Counter::windows_unmerged), 65);
  expect_balance();
}

TEST_F(RetentionTest, OverlappingWindowsAreMergedOnce) {
  std::mt19937 random(5);
  std::vector<schema::WindowRowT> rows;
  for (int i = 0; i < 120; ++i) {  // a minute long, each half a minute after the last
    rows.push_back(minute(midnight + 30 * ns_per_s * i, random));
    rows.back().kind = schema::WindowKind::hopping;
  }
  // Cut where both are: each keeps its part before, and the part behind is of the later one.
  const auto cut = [&](std::size_t i, TimeNs start, DurationNs length, TimeNs whole) {
    rows[i].start_ns = start;
    rows[i].length_ns = length;
    rows[i].whole = std::make_unique<schema::SpanT>(schema::SpanT{{}, whole, 60 * ns_per_s});
  };
  const TimeNs at = midnight + 40 * ns_per_s;
  cut(0, midnight, at - midnight, midnight);
  cut(1, midnight + 30 * ns_per_s, at - midnight - 30 * ns_per_s, midnight + 30 * ns_per_s);
  rows.push_back(minute(midnight, random));
  rows.back().kind = schema::WindowKind::hopping;
  cut(120, at, 50 * ns_per_s, midnight + 30 * ns_per_s);
  rows.push_back(minute(midnight + day_ns, random));
  send(rows);
  Budgets budgets;
  budgets.windows.age_max = hour_ns;
  keep(budgets, midnight + 2 * day_ns);
  EXPECT_EQ(rows_of("hours").at(0).windows, 60);
  EXPECT_EQ(rows_of("hours").at(0).row.moments->count, 60U * 20);
  EXPECT_EQ(counted(Counter::windows_unmerged), 61);
  expect_balance();
}

TEST_F(RetentionTest, WithdrawnWindowsAndAnotherUnitAreNotMerged) {
  std::mt19937 random(6);
  auto rows = minutes(midnight, 60, random);
  rows[3].state = schema::WindowState::withdrawn;
  for (std::size_t i = 30; i < rows.size(); ++i) rows[i].stream_version = 0x52;
  rows.push_back(minute(midnight + day_ns, random));
  auto other = stream_row("Pump 1", 0x52);
  other.unit = "mm/s";
  take(batch_of({{.lane = notes_lane, .rows = {sent(1, stream_row()), sent(2, other)}}}));
  send(rows);
  Budgets budgets;
  budgets.windows.age_max = hour_ns;
  keep(budgets, midnight + 2 * day_ns);
  EXPECT_EQ(rows_of("hours").at(0).windows, 29);
  EXPECT_EQ(rows_of("hours").at(0).row.stream_version, 0x51U);
  EXPECT_EQ(counted(Counter::windows_unmerged), 31);
}

// A later row may say that it is part of an earlier one.
TEST_F(RetentionTest, SessionsAreNotMerged) {
  std::mt19937 random(8);
  auto rows = minutes(midnight, 3, random);
  for (auto& row : rows) row.kind = schema::WindowKind::session;
  send(rows);
  Budgets budgets;
  budgets.windows.age_max = 0;
  keep(budgets, midnight + 3 * day_ns);
  EXPECT_EQ(counted(Counter::windows), 0);
  EXPECT_EQ(counted(Counter::windows_unmerged), 3);
  EXPECT_TRUE(rows_of("hours").empty());
  expect_balance();
}

TEST_F(RetentionTest, WhatSomebodyDeletesIsCounted) {
  std::mt19937 random(9);
  send(minutes(midnight, 100, random));
  ASSERT_TRUE(store->database().execute("DELETE FROM windows WHERE id % 3 = 0"));
  expect_balance_of_bytes();
  EXPECT_LT(counted(Counter::windows), 100);
  ASSERT_TRUE(store->database().execute("DELETE FROM windows"));
  expect_balance_of_bytes();
}

TEST_F(RetentionTest, ANodeWithAWrongClockDoesNotPushOutWhatOthersHave) {
  std::mt19937 random(10);
  const TimeNs now = midnight + day_ns;
  send(minutes(midnight + 100 * day_ns, 200, random), now);
  send(minutes(midnight, 60, random), now);
  Budgets budgets;
  budgets.windows.bytes_max = integer("SELECT sum(length(body) + 128) FROM windows WHERE start_ns < " + std::to_string(now));
  keep(budgets, now);
  EXPECT_EQ(counted(Counter::windows), 60);
  EXPECT_EQ(integer("SELECT count(*) FROM windows WHERE start_ns >= " + std::to_string(now)), 0);
  // Where all are ahead, it is the collector's clock that is wrong.
  keep(budgets, midnight - 10 * day_ns);
  EXPECT_EQ(counted(Counter::windows), 60);
  expect_balance();
}

TEST_F(RetentionTest, BytesStayWithinTheBudgetsHoweverLongItGoesOn) {
  std::mt19937 random(7);
  Budgets budgets;
  budgets.windows.bytes_max = 200'000;
  budgets.hours.bytes_max = 20'000;
  budgets.days.bytes_max = 3'000;
  budgets.events.bytes_max = 10'000;
  budgets.alarms.bytes_max = 10'000;
  std::int64_t pages = 0;
  for (int hour = 0; hour < 24 * 12; ++hour) {
    const TimeNs now = midnight + (hour + 1) * hour_ns;
    send(minutes(midnight + hour * hour_ns, 60, random), now);
    schema::EventRowT event;
    event.kind = schema::EventKind::disk_low;
    event.at_ns = now;
    const auto number = static_cast<std::uint64_t>(hour) + 1;
    take(batch_of({{.lane = notes_lane, .rows = {sent(number, event)}},
                   {.lane = alarms_lane,
                    .rows = {sent(
                        number, AlarmSketch{.activated = now,
                                            .state = hour == 0 ? schema::AlarmState::active : schema::AlarmState::inactive})}}}),
         now);
    keep(budgets, now);
    const auto tiers = query->tiers();
    ASSERT_TRUE(tiers);
    const std::vector<std::int64_t> bounds{200'000, 20'000, 3'000, 10'000, 10'000};
    for (std::size_t i = 0; i < bounds.size(); ++i) ASSERT_LE(counted((*tiers)[i].bytes), bounds[i]) << (*tiers)[i].name;
    if (hour == 24 * 6) pages = integer("PRAGMA page_count");
  }
  EXPECT_LE(integer("PRAGMA page_count"), pages + pages / 20) << "pages are used again";
  expect_balance_of_bytes();
  EXPECT_GT(counted(Counter::days_dropped), 0);
  EXPECT_GT(counted(Counter::events_dropped), 0);
  EXPECT_EQ(integer("SELECT count(*) FROM alarms WHERE state = 1"), 1) << "an active alarm goes last";
  EXPECT_EQ(counted(Counter::windows_unmerged), 0);
  // What was dropped is still known to have come.
  const auto before = counted(Counter::rows_duplicate);
  take(batch_of({{.rows = {sent(7, WindowSketch{})}, .next_number = next_}}));
  EXPECT_EQ(counted(Counter::rows_duplicate), before + 1);
}

// By age neither goes while it stands; for want of room what is over goes first.
// Stamps out of order give windows of a number of samples that overlap.
TEST_F(RetentionTest, WindowsOfANumberOfSamplesAreMergedInAnyOrder) {
  Budgets budgets;
  budgets.windows.bytes_max = 0;
  Retention retention(*store, budgets);
  const auto keep = [&] {
    while (*retention.step(some_time)) {
    }
  };
  std::uint64_t number = 100;
  for (const TimeNs start : {some_time + 5 * ns_per_s, some_time}) {
    auto row = window_row({.start = start, .definition = 0xc7, .good = 10});
    row.kind = schema::WindowKind::count;
    row.length_ns = 10 * ns_per_s;
    take(batch_of({{.rows = {sent(number++, row)}}}));
    keep();
  }
  Filter filter;
  filter.definition = 0xc7;
  const auto hours = query->windows(filter, Tier::hours);
  ASSERT_EQ(hours->records.size(), 1U);
  EXPECT_EQ(hours->records[0].row->counts()->good(), 20U);
}

TEST_F(RetentionTest, AnAlarmThatIsProvisionalIsNotOver) {
  std::mt19937 random(7);
  using schema::AlarmState;
  take(batch_of({{.lane = alarms_lane,
                  .rows = {sent(1, AlarmSketch{.limit = 1, .state = AlarmState::provisional}),
                           sent(2, AlarmSketch{.limit = 2, .state = AlarmState::active}),
                           sent(3, AlarmSketch{.limit = 3, .state = AlarmState::withdrawn})}}}),
       midnight);
  const TimeNs now = midnight + 10 * day_ns;
  send(minutes(now - hour_ns, 60, random), now);
  Budgets budgets;
  budgets.alarms.age_max = day_ns;
  keep(budgets, now);
  EXPECT_EQ(integer("SELECT count(*) FROM alarms"), 2);
  EXPECT_EQ(integer("SELECT count(*) FROM alarms WHERE state IN (1, 3)"), 2);
}

// A node that starts in 1970 says so, and its events are as old as their arrival here.
TEST_F(RetentionTest, AnEventOfAWrongClockIsAsOldAsItsArrival) {
  std::mt19937 random(7);
  schema::EventRowT event;
  event.kind = schema::EventKind::clock_untrusted;
  event.at_ns = 5 * ns_per_s;
  event.clock_untrusted = true;
  const TimeNs now = midnight + 10 * day_ns;
  take(batch_of({{.lane = notes_lane, .rows = {sent(1, event)}}}), now);
  send(minutes(now - hour_ns, 60, random), now);
  Budgets budgets;
  budgets.events.age_max = day_ns;
  keep(budgets, now);
  const auto events = query->events({});
  ASSERT_EQ(events->records.size(), 1U);
  EXPECT_EQ(events->records[0].at, now);
  EXPECT_TRUE(events->records[0].clock_untrusted);
}

TEST_F(RetentionTest, AStepThatFailsChangesNothing) {
  std::mt19937 random(8);
  send(minutes(midnight, 120, random));
  Budgets budgets;
  budgets.windows.bytes_max = 1'000;
  ASSERT_TRUE(store->database().execute("CREATE TRIGGER fault BEFORE INSERT ON hours BEGIN SELECT raise(ABORT, 'planted'); END"));
  {
    Retention retention(*store, budgets);
    EXPECT_FALSE(retention.step(midnight + day_ns));
    EXPECT_EQ(counted(Counter::windows), 120);
    expect_balance();
    ASSERT_TRUE(store->database().execute("DROP TRIGGER fault"));
    EXPECT_TRUE(*retention.step(midnight + day_ns)) << "and goes on";
  }
  open();
  keep(budgets, midnight + day_ns);
  std::int64_t merged = 0;
  for (const auto& hour : rows_of("hours")) merged += hour.windows;
  EXPECT_EQ(merged + counted(Counter::windows), 120);
  expect_balance();
}

TEST_F(RetentionTest, AStepIsBounded) {
  std::mt19937 random(9);
  send(minutes(midnight, 2'500, random));
  Budgets budgets;
  budgets.windows.bytes_max = 0;
  Retention retention(*store, budgets);
  ASSERT_TRUE(*retention.step(midnight));
  EXPECT_EQ(counted(Counter::windows), 2'500 - Retention::rows_per_step);
  EXPECT_EQ(keep(budgets, midnight), 2);
  EXPECT_EQ(counted(Counter::windows), 0);
  expect_balance();
}

TEST_F(RetentionTest, AClockThatJumpsAheadDropsNothing) {
  std::mt19937 random(10);
  send(minutes(midnight, 60, random));
  Budgets budgets;
  for (Budget Budgets::* tier : {&Budgets::windows, &Budgets::hours, &Budgets::days, &Budgets::alarms, &Budgets::events}) {
    (budgets.*tier).age_max = day_ns;
  }
  EXPECT_EQ(keep(budgets, midnight + 1'000 * day_ns), 0);
}

// Windows with statistics of blocks, merged into an hour and looked at by name.
class MergedStatisticsTest : public RetentionTest {
 protected:
  using Statistic = schema::Statistic;

  // A minute of the hour; so many samples are good.
  static schema::WindowRowT minute_of(int index, std::uint64_t good, std::uint64_t provenance = 0xab) {
    auto row = window_row({.start = midnight + 60 * ns_per_s * index, .good = good});
    row.length_ns = 60 * ns_per_s;
    row.statistics.clear();
    row.provenance = provenance;
    row.moments->count = good;
    return row;
  }
  static void put_buckets(schema::WindowRowT& row, const std::vector<kernels::Bucket>& buckets, double min, double max) {
    row.moments->buckets = kernels::encode(buckets);
    row.moments->min = min;
    row.moments->max = max;
  }
  static void put_speed(schema::WindowRowT& row, double shaft_hz) {
    row.speed = std::make_unique<schema::SpeedT>();
    row.speed->shaft_hz = shaft_hz;
    row.speed->source = schema::SpeedSource::block;
  }

  // What the hours (or days) are made of, as answers have it; `rows` may come in several steps.
  std::map<std::string, double> merged(const std::vector<std::vector<schema::WindowRowT>>& steps, Tier tier = Tier::hours) {
    Budgets budgets;
    budgets.windows.age_max = 0;
    if (tier == Tier::days) budgets.hours.age_max = 0;
    for (const auto& rows : steps) {
      send(rows);
      keep(budgets, midnight + 30 * day_ns);
    }
    return statistics_of(tier);
  }
  std::map<std::string, double> statistics_of(Tier tier) {
    const auto page = query->windows({}, tier);
    EXPECT_TRUE(page);
    if (!page) return {};
    EXPECT_EQ(page->records.size(), 1U);
    std::map<std::string, double> out;
    for (const auto* value : *page->records.at(0).row->statistics())
      EXPECT_TRUE(out.emplace(name_of(*value, page->records[0]), value->value()).second) << "once";
    speed = page->records[0].row->speed() == nullptr ? 0 : page->records[0].row->speed()->shaft_hz();
    return out;
  }
  void send_provenances() {
    take(batch_of(
        {{.lane = notes_lane,
          .rows = {sent(1, provenance_row({"", "p50", "p95", "10-1000Hz.mean", "10-1000Hz.max", "10-1000Hz.last"})),
                   sent(2, provenance_row({"", "10-1000Hz.last", "10-1000Hz.mean", "10-1000Hz.max", "p95", "p50"}, 0xac)),
                   sent(3, provenance_row({"", "10-1000Hz.mean"}, 0xad))}}}));
  }

  double speed = 0;
};

TEST_F(MergedStatisticsTest, FeaturesAreMergedByTheTextsOfTheirParameters) {
  send_provenances();
  auto first = minute_of(0, 100);
  put(first, Statistic::velocity_rms, 3, 2);
  put(first, Statistic::velocity_rms, 4, 9);
  put(first, Statistic::velocity_rms, 5, 3);
  auto undefined = minute_of(1, 1'000);
  for (const std::uint16_t index : std::initializer_list<std::uint16_t>{3, 4, 5})
    put(undefined, Statistic::velocity_rms, index, std::nan(""));
  auto last = minute_of(2, 300, 0xac);
  put(last, Statistic::velocity_rms, 1, 5);
  put(last, Statistic::velocity_rms, 2, 6);
  put(last, Statistic::velocity_rms, 3, 8);
  const auto hour = merged({{first, undefined, last}});
  EXPECT_EQ(hour.size(), 3U);
  EXPECT_DOUBLE_EQ(hour.at("velocity_rms.10-1000Hz.mean"), (100 * 2 + 300 * 6) / 400.0);
  EXPECT_EQ(hour.at("velocity_rms.10-1000Hz.max"), 9);
  EXPECT_EQ(hour.at("velocity_rms.10-1000Hz.last"), 5);
}

// By the blocks that have the value, which good samples do not tell: one window holds a thousand readings and one block.
TEST_F(MergedStatisticsTest, MeansAreWeightedByTheBlocksThatHaveThem) {
  take(batch_of(
      {{.lane = notes_lane, .rows = {sent(1, provenance_row({"", "bpfo.1x.mean", "10-1000Hz.rms", "10-1000Hz.max"}))}}}));
  auto first = minute_of(0, 5'000);
  put(first, Statistic::bearing_depth, 1, 2, 1);
  put(first, Statistic::band_rms, 2, 2, 1);
  put(first, Statistic::band_rms, 3, 2, 1);
  auto last = minute_of(1, 100);
  put(last, Statistic::bearing_depth, 1, 6, 3);
  put(last, Statistic::band_rms, 2, 6, 3);
  put(last, Statistic::band_rms, 3, 7, 3);
  const auto hour = merged({{first, last}});
  EXPECT_DOUBLE_EQ(hour.at("bearing_depth.bpfo.1x.mean"), (2 + 3 * 6) / 4.0);
  EXPECT_DOUBLE_EQ(hour.at("band_rms.10-1000Hz.rms"), std::sqrt((4 + 3 * 36) / 4.0));
  EXPECT_EQ(hour.at("band_rms.10-1000Hz.max"), 7);
  const auto page = query->windows({}, Tier::hours);
  ASSERT_EQ(page->records.size(), 1U);
  for (const auto* value : *page->records[0].row->statistics()) EXPECT_EQ(value->blocks(), 4U);
}

// An hour may hold rows of before and after an upgrade: those of before do not say of how many blocks, so all count by good
// samples.
TEST_F(MergedStatisticsTest, MeansOfRowsThatDoNotSayHowManyBlocksCountByGoodSamples) {
  for (const bool before_first : {true, false}) {
    SetUp();
    take(batch_of({{.lane = notes_lane, .rows = {sent(1, provenance_row({"", "mean", "max"}))}}}));
    auto before = minute_of(before_first ? 0 : 1, 1'000);
    put(before, Statistic::spectral_centroid, 1, 2);
    put(before, Statistic::spectral_centroid, 2, 2);
    auto after = minute_of(before_first ? 1 : 0, 3'000);
    put(after, Statistic::spectral_centroid, 1, 6, 5);
    put(after, Statistic::spectral_centroid, 2, 7, 5);
    auto last = minute_of(2, 4'000);
    put(last, Statistic::spectral_centroid, 1, 8, 10);
    put(last, Statistic::spectral_centroid, 2, 8, 10);
    const auto hour = merged({{before, after}, {last}});
    EXPECT_DOUBLE_EQ(hour.at("spectral_centroid.mean"), (2 * 1.0 + 6 * 3.0 + 8 * 4.0) / 8) << before_first;
    EXPECT_EQ(hour.at("spectral_centroid.max"), 8);
    const auto page = query->windows({}, Tier::hours);
    ASSERT_EQ(page->records.size(), 1U);
    for (const auto* value : *page->records[0].row->statistics()) EXPECT_EQ(value->blocks(), 0U);
    TearDown();
  }
}

TEST_F(MergedStatisticsTest, WhatTheLatestProvenanceHasNoTextForIsLeftOut) {
  send_provenances();
  auto first = minute_of(0, 100);
  put(first, Statistic::velocity_rms, 3, 2);
  put(first, Statistic::velocity_rms, 4, 9);
  auto last = minute_of(1, 100, 0xad);
  put(last, Statistic::velocity_rms, 1, 4);
  const auto hour = merged({{first, last}});
  EXPECT_EQ(hour.size(), 1U);
  EXPECT_DOUBLE_EQ(hour.at("velocity_rms.10-1000Hz.mean"), 3);
}

TEST_F(MergedStatisticsTest, AProvenanceIsThatOfItsNode) {
  for (const std::string over : {"mean", "max"}) {
    auto first = minute_of(0, 100);
    put(first, Statistic::band_rms, 1, 2);
    auto last = minute_of(1, 100);
    put(last, Statistic::band_rms, 1, 4);
    take(
        batch_of({{.lane = notes_lane, .rows = {sent(1, provenance_row({"", over}))}}, {.rows = {sent(1, first), sent(2, last)}}},
                 over == "mean" ? spool_a : spool_b, "of-" + over));
  }
  Budgets budgets;
  budgets.windows.age_max = 0;
  keep(budgets, midnight + 30 * day_ns);
  const auto page = query->windows({}, Tier::hours);
  ASSERT_EQ(page->records.size(), 2U);
  EXPECT_EQ(page->records[0].row->statistics()->Get(0)->value(), 3) << "the mean";
  EXPECT_EQ(page->records[1].row->statistics()->Get(0)->value(), 4) << "the highest";
}

TEST_F(MergedStatisticsTest, TheLastIsThatOfTheLatestWindowHoweverTheyCome) {
  send_provenances();
  const auto with_last = [](int index, double value) {
    auto row = minute_of(index, 100);
    put(row, Statistic::band_rms, 5, value);
    if (!std::isnan(value)) put_speed(row, value);
    return row;
  };
  auto silent = with_last(9, std::nan(""));
  const auto hour = merged({{with_last(7, 7), with_last(8, 8), silent}, {with_last(3, 3), with_last(4, 4)}, {with_last(1, 1)}});
  EXPECT_EQ(hour.at("band_rms.10-1000Hz.last"), 8);
  EXPECT_EQ(speed, 8);
}

TEST_F(MergedStatisticsTest, QuantilesAreOfAllSamples) {
  send_provenances();
  auto first = minute_of(0, 90);
  put_buckets(first, {{kernels::bucket_of(1.0F), 90}}, 1, 1);
  put(first, Statistic::quantile, 1, 1);
  put(first, Statistic::quantile, 2, 1);
  auto last = minute_of(1, 10, 0xac);
  put_buckets(last, {{kernels::bucket_of(2.0F), 4}, {kernels::bucket_of(8.0F), 6}}, 2, 8);
  put(last, Statistic::quantile, 4, 8);
  put(last, Statistic::quantile, 5, 8);
  const auto hour = merged({{first, last}});
  EXPECT_EQ(hour.size(), 2U);
  EXPECT_NEAR(hour.at("quantile.p50"), 1, 0.01);
  EXPECT_NEAR(hour.at("quantile.p95"), 8, 0.08) << "94 of 100 are below";
  const schema::WindowRowT row = rows_of("hours").at(0).row;
  EXPECT_EQ(row.moments->buckets,
            kernels::encode(std::vector<kernels::Bucket>{
                {kernels::bucket_of(1.0F), 90}, {kernels::bucket_of(2.0F), 4}, {kernels::bucket_of(8.0F), 6}}));
}

TEST_F(MergedStatisticsTest, ValidityKeepsTheWorst) {
  auto first = minute_of(0, 100);  // its provenance is not known: these need none
  put(first, Statistic::clipped, 0, 3);
  put(first, Statistic::longest_repeat, 0, 7);
  put(first, Statistic::longest_same_sign, 0, 20);
  put(first, Statistic::distinct_share, 0, 0.5);
  auto undefined = minute_of(1, 100);
  put(undefined, Statistic::clipped, 0, std::nan(""));
  auto last = minute_of(2, 100);
  put(last, Statistic::clipped, 0, 4);
  put(last, Statistic::longest_repeat, 0, 5);
  put(last, Statistic::longest_same_sign, 0, 30);
  put(last, Statistic::distinct_share, 0, 0.75);
  const auto hour = merged({{first, undefined, last}});
  EXPECT_EQ(hour, (std::map<std::string, double>{
                      {"clipped", 7}, {"longest_repeat", 7}, {"longest_same_sign", 30}, {"distinct_share", 0.5}}));
}

// In one step, in many, and by way of days.
TEST_F(MergedStatisticsTest, InHowManyStepsTheyAreMergedChangesNothing) {
  send_provenances();
  std::mt19937 random(12);
  std::vector<schema::WindowRowT> all;
  kernels::Buckets buckets;
  double mean = 0, max = 0, clipped = 0;
  double samples = 0;
  for (int i = 0; i < 60; ++i) {
    const std::uint64_t good = 100 + random() % 100;
    auto row = minute_of(i, good, i < 30 ? 0xab : 0xac);
    kernels::Buckets of_row;
    for (std::uint64_t sample = 0; sample < good; ++sample) {
      kernels::add(of_row, kernels::bucket_of(static_cast<double>(random() % 1'000) - 300));
    }
    kernels::add(buckets, of_row);
    put_buckets(row, of_row, -301, 701);
    const double value = static_cast<double>(random() % 1'000);
    mean += value * static_cast<double>(good);
    samples += static_cast<double>(good);
    max = std::max(max, value);
    clipped += static_cast<double>(i);
    put(row, Statistic::clipped, 0, i);
    put(row, Statistic::quantile, i < 30 ? 2 : 4, 0);
    put(row, Statistic::band_rms, i < 30 ? 3 : 2, value);
    put(row, Statistic::band_rms, i < 30 ? 4 : 3, value);
    put(row, Statistic::band_rms, i < 30 ? 5 : 1, i);
    all.push_back(std::move(row));
  }
  std::vector<std::vector<schema::WindowRowT>> steps;
  for (const auto& [from, to] : {std::pair{20, 21}, {21, 40}, {0, 20}, {40, 59}, {59, 60}}) {
    steps.emplace_back(all.begin() + from, all.begin() + to);
  }
  const auto check = [&](const std::map<std::string, double>& found) {
    EXPECT_EQ(found.size(), 5U);
    EXPECT_DOUBLE_EQ(found.at("band_rms.10-1000Hz.mean"), mean / samples);
    EXPECT_EQ(found.at("band_rms.10-1000Hz.max"), max);
    EXPECT_EQ(found.at("band_rms.10-1000Hz.last"), 59);
    EXPECT_EQ(found.at("clipped"), clipped);
    EXPECT_EQ(found.at("quantile.p95"), kernels::quantile(buckets, 0.95));
  };
  check(merged(steps));
  Budgets budgets;
  budgets.windows.age_max = budgets.hours.age_max = 0;
  auto newest = minute_of(0, 100);
  newest.start_ns += 2 * day_ns;
  newest.channel = "other";
  send({newest});
  keep(budgets, midnight + 30 * day_ns);
  ASSERT_TRUE(store->database().execute("DELETE FROM hours WHERE start_ns > " + std::to_string(midnight)));
  ASSERT_TRUE(store->database().execute("DELETE FROM days WHERE start_ns > " + std::to_string(midnight)));
  check(statistics_of(Tier::days));
}

TEST_F(MergedStatisticsTest, RowsOfAHostileNodeDoNoHarm) {
  send_provenances();
  take(batch_of(
      {{.lane = notes_lane, .rows = {sent(4, provenance_row({"", "x", "p", "p101", "p-5", "pnan", "mean.x", ""}, 0xbad))}}}));
  const double huge = std::numeric_limits<double>::max();
  const double infinite = std::numeric_limits<double>::infinity();
  std::vector<schema::WindowRowT> rows;
  for (const std::uint64_t provenance : {0xabULL, 0xacULL, 0xbadULL, 0xbeefULL}) {
    auto row = minute_of(static_cast<int>(rows.size()), 1ull << 53, provenance);
    for (std::uint32_t number = 0; number < 40; ++number) {
      for (const std::uint16_t index : std::initializer_list<std::uint16_t>{0, 1, 2, 5, 7, 6'000, 65'535}) {
        put(row, static_cast<Statistic>(number), index, index == 1 ? huge : index == 2 ? -huge : infinite);
      }
    }
    put(row, static_cast<Statistic>(65'535), 1, 1);
    row.moments->min = 5;
    row.moments->max = -5;
    row.moments->buckets = {0x01};  // a distance without a count
    if (provenance == 0xac) put_buckets(row, {{kernels::bucket_of(1.0F), 7}}, 5, -5);
    if (provenance == 0xbad)
      put_buckets(row, {{kernels::bucket_of(2.0F), std::numeric_limits<std::uint64_t>::max()}}, std::nan(""), std::nan(""));
    put_speed(row, std::nan(""));
    rows.push_back(std::move(row));
  }
  auto no_samples = minute_of(10, 0);
  put(no_samples, Statistic::band_rms, 3, 4);
  put(no_samples, Statistic::quantile, 1, 4);
  put_buckets(no_samples, {{kernels::bucket_of(1.5F), 7}}, 1, 2);
  rows.push_back(std::move(no_samples));
  const auto hour = merged({rows});
  EXPECT_EQ(rows_of("hours").at(0).windows, 5);
  for (const auto& [name, value] : hour) {
    EXPECT_EQ(name.find('#'), std::string::npos) << name;
    EXPECT_EQ(name.find("statistic_"), std::string::npos) << name;
  }
  EXPECT_FALSE(hour.contains("band_rms"));
  EXPECT_FALSE(hour.contains("rms.p50"));
  EXPECT_FALSE(hour.contains("clipped.p50"));
  EXPECT_TRUE(hour.contains("clipped"));
  EXPECT_TRUE(std::isnan(hour.at("quantile.p50"))) << "min is above max";
  expect_balance();
}

// However many parameters there are, a row of an hour is one that can be read again.
TEST_F(MergedStatisticsTest, AnHourStaysWithinTheBoundsOfARow) {
  std::vector<std::string> texts{""};
  for (int i = 0; i < 2'400; ++i) texts.push_back(std::to_string(i) + ".max");
  take(batch_of({{.lane = notes_lane, .rows = {sent(1, provenance_row(texts))}}}));
  std::vector<schema::WindowRowT> rows;
  for (int i = 0; i < 5; ++i) {
    auto row = minute_of(i, 100);
    row.device = row.channel = std::string(128, 'x');
    for (int value = 0; value < 980; ++value) {
      put(row, Statistic::band_rms, static_cast<std::uint16_t>(1 + 300 * i + value), i);
    }
    put(row, Statistic::rms, 0, i);
    kernels::Buckets buckets;
    for (int bucket = 0; bucket < 8'000; ++bucket) {
      buckets.push_back({static_cast<std::uint16_t>(bucket * 4 + i % 4), 1});
    }
    put_buckets(row, buckets, -1, 1);
    put_speed(row, 1);
    rows.push_back(std::move(row));
  }
  const auto hour = merged({{rows[0], rows[1]}, {rows[2], rows[3]}, {rows[4]}});
  EXPECT_EQ(hour.size(), 901U);
  EXPECT_EQ(hour.at("band_rms.701.max"), 2) << "of three windows";
  const schema::WindowRowT row = rows_of("hours").at(0).row;
  EXPECT_LT(row.moments->buckets.size(), 33'000U);
  EXPECT_LT(schema::pack(row).size(), schema::row_bytes_max);
  expect_balance();
}

TEST_F(RetentionTest, TiersAreAskedAsWindowsAre) {
  std::mt19937 random(11);
  send(minutes(midnight, 3 * 24 * 60, random));
  take(batch_of({{.lane = notes_lane, .rows = {sent(1, stream_row()), sent(2, provenance_row())}}}));
  Budgets budgets;
  budgets.windows.age_max = day_ns;
  budgets.hours.age_max = day_ns + hour_ns;
  keep(budgets, midnight + 3 * day_ns);
  Filter filter;
  filter.limit = 10;
  auto page = query->windows(filter, Tier::hours);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->records.size(), 10U);
  EXPECT_EQ(page->records[0].windows, 60);
  EXPECT_EQ(page->records[0].stream->machine, "Pump 1");
  EXPECT_EQ(page->records[0].provenance->backend, "reference");
  EXPECT_THAT(json_of(*page, filter, Tier::hours), ::testing::StartsWith("{\"hours\":[{\"node\":\"gateway-1\""));
  EXPECT_THAT(json_of(*page, filter, Tier::hours), ::testing::HasSubstr("\"spool\":null,\"lane\":null,\"number\":null"));
  EXPECT_FALSE(page->next.empty());
  filter.from = midnight + day_ns;
  EXPECT_EQ(query->windows(filter, Tier::days)->records.size(), 0U) << "the day before became one";
  filter.from.reset();
  page = query->windows(filter, Tier::days);
  ASSERT_EQ(page->records.size(), 1U);
  EXPECT_EQ(page->records[0].row->length_ns(), day_ns);
  EXPECT_EQ(page->records[0].windows, 24 * 60);
  const auto tiers = query->tiers();
  ASSERT_TRUE(tiers);
  EXPECT_EQ((*tiers)[0].oldest, midnight + 2 * day_ns);
  EXPECT_EQ((*tiers)[1].oldest, midnight + day_ns);
  EXPECT_EQ((*tiers)[2].oldest, midnight);
}

}  // namespace
}  // namespace stethos::collector
