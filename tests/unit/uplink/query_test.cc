#include "uplink/collector/query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/time_text.h"
#include "tests/unit/uplink/collector_fixture.h"
#include "uplink/collector/json.h"
#include "uplink/collector/render.h"
#include "uplink/collector/statistics.h"

namespace stethos::collector {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class QueryTest : public CollectorTest {
 protected:
  // Two devices with three seconds of windows each, of two definitions.
  void fill() {
    std::vector<SentRow> rows;
    std::uint64_t number = 1;
    for (TimeNs second = 0; second < 3; ++second) {
      for (const std::string device : {"pump-1", "pump-2"}) {
        for (const std::uint64_t definition : {0xd1ULL, 0xffff'0000'0000'0001ULL}) {
          rows.push_back(sent(number++, WindowSketch{.device = device,
                                                     .start = some_time + second * ns_per_s,
                                                     .definition = definition,
                                                     .rms = static_cast<double>(second),
                                                     .stream_version = device == "pump-1" ? 0x51U : 0x52U}));
        }
      }
    }
    take(batch_of({{.lane = notes_lane,
                    .rows = {sent(1, stream_row("Pump 1", 0x51)), sent(2, stream_row("Pump, \"2\"", 0x52, "pump-2")),
                             sent(3, provenance_row())}},
                   {.rows = std::move(rows)}}));
  }
  std::size_t count(const Parameters& parameters) { return windows(parameters).records.size(); }

  static BadParameter refusal(const Parameters& parameters) {
    const auto filter = parse_filter(parameters, window_parameters);
    EXPECT_FALSE(filter);
    return filter ? BadParameter{} : filter.error();
  }
};

TEST_F(QueryTest, FiltersByEachParameter) {
  fill();
  EXPECT_EQ(count({}), 12U);
  EXPECT_EQ(count({{"node", "gateway-1"}}), 12U);
  EXPECT_EQ(count({{"node", "gateway-2"}}), 0U);
  EXPECT_EQ(count({{"device", "pump-2"}}), 6U);
  EXPECT_EQ(count({{"channel", "de"}}), 12U);
  EXPECT_EQ(count({{"channel", "nde"}}), 0U);
  EXPECT_EQ(count({{"machine", "Pump, \"2\""}}), 6U);
  EXPECT_EQ(count({{"machine", "Pump"}}), 0U);
  EXPECT_EQ(count({{"definition", "ffff000000000001"}}), 6U);
  EXPECT_EQ(count({{"definition", "d1"}, {"device", "pump-1"}}), 3U);
  const std::string second = format_time(some_time + ns_per_s);
  EXPECT_EQ(count({{"from", second}}), 8U);
  EXPECT_EQ(count({{"to", second}}), 4U) << "the end is not in";
  EXPECT_EQ(count({{"from", std::to_string(some_time + 1)}, {"to", std::to_string(some_time + 2 * ns_per_s)}}), 4U);
}

TEST_F(QueryTest, AWithdrawnWindowIsNotShown) {
  take(batch_of({{.rows = {sent(1, WindowSketch{}), sent(2, WindowSketch{.start = some_time + ns_per_s})}}}));
  EXPECT_EQ(count({}), 2U);
  take(batch_of({{.rows = {sent(3, WindowSketch{.revision = 1, .state = schema::WindowState::withdrawn})}}}));
  EXPECT_EQ(count({}), 1U);
}

TEST_F(QueryTest, PagesJoinToTheWholeWithoutGapOrOverlap) {
  fill();
  for (const std::size_t limit : {1UL, 2UL, 5UL, 11UL, 12UL, 13UL}) {
    for (const Parameters& filter : {Parameters{}, Parameters{{"definition", "d1"}}, Parameters{{"machine", "Pump 1"}}}) {
      std::vector<std::string> seen;
      Parameters parameters = filter;
      parameters.emplace_back("limit", std::to_string(limit));
      parameters.emplace_back("cursor", "");
      for (int pages = 0; pages < 20; ++pages) {
        if (parameters.back().second.empty()) parameters.pop_back();
        const auto page = windows(parameters);
        EXPECT_LE(page.records.size(), limit);
        for (const auto& record : page.records) {
          seen.push_back(record.row->device()->str() + hex_of(static_cast<std::uint64_t>(record.row->start_ns())) +
                         hex_of(record.row->definition()));
        }
        if (page.next.empty()) break;
        if (parameters.back().first == "cursor") parameters.pop_back();
        parameters.emplace_back("cursor", page.next);
      }
      EXPECT_EQ(seen.size(), count(filter)) << limit;
      EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), seen.size()) << limit;
    }
  }
}

