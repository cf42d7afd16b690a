// What is wrong with a value, or with values together, that types and limits cannot say. Used by edge_config.cc and
// subscription.cc alone. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "edge/config/edge_config.h"

namespace stethos::edge {

// Each says what is wrong with the text; empty: nothing.
std::string objection_to_name(std::string_view text);
std::string objection_to_plant_name(std::string_view text);
std::string objection_to_unit(std::string_view text);
std::string objection_to_field_meaning(std::string_view text);  // "quantity unit"
std::string objection_to_time_zone(std::string_view text);
std::string objection_to_topic_filter(std::string_view text);
std::string objection_to_republish_topic(std::string_view text);
std::string objection_to_statistic(std::string_view text);
std::string objection_to_limit_statistic(std::string_view text);
std::string objection_to_percentile(std::string_view text);
std::string objection_to_loopback_host(std::string_view text);
std::string objection_to_host(std::string_view text);
std::string objection_to_uplink_url(std::string_view text);

// Keys are those of the section: "length".
std::vector<settings::Problem> check_window(const WindowConfig& window);
std::vector<settings::Problem> check_limit(const LimitConfig& limit);

// Between sections. Keys are those of the file: "subscription[1].topic".
std::vector<settings::Problem> check_across(const EdgeConfig& config);

}  // namespace stethos::edge
