#include "uplink/sender/sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <numeric>
#include <optional>

#include "schemas/envelope.h"
#include "uplink/protocol/compression.h"

namespace stethos::uplink {
namespace {

using schema::Lane;
using ::testing::HasSubstr;

constexpr std::size_t batch_bytes_max = 32u << 20;
const std::string spool_name(32, 'a');

class ManualClock : public Clock {
 public:
  TimeNs now() const override { return 1'700'000'000 * ns_per_s + monotonic_; }
  DurationNs monotonic() const override { return monotonic_; }
  void pass(DurationNs time) { monotonic_ += time; }

 private:
  DurationNs monotonic_ = 0;
};

// An outbox in memory. It holds one lane's rows by number and checks that nothing is taken from it twice or unasked.
class MemoryOutbox : public OutboxSource {
 public:
  void add(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      rows_[next_] = std::vector<std::uint8_t>(20, static_cast<std::uint8_t>(next_));
      ++next_;
    }
  }
  std::size_t kept() const { return rows_.size(); }
  std::uint64_t next() const { return next_; }

  std::string spool_identity() const override { return identity_; }
  TimeNs offered_until() const override { return 77; }

  Result<std::vector<OutboxLane>> waiting(SendOrder, std::size_t rows_max, std::size_t) override {
    if (fails) return fail(Code::io, "reading the outbox", "told to fail");
    OutboxLane windows;
    windows.lane = Lane::windows;
    windows.lowest_kept = rows_.empty() ? next_ : rows_.begin()->first;
    windows.next_number = next_;
    windows.rows_waiting = rows_.size();
    for (const auto& [number, body] : rows_) {
      if (windows.rows.size() == rows_max) break;
      windows.rows.push_back({number, 1, body});
    }
    OutboxLane notes;
    notes.lane = Lane::notes;
    notes.lowest_kept = notes.next_number = 1;
    return std::vector{std::move(notes), std::move(windows)};
  }

  // Those that were taken from it, of the windows: the others have none.
  Result<RowsAgain> again(Lane lane, const WantedRows& wanted, std::size_t rows_max, std::size_t bytes_max) override {
    RowsAgain out;
    out.through = wanted.numbers.last;
    again_bytes_max = bytes_max;
    if (lane != Lane::windows) return out;
    for (auto number = wanted.numbers.first; number <= wanted.numbers.last; ++number) {
      if (out.rows.size() == rows_max) {
        out.through = number - 1;
        break;
      }
      if (number >= next_) ++out.not_kept;
      if (number < next_ && !rows_.contains(number)) out.rows.push_back({number, 1, {1}});
    }
    if (out.not_kept > 0) out.cause = schema::GapCause::not_kept;
    return out;
  }

  Result<bool> answered(std::span<const LaneAnswer> answers) override {
    for (const LaneAnswer& answer : answers) {
      if (answer.lane != Lane::windows) continue;
      if (answer.durable_through >= next_) {
        identity_ = std::string(32, 'b');
        return false;
      }
      std::erase_if(rows_, [&](const auto& row) { return row.first <= answer.durable_through; });
      for (const auto& range : answer.ranges) {
        std::erase_if(rows_, [&](const auto& row) { return row.first >= range.first && row.first <= range.last; });
      }
    }
    return false;
  }

  bool fails = false;
  std::size_t again_bytes_max = 0;  // that the sender had room for

 private:
  std::string identity_ = spool_name;
  std::map<std::uint64_t, std::vector<std::uint8_t>> rows_;
  std::uint64_t next_ = 1;
};

// A collector in memory, which can be told how to answer next.
class MemoryUplink : public Uplink {
 public:
  using Answer = std::function<PostResult(const schema::UplinkBatchT&)>;

