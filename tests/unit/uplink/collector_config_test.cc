#include "uplink/collector/collector_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/folders.h"

namespace stethos::collector {
namespace {

using ::testing::HasSubstr;

settings::Outcome<CollectorConfig> parse(const std::string& text) {
  return settings::parse(collector_config_table(), text, "collector.toml");
}

TEST(CollectorConfig, OnlyTheStoreMustBeGiven) {
  const auto loaded = parse("[store]\nfile = \"/var/lib/stethos/collector.db\"\n");
  ASSERT_TRUE(loaded) << loaded.error().front().text();
  EXPECT_EQ(loaded->config.listen_host, "127.0.0.1");
  EXPECT_EQ(loaded->config.listen_port, 8090);
  EXPECT_EQ(loaded->config.store_file, "/var/lib/stethos/collector.db");
  EXPECT_EQ(loaded->config.body_bytes_max, 8 << 20);
  EXPECT_EQ(loaded->config.batch_bytes_max, 32 << 20);
  EXPECT_EQ(loaded->config.shutdown_deadline, 5 * ns_per_s);
  EXPECT_FALSE(parse(""));
}

TEST(CollectorConfig, EachKeyGoesWhereItSays) {
  const auto loaded = parse(R"(
    [listen]
    host = "::1"
    port = 0
    connections_max = 3
    [store]
    file = "/a"
    windows_bytes_max = "5 MiB"
    windows_age_max = "5m"
    hours_bytes_max = "6 MiB"
    hours_age_max = "6m"
    days_bytes_max = "7 MiB"
    days_age_max = "7m"
    alarms_bytes_max = "8 MiB"
    alarms_age_max = "8m"
    events_bytes_max = "9 MiB"
    events_age_max = "9m"
    [limits]
    body = "1 MiB"
    batch = "2 MiB"
    header_timeout = "1s"
    request_timeout = "2s"
    idle_timeout = "3s"
    [log]
    level = "debug"
    [shutdown]
    deadline = "4s"
  )");
  ASSERT_TRUE(loaded) << loaded.error().front().text();
  const CollectorConfig& config = loaded->config;
  EXPECT_EQ(config.listen_host, "::1");
  EXPECT_EQ(config.listen_port, 0);
  EXPECT_EQ(config.listen_connections_max, 3);
  std::int64_t expected = 5;
  for (const Budget Budgets::* tier : {&Budgets::windows, &Budgets::hours, &Budgets::days, &Budgets::alarms, &Budgets::events}) {
    EXPECT_EQ((config.budgets.*tier).bytes_max, expected << 20);
    EXPECT_EQ((config.budgets.*tier).age_max, expected * 60 * ns_per_s);
    ++expected;
  }
  EXPECT_EQ(config.body_bytes_max, 1 << 20);
  EXPECT_EQ(config.batch_bytes_max, 2 << 20);
  EXPECT_EQ(config.header_timeout, 1 * ns_per_s);
  EXPECT_EQ(config.request_timeout, 2 * ns_per_s);
  EXPECT_EQ(config.idle_timeout, 3 * ns_per_s);
  EXPECT_EQ(config.log_level, "debug");
  EXPECT_EQ(config.shutdown_deadline, 4 * ns_per_s);
}

TEST(CollectorConfig, AHostThatIsNotLoopbackIsAMistake) {
  for (const std::string host : {"0.0.0.0", "::", "192.168.1.10", "collector.example.com", ""}) {
    const auto loaded = parse("[store]\nfile = \"/a\"\n[listen]\nhost = \"" + host + "\"\n");
    ASSERT_FALSE(loaded) << host;
    EXPECT_EQ(loaded.error().front().key, "listen.host");
    EXPECT_EQ(loaded.error().front().line, 4);
  }
}

TEST(CollectorConfig, AnUnknownKeyNamesTheNearest) {
  const auto loaded = parse("[store]\nfile = \"/a\"\n[listen]\nprot = 1\n");
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().front().text(), HasSubstr("listen.port"));
}

TEST(CollectorConfig, TheReferencePageIsTheOneThatIsPublished) {
  const std::filesystem::path path = test::source_folder() / "docs/config/collector.md";
  std::ifstream file(path);
  const std::string page((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_EQ(page, settings::reference_page(collector_config_table())) << "make docs writes " << path;
}

}  // namespace
}  // namespace stethos::collector
