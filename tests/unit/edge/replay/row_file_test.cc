#include "edge/replay/row_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/clock.h"
#include "common/identity.h"
#include "schemas/envelope.h"

namespace stethos::edge {
namespace {

class RowFileTest : public testing::Test {
 protected:
  RowFileTest() {
    parameters_.add("p95");
    parameters_.add("10-1000Hz.mean");
  }
  ~RowFileTest() override { std::filesystem::remove(path_); }

  std::unique_ptr<RowFile> open(RowFileFormat format) {
    auto opened = RowFile::open(path_, format, {{4, 0}, {15, 1}, {22, 2}}, parameters_, labels_);
    EXPECT_TRUE(opened) << opened.error().text();
    return opened ? std::move(*opened) : nullptr;
  }

  void add(RowFile& file, std::uint64_t number) { EXPECT_TRUE(put(file, number, 7)); }

  static Status put(RowFile& file, std::uint64_t number, std::uint64_t good) {
    schema::WindowRowT row;
    row.device = "pump-1";
    row.channel = "de";
    row.start_ns = 1'767'225'600 * ns_per_s;
    row.length_ns = ns_per_s;
    row.state = schema::WindowState::final;
    row.moments = std::make_unique<schema::MomentsT>();
    row.counts = std::make_unique<schema::CountsT>();
    row.counts->good = good;
    for (const auto& [statistic, parameter, value] :
         {std::tuple{4, 0, 1.5}, {15, 1, std::numeric_limits<double>::quiet_NaN()}, {22, 2, 0.25}}) {
      row.statistics.push_back(std::make_unique<schema::StatisticValueT>());
      row.statistics.back()->statistic = static_cast<std::uint16_t>(statistic);
      row.statistics.back()->parameter = static_cast<std::uint16_t>(parameter);
      row.statistics.back()->value = value;
    }
    return file.add(number, schema::pack(row));
  }

  std::string content() const {
    std::stringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }

