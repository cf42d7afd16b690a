#include "recordings/numbers.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace stethos::recordings {
namespace {

using testing::ElementsAre;

std::vector<double> doubles_of(const std::string& bytes, NumberType type, bool is_big_endian, std::size_t stride = 0) {
  const NumberFormat format{type, is_big_endian};
  const std::size_t step = stride == 0 ? format.bytes() : stride;
  std::vector<double> out(bytes.size() / step);
  read_numbers(bytes.data(), step, format, 1, out);
  return out;
}

// Every type, with bytes that differ from each other and a sign, and the same backwards.
TEST(Numbers, EveryTypeIsReadInBothOrders) {
  const std::pair<NumberType, double> values[] = {
      {NumberType::i8, -2},
      {NumberType::u8, 254},
      {NumberType::i16, -258.0},
      {NumberType::u16, 65'278},
      {NumberType::i24, -66'052.0},
      {NumberType::i32, -16'909'062.0},
      {NumberType::u32, 4'278'058'234.0},
      {NumberType::i64, -72'623'859'790'382'856.0},
      {NumberType::u64, 18'374'120'213'919'168'760.0},
  };
  const std::string all = "\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7";  // the highest byte first
  const std::string smaller[] = {"\xfe", "\xfe", "\xfe\xfe", "\xfe\xfe", "\xfe\xfd\xfc", "\xfe\xfd\xfc\xfa", "\xfe\xfd\xfc\xfa"};
  for (std::size_t i = 0; i < std::size(values); ++i) {
    const auto& [type, value] = values[i];
    const std::string big = i < std::size(smaller) ? smaller[i] : all.substr(0, 7) + "\xf8";
    const std::string little(big.rbegin(), big.rend());
    EXPECT_THAT(doubles_of(big, type, true), ElementsAre(value)) << i;
    EXPECT_THAT(doubles_of(little, type, false), ElementsAre(value)) << i;
  }
  EXPECT_THAT(doubles_of(std::string("\xc0\x20\x00\x00", 4), NumberType::f32, true), ElementsAre(-2.5));
  EXPECT_THAT(doubles_of(std::string("\x00\x00\x20\xc0", 4), NumberType::f32, false), ElementsAre(-2.5));
  EXPECT_THAT(doubles_of(std::string("\xc0\x04\x00\x00\x00\x00\x00\x00", 8), NumberType::f64, true), ElementsAre(-2.5));
  EXPECT_THAT(doubles_of(std::string("\x00\x00\x00\x00\x00\x00\x04\xc0", 8), NumberType::f64, false), ElementsAre(-2.5));
}

TEST(Numbers, WhatIsBetweenIsPassedOver) { EXPECT_THAT(doubles_of("\x01xx\x02xx", NumberType::u8, false, 3), ElementsAre(1, 2)); }

}  // namespace
}  // namespace stethos::recordings
