#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>

#include "common/hash.h"
#include "common/settings.h"
#include "common/settings_files.h"
#include "common/settings_values.h"

// Far deeper than any table goes; the parser and its nodes are recursive.
#define TOML_MAX_NESTED_VALUES 8
#include <toml++/toml.h>

namespace stethos::settings::detail {
namespace {

constexpr std::size_t quoted_bytes_max = 60;

int line_of(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

std::string shortened(std::string_view text) {
  if (text.size() <= quoted_bytes_max) return in_quotes(text);
  std::size_t size = quoted_bytes_max;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;  // not inside a character
  return in_quotes(text.substr(0, size)) + "...";
}

// As it would stand before the equals sign.
std::string key_text(std::string_view key) {
  const bool bare = !key.empty() && std::ranges::all_of(key, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
  });
  return bare && key.size() <= quoted_bytes_max ? std::string(key) : shortened(key);
}

std::string found(const toml::node& node) {
  std::ostringstream out;
  switch (node.type()) {
    case toml::node_type::string:
      return "the text " + shortened(node.ref<std::string>());
    case toml::node_type::integer:
      return "the whole number " + std::to_string(node.ref<std::int64_t>());
    case toml::node_type::floating_point:
      out << "the number " << node.ref<double>();
      break;
    case toml::node_type::boolean:
      return node.ref<bool>() ? "true" : "false";
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::date:
      out << "the date " << node.ref<toml::date>();
      break;
    case toml::node_type::time:
      out << "the time " << node.ref<toml::time>();
      break;
    case toml::node_type::date_time:
      out << "the time " << node.ref<toml::date_time>();
      break;
    case toml::node_type::none:
      return "nothing";
  }
  return out.str();
}

// How many letters have to be added, dropped, changed or swapped with their neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

// " (did you mean x?)", or nothing where no candidate is near.
std::string suggestion(std::string_view unknown, const std::set<std::string>& candidates) {
  const std::string_view judged = unknown.substr(0, 2 * quoted_bytes_max);
  std::size_t best = std::max<std::size_t>(2, judged.size() / 3) + 1;
  std::string_view nearest;
  for (const std::string& candidate : candidates) {
    // A part of the other: the table is wrong, or the end is missing.
    const std::string text(judged);
    const bool part = candidate.ends_with("." + text) || text.ends_with("." + candidate) || candidate.starts_with(text + "_");
    const std::size_t far = part ? 1 : distance(judged, candidate);
    if (far < best) best = far, nearest = candidate;
  }
  return nearest.empty() ? std::string() : " (did you mean " + std::string(nearest) + "?)";
}

class Reader {
 public:
  explicit Reader(const std::string& name) : name_(name) {}

  void problem(int line, std::string key, std::string message) {
    if (problems_.size() < problems_max) problems_.push_back({name_, line, std::move(key), std::move(message)});
    ++problem_count_;
  }

  bool has_problems() const { return problem_count_ > 0; }

  // `prefix` is "" or "subscription[0]."; `line` is that of the table, 0 for the whole file.
  void read_table(const Core& core, void* config, const toml::table& table, const std::string& prefix, int line);

  std::expected<Effective, std::vector<Problem>> finish();

 private:
  using Found = std::map<std::string, const toml::node*, std::less<>>;

  void collect(const Core& core, const toml::table& table, const std::string& prefix, const std::string& within, Found& nodes);
  void read_list(const Key& key, void* config, const toml::node& node, const std::string& path);
  void read_value(const Key& key, void* config, const toml::node& node, const std::string& path);
  std::optional<Value> value_of(const Key& key, const toml::node& node, const std::string& path);
  std::optional<Value> texts_of(const Key& key, const toml::array& array, const std::string& path);
  std::optional<Value> map_of(const Key& key, const toml::table& table, const std::string& path);
  void accept(const Key& key, void* config, const Value& value, const std::string& path, int line);
  int nearest_line(std::string path) const;

  void wrong_type(const Key& key, const toml::node& node, const std::string& path) {
    problem(line_of(node), path, "expected " + form_of(key, "") + ", found " + found(node));
  }

