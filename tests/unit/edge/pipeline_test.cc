#include "edge/pipeline.h"
#include "edge/core/limits.h"

#include <gtest/gtest.h>

#include <deque>

#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

class StillClock final : public Clock {
 public:
  TimeNs now() const override { return epoch_ns + 3'600 * ns_per_s; }
  DurationNs monotonic() const override { return 0; }
};

// Writes down what is done in which order.
using Diary = std::vector<std::string>;

class ListPort final : public MessagePort {
 public:
  explicit ListPort(Diary& diary) : diary_(diary) {}

  void poll(DurationNs, std::vector<Message>& batch) override {
    if (batches.empty()) return;
    batch = std::move(batches.front());
    batches.pop_front();
  }
  void durable() override { diary_.push_back("durable"); }
  bool publish(std::string_view topic, std::span<const std::uint8_t>) override {
    diary_.push_back("publish " + std::string(topic));
    return publishing;
  }
  void pause(bool paused) override { diary_.push_back(paused ? "pause" : "go on"); }
  void close() override { diary_.push_back("close"); }

  std::deque<std::vector<Message>> batches;
  bool publishing = true;

 private:
  Diary& diary_;
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
  StillClock clock_;
  Core core_{core_config(), 1, PointTable{}, kernels::make_backend("reference"), SavedState{}, "live"};
  Pipeline pipeline_{{ns_per_s, "windows/{device}/{channel}", 100, false, 0, {}}, {}, core_, port_, spool_, clock_,
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
  EXPECT_EQ(diary_, (Diary{"commit 3 rows", "durable", "publish stethos/v1/d1/ack", "notify", "publish windows/d1/vibration"}));
  EXPECT_EQ(pipeline_.status().samples.good, 4u);
  EXPECT_EQ(pipeline_.status().receipt_to_commit.count, 1u);
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

TEST_F(PipelineTest, AfterARunThatDiedMessagesAreTakenOneByOneEachOnRecordFirst) {
  ASSERT_TRUE(pipeline_.step());
  diary_.clear();
  const auto pipeline = careful(2);
  port_.batches.push_back({block_message({.sequence = 1}), block_message({.sequence = 2}), block_message({.sequence = 3}),
                           block_message({.sequence = 4})});
  EXPECT_EQ(pipeline->status().careful_messages, 0u) << "as of the last batch";
  for (int step = 0; step < 2; ++step) ASSERT_TRUE(pipeline->step());
  EXPECT_EQ(diary_, (Diary{"note", "commit 1 rows", "publish stethos/v1/d1/ack",  //
                           "note", "commit 0 rows", "publish stethos/v1/d1/ack"}));
  EXPECT_EQ(spool_.written, Suspects{}) << "what is committed is in hand no more";
  diary_.clear();
  ASSERT_TRUE(pipeline->step());
  EXPECT_EQ(diary_, (Diary{"commit 0 rows", "durable", "publish stethos/v1/d1/ack"})) << "all that is left";
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
  EXPECT_EQ(diary_, (Diary{"pause", "commit 1 rows", "durable", "notify"})) << "the event is a row";
  EXPECT_TRUE(pipeline_.status().paused);
  spool_.free_bytes = 124;
  ASSERT_TRUE(pipeline_.step());
  EXPECT_TRUE(pipeline_.status().paused) << "a quarter more is asked for";
  diary_.clear();
  spool_.free_bytes = 125;
  ASSERT_TRUE(pipeline_.step());
  EXPECT_EQ(diary_, (Diary{"go on", "commit 1 rows", "durable", "notify"}));
  EXPECT_FALSE(pipeline_.status().paused);
}

}  // namespace
}  // namespace stethos::edge
