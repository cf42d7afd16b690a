#include "edge/replay/report_page.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string_view>

#include "edge/replay/html_text.h"

namespace stethos::edge {
namespace {

constexpr TimeNs ten_ns = 1'795'255'200 * ns_per_s;  // 2026-11-21T10:00:00Z
constexpr double not_defined = std::numeric_limits<double>::quiet_NaN();

std::size_t count_in(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// Of seconds that end at ten.
ReportSeries series_of(std::string name, std::vector<double> values) {
  ReportSeries series{std::move(name), "g", {}, std::move(values)};
  for (std::size_t i = 0; i < series.values.size(); ++i) {
    series.times_ns.push_back(ten_ns - static_cast<TimeNs>(series.values.size() - 1 - i) * ns_per_s);
  }
  return series;
}

ReportChannel channel_of(std::vector<ReportSeries> trends) {
  ReportChannel channel;
  channel.device = "fan-3";
  channel.channel = "drive_end";
  channel.quantity = "acceleration";
  channel.unit = "g";
  channel.sampling_rate_hz = 25'600;
  channel.shaft_hz = 25;
  channel.last_block_ns = ten_ns;
  channel.trends = std::move(trends);
  return channel;
}

std::string page_of(std::vector<ReportChannel> channels) {
  Report report;
  report.title = "A replay";
  report.channels = std::move(channels);
  return report_page(report);
}

// Every element that is opened is closed, in order, and attributes are in quotes.
bool is_well_formed(std::string_view page) {
  std::vector<std::string_view> open;
  for (std::size_t at = page.find('<', page.find('>') + 1); at != std::string_view::npos; at = page.find('<', at + 1)) {
    const std::string_view tag = page.substr(at + 1, page.find('>', at) - at - 1);
    if (count_in(tag, "\"") % 2 != 0 || tag.find('<') != std::string_view::npos) return false;
    if (tag.starts_with('/')) {
      if (open.empty() || open.back() != tag.substr(1)) return false;
      open.pop_back();
    } else if (!tag.ends_with('/')) {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
  }
  return open.empty();
}

TEST(HtmlText, NothingOfOthersEndsAnElementOrAnAttribute) {
  EXPECT_EQ(escaped("<b a=\"x\" b='y'>&amp;"), "&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;");
  EXPECT_EQ(escaped("\x1b\n\xff\xef\xbf\xbf°"), "\\x1b\\x0a\\xff\\xef\\xbf\\xbf°");
  EXPECT_EQ(escaped("<<<<", 2), "&lt;&lt; ...");
  EXPECT_EQ(escaped_breakable("a.b_c<"), "a.<wbr/>b_<wbr/>c&lt;");
}

TEST(ReportPage, TextsOfOthersAreHarmlessEverywhere) {
  const std::string evil = "<script>alert(1)</script>\" onload='x' --> ]]> \x1b \xff";
  ReportChannel channel = channel_of({series_of(evil, {1, 2})});
  for (std::string* text : {&channel.device, &channel.channel, &channel.machine, &channel.quantity, &channel.unit,
                            &channel.speed_source, &channel.bearing, &channel.trends[0].unit}) {
    *text = evil;
  }
  channel.notes = {evil};
  channel.waveform = {1, 2, 3};
  channel.spectrum = ReportSpectrum{1, {1, 2, 3}, {{evil, 1, 1, 5}, {evil, 2, {}, {}}}, 0, 0};
  channel.envelope = channel.spectrum;
  Report report{evil, evil, evil, evil, 0, ten_ns, 1, 1, 1, {evil}, {channel}};
  const std::string page = report_page(report);
  EXPECT_TRUE(is_well_formed(page));
  EXPECT_FALSE(page.contains("<script"));
  EXPECT_FALSE(page.contains("onload='"));
  EXPECT_FALSE(page.contains("\" onload"));
  EXPECT_GT(count_in(page, "&lt;script&gt;"), 15U);
}

TEST(ReportPage, NeedsNothingFromElsewhere) {
  const std::string page = page_of({channel_of({series_of("rms", {1, 2})})});
  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>"));
  for (const char* part : {"<script", "src=", "@import", "url(", "<link"}) EXPECT_FALSE(page.contains(part));
  EXPECT_EQ(count_in(page, "href=\""), count_in(page, "href=\"#"));
}

TEST(ReportPage, AnUndefinedValueIsADashWithTheNumberOfItsNote) {
  ReportChannel channel = channel_of({series_of("rms", {1, 2.25}), series_of("bearing_depth.ftf.1x.max", {1, not_defined})});
  channel.notes = {"bpfo: no bearing", "ftf: the block is too short"};
  const std::string page = page_of({channel});
  EXPECT_TRUE(page.contains("<td>2.25 g</td>"));
  EXPECT_TRUE(page.contains("–</span> <sup><a href=\"#note-2\">2</a></sup></td>"));
  EXPECT_TRUE(page.contains("<li id=\"note-2\">ftf: the block is too short</li>"));
}

TEST(ReportPage, TheLatestValueIsThatOfTheLatestTime) {
  ReportSeries series = series_of("rms", {7, 8, 9});
  std::ranges::reverse(series.times_ns);
  EXPECT_TRUE(page_of({channel_of({series})}).contains("<td>7 g</td>"));
}

TEST(ReportPage, ALineHasGapsWhereNothingIsDefinedAndWhereWindowsAreMissing) {
  std::vector<double> values(100, 1.5);
  const auto strokes = [](const ReportSeries& series) {
    const std::string page = page_of({channel_of({series})});
    const std::size_t begin = page.find("<path class=\"line\"");
    return count_in(std::string_view(page).substr(begin, page.find("/>", begin) - begin), "M");
  };
  EXPECT_EQ(strokes(series_of("rms", values)), 1U);
  ReportSeries late = series_of("rms", values);
  for (std::size_t i = 0; i < 50; ++i) late.times_ns[i] -= 60 * ns_per_s;
  EXPECT_EQ(strokes(late), 2U);
  values[30] = not_defined;
  values[60] = std::numeric_limits<double>::infinity();
  EXPECT_EQ(strokes(series_of("rms", values)), 3U);
}

TEST(ReportPage, WhatHasNoNeighbourIsADot) {
  EXPECT_TRUE(page_of({channel_of({series_of("rms", {not_defined, 2, not_defined})})}).contains("<path class=\"dots\" d=\"M"));
  EXPECT_TRUE(page_of({channel_of({series_of("rms", {0.5})})}).contains("<path class=\"dots\" d=\"M"));
}

TEST(ReportPage, LinesAreMarkedAndInATable) {
  ReportChannel channel = channel_of({});
  channel.envelope = ReportSpectrum{1, std::vector<double>(2'000, 0.1), {}, 0, 0};
  channel.envelope->lines = {
      {"bpfo 1x", 89.5, 0.4, 12}, {"bpfo 2x", 179, 0.01, 0.5}, {"1x", 25, {}, {}}, {"ftf 1x", not_defined, {}, {}}};
  const std::string page = page_of({channel});
  EXPECT_EQ(count_in(page, "<line class=\"mark "), 3U);
  EXPECT_EQ(count_in(page, "class=\"mark m0 strong\""), 1U);
  EXPECT_EQ(count_in(page, "class=\"mark m5\""), 1U) << "a multiple of the shaft's speed";
  EXPECT_TRUE(page.contains("near its lines"));
  EXPECT_TRUE(page.contains("bpfo 1x</th><td>89.5</td><td>3.58</td><td>0.4</td><td>12</td>"));
  EXPECT_TRUE(page.contains("ftf 1x</th><td><span title=\"not defined\">–</span></td>"));
}

TEST(ReportPage, OfASpectrumTheRangeIsShownThatIsAskedFor) {
  ReportChannel channel = channel_of({});
  channel.envelope = ReportSpectrum{1, std::vector<double>(2'000, 0.1), {{"1x", 25, {}, {}}, {"2x", 50, {}, {}}}, 20, 40};
  channel.envelope->amplitude[30] = 3.5;
  channel.envelope->amplitude[100] = 99;
  const std::string page = page_of({channel});
  EXPECT_EQ(count_in(page, "<line class=\"mark "), 1U);
  EXPECT_TRUE(page.contains("Highest peaks: 30 Hz (3.5 g). "));
  EXPECT_FALSE(page.contains("99 g"));
}

TEST(ReportPage, LabelsThatDoNotFitAreCounted) {
  ReportChannel channel = channel_of({});
  channel.spectrum = ReportSpectrum{1, std::vector<double>(100, 0.1), std::vector<ReportLine>(8, {"bpfo 1x", 50, {}, {}}), 0, 0};
  EXPECT_TRUE(page_of({channel}).contains("3 labels left out for want of room"));
}

TEST(ReportPage, WhatCannotBeDrawnIsSaid) {
  ReportChannel channel = channel_of({{"rms", "g", {}, {}}});
  channel.spectrum = ReportSpectrum{};
  channel.envelope = ReportSpectrum{0, {1, 2}, {{"1x", 0, {}, {}}}, 0, 0};
  const std::string page = page_of({channel});
  EXPECT_TRUE(is_well_formed(page));
  EXPECT_TRUE(page.contains("It has no bins."));
  EXPECT_TRUE(page.contains("how wide its bins are is not known"));
  EXPECT_TRUE(page.contains("No window has a value."));
  EXPECT_TRUE(report_page({}).contains("No channel."));
}

TEST(ReportPage, OddNumbersMakeAPage) {
  const double beyond = std::numeric_limits<double>::infinity();
  ReportChannel channel = channel_of({series_of("huge", {1.7e308, -1.7e308}), series_of("tiny", {5e-324}),
                                      series_of("zero", {0, 0}), series_of("beyond", {1, beyond, -beyond})});
  channel.trends.push_back({"all of time", "", {INT64_MIN, 0, INT64_MAX}, {1, 2, 3}});
  channel.waveform = {0, NAN, INFINITY, 1};
  channel.shaft_hz = 0;
  channel.sampling_rate_hz = not_defined;
  channel.spectrum = ReportSpectrum{1e308, {not_defined, 1, 2}, {{"1x", beyond, beyond, not_defined}}, 0, 0};
  channel.envelope = ReportSpectrum{1, {1}, {}, 1e300, 1e301};
  const std::string page = page_of({channel});
  EXPECT_TRUE(is_well_formed(page));
  EXPECT_TRUE(page.contains("-∞ g"));
  for (const char* part : {">nan", ">inf", "=\"nan", "=\"inf", "Mnan", "Lnan", "-nan"}) EXPECT_FALSE(page.contains(part)) << part;
}

TEST(ReportPage, AFullChannelStaysSmallAndManyAreCapped) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> noise;
  ReportChannel channel = channel_of({});
  for (std::size_t i = 0; i < 30; ++i) {
    std::vector<double> values(20'000);
    std::ranges::generate(values, [&] { return noise(random); });
    channel.trends.push_back(series_of("trend_" + std::to_string(i), values));
  }
  channel.spectrum = ReportSpectrum{0.2, std::vector<double>(65'537), {{"1x", 25, {}, {}}}, 0, 0};
  std::ranges::generate(channel.spectrum->amplitude, [&] { return std::abs(noise(random)); });
  channel.envelope = channel.spectrum;
  for (std::size_t i = 0; i < 131'072; ++i) channel.waveform.push_back(static_cast<float>(noise(random)));
  const std::string page = page_of({channel});
  EXPECT_LT(page.size(), 300'000U);
  EXPECT_EQ(count_in(page, "<svg "), trends_drawn_max + 6);
  EXPECT_TRUE(page.contains("And 6 trends more."));

  std::vector<ReportChannel> many(channels_listed_max + 7, channel_of({series_of("rms", {1, 2})}));
  many[40].notes = {"rms: why"};
  const std::string capped = page_of(many);
  EXPECT_EQ(count_in(capped, "<section id=\"channel-"), channels_drawn_max);
  EXPECT_TRUE(capped.contains("Of 507 channels the first 32 have plots."));
  EXPECT_TRUE(capped.contains("475 have none; 7 of them are not in the table either."));
  EXPECT_EQ(count_in(capped, "rms: why"), 1U);
}

}  // namespace
}  // namespace stethos::edge
