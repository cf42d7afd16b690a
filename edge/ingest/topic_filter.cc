#include "edge/ingest/topic_filter.h"

namespace stethos::edge {

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

}  // namespace stethos::edge
