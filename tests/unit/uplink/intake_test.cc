#include "uplink/collector/intake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "common/hash.h"
#include "tests/unit/uplink/collector_fixture.h"
#include "uplink/collector/intake_checks.h"

namespace stethos::collector {
namespace {

using uplink::NumberRange;
using Ranges = std::vector<NumberRange>;

class IntakeTest : public CollectorTest {};

TEST_F(IntakeTest, StoresWhatABatchHasAndSaysSo) {
  const auto answer = take(batch_of({{.lane = notes_lane, .rows = {sent(1, stream_row()), sent(2, provenance_row())}},
                                     {.rows = {sent(1, WindowSketch{}), sent(2, WindowSketch{.start = some_time + ns_per_s})}}}));
  EXPECT_EQ(answer.collector, store->identity());
  EXPECT_EQ(answer.spool, spool_a);
  EXPECT_EQ(answer.time, some_time);
  EXPECT_EQ(answer.clock, clock_identity);
  EXPECT_EQ(answer.lanes.at(notes_lane).durable_through, 2U);
  EXPECT_EQ(answer.lanes.at(windows_lane).durable_through, 2U);
  EXPECT_TRUE(answer.lanes.at(windows_lane).ranges.empty());
  const auto page = windows();
  ASSERT_EQ(page.records.size(), 2U);
  EXPECT_EQ(page.records[0].node, "gateway-1");
  EXPECT_EQ(page.records[0].stream->machine, "Pump 1");
  EXPECT_EQ(page.records[0].provenance->backend, "reference");
  EXPECT_EQ(page.records[1].number, 2U);
  EXPECT_EQ(page.records[1].stored, some_time);
  EXPECT_EQ(counted(Counter::rows), 4);
  EXPECT_EQ(counted(Counter::windows), 2);
  EXPECT_EQ(counted(Counter::batches), 1);
}

TEST_F(IntakeTest, TheSameBatchTwiceChangesNothing) {
  const auto batch = [] { return batch_of({{.rows = {sent(1, WindowSketch{}), sent(2, WindowSketch{.channel = "nde"})}}}); };
  take(batch());
  const auto again = take(batch(), some_time + ns_per_s);
  EXPECT_EQ(again.lanes.at(windows_lane).durable_through, 2U);
  EXPECT_EQ(counted(Counter::rows), 2);
  EXPECT_EQ(counted(Counter::rows_duplicate), 2);
  EXPECT_EQ(counted(Counter::windows), 2);
  EXPECT_EQ(windows().records[0].stored, some_time) << "the first copy stays";
}

TEST_F(IntakeTest, AnOverlappingResendAddsOnlyWhatIsNew) {
  take(batch_of({{.rows = {sent(1, WindowSketch{}), sent(2, WindowSketch{.channel = "b"})}}}));
  const auto answer = take(batch_of({{.rows = {sent(2, WindowSketch{.channel = "b"}), sent(3, WindowSketch{.channel = "c"})}}}));
  EXPECT_EQ(answer.lanes.at(windows_lane).durable_through, 3U);
  EXPECT_EQ(counted(Counter::rows), 3);
  EXPECT_EQ(counted(Counter::rows_duplicate), 1);
}

TEST_F(IntakeTest, BatchesOutOfOrderLeaveRangesThatClose) {
  auto answer = take(batch_of({{.rows = {sent(5, WindowSketch{.channel = "e"})}, .next_number = 9}}));
  EXPECT_EQ(answer.lanes.at(windows_lane).durable_through, 0U);
  EXPECT_EQ(answer.lanes.at(windows_lane).ranges, (Ranges{{5, 5}}));
  answer = take(
      batch_of({{.rows = {sent(1, WindowSketch{.channel = "a"}), sent(2, WindowSketch{.channel = "b"})}, .next_number = 9}}));
  EXPECT_EQ(answer.lanes.at(windows_lane).durable_through, 2U);
  EXPECT_EQ(answer.lanes.at(windows_lane).ranges, (Ranges{{5, 5}}));
  answer = take(
      batch_of({{.rows = {sent(3, WindowSketch{.channel = "c"}), sent(4, WindowSketch{.channel = "d"})}, .next_number = 9}}));
  EXPECT_EQ(answer.lanes.at(windows_lane).durable_through, 5U);
  EXPECT_TRUE(answer.lanes.at(windows_lane).ranges.empty());
  EXPECT_EQ(integer("SELECT count(*) FROM gaps"), 0) << "overtaking is no gap";
}

TEST_F(IntakeTest, TooManyHolesAreLeftForLaterAndNotAcknowledged) {
  std::vector<SentRow> rows;
  rows.reserve(ranges_per_lane_max + 10);
  for (std::uint64_t i = 0; i < ranges_per_lane_max + 10; ++i) {
    rows.push_back(sent(2 + 2 * i, WindowSketch{.start = some_time + static_cast<TimeNs>(i) * ns_per_s}));
  }
  const auto answer = take(batch_of({{.rows = std::move(rows)}}));
  EXPECT_EQ(answer.lanes.at(windows_lane).ranges.size(), ranges_per_lane_max);
  EXPECT_EQ(counted(Counter::rows_postponed), 10);
  EXPECT_EQ(counted(Counter::windows), static_cast<std::int64_t>(ranges_per_lane_max));
}

TEST_F(IntakeTest, AWindowIsReplacedByAHigherRevisionOnly) {
  std::uint64_t number = 1;
  const auto offer = [&](std::uint32_t generation, std::uint32_t revision, double rms) {
    const WindowSketch sketch{.generation = generation, .revision = revision, .rms = rms};
    take(batch_of({{.rows = {sent(number, sketch)}}}), some_time + static_cast<TimeNs>(number));
    ++number;
  };
  offer(0, 1, 1.0);
  offer(0, 0, 2.0);  // older
  EXPECT_EQ(rms_of(windows().records.at(0)), 1.0);
  offer(0, 1, 3.0);  // the same
  EXPECT_EQ(rms_of(windows().records.at(0)), 1.0);
  offer(0, 2, 4.0);
  EXPECT_EQ(rms_of(windows().records.at(0)), 4.0);
  offer(1, 9, 5.0);  // of a generation that only a replay has
  ASSERT_EQ(windows().records.size(), 1U);
  EXPECT_EQ(rms_of(windows().records.at(0)), 4.0);
  EXPECT_EQ(windows().records.at(0).number, 4U);
  EXPECT_EQ(counted(Counter::windows), 1);
  EXPECT_EQ(counted(Counter::windows_superseded), 1);
  EXPECT_EQ(counted(Counter::windows_stale), 2);
  EXPECT_EQ(counted(Counter::rows_refused), 1);
}

TEST_F(IntakeTest, WindowsAreTheSameOnlyWithNodeStreamDefinitionAndStart) {
  take(batch_of(
      {{.rows = {sent(1, WindowSketch{}), sent(2, WindowSketch{.device = "pump-2"}), sent(3, WindowSketch{.channel = "x"}),
                 sent(4, WindowSketch{.start = some_time + 1}), sent(5, WindowSketch{.definition = 0xffff'ffff'ffff'ffff})}}}));
  take(batch_of({{.rows = {sent(1, WindowSketch{})}}}, spool_a, "gateway-2"));
  EXPECT_EQ(windows().records.size(), 6U);
}

TEST_F(IntakeTest, AnAlarmIsAsTheLastRowOfItSays) {
  using schema::AlarmState;
  take(batch_of({{.lane = alarms_lane,
                  .rows = {sent(1, AlarmSketch{}), sent(2, AlarmSketch{.revision = 2, .state = AlarmState::inactive})}}}));
  auto page = alarms();
  ASSERT_EQ(page.records.size(), 1U);
  EXPECT_EQ(page.records[0].row->revision(), 2U);
  EXPECT_EQ(page.records[0].row->state(), AlarmState::inactive);
  EXPECT_EQ(page.records[0].number, 2U);
  EXPECT_EQ(counted(Counter::alarms), 1);
  EXPECT_EQ(counted(Counter::alarms_superseded), 1);

  // The limit was not configured for a time: its revisions begin anew.
  take(batch_of({{.lane = alarms_lane, .rows = {sent(3, AlarmSketch{.revision = 0, .level = schema::AlarmLevel::danger})}}}));
  EXPECT_EQ(alarms().records[0].row->level(), schema::AlarmLevel::danger);

  // The spool is a copy of an earlier day, or a new one, and its numbers begin anew too.
  take(batch_of(
      {{.lane = alarms_lane,
        .rows = {sent(1, AlarmSketch{.revision = 0}), sent(2, AlarmSketch{.revision = 1, .state = AlarmState::inactive})}}},
      spool_b));
  page = alarms();
  ASSERT_EQ(page.records.size(), 1U);
  EXPECT_EQ(page.records[0].row->state(), AlarmState::inactive);
  for (const AlarmSketch& other : {AlarmSketch{.device = "pump-2"}, AlarmSketch{.channel = "nde"}, AlarmSketch{.limit = 0x12},
                                   AlarmSketch{.activated = 0}}) {
    take(batch_of({{.lane = alarms_lane, .rows = {sent(static_cast<std::uint64_t>(counted(Counter::alarms)) + 4, other)}}}));
  }
  EXPECT_EQ(alarms().records.size(), 5U);
}

TEST_F(IntakeTest, AnAlarmThatCannotBeShownIsSetAside) {
  const auto packed = [](auto change) {
    schema::AlarmRowT row = alarm_row({});
    change(row);
    return schema::pack(row);
  };
  constexpr auto alarm = static_cast<std::uint16_t>(schema::RowKind::alarm);
  std::vector<SentRow> rows{{1, alarm, packed([](auto& row) { row.device = ""; })},
                            {2, alarm, packed([](auto& row) { row.unit = "a\nb"; })},
                            {3, alarm, packed([](auto& row) { row.activated_ns = std::numeric_limits<TimeNs>::min(); })},
                            {4, alarm, packed([](auto& row) { row.changed_ns = std::numeric_limits<TimeNs>::max(); })},
                            {5, alarm, packed([](auto& row) { row.on_delay_ns = -1; })},
                            {6, alarm, packed([](auto& row) { row.length_ns = -1; })},
                            {7, alarm, {1, 2, 3}},
                            sent(8, AlarmSketch{})};
  const auto answer = take(batch_of({{.lane = alarms_lane, .rows = std::move(rows)}}));
  EXPECT_EQ(answer.lanes.at(alarms_lane).durable_through, 8U);
  EXPECT_EQ(counted(Counter::rows_refused), 7);
  EXPECT_EQ(alarms().records.size(), 1U);
}

TEST_F(IntakeTest, TwoSpoolsOfANodeHaveNumbersOfTheirOwn) {
  take(batch_of({{.rows = {sent(1, WindowSketch{}), sent(2, WindowSketch{.channel = "b"})}}}));
  const auto answer = take(batch_of({{.rows = {sent(1, WindowSketch{.channel = "c"})}}}, spool_b));
  EXPECT_EQ(answer.spool, spool_b);
  EXPECT_EQ(answer.lanes.at(windows_lane).durable_through, 1U);
  EXPECT_EQ(windows().records.size(), 3U);
  EXPECT_EQ(counted(Counter::rows_duplicate), 0);
  const auto nodes = query->nodes({});
  ASSERT_TRUE(nodes);
  ASSERT_EQ(nodes->records.size(), 1U);
  EXPECT_EQ(nodes->records[0].spools.size(), 2U);
}

TEST_F(IntakeTest, AKindThatIsNotKnownIsKeptAndAcknowledged) {
  const auto answer = take(batch_of({{.rows = {{1, 4711, {1, 2, 3}}, sent(2, WindowSketch{})}}}));
  EXPECT_EQ(answer.lanes.at(windows_lane).durable_through, 2U);
  EXPECT_EQ(counted(Counter::rows_unknown), 1);
  EXPECT_EQ(integer("SELECT kind FROM unknown_rows WHERE body = x'010203' AND number = 1"), 4711);
}

TEST_F(IntakeTest, ALaneThatIsNotKnownIsKeptToo) {
  const auto answer = take(batch_of({{.lane = 200, .rows = {{1, 4711, {1}}}}}));
  EXPECT_EQ(answer.lanes.at(200).durable_through, 1U);
}

TEST_F(IntakeTest, ARowThatIsNotWhatItClaimsIsSetAsideAndBlocksNothing) {
  auto cut = schema::pack(window_row({}));
  cut.resize(cut.size() / 2);
  auto long_name = window_row({});
  long_name.device = std::string(500, 'x');
  auto no_name = window_row({});
  no_name.channel = "";
  auto broken_text = window_row({});
  broken_text.channel = "a\xff";
  auto control = window_row({});
  control.device = "a\nb";
  auto far = window_row({});
  far.start_ns = std::numeric_limits<std::int64_t>::max() - 1;
  auto backwards = window_row({});
  backwards.length_ns = -1;
  constexpr auto window = static_cast<std::uint16_t>(schema::RowKind::window);
  std::vector<SentRow> rows{{1, window, {}},
                            {2, window, {1, 2, 3}},
                            {3, window, std::vector<std::uint8_t>(1000, 0xff)},
                            {4, window, cut},
                            {5, window, schema::pack(long_name)},
                            {6, window, schema::pack(no_name)},
                            {7, window, schema::pack(broken_text)},
                            {8, window, schema::pack(control)},
                            {9, window, schema::pack(far)},
                            {10, window, schema::pack(backwards)},
                            {11, 0, {1, 2}},
                            {12, window, std::vector<std::uint8_t>(schema::row_bytes_max + 1)},
                            {13, 4711, std::vector<std::uint8_t>(schema::row_bytes_max + 1)},
                            sent(14, WindowSketch{})};
  const auto answer = take(batch_of({{.rows = std::move(rows)}}));
  EXPECT_EQ(answer.lanes.at(windows_lane).durable_through, 14U);
  EXPECT_EQ(counted(Counter::rows_refused), 13);
  EXPECT_EQ(integer("SELECT count(*) FROM refused_rows WHERE reason != ''"), 13);
  EXPECT_EQ(integer("SELECT max(length(body)) FROM refused_rows"), static_cast<std::int64_t>(refused_row_bytes_max));
  EXPECT_EQ(windows().records.size(), 1U);
  EXPECT_EQ(counted(Counter::streams), 1) << "nothing of a refused row is left";
}

TEST_F(IntakeTest, EveryFlippedBitOfARowIsHarmless) {
  const auto body = schema::pack(window_row({}));
  std::mt19937 random(5);
  std::uint64_t number = 1;
  for (int round = 0; round < 40; ++round) {
    std::vector<SentRow> rows;
    for (int i = 0; i < 50; ++i) {
      auto flipped = body;
      for (int flips = 0; flips <= i % 3; ++flips)
        flipped[random() % flipped.size()] ^= static_cast<std::uint8_t>(1U << (random() % 8));
      rows.push_back({number++, static_cast<std::uint16_t>(schema::RowKind::window), std::move(flipped)});
    }
    const auto answer = take(batch_of({{.rows = std::move(rows)}}));
    ASSERT_EQ(answer.lanes.at(windows_lane).durable_through, number - 1);
  }
  EXPECT_GT(counted(Counter::rows_refused), 100);
  EXPECT_EQ(counted(Counter::windows) + counted(Counter::windows_stale) + counted(Counter::windows_superseded) +
                counted(Counter::rows_refused),
            2'000);
  EXPECT_EQ(windows().records.size(), static_cast<std::size_t>(counted(Counter::windows)));
}

TEST_F(IntakeTest, GapsThatADeviceLeavesAreKeptOnce) {
  schema::GapRowT gap;
  gap.device = "pump-1";
  gap.epoch = 7;
  gap.first_sequence = 10;
  gap.last_sequence = 12;
  gap.cause = schema::GapCause::device_gave_up;
  gap.noticed_ns = some_time;
  take(batch_of({{.lane = notes_lane, .rows = {sent(1, gap), sent(2, gap)}}}));
  const auto gaps = query->gaps({});
  ASSERT_TRUE(gaps);
  ASSERT_EQ(gaps->records.size(), 1U);
  EXPECT_EQ(gaps->records[0].device, "pump-1");
  EXPECT_EQ(gaps->records[0].cause, "device_gave_up");
  EXPECT_EQ(counted(Counter::gaps), 1);
}

TEST_F(IntakeTest, RowsThatANodeGaveUpAreAGapAndNoLongerWaitedFor) {
  take(batch_of({{.rows = {sent(1, WindowSketch{})}, .next_number = 10}}));
  const auto answer =
      take(batch_of({{.rows = {sent(6, WindowSketch{.channel = "b"})}, .next_number = 10, .given_up = {{1, 3}, {5, 5}}}}));
  EXPECT_EQ(answer.lanes.at(windows_lane).durable_through, 3U);
  EXPECT_EQ(answer.lanes.at(windows_lane).ranges, (Ranges{{5, 6}}));
  const auto gaps = query->gaps({});
  ASSERT_TRUE(gaps);
  ASSERT_EQ(gaps->records.size(), 2U);
  EXPECT_EQ(gaps->records[0].first, 2U) << "row 1 came before it was given up";
  EXPECT_EQ(gaps->records[0].last, 3U);
  EXPECT_EQ(gaps->records[0].cause, "given_up_for_room");
  EXPECT_EQ(gaps->records[0].spool, spool_a);
}

TEST_F(IntakeTest, RowsThatANodeNoLongerKeepsAreAGap) {
  const auto answer = take(batch_of({{.rows = {sent(101, WindowSketch{})}, .lowest_kept = 101}}));
  EXPECT_EQ(answer.lanes.at(windows_lane).durable_through, 101U);
  const auto gaps = query->gaps({});
  ASSERT_EQ(gaps->records.size(), 1U);
  EXPECT_EQ(gaps->records[0].last, 100U);
  EXPECT_EQ(gaps->records[0].cause, "not_kept");
}

TEST_F(IntakeTest, NumbersBelowALanesFirstWereNeverGivenOut) {
  auto batch = batch_of({{.rows = {sent(101, WindowSketch{})}, .lowest_kept = 101}});
  batch.lanes[0]->first_number = 101;
  EXPECT_EQ(take(std::move(batch)).lanes.at(windows_lane).durable_through, 101U);
  EXPECT_TRUE(query->gaps({})->records.empty());
}

TEST_F(IntakeTest, OfACopiedSpoolNothingIsTakenAndTheNodeCanSeeIt) {
  const auto third = sent(3, WindowSketch{.channel = "c"});
  const std::uint64_t hash = hash_of(schema::Bytes(third.body));
  take(batch_of({{.rows = {sent(1, WindowSketch{}), sent(2, WindowSketch{.channel = "b"}), third}}}));
  const auto expect_nothing_taken = [&](schema::UplinkBatchT batch) {
    const auto answer = take(std::move(batch)).lanes.at(windows_lane);
    EXPECT_EQ(answer.durable_through, 3U);
    EXPECT_EQ(answer.last_number, 3U);
    EXPECT_EQ(answer.last_hash, hash);
    EXPECT_EQ(counted(Counter::windows), 3);
  };
  // It has not given out 3 yet.
  expect_nothing_taken(batch_of({{.rows = {sent(2, WindowSketch{.channel = "x"})}}}));
  // Its 3 is another.
  auto batch = batch_of({{.rows = {sent(4, WindowSketch{.channel = "d"})}}});
  batch.lanes[0]->previous_number = 3;
  batch.lanes[0]->previous_hash = hash + 1;
  expect_nothing_taken(std::move(batch));
  batch = batch_of({{.rows = {sent(4, WindowSketch{.channel = "d"})}}});
  batch.lanes[0]->previous_number = 3;
  batch.lanes[0]->previous_hash = hash;
  EXPECT_EQ(take(std::move(batch)).lanes.at(windows_lane).durable_through, 4U);
}

TEST_F(IntakeTest, AWindowOfAChangedSpoolReplacesNoneWithMoreGoodSamples) {
  take(batch_of({{.rows = {sent(1, WindowSketch{.revision = 1, .good = 200})}}}));
  const auto stored = [&] { return query->windows({})->records.at(0).row->counts()->good(); };
  take(batch_of({{.rows = {sent(1, WindowSketch{.revision = 1, .good = 200})}}}, spool_b));
  EXPECT_EQ(counted(Counter::windows_conflicting), 0) << "the same, sent again";
  take(batch_of({{.rows = {sent(2, WindowSketch{.revision = 7, .good = 50})}}}, spool_b));
  EXPECT_EQ(stored(), 200U);
  EXPECT_EQ(counted(Counter::windows_conflicting), 1);
  take(batch_of({{.rows = {sent(3, WindowSketch{.revision = 0, .good = 300})}}}, spool_b));
  EXPECT_EQ(stored(), 300U);
  EXPECT_EQ(counted(Counter::windows_conflicting), 2) << "and what it replaced is not shown any more";
  take(batch_of({{.rows = {sent(4, WindowSketch{.revision = 1, .good = 20})}}}, spool_b));
  EXPECT_EQ(stored(), 20U) << "the same spool may well take something back";
}

TEST_F(IntakeTest, AnEventIsStoredOnce) {
  schema::EventRowT event;
  event.kind = schema::EventKind::stream_rebased;
  event.at_ns = some_time;
  event.device = "pump-1";
  event.value = 5;
  take(batch_of({{.lane = notes_lane, .rows = {sent(1, event)}}}));
  take(batch_of({{.lane = notes_lane, .rows = {sent(1, event)}}}, spool_b));
  event.device = "a\nb";
  take(batch_of({{.lane = notes_lane, .rows = {sent(2, event)}}}, spool_b));
  EXPECT_EQ(counted(Counter::rows_refused), 1);
  auto events = query->events({})->records;
  std::erase_if(events, [](const auto& each) { return each.kind == "spool_changed"; });
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, "stream_rebased");
  EXPECT_EQ(events[0].value, 5);
}

TEST_F(IntakeTest, AnotherSpoolOfANodeIsAnEventAndSoAreTwoInTurn) {
  FixedClock clock;
  const auto kinds = [&] {
    std::vector<std::string> out;
    const auto events = query->events({});
    for (const auto& event : events->records) out.push_back(event.kind + " " + std::to_string(event.value));
    return out;
  };
  const auto send = [&](const std::string& spool) {
    clock.time += ns_per_s;
    take(batch_of({}, spool), clock.time);
  };
  send(spool_a);
  send(spool_a);
  EXPECT_TRUE(kinds().empty());
  send(spool_b);
  send(spool_b);
  EXPECT_EQ(kinds(), (std::vector<std::string>{"spool_changed 0"}));
  EXPECT_EQ(query->events({})->records[0].detail, spool_b + " after " + spool_a);
  for (int i = 0; i < 3; ++i) {
    send(spool_a);
    send(spool_b);
  }
  EXPECT_EQ(kinds(), (std::vector<std::string>{"spool_changed 0", "spools_in_turn 6"})) << "one an hour";
  clock.time += notice_interval;
  for (int i = 0; i < 5; ++i) send(spool_a);
  EXPECT_EQ(kinds().size(), 3U) << "once, for it stays with that spool";
  EXPECT_EQ(counted(Counter::events), 3);
}

TEST_F(IntakeTest, AWindowThatTwoSpoolsHaveDifferentlyIsAnEventWhicheverIsShown) {
  take(batch_of({{.rows = {sent(1, WindowSketch{.good = 40}), sent(2, WindowSketch{.channel = "b", .good = 40})}}}));
  take(batch_of({{.rows = {sent(1, WindowSketch{.good = 20}), sent(2, WindowSketch{.channel = "b", .good = 60})}}}, spool_b));
  const auto conflicts = [&] {
    auto records = query->events({})->records;
    std::erase_if(records, [](const auto& each) { return each.kind != "windows_conflicting"; });
    return records;
  };
  ASSERT_EQ(conflicts().size(), 1U);
  EXPECT_EQ(conflicts()[0].value, 2);
  EXPECT_EQ(conflicts()[0].device, "pump-1");
  EXPECT_EQ(conflicts()[0].channel, "de");
  EXPECT_EQ(conflicts()[0].detail, "the first is that of 2026-09-21T14:13:20.000Z: of 40 samples of the spool " + spool_a +
                                       " and 20 of the spool " + spool_b + " those of " + spool_a + " are shown");
  take(batch_of({{.rows = {sent(3, WindowSketch{.revision = 1, .good = 21})}}}, spool_b));
  ASSERT_EQ(conflicts().size(), 1U);
  EXPECT_EQ(conflicts()[0].value, 3) << "within the hour it is the same event";
}

TEST_F(IntakeTest, ASilenceIsAsTheLastRowOfItSays) {
  schema::SilenceRowT silence;
  silence.device = "pump-1";
  silence.channel = "vibration";
  silence.definition = 7;
  silence.first_start_ns = some_time;
  silence.length_ns = silence.hop_ns = 60 * ns_per_s;
  silence.noticed_ns = some_time + hour_ns;
  silence.clock_untrusted = true;
  std::uint64_t number = 0;
  const auto send = [&](schema::WindowState state, std::uint64_t windows) {
    silence.state = state;
    silence.windows = windows;
    take(batch_of({{.lane = notes_lane, .rows = {sent(++number, silence)}}}));
  };
  send(schema::WindowState::open, 2);
  auto silences = query->silences({});
  ASSERT_EQ(silences->records.size(), 1U);
  EXPECT_EQ(silences->records[0].state, schema::WindowState::open);
  EXPECT_EQ(silences->records[0].end, 0);
  EXPECT_TRUE(silences->records[0].clock_untrusted);
  silence.clock_untrusted = false;
  send(schema::WindowState::withdrawn, 0);  // its definition left
  send(schema::WindowState::final, 5);      // and came back
  silences = query->silences({});
  ASSERT_EQ(silences->records.size(), 1U);
  EXPECT_EQ(silences->records[0].windows, 5U);
  EXPECT_FALSE(silences->records[0].clock_untrusted);
  EXPECT_EQ(silences->records[0].end, some_time + 300 * ns_per_s);
  EXPECT_EQ(counted(Counter::events_held), 1);
  EXPECT_EQ(counted(Counter::silences), 3);

  const auto found = [&](TimeNs from, TimeNs to) {
    Filter filter;
    filter.from = from;
    filter.to = to;
    return query->silences(filter)->records.size();
  };
  EXPECT_EQ(found(some_time - 10, some_time), 0U);
  EXPECT_EQ(found(some_time - 10, some_time + 1), 1U);
  EXPECT_EQ(found(some_time + 300 * ns_per_s - 1, some_time + hour_ns), 1U);
  EXPECT_EQ(found(some_time + 300 * ns_per_s, some_time + hour_ns), 0U);

  const auto refused = counted(Counter::rows_refused);
  send(schema::WindowState::final, 0);
  send(schema::WindowState::final, std::numeric_limits<std::uint64_t>::max());
  silence.hop_ns = 0;
  send(schema::WindowState::final, 1);
  silence.hop_ns = 61 * ns_per_s;
  send(schema::WindowState::final, 1);
  silence.hop_ns = silence.length_ns;
  silence.first_start_ns = std::numeric_limits<TimeNs>::max() - 5;
  send(schema::WindowState::final, 1);
  EXPECT_EQ(counted(Counter::rows_refused), refused + 5);
}

TEST_F(IntakeTest, AnEmptyBatchShowsThatANodeIsThere) {
  take(batch_of({}));
  auto batch = batch_of({{.lane = windows_lane}});
  batch.offered_until_ns = 0;  // does not know: what it said before stands
  take(std::move(batch), some_time + 5 * ns_per_s);
  const auto nodes = query->nodes({});
  ASSERT_EQ(nodes->records.size(), 1U);
  EXPECT_EQ(nodes->records[0].first_seen, some_time);
  EXPECT_EQ(nodes->records[0].last_seen, some_time + 5 * ns_per_s);
  EXPECT_EQ(nodes->records[0].spools[0].offered_until, some_time - ns_per_s);
}

TEST_F(IntakeTest, ABatchThatContradictsItselfIsRefusedWhole) {
  EXPECT_EQ(refusal_of(batch_of({}, spool_a, "no name")), Code::invalid);
  EXPECT_EQ(refusal_of(batch_of({}, spool_a, "")), Code::invalid);
  EXPECT_EQ(refusal_of(batch_of({}, "abc")), Code::invalid);
  EXPECT_EQ(refusal_of(batch_of({}, std::string(32, 'X'))), Code::invalid);
  EXPECT_EQ(refusal_of(batch_of({{.lane = 1}, {.lane = 1}})), Code::invalid);
  EXPECT_EQ(refusal_of(batch_of({{.lowest_kept = 0}})), Code::invalid);
  EXPECT_EQ(refusal_of(batch_of({{.next_number = 3, .lowest_kept = 4}})), Code::invalid);
  EXPECT_EQ(refusal_of(batch_of({{.next_number = 1ULL << 63}})), Code::invalid);
  EXPECT_EQ(refusal_of(batch_of({{.rows = {sent(2, WindowSketch{}), sent(2, WindowSketch{})}}})), Code::invalid);
  EXPECT_EQ(refusal_of(batch_of({{.rows = {sent(3, WindowSketch{}), sent(2, WindowSketch{})}, .next_number = 9}})),
            Code::invalid);
  EXPECT_EQ(refusal_of(batch_of({{.rows = {sent(5, WindowSketch{})}, .next_number = 5}})), Code::invalid);
  EXPECT_EQ(refusal_of(batch_of({{.rows = {sent(5, WindowSketch{})}, .lowest_kept = 6}})), Code::invalid);
  EXPECT_EQ(refusal_of(batch_of({{.next_number = 9, .given_up = {{4, 3}}}})), Code::invalid);
  EXPECT_EQ(refusal_of(batch_of({{.next_number = 9, .given_up = {{4, 9}}}})), Code::invalid);
  std::vector<SentLane> lanes;
  for (std::uint8_t lane = 0; lane <= lanes_per_batch_max; ++lane) lanes.push_back({.lane = lane});
  EXPECT_EQ(refusal_of(batch_of(std::move(lanes))), Code::too_large);
  EXPECT_EQ(integer("SELECT count(*) FROM nodes"), 0);
  EXPECT_EQ(counted(Counter::batches), 0);
}

TEST_F(IntakeTest, ANewerMajorVersionIsRefusedByName) {
  auto batch = batch_of({{.rows = {sent(1, WindowSketch{})}}});
  auto packed = schema::pack(batch);
  auto* table = flatbuffers::GetMutableRoot<flatbuffers::Table>(packed.data());
  ASSERT_TRUE(table->SetField<std::uint16_t>(schema::UplinkBatch::VT_SCHEMA_MAJOR, 2, 0));
  const auto ack = intake->take(packed, some_time);
  ASSERT_FALSE(ack);
  EXPECT_EQ(ack.error().error.code, Code::unsupported);
  EXPECT_THAT(ack.error().error.text(), ::testing::HasSubstr("2." + std::to_string(schema::version_minor)));
}

TEST_F(IntakeTest, GarbageIsNoBatch) {
  const std::vector<std::uint8_t> good = [] {
    auto batch = batch_of({{.rows = {sent(1, WindowSketch{})}}});
    return schema::pack(batch);
  }();
  for (std::size_t size = 0; size < good.size(); size += 7) {
    const auto ack = intake->take(std::span(good).first(size), some_time);
    ASSERT_FALSE(ack) << size;
    ASSERT_EQ(ack.error().fault, IntakeError::Fault::batch);
  }
  EXPECT_EQ(counted(Counter::batches), 0);
}

TEST_F(IntakeTest, AStoreThatFailsTakesNothingOfABatch) {
  take(batch_of({{.rows = {sent(1, WindowSketch{.channel = "a"})}}}));
  ASSERT_TRUE(
      store->database().execute("CREATE TEMP TRIGGER broken BEFORE INSERT ON windows WHEN new.number = 3 "
                                "BEGIN SELECT raise(ABORT, 'broken'); END"));
  auto batch = batch_of({{.rows = {sent(2, WindowSketch{.device = "new"}), sent(3, WindowSketch{.channel = "c"})}}});
  const auto ack = intake->take(schema::pack(batch), some_time);
  ASSERT_FALSE(ack);
  EXPECT_EQ(ack.error().fault, IntakeError::Fault::store);
  ASSERT_TRUE(store->database().execute("DROP TRIGGER broken"));
  EXPECT_EQ(counted(Counter::rows), 1);
  EXPECT_EQ(counted(Counter::streams), 1);
  const auto answer = take(std::move(batch));
  EXPECT_EQ(answer.lanes.at(windows_lane).durable_through, 3U);
  EXPECT_EQ(windows().records.size(), 3U) << "and no identifier of the failed transaction was kept";
  EXPECT_EQ(windows({{"device", "new"}}).records.size(), 1U);
}

}  // namespace
}  // namespace stethos::collector
