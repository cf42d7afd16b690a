// The outbox, as the sender sees it through the spool: what waits, what the collector has, what must go, and copies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "common/hash.h"
#include "edge/spool/sqlite_spool.h"
#include "schemas/envelope.h"
#include "tests/unit/common/scratch_folder.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

using schema::Lane;
using testing::ElementsAre;
using testing::IsEmpty;
using uplink::LaneAnswer;
using uplink::OutboxLane;
using uplink::SendOrder;

constexpr std::size_t body_bytes = 100;

NewRow row_of(Lane lane, std::uint8_t content) {
  return {lane, schema::RowKind::window, std::vector<std::uint8_t>(body_bytes, content)};
}

class OutboxTest : public testing::Test {
 protected:
  void open(SpoolBudget budget = {}) {
    spool_.reset();
    auto opened = SqliteSpool::open(path_, budget);
    ASSERT_TRUE(opened) << opened.error().text();
    spool_ = std::move(*opened);
  }

  // So many rows, in one commit.
  void add(std::size_t count, Lane lane = Lane::windows, TimeNs now = epoch_ns) {
    Effect effect;
    effect.changed = true;
    effect.now_ns = now;
    for (std::size_t i = 0; i < count; ++i) effect.rows.push_back(row_of(lane, next_content_++));
    ASSERT_TRUE(spool_->commit(effect));
  }

  void add_untrusted(std::size_t count, TimeNs now) {
    Effect effect;
    effect.changed = true;
    effect.now_ns = now;
    effect.clock_trusted = false;
    for (std::size_t i = 0; i < count; ++i) effect.rows.push_back(row_of(Lane::windows, next_content_++));
    ASSERT_TRUE(spool_->commit(effect));
  }

  void commit_nothing(TimeNs now) { add(0, Lane::windows, now); }

  void add_dead_letter() {
    Effect effect;
    effect.changed = true;
    effect.dead_letters.push_back({});
    effect.dead_letters.back().payload.resize(body_bytes);
    ASSERT_TRUE(spool_->commit(effect));
  }

  OutboxLane waiting(Lane which = Lane::windows, SendOrder order = SendOrder::oldest_first, std::size_t rows_max = 1'000,
                     std::size_t bytes_max = 1 << 20) {
    auto lanes = spool_->waiting(order, rows_max, bytes_max);
    EXPECT_TRUE(lanes);
    return std::move(*std::ranges::find(*lanes, which, &OutboxLane::lane));
  }

  static std::vector<std::uint64_t> numbers(const OutboxLane& lane) {
    std::vector<std::uint64_t> out;
    for (const auto& row : lane.rows) out.push_back(row.number);
    return out;
  }

  static std::vector<std::string> given_up(const OutboxLane& lane) {
    std::vector<std::string> out;
    for (const auto& each : lane.given_up) {
      out.push_back(std::to_string(each.numbers.first) + "-" + std::to_string(each.numbers.last) + " " +
                    schema::EnumNameGapCause(each.cause));
    }
    return out;
  }

  bool answer(const LaneAnswer& held) {
    const auto answered = spool_->answered({&held, 1});
    EXPECT_TRUE(answered);
    return answered.value_or(false);
  }

  LaneTotals totals(Lane lane = Lane::windows) const { return spool_->lane_totals()[static_cast<std::size_t>(lane)]; }

  const test::ScratchFolder folder_;
  const std::string path_ = folder_ / "spool.db";
  std::unique_ptr<SqliteSpool> spool_;
  std::uint8_t next_content_ = 1;
};

TEST_F(OutboxTest, WhatTheCollectorHasWaitsNoMoreAndIsKept) {
  open();
  add(5);
  EXPECT_THAT(numbers(waiting(Lane::windows, SendOrder::oldest_first, 3)), ElementsAre(1, 2, 3));
  EXPECT_EQ(waiting().previous_number, 0U);
  EXPECT_EQ(waiting().next_number, 6U);

  EXPECT_FALSE(answer({.durable_through = 2, .ranges = {{4, 4}}}));
  const OutboxLane left = waiting();
  EXPECT_THAT(numbers(left), ElementsAre(3, 5));
  EXPECT_EQ(left.rows_waiting, 2U);
  EXPECT_EQ(left.lowest_kept, 1U);
  EXPECT_EQ(left.previous_number, 2U);
  EXPECT_EQ(left.previous_hash, hash_of(row_of(Lane::windows, 2).body));
  EXPECT_EQ(totals().waiting.rows, 2U);
  EXPECT_EQ(totals().history.bytes, 3 * body_bytes);

  // Said again it changes nothing; so does a new process.
  EXPECT_FALSE(answer({.durable_through = 2, .ranges = {{4, 4}}}));
  const std::string identity = spool_->spool_identity();
  open();
  EXPECT_EQ(spool_->spool_identity(), identity);
  EXPECT_THAT(numbers(waiting()), ElementsAre(3, 5));
  add(1);
  EXPECT_THAT(numbers(waiting()), ElementsAre(3, 5, 6));
}

