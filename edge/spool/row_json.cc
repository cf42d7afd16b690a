#include "edge/spool/row_json.h"

#include <simdjson.h>

#include <cmath>
#include <concepts>

#include "common/identity.h"
#include "common/number_text.h"
#include "gpu_kernels/statistics.h"

namespace stethos::edge {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

std::string hex_of(schema::Bytes bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += {hex_digits[byte >> 4u], hex_digits[byte & 0xfu]};
  return text;
}

class Object {
 public:
  Object& raw(std::string_view name, std::string_view json) {
    text_ += (text_.empty() ? "{\"" : ",\"") + std::string(name) + "\":" + std::string(json);
    return *this;
  }
  Object& text(std::string_view name, std::string_view value) { return raw(name, json_text(value)); }
  Object& text(std::string_view name, const flatbuffers::String* value) {
    return value == nullptr ? raw(name, "null") : text(name, value->string_view());
  }
  Object& hash(std::string_view name, std::uint64_t value) { return text(name, stethos::hex_of(value)); }
  Object& number(std::string_view name, std::integral auto value) { return raw(name, std::to_string(value)); }
  Object& number(std::string_view name, double value) { return raw(name, std::isfinite(value) ? number_text(value) : "null"); }
  Object& truth(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }
  std::string take() { return text_.empty() ? "{}" : std::move(text_) + "}"; }

 private:
  std::string text_;
};

// The three are never left out, so that who reads them need not ask which release wrote them.
void put_labels(Object& json, const WindowLabels* labels) {
  const auto put = [&](std::string_view name, const std::string* text) {
    text == nullptr || text->empty() ? json.raw(name, "null") : json.text(name, *text);
  };
  put("machine", labels == nullptr ? nullptr : &labels->machine);
  put("quantity", labels == nullptr ? nullptr : &labels->quantity);
  put("unit", labels == nullptr ? nullptr : &labels->unit);
  if (labels == nullptr || labels->machine.empty()) {
    json.text("labels_missing", "the spool does not have all that this stream_version stands for");
  }
}

std::string json_of(const schema::WindowRow& row, const WindowLabels* labels, const Parameters* parameters) {
  const schema::Counts& counted = *row.counts();
  const schema::Moments& made_of = *row.moments();
  Object counts;
  counts.number("expected", counted.expected()).number("received", counted.received()).number("good", counted.good());
  counts.number("duplicate", counted.duplicate()).number("late", counted.late()).number("out_of_range", counted.out_of_range());
  counts.number("not_finite", counted.not_finite()).number("rejected", counted.rejected());
  counts.number("recovered", counted.recovered());
  Object moments;
  moments.number("count", made_of.count()).number("mean", made_of.mean()).number("m2", made_of.m2());
  moments.number("m3", made_of.m3()).number("m4", made_of.m4()).number("min", made_of.min()).number("max", made_of.max());
  moments.number("sum_abs", made_of.sum_abs()).number("sum_sqrt_abs", made_of.sum_sqrt_abs());
  if (const auto* buckets = made_of.buckets()) moments.text("buckets", hex_of(schema::Bytes(buckets->data(), buckets->size())));
  Object statistics;
  if (row.statistics() != nullptr) {
    for (const auto* each : *row.statistics()) {
      statistics.number(statistic_name(each->statistic(), each->parameter(), parameters), each->value());
    }
  }
  Object speed;
  if (row.speed() != nullptr) {
    speed.number("shaft_hz", row.speed()->shaft_hz()).text("source", schema::EnumNameSpeedSource(row.speed()->source()));
    speed.number("age_ns", row.speed()->age_ns());
  }
  Object json;
  json.text("device", row.device()).text("channel", row.channel());
  put_labels(json, labels);
  json.hash("definition", row.definition());
  json.text("kind", schema::EnumNameWindowKind(row.kind())).number("start_ns", row.start_ns());
  json.number("length_ns", row.length_ns()).number("generation", row.generation()).number("revision", row.revision());
  json.text("state", schema::EnumNameWindowState(row.state()));
  json.raw("counts", counts.take()).raw("moments", moments.take()).raw("statistics", statistics.take());
  json.raw("speed", row.speed() == nullptr ? "null" : speed.take());
  json.hash("stream_version", row.stream_version()).hash("provenance", row.provenance());
  json.number("first_epoch", row.first_epoch()).number("first_sequence", row.first_sequence());
  json.number("last_epoch", row.last_epoch()).number("last_sequence", row.last_sequence());
  json.number("first_received_ns", row.first_received_ns()).number("last_received_ns", row.last_received_ns());
  json.number("closed_ns", row.closed_ns()).number("committed_ns", row.committed_ns());
  json.truth("clock_untrusted", row.clock_untrusted()).truth("incomplete", row.incomplete());
  Object whole;
  if (row.whole() != nullptr) whole.number("start_ns", row.whole()->start_ns()).number("length_ns", row.whole()->length_ns());
  return json.raw("whole", row.whole() == nullptr ? "null" : whole.take()).take();
}

std::string json_of(const schema::StreamRow& row) {
  Object json;
  json.hash("version", row.version()).text("device", row.device()).text("channel", row.channel());
  json.text("machine", row.machine()).text("point", row.point()).text("axis", row.axis());
  json.text("quantity", row.quantity()).text("unit", row.unit()).text("location", row.location());
  return json.text("owner", row.owner()).take();
}

std::string json_of(const schema::ProvenanceRow& row) {
  Object json;
  json.hash("id", row.id()).text("program", row.program()).text("backend", row.backend()).hash("config_hash", row.config_hash());
  json.number("schema_major", row.schema_major()).number("schema_minor", row.schema_minor());
  std::string parameters;
  if (row.parameters() != nullptr) {
    for (const auto* each : *row.parameters()) parameters += (parameters.empty() ? "" : ",") + json_text(each->string_view());
  }
  return json.text("source", row.source()).raw("parameters", "[" + parameters + "]").take();
}

std::string json_of(const schema::GapRow& row) {
  Object json;
  json.text("device", row.device()).number("epoch", row.epoch()).number("first_sequence", row.first_sequence());
  json.number("last_sequence", row.last_sequence()).text("cause", schema::EnumNameGapCause(row.cause()));
  return json.number("noticed_ns", row.noticed_ns()).truth("clock_untrusted", row.clock_untrusted()).take();
}

std::string json_of(const schema::EventRow& row) {
  Object json;
  json.text("kind", schema::EnumNameEventKind(row.kind())).number("at_ns", row.at_ns()).text("device", row.device());
  json.text("channel", row.channel()).number("value", row.value()).text("detail", row.detail());
  return json.truth("clock_untrusted", row.clock_untrusted()).take();
}

std::string json_of(const schema::SilenceRow& row) {
  Object json;
  json.text("device", row.device()).text("channel", row.channel()).hash("definition", row.definition());
  json.number("first_start_ns", row.first_start_ns()).number("length_ns", row.length_ns()).number("hop_ns", row.hop_ns());
  json.number("windows", row.windows()).text("state", schema::EnumNameWindowState(row.state()));
  json.hash("stream_version", row.stream_version()).hash("provenance", row.provenance());
  return json.number("noticed_ns", row.noticed_ns()).truth("clock_untrusted", row.clock_untrusted()).take();
}

std::string json_of(const schema::AlarmRow& row) {
  Object json;
  json.text("device", row.device()).text("channel", row.channel()).hash("limit", row.limit());
  json.number("activated_ns", row.activated_ns()).number("revision", row.revision());
  json.text("state", schema::EnumNameAlarmState(row.state())).text("level", schema::EnumNameAlarmLevel(row.level()));
  json.text("highest_level", schema::EnumNameAlarmLevel(row.highest_level())).number("changed_ns", row.changed_ns());
  json.number("value", row.value()).text("statistic", statistic_name(row.statistic(), 0, nullptr)).text("unit", row.unit());
  json.text("parameter", row.parameter()).text("provisional_level", schema::EnumNameAlarmLevel(row.provisional_level()));
  json.text("direction", schema::EnumNameLimitDirection(row.direction())).number("alert", row.alert());
  json.number("danger", row.danger()).number("deadband", row.deadband()).number("on_delay_ns", row.on_delay_ns());
  json.hash("definition", row.definition()).number("length_ns", row.length_ns()).hash("stream_version", row.stream_version());
  json.hash("provenance", row.provenance()).number("committed_ns", row.committed_ns());
  return json.truth("clock_untrusted", row.clock_untrusted()).take();
}

// Empty: it cannot be read.
template <class Row>
std::string json_if(const Result<const Row*>& row) {
  return row ? json_of(**row) : std::string();
}

std::string json_of(schema::RowKind kind, schema::Bytes body, const WindowLabels* labels, const Parameters* parameters) {
  switch (kind) {
    case schema::RowKind::window: {
      const auto row = schema::open_window_row(body);
      return row ? json_of(**row, labels, parameters) : std::string();
    }
    case schema::RowKind::stream:
      return json_if(schema::open_stream_row(body));
    case schema::RowKind::provenance:
      return json_if(schema::open_provenance_row(body));
    case schema::RowKind::gap:
      return json_if(schema::open_gap_row(body));
    case schema::RowKind::event:
      return json_if(schema::open_event_row(body));
    case schema::RowKind::silence:
      return json_if(schema::open_silence_row(body));
    case schema::RowKind::alarm:
      return json_if(schema::open_alarm_row(body));
    case schema::RowKind::none:
      break;
  }
  return {};
}

}  // namespace

