#include <algorithm>

#include "common/settings.h"
#include "common/settings_values.h"

namespace stethos::settings::detail {
namespace {

// A table of Markdown ends a cell at a bar, code or not.
std::string cell(std::string text) {
  for (auto bar = text.find('|'); bar != std::string::npos; bar = text.find('|', bar + 2)) text.insert(bar, "\\");
  return text;
}

std::string row(const Key& key) {
  const std::string fallback = key.fallback ? "`" + written(key, *key.fallback) + "`" : "required";
  return "| `" + key.path + "` | " + cell(form_of(key, "`")) + " | " + cell(fallback) + " | " + cell(key.sentence) + " |\n";
}

const std::string head = "\n| key | form | default | what it does |\n|---|---|---|---|\n";

std::string how_often(const Key& key) {
  if (key.min == 0) return "At most " + std::to_string(key.max) + " of them.";
  return "From " + std::to_string(key.min) + " to " + std::to_string(key.max) + " of them.";
}

std::string lists_of(const Core& core, const std::string& prefix) {
  std::string out;
  for (const Key& list : core.keys) {
    if (list.kind != Kind::list) continue;
    const std::string path = prefix + list.path;
    out.append("\n## `[[").append(path).append("]]`\n\n").append(list.sentence).append(" ").append(how_often(list));
    out.append("\n").append(head);
    for (const Key& key : list.items->keys) {
      if (key.kind != Kind::list) out += row(key);
    }
    out.append(lists_of(*list.items, path + "."));
  }
  return out;
}

}  // namespace

std::string reference_page(const Core& core) {
  std::string out =
      "# Configuration of " + core.name + "\n\n" + core.about +
      "\n\nThis page is made from the table in the program that also reads the file. The file is TOML. A key that the "
      "program does not\nknow is an error, and so is a value outside its limits. Durations are texts like `\"250ms\"`, "
      "`\"10s\"`, `\"5m\"`, `\"7d\"`; byte sizes\nlike `\"64 MiB\"`; times like `\"2026-11-21T10:00:00Z\"`, or a date "
      "alone. A relative file name starts at the folder of the file.\n";
  std::string section;
  bool open = false;
  for (const Key& key : core.keys) {
    if (key.kind == Kind::list) continue;
    const auto dot = key.path.find('.');
    const std::string name = dot == std::string::npos ? std::string() : key.path.substr(0, dot);
    if (!open || name != section) {
      if (!name.empty()) out.append("\n## `[").append(name).append("]`\n");
      out += head;
      section = name;
      open = true;
    }
    out += row(key);
  }
  return out + lists_of(core, "");
}

}  // namespace stethos::settings::detail
