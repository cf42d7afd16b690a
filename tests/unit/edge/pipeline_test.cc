#include "edge/pipeline.h"
#include "edge/core/limits.h"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <optional>

#include "edge/ingest/message_queue.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

class StillClock final : public Clock {
 public:
  TimeNs now() const override { return time; }
  DurationNs monotonic() const override { return passed; }
  bool synchronised() const override { return in_step; }

  TimeNs time = epoch_ns + 3'600 * ns_per_s;
  DurationNs passed = 0;
  bool in_step = true;
};

// Writes down what is done in which order.
using Diary = std::vector<std::string>;

class ListPort final : public MessagePort {
 public:
  explicit ListPort(Diary& diary) : diary_(diary) {}

  void poll(DurationNs, std::vector<Message>& batch) override {
    if (batches.empty()) return;
    for (Message& message : batches.front()) {
      message.ticket = ++last_ticket_;
      batch.push_back(std::move(message));
    }
    batches.pop_front();
  }
  void durable(std::uint64_t ticket) override { diary_.push_back("durable through " + std::to_string(ticket)); }
  bool publish(std::string_view topic, std::span<const std::uint8_t>) override {
    diary_.push_back("publish " + std::string(topic));
    return publishing;
  }
  bool publish_later(std::string topic, std::string payload) override {
    diary_.push_back("publish later " + topic);
    published_later.push_back(std::move(payload));
    return publishing;
  }
  std::vector<schema::EventRowT> take_events() override { return std::exchange(events, {}); }
  void pause(bool paused) override { diary_.push_back(paused ? "pause" : "go on"); }
  void close() override { diary_.push_back("close"); }

  std::deque<std::vector<Message>> batches;
  bool publishing = true;
  std::vector<std::string> published_later;
  std::vector<schema::EventRowT> events;

 private:
  Diary& diary_;
  std::uint64_t last_ticket_ = 0;
};

class DiarySpool final : public Spool {
 public:
  explicit DiarySpool(Diary& diary) : diary_(diary) {}
  Result<SavedState> load() override { return SavedState{}; }
  Status commit(const Effect& effect) override {
    diary_.push_back("commit " + std::to_string(effect.rows.size()) + " rows");
    if (failing) return fail(Code::io, "committing", "the disk is gone");
    if (effect.suspects != nullptr) written = *effect.suspects;
    return {};
  }
  Status note(const Suspects& suspects) override {
    diary_.push_back("note");
    if (failing) return fail(Code::io, "committing", "the disk is gone");
    written = suspects;
    return {};
  }
  std::optional<std::uint64_t> disk_free_bytes() const override { return free_bytes; }
  bool failing = false;
  Suspects written;
  std::uint64_t free_bytes = 1'000;

 private:
  Diary& diary_;
};

class PipelineTest : public ::testing::Test {
 protected:
  Diary diary_;
  ListPort port_{diary_};
  DiarySpool spool_{diary_};
  StillClock machine_;
  NodeClock clock_{machine_, true};
  NothingForgotten nothing_;
  Core core_{core_config(), 1, PointTable{}, kernels::make_backend("reference"), SavedState{}, nothing_, "live"};
  Pipeline pipeline_{{ns_per_s, "windows/{device}/{channel}", 100, 0, false, 0, {}}, {}, core_, port_, spool_, clock_,
                     [this](const Effect&) {
                       diary_.push_back("notify"); }};

  // Another process on the same spool, after one that died.
  std::unique_ptr<Pipeline> careful(std::uint64_t messages) {
    Pipeline::Settings settings;
    settings.last_run_died = true;
    settings.careful_messages = messages;
    return std::make_unique<Pipeline>(settings, spool_.written, core_, port_, spool_, clock_, [](const Effect&) {});
  }
};

TEST_F(PipelineTest, CommitsThenTellsThePortThenPublishes) {
  port_.batches.push_back({block_message({.complete_until_ns = epoch_ns + ns_per_s})});
  ASSERT_TRUE(pipeline_.step().has_value());
  EXPECT_EQ(diary_, (Diary{"commit 3 rows", "durable through 1", "publish stethos/v1/d1/ack", "notify",
                           "publish later windows/d1/vibration"}));
  ASSERT_EQ(port_.published_later.size(), 1u);
  EXPECT_TRUE(port_.published_later[0].starts_with(
      R"({"device":"d1","channel":"vibration","machine":"d1","quantity":"acceleration","unit":"g","start_ns":)"))
      << port_.published_later[0];
  EXPECT_EQ(pipeline_.status().samples.good, 4u);
  EXPECT_EQ(pipeline_.status().receipt_to_commit.count, 1u);
}