TEST_F(OutboxTest, WhatTheCollectorLostWaitsAgain) {
  open();
  add(5);
  EXPECT_FALSE(answer({.durable_through = 5, .ranges = {}}));
  EXPECT_THAT(numbers(waiting()), IsEmpty());
  EXPECT_TRUE(answer({.durable_through = 1, .ranges = {{3, 3}}}));
  EXPECT_THAT(numbers(waiting()), ElementsAre(2, 4, 5));
  EXPECT_TRUE(answer({.durable_through = 0, .ranges = {}}));
  EXPECT_EQ(totals().waiting.rows, 5U);
  EXPECT_EQ(totals().history.rows, 0U);
}

TEST_F(OutboxTest, TheNewestAreSentFirstWhereToldSo) {
  open();
  add(6);
  const OutboxLane newest = waiting(Lane::windows, SendOrder::live_first, 2);
  EXPECT_THAT(numbers(newest), ElementsAre(5, 6));
  EXPECT_EQ(newest.previous_number, 4U);
  EXPECT_FALSE(answer({.durable_through = 0, .ranges = {{5, 6}}}));
  add(1);
  EXPECT_THAT(numbers(waiting(Lane::windows, SendOrder::live_first, 3)), ElementsAre(3, 4, 7));
}

TEST_F(OutboxTest, ABatchIsBoundedByBytesToo) {
  open();
  add(100);
  EXPECT_EQ(waiting(Lane::windows, SendOrder::oldest_first, 100, 3 * body_bytes).rows.size(), 3U);
}

TEST_F(OutboxTest, HistoryGoesFirstThenDeadLettersThenStatisticsAlarmsLast) {
  constexpr std::uint64_t row = body_bytes + row_overhead_bytes;
  open({.bytes_max = 10 * row});
  add(2, Lane::alarms);
  add(2, Lane::notes);
  add(4);
  answer({.durable_through = 2, .ranges = {}});
  add_dead_letter();
  EXPECT_EQ(totals().history.rows, 2U);

  add(2);  // more than fits: of the history
  EXPECT_LT(totals().history.rows, 2U);
  EXPECT_THAT(numbers(waiting()), ElementsAre(3, 4, 5, 6));
  EXPECT_EQ(waiting().previous_number, 2U) << "though it is gone";
  add(1);  // the rest of the history, then the dead letter
  EXPECT_EQ(totals().history.rows, 0U);
  EXPECT_EQ(spool_->given_up().dead_letters, 1U);
  EXPECT_EQ(spool_->given_up().rows, 0U);
  add(3);
  EXPECT_EQ(totals(Lane::notes).waiting.rows, 2U);
  EXPECT_THAT(given_up(waiting()), ElementsAre("3-4 given_up_for_room"));
  EXPECT_THAT(numbers(waiting()), ElementsAre(5, 6, 7, 8, 9, 10));
  add(9, Lane::alarms);
  EXPECT_EQ(totals().waiting.rows, 0U);
  EXPECT_EQ(totals(Lane::notes).waiting.rows, 0U);
  EXPECT_EQ(totals(Lane::alarms).waiting.rows, 10U);
  EXPECT_THAT(given_up(waiting(Lane::alarms)), ElementsAre("1-1 given_up_for_room"));
  EXPECT_EQ(spool_->given_up().rows, 8U + 2U + 1U);
  EXPECT_EQ(spool_->given_up().history_rows, 2U);

  // It is told until the collector knows, also by a new process.
  open({.bytes_max = 10 * row});
  EXPECT_THAT(given_up(waiting()), ElementsAre("3-10 given_up_for_room"));
  answer({.lane = Lane::windows, .durable_through = 10, .ranges = {}});
  EXPECT_THAT(given_up(waiting()), IsEmpty());
  EXPECT_EQ(spool_->given_up().rows, 11U);
}

