// What operators ask nodes for again, from the request to its end, as the intake sees it.
#include "uplink/collector/wanted.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/uplink/collector_fixture.h"

namespace stethos::collector {
namespace {

using testing::IsEmpty;
using uplink::NumberRange;

class WantedTest : public CollectorTest {
 protected:
  static constexpr std::uint64_t rows = 6;

  // Six windows a second apart, which came before.
  WantedTest() { take(batch_with_rows()); }

  static SentRow window(std::uint64_t number) {
    return sent(number, WindowSketch{.start = some_time + static_cast<TimeNs>(number) * ns_per_s});
  }
  static schema::UplinkBatchT batch_with_rows(const std::string& spool = spool_a) {
    std::vector<SentRow> all;
    for (std::uint64_t number = 1; number <= rows; ++number) all.push_back(window(number));
    return batch_of({{.rows = std::move(all)}}, spool);
  }

  struct Sketch {
    std::uint64_t first = 1;
    std::uint64_t through = rows;
    std::vector<std::uint64_t> numbers = {};  // NOLINT(readability-redundant-member-init): GCC wants it
    std::uint64_t not_kept = 0;
    TimeNs from = 0;
    TimeNs to = 0;
    std::string spool = spool_a;
  };
  // A batch without new rows, and with these again.
  static schema::UplinkBatchT again(const Sketch& sketch) {
    auto batch = batch_of({{.next_number = rows + 1}}, sketch.spool);
    auto& out = batch.lanes[0]->again;
    out = std::make_unique<schema::AgainT>();
    out->first = sketch.first;
    out->through = sketch.through;
    out->not_kept = sketch.not_kept;
    out->from_ns = sketch.from;
    out->to_ns = sketch.to;
    if (sketch.not_kept > 0) out->cause = schema::GapCause::not_kept;
    for (const std::uint64_t number : sketch.numbers) {
      auto row = window(number);
      out->rows.push_back(std::make_unique<schema::RowT>());
      out->rows.back()->number = number;
      out->rows.back()->kind = row.kind;
      out->rows.back()->body = std::move(row.body);
    }
    return batch;
  }

  // What the answer to this batch wants of the windows: "first-last", with the times where there are any.
  std::string wanted_after(schema::UplinkBatchT batch) {
    const auto ack = intake->take(schema::pack(batch), some_time);
    EXPECT_TRUE(ack) << ack.error().error.text();
    const auto opened = schema::open_uplink_ack(*ack);
    EXPECT_TRUE(opened);
    const schema::Wanted* wanted = (*opened)->lanes()->Get(0)->wanted();
    if (wanted == nullptr) return "nothing";
    std::string out = std::to_string(wanted->first()) + "-" + std::to_string(wanted->last());
    if (wanted->from_ns() != 0) out += " from " + std::to_string(wanted->from_ns()) + " to " + std::to_string(wanted->to_ns());
    return out;
  }
  std::string wanted_now(const std::string& spool = spool_a) {
    return wanted_after(batch_of({{.next_number = rows + 1}}, spool));
  }

