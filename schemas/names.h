// What may be a name. Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace stethos::schema {

inline constexpr std::size_t name_bytes_max = 128;

// A name of ours, or of a quantity: it may stand in a topic, a key and a command line. 1 to name_bytes_max bytes of printable
// ASCII without spaces, quotes, slashes, '+', '#' and backslashes.
bool is_name(std::string_view text);

// A name that a plant gave: of a device, a channel, a machine, a point or a unit. 1 to name_bytes_max bytes of UTF-8 without
// control characters, and without a space at either end: "Kühlpumpe 3", "relay/0". Two are one name if their bytes are equal.
bool is_plant_name(std::string_view text);

}  // namespace stethos::schema
