#include "edge/ingest/json_path.h"

#include <charconv>

namespace stethos::edge {
namespace {

using simdjson::dom::element;

std::string unescaped(std::string_view step) {
  std::string out;
  for (std::size_t i = 0; i < step.size(); ++i) {
    const bool is_escape = step[i] == '~' && i + 1 < step.size() && (step[i + 1] == '0' || step[i + 1] == '1');
    out += is_escape ? (step[++i] == '0' ? '~' : '/') : step[i];
  }
  return out;
}

std::optional<element> item_of(simdjson::dom::array array, std::string_view step) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (error != std::errc() || end != step.data() + step.size()) return std::nullopt;
  element item;
  if (array.at(index).get(item)) return std::nullopt;
  return item;
}

}  // namespace

JsonPath::JsonPath(std::string_view text) : text_(text) {
  if (!text.starts_with('/')) {
    steps_.emplace_back(text);
    return;
  }
  while (!text.empty()) {
    text.remove_prefix(1);
    const auto slash = text.find('/');
    steps_.push_back(unescaped(text.substr(0, slash)));
    text.remove_prefix(std::min(slash, text.size()));
  }
}

std::expected<std::optional<element>, Rejection> JsonPath::find(element document) const {
  element at = document;
  for (const std::string& step : steps_) {
    simdjson::dom::array array;
    if (!at.get_array().get(array)) {
      const auto item = item_of(array, step);
      if (!item) return std::nullopt;
      at = *item;
      continue;
    }
    simdjson::dom::object object;
    if (at.get_object().get(object)) return std::nullopt;
    std::optional<element> found;
    for (const auto [name, value] : object) {
      if (name != step) continue;
      if (found) return std::unexpected(Rejection{Reason::repeated_key, text_ + " is there twice"});
      found = value;
    }
    if (!found) return std::nullopt;
    at = *found;
  }
  return at;
}

}  // namespace stethos::edge
