// Hashes name things in files that outlive the program: their values may never change.
#include "common/hash.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/identity.h"

namespace stethos {
namespace {

TEST(Hash, ValuesAreFixedForEver) {
  EXPECT_EQ(hash_of(""), 0x2d06800538d394c2u);
  EXPECT_EQ(hash_of("a"), 0xe6c632b61e964e1fu);
  EXPECT_EQ(hash_of("stethos"), 0x6d1acf52fc26d126u);
  EXPECT_EQ(hash_of(std::string(1000, 'x')), 0xc0a4877b962cba82u);
  EXPECT_EQ(hash_of("", 42), 0xb029411ff43d84d2u);
  EXPECT_EQ(hash_of("a", 42), 0x4c437dd47f0716f4u);
  EXPECT_EQ(hash_of("stethos", 42), 0xfadcefa1b04e5652u);
  EXPECT_EQ(hash_of(std::string(1000, 'x'), 42), 0xcb10f5998c4773ffu);
}

TEST(Hash, TextAndItsBytesHaveTheSame) {
  for (std::size_t size = 0; size < 300; ++size) {
    const std::string text(size, static_cast<char>(size));
    const std::vector<std::uint8_t> bytes(text.begin(), text.end());
    EXPECT_EQ(hash_of(text), hash_of(bytes)) << size;
  }
}

TEST(Identity, IsSixteenOrThirtyTwoHexDigits) {
  EXPECT_EQ(hex_of(0), "0000000000000000");
  EXPECT_EQ(hex_of(0x00ab'cdef'0123'4567), "00abcdef01234567");
  EXPECT_EQ(hex_of(~std::uint64_t{0}), "ffffffffffffffff");
  const std::string identity = random_identity();
  EXPECT_EQ(identity.size(), 32u);
  EXPECT_EQ(identity.find_first_not_of("0123456789abcdef"), std::string::npos) << identity;
  EXPECT_NE(identity, random_identity());
}

}  // namespace
}  // namespace stethos
