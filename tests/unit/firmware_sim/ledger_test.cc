#include "firmware_sim/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "tests/unit/firmware_sim/test_parts.h"

namespace stethos::firmware_sim {
namespace {

using testing::HasSubstr;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

simdjson::dom::element parsed(simdjson::dom::parser& parser, const std::string& line) {
  simdjson::dom::element out;
  EXPECT_EQ(parser.parse(line).get(out), simdjson::SUCCESS) << line;
  return out;
}

double number_text(simdjson::dom::element line, const char* key) {
  return std::strtod(std::string(std::string_view(line[key])).c_str(), nullptr);
}

TEST(Ledger, WritesWhatABlockSays) {
  const ScratchFile file;
  {
    auto ledger = *Ledger::create(file.path());
    ledger.message("pump", 17, 3, Format::stethos,
                   std::vector{SentChannel{"vibration", "acceleration", "g", 1000, 39062.5, {}, {nan, 2, 4, -1}}});
    ledger.message("pump", 17, 4, Format::stethos,
                   std::vector{SentChannel{"vibration", "acceleration", "g", 2000, 39062.5, {}, {3}}});
    ASSERT_TRUE(ledger.flush());
  }
  const auto lines = file.lines();
  ASSERT_EQ(lines.size(), 2u);
  simdjson::dom::parser parser;
  const auto line = parsed(parser, lines[0]);
  EXPECT_EQ(std::string_view(line["device"]), "pump");
  EXPECT_EQ(std::uint64_t(line["epoch"]), 17u);
  EXPECT_EQ(std::uint64_t(line["sequence"]), 3u);
  EXPECT_EQ(std::string_view(line["quantity"]), "acceleration");
  EXPECT_EQ(std::int64_t(line["start_ns"]), 1000);
  EXPECT_EQ(double(line["interval_ns"]), 39062.5);
  EXPECT_EQ(std::uint64_t(line["samples"]), 4u);
  EXPECT_EQ(std::uint64_t(line["finite"]), 3u);
  EXPECT_EQ(std::uint64_t(line["not_finite"]), 1u);
  EXPECT_EQ(double(line["min"]), -1);
  EXPECT_EQ(double(line["max"]), 4);
  EXPECT_EQ(double(line["shift"]), 2) << "the stream's first finite value";
  EXPECT_EQ(number_text(line, "p1"), 0 + 2 - 3);
  EXPECT_EQ(number_text(line, "p2"), 0 + 4 + 9);
  EXPECT_EQ(number_text(line, "p3"), 0 + 8 - 27);
  EXPECT_EQ(number_text(line, "p4"), 0 + 16 + 81);
  EXPECT_EQ(number_text(line, "sum_abs"), 7);
  EXPECT_DOUBLE_EQ(number_text(line, "sum_sqrt_abs"), std::sqrt(2) + 2 + 1);
  const auto second = parsed(parser, lines[1]);
  EXPECT_EQ(double(second["shift"]), 2) << "the same throughout the stream";
  EXPECT_EQ(number_text(second, "p1"), 1);
}

TEST(Ledger, KeepsTheDigitsOfLongDouble) {
  const ScratchFile file;
  {
    auto ledger = *Ledger::create(file.path());
    ledger.message("d", 1, 1, Format::stethos, std::vector{SentChannel{"c", "q", "u", 0, 1, {}, {0, 1, 0x1p-60}}});
    ASSERT_TRUE(ledger.flush());
  }
  // 1 + 2^-60 is no double.
  EXPECT_THAT(file.content(), HasSubstr(R"("p1":"1.00000000000000000087")"));
}

TEST(Ledger, ListsReadings) {
  const ScratchFile file;
  {
    auto ledger = *Ledger::create(file.path());
    ledger.message("d", 1, 1, Format::json, std::vector{SentChannel{"t", "temperature", "degC", 5, 0, {5, 6}, {0.1, nan}}});
    ledger.message("d", 1, 2, Format::stethos, std::vector{SentChannel{"t", "temperature", "degC", 7, 0, {7}, {nan}}});
    ASSERT_TRUE(ledger.flush());
  }
  const auto lines = file.lines();
  EXPECT_THAT(lines.at(0), HasSubstr(R"("times_ns":[5,6],"values":[0.1,null]})"));
  EXPECT_EQ(lines[0].find("epoch"), std::string::npos) << "JSON readings have none";
  EXPECT_THAT(lines.at(1), HasSubstr(R"("finite":0,"not_finite":1,"min":null,"max":null)"));
}

TEST(Ledger, TellsWhatWentWrongAndTheTotals) {
  const ScratchFile file;
  {
    auto ledger = *Ledger::create(file.path());
    ledger.header({.seed = 5,
                   .epoch = 9,
                   .arguments = {"--x", "a\"b\n"},
                   .devices = {{"d", "m", Format::stethos, -7, 3, FaultKind::outer_race, 4}}});
    ledger.misbehaviour("d", 2, {.duplicated = true, .truncated = true, .reordered_by = 3});
    ledger.misbehaviour("d", 3, {.foreign = true, .dropped = true, .late = true});
    ledger.misbehaviour("d", 4, {.flipped = true});
    ledger.gave_up("d", 5);
    ledger.totals(std::vector{DeviceTotals{"d", 1, 2, 3, 4, 5, 6, 7, true}}, false);
    ASSERT_TRUE(ledger.flush());
  }
  const auto lines = file.lines();
  EXPECT_EQ(lines.at(0),
            R"({"ledger":"stethos-sim","version":1,"seed":5,"epoch":9,"arguments":["--x","a\"b\u000a"],"devices":[{"device":"d",)"
            R"("machine":"m","format":"stethos","shift_ns":-7,"first_ns":3,"fault":"outer_race","fault_start_ns":4}]})");
  std::vector<std::string> kinds;
  simdjson::dom::parser parser;
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) kinds.emplace_back(std::string_view(parsed(parser, lines[i])["event"]));
  EXPECT_EQ(kinds, (std::vector<std::string>{"truncated", "duplicated", "reordered", "dropped", "foreign", "late", "flipped",
                                             "gave_up"}));
  EXPECT_EQ(lines[3], R"({"event":"reordered","device":"d","sequence":2,"by":3})");
  EXPECT_EQ(
      lines.back(),
      R"({"totals":[{"device":"d","messages":1,"samples":2,"acknowledged":3,"given_up":4,"resent":5,"duplicates":6,"foreign":7,)"
      R"("finished":true}],"finished":false})");
}

TEST(Ledger, WritesMoreThanItsBuffer) {
  const ScratchFile file;
  {
    auto ledger = *Ledger::create(file.path());
    for (std::uint64_t i = 0; i < 50'000; ++i) ledger.gave_up("device-with-a-name", i);
    ASSERT_TRUE(ledger.flush());
  }
  EXPECT_EQ(file.lines().size(), 50'000u);
}

TEST(Ledger, ReportsAFullDisk) {
  EXPECT_FALSE(Ledger::create("/nowhere/ledger"));
  auto ledger = Ledger::create("/dev/full");
  ASSERT_TRUE(ledger);
  ledger->gave_up("d", 1);
  const Status flushed = ledger->flush();
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().code, Code::io);
}

TEST(Ledger, WithoutAPathKeepsNothing) {
  auto ledger = Ledger::create("");
  ASSERT_TRUE(ledger);
  ledger->gave_up("d", 1);
  EXPECT_TRUE(ledger->flush());
}

}  // namespace
}  // namespace stethos::firmware_sim
