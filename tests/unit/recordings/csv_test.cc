#include "recordings/csv.h"

#include <gmock/gmock.h>

#include <cmath>
#include <random>

#include "common/time_text.h"
#include "tests/unit/recordings/scratch_folder.h"

namespace stethos::recordings {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsNan;

ReadOut read_csv(std::string_view text, const CsvOptions& options = {}) {
  const ScratchFolder folder;
  const auto recording = open_csv(folder.write("a.csv", text), options);
  return recording ? read_out(**recording) : ReadOut{{}, recording.error().text()};
}

std::vector<double> values_of(const ReadOut& out) {
  std::vector<double> values;
  for (const Record& record : out.records) {
    for (const ChannelData& channel : record.channels)
      values.insert(values.end(), channel.samples.begin(), channel.samples.end());
  }
  return values;
}

TEST(Csv, RowsWithTimesAreReadingsOfTheColumnsOfTheirHeading) {
  const ReadOut out = read_csv("time,temp in,\"temp, out\"\n2026-01-01T00:00:00Z,20.5,1e1\n2026-01-01 00:00:01+01:00,21,NaN\n");
  ASSERT_EQ(out.error, "");
  ASSERT_EQ(out.records.size(), 2U);
  EXPECT_EQ(out.records[0].channels[0].channel, "temp in");
  EXPECT_EQ(out.records[0].channels[1].channel, "temp, out");
  EXPECT_EQ(out.records[0].channels[0].times_ns, std::vector{*parse_time("2026-01-01T00:00:00Z")});
  EXPECT_EQ(out.records[1].channels[0].start_ns, *parse_time("2025-12-31T23:00:01Z"));
  EXPECT_THAT(values_of(out), ElementsAre(20.5, 10, 21, IsNan()));
}

TEST(Csv, WhateverALoggerWritesIsRead) {
  CsvOptions at_rate;
  at_rate.rate_hz = 1'000;
  for (const char* text :
       {"1\n-2.5\n\n3\n", "\xef\xbb\xbf# sensor 7\n x \n1\n-2.5\n3", "\"x\"\r\n+1\r\n-2.5\r\n3\r\n", "1\n-25e-1\n3\n# end\n"}) {
    EXPECT_THAT(values_of(read_csv(text, at_rate)), ElementsAre(1, -2.5, 3)) << text;
  }
  for (const char* text : {"1,5;2\n;4\n", "1.5\t2\n\t4\n", "1.5,2\nNA,4\n", "1.5 2\nnull   4\n", "\"1,5\";2\n-;4"}) {
    const ReadOut out = read_csv(text, at_rate);
    ASSERT_EQ(out.error, "") << text;
    ASSERT_EQ(out.records.size(), 1U);
    EXPECT_THAT(out.records[0].channels[0].samples, ElementsAre(1.5, IsNan())) << text;
    EXPECT_THAT(out.records[0].channels[1].samples, ElementsAre(2, 4)) << text;
    EXPECT_EQ(out.records[0].channels[1].channel, "column-2");
  }
}

TEST(Csv, WithARateRowsAreBlocksOneBehindTheOther) {
  CsvOptions options;
  options.rate_hz = 3;
  options.start_ns = 100;
  options.block_samples = 2;
  options.columns = {"b"};
  options.channels = {"x"};
  options.scale = 9.81;
  options.unit = "m/s2";
  const ReadOut out = read_csv("a;b\n0;1\n0;2\n0;3\n", options);
  ASSERT_EQ(out.error, "");
  ASSERT_EQ(out.records.size(), 2U);
  EXPECT_THAT(values_of(out), ElementsAre(9.81, 2 * 9.81, 3 * 9.81));
  EXPECT_EQ(out.records[0].channels[0].channel, "x");
  EXPECT_EQ(out.records[1].channels[0].start_ns, 100 + 666'666'667);
  EXPECT_DOUBLE_EQ(out.records[1].channels[0].interval_ns, 1e9 / 3);
}

TEST(Csv, TimesMayBeNumbersOfAnyUnit) {
  CsvOptions ms;
  ms.time_unit_ns = ns_per_ms;
  ms.time_column = "2";
  EXPECT_EQ(read_csv("1,1767225600123\n", ms).records.at(0).channels.at(0).start_ns, 1'767'225'600'123 * ns_per_ms);
  CsvOptions ns;
  ns.time_unit_ns = 1;
  EXPECT_EQ(read_csv("1767225600123456789,1\n", ns).records.at(0).channels.at(0).start_ns, 1'767'225'600'123'456'789);
  CsvOptions s;
  s.start_ns = 5;
  EXPECT_EQ(read_csv("-0.5,1\n", s).records.at(0).channels.at(0).start_ns, 5 - ns_per_s / 2);
  EXPECT_EQ(read_csv("1767225600.25,1\n", {}).records.at(0).channels.at(0).start_ns, 1'767'225'600'250 * ns_per_ms);
  EXPECT_THAT(read_csv("1e300,1\n").error, HasSubstr("a.csv:1: the time 1e300 is beyond all time"));
}

// Whatever bytes there are, a file is read or refused: nothing else may happen.
TEST(Csv, AnyBytesAreReadOrRefused) {
  std::mt19937 random(5);
  const std::string_view bytes = "0123456789.,;\t -+eE\"#\n\n\r:TZnaN\xef\xbb\xbf";
  for (int i = 0; i < 2'000; ++i) {
    std::string text(random() % 80, ' ');
    for (char& each : text) each = random() % 30 == 0 ? static_cast<char>(random()) : bytes[random() % bytes.size()];
    CsvOptions options;
    options.rate_hz = i % 2;
    options.block_samples = 3;
    for (const Record& record : read_csv(text, options).records) {
      for (const ChannelData& channel : record.channels) EXPECT_FALSE(channel.samples.empty());
    }
  }
}

TEST(Csv, WhatIsNotAsExpectedIsAnErrorWithItsLine) {
  CsvOptions at_rate;
  at_rate.rate_hz = 1;
  EXPECT_THAT(read_csv("").error, HasSubstr("it has no rows"));
  EXPECT_THAT(read_csv("t,a\n1,2\n3,x\n").error, HasSubstr("a.csv:3: field 2, \"x\", is not a number"));
  EXPECT_THAT(read_csv("t,a\n1,2\n3,inf\n").error, HasSubstr("a.csv:3: field 2, \"inf\", is not a number"));
  EXPECT_THAT(read_csv("t,a\n1,2\n3\n").error, HasSubstr("a.csv:3: expected 2 fields, found 1"));
  EXPECT_THAT(read_csv("t,a\nyesterday,2\n").error, HasSubstr("a.csv:2"));
  EXPECT_THAT(read_csv("t,a\n\"1,2\n").error, HasSubstr("a.csv:2: a quote that does not end"));
  EXPECT_THAT(read_csv(std::string(2u << 20, '1')).error, HasSubstr("more than 1048576 bytes"));
  EXPECT_THAT(read_csv("t\n1\n").error, HasSubstr("it has no column of values"));
  CsvOptions another = at_rate;
  another.columns = {"c"};
  EXPECT_THAT(read_csv("a,b\n1,2\n", another).error, HasSubstr("it has no column \"c\": there are a, b"));
  another.columns = {"3"};
  EXPECT_THAT(read_csv("a,b\n1,2\n", another).error, HasSubstr("it has no column \"3\""));
  another.columns = {};
  another.channels = {"x"};
  EXPECT_THAT(read_csv("a,b\n1,2\n", another).error, HasSubstr("2 columns of values, and 1 names"));
  EXPECT_FALSE(open_csv("/nowhere/a.csv", {}));
  EXPECT_FALSE(open_csv("/", {}));
}

}  // namespace
}  // namespace stethos::recordings
