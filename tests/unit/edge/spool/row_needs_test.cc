// Rows that leave the outbox though others cannot do without them: they come again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "edge/spool/sqlite_spool.h"
#include "schemas/envelope.h"
#include "tests/unit/common/scratch_folder.h"

namespace stethos::edge {
namespace {

using schema::Lane;
using schema::RowKind;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr TimeNs begin_ns = 1'767'225'600 * ns_per_s;

class RowNeedsTest : public testing::Test {
 protected:
  void open(SpoolBudget budget) {
    spool_.reset();
    auto opened = SqliteSpool::open(folder_ / "spool.db", budget);
    ASSERT_TRUE(opened) << opened.error().text();
    spool_ = std::move(*opened);
    ASSERT_TRUE(spool_->load());
  }

  // `seconds` after the beginning, with what was added to the effect; then it is empty.
  void commit(int seconds) {
    effect_.changed = true;
    effect_.now_ns = begin_ns + seconds * ns_per_s;
    effect_.provenance = provenance_;
    ASSERT_TRUE(spool_->commit(effect_));
    effect_ = {};
  }

  // The only stream, from now on.
  void describe(std::uint64_t version) {
    schema::StreamRowT row;
    row.version = version;
    row.device = row.channel = row.machine = row.point = row.axis = row.quantity = "x";
    row.unit = row.location = row.owner = "x";
    effect_.rows.push_back({Lane::notes, RowKind::stream, schema::pack(row)});
    become(version);
  }
  void become(std::uint64_t version) {
    stream_.id = 1;
    stream_.device = stream_.channel = "x";
    stream_.version = version;
    stream_.parts = {
        {.from_ns = 0, .newest_ns = 0, .description = {.version = version, .machine = "x", .quantity = "x", .unit = "x"}}};
    effect_.streams = {&stream_};
  }
  void add_provenance(std::uint64_t id) {
    schema::ProvenanceRowT row;
    row.id = provenance_ = id;
    row.program = row.backend = row.source = "x";
    effect_.rows.push_back({Lane::notes, RowKind::provenance, schema::pack(row)});
  }
  void add_windows(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      effect_.rows.push_back({Lane::windows, RowKind::window, std::vector<std::uint8_t>(1'000, 7)});
    }
  }
  void add_alarm(schema::AlarmState state, std::uint32_t revision) {
    schema::AlarmRowT row;
    row.device = row.channel = row.unit = "x";
    row.limit = 5;
    row.state = state;
    row.revision = revision;
    std::optional<Alarm> alarm;
    if (state == schema::AlarmState::active) {
      alarm.emplace();
      alarm->level = schema::AlarmLevel::alert;
      alarm->row = schema::pack(row);
    }
    effect_.alarms.push_back({1, 5, alarm});
    row.committed_ns = 77;
    effect_.rows.push_back({Lane::alarms, RowKind::alarm, schema::pack(row)});
  }

  // "2 stream 7": number, kind and what it is of.
  std::vector<std::string> waiting(Lane which) {
    auto lanes = spool_->waiting(uplink::SendOrder::oldest_first, 1'000, 1 << 20);
    EXPECT_TRUE(lanes);
    std::vector<std::string> out;
    for (const auto& row : std::ranges::find(*lanes, which, &uplink::OutboxLane::lane)->rows) {
      std::string text = std::to_string(row.number) + " ";
      if (row.kind == static_cast<std::uint16_t>(RowKind::stream)) {
        text += "stream " + std::to_string((*schema::open_stream_row(row.body))->version());
      } else if (row.kind == static_cast<std::uint16_t>(RowKind::provenance)) {
        text += "provenance " + std::to_string((*schema::open_provenance_row(row.body))->id());
      } else if (row.kind == static_cast<std::uint16_t>(RowKind::alarm)) {
        text += "alarm " + std::to_string((*schema::open_alarm_row(row.body))->revision());
      } else {
        text += "window";
      }
      out.push_back(text);
    }
    return out;
  }
  void acknowledge(Lane lane, std::uint64_t through) {
    const uplink::LaneAnswer answer{.lane = lane, .durable_through = through, .ranges = {}};
    ASSERT_TRUE(spool_->answered({&answer, 1}));
  }

  const test::ScratchFolder folder_;
  std::unique_ptr<SqliteSpool> spool_;
  Effect effect_;
  Stream stream_;
  std::uint64_t provenance_ = 0;
};

TEST_F(RowNeedsTest, WhatAStreamIsComesAgainWhenItsRowIsTooOld) {
  open({.age_max = 10 * ns_per_s});
  add_provenance(3);
  describe(7);
  commit(0);
  EXPECT_THAT(waiting(Lane::notes), ElementsAre("1 provenance 3", "2 stream 7"));
  commit(11);
  EXPECT_THAT(waiting(Lane::notes), ElementsAre("3 provenance 3", "4 stream 7")) << "given up, though the collector had neither";
  acknowledge(Lane::notes, 4);
  open({.age_max = 10 * ns_per_s});
  commit(22);
  EXPECT_THAT(waiting(Lane::notes), ElementsAre("5 provenance 3", "6 stream 7")) << "a new collector would ask for them";
}

TEST_F(RowNeedsTest, WhatAStreamWasStaysAsLongAsRowsNameIt) {
  open({.age_max = 10 * ns_per_s});
  describe(7);
  commit(0);
  describe(8);
  add_windows(1);
  commit(5);
  commit(11);
  EXPECT_THAT(waiting(Lane::notes), ElementsAre("2 stream 8", "3 stream 7"));
  EXPECT_THAT(waiting(Lane::windows), ElementsAre("1 window"));
  commit(16);
  EXPECT_THAT(waiting(Lane::windows), IsEmpty());
  EXPECT_THAT(waiting(Lane::notes), ElementsAre("3 stream 7", "4 stream 8"));
  commit(22);
  EXPECT_THAT(waiting(Lane::notes), ElementsAre("4 stream 8"));
}

TEST_F(RowNeedsTest, WhatIsSaidTwiceComesAgainOnce) {
  open({.age_max = 10 * ns_per_s});
  describe(7);
  commit(0);
  describe(8);
  commit(1);
  describe(7);
  commit(2);
  commit(20);
  EXPECT_THAT(waiting(Lane::notes), ElementsAre("4 stream 7"));
}

TEST_F(RowNeedsTest, ForWantOfRoomWindowsGoBeforeIt) {
  open({});
  describe(7);
  commit(0);
  acknowledge(Lane::notes, 1);
  open({.bytes_max = 5'000});
  add_windows(20);
  commit(1);
  EXPECT_THAT(waiting(Lane::notes), ElementsAre("2 stream 7"));
  EXPECT_THAT(waiting(Lane::windows), ElementsAre("17 window", "18 window", "19 window", "20 window"));
}

TEST_F(RowNeedsTest, WhereThereIsNoRoomForItItIsGivenUp) {
  open({.bytes_max = 100});
  describe(7);
  commit(0);
  EXPECT_THAT(waiting(Lane::notes), IsEmpty());
  const auto given_up = spool_->given_up().rows;
  commit(1);
  EXPECT_EQ(spool_->given_up().rows, given_up) << "and not over and over";
}

TEST_F(RowNeedsTest, AnActiveAlarmComesAgain) {
  open({.age_max = 10 * ns_per_s});
  become(7);
  add_alarm(schema::AlarmState::active, 0);
  commit(0);
  add_alarm(schema::AlarmState::active, 1);
  commit(1);
  commit(20);
  EXPECT_THAT(waiting(Lane::alarms), ElementsAre("3 alarm 1"));
  add_alarm(schema::AlarmState::inactive, 2);
  commit(21);
  commit(40);
  EXPECT_THAT(waiting(Lane::alarms), IsEmpty());
}

class SteppingClock final : public Clock {
 public:
  TimeNs now() const override { return begin_ns; }
  DurationNs monotonic() const override { return monotonic_ns; }
  DurationNs monotonic_ns = 0;
};

TEST_F(RowNeedsTest, AClockThatStepsAheadForAWhileMakesNothingTooOld) {
  SteppingClock clock;
  constexpr int day_s = 86'400;
  open({.age_max = DurationNs{30} * day_s * ns_per_s, .clock = &clock});
  const auto commit_at = [&](int seconds, int days_ahead) {
    clock.monotonic_ns = seconds * ns_per_s;
    commit(seconds + days_ahead * day_s);
  };
  const auto rows = [&] { return waiting(Lane::windows).size(); };
  add_windows(5);
  commit_at(0, 0);
  commit_at(700, 0);
  commit_at(701, 40);
  commit_at(1'000, 40);
  EXPECT_EQ(rows(), 5U);
  commit_at(1'100, 0);
  commit_at(1'400, 40);
  commit_at(1'999, 40);
  EXPECT_EQ(rows(), 5U) << "it came back meanwhile";
  commit_at(2'000, 40);
  EXPECT_EQ(rows(), 0U) << "it has said so for ten minutes";
}

}  // namespace
}  // namespace stethos::edge
