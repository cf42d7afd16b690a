#include "firmware_sim/fleet_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/time_text.h"
#include "firmware_sim/exit_codes.h"
#include "tests/folders.h"
#include "tests/unit/firmware_sim/test_parts.h"

namespace stethos::firmware_sim {
namespace {

using testing::HasSubstr;

const std::string root = test::source_folder().string();

ParsedOptions parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "stethos-sim");
  std::vector<char*> pointers;
  pointers.reserve(arguments.size());
  for (auto& each : arguments) pointers.push_back(each.data());
  return parse_options(static_cast<int>(pointers.size()), pointers.data());
}

class Recorded : public testing::Test {
 protected:
  Recorded() : folder_(std::filesystem::path(testing::TempDir()) / ("stethos-" + random_identity())) {
    std::filesystem::create_directories(folder_ / "valve1");
    write("temperature.csv", "timestamp,value\n2013-12-02 21:15:00,73.5\n2013-12-02 21:20:00,74\n");
    write("broken.csv", "timestamp,value\n2013-12-02 21:15:00,73.5\n2013-12-02 21:20:00,x\n");
    write("valve1/0.csv",
          "datetime;Accelerometer1RMS;Accelerometer2RMS;Current;Pressure;Temperature;Thermocouple;Voltage;Volume Flow RateRMS\n"
          "2020-03-09 10:14:33;1;2;3;4;5;6;7;8\n");
  }
  ~Recorded() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  void write(const std::string& name, const std::string& text) { std::ofstream(folder_ / name) << text; }
  std::string file(const std::string& name) const { return (folder_ / name).string(); }

  std::filesystem::path folder_;
};

constexpr TimeNs now = 1'700'000'000 * ns_per_s;

TEST_F(Recorded, EachIsADeviceWhoseStampsEndNow) {
  const auto parsed =
      parse({"--recording", "nab:" + file("temperature.csv"), "--recording", "skab:" + file("valve1/0.csv"), "--speed", "0",
             "--device-prefix", "x-", "--channel", "temperature", "--quantity", "temperature", "--unit", "degF"});
  ASSERT_TRUE(parsed.options);
  auto plan = plan_fleet(*parsed.options, now);
  ASSERT_TRUE(plan) << plan.error().text();
  ASSERT_EQ(plan->devices.size(), 2u);
  EXPECT_EQ(plan->devices[0].name, "x-temperature");
  EXPECT_EQ(plan->devices[0].machine, "temperature");
  EXPECT_EQ(plan->devices[1].name, "x-valve1_0");
  const TimeNs last = *parse_time("2013-12-02T21:20:00Z");
  EXPECT_EQ(last + plan->devices[0].shift_ns, now);
  EXPECT_EQ(plan->devices[0].length_ns, 300 * ns_per_s);
  recordings::Record record;
  ASSERT_TRUE(*plan->devices[0].source->next(record));
  EXPECT_EQ(record.channels[0].unit, "degF");
}

TEST_F(Recorded, KeepsOriginalStampsAndCutsOff) {
  const auto parsed = parse({"--recording", "nab:" + file("temperature.csv"), "--time", "original", "--duration", "1m"});
  ASSERT_TRUE(parsed.options);
  const auto plan = plan_fleet(*parsed.options, now);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->devices[0].shift_ns, 0);
  EXPECT_EQ(plan->devices[0].length_ns, 60 * ns_per_s);
}

TEST_F(Recorded, FindsMistakesBeforeAnythingIsPublished) {
  const auto problem = [](std::vector<std::string> arguments) {
    const auto parsed = parse(std::move(arguments));
    EXPECT_TRUE(parsed.options);
    const auto plan = plan_fleet(*parsed.options, now);
    return plan ? "" : plan.error().text();
  };
  EXPECT_THAT(problem({"--recording", "nab:" + file("broken.csv")}), HasSubstr("broken.csv:3"));
  EXPECT_THAT(problem({"--recording", "nab:" + file("absent.csv")}), HasSubstr("absent.csv"));
  EXPECT_THAT(problem({"--recording", "nab:" + file("temperature.csv"), "--recording", "nab:" + file("temperature.csv")}),
              HasSubstr("two are called temperature"));
  EXPECT_THAT(problem({"--scenario", file("absent.toml")}), HasSubstr("absent.toml"));
  EXPECT_THAT(problem({"--scenario", root + "/firmware_sim/scenarios/thin_json.toml", "--nan", "0.1"}), HasSubstr("NaN"));
}