TEST_F(OutboxTest, WhatIsTooOldGoes) {
  open({.age_max = 10 * ns_per_s});
  add(2);
  answer({.durable_through = 1, .ranges = {}});
  add(1, Lane::windows, epoch_ns + 5 * ns_per_s);
  EXPECT_EQ(totals().history.rows, 1U);
  add(1, Lane::windows, epoch_ns + 11 * ns_per_s);
  EXPECT_EQ(totals().history.rows, 0U);
  EXPECT_THAT(numbers(waiting()), ElementsAre(3, 4));
  EXPECT_THAT(given_up(waiting()), ElementsAre("2-2 given_up_for_age"));
}

TEST_F(OutboxTest, NothingIsTooOldByAClockThatIsNotTrusted) {
  open({.age_max = 10 * ns_per_s});
  add(1);
  add_untrusted(2, 0);                              // 1970
  add_untrusted(1, epoch_ns + 3'600'000 * ns_per_s);  // and what it was then set to
  EXPECT_EQ(totals().waiting.rows, 4U);
  EXPECT_EQ(spool_->offered_until(), epoch_ns);
  open({.age_max = 10 * ns_per_s});
  add(1, Lane::windows, epoch_ns + 9 * ns_per_s);
  EXPECT_EQ(totals().waiting.rows, 5U) << "they are not older than what came before them";
  add(1, Lane::windows, epoch_ns + 18 * ns_per_s);
  EXPECT_THAT(numbers(waiting()), ElementsAre(2, 3, 4, 5, 6)) << "nor younger than what came after them";
  add(1, Lane::windows, epoch_ns + 20 * ns_per_s);
  EXPECT_THAT(numbers(waiting()), ElementsAre(6, 7));
}

TEST_F(OutboxTest, WithNothingBehindThemRowsOfNoKnownTimeAreThoseOfTheMomentInWhichItIsKnown) {
  open({.age_max = 10 * ns_per_s});
  add_untrusted(3, 0);
  commit_nothing(epoch_ns);
  commit_nothing(epoch_ns + 10 * ns_per_s);
  EXPECT_EQ(totals().waiting.rows, 3U);
  commit_nothing(epoch_ns + 10 * ns_per_s + 1);
  EXPECT_EQ(totals().waiting.rows, 0U);
}

TEST_F(OutboxTest, ARowOfTheFutureDoesNotLiveForEver) {
  open({.age_max = 10 * ns_per_s});
  add(2, Lane::windows, epoch_ns + 300'000'000 * ns_per_s);
  add(1, Lane::windows, epoch_ns);
  EXPECT_EQ(totals().waiting.rows, 3U);
  commit_nothing(epoch_ns + 11 * ns_per_s);
  EXPECT_EQ(totals().waiting.rows, 0U);
}

TEST_F(OutboxTest, NoMoreDeadLettersThanMayBe) {
  open({.dead_letters_max = 3});
  for (int i = 0; i < 5; ++i) add_dead_letter();
  EXPECT_EQ(spool_->given_up().dead_letters, 2U);
}

