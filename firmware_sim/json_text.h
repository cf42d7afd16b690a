// Writing JSON: a text with its escapes, and numbers in the shortest form that reads back as the same double.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stethos::firmware_sim {

void append_json(std::string& out, std::string_view text);  // with its quotes
void append_json(std::string& out, double value);           // null where it is not finite
void append_json(std::string& out, std::int64_t value);
void append_json(std::string& out, std::uint64_t value);

}  // namespace stethos::firmware_sim
