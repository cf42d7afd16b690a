#include "edge/trial/tried_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/edge/trial/trial_rig.h"

namespace stethos::edge {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(TriedText, SaysOfAReadingWhatItIsAndWhereItGoes) {
  EdgeConfig config = trial_config();
  config.windows.push_back(config.windows.front());
  config.windows.back().quantity = "acceleration";
  TrialRig rig(config);
  rig.put(json_message(R"({"device":"t1","ts":1767225600000,"seq":1,"temperature":20.5})"));
  EXPECT_EQ(rig.text(),
            "topic              fleet/x/telemetry\n"
            "subscription       subscription[1] \"fleet/+/telemetry\", format json\n"
            "payload            61 bytes: {\"device\":\"t1\",\"ts\":1767225600000,\"seq\":1,\"temperature\":20.5}\n"
            "arrived            2026-01-01T01:00:00.000Z\n"
            "\n"
            "device t1\n"
            "  temperature      20.5 degC, temperature\n"
            "                   at 2026-01-01T00:00:00.000Z\n"
            "    windows        window[0] (length 1s)\n"
            "    identity       seq, with its time: the same again is a copy\n"
            "\n"
            "taken              1 of 1 channel\n");
}

TEST(TriedText, SaysOfABlockItsSamplesRateAndEnds) {
  const auto points = PointTable::parse(
      "device,channel,machine,point,axis,quantity,unit\n"
      "d1,vibration,pump-1,DE,h,acceleration,g\n",
      "p.csv");
  TrialRig rig(trial_config(), *points);
  rig.put(block_message({.samples = {1, -2, 3, std::numeric_limits<float>::quiet_NaN()}}));
  EXPECT_THAT(rig.text(), HasSubstr("device d1, epoch 1, sequence 1, lowest held 1\n"
                                    "  vibration        a block of 4 samples in g, acceleration\n"
                                    "                   first 1, last no number (nan), least -2, most 3, not finite: 1\n"
                                    "                   a sample each 100 us, 10000 Hz\n"
                                    "                   at 2026-01-01T00:00:00.000Z to 2026-01-01T00:00:00.000300000Z\n"
                                    "    point table    machine pump-1, point DE, axis h\n"
                                    "    windows        window[0] (length 1s)\n"));
}

TEST(TriedText, ARefusalHasItsReasonAndItsCure) {
  TrialRig rig;
  rig.put(json_message(R"({"device":"t1","ts":1867225600000,"seq":1,"temperature":20.5})"));
  EXPECT_THAT(rig.text(), HasSubstr("    refused        time_future: "));
  EXPECT_THAT(rig.text(), HasSubstr("    cure           set the device's clock"));
  EXPECT_THAT(rig.text(), HasSubstr("taken              0 of 1 channel\nrefused            time_future\n"));
  EXPECT_THAT(rig.text(), Not(HasSubstr("windows")));
}

TEST(TriedText, OfATopicThatNothingTakesTheFiltersAreNamed) {
  TrialRig rig;
  rig.put(message_of("nowhere", {'1'}, hour_later_ns));
  EXPECT_THAT(rig.text(), HasSubstr("none takes this topic; there are:\n"
                                    "                   subscription[0] \"stethos/v1/+/batch\"\n"));
  EXPECT_THAT(rig.text(), HasSubstr("refused            unknown_topic\n"));
}

TEST(TriedText, WhatNoWindowTakesAndWhatIsIgnoredIsSaid) {
  EdgeConfig config = trial_config();
  config.windows[0].quantity = "acceleration";
  config.subscriptions[1].ignored_payloads = {"online", ""};
  config.subscriptions[1].ignores_other_documents = true;
  TrialRig rig(config);
  rig.put(json_message(R"({"device":"t1","ts":1767225600000,"seq":1,"temperature":20.5})"));
  EXPECT_THAT(rig.text(), HasSubstr("none takes it: it is counted, and has no rows\n"));
  rig.put(json_message("online"));
  EXPECT_THAT(rig.text(), HasSubstr("ignored            by ignore_payloads"));
  EXPECT_THAT(rig.text(), Not(HasSubstr("taken")));
  rig.put(json_message(""));
  EXPECT_THAT(rig.text(), HasSubstr("ignored            by ignore_payloads"));
  rig.put(json_message(R"({"uptime":3})"));
  EXPECT_THAT(rig.text(), HasSubstr("ignored            by ignore_other_documents"));
}

// Names of our own protocol may be any bytes until they are checked.
TEST(TriedText, IsBoundedAndHoldsNothingThatATerminalObeys) {
  EdgeConfig config = trial_config();
  config.subscriptions[1].records = ".";
  TrialRig rig(config);
  std::string records = "[";
  for (int i = 0; i < 20'000; ++i) {
    records += R"({"device":"\u001b[31m","ts":1767225600000,"seq":)" + std::to_string(i) + R"(,"temperature":"x"},)";
  }
  records.back() = ']';
  const auto check = [&] {
    const std::string text = rig.text();
    EXPECT_LT(text.size(), 100'000u);
    EXPECT_TRUE(std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7f); }));
  };
  rig.put(json_message(records));
  check();
  records.clear();
  for (int i = 0; i < 10'000; ++i)
    records += R"(,{"device":"d)" + std::to_string(i % 90) + R"(","ts":1767225600000,"seq":)" + std::to_string(i) +
               R"(,"temperature":1})";
  records[0] = '[';
  rig.put(json_message(records + "]"));
  check();
  EXPECT_TRUE(rig.text().ends_with("\n9900 more channels are not shown\ntaken              10000 of 10000 channels\n"));
  rig.put(message_of("fleet/\x1b[31m\xff/" + std::string(60'000, 'x'), {0x1b, 0x07, 0xff}, hour_later_ns));
  check();
  rig.put(block_message({.channel = std::string(100'000, '\x1b'), .unit = "\x1b]0;evil\x07"}));
  check();
}

}  // namespace
}  // namespace stethos::edge