  const std::string& name_;
  std::vector<Problem> problems_;
  std::size_t problem_count_ = 0;
  Effective effective_;
  std::map<std::string, int, std::less<>> lines_;  // of keys, tables and list items
};

void Reader::read_table(const Core& core, void* config, const toml::table& table, const std::string& prefix, int line) {
  const std::size_t problems_before = problem_count_;
  Found nodes;
  collect(core, table, prefix, "", nodes);
  for (const Key& key : core.keys) {
    const std::string path = prefix + key.path;
    const auto node = nodes.find(key.path);
    if (node != nodes.end()) {
      lines_[path] = line_of(*node->second);
      key.kind == Kind::list ? read_list(key, config, *node->second, path) : read_value(key, config, *node->second, path);
    } else if (key.kind == Kind::list ? key.min == 0 : key.fallback.has_value()) {
      if (key.kind != Kind::list) accept(key, config, *key.fallback, path, 0);
    } else {
      problem(line, path, "must be given: " + form_of(key, ""));
    }
  }
  if (problem_count_ != problems_before || !core.check) return;
  for (const Problem& found_by_rule : core.check(config)) {
    const std::string path = prefix + found_by_rule.key;
    problem(nearest_line(path), path, found_by_rule.message);
  }
}

// Finds the node of every known key, however deep its table, and reports what is not known.
void Reader::collect(const Core& core, const toml::table& table, const std::string& prefix, const std::string& within,
                     Found& nodes) {
  for (const auto& [key, node] : table) {
    const std::string path = within + key_text(key.str());
    const int line = static_cast<int>(key.source().begin.line);
    if (std::ranges::any_of(core.keys, [&](const Key& known) { return known.path == path; })) {
      nodes[path] = &node;
      continue;
    }
    const std::string inside = path + ".";
    const auto below = std::ranges::find_if(core.keys, [&](const Key& known) { return known.path.starts_with(inside); });
    if (below != core.keys.end()) {
      if (const auto* inner = node.as_table()) {
        lines_[prefix + path] = line;
        collect(core, *inner, prefix, inside, nodes);
      } else {
        problem(line, prefix + path, "is a table of settings such as " + below->path + ", found " + found(node));
      }
      continue;
    }
    std::set<std::string> candidates;
    for (const Key& known : core.keys) {
      candidates.insert(known.path);
      if (!node.is_table()) continue;
      for (auto dot = known.path.find('.'); dot != std::string::npos; dot = known.path.find('.', dot + 1)) {
        candidates.insert(known.path.substr(0, dot));
      }
    }
    problem(line, prefix + path,
            "is not a known " + std::string(node.is_table() ? "table" : "key") + suggestion(path, candidates));
  }
}

void Reader::read_list(const Key& key, void* config, const toml::node& node, const std::string& path) {
  const auto* array = node.as_array();
  if (array == nullptr) {
    return problem(line_of(node), path, "expected a list of tables, [[" + key.path + "]], found " + found(node));
  }
  const auto count = static_cast<std::int64_t>(array->size());
  if (count < key.min) problem(line_of(node), path, "must be there at least " + std::to_string(key.min) + " times");
  if (count > key.max) return problem(line_of(node), path, "must be there at most " + std::to_string(key.max) + " times");
  for (std::size_t i = 0; i < array->size(); ++i) {
    const toml::node& element = *array->get(i);
    const std::string item = path + "[" + std::to_string(i) + "]";
    if (const auto* table = element.as_table()) {
      lines_[item] = line_of(element);
      read_table(*key.items, key.append(config), *table, item + ".", line_of(element));
    } else {
      problem(line_of(element), item, "expected a table, found " + found(element));
    }
  }
}

void Reader::read_value(const Key& key, void* config, const toml::node& node, const std::string& path) {
  const auto value = value_of(key, node, path);
  if (!value) return;
  const bool is_default = key.fallback && *value == *key.fallback;
  if (const auto bad = is_default ? std::string() : objection(key, *value); !bad.empty()) {
    const bool plain = node.is_value() && node.type() != toml::node_type::boolean;
    return problem(line_of(node), path, bad + (plain ? ", found " + found(node) : ""));
  }
  accept(key, config, *value, path, line_of(node));
}

std::optional<Value> Reader::value_of(const Key& key, const toml::node& node, const std::string& path) {
  switch (key.kind) {
    case Kind::text:
    case Kind::file:
    case Kind::secret_file:
      if (const auto* text = node.as_string()) return text->get();
      break;
    case Kind::integer:
      if (const auto* number = node.as_integer()) return number->get();
      break;
    case Kind::number:
      if (const auto* number = node.as_floating_point()) return number->get();
      if (const auto* number = node.as_integer()) return static_cast<double>(number->get());
      break;
    case Kind::boolean:
      if (const auto* truth = node.as_boolean()) return truth->get();
      break;
    case Kind::time:
    case Kind::duration:
    case Kind::bytes: {
      std::ostringstream text;
      if (const auto* string = node.as_string()) {
        text << string->get();
      } else if (key.kind == Kind::time && node.is_date()) {
        text << node.ref<toml::date>();
      } else if (key.kind == Kind::time && node.is_date_time()) {
        text << node.ref<toml::date_time>();
      } else {
        break;
      }
      const auto number = read_textual(key.kind, text.str());
      if (number) return *number;
      problem(line_of(node), path, number.error().failed + ", found " + found(node));
      return std::nullopt;
    }
    case Kind::choice:
      if (const auto* text = node.as_string()) {
        const auto chosen = std::ranges::find(key.choices, text->get());
        if (chosen != key.choices.end()) return std::int64_t{chosen - key.choices.begin()};
        const std::set<std::string> choices(key.choices.begin(), key.choices.end());
        problem(line_of(node), path, "must be " + form_of(key, "") + ", found " + found(node) + suggestion(text->get(), choices));
        return std::nullopt;
      }
      break;
    case Kind::texts:
      if (const auto* array = node.as_array()) return texts_of(key, *array, path);
      break;
    case Kind::text_map:
      if (const auto* table = node.as_table()) return map_of(key, *table, path);
      break;
    case Kind::list:
      break;
  }
  wrong_type(key, node, path);
  return std::nullopt;
}

std::optional<Value> Reader::texts_of(const Key& key, const toml::array& array, const std::string& path) {
  Texts texts;
  for (const toml::node& element : array) {
    const auto* text = element.as_string();
    if (text == nullptr) {
      problem(line_of(element), path, "expected " + form_of(key, "") + ", found " + found(element) + " in it");
      return std::nullopt;
    }
    texts.push_back(text->get());
  }
  return texts;
}

std::optional<Value> Reader::map_of(const Key& key, const toml::table& table, const std::string& path) {
  TextMap map;
  for (const auto& [name, element] : table) {
    const auto* text = element.as_string();
    if (text == nullptr) {
      problem(line_of(element), path, "expected " + form_of(key, "") + ", found " + found(element) + " in it");
      return std::nullopt;
    }
    map.emplace(name.str(), text->get());
  }
  return map;
}

void Reader::accept(const Key& key, void* config, const Value& value, const std::string& path, int line) {
  const bool is_file = key.kind == Kind::file || key.kind == Kind::secret_file;
  if (is_file && !std::get<std::string>(value).empty()) {
    const std::string file = beside(name_, std::get<std::string>(value));
    if (key.kind == Kind::secret_file) {
      auto secret = read_secret(file);
      if (!secret) return problem(line, path, file + " " + secret.error().failed);
      key.set(config, std::move(*secret));
    } else {
      key.set(config, file);
    }
  } else {
    key.set(config, value);
  }
  const std::string origin = line == 0 ? "default" : name_ + ":" + std::to_string(line);
  effective_.settings.push_back({path, written(key, value), origin, line, key.kind == Kind::secret_file});
}

// The line of the key, or of what is around it; 0 where nothing of it is in the file.
int Reader::nearest_line(std::string path) const {
  for (;;) {
    if (const auto at = lines_.find(path); at != lines_.end()) return at->second;
    const auto end = path.find_last_of(".[");
    if (end == std::string::npos) return 0;
    path.resize(end);
  }
}

std::expected<Effective, std::vector<Problem>> Reader::finish() {
  if (problem_count_ > 0) {
    std::ranges::stable_sort(problems_, {}, &Problem::line);
    if (problem_count_ > problems_.size()) {
      problems_.push_back({name_, 0, "", "and " + std::to_string(problem_count_ - problems_.size()) + " problems more"});
    }
    return std::unexpected(std::move(problems_));
  }
  std::vector<std::string> lines;
  for (const Setting& setting : effective_.settings) {
    if (!setting.secret) lines.push_back(setting.key + " = " + setting.value + "\n");
  }
  std::ranges::sort(lines);
  std::string all;
  for (const auto& line : lines) all += line;
  effective_.hash = hash_of(all);
  return std::move(effective_);
}

}  // namespace

std::expected<Effective, std::vector<Problem>> parse(const Core& core, void* config, std::string_view text,
                                                     const std::string& name) {
  Reader reader(name);
  if (text.size() > file_bytes_max) {
    reader.problem(0, "", "is larger than " + format_bytes(static_cast<std::int64_t>(file_bytes_max)));
    return reader.finish();
  }
  int line = 1;
  for (std::size_t start = 0; start < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    if (end - start > line_bytes_max)
      reader.problem(line, "", "the line is longer than " + std::to_string(line_bytes_max) + " bytes");
    start = end + 1;
  }
  if (reader.has_problems()) return reader.finish();
  try {
    const toml::table table = toml::parse(text, name);
    reader.read_table(core, config, table, "", 0);
  } catch (const toml::parse_error& error) {
    reader.problem(static_cast<int>(error.source().begin.line), "", "not valid TOML: " + std::string(error.description()));
  }
  return reader.finish();
}

}  // namespace stethos::settings::detail
