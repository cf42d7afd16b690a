#include "firmware_sim/fleet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "schemas/envelope.h"
#include "tests/unit/firmware_sim/test_parts.h"

namespace stethos::firmware_sim {
namespace {

constexpr DurationNs s = ns_per_s;

// A broker and an edge in one: it takes right batches, and acknowledges them `delay` later. Waiting advances the clock.
class FakeLink final : public Link {
 public:
  explicit FakeLink(ManualClock& clock) : clock_(clock) {}

  std::vector<LinkEvent> poll(DurationNs now) override {
    std::vector<LinkEvent> events;
    if (!connected_ && now >= connect_at) {
      connected_ = true;
      events.push_back({LinkEvent::Kind::connected, {}, {}, {}});
    }
    if (cut_at > 0 && now >= cut_at) {
      cut_at = 0;
      connected_ = false;
      connect_at = now + 3 * s;
      waiting_.clear();
      events.push_back({LinkEvent::Kind::disconnected, {}, {}, {}});
    }
    while (!waiting_.empty() && waiting_.begin()->first <= now) {
      events.push_back(std::move(waiting_.begin()->second));
      waiting_.erase(waiting_.begin());
    }
    return events;
  }
  std::size_t room() const override { return connected_ ? 200 : 0; }
  bool publish(const std::string& topic, const std::vector<std::uint8_t>& payload, const PublicationTag& tag) override {
    ++published;
    const DurationNs at = clock_.monotonic() + delay;
    waiting_.emplace(at, LinkEvent{LinkEvent::Kind::delivered, tag, {}, {}});
    const auto batch = schema::open_device_batch(payload);
    if (!batch || mute) return true;
    const std::string device = (*batch)->device()->str();
    EXPECT_EQ(topic, "stethos/v1/" + device + "/batch");
    handled[device].insert((*batch)->sequence());
    schema::DeviceAckT answer;
    answer.device = device;
    answer.epoch = (*batch)->epoch();
    for (const std::uint64_t sequence : handled[device]) answer.ranges.push_back(sequence_range(sequence, sequence));
    waiting_.emplace(at, LinkEvent{LinkEvent::Kind::message, {}, "stethos/v1/" + device + "/ack", schema::pack(answer)});
    return true;
  }
  void wait(DurationNs timeout) override {
    ++waits;
    clock_.advance(std::max<DurationNs>(timeout, 1));
  }

  DurationNs connect_at = 0;
  DurationNs cut_at = 0;
  DurationNs delay = 10 * ns_per_ms;
  bool mute = false;
  std::uint64_t published = 0;
  std::uint64_t waits = 0;
  std::map<std::string, std::set<std::uint64_t>> handled;

 private:
  ManualClock& clock_;
  bool connected_ = false;
  std::multimap<DurationNs, LinkEvent> waiting_;
};

struct Rehearsal {
  FleetOptions fleet{.show_progress = false};
  DeviceOptions device;
  Format format = Format::stethos;
  std::size_t device_count = 3;
  std::size_t message_count = 40;
  ManualClock clock;
  FakeLink link{clock};
  ScratchFile file;
  bool stop = false;