  Result<std::vector<std::int64_t>> ask(const NewRequest& request) { return Wanted(*store).ask(request, some_time); }
  void ask_for(NumberRange numbers) {
    EXPECT_TRUE(ask({.node = "gateway-1", .lanes = {schema::Lane::windows}, .numbers = numbers}));
  }
  void ask_for(TimeNs from, TimeNs to) {
    EXPECT_TRUE(ask({.node = "gateway-1", .lanes = {schema::Lane::windows}, .from = from, .to = to}));
  }
  Request request(std::size_t index = 0) {
    const auto all = Wanted(*store).list();
    EXPECT_TRUE(all);
    return all->at(index);
  }
  void lose_windows() { ASSERT_TRUE(store->database().execute("DELETE FROM windows")); }
};

TEST_F(WantedTest, NumbersComeBackInPartsAndTheRequestEnds) {
  lose_windows();
  EXPECT_EQ(wanted_now(), "nothing");
  ask_for({2, 6});
  EXPECT_EQ(wanted_now(), "2-6");
  EXPECT_EQ(wanted_now(), "2-6") << "until it is answered";
  EXPECT_EQ(wanted_after(again({.first = 2, .through = 3, .numbers = {2, 3}})), "4-6");
  open();
  EXPECT_EQ(wanted_now(), "4-6") << "a new process knows it too";
  EXPECT_EQ(wanted_after(again({.first = 4, .through = 6, .numbers = {4, 6}, .not_kept = 1})), "nothing");
  EXPECT_EQ(windows().records.size(), 4U);
  const Request done = request();
  EXPECT_EQ(done.state, "done");
  EXPECT_EQ(done.rows, 4);
  EXPECT_EQ(done.not_kept, 1);
  EXPECT_EQ(done.cause, "not_kept");
  EXPECT_EQ(done.ended, some_time);
  EXPECT_EQ(counted(Counter::rows), 6);
  EXPECT_EQ(counted(Counter::rows_duplicate), 0);
  EXPECT_EQ(counted(Counter::rows_again), 4);
  EXPECT_EQ(counted(Counter::windows), 4);
  EXPECT_EQ(integer("SELECT count(*) FROM gaps"), 0);
  EXPECT_EQ(integer("SELECT rows FROM lanes"), 6);
}

TEST_F(WantedTest, WhatIsHereStaysAsItIsAndIsNotCountedTwice) {
  take(batch_of({{.rows = {sent(7, WindowSketch{.start = some_time + 2 * ns_per_s, .revision = 1, .rms = 9})}}}));
  ask_for({1, 6});
  auto batch = again({.numbers = {1, 2, 3, 4, 5, 6}});
  batch.lanes[0]->next_number = 8;
  take(std::move(batch));
  EXPECT_EQ(windows().records.size(), 6U);
  EXPECT_EQ(rms_of(windows().records[1]), 9) << "the higher revision stays";
  EXPECT_EQ(counted(Counter::windows), 6);
  EXPECT_EQ(counted(Counter::rows_again), 6);
}

TEST_F(WantedTest, AnAnswerThatComesTwiceOrTooLateIsNone) {
  ask_for({1, 6});
  const auto first = [] { return again({.through = 3, .numbers = {1, 2, 3}}); };
  EXPECT_EQ(wanted_after(first()), "4-6");
  lose_windows();
  EXPECT_EQ(wanted_after(first()), "4-6");
  EXPECT_EQ(wanted_after(again({.first = 5, .through = 6, .numbers = {5, 6}})), "4-6") << "what follows another part";
  EXPECT_EQ(wanted_after(again({.first = 4, .through = 6, .numbers = {4}, .from = 1, .to = 2})), "4-6") << "of a span of time";
  EXPECT_EQ(wanted_after(again({.first = 4, .through = 7, .numbers = {4}})), "4-6") << "beyond what was asked for";
  EXPECT_TRUE(windows().records.empty());
  ASSERT_TRUE(*Wanted(*store).cancel(1, some_time));
  EXPECT_EQ(wanted_after(again({.first = 4, .through = 6, .numbers = {4, 5, 6}})), "nothing");
  EXPECT_TRUE(windows().records.empty()) << "nobody asks any more";
  EXPECT_EQ(counted(Counter::rows_again), 3);
}

TEST_F(WantedTest, ARowThatNeverCameDoesNotComeThisWay) {
  take(batch_of({{.rows = {sent(9, WindowSketch{.channel = "nde"})}, .next_number = 10}}));
  ask_for({1, 9});
  auto batch = again({.through = 9, .numbers = {6, 7}});
  batch.lanes[0]->next_number = 10;
  take(std::move(batch));
  EXPECT_EQ(counted(Counter::rows_again), 1);
  EXPECT_EQ(windows().records.size(), 7U);
  const auto answer = take(batch_of({{.next_number = 10}}));
  EXPECT_EQ(answer.lanes.at(windows_lane).durable_through, 6U) << "it stays missing";
}

TEST_F(WantedTest, ASpanIsOfAllThatTheSpoolHasGivenOutAndBeginsAnewWithAnother) {
  ask_for(100, 200);
  EXPECT_EQ(request().next, 0U) << "the node was not asked yet";
  EXPECT_EQ(wanted_now(), "1-6 from 100 to 200");
  EXPECT_EQ(wanted_after(again({.through = 3, .numbers = {1}, .from = 100, .to = 200})), "4-6 from 100 to 200");
  EXPECT_EQ(request().rows, 1);
  EXPECT_EQ(request().spool, spool_a);
  EXPECT_EQ(wanted_after(batch_with_rows(spool_b)), "1-6 from 100 to 200");
  EXPECT_EQ(request().rows, 0);
  EXPECT_EQ(request().spool, spool_b);
  EXPECT_EQ(wanted_after(again({.numbers = {1, 2}, .from = 100, .to = 200, .spool = spool_b})), "nothing");
  EXPECT_EQ(request().state, "done");
  EXPECT_EQ(request().rows, 2);
  EXPECT_EQ(request().from, 100);

  EXPECT_TRUE(ask({.node = "gateway-1", .lanes = {schema::Lane::alarms}, .from = 100, .to = 200}));
  take(batch_of({{.lane = alarms_lane}}, spool_b));
  EXPECT_EQ(request(1).state, "done") << "there never was a row in this lane";
}

TEST_F(WantedTest, NumbersAreOfOneSpoolAndEndWithIt) {
  ask_for({1, 6});
  take(batch_with_rows("00000000000000000000000000000000"));
  EXPECT_EQ(request().state, "spool_changed");
  EXPECT_EQ(wanted_now(), "nothing");

  // An old one's batch that comes late ends nothing and is asked for nothing.
  ask_for({2, 3});
  EXPECT_EQ(wanted_now(spool_a), "nothing");
  EXPECT_EQ(request(1).state, "open");
  EXPECT_EQ(wanted_now("00000000000000000000000000000000"), "2-3");
}

TEST_F(WantedTest, OneRequestAfterTheOtherAndEachNodeItsOwn) {
  ask_for({1, 2});
  ask_for({5, 6});
  EXPECT_EQ(wanted_after(batch_of({{.next_number = rows + 1}}, spool_a, "gateway-2")), "nothing");
  EXPECT_EQ(wanted_now(), "1-2");
  EXPECT_EQ(wanted_after(again({.through = 2, .numbers = {1, 2}})), "5-6");
  EXPECT_EQ(*Wanted(*store).open_count(), 1);
  EXPECT_TRUE(*Wanted(*store).cancel(2, some_time));
  EXPECT_FALSE(*Wanted(*store).cancel(2, some_time));
  EXPECT_FALSE(*Wanted(*store).cancel(99, some_time));
  EXPECT_EQ(wanted_now(), "nothing");
  EXPECT_EQ(request(1).state, "cancelled");
}

TEST_F(WantedTest, WhatCannotBeIsNotAskedFor) {
  const auto code_of = [&](const NewRequest& request) {
    const auto asked = ask(request);
    EXPECT_FALSE(asked);
    return asked ? Code::io : asked.error().code;
  };
  const std::vector lanes{schema::Lane::windows};
  EXPECT_EQ(code_of({.node = "nobody", .lanes = lanes, .from = 1, .to = 2}), Code::invalid);
  for (const NumberRange numbers : {NumberRange{0, 3}, {3, 2}, {1, 7}}) {
    EXPECT_EQ(code_of({.node = "gateway-1", .lanes = lanes, .numbers = numbers}), Code::invalid);
  }
  EXPECT_EQ(code_of({.node = "gateway-1", .lanes = {schema::Lane::alarms}, .numbers = NumberRange{1, 1}}), Code::invalid);
  EXPECT_EQ(integer("SELECT count(*) FROM wanted"), 0);

  for (std::int64_t i = 0; i < open_requests_max; ++i) ask_for({1, 1});
  EXPECT_EQ(code_of({.node = "gateway-1", .lanes = lanes, .numbers = NumberRange{1, 1}}), Code::too_large);
}

TEST_F(WantedTest, OldRequestsAreForgottenAndOpenOnesAreNot) {
  ask_for({1, 1});
  for (std::int64_t i = 0; i < requests_kept_max; ++i) {
    ask_for({2, 2});
    ASSERT_TRUE(*Wanted(*store).cancel(i + 2, some_time));
  }
  ask_for({3, 3});
  const auto all = Wanted(*store).list();
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), static_cast<std::size_t>(requests_kept_max) + 1);
  EXPECT_EQ(all->front().state, "open");
  EXPECT_EQ(all->front().numbers, (NumberRange{1, 1}));
  EXPECT_EQ(all->back().numbers, (NumberRange{3, 3}));
}