std::string row_json(schema::RowKind kind, schema::Bytes body, const WindowLabels* labels, const Parameters* parameters) {
  const std::string json = json_of(kind, body, labels, parameters);
  if (json.empty()) return "\"body\":\"" + hex_of(body) + "\"";
  return std::string("\"") + schema::EnumNameRowKind(kind) + "\":" + json;
}

std::string window_json(const schema::WindowRowT& row, const WindowLabels& labels, const Parameters& parameters) {
  Object json;
  json.text("device", row.device).text("channel", row.channel);
  put_labels(json, &labels);
  json.number("start_ns", row.start_ns).number("length_ns", row.length_ns).number("revision", row.revision);
  json.text("state", schema::EnumNameWindowState(row.state));
  json.number("received", row.counts->received).number("good", row.counts->good);
  for (const auto& each : row.statistics) json.number(statistic_name(each->statistic, each->parameter, &parameters), each->value);
  return json.take();
}

std::string statistic_name(std::uint16_t statistic, std::uint16_t parameter, const Parameters* parameters) {
  const auto* known = kernels::find_statistic(statistic);
  std::string name = known != nullptr ? std::string(known->name) : "statistic_" + std::to_string(statistic);
  if (parameter == 0) return name;
  const bool has_text = parameters != nullptr && parameter < parameters->texts().size();
  return name + "." + (has_text ? parameters->texts()[parameter] : "#" + std::to_string(parameter));
}

std::string json_text(std::string_view text) {
  const bool is_utf8 = simdjson::validate_utf8(text);
  std::string json = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || (byte >= 0x80 && !is_utf8)) {
      json += {'\\', 'u', '0', '0', hex_digits[byte >> 4u], hex_digits[byte & 0xfu]};
    } else {
      if (c == '"' || c == '\\') json += '\\';
      json += c;
    }
  }
  return json + '"';
}

}  // namespace stethos::edge