  Result<FleetOutcome> go() {
    device.epoch = 42;
    device.seed = 9;
    auto ledger = *Ledger::create(file.path());
    std::vector<std::unique_ptr<Device>> devices;
    for (std::size_t d = 0; d < device_count; ++d) {
      std::vector<recordings::Record> records;
      for (std::size_t i = 0; i < message_count; ++i) {
        const TimeNs time = static_cast<TimeNs>(i) * s + static_cast<TimeNs>(d) * 10 * ns_per_ms;
        records.push_back(format == Format::json ? reading(time, static_cast<double>(i))
                                                 : block(time, {1, 2, static_cast<double>(i)}));
      }
      devices.push_back(std::make_unique<Device>(DeviceSpec{.name = "d" + std::to_string(d),
                                                            .machine = "m",
                                                            .format = format,
                                                            .source = std::make_unique<ListRecording>(std::move(records)),
                                                            .base_ns = 0,
                                                            .length_ns = static_cast<DurationNs>(message_count) * s},
                                                 device, ledger));
    }
    Fleet run(std::move(devices), link, ledger, clock, fleet);
    return run.run([this] { return stop; });
  }
};

TEST(Fleet, PublishesAllAndWaitsForEveryAcknowledgement) {
  Rehearsal run;
  const auto outcome = run.go();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->end, FleetEnd::finished);
  EXPECT_FALSE(outcome->stopped);
  ASSERT_EQ(outcome->devices.size(), 3u);
  for (const auto& totals : outcome->devices) {
    EXPECT_TRUE(totals.finished);
    EXPECT_EQ(totals.messages, 40u);
    EXPECT_EQ(totals.resent, 0u);
    EXPECT_EQ(run.link.handled[totals.device].size(), 40u);
  }
  const auto lines = run.file.lines();
  EXPECT_EQ(lines.size(), 3u * 40 + 1);
  EXPECT_TRUE(lines.back().ends_with("\"finished\":true}"));
}

TEST(Fleet, KeepsTimeAtAGivenSpeed) {
  Rehearsal run;
  run.fleet.speed = 4;
  const DurationNs before = run.clock.monotonic();
  ASSERT_TRUE(run.go());
  const double took_s = static_cast<double>(run.clock.monotonic() - before) / 1e9;
  EXPECT_NEAR(took_s, 39.0 / 4, 0.3);
}

TEST(Fleet, JsonIsDoneWhenTheBrokerHasIt) {
  Rehearsal run;
  run.format = Format::json;
  const auto outcome = run.go();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->end, FleetEnd::finished);
  EXPECT_EQ(run.link.published, 120u);
}

TEST(Fleet, SurvivesALostConnection) {
  for (const Format format : {Format::stethos, Format::json}) {
    Rehearsal run;
    run.format = format;
    run.fleet.speed = 10;
    run.link.cut_at = run.clock.monotonic() + 2 * s;
    const auto outcome = run.go();
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->end, FleetEnd::finished);
    if (format == Format::json) continue;
    for (const auto& totals : outcome->devices) EXPECT_EQ(run.link.handled[totals.device].size(), 40u);
  }
}

TEST(Fleet, GivesUpAtTheDeadline) {
  Rehearsal run;
  run.link.mute = true;
  run.fleet.deadline = 30 * s;
  const DurationNs before = run.clock.monotonic();
  const auto outcome = run.go();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->end, FleetEnd::deadline_passed);
  EXPECT_NEAR(static_cast<double>(run.clock.monotonic() - before) / 1e9, 30, 2);
  EXPECT_TRUE(run.file.lines().back().ends_with("\"finished\":false}"));
}

TEST(Fleet, GivesUpWhenNobodyListens) {
  Rehearsal run;
  run.link.connect_at = run.clock.monotonic() + 1'000'000 * s;
  run.fleet.deadline = 10 * s;
  const auto outcome = run.go();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->end, FleetEnd::deadline_passed);
  EXPECT_EQ(run.link.published, 0u);
}

TEST(Fleet, ASlowSourceIsNoDeadline) {
  Rehearsal run;
  run.fleet.speed = 0.1;
  run.fleet.deadline = 3 * s;
  run.message_count = 3;
  const auto outcome = run.go();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->end, FleetEnd::finished);
}

TEST(Fleet, WaitsForRoomOrGivesUpTheOldest) {
  for (const bool waits : {true, false}) {
    Rehearsal run;
    run.device.ring.count_max = 4;
    run.link.delay = 5 * s;
    run.device.ring.resend_after = 20 * s;
    run.fleet.speed = waits ? 0 : 1;
    run.fleet.wait_when_full = waits;
    const auto outcome = run.go();
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->end, waits ? FleetEnd::finished : FleetEnd::messages_given_up);
    EXPECT_EQ(outcome->devices[0].given_up > 0, !waits);
    EXPECT_EQ(outcome->devices[0].given_up + outcome->devices[0].acknowledged, 40u);
  }
}

