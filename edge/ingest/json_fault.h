// What is wrong with a text that should be JSON and is not, in words for whoever has to mend the device that sends it.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

namespace stethos::edge {

// `error`: why the parser refused it. What is quoted of the text is cut, and as it came.
std::string json_fault(std::string_view text, simdjson::error_code error);

}  // namespace stethos::edge
