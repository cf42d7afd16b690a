// What a subscription declares of a payload that does not describe itself: `fields`, taken apart.
#pragma once

#include <string>
#include <vector>

#include "edge/config/edge_config.h"

namespace stethos::edge {

struct DeclaredField {
  std::string pointer;  // a JSON pointer: "/temperature", "/data/0/value"
  std::string channel;  // the field's name, with dots for the slashes of a pointer
  std::string quantity;
  std::string unit;
};

// In order of name. The configuration has been checked.
std::vector<DeclaredField> declared_fields(const SubscriptionConfig& subscription);

// "name" and "/name" alike.
std::string json_pointer(const std::string& field);

}  // namespace stethos::edge
