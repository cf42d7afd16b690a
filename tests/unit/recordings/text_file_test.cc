#include "recordings/text_file.h"

#include <array>
#include <cmath>

#include "tests/unit/recordings/scratch_folder.h"

namespace stethos::recordings {
namespace {

TEST(TextFile, ReadsLinesWithAnyEnd) {
  const ScratchFolder folder;
  TextFile file;
  ASSERT_TRUE(file.load(folder.write("a", "one\r\ntwo\nthree")));
  std::string_view line;
  ASSERT_TRUE(file.next_line(line));
  EXPECT_EQ(line, "one");
  ASSERT_TRUE(file.next_line(line));
  EXPECT_EQ(line, "two");
  ASSERT_TRUE(file.next_line(line));
  EXPECT_EQ(line, "three");
  EXPECT_EQ(file.line_number(), 3u);
  EXPECT_FALSE(file.next_line(line));
}

TEST(TextFile, LoadsAnotherFileFromItsStart) {
  const ScratchFolder folder;
  TextFile file;
  std::string_view line;
  ASSERT_TRUE(file.load(folder.write("a", std::string(600'000, 'x'))));
  ASSERT_TRUE(file.next_line(line));
  EXPECT_EQ(line.size(), 600'000u);
  ASSERT_TRUE(file.load(folder.write("b", "short\n")));
  ASSERT_TRUE(file.next_line(line));
  EXPECT_EQ(line, "short");
  EXPECT_EQ(file.line_number(), 1u);
  EXPECT_FALSE(file.next_line(line));
}

TEST(TextFile, RefusesWhatIsNotThere) {
  TextFile file;
  const auto loaded = file.load("/nowhere/at-all.csv");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::not_found);
}

TEST(TextFile, RefusesTooLargeAFile) {
  const ScratchFolder folder;
  const std::string path = folder.write("large", "");
  std::filesystem::resize_file(path, text_file_bytes_max + 1);
  TextFile file;
  const auto loaded = file.load(path);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::too_large);
}

TEST(TextFile, ReadsNumbersStrictly) {
  const TextFile file;
  EXPECT_EQ(*file.number("8.6566e+005", "x"), 865'660.0);
  EXPECT_EQ(*file.number("-0.5", "x"), -0.5);
  for (const auto* bad : {"", " 1", "1 ", "+1", "1,5", "nan", "inf", "1e999", "0x10", "1.5g"})
    EXPECT_FALSE(file.number(bad, "x")) << bad;
  EXPECT_EQ(*file.integer("23", "hour", 0, 23), 23);
  for (const auto* bad : {"", "24", "-1", "7.5", "99999999999"}) EXPECT_FALSE(file.integer(bad, "hour", 0, 23)) << bad;
}

TEST(TextFile, ASampleMayBeMissing) {
  const TextFile file;
  for (const auto* missing : {"", "nan", "NaN", "NAN", "NA", "N/A", "null", "NULL", "-"}) {
    EXPECT_TRUE(std::isnan(*file.sample(missing, "x"))) << missing;
  }
  EXPECT_EQ(*file.sample("-0.5", "x"), -0.5);
  for (const auto* bad : {" ", "inf", "-inf", "nan(1)", "-nan", "none", "--", "1x"}) EXPECT_FALSE(file.sample(bad, "x")) << bad;
}

TEST(TextFile, CutsIntoExactlySoManyFields) {
  const TextFile file;
  std::array<std::string_view, 3> fields;
  ASSERT_TRUE(file.split("a;b;c", ';', fields));
  EXPECT_EQ(fields[2], "c");
  ASSERT_TRUE(file.split("a;;", ';', fields));
  EXPECT_EQ(fields[1], "");
  EXPECT_EQ(fields[2], "");
  for (const auto* bad : {"", "a", "a;b", "a;b;c;d", "a,b,c"}) EXPECT_FALSE(file.split(bad, ';', fields)) << bad;
}

}  // namespace
}  // namespace stethos::recordings
