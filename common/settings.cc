#include "common/settings.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/identity.h"
#include "common/settings_values.h"

namespace stethos::settings {

std::string Problem::text() const {
  std::string out = file;
  if (line > 0) out += (out.empty() ? "line " : ":") + std::to_string(line);
  if (!key.empty()) out += (out.empty() ? "" : ": ") + key;
  return out + (out.empty() ? "" : ": ") + message;
}

std::string show(const Effective& effective) {
  std::size_t width = 0;
  for (const auto& setting : effective.settings)
    width = std::max(width, std::min<std::size_t>(60, setting.key.size() + setting.value.size()));
  std::string out = "# hash " + hex_of(effective.hash) + "\n";
  for (const auto& setting : effective.settings) {
    const std::size_t used = setting.key.size() + setting.value.size();
    const std::string space(used < width ? width - used : 0, ' ');
    out += setting.key + " = " + setting.value + space + "  # " + setting.origin + "\n";
  }
  return out;
}

namespace detail {
namespace {

constexpr std::int64_t file_name_bytes_max = 4096;

Key key_of(Kind kind, std::string path, std::string sentence) {
  Key key;
  key.path = std::move(path);
  key.kind = kind;
  key.sentence = std::move(sentence);
  return key;
}

std::int64_t limit_of(Kind kind, const std::string& path, const std::string& text) {
  const auto limit = read_textual(kind, text);
  STETHOS_CHECK(limit, path + ": " + limit.error().text());
  return *limit;
}

}  // namespace

void Core::add(Key key) {
  const auto conflict = std::ranges::find_if(keys, [&](const Key& other) {
    return other.path == key.path || other.path.starts_with(key.path + ".") || key.path.starts_with(other.path + ".");
  });
  STETHOS_CHECK(conflict == keys.end(), key.path + ": it is in the table already, or below or above a key that is");
  STETHOS_CHECK(!key.path.empty() && !key.sentence.empty(), "a key needs a path and a sentence");
  STETHOS_CHECK(key.min <= key.max && key.number_min <= key.number_max, key.path + ": its limits are the wrong way round");
  if (key.fallback) {
    // An empty text, or a number that is NaN, as a default says "not given", whatever may be given.
    const auto* text = std::get_if<std::string>(&*key.fallback);
    const auto* number = std::get_if<double>(&*key.fallback);
    const bool says_nothing = (text != nullptr && text->empty()) || (number != nullptr && std::isnan(*number));
    const auto bad = says_nothing ? std::string() : objection(key, *key.fallback);
    STETHOS_CHECK(bad.empty(), key.path + ": its default " + bad);
  }
  keys.push_back(std::move(key));
}

Key text_key(std::string path, std::optional<std::string> fallback, TextLimits limits, std::string sentence) {
  Key key = key_of(Kind::text, std::move(path), std::move(sentence));
  key.min = static_cast<std::int64_t>(fallback ? limits.bytes_min : std::max<std::size_t>(1, limits.bytes_min));
  key.max = static_cast<std::int64_t>(limits.bytes_max);
  key.check = std::move(limits.check);
  if (fallback) key.fallback = std::move(*fallback);
  return key;
}

Key integer_key(std::string path, std::optional<std::int64_t> fallback, IntegerLimits limits, std::string sentence) {
  Key key = key_of(Kind::integer, std::move(path), std::move(sentence));
  key.min = limits.min;
  key.max = limits.max;
  key.unit = std::move(limits.unit);
  if (fallback) key.fallback = *fallback;
  return key;
}

Key number_key(std::string path, std::optional<double> fallback, NumberLimits limits, std::string sentence) {
  Key key = key_of(Kind::number, std::move(path), std::move(sentence));
  key.number_min = limits.min;
  key.number_max = limits.max;
  key.unit = std::move(limits.unit);
  if (fallback) key.fallback = *fallback;
  return key;
}

Key boolean_key(std::string path, std::optional<bool> fallback, std::string sentence) {
  Key key = key_of(Kind::boolean, std::move(path), std::move(sentence));
  if (fallback) key.fallback = *fallback;
  return key;
}

Key textual_key(Kind kind, std::string path, std::optional<std::string> fallback, const TextualLimits& limits,
                std::string sentence) {
  Key key = key_of(kind, std::move(path), std::move(sentence));
  key.min = limit_of(kind, key.path, limits.min);
  key.max = limit_of(kind, key.path, limits.max);
  if (fallback) key.fallback = limit_of(kind, key.path, *fallback);
  return key;
}

Key choice_key(std::string path, std::optional<std::string> fallback, std::vector<std::string> choices, std::string sentence) {
  Key key = key_of(Kind::choice, std::move(path), std::move(sentence));
  if (fallback) {
    const auto chosen = std::ranges::find(choices, *fallback);
    STETHOS_CHECK(chosen != choices.end(), key.path + ": its default is none of its choices");
    key.fallback = std::int64_t{chosen - choices.begin()};
  }
  key.choices = std::move(choices);
  return key;
}

Key file_key(Kind kind, std::string path, std::optional<std::string> fallback, std::string sentence) {
  Key key = key_of(kind, std::move(path), std::move(sentence));
  key.min = fallback ? 0 : 1;
  key.max = file_name_bytes_max;
  if (fallback) key.fallback = std::move(*fallback);
  return key;
}

Key texts_key(std::string path, std::optional<Texts> fallback, CountLimits limits, std::string sentence) {
  Key key = key_of(Kind::texts, std::move(path), std::move(sentence));
  key.min = static_cast<std::int64_t>(limits.count_min);
  key.max = static_cast<std::int64_t>(limits.count_max);
  key.check = std::move(limits.check);
  if (fallback) key.fallback = std::move(*fallback);
  return key;
}

Key text_map_key(std::string path, CountLimits limits, std::string sentence) {
  Key key = key_of(Kind::text_map, std::move(path), std::move(sentence));
  key.min = static_cast<std::int64_t>(limits.count_min);
  key.max = static_cast<std::int64_t>(limits.count_max);
  key.check = std::move(limits.check);
  if (key.min == 0) key.fallback = TextMap{};
  return key;
}

Key list_key(std::string path, std::shared_ptr<const Core> items, const CountLimits& limits, std::string sentence) {
  Key key = key_of(Kind::list, std::move(path), std::move(sentence));
  key.min = static_cast<std::int64_t>(limits.count_min);
  key.max = static_cast<std::int64_t>(limits.count_max);
  key.items = std::move(items);
  return key;
}

}  // namespace detail
}  // namespace stethos::settings
