#include "recordings/mat_arrays.h"

#include <gmock/gmock.h>

#include <limits>

#include "tests/unit/recordings/mat_files.h"
#include "tests/unit/recordings/scratch_folder.h"

namespace stethos::recordings {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct MatFound {
  std::vector<MatArray> arrays;
  std::string error;
};

MatFound arrays_in(const std::string& content) {
  static const ScratchFolder folder;  // one for thousands of files
  auto arrays = find_mat_arrays(folder.write("a.mat", content));
  return arrays ? MatFound{*std::move(arrays), ""} : MatFound{{}, arrays.error().text()};
}

std::vector<double> values_in(const MatArray& array) {
  std::string bytes(array.count() * array.format.bytes(), '\0');
  EXPECT_TRUE(array.bytes->read(array.begin, bytes.data(), bytes.size()));
  std::vector<double> out(array.count());
  read_numbers(bytes.data(), array.format.bytes(), array.format, 1, out);
  return out;
}

std::vector<std::string> paths_in(const MatFound& found) {
  EXPECT_EQ(found.error, "");
  std::vector<std::string> out;
  for (const MatArray& array : found.arrays) out.push_back(array.path);
  return out;
}

class MatArrays : public testing::TestWithParam<bool> {
 protected:
  MatMaker mat{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(BothOrders, MatArrays, testing::Bool());

TEST_P(MatArrays, EveryTypeOfStorageIsRead) {
  const std::pair<std::uint32_t, std::string> stored[] = {
      {1, mat.numbers<std::int8_t>({-1, 2, 3})},   {2, mat.numbers<std::uint8_t>({255, 2, 3})},
      {3, mat.numbers<std::int16_t>({-1, 2, 3})},  {4, mat.numbers<std::uint16_t>({65'535, 2, 3})},
      {5, mat.numbers<std::int32_t>({-1, 2, 3})},  {6, mat.numbers<std::uint32_t>({4'294'967'295U, 2, 3})},
      {7, mat.numbers<float>({-1, 2, 3})},         {9, mat.numbers<double>({-1, 2, 3})},
      {12, mat.numbers<std::int64_t>({-1, 2, 3})}, {13, mat.numbers<std::uint64_t>({1, 2, 3})},
  };
  const double first[] = {-1, 255, -1, 65'535, -1, 4'294'967'295.0, -1, -1, -1, 1};
  for (std::size_t i = 0; i < std::size(stored); ++i) {
    const auto& [type, data] = stored[i];
    const std::string array =
        mat.array_of("abcde", {1, 3}, data.size() <= 4 ? mat.small_element(type, data) : mat.element(type, data));
    for (const std::string& element : {array, mat.compressed(array), mat.array_of("abcde", {1, 3}, mat.element(type, data))}) {
      const MatFound found = arrays_in(mat.file_of(element));
      ASSERT_THAT(paths_in(found), ElementsAre("abcde")) << type;
      EXPECT_THAT(values_in(found.arrays[0]), ElementsAre(first[i], 2, 3)) << type;
      EXPECT_EQ(found.arrays[0].rows, 1U);
      EXPECT_EQ(found.arrays[0].columns, 3U);
    }
  }
}

TEST_P(MatArrays, FieldsHavePathsAndTheRestIsPassedOver) {
  const std::string inner = mat.struct_of("", {"x", "y"}, {mat.vector_of("", {1, 2}), mat.vector_of("", {3})});
  const std::string many = mat.struct_of("", {"Data"}, {mat.vector_of("", {4}), mat.vector_of("", {5, 6})});
  const std::string text = mat.array_of("", {1, 2}, mat.element(16, "hi"), 4);
  const std::string outer = mat.struct_of("s", {"in", "Y", "text", "none"}, {inner, many, text, mat.element(14, "")});
  const std::string cells = mat.cells_of("c", {mat.vector_of("", {7, 8}), outer});
  const std::string opaque =
      mat.element(14, mat.element(6, mat.number(std::uint32_t{17}) + mat.number(std::uint32_t{0})) + "12345678");
  const std::string complex = mat.array_of("z", {1, 1}, mat.element(9, mat.number(1.0)) + mat.element(9, mat.number(2.0)), 0x806);
  const std::string truth = mat.array_of("b", {1, 4}, mat.small_element(2, std::string(4, '\1')), 0x209);
  const std::string nameless = mat.vector_of("", {1});
  const std::string empty_struct = mat.struct_of("e", {}, {});
  const std::string matrix = mat.array_of("m", {2, 2, 2}, mat.element(2, "12345678"), 9);
  for (const bool is_compressed : {false, true}) {
    std::string elements;
    for (const std::string& each : {cells, truth, opaque, nameless, empty_struct, outer, complex, matrix}) {
      elements += is_compressed ? mat.compressed(each) : each;
    }
    const MatFound found = arrays_in(mat.file_of(elements));
    ASSERT_THAT(paths_in(found), ElementsAre("s.in.x", "s.in.y", "s.Y(1).Data", "s.Y(2).Data", "z", "m"));
    EXPECT_THAT(values_in(found.arrays[3]), ElementsAre(5, 6));
    EXPECT_TRUE(found.arrays[4].is_complex);
    EXPECT_EQ(found.arrays[5].rows, 2U);
    EXPECT_EQ(found.arrays[5].columns, 4U);
  }
}

TEST_P(MatArrays, WhatIsCutShortIsAnError) {
  const std::string of_struct = mat.struct_of("s", {"x", "y"}, {mat.vector_of("", {1, 2}), mat.vector_of("", {3})});
  for (const std::string& element : {of_struct, mat.compressed(of_struct)}) {
    const std::string good = mat.file_of(element);
    ASSERT_EQ(arrays_in(good).error, "");
    for (std::size_t cut = 0; cut < good.size(); ++cut) {
      // With a header alone it is a file without variables.
      EXPECT_EQ(arrays_in(good.substr(0, cut)).error.empty(), cut == 128) << cut;
    }
    EXPECT_THAT(arrays_in(good + "x").error, HasSubstr("at byte " + std::to_string(good.size()) + ": it is cut short"));
  }
}

TEST_P(MatArrays, AbsurdSizesAreRefusedBeforeAnythingIsAllocated) {
  constexpr std::int32_t much = std::numeric_limits<std::int32_t>::max();
  const auto error_of = [&](const std::string& element) { return arrays_in(mat.file_of(element)).error; };
  const std::string data = mat.element(9, mat.numbers<double>({1, 2}));
  EXPECT_THAT(error_of(mat.array_of("x", {much, much}, data)),
              HasSubstr("x has 2147483647 x 2147483647 numbers of 8 bytes, in 16 bytes"));
  EXPECT_THAT(error_of(mat.array_of("x", {much, much, much}, data)), HasSubstr("dimensions without end"));
  EXPECT_THAT(error_of(mat.array_of("x", {much, much, much, much}, data)), HasSubstr("a dimension of 2147483647"));
  EXPECT_THAT(error_of(mat.array_of("x", {-1, 2}, data)), HasSubstr("a dimension of -1"));
  EXPECT_THAT(error_of(mat.array_of("x", {2}, data)), HasSubstr("without two dimensions"));
  EXPECT_THAT(error_of(mat.array_of("x", std::vector<std::int32_t>(33, 1), data)), HasSubstr("more than 128 bytes"));
  EXPECT_THAT(error_of(mat.array_of(std::string(300, 'x'), {1, 2}, data)), HasSubstr("more than 255 bytes"));
  EXPECT_THAT(error_of(mat.number(std::uint32_t{14}) + mat.number(~std::uint32_t{0}) + data),
              HasSubstr("an element of 4294967295 bytes"));
  // Structs without end that have no fields, and none that are there.
  EXPECT_EQ(
      error_of(mat.element(14, mat.beginning("s", 2, {much, much}) + mat.small_element(5, mat.number(8)) + mat.element(1, ""))),
      "");
  EXPECT_THAT(error_of(mat.element(14, mat.beginning("s", 2, {much, much}) + mat.small_element(5, mat.number(8)) +
                                           mat.element(1, "abcdefg" + std::string(1, '\0')))),
              HasSubstr("it is cut short"));
  // A compressed variable that says more than may be held, or than can have been compressed.
  const auto claims = [&](std::uint32_t bytes) {
    return error_of(mat.compressed(mat.number(std::uint32_t{14}) + mat.number(bytes) + std::string(1'000, '\0')));
  };
  EXPECT_THAT(claims(~std::uint32_t{0}),
              HasSubstr("a compressed variable: it inflates to 4294967303 bytes, where 268435456 may still be"));
  EXPECT_THAT(claims(200'000'000), HasSubstr("it says more than can have been compressed"));
  EXPECT_THAT(claims(2'000), HasSubstr("it cannot be inflated to what it says"));
  EXPECT_THAT(claims(500), HasSubstr("something follows what it says"));
}

TEST(MatArraysTogether, WhatIsCompressedIsBounded) {
  const MatMaker mat;
  // 140 MB of zeros each, in 140 KB.
  constexpr std::uint32_t count = 140'000'000;
  const std::string zeros(count, '\0');
  const std::string element =
      mat.element(14, mat.beginning("x", 9, {static_cast<std::int32_t>(count), 1}) + mat.element(2, zeros));
  const std::string compressed = mat.compressed(element);
  EXPECT_THAT(paths_in(arrays_in(mat.file_of(compressed))), ElementsAre("x"));
  EXPECT_THAT(arrays_in(mat.file_of(compressed + compressed)).error, HasSubstr("may still be held in memory"));
}

TEST_P(MatArrays, DepthAndNumberAreBounded) {
  std::string nested = mat.vector_of("", {1, 2});
  for (std::size_t i = 0; i < mat_depth_max; ++i) nested = mat.struct_of(i + 1 < mat_depth_max ? "" : "s", {"f"}, {nested});
  EXPECT_EQ(arrays_in(mat.file_of(nested)).arrays.size(), 1U);
  nested = mat.vector_of("", {1, 2});
  for (std::size_t i = 0; i < 1'000; ++i) nested = mat.struct_of(i < 999 ? "" : "s", {"f"}, {nested});
  EXPECT_THAT(arrays_in(mat.file_of(nested)).error, HasSubstr("more than 16 deep"));
  std::string many;
  for (std::size_t i = 0; i <= mat_arrays_max; ++i) many += mat.vector_of("x", {1});
  EXPECT_THAT(arrays_in(mat.file_of(many)).error, HasSubstr("more than 10000 arrays"));
}

TEST_P(MatArrays, OtherFilesAreRefused) {
  const std::string good = mat.file_of(mat.vector_of("x", {1, 2}));
  EXPECT_THAT(arrays_in("\x89HDF\r\n\x1a\n" + good).error,
              HasSubstr("a.mat: it is HDF5, as MATLAB saves with -v7.3: the Python script"));
  EXPECT_THAT(arrays_in(mat.file_of(std::string(384, '\0') + "\x89HDF\r\n\x1a\n", 0x200)).error, HasSubstr("it is HDF5"));
  EXPECT_THAT(arrays_in(mat.file_of("", 0x200)).error, HasSubstr("it is of version 512: 256 is read"));
  EXPECT_THAT(arrays_in(std::string(200, '\0')).error, HasSubstr("as one of level 4, save it anew with -v7"));
  EXPECT_THAT(arrays_in(std::string(200, 'x')).error, HasSubstr("it is no MAT file of level 5"));
  EXPECT_THAT(arrays_in("").error, HasSubstr("it has no header"));
  EXPECT_THAT(arrays_in(mat.file_of(mat.element(9, mat.number(1.0)))).error,
              HasSubstr("at byte 128: an element of type 9, which is no variable"));
  EXPECT_THAT(arrays_in(mat.file_of(mat.compressed(mat.element(9, mat.number(1.0))))).error,
              HasSubstr("the compressed variable at byte 128"));
  EXPECT_THAT(arrays_in(mat.file_of(mat.compressed_bytes("no zlib, for sure"))).error, HasSubstr("it cannot be inflated"));
  std::string wrong = mat.deflated(mat.vector_of("x", {1, 2}));
  wrong.back() = static_cast<char>(wrong.back() ^ 1);
  EXPECT_THAT(arrays_in(mat.file_of(mat.compressed_bytes(wrong))).error, HasSubstr("it cannot be inflated to what it says"));
  EXPECT_FALSE(find_mat_arrays("/nowhere/a.mat"));
}

// Whatever bytes are changed, a file is read or refused: nothing else may happen.
TEST_P(MatArrays, EveryByteMayBeAnything) {
  const std::string inner = mat.struct_of("", {"x"}, {mat.vector_of("", {1, 2})});
  const std::string plain =
      mat.struct_of("s", {"in", "t"}, {inner, mat.array_of("", {2, 1}, mat.small_element(3, mat.numbers<std::int16_t>({1, 2})))});
  const auto change = [&](const std::string& good, std::size_t first, auto wrapped) {
    for (std::size_t at = first; at < good.size(); ++at) {
      for (const char byte : {'\x00', '\x01', '\x02', '\x0e', '\x0f', '\x7f', '\x80', '\xff'}) {
        std::string changed = good;
        changed[at] = byte;
        for (const MatArray& array : arrays_in(wrapped(changed)).arrays) EXPECT_EQ(values_in(array).size(), array.count());
      }
    }
  };
  change(mat.file_of(plain), 0, [](const std::string& file) { return file; });
  change(mat.file_of(mat.compressed(plain)), 124, [](const std::string& file) { return file; });
  change(plain, 0, [this](const std::string& element) { return mat.file_of(mat.compressed(element)); });
}

}  // namespace
}  // namespace stethos::recordings
