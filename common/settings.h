// Configuration as one declarative table. A program declares a struct of settings and, beside it, one table with a line a
// key: path, where the value goes, default, limits and one sentence. From the table come the TOML parser, its errors,
// `config show` and the reference page, so that they cannot disagree.
//
//   struct ExampleConfig { std::string host; DurationNs keep_alive = 0; std::vector<ExampleUser> users; };
//   Table<ExampleConfig> example_table() {
//     Table<ExampleConfig> table("example", "What the example does.");
//     table.text("mqtt.host", &ExampleConfig::host, "127.0.0.1", "Host name or address of the broker.");
//     table.duration("mqtt.keep_alive", &ExampleConfig::keep_alive, "30s", {"1s", "1h"}, "...");
//     table.list("user", &ExampleConfig::users, user_table(), {.count_max = 16}, "...");  // [[user]], may nest
//     return table;
//   }
//
// Rules. An unknown key is an error that names the nearest known one. Every error carries file, line and key, and all
// errors of a file are reported at once. A key whose default is `required` must be given. A secret is never a value: its
// key takes a file's path, the file must not be readable by others, and `show` prints the path.
//
// A mistake in the table itself (a path twice, a default outside its limits) stops the program when the table is built.
// Pure but for reading the files named; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "common/clock.h"
#include "common/result.h"

namespace stethos::settings {

inline constexpr std::size_t file_bytes_max = 1u << 20;
inline constexpr std::size_t line_bytes_max = 2u << 10;
inline constexpr std::size_t secret_bytes_max = 4u << 10;
inline constexpr std::size_t problems_max = 100;  // what more there is, is counted in one last problem

struct Problem {
  std::string file;  // may be empty in what a table's `check` returns: it is filled in
  int line = 0;      // 0: none
  std::string key;   // "mqtt.port", "subscription[0].topic"; empty: the file as a whole
  std::string message;

  std::string text() const;  // "edge.toml:12: mqtt.port: must be at most 65535"
  bool operator==(const Problem&) const = default;
};

// One effective setting.
struct Setting {
  std::string key;
  std::string value;   // as it would stand in a file, in one canonical form
  std::string origin;  // "edge.toml:12", or "default"
  int line = 0;        // 0: default
  bool secret = false;
};

struct Effective {
  std::vector<Setting> settings;  // in the order of the table
  std::uint64_t hash = 0;         // of all keys and values but secrets, whatever their order and spelling in the file
};

template <class Config>
struct Loaded : Effective {
  Config config;
};

template <class Config>
using Outcome = std::expected<Loaded<Config>, std::vector<Problem>>;

// "64 MiB", "1.5GiB", "512 B"; the units are B, KiB, MiB, GiB, TiB.
Result<std::int64_t> parse_bytes(std::string_view text);
// The largest unit that gives a whole number: "64 MiB".
std::string format_bytes(std::int64_t bytes);

// The default of a key that must be given.
inline constexpr std::nullopt_t required = std::nullopt;

// Says what is wrong with a text; empty: nothing.
using TextCheck = std::function<std::string(std::string_view)>;

struct TextLimits {
  std::size_t bytes_min = 0;
  std::size_t bytes_max = 1024;
  TextCheck check = nullptr;
};
struct IntegerLimits {
  IntegerLimits(std::int64_t at_least, std::int64_t at_most, std::string in_unit = "")
      : min(at_least), max(at_most), unit(std::move(in_unit)) {}
  std::int64_t min;
  std::int64_t max;
  std::string unit;
};
struct NumberLimits {
  NumberLimits(double at_least, double at_most, std::string in_unit = "")
      : min(at_least), max(at_most), unit(std::move(in_unit)) {}
  double min;
  double max;
  std::string unit;
};
// Both ends as they would stand in a file.
struct TextualLimits {
  std::string min;
  std::string max;
};
struct CountLimits {
  std::size_t count_min = 0;
  std::size_t count_max = 1024;
  TextCheck check = nullptr;  // of each text of a list, each value of a map
};

namespace detail {

enum class Kind : std::uint8_t {
  text,
  integer,
  number,
  boolean,
  duration,
  time,
  bytes,
  choice,
  file,
  secret_file,
  texts,
  text_map,
  list
};

using Texts = std::vector<std::string>;
using TextMap = std::map<std::string, std::string>;
using Value = std::variant<bool, std::int64_t, double, std::string, Texts, TextMap>;  // a choice is its index

struct Core;

struct Key {
  std::string path;
  Kind kind = Kind::text;
  std::string sentence;
  std::optional<Value> fallback = std::nullopt;  // none: required
  std::function<void(void* config, const Value& value)> set = nullptr;
  std::int64_t min = 0;  // of an integer, a duration, a time, a byte size; of the bytes of a text; of the count of a list
  std::int64_t max = 0;
  double number_min = 0;
  double number_max = 0;
  std::string unit;
  TextCheck check = nullptr;
  std::vector<std::string> choices;
  std::shared_ptr<const Core> items = nullptr;                 // of a list
  std::function<void*(void* config)> append = nullptr;         // adds an element to a list
};

struct Core {
  std::string name;
  std::string about;
  std::vector<Key> keys;
  std::function<std::vector<Problem>(const void* config)> check;

