// MQTT topic filters: whether a topic matches, by the rules of MQTT 5, section 4.7.
#pragma once

#include <string_view>

namespace stethos::edge {

// `filter` is a valid one.
bool topic_matches(std::string_view filter, std::string_view topic);

}  // namespace stethos::edge
