#include "firmware_sim/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schemas/envelope.h"
#include "tests/unit/firmware_sim/test_parts.h"

namespace stethos::firmware_sim {
namespace {

constexpr DurationNs s = ns_per_s;

DeviceOptions plain_options() {
  DeviceOptions options;
  options.epoch = 42;
  options.seed = 1;
  return options;
}

std::vector<recordings::Record> blocks(std::size_t count) {
  std::vector<recordings::Record> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(block(static_cast<TimeNs>(i) * s, {static_cast<double>(i), 1, 2}));
  return out;
}

struct Bench {
  explicit Bench(std::vector<recordings::Record> records, const DeviceOptions& options = plain_options(),
                 Format format = Format::stethos, bool fails = false)
      : device({.name = "pump",
                .machine = "pump",
                .format = format,
                .source = std::make_unique<ListRecording>(std::move(records), fails),
                .base_ns = 0,
                .length_ns = 1000 * s,
                .shift_ns = 5},
               options, ledger) {}

  void hold_all() {
    while (*device.prepare()) device.hold();
  }
  // What the next turn publishes; empty when there is none.
  std::vector<Publication> turn(DurationNs now = 0) {
    auto taken = device.take_turn(now);
    last_turn_exists = taken.has_value();
    return taken ? std::move(taken->publications) : std::vector<Publication>{};
  }
  schema::DeviceBatchT batch(DurationNs now = 0) {
    const auto published = turn(now);
    EXPECT_EQ(published.size(), 1u);
    if (published.empty()) return {};
    const auto opened = schema::open_device_batch(published.front().payload);
    EXPECT_TRUE(opened);
    schema::DeviceBatchT out;
    if (opened) (*opened)->UnPackTo(&out);
    return out;
  }
  void acknowledge(std::uint64_t through, const std::vector<std::pair<std::uint64_t, std::uint64_t>>& ranges = {},
                   std::uint64_t epoch = 42, const std::string& name = "pump") {
    schema::DeviceAckT answer;
    answer.device = name;
    answer.epoch = epoch;
    answer.durable_through = through;
    for (const auto& [first, last] : ranges) answer.ranges.push_back(sequence_range(first, last));
    device.acknowledged(schema::pack(answer));
  }

