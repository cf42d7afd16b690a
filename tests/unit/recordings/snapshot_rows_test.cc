#include "recordings/snapshot_rows.h"

#include <gtest/gtest.h>

#include <hwy/targets.h>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace stethos::recordings {
namespace {

const std::string beginning = "9,38,46,";

std::optional<double> number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

// With every kind of vectors that this processor has.
class SnapshotRows : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { use(GetParam()); }
  void TearDown() override { use(0); }
  static void use(std::int64_t vectors) {
    hwy::SetSupportedTargetsForTest(vectors);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }

  // Of rows behind one whose stamp is `like`.
  const AlikeRows& read(const std::string& text, const std::string& like, DurationNs first_ns, std::size_t index = 0,
                        char separator = ',') {
    std::string start = beginning;
    for (char& each : start) each = each == ',' ? separator : each;
    const std::string padded = text + std::string(snapshot_rows_padding_bytes, '\0');
    read_alike_rows(std::string_view(padded).substr(0, text.size()), RowForm(start, like, separator), first_ns, index, rows_);
    return rows_;
  }
  // Whether the row is read where its stamp is `stamp_ns`, and what is then not as it must be.
  bool reads(const std::string& stamp, const std::string& like, const std::string& horizontal, const std::string& vertical,
             DurationNs stamp_ns) {
    const std::string row = beginning + stamp + "," + horizontal + "," + vertical + "\n";
    if (read(row, like, stamp_ns).count == 0) return false;
    EXPECT_EQ(rows_.count, 1U) << row;
    EXPECT_EQ(rows_.bytes, row.size()) << row;
    const auto left = number(horizontal), right = number(vertical);
    EXPECT_TRUE(left && std::bit_cast<std::uint64_t>(*left) == std::bit_cast<std::uint64_t>(rows_.horizontal[0])) << row;
    EXPECT_TRUE(right && std::bit_cast<std::uint64_t>(*right) == std::bit_cast<std::uint64_t>(rows_.vertical[0])) << row;
    return true;
  }

 private:
  AlikeRows rows_;
};

INSTANTIATE_TEST_SUITE_P(All, SnapshotRows, testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& each) { return std::string(hwy::TargetName(each.param)); });

