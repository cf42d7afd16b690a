#include "common/identity.h"
#include "common/time_text.h"
#include "uplink/collector/json.h"
#include "uplink/collector/render.h"
#include "uplink/collector/row_text.h"
#include "uplink/collector/statistics.h"

namespace stethos::collector {
namespace {

void write_time(JsonWriter& json, std::string_view name, TimeNs time) {
  json.key(name);
  const std::string text = time_or_empty(time);
  text.empty() ? json.null() : json.value(text);
}

void write_labels(JsonWriter& json, const std::optional<StreamInfo>& stream) {
  for (const auto& [name, field] : label_fields) {
    json.key(name);
    stream ? json.value((*stream).*field) : json.null();
  }
}

void write_next(JsonWriter& json, const std::string& next) {
  json.key("next");
  next.empty() ? json.null() : json.value(next);
}

// "acceleration.full.h.rms"; of a band "acceleration.10-1000Hz.h.velocity_rms.mean".
std::string id_of(const schema::StatisticValue& value, const StreamInfo& stream, std::string_view parameter) {
  std::string_view band = "full";
  const auto* statistic = kernels::find_statistic(value.statistic());
  const auto last_dot = parameter.rfind('.');
  if (statistic != nullptr && statistic->parameter == kernels::ParameterRule::band && last_dot != std::string_view::npos) {
    band = parameter.substr(0, last_dot);
    parameter.remove_prefix(last_dot + 1);
  }
  std::string id = stream.quantity;
  id.append(".").append(band).append(".").append(stream.axis.empty() ? "none" : stream.axis).append(".");
  return id.append(statistic_name(value.statistic(), parameter));
}

void write_statistics(JsonWriter& json, const WindowRecord& record, const Filter& filter) {
  json.key("statistics").begin_object();
  if (record.row->statistics() != nullptr) {
    for (const auto* value : *record.row->statistics()) {
      const std::string name = name_of(*value, record);
      if (!is_wanted(filter.statistics, name)) continue;
      json.key(name).begin_object().member("value", value->value()).key("unit");
      const auto unit = record.stream ? statistic_unit(value->statistic(), record.stream->unit) : std::string_view{};
      unit.empty() ? json.null() : json.value(unit);
      json.key("id");
      const std::string_view parameter = parameter_of(*value, record);
      const bool is_known = record.stream && (value->parameter() == 0 || !parameter.empty());
      is_known ? json.value(id_of(*value, *record.stream, parameter)) : json.null();
      if (value->blocks() > 0) json.member("blocks", value->blocks());
      json.end_object();
    }
  }
  json.end_object();
}

void write_speed(JsonWriter& json, const schema::Speed* speed) {
  json.key("speed");
  if (speed == nullptr) {
    json.null();
    return;
  }
  json.begin_object().member("shaft_hz", speed->shaft_hz()).member("source", source_of(*speed));
  json.member("age_ns", speed->age_ns()).end_object();
}

void write_source(JsonWriter& json, const WindowRecord& record) {
  const schema::WindowRow& row = *record.row;
  json.key("lineage").begin_object();
  json.member("first_epoch", row.first_epoch()).member("first_sequence", row.first_sequence());
  json.member("last_epoch", row.last_epoch()).member("last_sequence", row.last_sequence());
  if (record.spool.empty()) {
    json.key("spool").null().key("lane").null().key("number").null();
  } else {
    json.member("spool", record.spool).member("lane", lane_of(record.lane)).member("number", record.number);
  }
  json.end_object();

  json.key("provenance").begin_object().member("id", hex_of(row.provenance()));
  if (record.provenance) {
    const ProvenanceInfo& provenance = *record.provenance;
    json.member("program", provenance.program).member("backend", provenance.backend);
    json.member("config", hex_of(provenance.config_hash));
    json.member("schema", std::to_string(provenance.schema_major) + "." + std::to_string(provenance.schema_minor));
    json.member("source", provenance.source);
  }
  json.end_object();

  json.key("times").begin_object();
  for (const auto& [name, field] : time_fields) write_time(json, name, (row.*field)());
  write_time(json, "stored", record.stored);
  json.end_object();
}

void write_window(JsonWriter& json, const WindowRecord& record, const Filter& filter) {
  const schema::WindowRow& row = *record.row;
  json.begin_object().member("node", record.node);
  json.member("device", view(row.device())).member("channel", view(row.channel()));
  write_labels(json, record.stream);
  json.member("definition", hex_of(row.definition())).member("kind", kind_of(row));
  json.member("start", format_time(row.start_ns())).member("start_ns", row.start_ns()).member("length_ns", row.length_ns());
  json.member("generation", row.generation()).member("revision", row.revision()).member("state", state_of(row));
  json.member("windows", record.windows);

  json.key("counts").begin_object();
  for (const auto& [name, field] : count_fields) json.member(name, (row.counts()->*field)());
  json.member("recovered", row.counts()->recovered()).end_object().member("coverage", coverage_of(row));

  json.key("moments").begin_object().member("count", row.moments()->count());
  for (const auto& [name, field] : moment_fields) json.member(name, (row.moments()->*field)());
  json.end_object();

  write_statistics(json, record, filter);
  write_speed(json, row.speed());
  json.member("clock_untrusted", row.clock_untrusted()).member("incomplete", row.incomplete());
  json.key("whole");
  if (const auto* whole = row.whole()) {
    json.begin_object().member("start_ns", whole->start_ns()).member("length_ns", whole->length_ns()).end_object();
  } else {
    json.null();
  }
  write_source(json, record);
  json.end_object();
}

void write_alarm(JsonWriter& json, const AlarmRecord& record) {
  const schema::AlarmRow& row = *record.row;
  json.begin_object().member("node", record.node);
  json.member("device", view(row.device())).member("channel", view(row.channel()));
  write_labels(json, record.stream);

  json.key("limit").begin_object().member("id", hex_of(row.limit()));
  json.member("statistic", statistic_name(row.statistic(), view(row.parameter()))).member("unit", view(row.unit()));
  json.member("direction", direction_of(row)).member("alert", row.alert()).member("danger", row.danger());
  json.member("deadband", row.deadband()).member("on_delay_ns", row.on_delay_ns());
  json.member("definition", hex_of(row.definition())).member("length_ns", row.length_ns()).end_object();

  json.member("activated", format_time(row.activated_ns())).member("activated_ns", row.activated_ns());
  json.member("revision", row.revision()).member("state", state_of(row));
  json.member("level", level_of(row.level())).member("highest_level", level_of(row.highest_level()));
  json.member("provisional_level", level_of(row.provisional_level()));
  json.member("changed", format_time(row.changed_ns())).member("changed_ns", row.changed_ns()).member("value", row.value());
  json.member("clock_untrusted", row.clock_untrusted());

  json.key("lineage").begin_object().member("spool", record.spool).member("lane", lane_of(record.lane));
  json.member("number", record.number).end_object();
  json.key("provenance").begin_object().member("id", hex_of(row.provenance())).end_object();
  json.key("times").begin_object();
  write_time(json, "committed", row.committed_ns());
  write_time(json, "stored", record.stored);
  json.end_object().end_object();
}

}  // namespace

std::string json_of(const Page<WindowRecord>& page, const Filter& filter, Tier tier) {
  JsonWriter json;
  json.begin_object().key(tier_names.at(static_cast<std::size_t>(tier))).begin_array();
  for (const WindowRecord& record : page.records) write_window(json, record, filter);
  json.end_array();
  write_next(json, page.next);
  json.end_object();
  return json.take();
}

std::string json_of(const Page<AlarmRecord>& page) {
  JsonWriter json;
  json.begin_object().key("alarms").begin_array();
  for (const AlarmRecord& record : page.records) write_alarm(json, record);
  json.end_array();
  write_next(json, page.next);
  json.end_object();
  return json.take();
}

std::string json_of(const Page<StreamRecord>& page) {
  JsonWriter json;
  json.begin_object().key("streams").begin_array();
  for (const StreamRecord& record : page.records) {
    json.begin_object().member("node", record.node).member("device", record.device).member("channel", record.channel);
    write_labels(json, record.latest);
    json.key("version");
    record.latest ? json.value(hex_of(record.latest->version)) : json.null();
    write_time(json, "first_start", record.first_start.value_or(0));
    write_time(json, "last_start", record.last_start.value_or(0));
    json.end_object();
  }
  json.end_array();
  write_next(json, page.next);
  json.end_object();
  return json.take();
}

std::string json_of(const Page<NodeRecord>& page) {
  JsonWriter json;
  json.begin_object().key("nodes").begin_array();
  for (const NodeRecord& node : page.records) {
    json.begin_object().member("node", node.name);
    write_time(json, "first_seen", node.first_seen);
    write_time(json, "last_seen", node.last_seen);
    json.key("spools").begin_array();
    for (const SpoolRecord& spool : node.spools) {
      json.begin_object().member("spool", spool.identity);
      write_time(json, "first_seen", spool.first_seen);
      write_time(json, "last_seen", spool.last_seen);
      write_time(json, "sent", spool.sent);
      write_time(json, "offered_until", spool.offered_until);
      json.key("lanes").begin_array();
      for (const LaneRecord& lane : spool.lanes) {
        json.begin_object().member("lane", lane_of(lane.lane)).member("rows", lane.rows).member("duplicates", lane.duplicates);
        json.member("lowest_kept", lane.lowest_kept).member("next_number", lane.next_number);
        json.member("durable_through", lane.held.durable_through()).key("ranges").begin_array();
        for (const auto& range : lane.held.beyond()) json.begin_array().value(range.first).value(range.last).end_array();
        json.end_array().end_object();
      }
      json.end_array().end_object();
    }
    json.end_array().end_object();
  }
  json.end_array();
  write_next(json, page.next);
  json.end_object();
  return json.take();
}

std::string json_of(const Page<GapRecord>& page) {
  JsonWriter json;
  json.begin_object().key("gaps").begin_array();
  for (const GapRecord& gap : page.records) {
    json.begin_object().member("node", gap.node).member("of", gap.device.empty() ? "rows" : "messages");
    if (gap.device.empty()) {
      json.member("spool", gap.spool).member("lane", lane_of(gap.lane));
    } else {
      json.member("device", gap.device).member("epoch", gap.epoch);
    }
    json.member("first", gap.first).member("last", gap.last).member("cause", gap.cause);
    if (gap.first_time != 0) {
      write_time(json, "first_committed", gap.first_time);
      write_time(json, "last_committed", gap.last_time);
    }
    write_time(json, "noticed", gap.noticed);
    json.member("clock_untrusted", gap.clock_untrusted);
    write_time(json, "stored", gap.stored);
    json.end_object();
  }
  json.end_array();
  write_next(json, page.next);
  json.end_object();
  return json.take();
}

std::string json_of(const Page<EventRecord>& page) {
  JsonWriter json;
  json.begin_object().key("events").begin_array();
  for (const EventRecord& event : page.records) {
    json.begin_object().member("node", event.node).member("kind", event.kind);
    write_time(json, "at", event.at);
    json.member("clock_untrusted", event.clock_untrusted);
    if (!event.device.empty()) json.member("device", event.device);
    if (!event.channel.empty()) json.member("channel", event.channel);
    if (event.value != 0) json.member("value", event.value);
    if (!event.detail.empty()) json.member("detail", event.detail);
    write_time(json, "stored", event.stored);
    json.end_object();
  }
  json.end_array();
  write_next(json, page.next);
  json.end_object();
  return json.take();
}

std::string json_of(const Page<SilenceRecord>& page) {
  JsonWriter json;
  json.begin_object().key("silences").begin_array();
  for (const SilenceRecord& silence : page.records) {
    json.begin_object().member("node", silence.node).member("device", silence.device).member("channel", silence.channel);
    json.member("definition", hex_of(silence.definition)).member("state", schema::EnumNameWindowState(silence.state));
    write_time(json, "start", silence.start);
    write_time(json, "end", silence.end);
    json.member("windows", silence.windows).member("length_ns", silence.length).member("hop_ns", silence.hop);
    write_time(json, "noticed", silence.noticed);
    json.member("clock_untrusted", silence.clock_untrusted);
    write_time(json, "stored", silence.stored);
    json.end_object();
  }
  json.end_array();
  write_next(json, page.next);
  json.end_object();
  return json.take();
}

}  // namespace stethos::collector
