// MQTT topic filters: what they match, by the rules of MQTT 5, section 4.7. Every filter here is a valid one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stethos::edge {

bool topic_matches(std::string_view filter, std::string_view topic);

// Whether there is a topic that both match.
bool filters_overlap(std::string_view a, std::string_view b);

// Of a topic or a filter; at least one, which may be empty.
std::vector<std::string_view> levels_of(std::string_view topic);

// The topic that a pattern with {device} and {channel} becomes. What a level of a topic cannot hold of a name, '/', '+' and '#',
// and '$' and '%', is written as in a URL: "%2F". So each name has a topic of its own.
std::string topic_of(std::string_view pattern, std::string_view device, std::string_view channel);

}  // namespace stethos::edge
