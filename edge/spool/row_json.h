// Rows for people and programs beside the collector: of the outbox, every field by its name in schemas/rows.fbs, and windows as
// they are published again. Windows have the labels of their stream, which rows name by its version: null where they are not
// known, and then `labels_missing` says so.
//
// Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "edge/core/effect.h"
#include "edge/window/parameters.h"
#include "schemas/envelope.h"

namespace stethos::edge {

// A member of a JSON object, named after the kind: `"window":{...}`. A kind that this program does not know, or a body that
// cannot be read, is `"body":"..."`, its bytes in hexadecimal. Hashes are hexadecimal too, numbers that are not finite null.
// The texts of parameters stand in the row of the provenance, which may be gone: without `parameters` their numbers do instead.
// `labels`: of a window; null: they are not known.
std::string row_json(schema::RowKind kind, schema::Bytes body, const WindowLabels* labels,
                     const Parameters* parameters = nullptr);

// A window as it is published again on the local broker: one line.
std::string window_json(const schema::WindowRowT& row, const WindowLabels& labels, const Parameters& parameters);

// "rms", "quantile.p95".
std::string statistic_name(std::uint16_t statistic, std::uint16_t parameter, const Parameters* parameters);

// With its quotes. Bytes that are not UTF-8 are taken for Latin-1.
std::string json_text(std::string_view text);

}  // namespace stethos::edge
