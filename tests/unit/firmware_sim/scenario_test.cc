#include "firmware_sim/scenario.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "firmware_sim/synthetic_machine.h"
#include "tests/folders.h"

namespace stethos::firmware_sim {
namespace {

using testing::HasSubstr;

const std::string checkout = test::source_folder().string();

std::string first_problem(const std::string& text) {
  const auto loaded = settings::parse(scenario_table(), text, "s.toml");
  return loaded ? "" : loaded.error().front().text();
}

TEST(Scenario, ShippedOnesLoad) {
  const auto demo = settings::load(scenario_table(), checkout + "/firmware_sim/scenarios/demo.toml");
  ASSERT_TRUE(demo) << demo.error().front().text();
  int machines = 0, faulty = 0;
  for (const auto& machine : demo->config.machines) {
    machines += machine.count;
    faulty += machine.fault_kind != FaultKind::none ? machine.count : 0;
  }
  EXPECT_EQ(machines, 12);
  EXPECT_EQ(faulty, 4);
  EXPECT_EQ(demo->config.duration, 600 * ns_per_s);
  const auto thin = settings::load(scenario_table(), checkout + "/firmware_sim/scenarios/thin_json.toml");
  ASSERT_TRUE(thin) << thin.error().front().text();
  for (const auto& machine : thin->config.machines) EXPECT_EQ(machine.format, Format::json);
}

TEST(Scenario, ReferencePageIsUpToDate) {
  std::ostringstream page;
  page << std::ifstream(checkout + "/docs/config/simulator.md").rdbuf();
  EXPECT_EQ(page.str(), settings::reference_page(scenario_table()))
      << "stethos-sim --print-scenario-reference > docs/config/simulator.md";
}

TEST(Scenario, RefusesWhatCannotBe) {
  const std::string head = "duration = \"1m\"\n";
  const std::string machine = head + "[[machine]]\nname = \"m\"\n";
  EXPECT_EQ(first_problem(machine), "");
  EXPECT_THAT(first_problem(head), HasSubstr("machine"));
  EXPECT_THAT(first_problem(machine + "speed.shedule = [\"0s 1\"]\n"), HasSubstr("speed.schedule"));
  for (const char* schedule : {"1500", "0s", "0s x", "0s -5", "0s 1500 3", "x 1500", "-1s 1500", "0s nan", "0s  1"}) {
    EXPECT_THAT(first_problem(machine + "speed.schedule = [\"" + schedule + "\"]\n"), HasSubstr("s.toml:")) << schedule;
  }
  EXPECT_THAT(first_problem(machine + "speed.schedule = [\"5s 1\", \"5s 2\"]\n"), HasSubstr("schedule"));
  EXPECT_THAT(first_problem(machine + "channels = [\"vibrations\"]\n"), HasSubstr("vibration, speed or temperature"));
  EXPECT_THAT(first_problem(machine + "format = \"json\"\n"), HasSubstr("json carries readings"));
  EXPECT_THAT(first_problem(machine + "period = \"50ms\"\n"), HasSubstr("shorter than a block"));
  EXPECT_THAT(first_problem(machine + "vibration.resonance_hz = 13000\n"), HasSubstr("half the sampling rate"));
  EXPECT_THAT(first_problem(machine + "gear.mesh_1_g = 1\ngear.teeth = 511\n"), HasSubstr("half the sampling rate"));
  EXPECT_THAT(first_problem(machine + "gear.mesh_2_g = 1\ngear.teeth = 256\n"), HasSubstr("half the sampling rate"));
  EXPECT_EQ(first_problem(machine + "gear.mesh_1_g = 1\ngear.teeth = 510\nspeed.schedule = [\"0s 1490\"]\n"), "");
  EXPECT_THAT(first_problem(machine + "bearing.element_diameter_mm = 40\n"), HasSubstr("pitch diameter"));
  EXPECT_THAT(first_problem(head + "[[machine]]\nname = \"a/b\"\n"), HasSubstr("printable"));
  EXPECT_THAT(first_problem(machine + "[[machine]]\nname = \"m\"\n"), HasSubstr("another machine has the device m"));
  EXPECT_THAT(first_problem(machine + "count = 2\n[[machine]]\nname = \"m-2\"\n"),
              HasSubstr("another machine has the device m-2"));
}

TEST(Scenario, NumbersWhatThereIsMoreOf) {
  EXPECT_EQ(numbered("pump", 0, 1), "pump");
  EXPECT_EQ(numbered("pump", 0, 9), "pump-1");
  EXPECT_EQ(numbered("pump", 8, 120), "pump-009");
}

TEST(SyntheticMachine, MeasuresUntilItsEnd) {
  const auto loaded = settings::parse(
      scenario_table(),
      "duration = \"1m\"\n[[machine]]\nname = \"m\"\nspeed.schedule = [\"0s 0\", \"20s 1000\"]\nfault.kind = \"outer_race\"\n",
      "s");
  ASSERT_TRUE(loaded);
  const auto machine = make_synthetic(loaded->config.machines[0],
                                      {.start_ns = 1000, .duration_ns = 60 * ns_per_s, .offset_ns = ns_per_s, .seed = 1});
  recordings::Record record;
  std::vector<recordings::Record> records;
  while (*machine->next(record)) records.push_back(record);
  ASSERT_EQ(records.size(), 6u);
  const auto& channels = records[1].channels;
  ASSERT_EQ(channels.size(), 3u);
  EXPECT_EQ(channels[0].channel, "vibration");
  EXPECT_EQ(channels[0].start_ns, 1000 + 11 * ns_per_s);
  EXPECT_EQ(channels[0].samples.size(), 2560u);
  EXPECT_DOUBLE_EQ(channels[0].interval_ns, 1e9 / 25'600);
  EXPECT_EQ(channels[1].samples, (std::vector<double>{550}));
  EXPECT_EQ(channels[1].unit, "rpm");
  EXPECT_NEAR(channels[2].samples.at(0), 22.2, 1);
  EXPECT_EQ(channels[2].times_ns, (std::vector<TimeNs>{1000 + 11 * ns_per_s}));
  const auto short_one = make_synthetic(loaded->config.machines[0], {.duration_ns = 10 * ns_per_s + 99 * ns_per_ms, .seed = 1});
  std::size_t count = 0;
  while (*short_one->next(record)) ++count;
  EXPECT_EQ(count, 1u) << "the second block would not be whole";
}

TEST(SyntheticMachine, EachSettingOfVibrationIsHeard) {
  const auto first_block = [](const std::string& lines) {
    const auto loaded = settings::parse(scenario_table(),
                                        "duration = \"1m\"\n[[machine]]\nname = \"m\"\nfault.kind = \"inner_race\"\n"
                                        "fault.growth_per_hour = 1e6\n" +
                                            lines,
                                        "s");
    EXPECT_TRUE(loaded) << lines;
    recordings::Record record;
    const auto machine = make_synthetic(loaded->config.machines[0], {.duration_ns = 60 * ns_per_s, .seed = 1});
    EXPECT_TRUE(*machine->next(record));
    return record.channels.at(0).samples;
  };
  const std::string gear = "gear.mesh_1_g = 1\n";
  for (const auto& [without, setting] : std::vector<std::pair<std::string, std::string>>{
           {"", gear},
           {"", "gear.mesh_2_g = 1\n"},
           {gear, "gear.teeth = 24\n"},
           {gear, "gear.modulation = 0.1\n"},
           {"", "bearing.slip = 0.01\n"},
           {"", "bearing.jitter = 0.01\n"},
           {"", "bearing.load_zone_depth = 0.5\n"},
           {"", "sensor.fault = \"stuck\"\n"},
           {"sensor.fault = \"clipped\"\n", "sensor.full_scale_g = 0.1\n"},
           {"sensor.full_scale_g = 0.1\n", "sensor.fault = \"clipped\"\n"},
           {"", "sensor.fault = \"drifting\"\n"},
           {"sensor.fault = \"drifting\"\n", "sensor.drift_g = 2\n"},
           {"sensor.fault = \"stuck\"\n", "sensor.fault_start = \"50ms\"\n"},
           {"sensor.fault = \"stuck\"\n", "sensor.fault_duration = \"50ms\"\n"},
       }) {
    EXPECT_NE(first_block(without), first_block(without + setting)) << setting;
  }
}

}  // namespace
}  // namespace stethos::firmware_sim
