#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "common/identity.h"
#include "common/number_text.h"
#include "common/time_text.h"
#include "uplink/collector/json.h"
#include "uplink/collector/render.h"
#include "uplink/collector/row_text.h"
#include "uplink/collector/statistics.h"

namespace stethos::collector {
namespace {

constexpr std::size_t table_columns_max = 100;  // of statistics of which the name alone was asked for

// A text with what CSV wants around it.
std::string csv_text(std::string_view text) {
  if (text.find_first_of("\",\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) out.append(c == '"' ? 2 : 1, c);
  return out + "\"";
}

// Cells under their headings, each column as wide as its widest cell; numbers to the right.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> headings) { rows_.push_back(std::move(headings)); }
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  std::string text() const {
    std::vector<std::size_t> widths(rows_.front().size());
    std::vector<bool> is_number(widths.size(), rows_.size() > 1);
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      for (std::size_t c = 0; c < widths.size(); ++c) {
        widths[c] = std::max(widths[c], width_of(rows_[r][c]));
        if (r > 0 && rows_[r][c].find_first_not_of("0123456789.+-eE%") != std::string::npos) is_number[c] = false;
      }
    }
    std::string out;
    for (const auto& row : rows_) {
      std::string line;
      for (std::size_t c = 0; c < widths.size(); ++c) {
        const std::string padding(widths[c] - width_of(row[c]), ' ');
        line.append(c == 0 ? "" : "  ").append(is_number[c] ? padding + row[c] : row[c] + padding);
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out.append(line).append("\n");
    }
    return out;
  }

 private:
  // Characters, not bytes: what continues one in UTF-8 is not counted.
  static std::size_t width_of(const std::string& text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  }
  std::vector<std::vector<std::string>> rows_;
};

std::string six_digits(double number) {
  if (std::isnan(number)) return "-";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%#.6g", number);
  return text.data();
}
std::string percent(double share) {
  if (std::isnan(share)) return "-";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f%%", 100 * share);
  return text.data();
}
std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }
// The statistics of a row by name.
using Values = std::vector<std::pair<std::string, double>>;

Values values_of(const WindowRecord& record) {
  Values out;
  if (record.row->statistics() == nullptr) return out;
  for (const auto* value : *record.row->statistics()) out.emplace_back(name_of(*value, record), value->value());
  return out;
}

// NaN: there is none of this name.
double value_of(const Values& values, std::string_view name) {
  const auto found = std::ranges::find(values, name, &Values::value_type::first);
  return found == values.end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
}

// What was asked for; of a statistic with parameters those that any of the rows has.
std::vector<std::string> columns_of(const std::vector<std::string>& asked, const std::vector<Values>& rows) {
  std::vector<std::string> out;
  for (const std::string& each : asked) {
    const std::size_t before = out.size();
    for (const Values& values : rows) {
      for (const auto& [name, value] : values) {
        if (out.size() < table_columns_max && is_wanted({each}, name) && std::ranges::find(out, name) == out.end())
          out.push_back(name);
      }
    }
    if (out.size() == before) out.push_back(each);
  }
  return out;
}

// People read milliseconds.
std::string table_time(TimeNs time) { return or_dash(time_or_empty(time - time % ns_per_ms)); }

}  // namespace

std::string csv_of(const Page<WindowRecord>& page, const Filter& filter) {
  std::vector<std::string> statistics = filter.statistics;
  if (statistics.empty()) {
    for (const auto& each : kernels::statistics()) {
      if (!has_parameter(each)) statistics.emplace_back(each.name);
    }
  }

  std::string out = "node,device,channel";
  for (const auto& field : label_fields) out.append(",").append(field.first);
  out += ",definition,kind,start,start_ns,length_ns,generation,revision,state,windows";
  for (const auto& field : count_fields) out.append(",").append(field.first);
  out += ",coverage";
  for (const std::string& name : statistics) out.append(",").append(csv_text(name));
  out +=
      ",shaft_hz,speed_source,speed_age_ns,first_epoch,first_sequence,last_epoch,last_sequence,spool,lane,number,provenance,"
      "program,backend,source";
  for (const auto& field : time_fields) out.append(",").append(field.first);
  out += ",stored,clock_untrusted,recovered,incomplete,whole_start_ns,whole_length_ns\r\n";

  for (const WindowRecord& record : page.records) {
    const schema::WindowRow& row = *record.row;
    std::string line = csv_text(record.node);
    const auto add = [&](std::string_view cell) { line.append(",").append(csv_text(cell)); };
    const auto add_number = [&](auto number) { line.append(",").append(std::to_string(number)); };
    add(view(row.device()));
    add(view(row.channel()));
    for (const auto& field : label_fields) add(record.stream ? (*record.stream).*field.second : std::string());
    add(hex_of(row.definition()));
    add(kind_of(row));
    add(time_or_empty(row.start_ns()));
    add_number(row.start_ns());
    add_number(row.length_ns());
    add_number(row.generation());
    add_number(row.revision());
    add(state_of(row));
    add_number(record.windows);
    for (const auto& field : count_fields) add_number((row.counts()->*field.second)());
    add(number_text(coverage_of(row)));
    const auto values = values_of(record);
    for (const std::string& name : statistics) add(number_text(value_of(values, name)));
    add(row.speed() == nullptr ? std::string() : number_text(row.speed()->shaft_hz()));
    add(row.speed() == nullptr ? std::string() : source_of(*row.speed()));
    add(row.speed() == nullptr ? std::string() : std::to_string(row.speed()->age_ns()));
    add_number(row.first_epoch());
    add_number(row.first_sequence());
    add_number(row.last_epoch());
    add_number(row.last_sequence());
    add(record.spool);
    add(record.spool.empty() ? std::string() : lane_of(record.lane));
    add(record.spool.empty() ? std::string() : std::to_string(record.number));
    add(hex_of(row.provenance()));
    add(record.provenance ? record.provenance->program : std::string());
    add(record.provenance ? record.provenance->backend : std::string());
    add(record.provenance ? record.provenance->source : std::string());
    for (const auto& field : time_fields) add(time_or_empty((row.*field.second)()));
    add(time_or_empty(record.stored));
    add(row.clock_untrusted() ? "true" : "false");
    add_number(row.counts()->recovered());
    add(row.incomplete() ? "true" : "false");
    add(row.whole() == nullptr ? std::string() : std::to_string(row.whole()->start_ns()));
    add(row.whole() == nullptr ? std::string() : std::to_string(row.whole()->length_ns()));
    out.append(line).append("\r\n");
  }
  return out;
}

std::string csv_of(const Page<AlarmRecord>& page) {
  std::string out = "node,device,channel";
  for (const auto& field : label_fields) out.append(",").append(field.first);
  out +=
      ",limit,statistic,statistic_unit,direction,alert,danger,deadband,on_delay_ns,definition,length_ns,activated,activated_ns,"
      "revision,state,level,highest_level,changed,changed_ns,value,spool,lane,number,provenance,committed,stored,provisional_"
      "level,clock_untrusted\r\n";
  for (const AlarmRecord& record : page.records) {
    const schema::AlarmRow& row = *record.row;
    std::string line = csv_text(record.node);
    const auto add = [&](std::string_view cell) { line.append(",").append(csv_text(cell)); };
    add(view(row.device()));
    add(view(row.channel()));
    for (const auto& field : label_fields) add(record.stream ? (*record.stream).*field.second : std::string());
    add(hex_of(row.limit()));
    add(statistic_name(row.statistic(), view(row.parameter())));
    add(view(row.unit()));
    add(direction_of(row));
    for (const double number : {row.alert(), row.danger(), row.deadband()}) add(number_text(number));
    add(std::to_string(row.on_delay_ns()));
    add(hex_of(row.definition()));
    add(std::to_string(row.length_ns()));
    add(time_or_empty(row.activated_ns()));
    add(std::to_string(row.activated_ns()));
    add(std::to_string(row.revision()));
    add(state_of(row));
    add(level_of(row.level()));
    add(level_of(row.highest_level()));
    add(time_or_empty(row.changed_ns()));
    add(std::to_string(row.changed_ns()));
    add(number_text(row.value()));
    add(record.spool);
    add(lane_of(record.lane));
    add(std::to_string(record.number));
    add(hex_of(row.provenance()));
    add(time_or_empty(row.committed_ns()));
    add(time_or_empty(record.stored));
    add(level_of(row.provisional_level()));
    add(row.clock_untrusted() ? "true" : "false");
    out.append(line).append("\r\n");
  }
  return out;
}

std::string table_of(const Page<WindowRecord>& page, const Filter& filter) {
  std::vector<Values> values;
  for (const WindowRecord& record : page.records) values.push_back(values_of(record));
  std::vector<std::string> statistics{"mean", "rms", "peak", "crest", "kurtosis"};
  if (!filter.statistics.empty()) statistics = columns_of(filter.statistics, values);
  std::vector<std::string> headings{"node",   "machine", "point", "device", "channel", "start",
                                    "length", "state",   "rev",   "good",   "coverage"};
  headings.insert(headings.end(), statistics.begin(), statistics.end());
  headings.emplace_back("unit");
  TextTable table(std::move(headings));
  for (std::size_t i = 0; i < page.records.size(); ++i) {
    const WindowRecord& record = page.records[i];
    const schema::WindowRow& row = *record.row;
    std::vector<std::string> cells{record.node,
                                   record.stream ? or_dash(record.stream->machine) : "-",
                                   record.stream ? or_dash(record.stream->point) : "-",
                                   std::string(view(row.device())),
                                   std::string(view(row.channel())),
                                   table_time(row.start_ns()),
                                   format_duration(row.length_ns()),
                                   state_of(row),
                                   std::to_string(row.generation()) + "." + std::to_string(row.revision()),
                                   std::to_string(row.counts()->good()),
                                   percent(coverage_of(row))};
    for (const std::string& name : statistics) cells.push_back(six_digits(value_of(values[i], name)));
    cells.push_back(record.stream ? or_dash(record.stream->unit) : "-");
    table.add(std::move(cells));
  }
  return table.text();
}

std::string table_of(const Page<AlarmRecord>& page) {
  TextTable table({"node", "machine", "point", "device", "channel", "statistic", "state", "level", "provisional", "highest",
                   "activated", "changed", "value", "alert", "danger", "unit"});
  for (const AlarmRecord& record : page.records) {
    const schema::AlarmRow& row = *record.row;
    table.add({record.node, record.stream ? or_dash(record.stream->machine) : "-",
               record.stream ? or_dash(record.stream->point) : "-", std::string(view(row.device())),
               std::string(view(row.channel())), statistic_name(row.statistic(), view(row.parameter())), state_of(row),
               level_of(row.level()), level_of(row.provisional_level()), level_of(row.highest_level()),
               table_time(row.activated_ns()), table_time(row.changed_ns()), six_digits(row.value()), six_digits(row.alert()),
               six_digits(row.danger()), std::string(view(row.unit()))});
  }
  return table.text();
}

std::string table_of(const Page<StreamRecord>& page) {
  TextTable table({"node", "device", "channel", "machine", "point", "axis", "quantity", "unit", "first window", "last window"});
  for (const StreamRecord& record : page.records) {
    const StreamInfo info = record.latest.value_or(StreamInfo{});
    table.add({record.node, record.device, record.channel, or_dash(info.machine), or_dash(info.point), or_dash(info.axis),
               or_dash(info.quantity), or_dash(info.unit), table_time(record.first_start.value_or(0)),
               table_time(record.last_start.value_or(0))});
  }
  return table.text();
}

std::string table_of(const Page<NodeRecord>& page) {
  TextTable table(
      {"node", "spool", "last seen", "offered until", "lane", "rows", "duplicates", "durable through", "next number"});
  for (const NodeRecord& node : page.records) {
    for (const SpoolRecord& spool : node.spools) {
      for (const LaneRecord& lane : spool.lanes) {
        table.add({node.name, spool.identity, table_time(spool.last_seen), table_time(spool.offered_until), lane_of(lane.lane),
                   std::to_string(lane.rows), std::to_string(lane.duplicates), std::to_string(lane.held.durable_through()),
                   std::to_string(lane.next_number)});
      }
    }
  }
  return table.text();
}

std::string table_of(const Page<GapRecord>& page) {
  TextTable table({"node", "of", "whose", "first", "last", "cause", "noticed"});
  for (const GapRecord& gap : page.records) {
    const bool is_of_rows = gap.device.empty();
    table.add({gap.node, is_of_rows ? "rows" : "messages",
               is_of_rows ? gap.spool + " " + lane_of(gap.lane) : gap.device + " epoch " + std::to_string(gap.epoch),
               std::to_string(gap.first), std::to_string(gap.last), gap.cause, table_time(gap.noticed)});
  }
  return table.text();
}

std::string table_of(const Page<EventRecord>& page) {
  TextTable table({"node", "at", "event", "device", "channel", "value", "detail"});
  for (const EventRecord& event : page.records) {
    table.add({event.node, table_time(event.at), event.kind, event.device, event.channel,
               event.value == 0 ? "" : std::to_string(event.value), event.detail});
  }
  return table.text();
}

std::string table_of(const Page<SilenceRecord>& page) {
  TextTable table({"node", "device", "channel", "start", "end", "windows", "of", "state", "noticed"});
  for (const SilenceRecord& silence : page.records) {
    table.add({silence.node, silence.device, silence.channel, table_time(silence.start), table_time(silence.end),
               std::to_string(silence.windows), format_duration(silence.length), schema::EnumNameWindowState(silence.state),
               table_time(silence.noticed)});
  }
  return table.text();
}

std::string table_of(const std::vector<Request>& requests) {
  TextTable table(
      {"id", "node", "lane", "from", "to", "first", "last", "answered", "rows", "not kept", "cause", "state", "asked"});
  for (const Request& request : requests) {
    const bool is_begun = request.next > 0;
    table.add({std::to_string(request.id), request.node, schema::EnumNameLane(request.lane), table_time(request.from.value_or(0)),
               table_time(request.to.value_or(0)), is_begun ? std::to_string(request.numbers.first) : "-",
               is_begun ? std::to_string(request.numbers.last) : "-", is_begun ? std::to_string(request.next - 1) : "-",
               std::to_string(request.rows), std::to_string(request.not_kept), or_dash(request.cause), request.state,
               table_time(request.asked)});
  }
  return table.text();
}

}  // namespace stethos::collector
