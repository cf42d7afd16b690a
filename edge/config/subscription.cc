#include "edge/config/subscription.h"

#include <algorithm>
#include <utility>

#include "edge/config/edge_rules.h"
#include "edge/config/problems.h"
#include "edge/ingest/topic_filter.h"
#include "schemas/envelope.h"

namespace stethos::edge {
namespace {

using settings::required;
using settings::TextLimits;

constexpr std::size_t fields_max = 64;
constexpr std::int64_t topic_levels_max = 32;
constexpr double factor_max = 1e15;

settings::Table<FieldConfig> field_table() {
  using Config = FieldConfig;
  settings::Table<Config> table("field", "One field of a JSON record, and what it is.");
  table.text(
      "path", &Config::path, required,
      "The name of the field at the top of its record, or a JSON pointer, as in `/data/0/value`; with `tag_field`, the tag.");
  table.text("channel", &Config::channel, "", TextLimits{.check = objection_to_plant_name},
             "The channel that it becomes; empty: the path, with dots for its slashes.");
  table.text("quantity", &Config::quantity, required, TextLimits{.check = objection_to_name}, "What is measured: `temperature`.");
  table.text("unit", &Config::unit, required, TextLimits{.check = objection_to_unit},
             "The unit of the values after `scale` and `offset`: `degC`.");
  table.choice(
      "type", &Config::type, "number",
      {{"number", FieldType::number},
       {"quoted_number", FieldType::quoted_number},
       {"boolean", FieldType::boolean},
       {"base64_f32", FieldType::base64_f32},
       {"base64_i16", FieldType::base64_i16}},
      "What stands there: a number, or an array of numbers; a number that may stand in quotes; `true` or `false`, `on` or "
      "`off`, `yes` or `no` in any case, quoted or not, as 1 or 0; or samples as little-endian binary in base64.");
  table.number("scale", &Config::scale, 1, {-factor_max, factor_max},
               "A value is `scale` times what stands there, plus `offset`.");
  table.number("offset", &Config::offset, 0, {-factor_max, factor_max}, "What is added to a value after `scale`.");
  return table;
}

void check_level(int level, const std::string& key, const std::string& topic, Problems& problems) {
  const auto levels = levels_of(topic);
  if (level < 0 || levels.back() == "#" || std::cmp_less(level, levels.size())) return;
  problems.add(key, "must be at most " + std::to_string(levels.size() - 1) + ": levels count from 0, and topic has " +
                        std::to_string(levels.size()));
}

void check_channels(const SubscriptionConfig& s, Problems& problems) {
  std::map<std::string, std::string> channels;
  for (const FieldConfig& field : s.all_fields()) {
    if (const auto bad = objection_to_plant_name(field.channel); !bad.empty()) {
      problems.add("fields", "its field \"" + field.path + "\" makes a channel whose name " + bad);
    }
    if (field.scale == 0) problems.add("field", "must not have a scale of 0: every value would be the offset");
    const auto [other, is_new] = channels.emplace(field.channel, field.path);
    if (is_new) continue;
    problems.add("fields", "its field \"" + field.path + "\" makes the same channel as \"" + other->second + "\"");
  }
}

void check_json(const SubscriptionConfig& s, Problems& problems) {
  if (s.all_fields().empty()) problems.add("fields", "must be given for json: which fields to read, and what they are");
  if ((s.device_level >= 0) == !s.device_field.empty()) {
    problems.add(s.device_field.empty() ? "device_level" : "device_field",
                 std::string(s.device_field.empty() ? "must be given" : "must not be given beside device_level") +
                     ": json needs either device_level or device_field");
  }
  problems.refuse_if(s.channel_level >= 0, "channel_level", "the channels of json are named after their fields");
  if (s.time_unit == TimeUnit::arrival) {
    problems.refuse_if(!s.time_field.empty(), "time_field", "time_unit = \"arrival\" says that the payload has no time");
    problems.refuse_if(s.identity == "time", "identity", "without a time_field every reading has a time of its own");
    problems.refuse_if(s.time_missing == MissingTime::arrival, "time_missing", "time_unit = \"arrival\" says it already");
  } else if (s.time_field.empty()) {
    problems.add("time_field", "must be given for json, unless time_unit is \"arrival\"");
  }
  problems.refuse_if(!s.time_zone.empty() && s.time_unit != TimeUnit::iso8601, "time_zone",
                     "what time_field counts is UTC, unless time_unit is \"iso8601\"");
  if (s.time_missing == MissingTime::arrival && s.identity == "time") {
    problems.add("identity", "must not be \"time\" where a missing time is that of the arrival: a copy would have another");
  }
  const int intervals = (s.interval_field.empty() ? 0 : 1) + (s.rate_field.empty() ? 0 : 1) + (s.interval > 0 ? 1 : 0);
  if (intervals > 1) problems.add("interval", "must not be given beside interval_field or rate_field: one of them says it");
  if (s.tag_field.empty() != s.value_field.empty()) {
    problems.add(s.tag_field.empty() ? "tag_field" : "value_field", "must be given: the tag names what the value is");
  }
  check_channels(s, problems);
}

// Of formats whose payload is samples and nothing else.
void refuse_json_keys(const SubscriptionConfig& s, std::string_view why, Problems& problems) {
  problems.refuse_if(!s.device_field.empty(), "device_field", why);
  problems.refuse_if(!s.records.empty(), "records", why);
  problems.refuse_if(!s.tag_field.empty(), "tag_field", why);
  problems.refuse_if(!s.value_field.empty(), "value_field", why);
  problems.refuse_if(!s.time_field.empty(), "time_field", why);
  problems.refuse_if(!s.time_zone.empty(), "time_zone", why);
  problems.refuse_if(s.time_missing == MissingTime::arrival, "time_missing", why);
  problems.refuse_if(!s.interval_field.empty(), "interval_field", why);
  problems.refuse_if(!s.rate_field.empty(), "rate_field", why);
  problems.refuse_if(!s.identity.empty(), "identity", why);
  problems.refuse_if(s.ignores_other_documents, "ignore_other_documents", why);
}

void check_one_channel(const SubscriptionConfig& s, const std::string& format, Problems& problems) {
  if (s.all_fields().size() != 1) {
    problems.add("fields", "must have one entry for " + format + ": the channel, its quantity and its unit");
  }
  check_channels(s, problems);
  if (s.device_level < 0) {
    problems.add("device_level", "must be given for " + format + ": the payload does not name its device");
  }
  problems.refuse_if(s.channel_level >= 0 && s.channel_level == s.device_level, "channel_level", "it is the device's");
}

void check_f32(const SubscriptionConfig& s, Problems& problems) {
  check_one_channel(s, "f32", problems);
  if (s.interval <= 0) problems.add("interval", "must be given for f32: the payload does not say its sampling interval");
  problems.refuse_if(!s.field_tables.empty(), "field", "f32 is read as it is: its channel stands in `fields`");
  refuse_json_keys(s, "f32 is samples and nothing else", problems);
}

void check_value(const SubscriptionConfig& s, Problems& problems) {
  check_one_channel(s, "value", problems);
  constexpr std::string_view why = "a value is one reading and nothing else";
  problems.refuse_if(s.interval > 0, "interval", why);
  refuse_json_keys(s, why, problems);
  for (const FieldConfig& field : s.field_tables) {
    if (field.type != FieldType::base64_f32 && field.type != FieldType::base64_i16) continue;
    problems.add("field", "must not have a type of base64 for value: that is one number");
  }
}

void check_stethos(const SubscriptionConfig& s, Problems& problems) {
  constexpr std::string_view why = "the format \"stethos\" says it itself";
  problems.refuse_if(s.device_level >= 0, "device_level", why);
  problems.refuse_if(s.channel_level >= 0, "channel_level", why);
  problems.refuse_if(!s.fields.empty(), "fields", why);
  problems.refuse_if(!s.field_tables.empty(), "field", why);
  problems.refuse_if(s.interval > 0, "interval", why);
  problems.refuse_if(!s.ignored_payloads.empty(), "ignore_payloads", why);
  refuse_json_keys(s, why, problems);
  const auto levels = levels_of(s.topic);
  const bool is_of_devices = levels.size() == 4 && levels[0] == "stethos" && levels[1] == "v1" && levels[3] == "batch";
  if (is_of_devices && (levels[2] == "+" || objection_to_plant_name(levels[2]).empty())) return;
  problems.add("topic", "must be stethos/v1/+/batch, or that of one device, for the format \"stethos\"");
}

std::vector<settings::Problem> check(const SubscriptionConfig& subscription) {
  Problems problems;
  check_level(subscription.device_level, "device_level", subscription.topic, problems);
  check_level(subscription.channel_level, "channel_level", subscription.topic, problems);
  switch (subscription.format) {
    case PayloadFormat::stethos:
      check_stethos(subscription, problems);
      break;
    case PayloadFormat::json:
      check_json(subscription, problems);
      break;
    case PayloadFormat::value:
      check_value(subscription, problems);
      break;
    case PayloadFormat::f32:
      check_f32(subscription, problems);
      break;
  }
  return problems.take();
}

}  // namespace

std::vector<FieldConfig> SubscriptionConfig::all_fields() const {
  std::vector<FieldConfig> all = field_tables;
  for (const auto& [path, meaning] : fields) {
    const auto space = meaning.find(' ');
    STETHOS_CHECK(space != std::string::npos, "a field is declared as quantity and unit");
    all.push_back({.path = path, .channel = {}, .quantity = meaning.substr(0, space), .unit = meaning.substr(space + 1)});
  }
  for (FieldConfig& field : all) {
    if (!field.channel.empty()) continue;
    field.channel = field.path.starts_with('/') ? field.path.substr(1) : field.path;
    std::ranges::replace(field.channel, '/', '.');
  }
  std::ranges::stable_sort(all, {}, &FieldConfig::path);
  return all;
}

settings::Table<SubscriptionConfig> subscription_table() {
  using Config = SubscriptionConfig;
  settings::Table<Config> table("subscription", "One topic filter, and how to read what comes through it.");
  table.text("topic", &Config::topic, required, TextLimits{.check = objection_to_topic_filter},
             "The MQTT topic filter to subscribe to, with `+` and `#` as MQTT has them.");
  table.integer("qos", &Config::qos, 1, {0, 1},
                "The quality of service asked for; with 0 the broker may lose messages without notice.");
  table.choice("format", &Config::format, "stethos",
               {{"stethos", PayloadFormat::stethos},
                {"json", PayloadFormat::json},
                {"value", PayloadFormat::value},
                {"f32", PayloadFormat::f32}},
               "What a payload is: a batch of our own devices, a JSON document, one bare value as text, or raw little-endian "
               "32-bit floats.");
  table.choice(
      "acknowledge", &Config::acknowledge, "after_commit",
      {{"after_commit", Acknowledge::after_commit}, {"on_arrival", Acknowledge::on_arrival}},
      "When a message of QoS 1 is acknowledged. `after_commit`: once its effect is durable, at one commit and one sync for each "
      "message: 100 a second write 186 GB a day, and wear flash out. `on_arrival`: at once, and one commit takes what came in a "
      "commit interval, which a crash may lose: right for readings that come often. See "
      "[what durability costs](../operations.md#what-durability-costs). \"stethos\" has acknowledgements of its own and is "
      "always "
      "`on_arrival`.");
  table.integer("device_level", &Config::device_level, -1, {-1, topic_levels_max - 1},
                "json, value and f32: the level of the topic, counted from 0, that names the device; -1: none does.");
  table.text("device_field", &Config::device_field, "",
             "json: the field that names the device, by a text or a whole number; looked for in the record, then at the top.");
  table.integer("channel_level", &Config::channel_level, -1, {-1, topic_levels_max - 1},
                "value and f32: the level of the topic that names the channel; -1: the channel is named in `fields`.");
  table.text_map(
      "fields", &Config::fields, {.count_max = fields_max, .check = objection_to_field_meaning},
      "json: which fields to read, each with its quantity and unit, as in `temperature = \"temperature degC\"`; a field is a "
      "name at the top or a JSON pointer in quotes, becomes the channel of its name, and may hold a number or an array. Of what "
      "more is to be said, `[[subscription.field]]` says it. value and f32: the one channel.");
  table.list("field", &Config::field_tables, field_table(), {.count_max = fields_max},
             "json and value: a field of which more is to be said than its quantity and unit.");
  table.text(
      "records", &Config::records, "",
      "json: the array, by its name or JSON pointer, whose elements are records with fields, time and device of their own; "
      "`.`: the document is that array; empty: the document is one record.");
  table.text("tag_field", &Config::tag_field, "",
             "json: the field of a record whose text or number says which of the declared fields the record holds; empty: each "
             "field has its "
             "own path.");
  table.text("value_field", &Config::value_field, "", "json: with `tag_field`, the field of a record that holds the value.");
  table.text("time_field", &Config::time_field, "",
             "json: the field that holds the time of the reading, or of the first sample of an array; looked for in the record, "
             "then at the top.");
  table.choice("time_unit", &Config::time_unit, "ms",
               {{"s", TimeUnit::s},
                {"ms", TimeUnit::ms},
                {"us", TimeUnit::us},
                {"ns", TimeUnit::ns},
                {"iso8601", TimeUnit::iso8601},
                {"arrival", TimeUnit::arrival}},
               "json: what `time_field` counts since 1970 UTC, as a number or in quotes, or `iso8601` for a text, which is UTC "
               "where it has no zone; `arrival`: the "
               "payload has no time, and that of its arrival is taken, as value and f32 always do.");
  table.text(
      "time_zone", &Config::time_zone, "", TextLimits{.check = objection_to_time_zone},
      "json, with time_unit = \"iso8601\": the zone whose clock a time without a zone is of, `Europe/Berlin`; empty: UTC.");
  table.choice("time_missing", &Config::time_missing, "refuse",
               {{"refuse", MissingTime::refuse}, {"arrival", MissingTime::arrival}},
               "json: what becomes of a record whose time is missing or null: it is refused, or has the time of its arrival.");
  table.text("interval_field", &Config::interval_field, "", "json: the field that holds the sampling interval of an array.");
  table.choice("interval_unit", &Config::interval_unit, "us",
               {{"s", TimeUnit::s}, {"ms", TimeUnit::ms}, {"us", TimeUnit::us}, {"ns", TimeUnit::ns}},
               "json: what `interval_field` counts.");
  table.text("rate_field", &Config::rate_field, "", "json: the field that holds the sampling rate of an array, in Hz.");
  table.duration("interval", &Config::interval, "0s", {"0s", "1d"},
                 "The sampling interval of a json array, or of f32, where the payload does not say it; 0: not given.");
  table.text(
      "identity", &Config::identity, "",
      "json: what makes two messages the same reading, so that a copy is not counted twice: `time`, or the field that numbers "
      "readings. With a `time_field` the stamp is part of it; with `arrival` the number is alone, and must not begin again. Not "
      "for "
      "arrays. Empty: nothing does, and only a redelivery by the broker is recognised.");
  table.texts(
      "ignore_payloads", &Config::ignored_payloads, std::vector<std::string>{}, {.count_max = fields_max},
      "Payloads that are no readings, as a status or a last will: `[\"online\", \"offline\"]`; an empty text is the empty "
      "payload. They are counted as ignored, and make no dead letter.");
  table.boolean("ignore_other_documents", &Config::ignores_other_documents, false,
                "json: whether documents and records that have none of the fields are counted as ignored, instead of being dead "
                "letters.");
  table.check(check);
  return table;
}

}  // namespace stethos::edge