TEST_P(SnapshotRows, ReadsWhatInstrumentsWrite) {
  for (const char* text : {"0", "-0", "7", "-12", "65664", "1234567", "12345678", "0.038", "-0.5", "47.001", "-0.0", "007", ".5",
                           "5.", "-1.23456", "1.234567", "0.00001", "12345.67", "-.5"}) {
    EXPECT_TRUE(reads("10", "10", text, "-0.25", 10'000)) << text;
    EXPECT_TRUE(reads("10", "10", "0.125", text, 10'000)) << text;
  }
}

TEST_P(SnapshotRows, LeavesOtherNumbersToOthers) {
  for (const char* text :
       {"",     "-",   "+1",    " 1",  "1 ", "nan", "inf", ".",    "-.",      "123456789", "1.2345678", "-1234.567x", "1..5",
        "1.5.", "1e5", "1e+05", "--1", "1-", "1/2", "1:",  "\x81", "1\xae.5", "0x1",       "1,5",       "1;5",        "1\r"}) {
    EXPECT_FALSE(reads("10", "10", text, "1", 10'000)) << text;
    EXPECT_FALSE(reads("10", "10", "1", std::string(text) + "x", 10'000)) << text;
    EXPECT_TRUE(std::string(text) == "1\r" || !reads("10", "10", "1", text, 10'000)) << text;
  }
  EXPECT_FALSE(reads("10", "10",
                     std::string("\0"
                                 "1",
                                 2),
                     "1", 10'000));
  EXPECT_FALSE(reads("10", "10", "1", std::string("1\0", 2), 10'000));
}

TEST_P(SnapshotRows, ReadsStampsOfOneExponent) {
  EXPECT_TRUE(reads("1.1879e+05", "9e+05", "1", "2", 118'790'000));
  EXPECT_TRUE(reads("8.657e+005", "8.6566e+005", "1", "2", 865'700'000));
  EXPECT_TRUE(reads("9E5", "8.6566E5", "1", "2", 900'000'000));
  EXPECT_TRUE(reads("65664", "65703", "1", "2", 65'664'000));
  EXPECT_TRUE(reads("1e+06", "1e+06", "1", "2", ns_per_s));
  EXPECT_TRUE(reads("39.1", "0", "1", "2", 39'100));
  EXPECT_FALSE(reads("1.0001e+06", "1e+06", "1", "2", ns_per_s)) << "more than a second";
  EXPECT_FALSE(reads("1e+09", "1e+09", "1", "2", ns_per_s)) << "much more";
  EXPECT_FALSE(reads("1e+05", "9.9998e+04", "1", "2", 100'000'000));
  EXPECT_FALSE(reads("1e+05", "99998", "1", "2", 100'000'000));
  EXPECT_FALSE(reads("99998", "1e+05", "1", "2", 99'998'000));
  EXPECT_FALSE(reads("-0", "10", "1", "2", 0));
  EXPECT_FALSE(reads("e+05", "1e+05", "1", "2", 0));
  EXPECT_FALSE(reads("1e+30", "1e+30", "1", "2", 0));
  EXPECT_FALSE(reads("1e-30", "1e-30", "1", "2", 0));
}

// In the order of their numbers, one at a time at the end of the room there is.
TEST_P(SnapshotRows, GoesOnAsLongAsRowsAreAlike) {
  std::string text;
  std::vector<std::size_t> ends{0};
  const std::size_t count = AlikeRows::count_max + 3;
  for (std::size_t i = 0; i < count; ++i) {
    text += beginning + std::to_string(100 + snapshot_sample_ns(i) / 1'000) + "," + std::to_string(i) + ".5,-" +
            std::to_string(i) + (i % 3 == 0 ? "\r\n" : "\n");
    ends.push_back(text.size());
  }
  const AlikeRows& rows = read(text, "0", 100'000);
  ASSERT_EQ(rows.count, AlikeRows::count_max);
  EXPECT_EQ(rows.bytes, ends[rows.count]);
  for (std::size_t i = 0; i < rows.count; ++i) {
    EXPECT_EQ(rows.horizontal[i], static_cast<double>(i) + 0.5);
    EXPECT_EQ(rows.vertical[i], -static_cast<double>(i));
  }
  EXPECT_EQ(read(text.substr(ends[250]), "0", 100'000, 250).count, count - 250);
  for (std::size_t bad = 0; bad < 70; ++bad) {
    std::string spoilt = text;
    spoilt[ends[bad] + beginning.size()] = 'x';
    const AlikeRows& some = read(spoilt, "0", 100'000);
    EXPECT_EQ(some.count, bad);
    EXPECT_EQ(some.bytes, ends[bad]);
    EXPECT_EQ(read(text.substr(0, ends[bad + 1] - 1), "0", 100'000).count, bad) << "no line feed, no row";
  }
}

TEST_P(SnapshotRows, LeavesOtherRowsToOthers) {
  EXPECT_EQ(read("9,38,46,10,1,2\n", "10", 10'000).count, 1U);
  EXPECT_EQ(read("9;38;46;10;1;2\r\n", "10", 10'000, 0, ';').count, 1U);
  for (const char* row : {"9,38,47,10,1,2\n", "09,38,46,10,1,2\n", "9,38,46,10,1\n", "9,38,46,10,1,\n", "9,38,46,10,,1\n",
                          "9,38,46,,10,1\n", "9,38,46,10,1,2,3\n", "9,38,46,10,1,2,\n", "9,38,46,10,1;2\n", "9,38,46,10;1;2\n",
                          "9;38;46;10;1;2\n", "9,38,46,10,1,2\r\r\n", "9,38,46,10,1,\r\n", "9,38,46,10,1,2", "\n", "",
                          "9,38,46,\n", "9,38,46,10\n1,2,3\n", "9,38,46,10,00000000000000000000001,2\n"}) {
    EXPECT_EQ(read(row, "10", 10'000).count, 0U) << row;
  }
  const std::string long_beginning = "000000009,000038,000046,";
  AlikeRows rows;
  const std::string padded = long_beginning + "10,1,2\n" + std::string(snapshot_rows_padding_bytes, '\0');
  read_alike_rows(padded, RowForm(long_beginning, "10", ','), 10'000, 0, rows);
  EXPECT_EQ(rows.count, 0U) << "too long to be compared";
}

TEST_P(SnapshotRows, AnyNumberHasTheBitsOfFromChars) {
  std::mt19937 random(5);
  const auto digits = [&](std::size_t most) {
    std::string out;
    for (std::size_t left = random() % (most + 1); left > 0; --left) out += static_cast<char>('0' + random() % 10);
    return out;
  };
  const auto any = [&] {
    const char out = random() % 4 == 0 ? static_cast<char>(random()) : ",;.-e5/\0"[random() % 8];
    return out == '\n' || out == '\r' ? 'x' : out;  // a row that ends earlier is another row
  };
  const auto sample = [&] {
    std::string out = (random() % 2 == 0 ? "-" : "") + digits(6);
    if (random() % 2 == 0) out += "." + digits(4);
    if (random() % 16 == 0) out += "e-0" + digits(2);
    if (!out.empty() && random() % 8 == 0) out[random() % out.size()] = any();
    return out;
  };
  std::size_t read = 0;
  for (int i = 0; i < 60'000; ++i) {
    const std::string exponent = random() % 2 == 0 ? "" : (random() % 2 == 0 ? "e+0" : "e+00") + std::to_string(random() % 7);
    std::string stamp = digits(6) + (random() % 2 == 0 ? "." + digits(4) : "") + exponent;
    if (!stamp.empty() && random() % 32 == 0) stamp[random() % stamp.size()] = any();
    const std::string horizontal = sample(), vertical = sample();
    const auto us = number(stamp);
    const DurationNs stamp_ns = us && std::abs(*us) <= 1e7 ? std::llround(*us * 1'000) : 0;
    if (!reads(stamp, "1" + exponent, horizontal, vertical, stamp_ns)) continue;
    ++read;
    ASSERT_TRUE(us && *us >= 0 && *us <= 1e6) << stamp;
    // To the nanosecond: so much earlier and later, and no more.
    for (const DurationNs off_ns : {-snapshot_stamp_error_ns_max, snapshot_stamp_error_ns_max}) {
      EXPECT_TRUE(reads(stamp, "1" + exponent, horizontal, vertical, stamp_ns + off_ns)) << stamp;
      EXPECT_FALSE(reads(stamp, "1" + exponent, horizontal, vertical, stamp_ns + off_ns + (off_ns < 0 ? -1 : 1))) << stamp;
    }
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GT(read, 5'000U);
}

}  // namespace
}  // namespace stethos::recordings