TEST(Plan, AScenarioBecomesItsMachines) {
  const auto parsed = parse({"--scenario", root + "/firmware_sim/scenarios/demo.toml", "--time", "original", "--seed", "99"});
  ASSERT_TRUE(parsed.options);
  const auto plan = plan_fleet(*parsed.options, now);
  ASSERT_TRUE(plan) << plan.error().text();
  EXPECT_EQ(plan->seed, 99u);
  ASSERT_EQ(plan->devices.size(), 12u);
  EXPECT_EQ(plan->devices[0].name, "pump-1");
  EXPECT_EQ(plan->devices[0].base_ns, *parse_time("2026-01-01"));
  EXPECT_EQ(plan->devices[8].name, "pump-5");
  EXPECT_EQ(plan->devices[8].fault, FaultKind::outer_race);
}

TEST(Options, RefuseWhatIsNotMeant) {
  const std::vector<std::vector<std::string>> mistakes{{},
                                                       {"--scenario", "a", "--recording", "cwru:b"},
                                                       {"--recording", "uff:b"},
                                                       {"--recording", "cwru:"},
                                                       {"--scenario", "a", "--broker", "localhost"},
                                                       {"--scenario", "a", "--broker", "localhost:0"},
                                                       {"--scenario", "a", "--broker", "localhost:70000"},
                                                       {"--scenario", "a", "--broker", ":1883"},
                                                       {"--scenario", "a", "--speed", "-1"},
                                                       {"--scenario", "a", "--duplicate", "1.5"},
                                                       {"--scenario", "a", "--format", "xml"},
                                                       {"--scenario", "a", "--duration", "5"},
                                                       {"--scenario", "a", "--duration", "-5s"},
                                                       {"--scenario", "a", "--start", "yesterday"},
                                                       {"--scenario", "a", "--qos", "2"},
                                                       {"--scenario", "a", "--device-prefix", "a/b"},
                                                       {"--scenario", "a", "--nan", "0.1", "--encoding", "i16"},
                                                       {"--scenario", "a", "--nan", "0.1", "--format", "json"},
                                                       {"--scenario", "a", "surplus"}};
  for (const auto& arguments : mistakes) {
    const auto parsed = parse(arguments);
    EXPECT_FALSE(parsed.options) << testing::PrintToString(arguments);
    EXPECT_EQ(parsed.exit_code, exit_usage);
  }
  EXPECT_EQ(parse({"--help"}).exit_code, exit_finished);
  EXPECT_FALSE(parse({"--help"}).options);
}

TEST(Options, HaveTheDefaultsThatHelpNames) {
  const auto parsed = parse({"--scenario", "a"});
  ASSERT_TRUE(parsed.options);
  EXPECT_EQ(parsed.options->broker_host, "127.0.0.1");
  EXPECT_EQ(parsed.options->broker_port, 1883);
  EXPECT_EQ(parsed.options->fleet.speed, 1);
  EXPECT_FALSE(parsed.options->fleet.wait_when_full) << "a sensor cannot wait";
  EXPECT_EQ(parsed.options->fleet.deadline, 60 * ns_per_s);
  EXPECT_EQ(parsed.options->device.ring.resend_after, 2 * ns_per_s);
  EXPECT_TRUE(parsed.options->device.complete);
  EXPECT_TRUE(parse({"--scenario", "a", "--speed", "0"}).options->fleet.wait_when_full);
  EXPECT_TRUE(parse({"--scenario", "a", "--speed", "60"}).options->fleet.wait_when_full);
  EXPECT_FALSE(parse({"--scenario", "a", "--speed", "0", "--when-full", "give-up"}).options->fleet.wait_when_full);
  EXPECT_FALSE(parse({"--scenario", "a", "--no-complete"}).options->device.complete);
  EXPECT_EQ(parse({"--scenario", "a", "--broker", "broker.example:1884"}).options->broker_port, 1884);
}

}  // namespace
}  // namespace stethos::firmware_sim
