// MQTT topic filters: what they match, by the rules of MQTT 5, section 4.7. Every filter here is a valid one.
#pragma once

#include <string_view>

namespace stethos::edge {

bool topic_matches(std::string_view filter, std::string_view topic);

// Whether there is a topic that both match.
bool filters_overlap(std::string_view a, std::string_view b);

}  // namespace stethos::edge
