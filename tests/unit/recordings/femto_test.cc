#include "recordings/femto.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>

#include "common/time_text.h"
#include "tests/unit/recordings/scratch_folder.h"

namespace stethos::recordings {
namespace {

using testing::ElementsAre;
using testing::IsNan;

// `count` rows from a second on, as the real files have them.
std::string snapshot_text(const char* time, int count, const char* separator, const char* line_end) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    char stamp[32];
    std::snprintf(stamp, sizeof stamp, "%.4e", 1e5 + i * 39.0625);
    const std::string fields[] = {time, stamp, std::to_string(i) + ".5", "-" + std::to_string(i)};
    for (const std::string& field : fields) out += (&field == fields ? "" : separator) + field;
    out += line_end;
  }
  return out;
}

struct Bearing {
  ScratchFolder folder;

  Result<std::unique_ptr<Recording>> open(const char* date = "2003-11-22") const {
    return open_femto(folder.path(), {.date_ns = *parse_time(date)});
  }
  ReadOut read(const char* date = "2003-11-22") const {
    const auto recording = open(date);
    return recording ? read_out(**recording) : ReadOut{{}, recording.error().text()};
  }
};

TEST(Femto, ReadsASnapshotAsTwoBlocks) {
  const Bearing bearing;
  bearing.folder.write("acc_00001.csv", snapshot_text("7,40,33", 3, ",", "\n"));
  const ReadOut out = bearing.read();
  ASSERT_EQ(out.error, "");
  ASSERT_EQ(out.records.size(), 1u);
  const auto& channels = out.records[0].channels;
  ASSERT_EQ(channels.size(), 2u);
  EXPECT_EQ(channels[0].channel, "horizontal");
  EXPECT_EQ(channels[1].channel, "vertical");
  EXPECT_EQ(format_time(channels[0].start_ns), "2003-11-22T07:40:33.100Z");
  EXPECT_EQ(channels[0].interval_ns, 39'062.5);
  EXPECT_EQ(channels[0].samples, (std::vector<double>{0.5, 1.5, 2.5}));
  EXPECT_EQ(channels[1].samples, (std::vector<double>{0, -1, -2}));
}

TEST(Femto, ReadsOtherSeparatorsEndsAndExponents) {
  const Bearing bearing;
  bearing.folder.write("acc_00001.csv", "9;38;46;8.6566e+005;-0.261;-0.441\r\n9;38;46;8.657e+005;1e-003;2\r\n");
  const ReadOut out = bearing.read();
  ASSERT_EQ(out.error, "");
  EXPECT_EQ(format_time(out.records.at(0).channels.at(0).start_ns), "2003-11-22T09:38:46.865660000Z");
  EXPECT_EQ(out.records[0].channels[0].samples, (std::vector<double>{-0.261, 0.001}));
}

// Rows that are alike are read in another way than the first, and than those that are not: with the same result.
TEST(Femto, RowsThatDifferInFormAreReadAlike) {
  const Bearing bearing;
  bearing.folder.write("acc_00001.csv", "9,38,46,10,-0.261,-0\n9,38,46,49,0.1234567891,2\r\n9,38,46,88,3,1e1\n09,38,46,127,+0\n");
  const ReadOut bad = bearing.read();
  EXPECT_NE(bad.error.find(":4: expected 6 fields, found 5"), std::string::npos) << bad.error;
  bearing.folder.write("acc_00001.csv",
                       "9,38,46,10,-0.261,-0\n9,38,46,49,0.1234567891,2\r\n9,38,46,88,3,1e1\n09,38,46,127,-0,5\n9,38,46,166,6,7");
  const ReadOut out = bearing.read();
  ASSERT_EQ(out.error, "");
  const auto& channels = out.records.at(0).channels;
  EXPECT_EQ(channels[0].samples, (std::vector<double>{-0.261, 0.1234567891, 3, 0, 6}));
  EXPECT_EQ(channels[1].samples, (std::vector<double>{0, 2, 10, 5, 7}));
  EXPECT_TRUE(std::signbit(channels[1].samples[0]));
  EXPECT_TRUE(std::signbit(channels[0].samples[3]));
}

TEST(Femto, WhatIsMissingIsNoNumberAndTheRestGoesOn) {
  const Bearing bearing;
  bearing.folder.write("acc_00001.csv", "9,38,46,10,1,2\n9,38,46,49,,4\n9,38,46,88,NaN,6\n9,38,46,127,7,\n9,38,46,166,9,10\n");
  bearing.folder.write("temp_00001.csv", "9,38,47,0,\n9,38,47,1,70\n");
  const ReadOut out = bearing.read();
  ASSERT_EQ(out.error, "");
  ASSERT_EQ(out.records.size(), 2U);
  EXPECT_THAT(out.records[0].channels.at(0).samples, ElementsAre(1, IsNan(), IsNan(), 7, 9));
  EXPECT_THAT(out.records[0].channels.at(1).samples, ElementsAre(2, 4, 6, IsNan(), 10));
  EXPECT_THAT(out.records[1].channels.at(0).samples, ElementsAre(IsNan(), 70));
}

// Rows each of which begins in another way than the one before are all read in the general way.
std::string in_the_general_way(const std::string& text) {
  std::string out;
  bool other = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    if (text.compare(at, 2, "9,") == 0 || text.compare(at, 2, "9;") == 0) out += (other = !other) ? "0" : "";
    out += text.substr(at, end - at);
    at = end;
  }
  return out;
}

