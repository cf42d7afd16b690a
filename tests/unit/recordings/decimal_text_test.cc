#include "recordings/decimal_text.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cstdint>
#include <random>
#include <string>

namespace stethos::recordings {
namespace {

// As long as it is read, it must be what std::from_chars makes of it. True: it was read.
bool read_as_from_chars_does(const std::string& text) {
  const std::string padded = text + std::string(decimal_text_bytes, '\0');
  double value = 0;
  const char* end = read_short_decimal(padded.data(), value);
  if (end == nullptr) return false;
  double expected = 0;
  const auto [expected_end, error] = std::from_chars(padded.data(), padded.data() + text.size(), expected);
  EXPECT_EQ(error, std::errc{}) << text;
  EXPECT_EQ(end, expected_end) << text;
  EXPECT_EQ(std::bit_cast<std::uint64_t>(value), std::bit_cast<std::uint64_t>(expected)) << text;
  return true;
}

TEST(DecimalText, ReadsWhatInstrumentsWrite) {
  for (const char* text : {"0", "-0", "7", "-12", "65664", "1234567", "0.038", "-0.5", "47.001", "-0.0", "007", "5.4066e+05",
                           "8.6566e+005", "1e-03", "-1.5E-12", "1e+06", "0.00001", "12345.6"}) {
    EXPECT_TRUE(read_as_from_chars_does(text)) << text;
  }
  EXPECT_TRUE(read_as_from_chars_does("1.5;2.5"));
  EXPECT_TRUE(read_as_from_chars_does("3,4"));
}

TEST(DecimalText, LeavesOtherFormsToOthers) {
  for (const char* text : {"", "-", "+1", " 1", "nan", "inf", ".5", "5.", "5.e+05", "12345678", "1.234567", "1e5", "1e+5",
                           "1e+0005", "1e+23", "1e-23", "e+05", "--1"}) {
    EXPECT_FALSE(read_as_from_chars_does(text)) << text;
  }
}

TEST(DecimalText, AnyDecimalHasTheBitsOfFromChars) {
  std::mt19937 random(5);
  const auto digits = [&](std::size_t most) {
    std::string out;
    for (std::size_t left = random() % (most + 1); left > 0; --left) out += static_cast<char>('0' + random() % 10);
    return out;
  };
  std::size_t read = 0;
  for (int i = 0; i < 300'000; ++i) {
    std::string text = (random() % 2 == 0 ? "-" : "") + digits(4);
    if (random() % 2 == 0) text += "." + digits(4);
    if (random() % 2 == 0) text += (random() % 2 == 0 ? "e+" : "e-") + digits(3);
    if (!text.empty() && random() % 8 == 0) text[random() % text.size()] = ",;.-e5x"[random() % 7];
    read += read_as_from_chars_does(text) ? 1 : 0;
  }
  EXPECT_GT(read, 50'000U);
}

}  // namespace
}  // namespace stethos::recordings