  PostResult post(std::span<const std::uint8_t> body) override {
    ++posts;
    const auto packed = decompress(body, batch_bytes_max);
    if (!packed) return std::unexpected(PostError{PostFailure::refused, 0, packed.error()});
    const auto opened = schema::open_uplink_batch(*packed);
    if (!opened) return std::unexpected(PostError{PostFailure::refused, 0, opened.error()});
    schema::UplinkBatchT batch;
    (*opened)->UnPackTo(&batch);
    sizes.push_back(rows_of(batch));
    last_offered_until = batch.offered_until_ns;
    return answer ? answer(batch) : take(batch);
  }
  void abort() override {}

  PostResult take(const schema::UplinkBatchT& batch) {
    auto ack = store(batch);
    return schema::pack(ack);
  }

  schema::UplinkAckT store(const schema::UplinkBatchT& batch) {
    schema::UplinkAckT ack;
    ack.collector = std::string(32, 'c');
    ack.spool = batch.spool;
    for (const auto& lane : batch.lanes) {
      NumberSet& held = lanes[lane->lane];
      for (const auto& row : lane->rows) {
        if (held.contains(row->number)) ++duplicates;
        EXPECT_TRUE(held.add({row->number, row->number}, 100));
      }
      auto out = std::make_unique<schema::LaneAckT>();
      out->lane = lane->lane;
      if (lane->lane == static_cast<std::uint8_t>(Lane::windows)) take_again(*lane, *out);
      out->durable_through = held.durable_through();
      for (const NumberRange& range : held.beyond()) {
        out->ranges.push_back(std::make_unique<schema::SequenceRangeT>());
        out->ranges.back()->first = range.first;
        out->ranges.back()->last = range.last;
      }
      ack.lanes.push_back(std::move(out));
    }
    return ack;
  }

  // Takes what it wants of the windows, and asks for the rest.
  void take_again(const schema::LaneBatchT& lane, schema::LaneAckT& ack) {
    if (lane.again) answered_again.push_back(lane.again->rows.size());
    if (!wanted) return;
    if (lane.again && lane.again->first == wanted->first && progresses) {
      for (const auto& row : lane.again->rows) came_again.push_back(row->number);
      not_kept += lane.again->not_kept;
      wanted->first = lane.again->through + 1;
      if (wanted->first > wanted->last) wanted.reset();
    }
    if (wanted) ack.wanted = std::make_unique<schema::WantedT>(*wanted);
  }

  static std::size_t rows_of(const schema::UplinkBatchT& batch) {
    std::size_t rows = 0;
    for (const auto& lane : batch.lanes) rows += lane->rows.size();
    return rows;
  }

  std::uint64_t durable() { return lanes[static_cast<std::uint8_t>(Lane::windows)].durable_through(); }

  Answer answer;
  int posts = 0;
  int duplicates = 0;
  std::vector<std::size_t> sizes;
  TimeNs last_offered_until = 0;
  std::map<std::uint8_t, NumberSet> lanes;
  std::optional<schema::WantedT> wanted;
  bool progresses = true;  // or asks for the same again and again
  std::vector<std::uint64_t> came_again;
  std::vector<std::size_t> answered_again;  // rows sent again of each batch that had any, or said that there are none
  std::uint64_t not_kept = 0;
};

schema::WantedT numbers(std::uint64_t first, std::uint64_t last) {
  schema::WantedT wanted;
  wanted.first = first;
  wanted.last = last;
  return wanted;
}

std::vector<std::uint64_t> numbers_of(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> out(last - first + 1);
  std::iota(out.begin(), out.end(), first);
  return out;
}

PostResult unreachable(DurationNs retry_after = 0) {
  return std::unexpected(PostError{PostFailure::unreachable, retry_after, {Code::unavailable, "posting", "nobody there"}});
}
PostResult refused() { return std::unexpected(PostError{PostFailure::refused, 0, {Code::unsupported, "posting", "status 400"}}); }

class SenderTest : public ::testing::Test {
 protected:
  static SenderConfig config() {
    return {.node = "gateway-1",
            .replaces = {},
            .interval = ns_per_s,
            .heartbeat = 30 * ns_per_s,
            .rows_max = 8,
            .batch_bytes_max = 1 << 20,
            .backoff_min = ns_per_s,
            .backoff_max = 8 * ns_per_s,
            .jitter_seed = 1};
  }

