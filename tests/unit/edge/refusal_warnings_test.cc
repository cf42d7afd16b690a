#include "edge/refusal_warnings.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "edge/core/cures.h"
#include "tests/folders.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

class HourClock final : public Clock {
 public:
  TimeNs now() const override { return epoch_ns; }
  DurationNs monotonic() const override { return at_ns; }
  DurationNs at_ns = 0;
};

DeadLetter letter(Reason reason, std::string topic, std::string detail = "it is so") {
  DeadLetter letter;
  letter.rejection = {reason, std::move(detail)};
  letter.topic = std::move(topic);
  return letter;
}

class RefusalWarningsTest : public testing::Test {
 protected:
  std::vector<std::string> take(DeadLetter letter) { return warnings_.take({&letter, 1}); }

  const EdgeConfig config_ = core_config();
  HourClock clock_;
  RefusalWarnings warnings_{config_, clock_};
};

TEST_F(RefusalWarningsTest, TheFirstOfAReasonSubscriptionAndHourIsSaid) {
  DeadLetter first = letter(Reason::not_json, "fleet/a/telemetry", "it is empty");
  first.device = "d1";
  const auto lines = take(first);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0],
            "refused, not_json: it is empty; topic \"fleet/a/telemetry\", device \"d1\", subscription "
            "\"fleet/+/telemetry\". Cure: " +
                std::string(cure_of(Reason::not_json)));
  EXPECT_TRUE(take(letter(Reason::not_json, "fleet/a/telemetry")).empty());
  EXPECT_EQ(take(letter(Reason::bad_name, "fleet/a/telemetry")).size(), 1u) << "another reason";
  EXPECT_EQ(take(letter(Reason::not_json, "raw/a/b")).size(), 1u) << "another subscription";
  EXPECT_EQ(take(letter(Reason::unknown_topic, "gone/a")).size(), 1u) << "no subscription";

  clock_.at_ns = 3'600 * ns_per_s - 1;
  EXPECT_TRUE(take(letter(Reason::not_json, "fleet/a/telemetry")).empty());
  clock_.at_ns += 1;
  const auto next = take(letter(Reason::not_json, "fleet/b/telemetry"));
  ASSERT_EQ(next.size(), 1u);
  EXPECT_NE(next[0].find("; 2 more like it since the last line. Cure:"), std::string::npos) << next[0];
}

TEST_F(RefusalWarningsTest, HostileTopicsMakeNoMoreLines) {
  std::size_t lines = 0;
  for (int i = 0; i < 10'000; ++i) {
    lines += take(letter(Reason::not_json, "fleet/" + std::to_string(i) + "/telemetry")).size();
    lines += take(letter(Reason::unknown_topic, "other/" + std::to_string(i))).size();
  }
  EXPECT_EQ(lines, 2u);
}

TEST_F(RefusalWarningsTest, ALineIsBoundedAndPrintable) {
  DeadLetter hostile = letter(Reason::not_json, "fleet/" + std::string(1'000, '\x1b') + "/telemetry", std::string(256, '\n'));
  hostile.device = std::string(128, '\x9b');
  hostile.channel = "\xe2\x80\xae";
  const auto lines = take(hostile);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_LT(lines[0].size(), 3'000u);
  EXPECT_TRUE(std::ranges::all_of(lines[0], [](char c) { return c >= ' ' && c < '\x7f'; })) << lines[0];
}

TEST(Cures, StandOnThePageOfTheReasons) {
  std::ifstream file(test::source_folder() / "docs/metrics.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  for (std::size_t i = 0; i < reason_count; ++i) {
    const auto row = page.find("| `" + std::string(reason_names[i]) + "` |");
    ASSERT_NE(row, std::string::npos) << reason_names[i];
    const std::string line = page.substr(row, page.find('\n', row) - row);
    const std::string cure = " | " + std::string(cure_of(static_cast<Reason>(i))) + " |";
    EXPECT_TRUE(line.ends_with(cure)) << "the last column of this row should be\n" << cure << "\nin\n" << line;
  }
}

}  // namespace
}  // namespace stethos::edge
