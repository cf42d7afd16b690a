// MQTT topic filters: what they match, by the rules of MQTT 5, section 4.7. Every filter here is a valid one.
#pragma once

#include <string_view>
#include <vector>

namespace stethos::edge {

bool topic_matches(std::string_view filter, std::string_view topic);

// Whether there is a topic that both match.
bool filters_overlap(std::string_view a, std::string_view b);

// Of a topic or a filter; at least one, which may be empty.
std::vector<std::string_view> levels_of(std::string_view topic);

}  // namespace stethos::edge
