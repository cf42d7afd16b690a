#include "edge/ingest/declared_field.h"

#include <algorithm>

namespace stethos::edge {

std::string json_pointer(const std::string& field) { return field.starts_with('/') ? field : "/" + field; }

std::vector<DeclaredField> declared_fields(const SubscriptionConfig& subscription) {
  std::vector<DeclaredField> fields;
  for (const auto& [name, meaning] : subscription.fields) {
    const auto space = meaning.find(' ');
    STETHOS_CHECK(space != std::string::npos, "a field is declared as quantity and unit");
    DeclaredField field{json_pointer(name), name.starts_with('/') ? name.substr(1) : name, meaning.substr(0, space),
                        meaning.substr(space + 1)};
    std::ranges::replace(field.channel, '/', '.');
    fields.push_back(std::move(field));
  }
  return fields;
}

}  // namespace stethos::edge
