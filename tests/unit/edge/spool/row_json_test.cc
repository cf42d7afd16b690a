#include "edge/spool/row_json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace stethos::edge {
namespace {

TEST(RowJson, AWindowHasAllOfItsFields) {
  schema::WindowRowT row;
  row.device = "d";
  row.channel = "c";
  row.definition = 0xab;
  row.start_ns = -5;
  row.length_ns = 10;
  row.revision = 2;
  row.state = schema::WindowState::final;
  row.moments = std::make_unique<schema::MomentsT>();
  row.moments->count = 3;
  row.moments->mean = 0.1;
  row.counts = std::make_unique<schema::CountsT>();
  row.counts->received = row.counts->good = 3;
  for (const auto& [number, number_value] :
       {std::pair(schema::Statistic::mean, 0.1), {schema::Statistic::skewness, std::nan("")}}) {
    row.statistics.push_back(std::make_unique<schema::StatisticValueT>());
    row.statistics.back()->statistic = static_cast<std::uint16_t>(number);
    row.statistics.back()->value = number_value;
  }
  row.statistics.push_back(std::make_unique<schema::StatisticValueT>());
  row.statistics.back()->statistic = static_cast<std::uint16_t>(schema::Statistic::quantile);
  row.statistics.back()->parameter = 3;
  row.statistics.back()->value = 0.5;
  row.moments->buckets = {0x01, 0xff};
  row.speed = std::make_unique<schema::SpeedT>();
  row.speed->shaft_hz = 24.5;
  row.speed->source = schema::SpeedSource::stream;
  row.speed->age_ns = 9;
  row.last_sequence = std::numeric_limits<std::uint64_t>::max();
  row.committed_ns = 7;
  row.clock_untrusted = true;
  row.incomplete = true;
  row.whole = std::make_unique<schema::SpanT>(schema::SpanT{{}, -7, 20});
  row.counts->recovered = 1;
  const WindowLabels labels{.machine = "press \"7\"", .quantity = "acceleration", .unit = "g"};
  EXPECT_EQ(
      row_json(schema::RowKind::window, schema::pack(row), &labels),
      R"("window":{"device":"d","channel":"c","machine":"press \"7\"","quantity":"acceleration","unit":"g",)"
      R"("definition":"00000000000000ab","kind":"tumbling","start_ns":-5,)"
      R"("length_ns":10,"generation":0,"revision":2,"state":"final",)"
      R"("counts":{"expected":0,"received":3,"good":3,"duplicate":0,"late":0,"out_of_range":0,"not_finite":0,"rejected":0,"recovered":1},)"
      R"("moments":{"count":3,"mean":0.1,"m2":0,"m3":0,"m4":0,"min":0,"max":0,"sum_abs":0,"sum_sqrt_abs":0,)"
      R"("buckets":"01ff"},"statistics":{"mean":0.1,"skewness":null,"quantile.#3":0.5},)"
      R"("speed":{"shaft_hz":24.5,"source":"stream","age_ns":9},"stream_version":"0000000000000000","provenance":"0000000000000000",)"
      R"("first_epoch":0,"first_sequence":0,"last_epoch":0,"last_sequence":18446744073709551615,)"
      R"("first_received_ns":0,"last_received_ns":0,"closed_ns":0,"committed_ns":7,"clock_untrusted":true,"incomplete":true,)"
      R"("whole":{"start_ns":-7,"length_ns":20}})");
}

TEST(RowJson, AWindowIsPublishedAgainWithWhatItsStreamIs) {
  schema::WindowRowT row;
  row.device = "d";
  row.channel = "c";
  row.start_ns = 5;
  row.length_ns = 10;
  row.state = schema::WindowState::open;
  row.counts = std::make_unique<schema::CountsT>();
  row.counts->received = row.counts->good = 3;
  row.statistics.push_back(std::make_unique<schema::StatisticValueT>());
  row.statistics.back()->statistic = static_cast<std::uint16_t>(schema::Statistic::mean);
  row.statistics.back()->value = 0.5;
  EXPECT_EQ(window_json(row, {.machine = "m", .quantity = "flow", .unit = "\"/min"}, Parameters()),
            R"({"device":"d","channel":"c","machine":"m","quantity":"flow","unit":"\"/min","start_ns":5,"length_ns":10,)"
            R"("revision":0,"state":"open","received":3,"good":3,"mean":0.5})");
  // Where a release left the part that said no machine.
  EXPECT_NE(window_json(row, {.machine = "", .quantity = "flow", .unit = "l/min"}, Parameters())
                .find(R"("machine":null,"quantity":"flow","unit":"l/min","labels_missing":")"),
            std::string::npos);
}

TEST(RowJson, AProvenanceHasTheTextsOfParameters) {
  schema::ProvenanceRowT row;
  row.parameters = {"", "p95", "10-1000Hz.mean"};
  const std::string text = row_json(schema::RowKind::provenance, schema::pack(row), nullptr);
  EXPECT_NE(text.find(R"("parameters":["","p95","10-1000Hz.mean"])"), std::string::npos) << text;
}

TEST(RowJson, AlarmsGapsAndEvents) {
  schema::AlarmRowT alarm;
  alarm.device = "d";
  alarm.channel = "c";
  alarm.unit = "g";
  alarm.parameter = "10-1000Hz.max";
  alarm.level = schema::AlarmLevel::alert;
  alarm.provisional_level = schema::AlarmLevel::danger;
  alarm.alert = std::nan("");
  const std::string text = row_json(schema::RowKind::alarm, schema::pack(alarm), nullptr);
  EXPECT_NE(text.find(R"("level":"alert")"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("provisional_level":"danger")"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("alert":null)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("parameter":"10-1000Hz.max")"), std::string::npos) << text;

  schema::GapRowT gap;
  gap.device = "d";
  gap.first_sequence = 3;
  gap.last_sequence = 4;
  gap.cause = schema::GapCause::device_gave_up;
  gap.clock_untrusted = true;
  EXPECT_EQ(row_json(schema::RowKind::gap, schema::pack(gap), nullptr),
            R"("gap":{"device":"d","epoch":0,"first_sequence":3,"last_sequence":4,"cause":"device_gave_up","noticed_ns":0,)"
            R"("clock_untrusted":true})");

  schema::EventRowT event;
  event.kind = schema::EventKind::disk_low;
  event.detail = "said \"no\"";
  EXPECT_EQ(row_json(schema::RowKind::event, schema::pack(event), nullptr),
            R"("event":{"kind":"disk_low","at_ns":0,"device":null,"channel":null,"value":0,"detail":"said \"no\"",)"
            R"("clock_untrusted":false})");
}

TEST(RowJson, WhatItDoesNotKnowIsItsBytes) {
  const std::vector<std::uint8_t> body{0x01, 0xfe};
  EXPECT_EQ(row_json(static_cast<schema::RowKind>(99), body, nullptr), R"("body":"01fe")");
  EXPECT_EQ(row_json(schema::RowKind::window, body, nullptr), R"("body":"01fe")");
}

TEST(JsonText, Escapes) {
  EXPECT_EQ(json_text("a\"b\\c\n\x01"), R"("a\"b\\c\u000a\u0001")");
  EXPECT_EQ(json_text("Stra\xc3\x9f"
                      "e"),
            "\"Stra\xc3\x9f"
            "e\"");
  EXPECT_EQ(json_text("Stra\xdf"
                      "e"),
            R"("Stra\u00dfe")");
}

}  // namespace
}  // namespace stethos::edge
