// How the values of settings are read from texts, judged, and written back: shared by the files that implement
// common/settings.h, and by nobody else. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"
#include "common/settings.h"

namespace stethos::settings::detail {

// A duration, a time or a byte size, in ns or bytes.
Result<std::int64_t> read_textual(Kind kind, std::string_view text);

// As it would stand in a file, in one canonical form.
std::string written(const Key& key, const Value& value);

// A text in double quotes, with everything that is not printable escaped.
std::string in_quotes(std::string_view text);

// What is wrong with the value; empty: nothing.
std::string objection(const Key& key, const Value& value);

// "whole number, 1 to 65535": for messages and for the page. `code` surrounds what would stand in a file.
std::string form_of(const Key& key, std::string_view code);

}  // namespace stethos::settings::detail