TEST_F(WantedTest, BatchesThatContradictThemselvesAreRefused) {
  ask_for({1, 6});
  EXPECT_EQ(refusal_of(again({.first = 0})), Code::invalid);
  EXPECT_EQ(refusal_of(again({.first = 4, .through = 3})), Code::invalid);
  EXPECT_EQ(refusal_of(again({.through = 1ull << 63})), Code::invalid);
  EXPECT_EQ(refusal_of(again({.not_kept = 7})), Code::invalid);
  EXPECT_EQ(refusal_of(again({.first = 2, .numbers = {1}})), Code::invalid);
  EXPECT_EQ(refusal_of(again({.through = 2, .numbers = {3}})), Code::invalid);
  EXPECT_EQ(refusal_of(again({.through = 9, .numbers = {7}})), Code::invalid) << "it was never given out";
  EXPECT_EQ(refusal_of(again({.numbers = {2, 1}})), Code::invalid);
  EXPECT_EQ(wanted_now(), "1-6");
}

TEST_F(WantedTest, RowsOfOtherKindsAreNotThereTwice) {
  schema::EventRowT event;
  event.kind = schema::EventKind::disk_low;
  event.at_ns = some_time;
  schema::GapRowT gap;
  gap.device = "pump-1";
  gap.first_sequence = gap.last_sequence = 3;
  const auto notes = [&] {
    return std::vector{sent(1, stream_row()),
                       sent(2, provenance_row()),
                       sent(3, event),
                       sent(4, gap),
                       SentRow{5, 999, {1, 2, 3}},
                       SentRow{6, static_cast<std::uint16_t>(schema::RowKind::event), {1, 2, 3}}};
  };
  take(batch_of({{.lane = notes_lane, .rows = notes()}}));
  take(batch_of({{.lane = alarms_lane, .rows = {sent(1, AlarmSketch{})}}}));
  const auto count_of = [&](const std::string& table) { return integer("SELECT count(*) FROM " + table); };
  ASSERT_EQ(count_of("unknown_rows"), 1);
  ASSERT_EQ(count_of("refused_rows"), 1);
  const std::int64_t bytes = counted(Counter::events_bytes);
  for (const auto lane : {schema::Lane::notes, schema::Lane::alarms}) {
    ASSERT_TRUE(ask({.node = "gateway-1", .lanes = {lane}, .numbers = NumberRange{1, lane == schema::Lane::notes ? 6u : 1u}}));
  }
  auto batch = batch_of({{.lane = notes_lane, .rows = notes()}, {.lane = alarms_lane, .rows = {sent(1, AlarmSketch{})}}});
  for (auto& lane : batch.lanes) {
    lane->again = std::make_unique<schema::AgainT>();
    lane->again->first = 1;
    lane->again->through = lane->rows.size();
    lane->again->rows = std::move(lane->rows);
    lane->rows.clear();
  }
  take(std::move(batch));
  EXPECT_EQ(counted(Counter::rows_again), 7);
  for (const char* table :
       {"streams", "stream_versions", "provenances", "events", "gaps", "unknown_rows", "refused_rows", "alarms"}) {
    EXPECT_EQ(count_of(table), 1) << table;
  }
  for (const Counter counter : {Counter::events, Counter::gaps, Counter::rows_unknown, Counter::rows_refused, Counter::alarms}) {
    EXPECT_EQ(counted(counter), 1) << name_of(counter);
  }
  EXPECT_EQ(counted(Counter::events_bytes), bytes);

  // Dropped meanwhile, it is held again, and is still one event that was reported.
  ASSERT_TRUE(store->database().execute("DELETE FROM events; DELETE FROM unknown_rows"));
  ASSERT_TRUE(ask({.node = "gateway-1", .lanes = {schema::Lane::notes}, .numbers = NumberRange{1, 6}}));
  batch = batch_of({{.lane = notes_lane, .rows = notes()}});
  auto& lane = *batch.lanes[0];
  lane.again = std::make_unique<schema::AgainT>();
  lane.again->first = 1;
  lane.again->through = 6;
  lane.again->rows = std::exchange(lane.rows, {});
  take(std::move(batch));
  EXPECT_EQ(count_of("events"), 1);
  EXPECT_EQ(count_of("unknown_rows"), 1);
  EXPECT_EQ(counted(Counter::events), 1);
  EXPECT_EQ(counted(Counter::rows_unknown), 1);
}

TEST_F(WantedTest, ManyWindowsOfOneHourComeBackInOneBatch) {
  lose_windows();
  ask_for({1, 6});
  take(again({.numbers = {1, 2, 3}, .not_kept = 0}));
  ask_for({4, 6});
  take(again({.first = 4, .numbers = {4, 5, 6}}));
  take(batch_of({{.rows = {sent(7, WindowSketch{.channel = "nde"})}}}));
  EXPECT_EQ(windows().records.size(), 7U) << "each has a place of its own";
}

TEST_F(WantedTest, OfACopiedSpoolNothingIsTakenAgain) {
  lose_windows();
  ask_for({1, 6});
  auto copy = again({.through = 4, .numbers = {1, 2, 3, 4}});
  copy.lanes[0]->next_number = 5;
  EXPECT_EQ(wanted_after(std::move(copy)), "nothing");
  EXPECT_THAT(windows().records, IsEmpty());
  EXPECT_EQ(request().state, "open");
}

}  // namespace
}  // namespace stethos::collector
