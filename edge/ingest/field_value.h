// What a declared field holds, as numbers: the forms that FieldType names, then its scale and offset. Pure; any thread.
#pragma once

#include <simdjson.h>

#include <expected>
#include <memory_resource>
#include <optional>
#include <string_view>

#include "edge/config/subscription.h"
#include "edge/ingest/decoder.h"

namespace stethos::edge {

// A number as programs print it, the text being nothing else; NaN for "nan". Nothing: it is none, or beyond a double.
std::optional<double> parse_number(std::string_view text);

// "on" and "off", "true" and "false", "yes" and "no" in any case, as 1 and 0.
std::optional<double> parse_truth(std::string_view text);

// Strict: with its padding. Nothing: it is no base64.
std::optional<std::string> decode_base64(std::string_view base64);

// One reading from a text that stands alone.
std::expected<double, Rejection> read_text(const FieldConfig& field, std::string_view text);

// Puts a reading or an array of samples into the channel, or why it is refused. Samples are kept in `arena`. A null is a sample
// that is missing, and counts as not finite. An array of one that has no sampling interval is a reading.
void read_json(const FieldConfig& field, simdjson::dom::element value, bool has_interval, std::pmr::memory_resource& arena,
               DecodedChannel& channel);

}  // namespace stethos::edge
