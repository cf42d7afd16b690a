#include "edge/ingest/topic_filter.h"

namespace stethos::edge {
namespace {

void append_as_level(std::string& topic, std::string_view name) {
  constexpr std::string_view digits = "0123456789ABCDEF", written = "/+#$%";
  for (const char c : name) {
    if (written.find(c) == std::string_view::npos) {
      topic += c;
    } else {
      topic += {'%', digits[static_cast<unsigned char>(c) >> 4u], digits[static_cast<unsigned char>(c) & 0xfu]};
    }
  }
}

}  // namespace

bool topic_matches(std::string_view filter, std::string_view topic) {
  // Wildcards at the first level do not match topics of the broker's own.
  if (topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#'))) return false;
  for (;;) {
    if (filter == "#") return true;
    const auto filter_slash = filter.find('/');
    const auto topic_slash = topic.find('/');
    const auto level = filter.substr(0, filter_slash);
    if (level != "+" && level != topic.substr(0, topic_slash)) return false;
    if (filter_slash == std::string_view::npos) return topic_slash == std::string_view::npos;
    filter.remove_prefix(filter_slash + 1);
    if (topic_slash == std::string_view::npos) return filter == "#";  // "a/#" matches "a"
    topic.remove_prefix(topic_slash + 1);
  }
}

bool filters_overlap(std::string_view a, std::string_view b) {
  const auto starts_with_wildcard = [](std::string_view filter) { return filter.starts_with('+') || filter.starts_with('#'); };
  if ((a.starts_with('$') && starts_with_wildcard(b)) || (b.starts_with('$') && starts_with_wildcard(a))) return false;
  for (;;) {
    if (a == "#" || b == "#") return true;
    const auto a_slash = a.find('/');
    const auto b_slash = b.find('/');
    const auto a_level = a.substr(0, a_slash);
    const auto b_level = b.substr(0, b_slash);
    if (a_level != "+" && b_level != "+" && a_level != b_level) return false;
    const bool a_ends = a_slash == std::string_view::npos;
    const bool b_ends = b_slash == std::string_view::npos;
    if (a_ends && b_ends) return true;
    // "a/#" matches "a".
    if (a_ends) return b.substr(b_slash + 1) == "#";
    if (b_ends) return a.substr(a_slash + 1) == "#";
    a.remove_prefix(a_slash + 1);
    b.remove_prefix(b_slash + 1);
  }
}

std::vector<std::string_view> levels_of(std::string_view topic) {
  std::vector<std::string_view> levels;
  for (;;) {
    const auto slash = topic.find('/');
    levels.push_back(topic.substr(0, slash));
    if (slash == std::string_view::npos) return levels;
    topic.remove_prefix(slash + 1);
  }
}

std::string topic_of(std::string_view pattern, std::string_view device, std::string_view channel) {
  constexpr std::string_view device_place = "{device}", channel_place = "{channel}";
  std::string topic;
  while (!pattern.empty()) {
    const bool is_device = pattern.starts_with(device_place);
    if (is_device || pattern.starts_with(channel_place)) {
      append_as_level(topic, is_device ? device : channel);
      pattern.remove_prefix((is_device ? device_place : channel_place).size());
    } else {
      topic += pattern.front();
      pattern.remove_prefix(1);
    }
  }
  return topic;
}

}  // namespace stethos::edge