  // The first batch, which has no rows, is over.
  void greet() {
    sender.step();
    EXPECT_THAT(uplink.sizes, ::testing::ElementsAre(0));
    uplink.sizes.clear();
    uplink.posts = 0;
  }

  // As the thread would: rounds until one has to wait.
  DurationNs run_until_waiting() {
    for (int round = 0; round < 1000; ++round) {
      if (const DurationNs wait = sender.step(); wait > 0) return wait;
    }
    ADD_FAILURE() << "the sender never waits";
    return 0;
  }
  // Lets all the time pass that the sender asks for, until the outbox is empty.
  void run_until_empty(int rounds_max = 1000) {
    for (int round = 0; round < rounds_max && outbox.kept() > 0; ++round) clock.pass(sender.step());
    EXPECT_EQ(outbox.kept(), 0U);
  }

  ManualClock clock;
  MemoryOutbox outbox;
  MemoryUplink uplink;
  Sender sender{config(), outbox, uplink, clock};
};

TEST_F(SenderTest, TellsWhatTimeTheCollectorHasAndWhenItWasAsked) {
  std::vector<CollectorTime> heard;
  sender.set_listener([&](const CollectorTime& time) { heard.push_back(time); });
  uplink.answer = [&](const schema::UplinkBatchT& batch) {
    clock.pass(2 * ns_per_s);  // the line is slow
    auto ack = uplink.store(batch);
    ack.time_ns = 1'800'000'000 * ns_per_s;
    ack.clock = 77;
    return PostResult(schema::pack(ack));
  };
  const DurationNs asked = clock.monotonic();
  sender.step();
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].time_ns, 1'800'000'000 * ns_per_s);
  EXPECT_EQ(heard[0].clock, 77U);
  EXPECT_EQ(heard[0].asked_monotonic, asked);
  EXPECT_EQ(heard[0].answered_monotonic, asked + 2 * ns_per_s);
  uplink.answer = [](const schema::UplinkBatchT&) { return unreachable(); };
  clock.pass(30 * ns_per_s);
  sender.step();
  EXPECT_EQ(heard.size(), 1U);
}

TEST_F(SenderTest, DrainsABacklogWithoutWaiting) {
  outbox.add(30);
  greet();
  const DurationNs wait = run_until_waiting();
  EXPECT_EQ(wait, 30 * ns_per_s) << "nothing to do but the heartbeat";
  EXPECT_THAT(uplink.sizes, ::testing::ElementsAre(8, 8, 8, 6));
  EXPECT_EQ(outbox.kept(), 0U);
  EXPECT_EQ(uplink.durable(), 30U);
  EXPECT_EQ(uplink.last_offered_until, 77);
  const auto status = sender.status();
  EXPECT_EQ(status.rows, 30U);
  EXPECT_EQ(status.batches, 5U) << "the first had no rows";
  EXPECT_EQ(status.rows_waiting, 0U);
  EXPECT_EQ(status.state, SenderState::idle);
  EXPECT_EQ(status.collector, std::string(32, 'c'));
}

TEST_F(SenderTest, ABatchThatLeavesRowsBehindDoesNotClaimToOfferAll) {
  outbox.add(9);
  greet();
  sender.step();
  EXPECT_EQ(uplink.last_offered_until, 0);
  sender.step();
  EXPECT_EQ(uplink.last_offered_until, 77);
}

TEST_F(SenderTest, NoRowIsSentBeforeTheCollectorHasSaidWhatItHolds) {
  outbox.add(3);
  uplink.answer = [](const schema::UplinkBatchT&) { return unreachable(); };
  for (int round = 0; round < 3; ++round) clock.pass(sender.step());
  EXPECT_THAT(uplink.sizes, ::testing::ElementsAre(0, 0, 0));
  uplink.answer = nullptr;
  run_until_empty();
  EXPECT_THAT(uplink.sizes, ::testing::ElementsAre(0, 0, 0, 0, 3));
}

TEST_F(SenderTest, SaysAtItsStartThatItIsThereAndThenNowAndThen) {
  EXPECT_EQ(run_until_waiting(), 30 * ns_per_s);
  EXPECT_EQ(uplink.posts, 1);
  clock.pass(29 * ns_per_s);
  EXPECT_EQ(sender.step(), ns_per_s);
  EXPECT_EQ(uplink.posts, 1);
  clock.pass(ns_per_s);
  sender.step();
  EXPECT_THAT(uplink.sizes, ::testing::ElementsAre(0, 0));
}

TEST_F(SenderTest, TheFirstRowLeavesAtOnceAndLaterOnesAreGathered) {
  run_until_waiting();
  clock.pass(10 * ns_per_s);
  outbox.add(1);
  sender.notify();
  sender.step();
  EXPECT_EQ(outbox.kept(), 0U);
  outbox.add(1);
  sender.notify();
  EXPECT_EQ(sender.step(), ns_per_s) << "up to the interval";
  EXPECT_EQ(outbox.kept(), 1U);
  clock.pass(ns_per_s / 2);
  outbox.add(2);
  sender.notify();
  clock.pass(ns_per_s / 2);
  sender.step();
  EXPECT_EQ(outbox.kept(), 0U);
  EXPECT_EQ(uplink.sizes.back(), 3U);
}

TEST_F(SenderTest, ALostAnswerCostsADuplicateAndNothingElse) {
  outbox.add(20);
  greet();
  int lost = 0;
  uplink.answer = [&](const schema::UplinkBatchT& batch) -> PostResult {
    const auto ack = uplink.take(batch);
    return ++lost % 2 == 1 ? unreachable() : ack;
  };
  run_until_empty();
  EXPECT_EQ(uplink.durable(), 20U);
  EXPECT_GT(uplink.duplicates, 0);
  EXPECT_EQ(sender.status().failures_unreachable, 3U);
  EXPECT_TRUE(sender.status().last_error.empty());
}

TEST_F(SenderTest, WaitsLongerAfterEachFailureWithinBounds) {
  outbox.add(1);
  uplink.answer = [](const schema::UplinkBatchT&) { return unreachable(); };
  DurationNs expected = ns_per_s;
  for (int failure = 0; failure < 8; ++failure) {
    const DurationNs wait = sender.step();
    EXPECT_GE(wait, expected / 2);
    EXPECT_LE(wait, expected);
    sender.notify();
    EXPECT_EQ(sender.step(), wait) << "no row makes it come back earlier";
    clock.pass(wait);
    expected = std::min(expected * 2, 8 * ns_per_s);
  }
  EXPECT_EQ(uplink.posts, 8);
  EXPECT_EQ(sender.status().state, SenderState::backing_off);
  EXPECT_THAT(sender.status().last_error, HasSubstr("nobody there"));
  EXPECT_EQ(outbox.kept(), 1U);
}

TEST_F(SenderTest, AFailedHeartbeatIsTriedAgain) {
  uplink.answer = [](const schema::UplinkBatchT&) { return unreachable(); };
  clock.pass(sender.step());
  sender.step();
  EXPECT_EQ(uplink.posts, 2);
}

TEST_F(SenderTest, ComesBackWhenTheCollectorSaysSo) {
  outbox.add(1);
  uplink.answer = [](const schema::UplinkBatchT&) { return unreachable(90 * ns_per_s); };
  EXPECT_EQ(sender.step(), 90 * ns_per_s);
  uplink.answer = [](const schema::UplinkBatchT&) { return unreachable(100 * retry_after_max); };
  clock.pass(90 * ns_per_s);
  EXPECT_EQ(sender.step(), retry_after_max);
}

TEST_F(SenderTest, AnAcknowledgementMayAskToWaitToo) {
  outbox.add(16);
  greet();
  uplink.answer = [&](const schema::UplinkBatchT& batch) -> PostResult {
    auto ack = uplink.store(batch);
    ack.retry_after_ms = 5'000;
    return schema::pack(ack);
  };
  EXPECT_EQ(sender.step(), 5 * ns_per_s);
  EXPECT_EQ(outbox.kept(), 8U);
}

TEST_F(SenderTest, ARefusedBatchIsHalvedAndNothingIsDropped) {
  outbox.add(8);
  greet();
  bool one_at_a_time = true;
  uplink.answer = [&](const schema::UplinkBatchT& batch) -> PostResult {
    if (one_at_a_time && MemoryUplink::rows_of(batch) > 1) return refused();
    return uplink.take(batch);
  };
  for (int round = 0; round < 4; ++round) clock.pass(sender.step());
  EXPECT_THAT(uplink.sizes, ::testing::ElementsAre(8, 4, 2, 1));
  EXPECT_EQ(outbox.kept(), 7U);
  EXPECT_EQ(sender.status().failures_refused, 3U);
  one_at_a_time = false;
  run_until_empty();
  EXPECT_THAT(uplink.sizes, ::testing::ElementsAre(8, 4, 2, 1, 2, 4, 1));
  EXPECT_EQ(uplink.durable(), 8U);
}

TEST_F(SenderTest, ARowThatIsRefusedAloneStays) {
  outbox.add(2);
  greet();
  uplink.answer = [](const schema::UplinkBatchT&) { return refused(); };
  for (int round = 0; round < 20; ++round) clock.pass(sender.step());
  EXPECT_EQ(outbox.kept(), 2U);
  EXPECT_EQ(sender.status().rows_max, 1U);
  EXPECT_EQ(sender.status().failures_refused, 20U);
}

TEST_F(SenderTest, AnAnswerForAnotherSpoolIsNotBelieved) {
  outbox.add(4);
  uplink.answer = [&](const schema::UplinkBatchT& batch) -> PostResult {
    auto ack = uplink.store(batch);
    ack.spool = std::string(32, 'b');
    return schema::pack(ack);
  };
  EXPECT_GT(sender.step(), 0);
  EXPECT_EQ(outbox.kept(), 4U);
  EXPECT_EQ(sender.status().failures_answer, 1U);
  EXPECT_THAT(sender.status().last_error, HasSubstr("spool"));
}

TEST_F(SenderTest, GarbageIsNotAnAcknowledgement) {
  outbox.add(4);
  std::vector<std::uint8_t> good;
  uplink.answer = [&](const schema::UplinkBatchT& batch) -> PostResult {
    auto ack = uplink.store(batch);
    good = schema::pack(ack);
    return std::vector<std::uint8_t>{'<', 'h', 't', 'm', 'l', '>', 'n', 'o', '<', '/'};
  };
  sender.step();
  EXPECT_EQ(outbox.kept(), 4U);
  for (std::size_t size = 0; size + 40 < good.size(); size += 3) {
    uplink.answer = [&](const schema::UplinkBatchT&) -> PostResult {
      return std::vector<std::uint8_t>(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    };
    clock.pass(10 * ns_per_s);
    sender.step();
    ASSERT_EQ(outbox.kept(), 4U) << size;
  }
}

TEST_F(SenderTest, ImplausibleNumbersAreNotBelieved) {
  outbox.add(4);
  greet();
  const auto answer_with = [&](std::uint8_t lane, std::uint64_t durable_through, const std::vector<NumberRange>& ranges) {
    uplink.answer = [=](const schema::UplinkBatchT& batch) -> PostResult {
      schema::UplinkAckT ack;
      ack.collector = std::string(32, 'c');
      ack.spool = batch.spool;
      ack.lanes.push_back(std::make_unique<schema::LaneAckT>());
      ack.lanes.back()->lane = lane;
      ack.lanes.back()->durable_through = durable_through;
      for (const auto& range : ranges) {
        ack.lanes.back()->ranges.push_back(std::make_unique<schema::SequenceRangeT>());
        ack.lanes.back()->ranges.back()->first = range.first;
        ack.lanes.back()->ranges.back()->last = range.last;
      }
      return schema::pack(ack);
    };
    clock.pass(10 * ns_per_s);
    sender.step();
  };
  constexpr std::uint8_t windows = 1;
  answer_with(windows, 2, {{2, 3}});            // overlaps
  answer_with(windows, 0, {{4, 4}, {2, 2}});    // descends
  answer_with(windows, 0, {{0, 1}});
  answer_with(200, 0, {});                      // no such lane
  answer_with(windows, 0, {});                  // took nothing: coming back at once would go on for ever
  EXPECT_EQ(outbox.kept(), 4U);
  EXPECT_EQ(sender.status().failures_answer, 5U);
  answer_with(windows, 0, {{2, 3}});
  EXPECT_EQ(outbox.kept(), 2U) << "rows 1 and 4 remain";
  uplink.answer = nullptr;
  run_until_empty();
  EXPECT_EQ(sender.status().failures_answer, 5U);
}

TEST_F(SenderTest, ACopiedSpoolIsSentAgainUnderItsNewIdentity) {
  outbox.add(4);
  uplink.lanes[static_cast<std::uint8_t>(Lane::windows)] = NumberSet({{1, 9}});  // of another life of the same spool
  sender.step();
  EXPECT_EQ(sender.status().failures_answer, 1U);
  EXPECT_EQ(outbox.kept(), 4U);
  EXPECT_NE(outbox.spool_identity(), spool_name);
  uplink.lanes.clear();  // nothing is known of the new one
  run_until_empty();
  EXPECT_EQ(uplink.durable(), 4U);
}

TEST_F(SenderTest, WhatIsWantedIsSentAgainAtOnceAndInBatches) {
  outbox.add(20);
  greet();
  run_until_empty();
  uplink.wanted = numbers(1, 22);
  clock.pass(30 * ns_per_s);
  EXPECT_EQ(run_until_waiting(), 30 * ns_per_s);
  EXPECT_EQ(uplink.came_again, numbers_of(1, 20));
  EXPECT_THAT(uplink.answered_again, ::testing::ElementsAre(8, 8, 4));
  EXPECT_EQ(uplink.not_kept, 2U);
  EXPECT_FALSE(uplink.wanted);
  EXPECT_EQ(sender.status().rows, 20U) << "these are counted apart";
  EXPECT_EQ(sender.status().rows_again, 20U);
}

TEST_F(SenderTest, RowsThatWaitGoBeforeWhatIsWanted) {
  outbox.add(20);
  greet();
  run_until_empty();
  uplink.wanted = numbers(1, 20);
  clock.pass(30 * ns_per_s);
  sender.step();  // hears of it
  uplink.sizes.clear();
  outbox.add(10);
  run_until_waiting();
  EXPECT_THAT(uplink.sizes, ::testing::ElementsAre(8, 2, 0, 0));
  EXPECT_THAT(uplink.answered_again, ::testing::ElementsAre(6, 8, 6)) << "none beside the first eight, and no more than fit";
  EXPECT_EQ(uplink.came_again, numbers_of(1, 20));
}

TEST_F(SenderTest, WhatIsWantedSurvivesLostBatchesLostAnswersAndANewProcess) {
  outbox.add(20);
  greet();
  run_until_empty();
  uplink.wanted = numbers(1, 20);
  int post = 0;
  uplink.answer = [&](const schema::UplinkBatchT& batch) -> PostResult {
    if (++post % 3 == 0) return unreachable();
    const auto ack = uplink.take(batch);
    return post % 3 == 2 ? unreachable() : ack;
  };
  clock.pass(30 * ns_per_s);
  for (int round = 0; round < 5; ++round) clock.pass(sender.step());
  ASSERT_TRUE(uplink.wanted);
  Sender next(config(), outbox, uplink, clock);
  for (int round = 0; round < 20; ++round) clock.pass(next.step());
  EXPECT_FALSE(uplink.wanted);
  EXPECT_EQ(uplink.came_again, numbers_of(1, 20));
}

TEST_F(SenderTest, AfterALostBatchAnIdleNodeHearsSoonWhatIsStillWanted) {
  outbox.add(4);
  greet();
  run_until_empty();
  uplink.wanted = numbers(1, 4);
  clock.pass(30 * ns_per_s);
  sender.step();
  uplink.answer = [](const schema::UplinkBatchT&) { return unreachable(); };
  const DurationNs wait = sender.step();
  EXPECT_LE(wait, ns_per_s);
  uplink.answer = nullptr;
  clock.pass(wait);
  run_until_waiting();
  EXPECT_EQ(uplink.came_again, numbers_of(1, 4));
}

TEST_F(SenderTest, ABatchThatIsRefusedForWhatIsWantedBlocksNothing) {
  outbox.add(4);
  greet();
  run_until_empty();
  uplink.wanted = numbers(1, 4);
  uplink.answer = [&](const schema::UplinkBatchT& batch) -> PostResult {
    return std::ranges::any_of(batch.lanes, [](const auto& lane) { return lane->again != nullptr; }) ? refused()
                                                                                                     : uplink.take(batch);
  };
  clock.pass(30 * ns_per_s);
  for (int round = 0; round < 3; ++round) clock.pass(sender.step());
  EXPECT_GT(sender.status().failures_refused, 0U);
  outbox.add(4);
  run_until_empty();
  EXPECT_EQ(uplink.durable(), 8U);
}

TEST_F(SenderTest, ACollectorThatWantsTheSameForEverIsNotAnsweredAllTheTime) {
  outbox.add(4);
  greet();
  run_until_empty();
  uplink.wanted = numbers(1, 4);
  uplink.progresses = false;
  clock.pass(30 * ns_per_s);
  EXPECT_EQ(run_until_waiting(), 30 * ns_per_s);
  EXPECT_THAT(uplink.answered_again, ::testing::ElementsAre(4));
  clock.pass(30 * ns_per_s);
  EXPECT_EQ(run_until_waiting(), 30 * ns_per_s);
  EXPECT_THAT(uplink.answered_again, ::testing::ElementsAre(4, 4));
}

TEST_F(SenderTest, OnASlowLineASecondOfItIsSentAgainAtOnce) {
  auto slow = config();
  slow.bytes_per_s_max = 1'000;
  Sender sender_of_it(slow, outbox, uplink, clock);
  outbox.add(4);
  for (int round = 0; round < 10 && outbox.kept() > 0; ++round) clock.pass(sender_of_it.step());
  uplink.wanted = numbers(1, 4);
  clock.pass(30 * ns_per_s);
  for (int round = 0; round < 2; ++round) clock.pass(sender_of_it.step());
  EXPECT_EQ(uplink.came_again, numbers_of(1, 4));
  EXPECT_EQ(outbox.again_bytes_max, 1'000U);
}

TEST_F(SenderTest, WhatContradictsItselfIsNotSentAgain) {
  outbox.add(4);
  greet();
  run_until_empty();
  const auto want = [&](std::uint64_t first, std::uint64_t last, TimeNs from, TimeNs to) {
    uplink.wanted = numbers(first, last);
    uplink.wanted->from_ns = from;
    uplink.wanted->to_ns = to;
    clock.pass(30 * ns_per_s);
    sender.step();
  };
  want(0, 3, 0, 0);
  want(3, 2, 0, 0);
  want(1, 2, 5, 5);
  want(1, 2, 5, 4);
  want(1, 2, 5, 0);
  EXPECT_EQ(sender.status().failures_answer, 5U);
  EXPECT_TRUE(uplink.answered_again.empty());
}

TEST_F(SenderTest, UnknownDirectivesAreCountedAndIgnored) {
  outbox.add(2);
  uplink.answer = [&](const schema::UplinkBatchT& batch) -> PostResult {
    auto ack = uplink.store(batch);
    for (const char* kind : {"rest", "dance", "\x1b[2J"}) {
      ack.directives.push_back(std::make_unique<schema::DirectiveT>());
      ack.directives.back()->kind = kind;
      ack.directives.back()->body = {1, 2, 3};
    }
    return schema::pack(ack);
  };
  run_until_empty();
  EXPECT_EQ(uplink.durable(), 2U);
  EXPECT_EQ(sender.status().directives_ignored, 6U);
  EXPECT_EQ(sender.status().failures_answer, 0U);
}

TEST_F(SenderTest, AnOutboxThatCannotBeReadIsTriedAgain) {
  outbox.add(1);
  outbox.fails = true;
  clock.pass(sender.step());
  EXPECT_EQ(uplink.posts, 0);
  EXPECT_EQ(sender.status().failures_outbox, 1U);
  outbox.fails = false;
  run_until_empty();
}

// The same on a thread of its own, with the machine's clock; every wait is for a condition.
class BlockingUplink : public Uplink {
 public:
  PostResult post(std::span<const std::uint8_t>) override {
    std::unique_lock lock(mutex_);
    is_posting_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return is_aborted_; });
    return std::unexpected(PostError{PostFailure::aborted, 0, {Code::unavailable, "posting", "stopped"}});
  }
  void abort() override {
    const std::lock_guard lock(mutex_);
    is_aborted_ = true;
    changed_.notify_all();
  }
  bool wait_for_post() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return is_posting_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_posting_ = false;
  bool is_aborted_ = false;
};

TEST(SenderThread, StopEndsAPostThatDoesNotEnd) {
  MemoryOutbox outbox;
  outbox.add(1);
  BlockingUplink uplink;
  Sender sender({.node = "gateway-1", .replaces = {}}, outbox, uplink, system_clock());
  sender.start();
  ASSERT_TRUE(uplink.wait_for_post());
  sender.stop(10 * ns_per_ms);
  EXPECT_EQ(sender.status().state, SenderState::stopped);
  EXPECT_EQ(outbox.kept(), 1U);
}

// Safe to look into while the sender runs.
class CountingUplink : public MemoryUplink {
 public:
  PostResult post(std::span<const std::uint8_t> body) override {
    auto result = MemoryUplink::post(body);
    const std::lock_guard lock(mutex_);
    durable_ = MemoryUplink::durable();
    changed_.notify_all();
    return result;
  }
  bool wait_for_durable(std::uint64_t number) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return durable_ >= number; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t durable_ = 0;
};

class LockedOutbox : public MemoryOutbox {
 public:
  void add(std::size_t count) {
    const std::lock_guard lock(mutex_);
    MemoryOutbox::add(count);
  }
  Result<std::vector<OutboxLane>> waiting(SendOrder order, std::size_t rows_max, std::size_t bytes_max) override {
    const std::lock_guard lock(mutex_);
    return MemoryOutbox::waiting(order, rows_max, bytes_max);
  }
  Result<bool> answered(std::span<const LaneAnswer> answers) override {
    const std::lock_guard lock(mutex_);
    return MemoryOutbox::answered(answers);
  }

 private:
  std::mutex mutex_;
};

TEST(SenderThread, ANotificationBringsRowsAcross) {
  LockedOutbox outbox;
  CountingUplink uplink;
  Sender sender({.node = "gateway-1", .replaces = {}, .interval = ns_per_ms, .heartbeat = 3'600 * ns_per_s}, outbox, uplink,
                system_clock());
  sender.start();
  for (std::uint64_t rows = 1; rows <= 50; ++rows) {
    outbox.add(1);
    sender.notify();
    ASSERT_TRUE(uplink.wait_for_durable(rows)) << rows;
  }
  sender.stop(10 * ns_per_s);
  EXPECT_EQ(sender.status().rows, 50U);
  EXPECT_EQ(outbox.kept(), 0U);
}

}  // namespace
}  // namespace stethos::uplink
