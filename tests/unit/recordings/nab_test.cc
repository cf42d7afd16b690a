#include "recordings/nab.h"

#include <cmath>

#include "common/time_text.h"
#include "tests/unit/recordings/scratch_folder.h"

namespace stethos::recordings {
namespace {

ReadOut read_nab(std::string_view text) {
  const ScratchFolder folder;
  const auto recording = open_nab(folder.write("a.csv", text), {"temperature", "temperature", "degF"});
  return recording ? read_out(**recording) : ReadOut{{}, recording.error().text()};
}

TEST(Nab, ReadsOneReadingALine) {
  const ReadOut out = read_nab("timestamp,value\r\n2013-12-02 21:15:00,73.96732207\r\n2013-12-02 21:20:00,10844\r\n");
  ASSERT_EQ(out.error, "");
  ASSERT_EQ(out.records.size(), 2u);
  const ChannelData& first = out.records[0].channels.at(0);
  EXPECT_EQ(first.channel, "temperature");
  EXPECT_EQ(first.unit, "degF");
  EXPECT_EQ(first.times_ns, (std::vector<TimeNs>{*parse_time("2013-12-02T21:15:00Z")}));
  EXPECT_EQ(first.start_ns, first.times_ns[0]);
  EXPECT_EQ(first.samples, (std::vector<double>{73.96732207}));
  EXPECT_EQ(out.records[1].channels[0].samples, (std::vector<double>{10'844}));
}

TEST(Nab, KeepsTheOrderWhenTheClockWasSetBack) {
  const ReadOut out = read_nab("timestamp,value\n2013-11-03 01:55:00,1\n2013-11-03 01:00:00,2\n2013-11-03 01:00:00,3\n");
  ASSERT_EQ(out.records.size(), 3u);
  EXPECT_GT(out.records[0].channels[0].start_ns, out.records[1].channels[0].start_ns);
  EXPECT_EQ(out.records[1].channels[0].start_ns, out.records[2].channels[0].start_ns);
  EXPECT_EQ(out.records[2].channels[0].samples[0], 3);
}

TEST(Nab, WhatIsMissingIsNoNumberAndTheRestGoesOn) {
  const ReadOut out = read_nab("timestamp,value\n2013-12-02 21:15:00,\n2013-12-02 21:20:00,NaN\n2013-12-02 21:25:00,3\n");
  ASSERT_EQ(out.error, "");
  ASSERT_EQ(out.records.size(), 3U);
  EXPECT_TRUE(std::isnan(out.records[0].channels.at(0).samples.at(0)));
  EXPECT_TRUE(std::isnan(out.records[1].channels.at(0).samples.at(0)));
  EXPECT_EQ(out.records[2].channels.at(0).samples, (std::vector<double>{3}));
}

TEST(Nab, NamesFileAndLineOfAMistake) {
  EXPECT_NE(read_nab("").error.find("heading"), std::string::npos);
  EXPECT_NE(read_nab("time,value\n").error.find("a.csv:1: its heading"), std::string::npos);
  EXPECT_NE(read_nab("timestamp,value\n2013-13-02 21:15:00,1\n").error.find("a.csv:2: "), std::string::npos);
  EXPECT_NE(read_nab("timestamp,value\n2013-12-02 21:15:00,1\n,1\n").error.find("a.csv:3: "), std::string::npos);
  EXPECT_NE(read_nab("timestamp,value\n2013-12-02 21:15:00\n").error.find("a.csv:2: expected 2 fields"), std::string::npos);
  EXPECT_NE(read_nab("timestamp,value\n2013-12-02 21:15:00,inf\n").error.find("a.csv:2: value \"inf\""), std::string::npos);
  EXPECT_NE(read_nab("timestamp,value\n2013-12-02 21:15:00,x\n").error.find("a.csv:2: value \"x\""), std::string::npos);
}

}  // namespace
}  // namespace stethos::recordings
