#include "recordings/npy.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>

#include "tests/unit/recordings/scratch_folder.h"

namespace stethos::recordings {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string dictionary(const std::string& type, const std::string& shape, bool fortran = false) {
  return "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape + ", }\n";
}

std::string npy_of(const std::string& header, const std::string& numbers, char version = 1) {
  std::string out = "\x93NUMPY" + std::string{version, '\0'};
  for (std::size_t i = 0; i < (version == 1 ? 2U : 4U); ++i) out += static_cast<char>(header.size() >> 8 * i & 0xff);
  return out + header + numbers;
}

template <class Number>
std::string numbers_of(std::initializer_list<Number> numbers) {
  std::string out(numbers.size() * sizeof(Number), '\0');
  std::memcpy(out.data(), numbers.begin(), out.size());
  return out;
}

ReadOut read_npy(const std::string& content, const FrameOptions& options = {.rate_hz = 1'000, .channels = {}}) {
  static const ScratchFolder folder;  // one for thousands of files
  const auto recording = open_npy(folder.write("a.npy", content), options);
  return recording ? read_out(**recording) : ReadOut{{}, recording.error().text()};
}

TEST(Npy, EveryVersionAndOrderIsRead) {
  const std::string six = numbers_of<double>({1, 2, 3, 4, 5, 6});
  for (const char version : {'\1', '\2', '\3'}) {
    EXPECT_THAT(channels_of(read_npy(npy_of(dictionary("<f8", "(6,)"), six, version))),
                ElementsAre(ElementsAre(1, 2, 3, 4, 5, 6)));
  }
  const FrameOptions two_a_block{.rate_hz = 1'000, .block_samples = 2, .channels = {"x"}};
  const ReadOut by_frame = read_npy(npy_of(dictionary("<f8", "(3, 2)"), six), two_a_block);
  EXPECT_THAT(channels_of(by_frame), ElementsAre(ElementsAre(1, 3, 5), ElementsAre(2, 4, 6)));
  EXPECT_EQ(by_frame.records.size(), 2U);
  EXPECT_EQ(by_frame.records[1].channels[1].channel, "x-2");
  EXPECT_EQ(by_frame.records[1].channels[1].start_ns, 2 * ns_per_ms);
  const ReadOut by_channel = read_npy(npy_of(dictionary("<f8", "(3, 2)", true), six), two_a_block);
  EXPECT_THAT(channels_of(by_channel), ElementsAre(ElementsAre(1, 2, 3), ElementsAre(4, 5, 6)));
}

TEST(Npy, NumbersOfEveryTypeAreRead) {
  EXPECT_THAT(channels_of(read_npy(npy_of(dictionary("<f4", "(2,)"), numbers_of<float>({0.5F, -3})))),
              ElementsAre(ElementsAre(0.5, -3)));
  EXPECT_THAT(channels_of(read_npy(npy_of(dictionary("<i2", "(2,)"), numbers_of<std::int16_t>({-7, 9})))),
              ElementsAre(ElementsAre(-7, 9)));
  EXPECT_THAT(channels_of(read_npy(npy_of(dictionary("<i4", "(2,)"), numbers_of<std::int32_t>({-70'000, 9})))),
              ElementsAre(ElementsAre(-70'000, 9)));
  EXPECT_THAT(channels_of(read_npy(npy_of(dictionary(">i2", "(2,)"), std::string("\xff\xf9\x00\x09", 4)))),
              ElementsAre(ElementsAre(-7, 9)));
  EXPECT_THAT(channels_of(read_npy(npy_of(dictionary("|i1", "(2,)"), "\x01\xff"))), ElementsAre(ElementsAre(1, -1)));
  EXPECT_THAT(channels_of(read_npy(npy_of("{\"shape\":(2L,1L),\"fortran_order\":False,\"descr\":\"|u1\"}   \n", "\x01\xff"))),
              ElementsAre(ElementsAre(1, 255)));
}

TEST(Npy, WhatIsMissingStaysMissing) {
  const auto channels = channels_of(read_npy(npy_of(dictionary("<f8", "(2,)"), numbers_of<double>({std::nan(""), INFINITY}))));
  EXPECT_TRUE(std::isnan(channels.at(0).at(0)));
  EXPECT_FALSE(std::isfinite(channels[0][1]));
}

TEST(Npy, WhatIsBrokenIsAnError) {
  const std::string numbers = numbers_of<double>({1, 2, 3, 4});
  for (const char version : {'\1', '\2'}) {
    const std::string good = npy_of(dictionary("<f8", "(2, 2)"), numbers, version);
    for (std::size_t cut = 0; cut < good.size(); ++cut) EXPECT_NE(read_npy(good.substr(0, cut)).error, "") << cut;
    EXPECT_THAT(read_npy(good + "x").error, HasSubstr("it says 2 x 2 numbers of 8 bytes, and has 33 bytes of them"));
  }
  for (const char* shape : {"(18446744073709551615, 2)", "(4294967296, 4294967296)", "(2305843009213693952, 8)",
                            "(2305843009213693953,)", "(1000000000000,)"}) {
    EXPECT_THAT(read_npy(npy_of(dictionary("<f8", shape), numbers)).error, HasSubstr("it says ")) << shape;
  }
  EXPECT_THAT(read_npy(npy_of(dictionary("<f8", "(99999999999999999999,)"), numbers)).error, HasSubstr("its header is not"));
  EXPECT_THAT(read_npy(npy_of(dictionary("<f8", "()"), numbers)).error, HasSubstr("it has 0 dimensions"));
  EXPECT_THAT(read_npy(npy_of(dictionary("<f8", "(2, 2, 1)"), numbers)).error, HasSubstr("it has 3 dimensions"));
  EXPECT_THAT(read_npy(npy_of(dictionary("<f8", "(0,)"), "")).error, HasSubstr("it has no samples"));
  EXPECT_THAT(read_npy(npy_of(dictionary("<f8", "(0, 99999)"), "")).error, HasSubstr("99999 channels"));
  EXPECT_THAT(read_npy(npy_of(dictionary("|u1", "(1, 300)"), std::string(300, 'x'))).error, HasSubstr("300 channels"));
  for (const char* type : {"<c16", "<f2", "|O", "<U5", "f8", "|b1", ""}) {
    EXPECT_NE(read_npy(npy_of(dictionary(type, "(4,)"), numbers)).error, "") << type;
  }
  EXPECT_THAT(read_npy(npy_of("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (4,)}", numbers)).error,
              HasSubstr("its header is not that of an array of numbers"));
  EXPECT_THAT(read_npy(npy_of("{'descr': '<f8', 'shape': (4,)}", numbers)).error, HasSubstr("its header is not"));
  EXPECT_THAT(read_npy(npy_of(dictionary("<f8", "(4,)"), numbers, 4)).error, HasSubstr("it is of version 4: 1 to 3 are read"));
  std::string absurd = npy_of(dictionary("<f8", "(4,)"), numbers, 2);
  absurd.replace(8, 4, "\xff\xff\xff\xff");
  EXPECT_THAT(read_npy(absurd).error, HasSubstr("its header has more than 65536 bytes"));
  EXPECT_THAT(read_npy("PK\3\4" + numbers).error, HasSubstr("a.npy: it is no .npy file"));
  EXPECT_THAT(read_npy(npy_of(dictionary("<f8", "(4,)"), numbers), {}).error, HasSubstr("--rate"));
  EXPECT_FALSE(open_npy("/nowhere/a.npy", {}));
}

// Whatever bytes are changed, a file is read or refused: nothing else may happen.
TEST(Npy, EveryByteMayBeAnything) {
  const std::string good = npy_of(dictionary("<f8", "(2, 2)"), numbers_of<double>({1, 2, 3, 4}));
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char byte : {'\x00', '\x01', '\x7f', '\x80', '\xff', '\'', '(', ')', '}', ',', '9'}) {
      std::string changed = good;
      changed[at] = byte;
      read_npy(changed);
    }
  }
}

}  // namespace
}  // namespace stethos::recordings
