#include "edge/ingest/json_fault.h"

#include <gtest/gtest.h>

#include "edge/core/limits.h"
#include "edge/ingest/json_text.h"

namespace stethos::edge {
namespace {

std::string fault_of(std::string_view payload) {
  JsonText text;
  const auto document = text.parse({reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()});
  return document ? "none" : document.error().detail;
}

TEST(JsonFault, IsSaidInWords) {
  using namespace std::literals;
  const std::pair<std::string_view, std::string_view> faults[] = {
      {"", "it is empty"},
      {"\xef\xbb\xbf \n", "it is empty"},
      {"\xff\xfe{\0}\0"sv, "it is UTF-16, and JSON is UTF-8"},
      {"{\0\"\0a\0\"\0:\0001\0}\0"sv, "it is UTF-16, and JSON is UTF-8"},
      {"{\"a\":\"\xe4\"}", "it is not UTF-8 throughout; it begins with \"{\"a\":\"\xe4\"}\""},
      {"{\"a\":1}\0{"sv, "a NUL stands at byte 8, and not behind the document"},
      {"{\"a\":\0 1}"sv, "a NUL stands at byte 6, and not behind the document"},
      {"\xef\xbb\xbf\xef\xbb\xbf{}", "a byte order mark stands at byte 1, and not before the document"},
      {"{'a':1}", "a single quote stands at byte 2: JSON has double quotes"},
      {"{\"a\":1}{\"a\":2}", "something follows the document at byte 8: \"{\"a\":2}\""},
      {"{\"a\":1,}", "a comma stands before the brace at byte 8"},
      {"[1,,2]", "nothing stands before the comma at byte 4"},
      {"{\"a\":1}}", "something follows the document at byte 8: \"}\""},
      {"{\"a\":[1}", "a brace at byte 8 closes what was not opened"},
      {"{\"a\":1,\"b", "it ends within a text in quotes: was it cut short?"},
      {"{\"a\":[1,2", "it ends before its last brace is closed: was it cut short?"},
      {"offline", "it begins with \"offline\", and not with a brace"},
      {"<xml>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa</xml>", "it begins with \"<xml>aaaaaaaaaaaaaaaaaaa...\", and not with a brace"},
      {"{\"a\":\"\n\"}", "a text in it has a control character that is not escaped"},
      {"{\"a\" 1}", "a comma, a colon, a quote or a value is missing, or one too many"},
  };
  for (const auto& [payload, fault] : faults) EXPECT_EQ(fault_of(payload), fault) << payload;
  EXPECT_EQ(fault_of("\xef\xbb\xbf{\"a\":nan}\0\0"sv), "none");
}

std::string names_of(std::string_view payload) {
  JsonText text;
  return names_in(*text.parse({reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()}));
}

TEST(JsonFault, NamesOfADocument) {
  EXPECT_EQ(names_of(R"({"ts":1,"temp":{"a":1}})"), R"(; it has "ts", "temp")");
  EXPECT_EQ(names_of(R"({"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1})"), R"(; it has "a", "b", "c", "d", "e", "f", ...)");
  EXPECT_EQ(names_of("{}"), "; it has no names");
  EXPECT_EQ(names_of("[1]"), "");
  EXPECT_LE(names_of("{\"" + std::string(100'000, 'x') + "\":1}").size(), letter_detail_bytes_max);
}

TEST(JsonFault, IsBounded) {
  for (const std::string& payload : {std::string(1'000'000, '['), std::string(1'000'000, 'x'), std::string(1'000'000, '\\'),
                                     "{}" + std::string(1'000'000, '\x1b')}) {
    EXPECT_LE(fault_of(payload).size(), letter_detail_bytes_max);
  }
}

}  // namespace
}  // namespace stethos::edge
