// What is wrong with JSON, in words for whoever has to mend the device that sends it. What is quoted of it is cut, and as it
// came.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

namespace stethos::edge {

// Of a text that should be JSON and is not. `error`: why the parser refused it.
std::string json_fault(std::string_view text, simdjson::error_code error);

// Of a document in which something was not found: "; it has "a", "b"", the first names at its top. Empty: it is no object.
std::string names_in(simdjson::dom::element document);

}  // namespace stethos::edge
