#include "uplink/collector/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "gpu_kernels/moments.h"
#include "gpu_kernels/statistics.h"
#include "tests/unit/uplink/collector_fixture.h"

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

  // Every window that the store ever held is in exactly one place.
  void expect_balance() {
    EXPECT_EQ(counted(Counter::windows), integer("SELECT count(*) FROM windows"));
    EXPECT_EQ(counted(Counter::hours), integer("SELECT count(*) FROM hours"));
    EXPECT_EQ(counted(Counter::days), integer("SELECT count(*) FROM days"));
    for (const std::string table : {"windows", "hours", "days", "alarms"}) {
      const std::string sum = "SELECT coalesce(sum(length(body) + 128), 0) FROM " + table;
      EXPECT_EQ(integer("SELECT value FROM counters WHERE name = '" + table + "_bytes'"), integer(sum)) << table;
    }
    EXPECT_EQ(counted(Counter::windows_dropped) - counted(Counter::windows_unmerged),
              integer("SELECT coalesce((SELECT sum(windows) FROM hours), 0) + coalesce((SELECT sum(windows) FROM days), 0)"));
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
  for (int i = 0; i < count; ++i) out.push_back(minute(start + i * 60 * ns_per_s, random, all));
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

}  // namespace
}  // namespace stethos::collector