TEST_F(QueryTest, TheLastPageHasNoCursor) {
  fill();
  EXPECT_TRUE(windows({{"limit", "12"}}).next.empty());
  EXPECT_FALSE(windows({{"limit", "11"}}).next.empty());
}

TEST_F(QueryTest, StreamsNodesAndGapsHavePagesToo) {
  fill();
  take(batch_of({}, spool_a, "gateway-2"));
  take(batch_of({{.rows = {}, .next_number = 9, .lowest_kept = 4, .given_up = {{5, 6}}}}, spool_a, "gateway-3"));
  Filter filter;
  filter.limit = 1;
  const auto first = query->streams(filter);
  ASSERT_EQ(first->records.size(), 1U);
  EXPECT_EQ(first->records[0].device, "pump-1");
  EXPECT_EQ(first->records[0].first_start, some_time);
  EXPECT_EQ(first->records[0].last_start, some_time + 2 * ns_per_s);
  const auto next = parse_filter({{"limit", "1"}, {"cursor", first->next}}, stream_parameters);
  ASSERT_TRUE(next);
  const auto second = query->streams(*next);
  EXPECT_EQ(second->records.at(0).latest->machine, "Pump, \"2\"");
  EXPECT_TRUE(second->next.empty());

  std::vector<std::string> names;
  for (Parameters parameters{{"limit", "1"}};;) {
    const auto page = query->nodes(*parse_filter(parameters, node_parameters));
    for (const auto& node : page->records) names.push_back(node.name);
    if (page->next.empty()) break;
    parameters = {{"limit", "1"}, {"cursor", page->next}};
  }
  EXPECT_THAT(names, ::testing::ElementsAre("gateway-1", "gateway-2", "gateway-3"));

  const auto gap = query->gaps(*parse_filter({{"limit", "1"}}, gap_parameters));
  ASSERT_EQ(gap->records.size(), 1U);
  const auto rest = query->gaps(*parse_filter({{"cursor", gap->next}, {"node", "gateway-3"}}, gap_parameters));
  EXPECT_EQ(rest->records.size(), 1U);
  EXPECT_TRUE(query->gaps(*parse_filter({{"node", "gateway-1"}}, gap_parameters))->records.empty());
}

TEST_F(QueryTest, AlarmsAreFilteredAndPaged) {
  using schema::AlarmLevel;
  using schema::AlarmState;
  take(batch_of({{.lane = alarms_lane,
                  .rows = {sent(1, AlarmSketch{}), sent(2, AlarmSketch{.device = "pump-2", .activated = some_time + ns_per_s}),
                           sent(3, AlarmSketch{.limit = 0x12, .state = AlarmState::inactive, .level = AlarmLevel::none})}},
                 {.lane = notes_lane, .rows = {sent(1, stream_row("Pump 1", 0x51))}}}));
  const auto count_of = [&](const Parameters& parameters) { return alarms(parameters).records.size(); };
  EXPECT_EQ(count_of({}), 3U);
  EXPECT_EQ(count_of({{"node", "gateway-2"}}), 0U);
  EXPECT_EQ(count_of({{"device", "pump-2"}, {"channel", "de"}}), 1U);
  EXPECT_EQ(count_of({{"machine", "Pump 1"}}), 2U);
  EXPECT_EQ(count_of({{"state", "active"}}), 2U);
  EXPECT_EQ(count_of({{"state", "inactive"}}), 1U);
  EXPECT_EQ(count_of({{"from", std::to_string(some_time + 1)}}), 1U);
  EXPECT_EQ(count_of({{"to", std::to_string(some_time + 1)}}), 2U);
  EXPECT_EQ(parse_filter({{"state", "on"}}, alarm_parameters).error().parameter, "state");

  std::vector<std::uint64_t> numbers;
  for (Parameters parameters{{"limit", "1"}};;) {
    const auto page = alarms(parameters);
    for (const auto& alarm : page.records) numbers.push_back(alarm.number);
    if (page.next.empty()) break;
    parameters = {{"limit", "1"}, {"cursor", page.next}};
  }
  EXPECT_THAT(numbers, ::testing::ElementsAre(1, 2, 3));
}

