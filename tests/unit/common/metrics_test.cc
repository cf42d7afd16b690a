#include "common/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace stethos {
namespace {

using Kind = Metric::Kind;

std::vector<std::string> lines_of(const std::vector<Metric>& metrics) {
  std::istringstream in(prometheus_text(metrics));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(Metrics, OfOneNameMakeOneFamilyWhereverTheyStand) {
  const auto lines = lines_of({{"b_total", "How many b.", Kind::counter, 3, {{"reason", "corrupt"}}},
                               {"a", "How much a.", Kind::gauge, 1.5, {}},
                               {"b_total", "another help", Kind::gauge, 4, {{"reason", "late"}}}});
  const std::vector<std::string> expected{"# HELP a How much a.",       "# TYPE a gauge",         "a 1.5",
                                          "# HELP b_total How many b.", "# TYPE b_total counter", "b_total{reason=\"corrupt\"} 3",
                                          "b_total{reason=\"late\"} 4"};
  EXPECT_EQ(lines, expected);
}

TEST(Metrics, LabelsCannotBreakTheFormat) {
  const auto lines = lines_of({{"a", "A.", Kind::gauge, 1, {{"topic", "x\"y\\z\nb 7"}}}});
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[2], R"(a{topic="x\"y\\z\nb 7"} 1)");
}

TEST(Metrics, LargeCountsAreNotRounded) {
  const auto lines = lines_of({{"a_total", "A.", Kind::counter, 9007199254740991.0, {}}});
  EXPECT_EQ(lines.back(), "a_total 9007199254740991");
}

TEST(Metrics, ValuesThatAreNoNumbers) {
  const auto lines = lines_of({{"a", "A.", Kind::gauge, std::numeric_limits<double>::quiet_NaN(), {}},
                               {"b", "B.", Kind::gauge, -std::numeric_limits<double>::infinity(), {}}});
  EXPECT_TRUE(std::ranges::find(lines, "a Nan") != lines.end() || std::ranges::find(lines, "a NaN") != lines.end());
  EXPECT_NE(std::ranges::find(lines, "b -Inf"), lines.end());
}

TEST(Metrics, NoneAreAnEmptyPage) { EXPECT_EQ(prometheus_text({}), ""); }

}  // namespace
}  // namespace stethos