  const std::string path_ = (std::filesystem::temp_directory_path() / ("stethos-" + random_identity())).string();
  Parameters parameters_;
  const WindowLabels press_{.machine = "press \"7\", left", .quantity = "acceleration", .unit = "g"};
  const FindLabels labels_ = [this](std::uint64_t) -> Result<const WindowLabels*> { return &press_; };
};

TEST_F(RowFileTest, JsonHasAnObjectALine) {
  const auto file = open(RowFileFormat::json_lines);
  add(*file, 3);
  ASSERT_TRUE(file->sync());
  const std::string line = content();
  EXPECT_THAT(line, testing::StartsWith(R"({"number":3,"window":{"device":"pump-1","channel":"de",)"));
  EXPECT_THAT(line, testing::HasSubstr(R"("machine":"press \"7\", left","quantity":"acceleration","unit":"g",)"));
  EXPECT_THAT(line, testing::HasSubstr(R"("statistics":{"rms":1.5,"quantile.p95":null,"velocity_rms.10-1000Hz.mean":0.25})"));
  EXPECT_THAT(line, testing::EndsWith("}}\n"));
}

TEST_F(RowFileTest, CsvHasAHeadingAndAColumnAStatistic) {
  const auto file = open(RowFileFormat::csv);
  add(*file, 3);
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(
      content(),
      "number,device,channel,definition,kind,start,start_ns,length_ns,generation,revision,state,expected,received,good,duplicate,"
      "late,out_of_range,not_finite,rejected,shaft_hz,speed_source,recovered,incomplete,whole_start_ns,whole_length_ns,"
      "machine,quantity,unit,rms,quantile.p95,"
      "velocity_rms.10-1000Hz.mean\n"
      "3,pump-1,de,0000000000000000,tumbling,2026-01-01T00:00:00.000Z,1767225600000000000,1000000000,0,0,final,0,0,7,0,0,0,0,0,,,"
      "0,false,,,\"press \"\"7\"\", left\",acceleration,g,1.5,,0.25\n");
}

TEST_F(RowFileTest, ARowWithoutStatisticsHasEmptyColumns) {
  schema::WindowRowT row;
  row.device = "pump-1";
  row.channel = "de";
  row.moments = std::make_unique<schema::MomentsT>();
  row.counts = std::make_unique<schema::CountsT>();
  const auto file = open(RowFileFormat::csv);
  EXPECT_TRUE(file->add(1, schema::pack(row)));
  ASSERT_TRUE(file->sync());
  EXPECT_THAT(content(), testing::EndsWith("left\",acceleration,g,,,\n"));
}

TEST_F(RowFileTest, NamesMayHoldWhatCsvSeparates) {
  schema::WindowRowT row;
  row.device = "hall 3, pump \"2\"";
  row.channel = "relay.0,x";
  row.moments = std::make_unique<schema::MomentsT>();
  row.counts = std::make_unique<schema::CountsT>();
  row.incomplete = true;
  row.whole = std::make_unique<schema::SpanT>(schema::SpanT{{}, -7, 20});
  const auto file = open(RowFileFormat::csv);
  EXPECT_TRUE(file->add(1, schema::pack(row)));
  ASSERT_TRUE(file->sync());
  EXPECT_THAT(content(), testing::HasSubstr("\n1,\"hall 3, pump \"\"2\"\"\",\"relay.0,x\",00"));
  EXPECT_THAT(content(), testing::HasSubstr(",0,true,-7,20,\"press"));
}

TEST_F(RowFileTest, WhoGoesOnLeavesOutWhatIsThereAndDropsALineThatIsTorn) {
  for (const RowFileFormat format : {RowFileFormat::json_lines, RowFileFormat::csv}) {
    std::filesystem::remove(path_);
    {
      const auto file = open(format);
      for (std::uint64_t number = 1; number <= 3; ++number) add(*file, number);
      ASSERT_TRUE(file->sync());
    }
    const std::string three = content();
    for (std::size_t cut = 0; cut <= three.size(); cut += 7) {
      std::filesystem::remove(path_);
      std::ofstream(path_) << three.substr(0, cut);
      const auto file = open(format);
      ASSERT_NE(file, nullptr) << cut;
      for (std::uint64_t number = 1; number <= 3; ++number) add(*file, number);
      ASSERT_TRUE(file->sync());
      EXPECT_EQ(content(), three) << cut;
    }
  }
}

// Two recordings were one file, and the second one's first rows were missing without a word.
TEST_F(RowFileTest, AFileOfAnotherReplayIsNotGoneOnWith) {
  for (const RowFileFormat format : {RowFileFormat::json_lines, RowFileFormat::csv}) {
    std::filesystem::remove(path_);
    {
      const auto file = open(format);
      for (std::uint64_t number = 1; number <= 3; ++number) add(*file, number);
      ASSERT_TRUE(file->sync());
      EXPECT_TRUE(file->finish());
    }
    const std::string three = content();
    EXPECT_EQ(put(*open(format), 1, 8).error().code, Code::invalid);
    EXPECT_EQ(put(*open(format), 5, 7).error().code, Code::invalid) << "row 4 would be missing";
    const auto shorter = open(format);
    add(*shorter, 1);
    add(*shorter, 2);
    EXPECT_EQ(shorter->finish().error().code, Code::invalid);
    EXPECT_EQ(content(), three);
    const auto goes_on = open(format);
    add(*goes_on, 3);
    add(*goes_on, 4);
    EXPECT_TRUE(goes_on->finish()) << "the spool had passed on what came before";
  }
}

TEST_F(RowFileTest, AFileOfSomethingElseIsLeftAsItIs) {
  for (const std::string text : {"a diary\n", "{\"name\":1}\n", "number,device\n1,a\n"}) {
    std::ofstream(path_) << text;
    EXPECT_FALSE(RowFile::open(path_, RowFileFormat::json_lines, {}, parameters_, labels_));
    EXPECT_FALSE(RowFile::open(path_, RowFileFormat::csv, {}, parameters_, labels_));
    EXPECT_EQ(content(), text);
  }
  EXPECT_FALSE(RowFile::open("/nowhere/rows.csv", RowFileFormat::csv, {}, parameters_, labels_));
}

}  // namespace
}  // namespace stethos::edge
