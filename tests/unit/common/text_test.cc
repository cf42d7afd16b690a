// What is text, and how bytes are shown that may be none.
#include <gtest/gtest.h>

#include <string>

#include "common/printable.h"
#include "common/shortened.h"
#include "common/utf8.h"

namespace stethos {
namespace {

TEST(Text, WhatIsPlain) {
  EXPECT_TRUE(is_plain_text("", 0));
  EXPECT_TRUE(is_plain_text("Kühlung \u00a0\u2027\u202f\u2065\u206a\ufefe\uff00\U0001f4a9\U0010ffff", 100));
  EXPECT_FALSE(is_plain_text("abc", 2));
  for (const std::string_view bad :
       {"\n", "\x1b", "\x7f", "\u0080", "\u009f", "\u200e", "\u200f", "\u2028", "\u202e", "\u2066", "\u2069", "\ufeff", "\x80",
        "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x9f\x92", "\xff"}) {
    EXPECT_FALSE(is_plain_text(bad, 100)) << printable(bad);
  }
}

TEST(Text, IsShownAsItIsAndOtherBytesByTheirNumbers) {
  EXPECT_EQ(printable("Kühlung \\ 3"), "Kühlung \\\\ 3");
  EXPECT_EQ(printable("\x1b[31m\u0085\u202e\xff"), "\\x1b[31m\\xc2\\x85\\xe2\\x80\\xae\\xff");
  EXPECT_EQ(printable("Kühlung", 2), "K ...") << "cut where a character begins";
  EXPECT_EQ(printable("Kühlung", 8), "Kühlung");
  EXPECT_EQ(printable(std::string(100, '\x80'), 5), "\\x80\\x80 ...");
}

TEST(Text, IsShortenedAtACharacter) {
  EXPECT_EQ(shortened("Kühlung", 2), "K...");
  EXPECT_EQ(shortened("Kühlung", 3), "Kü...");
  EXPECT_EQ(first_of("abc", 0), "");
  EXPECT_EQ(first_of(std::string_view("\x80\x80\x80\x80\x80\x80"), 5).size(), 2u);
}

}  // namespace
}  // namespace stethos