  Ledger ledger = *Ledger::create("");
  Device device;
  bool last_turn_exists = false;
};

TEST(Device, PublishesBatchesAndWaitsForTheEdge) {
  Bench bench(blocks(3));
  EXPECT_EQ(bench.device.topic(), "stethos/v1/pump/batch");
  EXPECT_EQ(bench.device.acknowledgement_topic(), "stethos/v1/pump/ack");
  bench.hold_all();
  const auto first = bench.batch();
  EXPECT_EQ(first.device, "pump");
  EXPECT_EQ(first.epoch, 42u);
  EXPECT_EQ(first.sequence, 1u);
  EXPECT_EQ(first.lowest_held, 1u);
  EXPECT_EQ(first.complete_until_ns, 0);
  ASSERT_EQ(first.channels.size(), 1u);
  EXPECT_EQ(first.channels[0]->name, "vibration");
  EXPECT_EQ(first.channels[0]->start_ns, 5) << "moved";
  EXPECT_EQ(first.channels[0]->samples.AsF32Samples()->values, (std::vector<float>{0, 1, 2}));
  EXPECT_EQ(bench.batch().sequence, 2u);
  EXPECT_TRUE(bench.turn().empty()) << "the last one goes alone";
  bench.acknowledge(2);
  const auto last = bench.batch();
  EXPECT_EQ(last.sequence, 3u);
  EXPECT_EQ(last.lowest_held, 3u);
  EXPECT_EQ(last.complete_until_ns, 5 + 2 * s + 3 * stethos::ns_per_ms) << "where a next block would begin";
  EXPECT_FALSE(bench.device.done());
  bench.acknowledge(3);
  EXPECT_TRUE(bench.device.done());
  const DeviceTotals totals = bench.device.totals();
  EXPECT_TRUE(totals.finished);
  EXPECT_EQ(totals.messages, 3u);
  EXPECT_EQ(totals.samples, 9u);
  EXPECT_EQ(totals.acknowledged, 3u);
}

TEST(Device, AClockIsWrongForAWhileAndWhatItSaysIsCompleteIsNot) {
  DeviceOptions options = plain_options();
  options.misbehaviour.clock_wrong_by = 3'600 * s;
  options.misbehaviour.clock_wrong_from = 1 * s;
  options.misbehaviour.clock_wrong_until = 2 * s;
  Bench bench(blocks(3), options);
  bench.hold_all();
  EXPECT_EQ(bench.batch().channels[0]->start_ns, 5);
  EXPECT_EQ(bench.batch().channels[0]->start_ns, 5 + s + 3'600 * s);
  bench.acknowledge(2);
  const auto last = bench.batch();
  EXPECT_EQ(last.channels[0]->start_ns, 5 + 2 * s);
  EXPECT_EQ(last.complete_until_ns, 5 + 2 * s + 3 * stethos::ns_per_ms);
}

TEST(Device, WithoutCompleteAllGoAtOnce) {
  DeviceOptions options = plain_options();
  options.complete = false;
  Bench bench(blocks(2), options);
  bench.hold_all();
  bench.batch();
  EXPECT_EQ(bench.batch().complete_until_ns, 0);
}

TEST(Device, ResendsSayWhatIsHeldNow) {
  Bench bench(blocks(5));
  bench.hold_all();
  for (int i = 0; i < 4; ++i) bench.batch();
  bench.acknowledge(1, {{3, 3}});
  const auto again = bench.batch(2 * s);
  EXPECT_EQ(again.sequence, 2u);
  EXPECT_EQ(again.lowest_held, 2u);
  const auto fourth = bench.batch(2 * s);
  EXPECT_EQ(fourth.sequence, 4u);
  EXPECT_EQ(fourth.lowest_held, 2u);
}

TEST(Device, IgnoresAcknowledgementsThatAreNotItsOwn) {
  Bench bench(blocks(2));
  bench.hold_all();
  bench.batch();
  bench.acknowledge(1, {}, 41);
  bench.acknowledge(1, {}, 42, "fan");
  const std::string noise = "not an acknowledgement at all";
  bench.device.acknowledged({reinterpret_cast<const std::uint8_t*>(noise.data()), noise.size()});
  bench.device.acknowledged({});
  EXPECT_EQ(bench.device.totals().acknowledged, 0u);
  bench.acknowledge(1);
  EXPECT_EQ(bench.device.totals().acknowledged, 1u);
}

TEST(Device, AFullRingGivesUpItsOldestAndSaysSo) {
  DeviceOptions options = plain_options();
  options.ring.count_max = 2;
  Bench bench(blocks(4), options);
  bench.hold_all();
  EXPECT_EQ(bench.device.totals().given_up, 2u);
  const auto third = bench.batch();
  EXPECT_EQ(third.sequence, 3u);
  EXPECT_EQ(third.lowest_held, 3u);
  bench.acknowledge(3);
  bench.batch();
  bench.acknowledge(4);
  EXPECT_TRUE(bench.device.done());
  EXPECT_FALSE(bench.device.totals().finished);
}

TEST(Device, JoinsReadingsThatGoForward) {
  DeviceOptions options = plain_options();
  options.readings_per_message_max = 3;
  options.complete = false;
  Bench bench(
      {reading(1 * s, 1), reading(2 * s, 2), reading(2 * s, 3), reading(3 * s, 4), reading(1 * s, 5), reading(4 * s, 6, "other")},
      options);
  bench.hold_all();
  const auto first = bench.batch();
  EXPECT_EQ(first.channels[0]->times_ns, (std::vector<TimeNs>{1 * s + 5, 2 * s + 5, 2 * s + 5}));
  EXPECT_EQ(first.channels[0]->samples.AsF32Samples()->values, (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(bench.batch().channels[0]->times_ns.size(), 1u) << "the next stamp goes back";
  EXPECT_EQ(bench.batch().channels[0]->name, "temperature");
  EXPECT_EQ(bench.batch().channels[0]->name, "other");
}

TEST(Device, IsReadyWhenTheLastSampleIsTakenAndNeverGoesBack) {
  Bench bench({block(0, std::vector<double>(1001, 0)), block(10 * s, {0}), block(4 * s, {0}), block(12 * s, {0})});
  std::vector<DurationNs> ready;
  while (*bench.device.prepare()) {
    ready.push_back(bench.device.ready_ns());
    bench.device.hold();
  }
  EXPECT_EQ(ready, (std::vector<DurationNs>{1 * s, 10 * s, 10 * s, 12 * s}));
}

TEST(Device, JsonWaitsForTheBroker) {
  Bench bench({reading(1'000'000'007, 21.5), reading(2 * s, 22)}, plain_options(), Format::json);
  EXPECT_EQ(bench.device.topic(), "fleet/pump/telemetry");
  EXPECT_EQ(bench.device.acknowledgement_topic(), "");
  bench.hold_all();
  const auto first = bench.turn();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_TRUE(first[0].tracked);
  EXPECT_EQ(std::string(first[0].payload.begin(), first[0].payload.end()),
            R"({"device":"pump","ts":1000,"seq":1,"temperature":21.5})");
  EXPECT_EQ(bench.turn().size(), 1u);
  EXPECT_TRUE(bench.turn(1000 * s).empty()) << "no timer of its own";
  bench.device.delivered(2);
  bench.device.connection_lost(1000 * s);
  EXPECT_EQ(bench.turn(1000 * s)[0].payload, first[0].payload);
  EXPECT_EQ(bench.device.totals().resent, 1u);
  bench.device.delivered(1);
  EXPECT_TRUE(bench.device.totals().finished);
}

TEST(Device, JsonTriesAgainWhatTheLinkRefused) {
  Bench bench({reading(0, 1)}, plain_options(), Format::json);
  bench.hold_all();
  bench.turn();
  bench.device.not_published(1, 0);
  EXPECT_TRUE(bench.turn(1 * s).empty());
  EXPECT_EQ(bench.turn(2 * s).size(), 1u);
  EXPECT_EQ(bench.device.totals().resent, 0u) << "it was never sent";
  bench.device.not_delivered(1, 2 * s);
  EXPECT_TRUE(bench.turn(3 * s).empty());
  EXPECT_EQ(bench.turn(4 * s).size(), 1u);
  EXPECT_EQ(bench.device.totals().resent, 1u) << "it may have been";
}

TEST(Device, JsonCarriesNoBlocks) {
  Bench bench(blocks(1), plain_options(), Format::json);
  const auto prepared = bench.device.prepare();
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().code, Code::invalid);
}

TEST(Device, ReportsABrokenRecording) {
  Bench bench(blocks(1), plain_options(), Format::stethos, true);
  EXPECT_FALSE(bench.device.prepare());
}

TEST(Device, StopsMeasuring) {
  Bench bench(blocks(3));
  ASSERT_TRUE(*bench.device.prepare());
  bench.device.hold();
  bench.device.stop();
  EXPECT_FALSE(*bench.device.prepare());
  EXPECT_EQ(bench.batch().complete_until_ns, 0) << "more would have come";
  bench.acknowledge(1);
  EXPECT_TRUE(bench.device.done());
}

TEST(Device, AFirstSendThatFailsIsRightTheNextTime) {
  for (int kind = 0; kind < 3; ++kind) {
    DeviceOptions options = plain_options();
    options.complete = false;
    (kind == 0 ? options.misbehaviour.drop : kind == 1 ? options.misbehaviour.truncate : options.misbehaviour.flip) = 1;
    Bench bench(blocks(1), options);
    bench.hold_all();
    const auto wrong = bench.turn();
    EXPECT_TRUE(bench.last_turn_exists);
    if (kind == 0) {
      EXPECT_TRUE(wrong.empty());
    } else {
      ASSERT_EQ(wrong.size(), 1u);
      EXPECT_FALSE(schema::open_device_batch(wrong[0].payload));
      EXPECT_FALSE(wrong[0].tracked);
    }
    EXPECT_TRUE(bench.turn(1 * s).empty());
    EXPECT_EQ(bench.batch(2 * s).sequence, 1u);
  }
}

TEST(Device, JsonFaultsAreSentAgainToo) {
  DeviceOptions options = plain_options();
  options.misbehaviour.truncate = 1;
  Bench bench({reading(0, 1)}, options, Format::json);
  bench.hold_all();
  const auto wrong = bench.turn();
  ASSERT_EQ(wrong.size(), 1u);
  EXPECT_FALSE(wrong[0].tracked) << "the broker's word for this one is nothing";
  EXPECT_TRUE(bench.turn(2 * s - 1).empty());
  const auto right = bench.turn(2 * s);
  ASSERT_EQ(right.size(), 1u);
  EXPECT_TRUE(right[0].tracked);
  EXPECT_GT(right[0].payload.size(), wrong[0].payload.size());
}

TEST(Device, DuplicatesAndForeignPayloadsComeOnce) {
  DeviceOptions options = plain_options();
  options.complete = false;
  options.misbehaviour.duplicate = 1;
  options.misbehaviour.foreign = 1;
  Bench bench(blocks(1), options);
  bench.hold_all();
  const auto published = bench.turn();
  ASSERT_EQ(published.size(), publications_per_turn_max);
  EXPECT_FALSE(schema::open_device_batch(published[0].payload));
  EXPECT_TRUE(schema::open_device_batch(published[1].payload));
  EXPECT_EQ(published[1].payload, published[2].payload);
  EXPECT_EQ(bench.turn(2 * s).size(), 1u);
  EXPECT_EQ(bench.device.totals().duplicates, 1u);
  EXPECT_EQ(bench.device.totals().foreign, 1u);
}

TEST(Device, ReorderedMessagesAreOvertaken) {
  DeviceOptions options = plain_options();
  options.complete = false;
  options.misbehaviour.reorder = 0.3;
  options.misbehaviour.reorder_window = 4;
  Bench bench(blocks(60), options);
  std::vector<std::uint64_t> order;
  while (*bench.device.prepare()) {
    bench.device.hold();
    while (true) {
      const auto published = bench.turn();
      if (published.empty()) break;
      order.push_back((*schema::open_device_batch(published[0].payload))->sequence());
      bench.acknowledge(0, {{order.back(), order.back()}});
    }
  }
  ASSERT_EQ(order.size(), 60u);
  EXPECT_FALSE(std::ranges::is_sorted(order));
  for (std::size_t i = 0; i < order.size(); ++i) EXPECT_NEAR(static_cast<double>(order[i]), static_cast<double>(i + 1), 4.0);
}

}  // namespace
}  // namespace stethos::firmware_sim