  void add(Key key);
};

Key text_key(std::string path, std::optional<std::string> fallback, TextLimits limits, std::string sentence);
Key integer_key(std::string path, std::optional<std::int64_t> fallback, IntegerLimits limits, std::string sentence);
Key number_key(std::string path, std::optional<double> fallback, NumberLimits limits, std::string sentence);
Key boolean_key(std::string path, std::optional<bool> fallback, std::string sentence);
Key textual_key(Kind kind, std::string path, std::optional<std::string> fallback, const TextualLimits& limits,
                std::string sentence);
Key choice_key(std::string path, std::optional<std::string> fallback, std::vector<std::string> choices, std::string sentence);
Key file_key(Kind kind, std::string path, std::optional<std::string> fallback, std::string sentence);
Key texts_key(std::string path, std::optional<Texts> fallback, CountLimits limits, std::string sentence);
Key text_map_key(std::string path, CountLimits limits, std::string sentence);
Key list_key(std::string path, std::shared_ptr<const Core> items, const CountLimits& limits, std::string sentence);

// Fills `config`, a default-constructed one. `text` is TOML; relative file names are taken from the folder of `name`.
std::expected<Effective, std::vector<Problem>> parse(const Core& core, void* config, std::string_view text,
                                                     const std::string& name);
std::expected<std::string, Problem> read_settings_file(const std::string& path);
std::string reference_page(const Core& core);

}  // namespace detail

template <class Choice>
struct Named {
  std::string name;
  Choice value;
};

// `member` is a pointer to a member of Config, or anything that std::invoke turns a Config& into a reference with.
template <class Config>
class Table {
 public:
  // `name`: the program's, or the kind of file. `about`: a few sentences that open the reference page.
  Table(std::string name, std::string about) { core_.name = std::move(name), core_.about = std::move(about); }

  // A text that is required may not be empty, whatever its limits.
  template <class Member>
  void text(std::string path, Member member, std::optional<std::string> fallback, TextLimits limits, std::string sentence) {
    put<std::string>(member, detail::text_key(std::move(path), std::move(fallback), std::move(limits), std::move(sentence)));
  }
  template <class Member>
  void text(std::string path, Member member, std::optional<std::string> fallback, std::string sentence) {
    text(std::move(path), member, std::move(fallback), TextLimits{}, std::move(sentence));
  }

  template <class Member>
  void integer(std::string path, Member member, std::optional<std::int64_t> fallback, IntegerLimits limits,
               std::string sentence) {
    using Target = ValueOf<Member>;
    STETHOS_CHECK(std::in_range<Target>(limits.min) && std::in_range<Target>(limits.max),
                  path + ": its limits do not fit its type");
    put<std::int64_t>(member, detail::integer_key(std::move(path), fallback, std::move(limits), std::move(sentence)));
  }

  template <class Member>
  void number(std::string path, Member member, std::optional<double> fallback, NumberLimits limits, std::string sentence) {
    put<double>(member, detail::number_key(std::move(path), fallback, std::move(limits), std::move(sentence)));
  }

  template <class Member>
  void boolean(std::string path, Member member, std::optional<bool> fallback, std::string sentence) {
    put<bool>(member, detail::boolean_key(std::move(path), fallback, std::move(sentence)));
  }

  template <class Member>
  void duration(std::string path, Member member, std::optional<std::string> fallback, const TextualLimits& limits,
                std::string sentence) {
    put<std::int64_t>(
        member, detail::textual_key(detail::Kind::duration, std::move(path), std::move(fallback), limits, std::move(sentence)));
  }

  // A date, or a date and a time of day, as a text.
  template <class Member>
  void time(std::string path, Member member, std::optional<std::string> fallback, const TextualLimits& limits,
            std::string sentence) {
    put<std::int64_t>(member,
                      detail::textual_key(detail::Kind::time, std::move(path), std::move(fallback), limits, std::move(sentence)));
  }

  template <class Member>
  void bytes(std::string path, Member member, std::optional<std::string> fallback, const TextualLimits& limits,
             std::string sentence) {
    put<std::int64_t>(
        member, detail::textual_key(detail::Kind::bytes, std::move(path), std::move(fallback), limits, std::move(sentence)));
  }

