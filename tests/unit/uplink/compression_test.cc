#include "uplink/protocol/compression.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <random>

namespace stethos::uplink {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes mixed_bytes(std::size_t size) {
  std::mt19937 random(3);
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i % 3 == 0 ? random() : i / 100);
  return out;
}

// A frame whose size is not stated, as a program that streams would write it.
Bytes frame_without_size(const Bytes& bytes) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  Bytes frame(ZSTD_compressBound(bytes.size()));
  frame.resize(ZSTD_compress2(context, frame.data(), frame.size(), bytes.data(), bytes.size()));
  ZSTD_freeCCtx(context);
  return frame;
}

TEST(Compression, GivesBackWhatWentIn) {
  for (const std::size_t size : {0UL, 1UL, 100UL, 300'000UL, 5'000'000UL}) {
    const Bytes bytes = mixed_bytes(size);
    const auto back = decompress(compress(bytes), size);
    ASSERT_TRUE(back) << back.error().text();
    EXPECT_EQ(*back, bytes);
  }
}

TEST(Compression, ABombIsRefusedByTheSizeThatItStates) {
  const Bytes bomb = compress(Bytes(100'000'000));
  ASSERT_LT(bomb.size(), 20'000U);
  const auto out = decompress(bomb, 1'000'000);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, Code::too_large);
}

TEST(Compression, ABombThatStatesNoSizeIsRefused) {
  const auto out = decompress(frame_without_size(Bytes(10'000'000)), 1'000'000);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, Code::unsupported);
}

TEST(Compression, AFrameThatLiesAboutItsSizeIsRefused) {
  Bytes frame = compress(Bytes(100'000, 7));
  // Descriptor 0xa4: a size field of four bytes right behind it, one segment, a checksum.
  ASSERT_EQ(frame[4], 0xa4);
  for (const int change : {-1, 1}) {
    Bytes lie = frame;
    lie[5] = static_cast<std::uint8_t>(lie[5] + change);
    const auto out = decompress(lie, 1'000'000);
    ASSERT_FALSE(out);
    EXPECT_TRUE(out.error().code == Code::corrupt || out.error().code == Code::too_large) << out.error().text();
  }
}

TEST(Compression, WhatFollowsTheFrameIsRefused) {
  const Bytes frame = compress(mixed_bytes(1'000));
  Bytes trailing = frame;
  trailing.push_back(0);
  EXPECT_EQ(decompress(trailing, 10'000).error().code, Code::corrupt);
  Bytes twice = frame;
  twice.insert(twice.end(), frame.begin(), frame.end());
  EXPECT_EQ(decompress(twice, 10'000).error().code, Code::corrupt);
}

TEST(Compression, EveryCutAndEveryFlippedBitIsNoticed) {
  const Bytes bytes = mixed_bytes(2'000);
  const Bytes frame = compress(bytes);
  for (std::size_t size = 0; size < frame.size(); ++size) {
    ASSERT_FALSE(decompress(std::span(frame).first(size), 10'000)) << size;
  }
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    Bytes flipped = frame;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    const auto out = decompress(flipped, 10'000);
    // A few bits of the header say nothing about the content.
    if (out) {
      ASSERT_EQ(*out, bytes) << bit;
    }
  }
}

TEST(Compression, NotAFrameAtAll) {
  EXPECT_EQ(decompress({}, 100).error().code, Code::corrupt);
  EXPECT_EQ(decompress(Bytes{'{', '}', '\n', ' ', ' '}, 100).error().code, Code::corrupt);
  const Bytes skippable{0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4};
  EXPECT_EQ(decompress(skippable, 100).error().code, Code::corrupt);
}

TEST(Compression, AFrameThatNeedsADictionaryIsRefused) {
  const Bytes frame = compress(mixed_bytes(200));
  Bytes with_dictionary(frame.begin(), frame.begin() + 4);
  with_dictionary.push_back(static_cast<std::uint8_t>(frame[4] | 0x01));  // an identifier of one byte follows
  with_dictionary.push_back(0x42);
  with_dictionary.insert(with_dictionary.end(), frame.begin() + 5, frame.end());
  EXPECT_EQ(decompress(with_dictionary, 10'000).error().code, Code::unsupported);
}

}  // namespace
}  // namespace stethos::uplink
