#include "schemas/names.h"

#include <gtest/gtest.h>

#include <string>

namespace stethos::schema {
namespace {

TEST(Name, WhatMayStandInATopicAKeyAndALogLine) {
  for (const std::string_view good : {"a", "press-7", "DE", "1H", "vibration.full_h", "x:y=z;{}", "~!@$%^&*()", "A,B"}) {
    EXPECT_TRUE(is_name(good)) << good;
  }
  EXPECT_TRUE(is_name(std::string(name_bytes_max, 'n')));
  EXPECT_FALSE(is_name(std::string(name_bytes_max + 1, 'n')));
  EXPECT_FALSE(is_name(""));
  for (const char refused : std::string_view(" \"'/+#\\\t\n\r\0\x1f\x7f\x80\xff", 15)) {
    EXPECT_FALSE(is_name(std::string("a") + refused + "b")) << static_cast<int>(refused);
  }
  EXPECT_FALSE(is_name("pr\u00e4zise"));
}

TEST(PlantName, IsAnyTextThatIsShown) {
  for (const std::string_view good : {"a", "Kühlpumpe 3", "relay/0", "a\"b'c", "d+#", "温度", "⚙️", "O'Brien \\ Söhne", "a  b"}) {
    EXPECT_TRUE(is_plant_name(good)) << good;
  }
  for (const std::string_view bad :
       {"", " ", " a", "a ", "a\tb", "a\nb", "a\x7f", "a\xff", "\xc3", "a\u0085", "a\u2028b", "\u202eb"}) {
    EXPECT_FALSE(is_plant_name(bad)) << bad;
  }
  EXPECT_FALSE(is_plant_name(std::string_view("a\0b", 3)));
  EXPECT_TRUE(is_plant_name(std::string(name_bytes_max, 'n')));
  EXPECT_FALSE(is_plant_name(std::string(name_bytes_max - 1, 'n') + "ü")) << "bytes, not letters";
}

}  // namespace
}  // namespace stethos::schema