  // One of a few names; the member is an enum.
  template <class Member>
  void choice(std::string path, Member member, std::optional<std::string> fallback,
              std::vector<Named<std::remove_cvref_t<std::invoke_result_t<Member, Config&>>>> choices, std::string sentence) {
    std::vector<std::string> names;
    names.reserve(choices.size());
    for (const auto& each : choices) names.push_back(each.name);
    detail::Key key = detail::choice_key(std::move(path), std::move(fallback), std::move(names), std::move(sentence));
    key.set = [member, choices = std::move(choices)](void* config, const detail::Value& value) {
      std::invoke(member, *static_cast<Config*>(config)) = choices[static_cast<std::size_t>(std::get<std::int64_t>(value))].value;
    };
    core_.add(std::move(key));
  }

  // One of a few names; the member is a string.
  template <class Member>
  void one_of(std::string path, Member member, std::optional<std::string> fallback, const std::vector<std::string>& names,
              std::string sentence) {
    std::vector<Named<std::string>> choices;
    choices.reserve(names.size());
    for (const auto& name : names) choices.push_back({name, name});
    choice(std::move(path), member, std::move(fallback), std::move(choices), std::move(sentence));
  }

  // The name of a file. A relative one starts at the folder of the configuration file; the member holds the result.
  template <class Member>
  void file(std::string path, Member member, std::optional<std::string> fallback, std::string sentence) {
    put<std::string>(member, detail::file_key(detail::Kind::file, std::move(path), std::move(fallback), std::move(sentence)));
  }

  // The name of a file that holds a secret; the member holds its content, without the newline at its end. An empty name
  // is an empty secret.
  template <class Member>
  void secret_file(std::string path, Member member, std::optional<std::string> fallback, std::string sentence) {
    put<std::string>(member,
                     detail::file_key(detail::Kind::secret_file, std::move(path), std::move(fallback), std::move(sentence)));
  }

  // A list of texts, none of them twice.
  template <class Member>
  void texts(std::string path, Member member, std::optional<std::vector<std::string>> fallback, CountLimits limits,
             std::string sentence) {
    put<detail::Texts>(member, detail::texts_key(std::move(path), std::move(fallback), std::move(limits), std::move(sentence)));
  }

  // A table whose keys are free and whose values are texts; empty where it is not given.
  template <class Member>
  void text_map(std::string path, Member member, CountLimits limits, std::string sentence) {
    put<detail::TextMap>(member, detail::text_map_key(std::move(path), std::move(limits), std::move(sentence)));
  }

  // [[path]]: a list of tables, each an element of the member, which is a std::vector.
  template <class Member, class Item>
  void list(std::string path, Member member, const Table<Item>& items, const CountLimits& limits, std::string sentence) {
    detail::Key key =
        detail::list_key(std::move(path), std::make_shared<const detail::Core>(items.core()), limits, std::move(sentence));
    key.append = [member](void* config) -> void* { return &std::invoke(member, *static_cast<Config*>(config)).emplace_back(); };
    core_.add(std::move(key));
  }

  // What no single key can say. Called with a Config whose keys are all right; its problems need a key (of this table: that
  // of an item in a list is completed) and a message, and get file and line.
  void check(std::function<std::vector<Problem>(const Config&)> rule) {
    core_.check = [rule = std::move(rule)](const void* config) { return rule(*static_cast<const Config*>(config)); };
  }

  const detail::Core& core() const { return core_; }

 private:
  template <class Member>
  using ValueOf = std::remove_cvref_t<std::invoke_result_t<Member, Config&>>;

  template <class Stored, class Member>
  void put(Member member, detail::Key key) {
    key.set = [member](void* config, const detail::Value& value) {
      std::invoke(member, *static_cast<Config*>(config)) = static_cast<ValueOf<Member>>(std::get<Stored>(value));
    };
    core_.add(std::move(key));
  }

  detail::Core core_;
};

// `name` stands in origins and problems.
template <class Config>
Outcome<Config> parse(const Table<Config>& table, std::string_view text, const std::string& name) {
  Loaded<Config> loaded{};
  auto effective = detail::parse(table.core(), &loaded.config, text, name);
  if (!effective) return std::unexpected(std::move(effective.error()));
  static_cast<Effective&>(loaded) = std::move(*effective);
  return loaded;
}

template <class Config>
Outcome<Config> load(const Table<Config>& table, const std::string& path) {
  const auto text = detail::read_settings_file(path);
  if (!text) return std::unexpected(std::vector{text.error()});
  return parse(table, *text, path);
}

// Every setting with its origin, and the hash.
std::string show(const Effective& effective);

// All keys as a page of Markdown.
template <class Config>
std::string reference_page(const Table<Config>& table) {
  return detail::reference_page(table.core());
}

}  // namespace stethos::settings
