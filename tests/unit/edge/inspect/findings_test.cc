// What is made of what the broker, the clock, the disk and /sys say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <sstream>

#include "edge/inspect/broker_findings.h"
#include "edge/inspect/disk_findings.h"
#include "edge/inspect/environment.h"
#include "tests/unit/common/scratch_folder.h"

namespace stethos::edge {
namespace {

using testing::HasSubstr;

constexpr std::int64_t mebibyte = 1 << 20;

EdgeConfig config_of_readings() {
  EdgeConfig config;
  config.ingest_message_bytes_max = 8 * mebibyte;
  config.mqtt_session_expiry = DurationNs{7} * 86'400 * ns_per_s;
  config.spool_bytes_max = 1024 * mebibyte;
  config.spool_disk_free_bytes_min = 64 * mebibyte;
  SubscriptionConfig json;
  json.topic = "fleet/+/telemetry";
  json.format = PayloadFormat::json;
  config.subscriptions = {json};
  return config;
}

std::string text_of(const Findings& findings) {
  std::ostringstream out;
  write_findings(findings, out);
  return out.str();
}

Severity worst(const Findings& findings) {
  Severity worst = Severity::ok;
  for (const Finding& each : findings) worst = std::max(worst, each.severity);
  return worst;
}

TEST(BrokerFindings, WhatABrokerSaysIsHeldAgainstTheConfiguration) {
  const EdgeConfig config = config_of_readings();
  EXPECT_EQ(worst(findings_of({}, config)), Severity::ok);
  EXPECT_EQ(worst(findings_of({.packet_bytes_max = 8 * mebibyte}, config)), Severity::ok);
  const Findings small = findings_of({.packet_bytes_max = 2'000'000}, config);
  EXPECT_EQ(worst(small), Severity::warning);
  EXPECT_THAT(text_of(small), HasSubstr("its largest packet has 2000000 bytes, and ingest.message_bytes_max is 8388608"));
  EXPECT_EQ(worst(findings_of({.qos_max = 0}, config)), Severity::problem);
  EXPECT_EQ(worst(findings_of({.has_wildcards = false}, config)), Severity::problem);
  EXPECT_EQ(worst(findings_of({.has_retained = false}, config)), Severity::ok);
  EXPECT_EQ(worst(findings_of({.has_identifiers = false}, config)), Severity::warning);
  EXPECT_EQ(worst(findings_of({.session_expiry_s = 3'600}, config)), Severity::warning);
  EXPECT_EQ(worst(findings_of({.session_expiry_s = 1'000'000}, config)), Severity::ok);
}

TEST(DiskFindings, RoomIsThatOfTheBudgetAboveTheLeast) {
  const EdgeConfig config = config_of_readings();
  EXPECT_EQ(room(config, 63 * mebibyte, 0).severity, Severity::problem);
  EXPECT_EQ(room(config, 1087 * mebibyte, 0).severity, Severity::warning);
  EXPECT_EQ(room(config, 1088 * mebibyte, 0).severity, Severity::ok);
  EXPECT_EQ(room(config, 100 * mebibyte, 1000 * mebibyte).severity, Severity::ok);
  EXPECT_EQ(room(config, 64 * mebibyte, 2000 * mebibyte).severity, Severity::ok);
}

TEST(DiskFindings, OnFlashACommitAMessageIsWarnedOf) {
  EdgeConfig config = config_of_readings();
  EXPECT_EQ(wear(config, "an SD card").severity, Severity::warning);
  EXPECT_THAT(wear(config, "an SD card").what, HasSubstr("the spool lies on an SD card, and subscription[0] has QoS 1"));
  config.subscriptions[0].qos = 0;
  EXPECT_EQ(wear(config, "an SD card").severity, Severity::ok);
  config.subscriptions[0].qos = 1;
  config.subscriptions[0].acknowledge = Acknowledge::on_arrival;
  EXPECT_EQ(wear(config, "an SD card").severity, Severity::ok);
  config.subscriptions[0] = SubscriptionConfig();
  EXPECT_EQ(wear(config, "an SD card").severity, Severity::ok) << "our own protocol is acknowledged by other means";
}

TEST(DiskFindings, FlashIsFoundBelowPartitionsAndBelowDevicesOnDevices) {
  namespace fs = std::filesystem;
  const test::ScratchFolder sys;
  const fs::path host = sys / "devices/platform/mmc_host/mmc0/mmc0:0001";
  fs::create_directories(host / "block/mmcblk0/mmcblk0p2");
  fs::create_symlink(host, host / "block/mmcblk0/device");
  sys.write("devices/platform/mmc_host/mmc0/mmc0:0001/type", "SD\n");
  fs::create_directories(sys / "devices/virtual/block/dm-0/slaves");
  fs::create_symlink(host / "block/mmcblk0/mmcblk0p2", sys / "devices/virtual/block/dm-0/slaves/mmcblk0p2");
  fs::create_directories(sys / "devices/pci/nvme0n1/nvme0n1p1");
  fs::create_directories(sys / "dev/block");
  fs::create_symlink(host / "block/mmcblk0/mmcblk0p2", sys / "dev/block/179:2");
  fs::create_symlink(sys / "devices/virtual/block/dm-0", sys / "dev/block/253:0");
  fs::create_symlink(sys / "devices/pci/nvme0n1/nvme0n1p1", sys / "dev/block/259:1");
  EXPECT_EQ(flash_under(makedev(179, 2), sys / ""), "an SD card");
  EXPECT_EQ(flash_under(makedev(253, 0), sys / ""), "an SD card");
  EXPECT_EQ(flash_under(makedev(259, 1), sys / ""), std::nullopt);
  EXPECT_EQ(flash_under(makedev(0, 40), sys / ""), std::nullopt) << "no block device";
  sys.write("devices/platform/mmc_host/mmc0/mmc0:0001/type", "MMC\n");
  EXPECT_EQ(flash_under(makedev(179, 2), sys / ""), "an eMMC");
}

TEST(DiskFindings, AMissingFolderIsAProblemAndAllThatIsSaid) {
  const test::ScratchFolder folder;
  EdgeConfig config = config_of_readings();
  config.spool_file = folder / "missing/spool.db";
  const Findings findings = look_at_disk(config);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_TRUE(has_problem(findings));
}

class ShownClock final : public Clock {
 public:
  TimeNs now() const override { return now_ns; }
  DurationNs monotonic() const override { return 0; }
  bool synchronised() const override { return is_synchronised; }
  TimeNs now_ns = 1'767'225'600 * ns_per_s;
  bool is_synchronised = true;
};

TEST(ClockFindings, AClockThatNothingKeepsInStepIsWarnedOf) {
  EdgeConfig config = config_of_readings();
  config.time_earliest = 946'684'800 * ns_per_s;
  ShownClock clock;
  EXPECT_EQ(worst(look_at_clock(config, clock)), Severity::ok);
  clock.is_synchronised = false;
  EXPECT_EQ(worst(look_at_clock(config, clock)), Severity::warning);
  config.time_clock = ClockRule::trusted;
  EXPECT_EQ(worst(look_at_clock(config, clock)), Severity::ok);
  clock.now_ns = 60 * ns_per_s;
  EXPECT_EQ(worst(look_at_clock(config, clock)), Severity::problem);
}

TEST(Findings, StandALineEachWithTheCureBelow) {
  EXPECT_EQ(text_of({{Severity::ok, "disk", "it is there", {}}, {Severity::problem, "broker", "it is away", "start it"}}),
            "ok       disk     it is there\n"
            "problem  broker   it is away\n"
            "                  cure: start it\n");
}

}  // namespace
}  // namespace stethos::edge