TEST(Fleet, StopsEarlyAndDrains) {
  Rehearsal run;
  run.stop = true;
  const auto outcome = run.go();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->end, FleetEnd::finished);
  EXPECT_TRUE(outcome->stopped);
  EXPECT_TRUE(run.file.lines().back().ends_with("\"finished\":false}")) << "there was more to publish";
}

TEST(Fleet, EveryFaultIsHealed) {
  Rehearsal run;
  run.device.misbehaviour = {.duplicate = 0.2,
                             .reorder = 0.2,
                             .late = 0.1,
                             .late_by = 5 * s,
                             .drop = 0.1,
                             .truncate = 0.1,
                             .flip = 0.1,
                             .foreign = 0.1,
                             .nan = 0.1};
  const auto outcome = run.go();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->end, FleetEnd::finished);
  std::uint64_t wrong = 0;
  for (const auto& totals : outcome->devices) {
    EXPECT_TRUE(totals.finished);
    EXPECT_EQ(run.link.handled[totals.device].size(), 40u);
    wrong += totals.duplicates + totals.foreign + totals.resent;
  }
  EXPECT_GT(wrong, 20u);
}

TEST(Fleet, TheSameSeedGivesTheSameLedgerWhateverTheTiming) {
  const auto ledger_of = [](double speed, DurationNs delay) {
    Rehearsal run;
    run.fleet.speed = speed;
    run.link.delay = delay;
    run.device.ring.count_max = 16;
    run.device.misbehaviour = {.duplicate = 0.2, .reorder = 0.2, .drop = 0.2, .flip = 0.2, .foreign = 0.1, .nan = 0.3};
    EXPECT_EQ(run.go()->end, FleetEnd::finished);
    auto lines = run.file.lines();
    lines.pop_back();  // the totals count what was sent again
    return lines;
  };
  const auto fast = ledger_of(0, 1 * ns_per_ms);
  EXPECT_GT(fast.size(), 140u);
  EXPECT_EQ(fast, ledger_of(0, 900 * ns_per_ms));
  EXPECT_EQ(fast, ledger_of(20, 1 * ns_per_ms));
}

TEST(Fleet, ReportsALedgerThatCannotBeWritten) {
  ManualClock clock;
  FakeLink link(clock);
  auto ledger = *Ledger::create("/dev/full");
  DeviceOptions options;
  std::vector<std::unique_ptr<Device>> devices;
  devices.push_back(std::make_unique<Device>(
      DeviceSpec{
          .name = "d", .machine = "d", .source = std::make_unique<ListRecording>(std::vector{block(0, {1})}), .length_ns = s},
      options, ledger));
  Fleet run(std::move(devices), link, ledger, clock, {.show_progress = false});
  EXPECT_FALSE(run.run([] { return false; }));
}

TEST(StampShift, EndsNowAndNeverStampsAhead) {
  const TimeNs now = 1'700'000'000'123'456'789;
  const DurationNs length = 600 * s;
  const TimeNs base = 1'000'000'000 * s;
  EXPECT_EQ(stamp_shift(now, base, length, 0) % ns_per_ms, 0);
  EXPECT_EQ(stamp_shift(0, 0, 1, 0), -ns_per_ms) << "down to a whole millisecond";
  for (const double speed : {0.0, 0.5, 1.0, 3.0, 1000.0}) {
    const DurationNs shift = stamp_shift(now, base, length, speed);
    const double wall = speed > 0 ? static_cast<double>(length) / speed : 0;
    // Stamp of a sample at a share of the run, and when it is sent.
    for (const double share : {0.0, 0.3, 1.0}) {
      const double stamp = static_cast<double>(base - now + shift) + share * static_cast<double>(length);
      EXPECT_LE(stamp, share * wall + 1e3) << speed;
      if (share == 1.0 && (speed == 0 || speed >= 1)) {
        EXPECT_NEAR(stamp, wall, 2e6) << speed;
      }
    }
  }
}

}  // namespace
}  // namespace stethos::firmware_sim
