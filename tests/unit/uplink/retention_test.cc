#include "uplink/collector/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "gpu_kernels/moments.h"
#include "gpu_kernels/statistics.h"
#include "tests/unit/uplink/collector_fixture.h"
#include "uplink/collector/render.h"

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
  rows.push_back(minute(midnight + day_ns, random));
  send(rows);
  Budgets budgets;
  budgets.windows.age_max = hour_ns;
  keep(budgets, midnight + 2 * day_ns);
  EXPECT_EQ(rows_of("hours").at(0).windows, 60);
  EXPECT_EQ(rows_of("hours").at(0).row.moments->count, 60U * 20);
  EXPECT_EQ(counted(Counter::windows_unmerged), 60);
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
