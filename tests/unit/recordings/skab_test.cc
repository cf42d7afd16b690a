#include "recordings/skab.h"

#include <cmath>

#include "common/time_text.h"
#include "tests/unit/recordings/scratch_folder.h"

namespace stethos::recordings {
namespace {

const std::string skab_heading =
    "datetime;Accelerometer1RMS;Accelerometer2RMS;Current;Pressure;Temperature;Thermocouple;Voltage;Volume Flow RateRMS";
const std::string skab_line = "2020-03-09 10:14:33;0.0265878;0.0401113;1.3302;0.054711;79.3366;26.0199;233.062;32.0";

ReadOut read_skab(std::string_view text) {
  const ScratchFolder folder;
  const auto recording = open_skab(folder.write("a.csv", text));
  return recording ? read_out(**recording) : ReadOut{{}, recording.error().text()};
}

TEST(Skab, ReadsEightChannelsALineWithLabels) {
  const ReadOut out = read_skab(skab_heading + ";anomaly;changepoint\r\n" + skab_line + ";1.0;0.0\r\n");
  ASSERT_EQ(out.error, "");
  ASSERT_EQ(out.records.size(), 1u);
  const auto& channels = out.records[0].channels;
  ASSERT_EQ(channels.size(), 8u);
  EXPECT_EQ(channels[0].channel, "Accelerometer1RMS");
  EXPECT_EQ(channels[7].channel, "Volume_Flow_RateRMS");
  EXPECT_EQ(channels[7].unit, "L/min");
  EXPECT_EQ(channels[7].samples, (std::vector<double>{32}));
  EXPECT_EQ(channels[4].samples, (std::vector<double>{79.3366}));
  for (const auto& channel : channels) EXPECT_EQ(channel.times_ns, (std::vector<TimeNs>{*parse_time("2020-03-09T10:14:33Z")}));
}

TEST(Skab, ReadsFilesWithoutLabels) {
  const ReadOut out = read_skab(skab_heading + "\n" + skab_line + "\n" + skab_line + "\n");
  EXPECT_EQ(out.error, "");
  EXPECT_EQ(out.records.size(), 2u);
}

TEST(Skab, WhatIsMissingIsNoNumberAndTheRestGoesOn) {
  const std::string missing = "2020-03-09 10:14:34;nan;0.0401113;;0.054711;79.3366;26.0199;233.062;";
  const ReadOut out = read_skab(skab_heading + "\n" + missing + "\n" + skab_line + "\n");
  ASSERT_EQ(out.error, "");
  ASSERT_EQ(out.records.size(), 2U);
  for (const std::size_t i : {0U, 2U, 7U}) EXPECT_TRUE(std::isnan(out.records[0].channels.at(i).samples.at(0))) << i;
  EXPECT_EQ(out.records[0].channels.at(1).samples.at(0), 0.0401113);
  EXPECT_EQ(out.records[1].channels.at(2).samples.at(0), 1.3302);
}

TEST(Skab, NamesFileAndLineOfAMistake) {
  EXPECT_NE(read_skab("").error.find("it is empty"), std::string::npos);
  EXPECT_NE(read_skab("datetime;Current\n").error.find("a.csv:1: its heading"), std::string::npos);
  EXPECT_NE(read_skab(skab_heading + "\n" + skab_line + ";1\n").error.find("a.csv:2: expected 9 fields, found 10"),
            std::string::npos);
  EXPECT_NE(read_skab(skab_heading + ";anomaly;changepoint\n" + skab_line + ";0.5;0\n").error.find("a.csv:2: a label"),
            std::string::npos);
  EXPECT_NE(read_skab(skab_heading + ";anomaly;changepoint\n" + skab_line + ";;0\n").error.find("a.csv:2: label"),
            std::string::npos);
  EXPECT_NE(read_skab(skab_heading + "\n" + skab_line + "x\n").error.find("a.csv:2: Volume Flow RateRMS \"32.0x\""),
            std::string::npos);
  EXPECT_NE(read_skab(skab_heading + "\nyesterday" + skab_line.substr(19) + "\n").error.find("a.csv:2: "), std::string::npos);
}

}  // namespace
}  // namespace stethos::recordings
