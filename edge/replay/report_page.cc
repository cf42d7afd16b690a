#include "edge/replay/report_page.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "common/time_text.h"
#include "edge/replay/html_text.h"
#include "edge/replay/report_channel.h"
#include "edge/replay/report_parts.h"
#include "edge/replay/report_style.h"

namespace stethos::edge {
namespace {

constexpr std::size_t warning_bytes_max = 500;

struct ListedChannel {
  const ReportChannel& channel;
  std::size_t number = 0;
  bool is_drawn = false;
  NumberedNotes notes;

  std::string heading() const {
    const std::string name = channel_name(channel), number_text = std::to_string(number);
    const auto latest = latest_time_of(channel);
    return (is_drawn ? "<a href=\"#channel-" + number_text + "\">" + name + "</a>" : name) +
           (latest ? "<small>" + utc_of(*latest) + "</small>" : "");
  }
};

std::vector<ListedChannel> listed_channels(const Report& report) {
  std::vector<ListedChannel> listed;
  std::size_t note = 1;
  for (const ReportChannel& channel : std::span(report.channels).first(std::min(report.channels.size(), channels_listed_max))) {
    const std::size_t shown = std::min(channel.notes.size(), notes_listed_max);
    listed.push_back({channel,
                      listed.size() + 1,
                      listed.size() < channels_drawn_max,
                      {std::span(channel.notes).first(shown), note, channel.notes.size() - shown}});
    note += shown;
  }
  return listed;
}

std::string latest_cell(const ListedChannel& listed, std::string_view trend) {
  const auto series = std::ranges::find(listed.channel.trends, trend, &ReportSeries::name);
  if (series == listed.channel.trends.end()) return "<td></td>";
  const auto latest = latest_of(*series);
  const std::optional<double> value = latest ? std::optional(series->values[*latest]) : std::nullopt;
  return "<td>" + value_or_dash(value, series->unit, series->name, listed.notes) + "</td>";
}

// Whatever there is less of, trends or channels, stands side by side.
std::string latest_table(std::span<const ListedChannel> listed) {
  std::vector<std::string_view> trends;
  for (const ListedChannel& channel : listed) {
    for (const ReportSeries& series : channel.channel.trends) {
      if (std::ranges::find(trends, series.name) == trends.end()) trends.emplace_back(series.name);
    }
  }
  if (trends.empty()) return "<p class=\"none\">– No window has a value.</p>\n";
  const std::size_t left_out = trends.size() - std::min(trends.size(), trends_listed_max);
  trends.resize(trends.size() - left_out);
  std::string out = "<div class=\"wide\"><table class=\"latest\"><thead><tr><th scope=\"col\">";
  const auto heading = [&](const std::string& text) { out += "<th scope=\"col\">" + text + "</th>"; };
  const auto row_heading = [&](const std::string& text) { out += "<tr><th scope=\"row\">" + text + "</th>"; };
  if (listed.size() < trends.size()) {
    out += "statistic</th>";
    for (const ListedChannel& channel : listed) heading(channel.heading());
    out += "</tr></thead><tbody>\n";
    for (const std::string_view trend : trends) {
      row_heading(escaped_breakable(trend));
      for (const ListedChannel& channel : listed) out += latest_cell(channel, trend);
      out += "</tr>\n";
    }
  } else {
    out += "channel</th>";
    for (const std::string_view trend : trends) heading(escaped_breakable(trend));
    out += "</tr></thead><tbody>\n";
    for (const ListedChannel& channel : listed) {
      row_heading(channel.heading());
      for (const std::string_view trend : trends) out += latest_cell(channel, trend);
      out += "</tr>\n";
    }
  }
  out += "</tbody></table></div>\n";
  if (left_out > 0) out += "<p class=\"more\">And " + count_of(left_out, "statistic") + " more.</p>\n";
  return out;
}

std::string about_recording(const Report& report) {
  std::string out = "<dl class=\"facts\">\n";
  const auto fact = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) out += "<div><dt>" + std::string(name) + "</dt><dd>" + value + "</dd></div>\n";
  };
  fact("recording", escaped(report.recording));
  fact("configuration", escaped(report.configuration));
  if (report.first_ns <= report.last_ns && report.messages > 0) {
    fact("from", utc_of(report.first_ns));
    fact("to", utc_of(report.last_ns));
    DurationNs length_ns = 0;
    if (!__builtin_sub_overflow(report.last_ns, report.first_ns, &length_ns)) fact("length", format_roughly(length_ns));
  }
  fact("messages", count_of(report.messages));
  fact("samples", count_of(report.samples));
  fact("windows", count_of(report.windows));
  out += "</dl>\n";
  if (report.warnings.empty()) return out;
  out += "<ul class=\"warnings\">\n";
  const std::size_t shown = std::min(report.warnings.size(), notes_listed_max);
  for (std::size_t i = 0; i < shown; ++i) out += "<li>" + escaped(report.warnings[i], warning_bytes_max) + "</li>\n";
  if (shown < report.warnings.size()) out += "<li>And " + count_of(report.warnings.size() - shown, "warning") + " more.</li>\n";
  return out + "</ul>\n";
}

// Of channels without plots: their number, and the notes that the table names.
std::string not_drawn(const Report& report, std::span<const ListedChannel> listed) {
  if (report.channels.size() <= channels_drawn_max) return {};
  const std::size_t unlisted = report.channels.size() - listed.size();
  std::string out = "<section>\n<h2>Channels without plots</h2>\n<p class=\"more\">The first " + count_of(channels_drawn_max) +
                    " channels have plots, and " + count_of(report.channels.size() - channels_drawn_max) + " have none";
  out += (unlisted > 0 ? "; " + count_of(unlisted) + " of them are not in the table either" : "") + ".</p>\n";
  for (const ListedChannel& channel : listed.subspan(channels_drawn_max)) {
    if (!channel.notes.notes.empty()) out += "<h3>" + channel_name(channel.channel) + "</h3>\n" + list_of(channel.notes);
  }
  return out + "</section>\n";
}

}  // namespace

std::string report_page(const Report& report) {
  const std::string title = escaped(report.title.empty() ? "Report" : report.title);
  const std::vector<ListedChannel> listed = listed_channels(report);
  std::string out = std::string(report_beginning) + "<head>\n<meta charset=\"utf-8\"/>\n";
  out += "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n";
  out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n";
  out += "<title>" + title + "</title>\n<style>" + std::string(report_style) + "</style>\n</head>\n<body>\n";
  out += "<h1>" + title + "</h1>\n" + about_recording(report);
  if (report.channels.size() > channels_drawn_max) {
    out += "<p class=\"more\">Of " + count_of(report.channels.size(), "channel") + " the first " + count_of(channels_drawn_max) +
           " have plots.</p>\n";
  }
  if (listed.empty()) {
    out += "<p class=\"none\">– No channel.</p>\n";
  } else {
    out += "<h2>Latest values</h2>\n" + latest_table(listed);
  }
  for (const ListedChannel& channel : listed) {
    if (channel.is_drawn) out += channel_part(channel.channel, channel.number, channel.notes);
  }
  out += not_drawn(report, listed);
  if (!report.program.empty()) out += "<footer>" + escaped(report.program) + "</footer>\n";
  return out + "</body>\n</html>\n";
}

}  // namespace stethos::edge