TEST_F(QueryTest, AnAlarmIsShownWithItsLimit) {
  take(
      batch_of({{.lane = notes_lane, .rows = {sent(1, stream_row())}}, {.lane = alarms_lane, .rows = {sent(1, AlarmSketch{})}}}));
  const std::string json = json_of(alarms());
  EXPECT_THAT(json, HasSubstr(R"("machine":"Pump 1","point":"DE")"));
  EXPECT_THAT(json, HasSubstr(R"("limit":{"id":"0000000000000011","statistic":"rms","unit":"m/s2","direction":"above","alert":4,)"
                              R"("danger":null,"deadband":0.5,"on_delay_ns":10000000000,"definition":"00000000000000d1",)"));
  EXPECT_THAT(json,
              HasSubstr(R"("state":"active","level":"alert","highest_level":"danger","provisional_level":"none","changed":)"));
  EXPECT_THAT(json, HasSubstr(R"("value":4.25,)"));
  const std::string csv = csv_of(alarms());
  EXPECT_THAT(csv, HasSubstr(",rms,m/s2,above,4,,0.5,10000000000,"));
  EXPECT_EQ(std::ranges::count(csv, '\n'), 2);
  const auto line = csv.find('\n');
  EXPECT_EQ(std::ranges::count(csv.substr(0, line), ','), std::ranges::count(csv.substr(line), ',') - 1) << "a label has a comma";
  EXPECT_THAT(table_of(alarms()), HasSubstr("active  alert  none         danger"));
}

TEST_F(QueryTest, AProvisionalAlarmIsShownUntilItIsConfirmed) {
  using schema::AlarmLevel;
  auto row = alarm_row({.state = schema::AlarmState::provisional, .level = AlarmLevel::none});
  row.highest_level = AlarmLevel::none;
  row.provisional_level = AlarmLevel::danger;
  take(batch_of({{.lane = alarms_lane, .rows = {sent(1, row)}}}));
  EXPECT_EQ(alarms({{"state", "provisional"}}).records.size(), 1U);
  EXPECT_EQ(alarms({{"state", "active"}}).records.size(), 0U);
  const std::string told =
      R"("state":"provisional","level":"none","highest_level":"none","provisional_level":"danger","changed":)";
  EXPECT_THAT(json_of(alarms()), HasSubstr(told));
  EXPECT_THAT(csv_of(alarms()), HasSubstr(",provisional,none,none,"));
  EXPECT_THAT(csv_of(alarms()), HasSubstr(",danger,false\r\n"));
  EXPECT_THAT(table_of(alarms()), HasSubstr("provisional  none   danger       none"));

  take(batch_of({{.lane = alarms_lane, .rows = {sent(2, AlarmSketch{.revision = 1})}}}));
  EXPECT_EQ(alarms({{"state", "provisional"}}).records.size(), 0U);
  ASSERT_EQ(alarms({{"state", "active"}}).records.size(), 1U);
  EXPECT_EQ(counted(Counter::alarms_superseded), 1);
}

// As a collector of today shows what a later minor version says.
TEST_F(QueryTest, AStateThatIsNotKnownIsShownByItsNumber) {
  take(batch_of({{.lane = alarms_lane, .rows = {sent(1, AlarmSketch{.state = static_cast<schema::AlarmState>(9)})}}}));
  EXPECT_THAT(json_of(alarms()), HasSubstr(R"("state":"state_9")"));
}