TEST(Femto, BothWaysOfReadingGiveTheSame) {
  std::mt19937 random(11);
  const auto pick = [&](std::size_t count) { return static_cast<std::size_t>(random() % count); };
  const auto digits = [&](std::size_t least, std::size_t most) {
    std::string out;
    for (std::size_t left = least + pick(most - least + 1); left > 0; --left) out += static_cast<char>('0' + pick(10));
    return out;
  };
  std::size_t good = 0, bad = 0;
  const Bearing bearing;
  const std::string file = bearing.folder.path() + "/acc_1.csv";
  for (int round = 0; round < 4'000; ++round) {
    const std::string separator = pick(2) == 0 ? "," : ";", end = pick(2) == 0 ? "\n" : "\r\n";
    const char* const stamp_format = std::array{"%.4e", "%.5g", "%.7g", "%.0f"}[pick(4)];
    const bool long_exponents = pick(3) == 0;
    const double first_us = std::array{0.0, 9'800.0, 99'900.0, 118'790.0, 998'000.0, 500'000.0}[pick(6)];
    std::string text;
    for (std::size_t i = 0, count = 1 + pick(120); i < count; ++i) {
      const double us = first_us + static_cast<double>(i) * 39.0625;
      char stamp[32];
      std::snprintf(stamp, sizeof stamp, stamp_format, us < 1e6 ? us : us - 1e6);
      std::string row = (us < 1e6 ? "9,38,46," : "9,38,47,") + std::string(stamp);
      if (const auto exponent = row.find("e+"); long_exponents && exponent != std::string::npos) row.insert(exponent + 2, "0");
      for (int field = 0; field < 2; ++field) {
        row += (pick(2) == 0 ? ",-" : ",") + digits(1, pick(8) == 0 ? 8 : 2) +
               (pick(8) == 0 ? "" : "." + digits(1, pick(16) == 0 ? 9 : 3));
      }
      if (pick(100) == 0) row.erase(row.rfind(',') + 1);
      if (pick(100) == 0) row.replace(row.rfind(',') + 1, row.size(), "NaN");
      if (pick(200) == 0) row += std::array{"e-03", "e+002", ",1", ",", " ", "e400"}[pick(6)];
      if (pick(500) == 0) row[pick(row.size())] = static_cast<char>(random());
      if (pick(1'000) == 0) row.erase(pick(row.size()));
      if (pick(1'000) == 0) row.insert(pick(row.size()), 1, "\0\r\n,;.-+e9"[pick(10)]);
      if (pick(1'000) == 0) row += std::string(1'000, '7');
      for (char& each : row) each = each == ',' ? separator[0] : each;
      text += row + end;
    }
    if (pick(3) == 0) text.resize(text.size() - pick(text.size()));
    std::filesystem::remove(file);
    bearing.folder.write("acc_1.csv", text);
    const ReadOut fast = bearing.read();
    std::filesystem::remove(file);
    bearing.folder.write("acc_1.csv", in_the_general_way(text));
    const ReadOut general = bearing.read();
    ASSERT_EQ(fast.error, general.error) << text;
    ASSERT_EQ(fast.records.size(), general.records.size()) << text;
    (fast.error.empty() ? good : bad) += 1;
    for (std::size_t channel = 0; !fast.records.empty() && channel < 2; ++channel) {
      const ChannelData &one = fast.records[0].channels[channel], &other = general.records[0].channels[channel];
      ASSERT_EQ(one.start_ns, other.start_ns) << text;
      ASSERT_EQ(one.samples.size(), other.samples.size()) << text;
      ASSERT_EQ(std::memcmp(one.samples.data(), other.samples.data(), one.samples.size() * sizeof(double)), 0) << text;
    }
  }
  EXPECT_GT(good, 1'000U);
  EXPECT_GT(bad, 500U);
}

TEST(Femto, FollowsTheNumbersOfTheFiles) {
  const Bearing bearing;
  bearing.folder.write("acc_00002.csv", snapshot_text("7,40,43", 1, ",", "\n"));
  bearing.folder.write("acc_00010.csv", snapshot_text("7,40,53", 1, ",", "\n"));
  bearing.folder.write("acc_1.csv", snapshot_text("7,40,33", 1, ",", "\n"));
  bearing.folder.write("notes.txt", "not of the recording");
  const ReadOut out = bearing.read();
  ASSERT_EQ(out.records.size(), 3u) << out.error;
  EXPECT_EQ(format_time(out.records[0].channels[0].start_ns), "2003-11-22T07:40:33.100Z");
  EXPECT_EQ(format_time(out.records[2].channels[0].start_ns), "2003-11-22T07:40:53.100Z");
}

TEST(Femto, CrossesMidnightAndKeepsEarlyStamps) {
  const Bearing bearing;
  const char* times[] = {"15,32,49", "9,38,46", "15,33,19", "23,59,50", "0,0,0", "23,59,55", "0,0,10"};
  int number = 0;
  for (const char* time : times) {
    bearing.folder.write("acc_" + std::to_string(++number) + ".csv", snapshot_text(time, 1, ",", "\n"));
  }
  const ReadOut out = bearing.read();
  ASSERT_EQ(out.error, "");
  std::vector<std::string> stamps;
  stamps.reserve(out.records.size());
  for (const auto& record : out.records) stamps.push_back(format_time(record.channels[0].start_ns).substr(0, 19));
  EXPECT_EQ(stamps,
            (std::vector<std::string>{"2003-11-22T15:32:49", "2003-11-22T09:38:46", "2003-11-22T15:33:19", "2003-11-22T23:59:50",
                                      "2003-11-23T00:00:00", "2003-11-22T23:59:55", "2003-11-23T00:00:10"}));
}

TEST(Femto, ASnapshotMayCrossMidnight) {
  const Bearing bearing;
  bearing.folder.write("acc_1.csv", "23,59,59,9.9998e+05,1,2\n0,0,0,20,3,4\n");
  const ReadOut out = bearing.read();
  EXPECT_EQ(out.error, "");
  EXPECT_EQ(out.records.size(), 1u);
}

TEST(Femto, MergesTemperaturesByTime) {
  const Bearing bearing;
  bearing.folder.write("acc_00001.csv", snapshot_text("8,0,0", 2, ",", "\n"));
  bearing.folder.write("acc_00002.csv", snapshot_text("8,0,10", 2, ",", "\n"));
  bearing.folder.write("temp_00001.csv", "8;0;4;9;70.036\n8;0;5;0;70.058\n8;0;4;5;70.1\n");
  const ReadOut out = bearing.read();
  ASSERT_EQ(out.error, "");
  ASSERT_EQ(out.records.size(), 4u);
  EXPECT_EQ(out.records[0].channels[0].channel, "horizontal");
  const ChannelData& temperature = out.records[1].channels.at(0);
  EXPECT_EQ(temperature.channel, "temperature");
  EXPECT_EQ(temperature.unit, "degC");
  EXPECT_EQ(temperature.interval_ns, 0);
  EXPECT_EQ(temperature.samples, (std::vector<double>{70.036, 70.058}));
  EXPECT_EQ(temperature.times_ns[1] - temperature.times_ns[0], 100 * ns_per_ms);
  EXPECT_EQ(out.records[2].channels[0].samples, (std::vector<double>{70.1})) << "a stamp that went back begins a new record";
  EXPECT_EQ(out.records[3].channels[0].channel, "horizontal");
}

TEST(Femto, NamesFileAndLineOfAMistake) {
  const std::pair<const char*, const char*> mistakes[] = {
      {"7,40,33,5.4066e+05,0.038\n", ":1: expected 6 fields, found 5"},
      {"7,40,33,5.4066e+05,0.038,0.29\n7,40,33,,0.125,1\n", ":2: part of a second \"\""},
      {"7,40,33,5.4066e+05,0.038,0.29\n7,,33,5.407e+05,0.125,1\n", ":2: minute \"\""},
      {"7,40,33,nan,0.038,0.29\n", ":1: part of a second \"nan\""},
      {"7,40,33,5.4066e+05,0.038,0.29,1\n", ":1: expected 6 fields, found 7"},
      {"7;40,33,5.4066e+05,0.038,0.29\n", ":1: expected 6 fields, found 2"},
      {"24,40,33,5.4066e+05,0.038,0.29\n", ":1: hour \"24\""},
      {"7,60,33,5.4066e+05,0.038,0.29\n", ":1: minute \"60\""},
      {"7,40,33.5,5.4066e+05,0.038,0.29\n", ":1: second \"33.5\""},
      {"7,40,33,1.1e+06,0.038,0.29\n", "out of range"},
      {"7,40,33,-1,0.038,0.29\n", "out of range"},
      {"7,40,33,5.4066e+05,inf,0.29\n", ":1: horizontal acceleration \"inf\" is not a finite number"},
      {"7,40,33,5.4066e+05,0.038,0.29\n\n", ":2: expected 6 fields, found 1"},
      {"7,40,33,5.4066e+05,0.038,0.29\n7,40,34,5.407e+05,1,1\n", ":2: its stamp is more than 1 ms away"},
      {"7,40,33,5.4066e+05,0.038,0.29\n7,40,33,5.407e+05,1,1\n7,40,33,5.4074e+05,1,1x\n", ":3: vertical acceleration \"1x\""},
      {"7,40,33,5.4066e+05,0.038,0.29\n7,40,33,5.407e+05,1;1\n", ":2: expected 6 fields, found 5"},
      {"7,40,33,5.4066e+05,0.038,0.29\n7,40,33,5.5e+05,1,1\n", ":2: its stamp is more than 1 ms away"},
      {"7,40,33,5.4066e+05,0.038,0.29\n7,40,33,1.1e+06,1,1\n", ":2: part of a second \"1.1e+06\" is out of range"},
      {"", "acc_00001.csv: it is empty"},
      {"hour,minute,second,us,h,v\n", ":1: hour"},
  };
  for (const auto& [text, wanted] : mistakes) {
    const Bearing bearing;
    bearing.folder.write("acc_00001.csv", text);
    const ReadOut out = bearing.read();
    EXPECT_NE(out.error.find("acc_00001.csv"), std::string::npos) << out.error;
    EXPECT_NE(out.error.find(wanted), std::string::npos) << "wanted " << wanted << ", got " << out.error;
  }
}

TEST(Femto, RefusesAFolderWithoutSnapshots) {
  const Bearing bearing;
  EXPECT_EQ(bearing.open().error().code, Code::not_found);
  EXPECT_EQ(open_femto("/nowhere/at-all", {}).error().code, Code::not_found);
  bearing.folder.write("acc_one.csv", "");
  EXPECT_EQ(bearing.open().error().code, Code::invalid);
}

}  // namespace
}  // namespace stethos::recordings
