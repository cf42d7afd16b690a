// A row of the outbox for people and programs beside the collector: every field by its name in schemas/rows.fbs.
//
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "schemas/envelope.h"

namespace stethos::edge {

// A member of a JSON object, named after the kind: `"window":{...}`. A kind that this program does not know, or a body that
// cannot be read, is `"body":"..."`, its bytes in hexadecimal. Hashes are hexadecimal too, numbers that are not finite null.
std::string row_json(schema::RowKind kind, schema::Bytes body);

// With its quotes. Bytes that are not UTF-8 are taken for Latin-1.
std::string json_text(std::string_view text);

}  // namespace stethos::edge