TEST_F(OutboxTest, ALetterTakesOfTheBudgetAllThatItHolds) {
  open({.bytes_max = 100'000});
  for (int i = 0; i < 500; ++i) {
    Effect effect;
    effect.changed = true;
    effect.dead_letters.resize(1);
    effect.dead_letters[0].topic = std::string(1'000, 't');
    effect.dead_letters[0].rejection.detail = std::string(200, 'd');
    ASSERT_TRUE(spool_->commit(effect));
  }
  auto reader = *sqlite::Database::open(path_, sqlite::Access::read_only);
  sqlite::Statement texts(reader, "SELECT sum(length(topic) + length(detail)) FROM dead_letter");
  ASSERT_TRUE(*texts.step());
  EXPECT_LE(texts.unsigned_integer(0), 100'000u);
  EXPECT_EQ(spool_->given_up().dead_letters, 500u - texts.unsigned_integer(0) / 1'200);
}

// Another life of the same file went on, and the collector has what came of it.
TEST_F(OutboxTest, ACopyTakesAnotherIdentityAndSendsWhatItHas) {
  open();
  add(4);
  answer({.durable_through = 3, .ranges = {}});
  const auto take_as_copy = [&](const LaneAnswer& held) {
    const std::string before = spool_->spool_identity();
    answer(held);
    EXPECT_NE(spool_->spool_identity(), before);
    EXPECT_EQ(totals().waiting.rows, 4U);
    EXPECT_EQ(totals().history.rows, 0U);
    EXPECT_THAT(numbers(waiting()), ElementsAre(1, 2, 3, 4));
    const OutboxLane notes = waiting(Lane::notes);
    const auto event = schema::open_event_row(notes.rows.back().body);
    ASSERT_TRUE(event);
    EXPECT_EQ((*event)->kind(), schema::EventKind::spool_copied);
    EXPECT_EQ((*event)->detail()->str(), before);
  };
  take_as_copy({.durable_through = 6, .ranges = {}, .last_number = 6, .last_hash = 1});
  // Now nothing of it is known there. Later a copy is taken again, and the number is one that this life has given out too.
  answer({.durable_through = 3, .ranges = {}, .last_number = 3, .last_hash = hash_of(row_of(Lane::windows, 3).body)});
  take_as_copy({.durable_through = 4, .ranges = {}, .last_number = 4, .last_hash = 1});
  const std::string last = spool_->spool_identity();
  open();
  EXPECT_EQ(spool_->spool_identity(), last);
}

// Numbers go on under the new identity where the old ones were, so what left before is not missing.
TEST_F(OutboxTest, ACopyBeginsAtWhatItKeeps) {
  constexpr std::uint64_t row = body_bytes + row_overhead_bytes;
  open({.bytes_max = 4 * row});
  add(4);
  answer({.durable_through = 4, .ranges = {}});
  add(2);
  EXPECT_EQ(waiting().lowest_kept, 3U);
  EXPECT_EQ(waiting().first_number, 1U);
  answer({.durable_through = 9, .ranges = {}, .last_number = 9, .last_hash = 1});
  EXPECT_EQ(waiting().first_number, 3U);
  EXPECT_THAT(given_up(waiting()), IsEmpty());
}

class OutboxAgainTest : public OutboxTest {
 protected:
  void add_row(Lane lane, schema::RowKind kind, std::vector<std::uint8_t> body) {
    Effect effect;
    effect.changed = true;
    effect.now_ns = epoch_ns;
    effect.rows.push_back({lane, kind, std::move(body)});
    ASSERT_TRUE(spool_->commit(effect));
  }
  void add_window(TimeNs start) {
    schema::WindowRowT window;
    window.device = "d";
    window.channel = "c";
    window.start_ns = start;
    window.moments = std::make_unique<schema::MomentsT>();
    window.counts = std::make_unique<schema::CountsT>();
    add_row(Lane::windows, schema::RowKind::window, schema::pack(window));
  }

  struct Seen {
    std::vector<std::uint64_t> rows;
    std::uint64_t through = 0;
    std::uint64_t not_kept = 0;
  };
  Seen again(const uplink::WantedRows& wanted, Lane lane = Lane::windows, std::size_t rows_max = 1'000,
             std::size_t bytes_max = 1 << 20) {
    const auto answer = spool_->again(lane, wanted, rows_max, bytes_max);
    EXPECT_TRUE(answer);
    Seen seen{.rows = {}, .through = answer->through, .not_kept = answer->not_kept};
    for (const auto& row : answer->rows) seen.rows.push_back(row.number);
    EXPECT_EQ(answer->cause, seen.not_kept > 0 ? schema::GapCause::not_kept : schema::GapCause::unknown);
    return seen;
  }
};

TEST_F(OutboxAgainTest, OfTheHistoryWhatIsWantedAndNothingThatWaits) {
  open();
  add(6);
  answer({.durable_through = 3, .ranges = {{5, 5}}});
  const Seen all = again({.numbers = {2, 6}});
  EXPECT_THAT(all.rows, ElementsAre(2, 3, 5)) << "4 and 6 come by themselves";
  EXPECT_EQ(all.through, 6U);
  EXPECT_EQ(all.not_kept, 0U);
  EXPECT_THAT(numbers(waiting()), ElementsAre(4, 6)) << "asking changes nothing";
  EXPECT_THAT(again({.numbers = {1, 6}}, Lane::notes).rows, IsEmpty());
}

TEST_F(OutboxAgainTest, InPartsThatFollowEachOther) {
  open();
  add(5);
  answer({.durable_through = 5, .ranges = {}});
  const Seen first = again({.numbers = {1, 5}}, Lane::windows, 2);
  EXPECT_THAT(first.rows, ElementsAre(1, 2));
  EXPECT_EQ(first.through, 2U);
  const Seen second = again({.numbers = {3, 5}}, Lane::windows, 1'000, 2 * body_bytes - 1);
  EXPECT_THAT(second.rows, ElementsAre(3, 4)) << "about so many bytes";
  EXPECT_EQ(second.through, 4U);
  const Seen third = again({.numbers = {5, 5}}, Lane::windows, 1);
  EXPECT_THAT(third.rows, ElementsAre(5));
  EXPECT_EQ(third.through, 5U);
}

TEST_F(OutboxAgainTest, WhatItHasNoMoreOrNeverHadIsSaid) {
  const std::uint64_t rows_kept = 4;
  open({.bytes_max = rows_kept * (body_bytes + row_overhead_bytes)});
  add(4);
  answer({.durable_through = 4, .ranges = {}});
  add(2);
  ASSERT_EQ(totals().history.rows, 2U) << "1 and 2 left for room";
  const Seen kept = again({.numbers = {1, 9}});
  EXPECT_THAT(kept.rows, ElementsAre(3, 4));
  EXPECT_EQ(kept.through, 9U);
  EXPECT_EQ(kept.not_kept, 5U) << "1, 2, and 7 to 9, which were never given out";

  const Seen begun = again({.numbers = {1, 9}}, Lane::windows, 1);
  EXPECT_EQ(begun.through, 3U);
  EXPECT_EQ(begun.not_kept, 2U);
  const std::uint64_t far = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(again({.numbers = {7, far}}).not_kept, far - 6);
  EXPECT_EQ(again({.numbers = {far, far}}).through, far);
  EXPECT_EQ(again({.numbers = {1, 1}}, Lane::notes).not_kept, 1U);
}

TEST_F(OutboxAgainTest, OfASpanOfTimeWhatStartsInItWhateverItsOrder) {
  open();
  for (const TimeNs start : {30, 10, 20, 19, 40}) add_window(start);
  answer({.durable_through = 5, .ranges = {}});
  EXPECT_THAT(again({.numbers = {1, 5}, .from = 10, .to = 20}).rows, ElementsAre(2, 4));
  EXPECT_THAT(again({.numbers = {3, 5}, .from = 10, .to = 20}).rows, ElementsAre(4));
  const Seen none = again({.numbers = {1, 5}, .from = 50, .to = 60});
  EXPECT_THAT(none.rows, IsEmpty());
  EXPECT_EQ(none.through, 5U);
  EXPECT_EQ(none.not_kept, 0U);
}

TEST_F(OutboxAgainTest, EachKindOfRowHasItsTime) {
  open();
  schema::StreamRowT stream;
  stream.device = stream.channel = stream.machine = stream.point = stream.axis = stream.quantity = "x";
  stream.unit = stream.location = stream.owner = "x";
  add_row(Lane::notes, schema::RowKind::stream, schema::pack(stream));
  schema::EventRowT event;
  event.at_ns = 15;
  add_row(Lane::notes, schema::RowKind::event, schema::pack(event));
  schema::GapRowT gap;
  gap.device = "d";
  gap.noticed_ns = 25;
  add_row(Lane::notes, schema::RowKind::gap, schema::pack(gap));
  add_row(Lane::notes, static_cast<schema::RowKind>(999), {1, 2, 3});
  schema::AlarmRowT alarm;
  alarm.device = alarm.channel = alarm.unit = "x";
  alarm.activated_ns = 15;
  alarm.changed_ns = 25;
  add_row(Lane::alarms, schema::RowKind::alarm, schema::pack(alarm));
  answer({.lane = Lane::notes, .durable_through = 4, .ranges = {}});
  answer({.lane = Lane::alarms, .durable_through = 1, .ranges = {}});
  EXPECT_THAT(again({.numbers = {1, 4}, .from = 10, .to = 20}, Lane::notes).rows, ElementsAre(1, 2, 4))
      << "what has no time belongs to each";
  EXPECT_THAT(again({.numbers = {1, 4}, .from = 20, .to = 30}, Lane::notes).rows, ElementsAre(1, 3, 4));
  EXPECT_THAT(again({.numbers = {1, 1}, .from = 10, .to = 20}, Lane::alarms).rows, ElementsAre(1));
  EXPECT_THAT(again({.numbers = {1, 1}, .from = 20, .to = 30}, Lane::alarms).rows, IsEmpty());
}

}  // namespace
}  // namespace stethos::edge