TEST_F(QueryTest, ABadParameterIsNamed) {
  EXPECT_EQ(refusal({{"nodes", "x"}}).parameter, "nodes");
  EXPECT_THAT(refusal({{"nodes", "x"}}).message, HasSubstr("node, device"));
  for (const auto& [name, value] : Parameters{{"from", "yesterday"},
                                              {"to", ""},
                                              {"to", "12.5"},
                                              {"limit", "0"},
                                              {"limit", "10001"},
                                              {"limit", "-1"},
                                              {"limit", "ten"},
                                              {"definition", "xyz"},
                                              {"definition", "11111111111111111"},
                                              {"statistics", "rms,loudness"},
                                              {"statistics", "rms,,peak"},
                                              {"statistics", "rms.p95"},
                                              {"statistics", "quantile."},
                                              {"statistics", ".p95"},
                                              {"cursor", "abc!"},
                                              {"cursor", ""},
                                              {"cursor", std::string(64, '0')},
                                              {"device", ""},
                                              {"device", std::string(2'000, 'x')}}) {
    EXPECT_EQ(refusal({{name, value}}).parameter, name) << value;
  }
  EXPECT_THAT(refusal({{"node", "a"}, {"node", "b"}}).message, HasSubstr("twice"));
  EXPECT_FALSE(parse_filter({{"device", "a"}}, node_parameters));
}

TEST_F(QueryTest, AWindowWhoseStreamRowHasNotComeIsShownAllTheSame) {
  take(batch_of({{.rows = {sent(1, WindowSketch{})}}}));
  EXPECT_FALSE(windows().records.at(0).stream.has_value());
  EXPECT_THAT(json_of(windows(), {}), HasSubstr("\"machine\":null"));
  take(batch_of({{.lane = notes_lane, .rows = {sent(1, stream_row("Later", 0x99))}}}));
  EXPECT_EQ(windows().records.at(0).stream->machine, "Later") << "the latest of the stream, for want of its own";
}

TEST_F(QueryTest, AWindowKeepsTheStreamVersionThatItNames) {
  take(batch_of({{.lane = notes_lane, .rows = {sent(1, stream_row("Old name", 0x51)), sent(2, stream_row("New name", 0x52))}},
                 {.rows = {sent(1, WindowSketch{.stream_version = 0x51}),
                           sent(2, WindowSketch{.start = some_time + ns_per_s, .stream_version = 0x52})}}}));
  EXPECT_EQ(windows().records.at(0).stream->machine, "Old name");
  EXPECT_EQ(windows().records.at(1).stream->machine, "New name");
  EXPECT_EQ(windows({{"machine", "Old name"}}).records.size(), 1U);
}

TEST_F(QueryTest, AStreamIsWhatItWasInItsNewestWindow) {
  take(batch_of(
      {{.lane = notes_lane, .rows = {sent(1, stream_row("Pump 8", 8, "pump-8")), sent(2, stream_row("Pump 9", 9, "pump-8"))}}}));
  Filter filter;
  filter.device = "pump-8";
  const auto shown = [&] { return query->streams(filter)->records.at(0).latest->machine; };
  EXPECT_EQ(shown(), "Pump 9") << "there is no window yet";
  take(batch_of({{.rows = {sent(1001, WindowSketch{.device = "pump-8", .stream_version = 8})}}}));
  EXPECT_EQ(shown(), "Pump 8");
  take(batch_of({{.rows = {sent(1002, WindowSketch{.device = "pump-8", .start = some_time - ns_per_s, .stream_version = 9})}}}));
  EXPECT_EQ(shown(), "Pump 8") << "that one is older";
}

TEST_F(QueryTest, JsonHasWhatARowHolds) {
  fill();
  Filter filter;
  filter.statistics = {"rms", "skewness"};
  const std::string json = json_of(windows({{"limit", "1"}}), filter);
  EXPECT_THAT(json,
              HasSubstr(R"("node":"gateway-1","device":"pump-1","channel":"de","machine":"Pump 1","point":"DE","axis":"h",)"));
  EXPECT_THAT(json, HasSubstr(R"("location":"Hall 2, row \"B\"")"));
  EXPECT_THAT(json, HasSubstr(R"("start_ns":1790000000000000000,"length_ns":1000000000,)"));
  EXPECT_THAT(json, HasSubstr(R"("definition":"ffff000000000001")"));
  EXPECT_THAT(json, HasSubstr(R"("rms":{"value":0,"unit":"m/s2","id":"acceleration.full.h.rms"})"));
  EXPECT_THAT(json, HasSubstr(R"("skewness":{"value":null,"unit":"1","id":"acceleration.full.h.skewness"})"));
  EXPECT_THAT(json, Not(HasSubstr("kurtosis")));
  EXPECT_THAT(json, HasSubstr(R"("coverage":1,)"));
  EXPECT_THAT(json, HasSubstr(R"("program":"stethos-edge 0.1.0")"));
  EXPECT_THAT(json, HasSubstr(R"("committed":null)")) << "a time that the row does not know";
}

TEST_F(QueryTest, CoverageIsUnknownWhereNothingIsExpected) {
  auto row = window_row({});
  row.counts->expected = 0;
  take(batch_of({{.rows = {{1, static_cast<std::uint16_t>(schema::RowKind::window), schema::pack(row)}}}}));
  EXPECT_THAT(json_of(windows(), {}), HasSubstr(R"("coverage":null)"));
}

TEST_F(QueryTest, CsvQuotesWhatNeedsIt) {
  fill();
  Filter filter;
  filter.statistics = {"rms", "skewness"};
  const std::string csv = csv_of(windows({{"device", "pump-2"}, {"limit", "1"}}), filter);
  EXPECT_THAT(
      csv,
      HasSubstr("\r\ngateway-1,pump-2,de,\"Pump, \"\"2\"\"\",DE,h,acceleration,m/s2,\"Hall 2, row \"\"B\"\"\",maintenance,"));
  EXPECT_THAT(csv, HasSubstr(",coverage,rms,skewness,shaft_hz,speed_source,speed_age_ns,first_epoch,"));
  EXPECT_THAT(csv, HasSubstr(",1,0,,,,,7,10,7,12,")) << "what is not a number is empty";
  // As many cells in a line as in the header, counted outside of quotes.
  std::vector<int> cells(1, 1);
  bool is_quoted = false;
  for (const char c : csv) {
    if (c == '"') is_quoted = !is_quoted;
    if (c == ',' && !is_quoted) ++cells.back();
    if (c == '\n' && !is_quoted) cells.push_back(1);
  }
  ASSERT_EQ(cells.size(), 3U);
  EXPECT_EQ(cells[0], cells[1]);
}

// A window of each of two nodes' configurations: the same texts have other indices.
class ParametersTest : public QueryTest {
 protected:
  using Statistic = schema::Statistic;

  void fill() {
    auto first = window_row({});
    first.statistics.clear();
    put(first, Statistic::rms, 0, 1.5);
    put(first, Statistic::quantile, 1, 2.5);
    put(first, Statistic::velocity_rms, 2, 3.5);
    put(first, Statistic::velocity_rms, 3, 4.5);
    put(first, Statistic::spectral_centroid, 4, 120);
    put(first, Statistic::envelope_height, 5, 6.5);
    put(first, Statistic::quantile, 6, 7.5);
    put(first, static_cast<Statistic>(999), 1, 8.5);
    first.speed = std::make_unique<schema::SpeedT>();
    first.speed->shaft_hz = 24.75;
    first.speed->source = schema::SpeedSource::stream;
    first.speed->age_ns = 1'500;
    auto second = window_row({.start = some_time + ns_per_s});
    second.statistics.clear();
    put(second, Statistic::rms, 0, 10.5);
    put(second, Statistic::velocity_rms, 1, 11.5);
    second.provenance = 0xac;
    take(batch_of({{.rows = {sent(1, first), sent(2, second)}}, {.lane = notes_lane, .rows = {sent(1, stream_row())}}}));
  }
  void send_provenances() {
    take(batch_of({{.lane = notes_lane,
                    .rows = {sent(2, provenance_row({"", "p95", "10.5-1000Hz.mean", "10.5-1000Hz.max", "mean", "bpfo.1x.last"})),
                             sent(3, provenance_row({"", "10.5-1000Hz.mean"}, 0xac))}}}));
  }
  std::string json(const std::string& statistics = "") {
    Filter filter;
    if (!statistics.empty()) filter = parse_filter({{"statistics", statistics}}, window_parameters).value();
    return json_of(windows(), filter);
  }
  std::string csv(const std::string& statistics, const std::string& limit = "10") {
    return csv_of(windows({{"limit", limit}}), parse_filter({{"statistics", statistics}}, window_parameters).value());
  }
};

TEST_F(ParametersTest, AStatisticIsNamedWithItsParameter) {
  fill();
  send_provenances();
  EXPECT_THAT(json(), HasSubstr(R"("quantile.p95":{"value":2.5,"unit":"m/s2","id":"acceleration.full.h.quantile.p95"})"));
  EXPECT_THAT(json(), HasSubstr(R"("velocity_rms.10.5-1000Hz.mean":{"value":3.5,"unit":"mm/s",)"
                                R"("id":"acceleration.10.5-1000Hz.h.velocity_rms.mean"})"));
  EXPECT_THAT(json(), HasSubstr(R"("velocity_rms.10.5-1000Hz.mean":{"value":11.5,)")) << "of the other provenance";
  EXPECT_THAT(json(), HasSubstr(R"("velocity_rms.10.5-1000Hz.max":{"value":4.5,)"));
  EXPECT_THAT(
      json(),
      HasSubstr(R"("spectral_centroid.mean":{"value":120,"unit":"Hz","id":"acceleration.full.h.spectral_centroid.mean"})"));
  EXPECT_THAT(json(), HasSubstr(R"("envelope_height.bpfo.1x.last":{"value":6.5,"unit":"1",)"));
  EXPECT_THAT(json(), HasSubstr(R"("quantile.#6":{"value":7.5,"unit":"m/s2","id":null})")) << "beyond the provenance's";
  EXPECT_THAT(json(), HasSubstr(R"("statistic_999.p95":{"value":8.5,"unit":null,)"));
}

TEST_F(ParametersTest, WithoutItsProvenanceAnIndexIsShown) {
  fill();
  EXPECT_THAT(json(), HasSubstr(R"("rms":{"value":1.5,"unit":"m/s2","id":"acceleration.full.h.rms"})"));
  EXPECT_THAT(json(), HasSubstr(R"("velocity_rms.#2":{"value":3.5,"unit":"mm/s","id":null})"));
  EXPECT_THAT(csv("velocity_rms.#2"), HasSubstr(",3.5,24.75,stream,1500,"));
  send_provenances();
  EXPECT_THAT(json(), Not(HasSubstr("velocity_rms.#2")));
}

TEST_F(ParametersTest, AreAskedForByNameOrInFull) {
  fill();
  send_provenances();
  EXPECT_THAT(json("velocity_rms"), HasSubstr("10.5-1000Hz.mean"));
  EXPECT_THAT(json("velocity_rms"), HasSubstr("10.5-1000Hz.max"));
  EXPECT_THAT(json("velocity_rms"), Not(HasSubstr("quantile")));
  EXPECT_THAT(json("velocity_rms.10.5-1000Hz.max,rms"), HasSubstr("10.5-1000Hz.max"));
  EXPECT_THAT(json("velocity_rms.10.5-1000Hz.max,rms"), Not(HasSubstr("10.5-1000Hz.mean")));
  EXPECT_THAT(json("velocity_rms.10.5-1000Hz.max,rms"), HasSubstr("\"rms\""));
  EXPECT_THAT(json("quantile.p9"), Not(HasSubstr("quantile")));
}

TEST_F(ParametersTest, ColumnsOfCsvAreThoseOfTheQuestion) {
  fill();
  const auto header_of = [](const std::string& text) { return text.substr(0, text.find('\n')); };
  const std::string before = header_of(csv(""));
  const std::string asked = "rms,quantile.p95,velocity_rms.10.5-1000Hz.mean,quantile.p5";
  const std::string asked_before = header_of(csv(asked));
  send_provenances();
  EXPECT_EQ(header_of(csv("")), before);
  EXPECT_THAT(before, HasSubstr(",kurtosis,clipped,longest_repeat,longest_same_sign,distinct_share,ac_crest,shaft_hz,"));
  EXPECT_EQ(header_of(csv(asked)), asked_before);
  EXPECT_THAT(asked_before, HasSubstr(",coverage," + asked + ",shaft_hz,"));
  EXPECT_THAT(csv(asked), HasSubstr(",1.5,2.5,3.5,,24.75,stream,1500,7,"));
  EXPECT_THAT(csv(asked), HasSubstr(",10.5,,11.5,,,,,7,"));

  const auto bad = objection_to_columns(parse_filter({{"statistics", "rms,quantile"}}, window_parameters).value());
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->parameter, "statistics");
  EXPECT_THAT(bad->message, HasSubstr("\"quantile\""));
  EXPECT_FALSE(objection_to_columns(parse_filter({{"statistics", "rms,quantile.p95"}}, window_parameters).value()));
}

TEST_F(ParametersTest, TheTableHasTheParametersThatThereAre) {
  fill();
  send_provenances();
  const auto table = [&](const std::string& statistics) {
    const std::string text = table_of(windows(), parse_filter({{"statistics", statistics}}, window_parameters).value());
    return text.substr(0, text.find('\n'));
  };
  EXPECT_THAT(table("velocity_rms,rms"),
              ::testing::ContainsRegex("velocity_rms.10.5-1000Hz.mean +velocity_rms.10.5-1000Hz.max +rms +unit"));
  EXPECT_THAT(table("quantile.p95"), ::testing::ContainsRegex("coverage +quantile.p95 +unit"));
  EXPECT_THAT(table("band_rms"), ::testing::ContainsRegex("coverage +band_rms +unit")) << "of which there are none";
  EXPECT_THAT(table_of(windows(), {}), HasSubstr("1.50000"));
}

TEST_F(ParametersTest, TheTableHasOnlySoManyColumns) {
  std::vector<std::string> texts{""};
  auto row = window_row({});
  for (std::uint16_t i = 1; i <= 300; ++i) {
    texts.push_back("p" + std::to_string(i));
    put(row, Statistic::quantile, i, i);
  }
  take(batch_of({{.rows = {sent(1, row)}}, {.lane = notes_lane, .rows = {sent(1, provenance_row(texts))}}}));
  const std::string table = table_of(windows(), parse_filter({{"statistics", "quantile"}}, window_parameters).value());
  EXPECT_THAT(table, HasSubstr("quantile.p100 "));
  EXPECT_THAT(table, Not(HasSubstr("quantile.p101")));
}

TEST_F(ParametersTest, TheSpeedIsShownWithItsSource) {
  fill();
  EXPECT_THAT(
      json(),
      HasSubstr(
          R"("speed":{"shaft_hz":24.75,"source":"stream","age_ns":1500},"clock_untrusted":false,"incomplete":false,"whole":null,"lineage")"));
  EXPECT_THAT(json(), HasSubstr(R"("speed":null,"clock_untrusted":false,"incomplete":false,"whole":null,"lineage")"));
}

TEST_F(ParametersTest, AnAlarmNamesItsParameter) {
  auto alarm = alarm_row({});
  alarm.statistic = static_cast<std::uint16_t>(Statistic::velocity_rms);
  alarm.parameter = "10-1000Hz.mean";
  auto other = alarm_row({.limit = 0x12});
  other.parameter = "a\nline";
  take(batch_of({{.lane = alarms_lane, .rows = {sent(1, alarm), sent(2, other)}}}));
  ASSERT_EQ(alarms().records.size(), 1U);
  EXPECT_EQ(counted(Counter::rows_refused), 1);
  EXPECT_THAT(json_of(alarms()), HasSubstr(R"("statistic":"velocity_rms.10-1000Hz.mean")"));
  EXPECT_THAT(csv_of(alarms()), HasSubstr(",velocity_rms.10-1000Hz.mean,m/s2,"));
  EXPECT_THAT(table_of(alarms()), HasSubstr("velocity_rms.10-1000Hz.mean"));
}

TEST_F(ParametersTest, AProvenanceWhoseParametersAreNoTextsIsSetAside) {
  fill();
  take(batch_of({{.lane = notes_lane,
                  .rows = {sent(2, provenance_row({"", "p95\np5"})), sent(3, provenance_row({"", std::string(129, 'x')})),
                           sent(4, provenance_row({"", "\xff"})), sent(5, provenance_row(std::vector<std::string>(4'097))),
                           sent(6, provenance_row({"not none", "p95", "", "10-1000Hz.max"}))}}}));
  EXPECT_EQ(counted(Counter::rows_refused), 4);
  EXPECT_THAT(json(), HasSubstr(R"("quantile.p95")"));
  EXPECT_THAT(json(), HasSubstr(R"("rms":{"value":1.5,)")) << "index 0 is none";
  EXPECT_THAT(json(), HasSubstr(R"("velocity_rms.#2")")) << "an empty text says nothing";
  EXPECT_THAT(json(), HasSubstr(R"("velocity_rms.10-1000Hz.max")"));
}

TEST_F(QueryTest, TheTableHasAlignedColumns) {
  fill();
  const std::string table = table_of(windows(), {});
  const auto heading = table.substr(0, table.find('\n'));
  EXPECT_THAT(heading, HasSubstr("kurtosis"));
  EXPECT_THAT(table, HasSubstr("100.0%"));
  EXPECT_THAT(table, HasSubstr("2.00000"));
  const auto at = heading.find("start");
  for (std::size_t line = table.find('\n') + 1; line < table.size(); line = table.find('\n', line) + 1) {
    EXPECT_EQ(table.substr(line + at, 4), "2026");
  }
}

TEST(Json, NumbersAreShortAndExact) {
  JsonWriter json;
  json.begin_array()
      .value(0.1)
      .value(1e300)
      .value(-0.0)
      .value(5e-324)
      .value(std::nan(""))
      .value(HUGE_VAL)
      .value(18446744073709551615ULL);
  json.end_array();
  EXPECT_EQ(json.take(), "[0.1,1e+300,-0,5e-324,null,null,18446744073709551615]");
}

TEST(Json, TextIsEscapedAndAlwaysUtf8) {
  JsonWriter json;
  json.value(std::string_view("a\"\\\n\x01\xc3\xa4 \xff \xed\xa0\x80 \xc0\xaf \xf0\x9f\x98\x80"));
  EXPECT_EQ(json.take(),
            "\"a\\\"\\\\\\u000a\\u0001\xc3\xa4 \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd "
            "\xf0\x9f\x98\x80\"");
}

TEST(Statistics, HaveTheNamesAndUnitsOfTheRegistry) {
  EXPECT_EQ(statistic_name(static_cast<std::uint16_t>(schema::Statistic::rms), {}), "rms");
  EXPECT_EQ(statistic_name(static_cast<std::uint16_t>(schema::Statistic::quantile), "p95"), "quantile.p95");
  EXPECT_EQ(statistic_name(999, "p95"), "statistic_999.p95");
  EXPECT_EQ(statistic_unit(static_cast<std::uint16_t>(schema::Statistic::rms), "g"), "g");
  EXPECT_EQ(statistic_unit(static_cast<std::uint16_t>(schema::Statistic::velocity_rms), "g"), "mm/s");
  EXPECT_EQ(statistic_unit(999, "g"), "");
}

}  // namespace
}  // namespace stethos::collector
