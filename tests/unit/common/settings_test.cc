// The settings engine: every kind of key, every kind of mistake, origins, the hash, secrets, the page.
#include "common/settings.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/common/scratch_folder.h"

namespace stethos::settings {
namespace {

enum class Mode : std::uint8_t { slow, fast };

struct Step {
  DurationNs at = 0;
  double rpm = 0;
};

struct Machine {
  std::string name;
  std::vector<Step> steps;
};

struct Example {
  std::string name;
  std::string note;
  int port = 0;
  double gain = 0;
  bool on = false;
  DurationNs wait = 0;
  TimeNs since = 0;
  std::int64_t room = 0;
  Mode mode = Mode::slow;
  std::string level;
  std::string file;
  std::string secret;
  std::vector<std::string> words;
  std::map<std::string, std::string> fields;
  std::vector<Machine> machines;
};

Table<Step> step_table() {
  Table<Step> table("step", "A step.");
  table.duration("at", &Step::at, required, {"0s", "1d"}, "When.");
  table.number("rpm", &Step::rpm, 0.0, {0, 1e5, "rpm"}, "How fast.");
  return table;
}

Table<Machine> machine_table() {
  Table<Machine> table("machine", "A machine.");
  table.text("name", &Machine::name, required, "Its name.");
  table.list("step", &Machine::steps, step_table(), {.count_max = 3}, "Its steps.");
  table.check([](const Machine& machine) -> std::vector<Problem> {
    if (machine.name == "odd") return {{"", 0, "name", "is odd"}};
    if (machine.name == "odd step") return {{"", 0, "step[1].rpm", "is odd"}};
    return {};
  });
  return table;
}

Table<Example> example_table() {
  Table<Example> table("example", "What the example does.");
  table.text("name", &Example::name, required, {.bytes_max = 8}, "A name.");
  table.text("net.note", &Example::note, "",
             {.check = [](std::string_view text) { return std::string(text == "bad" ? "must not be bad" : ""); }},
             "A note with a | in it.");
  table.integer("net.port", &Example::port, 80, {1, 65'535}, "A port.");
  table.number("gain", &Example::gain, 1.5, {-10, 10, "dB"}, "A gain.");
  table.boolean("on", &Example::on, false, "On.");
  table.duration("wait", &Example::wait, "30s", {"1ms", "1h"}, "A wait.");
  table.time("since", &Example::since, "2000-01-01", {"1990-01-01", "2100-01-01"}, "Since when.");
  table.bytes("room", &Example::room, "64 KiB", {"1 B", "1 GiB"}, "Room.");
  table.choice("mode", &Example::mode, "slow", {{"slow", Mode::slow}, {"fast", Mode::fast}}, "A mode.");
  table.one_of("level", &Example::level, "info", {"info", "debug"}, "A level.");
  table.file("file", &Example::file, "", "A file.");
  table.secret_file("secret_file", &Example::secret, "", "A secret.");
  table.texts("words", &Example::words, std::vector<std::string>{"a", "b"}, {.count_max = 3}, "Words.");
  table.text_map("fields", &Example::fields, {.count_max = 2}, "Fields.");
  table.list("machine", &Example::machines, machine_table(), {.count_max = 3}, "Machines.");
  table.check([](const Example& example) -> std::vector<Problem> {
    if (example.port == 81) return {{"", 0, "net.port", "is taken"}, {"", 0, "gain", "does not fit"}};
    return {};
  });
  return table;
}

Outcome<Example> parse_text(const std::string& text) { return parse(example_table(), text, "dir/e.toml"); }

std::vector<std::string> problems_of(const std::string& text) {
  const auto loaded = parse_text(text);
  std::vector<std::string> out;
  if (!loaded) {
    for (const auto& problem : loaded.error()) out.push_back(problem.text());
  }
  return out;
}

std::string problem_of(const std::string& text) {
  const auto problems = problems_of(text);
  EXPECT_EQ(problems.size(), 1u) << testing::PrintToString(problems);
  return problems.empty() ? "" : problems.front();
}

const std::string named = "name = \"n\"\n";

TEST(Settings, DefaultsStandWhereNothingIsGiven) {
  const auto loaded = parse_text(named);
  ASSERT_TRUE(loaded);
  const Example& e = loaded->config;
  EXPECT_EQ(e.name, "n");
  EXPECT_EQ(e.port, 80);
  EXPECT_EQ(e.gain, 1.5);
  EXPECT_FALSE(e.on);
  EXPECT_EQ(e.wait, 30 * ns_per_s);
  EXPECT_EQ(e.since, 946'684'800 * ns_per_s);
  EXPECT_EQ(e.room, 65'536);
  EXPECT_EQ(e.mode, Mode::slow);
  EXPECT_EQ(e.level, "info");
  EXPECT_EQ(e.words, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(e.fields.empty());
  EXPECT_TRUE(e.machines.empty());
}

TEST(Settings, EveryKindIsRead) {
  const auto loaded = parse_text(R"(
name = "other"
gain = 3
on = true
wait = "1.5s"
since = 2020-02-02T01:00:00+01:00
room = "1.5 MiB"
mode = "fast"
level = "debug"
file = "data/x.csv"
words = []
[net]
port = 8080
note = "zwölf"
[fields]
"/a/b" = "x"
c = "y"
[[machine]]
name = "m1"
[[machine.step]]
at = "1s"
rpm = 1500.5
[[machine.step]]
at = "2s"
[[machine]]
name = "m2"
)");
  ASSERT_TRUE(loaded) << loaded.error().front().text();
  const Example& e = loaded->config;
  EXPECT_EQ(e.name, "other");
  EXPECT_EQ(e.note, "zwölf");
  EXPECT_EQ(e.port, 8080);
  EXPECT_EQ(e.gain, 3.0);
  EXPECT_TRUE(e.on);
  EXPECT_EQ(e.wait, 1'500 * ns_per_ms);
  EXPECT_EQ(e.since, 1'580'601'600 * ns_per_s);
  EXPECT_EQ(e.room, 3 << 19);
  EXPECT_EQ(e.mode, Mode::fast);
  EXPECT_EQ(e.level, "debug");
  EXPECT_EQ(e.file, "dir/data/x.csv");
  EXPECT_TRUE(e.words.empty());
  EXPECT_EQ(e.fields, (std::map<std::string, std::string>{{"/a/b", "x"}, {"c", "y"}}));
  ASSERT_EQ(e.machines.size(), 2u);
  ASSERT_EQ(e.machines[0].steps.size(), 2u);
  EXPECT_EQ(e.machines[0].steps[0].rpm, 1500.5);
  EXPECT_EQ(e.machines[0].steps[1].at, 2 * ns_per_s);
  EXPECT_EQ(e.machines[1].name, "m2");
}

TEST(Settings, AnAbsoluteFileStaysWhereItIs) {
  const auto loaded = parse_text(named + "file = \"/x/y\"\n");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.file, "/x/y");
}

TEST(SettingsProblem, TextHasWhatIsKnown) {
  EXPECT_EQ((Problem{"f", 3, "a.b", "is wrong"}.text()), "f:3: a.b: is wrong");
  EXPECT_EQ((Problem{"f", 0, "a.b", "is wrong"}.text()), "f: a.b: is wrong");
  EXPECT_EQ((Problem{"f", 3, "", "is wrong"}.text()), "f:3: is wrong");
  EXPECT_EQ((Problem{"", 3, "a", "is wrong"}.text()), "line 3: a: is wrong");
  EXPECT_EQ((Problem{"", 0, "", "is wrong"}.text()), "is wrong");
}

TEST(SettingsMistakes, OfEachKind) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "dir/e.toml: name: must be given: a text that is not empty"},
      {"name = \"\"", "dir/e.toml:1: name: must not be empty, found the text \"\""},
      {"name = \"123456789\"", "dir/e.toml:1: name: must have at most 8 bytes, found the text \"123456789\""},
      {"name = \"a\\tb\"", "dir/e.toml:1: name: must not hold control characters, found the text \"a\\u0009b\""},
      {"name = 3", "dir/e.toml:1: name: expected a text that is not empty, found the whole number 3"},
      {named + "net.note = \"bad\"", "dir/e.toml:2: net.note: must not be bad, found the text \"bad\""},
      {named + "net.port = 0", "dir/e.toml:2: net.port: must be at least 1, found the whole number 0"},
      {named + "net.port = 9223372036854775807",
       "dir/e.toml:2: net.port: must be at most 65535, found the whole number 9223372036854775807"},
      {named + "net.port = 80.0", "dir/e.toml:2: net.port: expected a whole number, 1 to 65535, found the number 80"},
      {named + "net.port = \"80\"", "dir/e.toml:2: net.port: expected a whole number, 1 to 65535, found the text \"80\""},
      {named + "gain = 10.5", "dir/e.toml:2: gain: must be at most 10 dB, found the number 10.5"},
      {named + "gain = -inf", "dir/e.toml:2: gain: must be finite, found the number -inf"},
      {named + "gain = nan", "dir/e.toml:2: gain: must be finite, found the number nan"},
      {named + "on = 1", "dir/e.toml:2: on: expected true or false, found the whole number 1"},
      {named + "wait = 30", "dir/e.toml:2: wait: expected a duration, \"1ms\" to \"1h\", found the whole number 30"},
      {named + "wait = \"2h\"", "dir/e.toml:2: wait: must be at most \"1h\", found the text \"2h\""},
      {named + "wait = \"soon\"", "dir/e.toml:2: wait: expected a number and a unit, as in 250ms, found the text \"soon\""},
      {named + "since = \"1980-01-01\"",
       "dir/e.toml:2: since: must be at least \"1990-01-01T00:00:00.000Z\", found the text \"1980-01-01\""},
      {named + "since = 10:00:00",
       "dir/e.toml:2: since: expected a time, \"1990-01-01T00:00:00.000Z\" to \"2100-01-01T00:00:00.000Z\", "
       "found the time 10:00:00"},
      {named + "room = \"2 GiB\"", "dir/e.toml:2: room: must be at most \"1 GiB\", found the text \"2 GiB\""},
      {named + "room = \"2 MB\"", "dir/e.toml:2: room: its unit is none of B, KiB, MiB, GiB, TiB, found the text \"2 MB\""},
      {named + "mode = \"fats\"",
       "dir/e.toml:2: mode: must be one of \"slow\", \"fast\", found the text \"fats\" (did you mean fast?)"},
      {named + "mode = true", "dir/e.toml:2: mode: expected one of \"slow\", \"fast\", found true"},
      {named + "words = \"a\"", "dir/e.toml:2: words: expected a list of up to 3 texts, found the text \"a\""},
      {named + "words = [\"a\", 1]", "dir/e.toml:2: words: expected a list of up to 3 texts, found the whole number 1 in it"},
      {named + "words = [\"a\", \"a\"]", "dir/e.toml:2: words: its entry \"a\" stands there twice"},
      {named + "words = [\"a\", \"b\", \"c\", \"d\"]", "dir/e.toml:2: words: must have at most 3 entries"},
      {named + "fields = { a = \"x\", b = \"y\", c = \"z\" }", "dir/e.toml:2: fields: must have at most 2 entries"},
      {named + "fields = { a = { b = \"x\" } }", "dir/e.toml:2: fields: expected a table of up to 2 texts, found a table in it"},
      {named + "fields = { \"\" = \"x\" }", "dir/e.toml:2: fields: must not have an entry without a name"},
      {named + "net = 3", "dir/e.toml:2: net: is a table of settings such as net.note, found the whole number 3"},
      {named + "[machine]\nname = \"m\"", "dir/e.toml:2: machine: expected a list of tables, [[machine]], found a table"},
      {named + "machine = [1]", "dir/e.toml:2: machine[0]: expected a table, found the whole number 1"},
      {named + "[[machine]]\n[[machine]]\nname = \"m\"\n",
       "dir/e.toml:2: machine[0].name: must be given: a text that is not empty"},
      {named + "[[machine]]\nname = \"m\"\n[[machine.step]]\nrpm = 1",
       "dir/e.toml:4: machine[0].step[0].at: must be given: a duration, \"0s\" to \"1d\""},
      {named + "machine = [{name=\"a\"},{name=\"b\"},{name=\"c\"},{name=\"d\"}]",
       "dir/e.toml:2: machine: must be there at most 3 times"},
      {named + "file = \"a\\u0000b\"", "dir/e.toml:2: file: must not hold control characters, found the text \"a\\u0000b\""},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(problem_of(text), expected) << text;
}

TEST(SettingsMistakes, UnknownKeysNameTheNearest) {
  const std::pair<std::string, std::string> cases[] = {
      {"net.prot = 1", "dir/e.toml:2: net.prot: is not a known key (did you mean net.port?)"},
      {"port = 1", "dir/e.toml:2: port: is not a known key (did you mean net.port?)"},
      {"net.wait = \"1s\"", "dir/e.toml:2: net.wait: is not a known key (did you mean wait?)"},
      {"secret = \"x\"", "dir/e.toml:2: secret: is not a known key (did you mean secret_file?)"},
      {"nte.port = 1", "dir/e.toml:2: nte: is not a known table (did you mean net?)"},
      {"[[machin]]", "dir/e.toml:2: machin: is not a known key (did you mean machine?)"},
      {"completely_different = 1", "dir/e.toml:2: completely_different: is not a known key"},
      {"\"net.port\" = 1", "dir/e.toml:2: \"net.port\": is not a known key (did you mean net.port?)"},
      {"\"a\\nb\" = 1", "dir/e.toml:2: \"a\\u000ab\": is not a known key"},
      {"[[machine]]\nname = \"m\"\nnam = 1", "dir/e.toml:4: machine[0].nam: is not a known key (did you mean name?)"},
      {"[[machine]]\nname = \"m\"\n[[machine.stp]]\nat = \"1s\"",
       "dir/e.toml:4: machine[0].stp: is not a known key (did you mean step?)"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(problem_of(named + text), expected) << text;
}

TEST(SettingsMistakes, OfTheFileAsTomlHaveTheirLine) {
  for (const std::string text : {"a = ", "[net", "name = \"n", "name = n", "= 3", "name = \"a\"\nname = \"b\"", "[net]\n[net]",
                                 "a = [1, ", "name = \"\xff\xfe\"", "a = 99999999999999999999", "name = '''", "\x01"}) {
    const auto problem = problem_of("\n" + text);
    EXPECT_TRUE(problem.starts_with("dir/e.toml:")) << problem;
    EXPECT_NE(problem.find("not valid TOML"), std::string::npos) << problem;
  }
}

TEST(SettingsMistakes, AllAreReportedAtOnceInTheOrderOfTheFile) {
  const auto problems = problems_of("gain = 11\nnet.prot = 1\n[[machine]]\nname = 1\n[[machine]]\nnme = 1\n");
  const std::vector<std::string> expected{
      "dir/e.toml: name: must be given: a text that is not empty",
      "dir/e.toml:1: gain: must be at most 10 dB, found the whole number 11",
      "dir/e.toml:2: net.prot: is not a known key (did you mean net.port?)",
      "dir/e.toml:4: machine[0].name: expected a text that is not empty, found the whole number 1",
      "dir/e.toml:5: machine[1].name: must be given: a text that is not empty",
      "dir/e.toml:6: machine[1].nme: is not a known key (did you mean name?)"};
  EXPECT_EQ(problems, expected);
}

TEST(SettingsMistakes, TheirNumberIsBounded) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "unknown" + std::to_string(i) + " = 1\n";
  const auto problems = problems_of(named + text);
  ASSERT_EQ(problems.size(), problems_max + 1);
  EXPECT_EQ(problems.back(), "dir/e.toml: and 4900 problems more");
}

TEST(SettingsMistakes, LongTextsAreShortened) {
  const auto problem = problem_of("name = \"" + std::string(1000, 'x') + "\"");
  EXPECT_LT(problem.size(), 200u);
  const auto key = problem_of(named + std::string(1000, 'k') + " = 1");
  EXPECT_LT(key.size(), 200u);
}

TEST(SettingsMistakes, TooLargeAFileOrALine) {
  EXPECT_EQ(problem_of(std::string(file_bytes_max + 1, '\n')), "dir/e.toml: is larger than 1 MiB");
  EXPECT_EQ(problem_of(named + "\n# " + std::string(line_bytes_max, 'x')), "dir/e.toml:3: the line is longer than 2048 bytes");
}

// The parser and its nodes are recursive: what nests too deep must be refused, not overflow the stack.
TEST(SettingsMistakes, AbsurdNesting) {
  std::string dotted = "a";
  while (dotted.size() + 2 < line_bytes_max - 10) dotted += ".a";
  EXPECT_EQ(problems_of(named + dotted + " = 1").size(), 1u);
  std::string deep = named + "[" + dotted + "]\n";
  for (int i = 0; i < 400; ++i) deep += dotted + ".b = [{\n";
  EXPECT_FALSE(problems_of(deep).empty());
  EXPECT_FALSE(problems_of(named + "a = " + std::string(1000, '[') + std::string(1000, ']')).empty());
}

TEST(SettingsRules, RunWhenTheKeysAreRight) {
  EXPECT_EQ(problems_of(named + "\ngain = 2\nnet.port = 81\n"),
            (std::vector<std::string>{"dir/e.toml:3: gain: does not fit", "dir/e.toml:4: net.port: is taken"}));
  // A key that is not in the file has the line of what is around it.
  EXPECT_EQ(problems_of(named + "[net]\nport = 81\n"),
            (std::vector<std::string>{"dir/e.toml: gain: does not fit", "dir/e.toml:3: net.port: is taken"}));
  EXPECT_EQ(problem_of(named + "on = 1\nnet.port = 81\n"), "dir/e.toml:2: on: expected true or false, found the whole number 1");
}

TEST(SettingsRules, OfAnItemGetItsPlace) {
  EXPECT_EQ(problem_of(named + "[[machine]]\nname = \"a\"\n[[machine]]\nname = \"odd\"\n"),
            "dir/e.toml:5: machine[1].name: is odd");
  EXPECT_EQ(
      problem_of(named + "[[machine]]\nname = \"odd step\"\n[[machine.step]]\nat = \"1s\"\n[[machine.step]]\nat = \"2s\"\n"),
      "dir/e.toml:6: machine[0].step[1].rpm: is odd");
}

TEST(SettingsLoad, FilesThatCannotBeRead) {
  const test::ScratchFolder folder;
  const auto absent = load(example_table(), folder / "absent.toml");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().front().text(), (folder / "absent.toml") + ": cannot be read: No such file or directory");
  const auto is_folder = load(example_table(), folder / ".");
  ASSERT_FALSE(is_folder);
  EXPECT_NE(is_folder.error().front().text().find("cannot be read"), std::string::npos);
  const auto large = load(example_table(), folder.write("large.toml", std::string(file_bytes_max + 1, '\n')));
  ASSERT_FALSE(large);
  EXPECT_NE(large.error().front().text().find("is larger than 1 MiB"), std::string::npos);
  EXPECT_FALSE(load(example_table(), "/dev/zero"));
  EXPECT_TRUE(load(example_table(), folder.write("good.toml", named)));
}

std::uint64_t hash_from(const std::string& text) {
  const auto loaded = parse_text(text);
  EXPECT_TRUE(loaded) << text;
  return loaded ? loaded->hash : 0;
}

TEST(SettingsHash, IsOfWhatIsInForceNotOfHowItIsWritten) {
  const auto hash = hash_from(named + "wait = \"60s\"\nnet.port = 8080\nfields = { a = \"x\", b = \"y\" }\n");
  EXPECT_EQ(hash, hash_from("# comment\nwait='1m'\n" + named + "fields.b = \"y\"\nfields.a = \"x\"\n[net]\nport = 8_080\n"));
  EXPECT_EQ(hash_from(named),
            hash_from(named + "wait = \"30s\"\nsince = 2000-01-01\nroom = \"65536 B\"\n"));  // the defaults, said
  EXPECT_NE(hash, hash_from(named + "wait = \"61s\"\nnet.port = 8080\nfields = { a = \"x\", b = \"y\" }\n"));
  EXPECT_NE(hash, hash_from(named + "wait = \"60s\"\nnet.port = 8080\nfields = { a = \"x\", b = \"z\" }\n"));
  EXPECT_NE(hash_from(named + "[[machine]]\nname = \"a\"\n[[machine]]\nname = \"b\"\n"),
            hash_from(named + "[[machine]]\nname = \"b\"\n[[machine]]\nname = \"a\"\n"));
  EXPECT_EQ(hash_from(named), 0xfa739e25b69a7c1bu);  // rows name it: it stays the same from build to build
}

class SettingsSecret : public testing::Test {
 protected:
  // The problem, or the secret that was read.
  std::string load_with(const std::string& content, mode_t mode = 0600) {
    ::chmod(folder_.write("secret", content).c_str(), mode);
    return load_file("secret");
  }
  std::string load_file(const std::string& name) {
    const auto loaded = load(example_table(), folder_.write("e.toml", named + "secret_file = \"" + name + "\"\n"));
    if (loaded) return loaded->config.secret;
    std::string problem = loaded.error().front().text();
    return "problem" + problem.substr(problem.find(":2:"));
  }

  const test::ScratchFolder folder_;
};

TEST_F(SettingsSecret, IsTheContentWithoutItsNewline) {
  EXPECT_EQ(load_with("hunter2\n"), "hunter2");
  EXPECT_EQ(load_with("hunter2\r\n"), "hunter2");
  EXPECT_EQ(load_with("hunter2"), "hunter2");
  EXPECT_EQ(load_with("a b\n\n"), "a b\n");
  EXPECT_EQ(load_with(std::string(4096, 'x')), std::string(4096, 'x'));
  EXPECT_EQ(load_with("hunter2", 0400), "hunter2");
}

TEST_F(SettingsSecret, OfAFileThatOthersCanReachIsRefused) {
  const std::string refused =
      "problem:2: secret_file: " + (folder_ / "secret") + " is open to others than its owner (chmod 600 closes it)";
  for (const mode_t mode : {0640, 0604, 0660, 0602, 0644}) EXPECT_EQ(load_with("hunter2", mode), refused) << mode;
}

TEST_F(SettingsSecret, ThatIsNoneIsRefused) {
  const std::string start = "problem:2: secret_file: " + (folder_ / "secret") + " ";
  EXPECT_EQ(load_with(""), start + "is empty");
  EXPECT_EQ(load_with("\n"), start + "is empty");
  EXPECT_EQ(load_with(std::string("a\0b", 3)), start + "holds a zero byte");
  EXPECT_EQ(load_with(std::string(4097, 'x')), start + "is larger than 4 KiB");
  EXPECT_EQ(load_file("absent"),
            "problem:2: secret_file: " + (folder_ / "absent") + " cannot be read: No such file or directory");
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(load_file("pipe"), "problem:2: secret_file: " + (folder_ / "pipe") + " is not a plain file");
}

TEST_F(SettingsSecret, IsNeverShownNorHashed) {
  ::chmod(folder_.write("one", "hunter2").c_str(), 0600);
  ::chmod(folder_.write("two", "hunter3").c_str(), 0600);
  const auto one = load(example_table(), folder_.write("e.toml", named + "secret_file = \"one\"\n"));
  const auto two = load(example_table(), folder_.write("e.toml", named + "secret_file = \"two\"\n"));
  ASSERT_TRUE(one && two);
  EXPECT_EQ(one->hash, two->hash);
  EXPECT_EQ(show(*one).find("hunter"), std::string::npos);
  EXPECT_NE(show(*one).find("secret_file = \"one\""), std::string::npos);
}

TEST(SettingsShow, HasEveryKeyWithItsOrigin) {
  const auto loaded = parse_text("name = \"a\\\"b\"\nwait = \"90000ms\"\n[fields]\nk = \"v\"\n[[machine]]\nname = \"m\"\n");
  ASSERT_TRUE(loaded);
  const std::string text = show(*loaded);
  const auto has = [&](const std::string& key_and_value, const std::string& origin) {
    const auto at = text.find("\n" + key_and_value + " ");
    ASSERT_NE(at, std::string::npos) << key_and_value << "\n" << text;
    const auto line = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
    EXPECT_TRUE(line.ends_with("  # " + origin)) << line;
  };
  EXPECT_TRUE(text.starts_with("# hash "));
  has("name = \"a\\\"b\"", "dir/e.toml:1");
  has("wait = \"90s\"", "dir/e.toml:2");
  has("net.port = 80", "default");
  has("gain = 1.5", "default");
  has("on = false", "default");
  has("since = \"2000-01-01T00:00:00.000Z\"", "default");
  has("room = \"64 KiB\"", "default");
  has("mode = \"slow\"", "default");
  has("words = [\"a\", \"b\"]", "default");
  has("fields = { \"k\" = \"v\" }", "dir/e.toml:3");
  has("machine[0].name = \"m\"", "dir/e.toml:6");
  EXPECT_EQ(std::ranges::count(text, '\n'), 1 + 15);
}

TEST(SettingsPage, HasEveryKeyOfEveryTable) {
  const std::string page = reference_page(example_table());
  for (const char* part :
       {"# Configuration of example\n", "What the example does.", "| `name` | a text that is not empty | required | A name. |",
        "## `[net]`", "| `net.note` | a text | `\"\"` | A note with a \\| in it. |",
        "| `net.port` | a whole number, `1` to `65535` | `80` | A port. |",
        "| `gain` | a number, `-10` to `10` dB | `1.5` | A gain. |", "| `on` | `true` or `false` | `false` | On. |",
        "| `wait` | a duration, `\"1ms\"` to `\"1h\"` | `\"30s\"` | A wait. |",
        "| `mode` | one of `\"slow\"`, `\"fast\"` | `\"slow\"` | A mode. |",
        "| `room` | a byte size, `\"1 B\"` to `\"1 GiB\"` | `\"64 KiB\"` | Room. |",
        "## `[[machine]]`\n\nMachines. At most 3 of them.", "## `[[machine.step]]`",
        "| `at` | a duration, `\"0s\"` to `\"1d\"` | required | When. |"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part << "\n" << page;
  }
}

TEST(SettingsBytes, AreReadAndWritten) {
  const std::pair<const char*, std::int64_t> cases[] = {
      {"0", 0},          {"0 B", 0},           {"512 B", 512},       {"1KiB", 1024},
      {"1.5 KiB", 1536}, {"64 MiB", 64 << 20}, {"2 GiB", 2ll << 30}, {"3 TiB", 3ll << 40}};
  for (const auto& [text, expected] : cases) {
    const auto bytes = parse_bytes(text);
    ASSERT_TRUE(bytes) << text;
    EXPECT_EQ(*bytes, expected) << text;
    EXPECT_EQ(*parse_bytes(format_bytes(expected)), expected) << text;
  }
  for (const char* text : {"", "64", "MiB", "-1 KiB", "-0", "64 MB", "64 kib", "64  MiB", "64 MiB ", " 64 MiB", "0.3 B",
                           "1e30 TiB", "nan B", "inf B"}) {
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1000), "1000 B");
  EXPECT_EQ(format_bytes(1536), "1536 B");
  EXPECT_EQ(format_bytes(64 << 20), "64 MiB");
}

TEST(SettingsTableDeath, MistakesInATableStopTheProgram) {
  const auto table = [] { return Table<Example>("e", "E."); };
  EXPECT_DEATH(
      {
        auto t = table();
        t.boolean("a", &Example::on, false, "A.");
        t.boolean("a", &Example::on, false, "A.");
      },
      "in the table already");
  EXPECT_DEATH(
      {
        auto t = table();
        t.boolean("a.b", &Example::on, false, "A.");
        t.boolean("a", &Example::on, false, "A.");
      },
      "below or above");
  EXPECT_DEATH(table().integer("a", &Example::port, 0, {1, 2}, "A."), "its default must be at least 1");
  EXPECT_DEATH(table().integer("a", &Example::port, 1, {2, 1}, "A."), "wrong way round");
  EXPECT_DEATH(table().integer("a", &Example::port, 1, {0, 1ll << 40}, "A."), "do not fit");
  EXPECT_DEATH(table().duration("a", &Example::wait, "1", {"0s", "1s"}, "A."), "unit is none of");
  EXPECT_DEATH(table().one_of("a", &Example::level, "x", {"y"}, "A."), "none of its choices");
  EXPECT_DEATH(table().boolean("a", &Example::on, false, ""), "needs a path and a sentence");
}

}  // namespace
}  // namespace stethos::settings
