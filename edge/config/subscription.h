// [[subscription]] of the configuration: a topic filter, and how to read what comes through it. Plain data.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/settings.h"

namespace stethos::edge {

enum class PayloadFormat : std::uint8_t { stethos, json, value, f32 };
enum class Acknowledge : std::uint8_t { after_commit, on_arrival };
enum class TimeUnit : std::uint8_t { s, ms, us, ns, iso8601, arrival };  // arrival: the payload has no time of its own
enum class MissingTime : std::uint8_t { refuse, arrival };
enum class FieldType : std::uint8_t { number, quoted_number, boolean, base64_f32, base64_i16 };

// What a field is, and what of it makes a channel.
struct FieldConfig {
  std::string path;     // a name at the top of its record, or a JSON pointer; where a tag picks the field: the tag
  std::string channel;
  std::string quantity;
  std::string unit;
  FieldType type = FieldType::number;
  double scale = 1;     // value = scale * what is there + offset
  double offset = 0;
};

struct SubscriptionConfig {
  std::string topic;          // an MQTT topic filter
  int qos = 1;                // 0 or 1
  PayloadFormat format = PayloadFormat::stethos;
  Acknowledge acknowledge = Acknowledge::after_commit;  // our own format always runs on_arrival
  // Where device and channel stand, for all but our own format. A level counts from 0; -1: not there.
  int device_level = -1;
  std::string device_field;   // json; empty: not there
  int channel_level = -1;
  // Field -> "quantity unit", e.g. temperature = "temperature degC".
  std::map<std::string, std::string> fields;
  std::vector<FieldConfig> field_tables;  // [[subscription.field]]: those of which more is said; an empty channel is the path's
  // json: the array whose elements are records, each with its own fields, time and device; empty: the document is one record.
  std::string records;
  std::string tag_field;  // json: of a record, names the field that its `value_field` holds; empty: each field has its path
  std::string value_field;
  std::string time_field;  // json
  TimeUnit time_unit = TimeUnit::ms;
  std::string time_zone;  // json texts without a zone: the zone of the device's clock; empty: UTC
  MissingTime time_missing = MissingTime::refuse;
  std::string interval_field;  // json arrays: the field with the sampling interval, in interval_unit
  TimeUnit interval_unit = TimeUnit::us;
  std::string rate_field;  // json arrays: the field with the sampling rate in Hz
  DurationNs interval = 0;  // json arrays and f32: a fixed sampling interval
  std::string identity;  // json: "" (none), "time", or the field that identifies a reading, whatever its type
  std::vector<std::string> ignored_payloads;  // that are no readings
  bool ignores_other_documents = false;  // json: those that have none of the fields

  // Both lists as one, in order of path.
  std::vector<FieldConfig> all_fields() const;
};

settings::Table<SubscriptionConfig> subscription_table();

}  // namespace stethos::edge