TEST_F(PipelineTest, WhatHappenedToThePortGoesToTheCollector) {
  schema::EventRowT event;
  event.kind = schema::EventKind::session_lost;
  port_.events.push_back(event);
  ASSERT_TRUE(pipeline_.step());
  EXPECT_EQ(diary_, (Diary{"commit 2 rows", "notify"})) << "the provenance and the event";
}

// A clock that is believed and is stepped does not make what has just spoken silent for years. That of a recording does.
TEST_F(PipelineTest, AStepOfTheClockIsNoSilence) {
  EdgeConfig config = core_config();
  config.ingest_forget_after = 1'000 * ns_per_s;
  for (const bool leaps : {false, true}) {
    Core core(config, 1, PointTable{}, kernels::make_backend("reference"), SavedState{}, nothing_, "live");
    Pipeline::Settings settings;
    settings.clock_leaps = leaps;
    Pipeline pipeline(std::move(settings), {}, core, port_, spool_, clock_, [](const Effect&) {});
    const auto pass = [&](DurationNs time, DurationNs step) {
      machine_.passed += time;
      machine_.time += time + step;
      ASSERT_TRUE(pipeline.step());
    };
    port_.batches.push_back({block_message({})});
    pass(ns_per_s, 0);
    pass(200 * ns_per_s, 0);
    pass(ns_per_s, DurationNs{3'650} * 86'400 * ns_per_s);
    pass(200 * ns_per_s, 0);
    EXPECT_EQ(core.stream_count(), leaps ? 0u : 1u);
    pass(900 * ns_per_s, 0);
    EXPECT_EQ(core.stream_count(), 0u);
  }
}

TEST_F(PipelineTest, AFailedCommitReleasesAndAcknowledgesNothing) {
  spool_.failing = true;
  port_.batches.push_back({block_message({})});
  EXPECT_FALSE(pipeline_.step().has_value());
  EXPECT_EQ(diary_, (Diary{"commit 2 rows"}));
}

TEST_F(PipelineTest, APublishThatIsDroppedStopsNothing) {
  port_.publishing = false;
  port_.batches.push_back({block_message({})});
  EXPECT_TRUE(pipeline_.step().has_value());
}

TEST_F(PipelineTest, StoppingDrainsWhatThePortHolds) {
  int left = 1;
  for (std::uint64_t i = 1; i <= 3; ++i) port_.batches.push_back({block_message({.sequence = i})});
  ASSERT_TRUE(pipeline_.run([&] { return left-- == 0; }, ns_per_s).has_value());
  EXPECT_EQ(core_.samples().good, 12u);
  EXPECT_EQ(std::ranges::count(diary_, "close"), 1);
}

TEST_F(PipelineTest, AllThatMayReturnIsOnRecordAfterAnOrderlyEnd) {
  std::vector<Message> batch;
  for (std::uint64_t i = 1; i <= 3 * redeliveries_on_record_max; ++i) {
    const std::string text = R"({"device":"t1","ts":1767225600000,"temperature":20.5,"seq":)" + std::to_string(i) + "}";
    batch.push_back(message_of("fleet/a/telemetry", {text.begin(), text.end()}, epoch_ns));
    batch.back().may_return = true;
  }
  port_.batches.push_back(batch);
  std::vector<std::size_t> on_record;
  Pipeline pipeline({}, {}, core_, port_, spool_, clock_,
                    [&](const Effect& effect) { on_record.push_back(effect.may_return.size()); });
  ASSERT_TRUE(pipeline.run([] { return true; }, ns_per_s));
  ASSERT_FALSE(on_record.empty());
  EXPECT_EQ(on_record.front(), redeliveries_on_record_max);
  EXPECT_EQ(on_record.back(), batch.size());
}

// Senders of the first two topics do not keep what was told on arrival, or was of QoS 0; the others do.
TEST_F(PipelineTest, WhatTheDeadlineDoesNotLetInIsCountedUnlessItsSenderKeepsIt) {
  const auto reading = [](const std::string& topic, bool comes_again) {
    const std::string text = R"({"device":"t1","ts":1767225600000,"temperature":20.5,"seq":1})";
    Message message = message_of(topic, {text.begin(), text.end()}, epoch_ns);
    message.comes_again = message.may_return = comes_again;
    return message;
  };
  Message waiting = reading("fleet/waits/telemetry", true);
  waiting.waits_for_commit = true;
  port_.batches.push_back({reading("fleet/a/telemetry", true)});
  port_.batches.push_back({reading("fleet/a/telemetry", true), reading("fleet/b/telemetry", false), block_message({})});
  port_.batches.push_back({reading("fleet/a/telemetry", true), waiting});
  std::vector<DeadLetter> letters;
  Pipeline pipeline({}, {}, core_, port_, spool_, clock_, [&](const Effect& effect) {
    letters.insert(letters.end(), effect.dead_letters.begin(), effect.dead_letters.end());
  });
  ASSERT_TRUE(pipeline.run([] { return true; }, 0));
  EXPECT_EQ(core_.samples().good, 1u) << "one step is made";
  EXPECT_EQ(core_.totals()[Reason::past_deadline], 3u);
  EXPECT_EQ(core_.totals()[Counter::messages], 4u);
  ASSERT_EQ(letters.size(), 2u);
  EXPECT_EQ(letters[0].topic, "fleet/a/telemetry");
  EXPECT_EQ(letters[0].rejection.detail, "2 messages");
  EXPECT_EQ(letters[1].topic, "fleet/b/telemetry");
  EXPECT_EQ(std::ranges::count(diary_, "durable through 6"), 0) << "who waits is told nothing";
  EXPECT_EQ(std::ranges::count(diary_, "publish stethos/v1/d1/ack"), 0);
}

TEST_F(PipelineTest, AfterARunThatDiedMessagesAreTakenOneByOneEachOnRecordFirst) {
  ASSERT_TRUE(pipeline_.step());
  diary_.clear();
  const auto pipeline = careful(2);
  port_.batches.push_back({block_message({.sequence = 1}), block_message({.sequence = 2}), block_message({.sequence = 3}),
                           block_message({.sequence = 4})});
  EXPECT_EQ(pipeline->status().careful_messages, 0u) << "as of the last batch";
  for (int step = 0; step < 2; ++step) ASSERT_TRUE(pipeline->step());
  EXPECT_EQ(diary_, (Diary{"note", "commit 1 rows", "durable through 1", "publish stethos/v1/d1/ack",  //
                           "note", "commit 0 rows", "durable through 2", "publish stethos/v1/d1/ack"}));
  EXPECT_EQ(spool_.written, Suspects{}) << "what is committed is in hand no more";
  diary_.clear();
  ASSERT_TRUE(pipeline->step());
  EXPECT_EQ(diary_, (Diary{"commit 0 rows", "durable through 4", "publish stethos/v1/d1/ack"})) << "all that is left";
  EXPECT_EQ(core_.totals()[Counter::messages], 4u);
}

TEST_F(PipelineTest, OneThatNeverComesAgainIsTakenAloneButNotOnRecord) {
  const auto pipeline = careful(2);
  Message message = block_message({.sequence = 1});
  message.comes_again = false;
  port_.batches.push_back({message, block_message({.sequence = 2})});
  ASSERT_TRUE(pipeline->step());
  EXPECT_EQ(std::ranges::count(diary_, "note"), 0);
  EXPECT_EQ(core_.totals()[Counter::messages], 1u);
}

TEST_F(PipelineTest, WhatCannotBePutOnRecordIsNotProcessed) {
  const auto pipeline = careful(1);
  spool_.failing = true;
  port_.batches.push_back({block_message({})});
  EXPECT_FALSE(pipeline->step());
  EXPECT_EQ(diary_, (Diary{"note"}));
  EXPECT_EQ(core_.totals()[Counter::messages], 0u);
}

TEST_F(PipelineTest, AMessageThatTheProcessDiesOfIsSetAside) {
  const Message poison = block_message({.device = "poison"});
  for (std::uint64_t death = 1; death <= stops_max; ++death) {
    spool_.written.in_hand = suspect_hash(poison.topic, poison.payload);
    const auto pipeline = careful(0);
    // Known by its hash, wherever it comes.
    port_.batches.push_back({block_message({.sequence = death}), poison, block_message({.device = "d2", .sequence = death})});
    ASSERT_TRUE(pipeline->step());
    if (death == stops_max) {
      ASSERT_TRUE(pipeline->step());
      ASSERT_TRUE(pipeline->step());
      EXPECT_EQ(pipeline->status().totals[Reason::stopped_the_process], 1u);
      EXPECT_EQ(std::ranges::count(diary_, "publish stethos/v1/poison/ack"), 1);
    } else {
      EXPECT_EQ(pipeline->status().suspects, 1u);
      spool_.written.died_with = {{suspect_hash(poison.topic, poison.payload), death}};  // as written before it died again
    }
    port_.batches.clear();
  }
  EXPECT_EQ(spool_.written, Suspects{});
  EXPECT_EQ(core_.samples().good, 4u * 3);
}

// A node that started at five seconds past 1970.
class UntrustedClockTest : public PipelineTest {
 protected:
  UntrustedClockTest() {
    machine_.time = 5 * ns_per_s;
    machine_.passed = 100 * ns_per_s;
    machine_.in_step = false;
    untrusted_.emplace(machine_, false);
    Pipeline::Settings settings;
    settings.held_bytes_max = 3 * (memory_of(raw(1)) + 2 * sizeof(Message));
    pipeline_of_it_.emplace(settings, Suspects{}, core_, port_, spool_, *untrusted_, [this](const Effect& effect) {
      for (const schema::WindowRowT& row : effect.windows) rows_.push_back(row);
      for (const DeadLetter& letter : effect.dead_letters) letters_.push_back(letter);
      for (const NewRow& row : effect.rows) {
        if (row.kind != schema::RowKind::event) continue;
        schema::EventRowT event;
        (*schema::open_event_row(row.body))->UnPackTo(&event);
        events_.push_back(event);
      }
    });
  }

  Message arrives(Message message) const {
    message.received_ns = 0;
    message.arrived_monotonic = machine_.passed;
    return message;
  }
  // One sample of raw float32, which has no time of its own.
  Message raw(float value) const {
    std::vector<std::uint8_t> payload(sizeof value);
    std::memcpy(payload.data(), &value, sizeof value);
    return arrives(message_of("raw/r1/vibration", std::move(payload), 0));
  }
  void step() {
    diary_.clear();
    ASSERT_TRUE(pipeline_of_it_->step());
  }
  void pass(DurationNs time) {
    machine_.time += time;
    machine_.passed += time;
  }
  // The clock is set, and kept in step from now on.
  void correct() {
    machine_.time = epoch_ns + 3'600 * ns_per_s;
    machine_.in_step = true;
  }

  std::optional<NodeClock> untrusted_;
  std::optional<Pipeline> pipeline_of_it_;
  std::vector<schema::WindowRowT> rows_;
  std::vector<DeadLetter> letters_;
  std::vector<schema::EventRowT> events_;
};

TEST_F(UntrustedClockTest, StampsOfDevicesAreNotJudgedByIt) {
  port_.batches.push_back({arrives(block_message({})),
                           arrives(block_message({.sequence = 2, .start_ns = epoch_ns + 2 * ns_per_s})),
                           arrives(json_message("not json"))});
  step();
  EXPECT_EQ(diary_.at(1), "durable through 3");
  EXPECT_EQ(core_.samples().good, 8u);
  EXPECT_EQ(core_.totals()[Reason::time_future], 0u);
  ASSERT_EQ(rows_.size(), 1u);
  EXPECT_TRUE(rows_[0].clock_untrusted);
  EXPECT_EQ(rows_[0].first_received_ns, 5 * ns_per_s);
  ASSERT_EQ(letters_.size(), 1u) << "what is wrong for another reason still is";
  port_.batches.push_back({arrives(block_message({.sequence = 3, .start_ns = epoch_ns - 3'600'000 * ns_per_s}))});
  step();
  EXPECT_EQ(core_.totals()[Reason::time_past], 1u) << "time.earliest needs no clock";
  EXPECT_FALSE(pipeline_of_it_->status().clock_trusted);
}

TEST_F(UntrustedClockTest, WhatIsStampedByItsArrivalIsHeldAndThenPlacedWhenItCame) {
  port_.batches.push_back({raw(1), arrives(block_message({}))});
  step();
  EXPECT_EQ(core_.samples().good, 4u) << "others go on";
  EXPECT_EQ(pipeline_of_it_->status().held_messages, 1u);
  EXPECT_FALSE(pipeline_of_it_->status().held_waits);
  pass(10 * ns_per_s);
  correct();
  port_.batches.push_back({raw(2)});
  step();
  EXPECT_EQ(core_.samples().good, 5u) << "what was held comes first";
  step();
  EXPECT_EQ(core_.samples().good, 6u);
  EXPECT_TRUE(letters_.empty());
  EXPECT_EQ(core_.totals()[Counter::messages], 3u);
  port_.batches.push_back({arrives(block_message({.device = "r1", .start_ns = epoch_ns + 3'605 * ns_per_s}))});
  step();
  std::vector<TimeNs> starts;
  for (const auto& row : rows_) {
    if (row.device == "r1" && row.state == schema::WindowState::final) starts.push_back(row.start_ns);
  }
  EXPECT_EQ(starts, (std::vector<TimeNs>{epoch_ns + 3'590 * ns_per_s, epoch_ns + 3'600 * ns_per_s}));
  EXPECT_EQ(pipeline_of_it_->status().held_messages, 0u);
  ASSERT_EQ(events_.size(), 2u);
  EXPECT_EQ(events_[0].kind, schema::EventKind::clock_untrusted);
  EXPECT_TRUE(events_[0].clock_untrusted) << "its own time is by that clock";
  EXPECT_FALSE(events_[1].clock_untrusted);
  EXPECT_EQ(events_[1].kind, schema::EventKind::clock_trusted);
  EXPECT_EQ(events_[1].value, epoch_ns + 3'585 * ns_per_s);
  EXPECT_EQ(events_[1].detail, "system");
}

// Its sender would have been told at once, had the last run not died.
TEST_F(UntrustedClockTest, WhatIsHeldDoesNotWaitForCare) {
  Message first = raw(1), second = raw(2);
  first.waits_for_commit = second.waits_for_commit = first.may_return = second.may_return = true;
  first.waits_for_care = true;
  port_.batches.push_back({first, second});
  ASSERT_TRUE(pipeline_of_it_->step());
  EXPECT_EQ(std::ranges::count(diary_, "durable through 1"), 1);
  EXPECT_EQ(pipeline_of_it_->status().held_messages, 2u);
  EXPECT_TRUE(pipeline_of_it_->status().held_waits) << "the second, whose sender waits for its commit";
}

// The clock is set in the middle of what poll gave, which is taken in parts.
TEST_F(UntrustedClockTest, WhatWasHeldIsAcknowledgedThoughItIsTakenBeforeWhatCameEarlier) {
  const Message suspect = arrives(json_message(R"({"device":"t1","ts":1767225600000,"temperature":1,"seq":2})"));
  Suspects suspects;
  suspects.died_with = {{suspect_hash(suspect.topic, suspect.payload), 1}};
  Pipeline::Settings settings;
  settings.held_bytes_max = 1 << 20;
  Pipeline pipeline(settings, suspects, core_, port_, spool_, *untrusted_, [](const Effect&) {});
  std::vector<Message> batch{arrives(json_message(R"({"device":"t1","ts":1767225600000,"temperature":1,"seq":1})")), suspect,
                             raw(1)};
  for (Message& each : batch) each.waits_for_commit = each.may_return = true;
  port_.batches.push_back(batch);
  ASSERT_TRUE(pipeline.step());
  EXPECT_EQ(std::ranges::count(diary_, "durable through 1"), 1);
  correct();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(pipeline.step());
  EXPECT_EQ(std::ranges::count(diary_, "durable through 3"), 1);
  EXPECT_EQ(core_.totals()[Counter::messages], 3u);
}

// Came before the jump, was still in the port's hands when the clock was set, and is judged by the time at which it came.
TEST_F(UntrustedClockTest, AMessageOnTheWayDuringTheCorrectionIsStampedRight) {
  const Message message = arrives(block_message({.start_ns = epoch_ns + 3'500 * ns_per_s}));
  pass(ns_per_s);
  correct();
  port_.batches.push_back({message});
  step();
  EXPECT_EQ(core_.samples().good, 4u);
  EXPECT_EQ(core_.totals()[Reason::time_future], 0u);
  port_.batches.push_back({arrives(block_message({.sequence = 2, .start_ns = epoch_ns + 4'000 * ns_per_s}))});
  step();
  EXPECT_EQ(core_.totals()[Reason::time_future], 1u) << "now stamps are judged again";
}

TEST_F(UntrustedClockTest, NoSenderIsToldOfAHeldMessageNorOfWhatCameAfterIt) {
  Message waiting = raw(1);
  waiting.waits_for_commit = true;
  port_.batches.push_back({waiting, arrives(block_message({}))});
  step();
  EXPECT_EQ(std::ranges::count(diary_, "durable through 0"), 1);
  EXPECT_EQ(std::ranges::count(diary_, "publish stethos/v1/d1/ack"), 1) << "our protocol has acknowledgements of its own";
  EXPECT_TRUE(pipeline_of_it_->status().held_waits);
  correct();
  step();
  EXPECT_FALSE(pipeline_of_it_->status().held_waits);
  EXPECT_EQ(std::ranges::count(diary_, "durable through 2"), 1) << "with what came after it, and was taken before";
  EXPECT_EQ(core_.samples().good, 5u);
}

TEST_F(UntrustedClockTest, WhenAsMuchIsHeldAsMayBeNothingIsTakenUntilTheClockIsRight) {
  for (int i = 0; i < 2; ++i) {
    port_.batches.push_back({raw(1), raw(2)});
    step();
    EXPECT_EQ(std::ranges::count(diary_, "pause"), 0);
  }
  EXPECT_GE(pipeline_of_it_->status().held_bytes, 4 * memory_of(raw(1))) << "what the MQTT client has of each is counted";
  step();
  EXPECT_EQ(diary_.front(), "pause");
  EXPECT_TRUE(pipeline_of_it_->status().held_full);
  correct();
  step();
  EXPECT_EQ(diary_.front(), "go on");
  EXPECT_EQ(core_.samples().good, 4u);
}

TEST_F(UntrustedClockTest, WhatIsHeldAtTheEndAndDoesNotComeAgainIsADeadLetter) {
  Message waiting = raw(1);
  waiting.waits_for_commit = true;
  port_.batches.push_back({raw(2), waiting, raw(3)});
  step();
  ASSERT_TRUE(pipeline_of_it_->run([] { return true; }, ns_per_s));
  EXPECT_EQ(std::ranges::count(diary_, "durable through 1"), 1) << "the second waits, and is told nothing";
  EXPECT_EQ(std::ranges::count_if(diary_, [](const std::string& line) { return line.starts_with("durable"); }), 1);
  ASSERT_EQ(letters_.size(), 2u);
  EXPECT_EQ(letters_[0].rejection.reason, Reason::clock_untrusted);
  EXPECT_EQ(letters_[0].payload.size(), sizeof(float));
  EXPECT_EQ(core_.samples().good, 0u);
}

// Its silence would be that of 56 years.
TEST_F(UntrustedClockTest, TheCorrectionIsNoSilence) {
  port_.batches.push_back({arrives(block_message({}))});
  step();
  const auto rows = rows_.size();
  pass(29 * ns_per_s);
  correct();
  step();
  EXPECT_EQ(rows_.size(), rows) << "idle since the correction, not since 1970";
  pass(31 * ns_per_s);
  step();
  ASSERT_EQ(rows_.size(), rows + 1);
  EXPECT_EQ(rows_.back().state, schema::WindowState::open);
  EXPECT_TRUE(rows_.back().clock_untrusted) << "its samples came while the clock was not trusted";
}

TEST(LatencyHistogram, BucketsDouble) {
  LatencyHistogram histogram;
  histogram.add(0);
  histogram.add(ns_per_ms - 1);
  histogram.add(ns_per_ms);
  histogram.add(3 * ns_per_ms);
  histogram.add(1'000'000 * ns_per_s);
  EXPECT_EQ(histogram.buckets[0], 2u);
  EXPECT_EQ(histogram.buckets[1], 1u);
  EXPECT_EQ(histogram.buckets[2], 1u);
  EXPECT_EQ(histogram.buckets.back(), 1u);
  EXPECT_EQ(histogram.count, 5u);
}

TEST_F(PipelineTest, WithTooLittleRoomOnTheDiskItPausesAndGoesOnByItself) {
  ASSERT_TRUE(pipeline_.step());
  diary_.clear();
  spool_.free_bytes = 99;
  ASSERT_TRUE(pipeline_.step());
  EXPECT_EQ(diary_, (Diary{"pause", "commit 1 rows", "notify"})) << "the event is a row";
  EXPECT_TRUE(pipeline_.status().disk_low);
  spool_.free_bytes = 124;
  ASSERT_TRUE(pipeline_.step());
  EXPECT_TRUE(pipeline_.status().disk_low) << "a quarter more is asked for";
  diary_.clear();
  spool_.free_bytes = 125;
  ASSERT_TRUE(pipeline_.step());
  EXPECT_EQ(diary_, (Diary{"go on", "commit 1 rows", "notify"}));
  EXPECT_FALSE(pipeline_.status().disk_low);
}

}  // namespace
}  // namespace stethos::edge
