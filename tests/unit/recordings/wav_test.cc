#include "recordings/wav.h"

#include <gmock/gmock.h>

#include <cstring>

#include "tests/unit/recordings/scratch_folder.h"

namespace stethos::recordings {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

template <class Number>
std::string bytes_of(Number number) {
  std::string out(sizeof number, '\0');
  std::memcpy(out.data(), &number, sizeof number);
  return out;
}

std::string chunk(const std::string& name, const std::string& content) {
  return name + bytes_of(static_cast<std::uint32_t>(content.size())) + content + std::string(content.size() % 2, '\0');
}

std::string format_of(std::uint16_t tag, std::uint16_t channels, std::uint16_t bits) {
  const auto frame_size = static_cast<std::uint16_t>(channels * bits / 8);
  return chunk("fmt ", bytes_of(tag) + bytes_of(channels) + bytes_of(std::uint32_t{8'000}) +
                           bytes_of(std::uint32_t{8'000} * frame_size) + bytes_of(frame_size) + bytes_of(bits));
}

std::string wav_of(const std::string& chunks, const std::string& kind = "RIFF") {
  return kind + bytes_of(static_cast<std::uint32_t>(4 + chunks.size())) + "WAVE" + chunks;
}

ReadOut read_wav(const std::string& bytes, std::vector<std::string> channels = {"x"}, std::size_t block_samples = 100) {
  const ScratchFolder folder;
  FrameOptions options;
  options.block_samples = block_samples;
  options.channels = std::move(channels);
  options.scale = 4;
  const auto recording = open_wav(folder.write("a.wav", bytes), options);
  return recording ? read_out(**recording) : ReadOut{{}, recording.error().text()};
}

std::vector<double> samples_of(const ReadOut& out) {
  EXPECT_EQ(out.error, "");
  return out.records.empty() ? std::vector<double>() : out.records.at(0).channels.at(0).samples;
}

TEST(Wav, EveryEncodingIsAShareOfFullScale) {
  const auto of = [](std::uint16_t tag, std::uint16_t bits, const std::string& data) {
    return samples_of(read_wav(wav_of(format_of(tag, 1, bits) + chunk("data", data))));
  };
  EXPECT_THAT(of(1, 16, bytes_of(std::int16_t{-32'768}) + bytes_of(std::int16_t{16'384})), ElementsAre(-4, 2));
  EXPECT_THAT(of(1, 24, std::string("\x00\x00\x80\x00\x00\x40", 6)), ElementsAre(-4, 2));
  EXPECT_THAT(of(1, 32, bytes_of(std::int32_t{1 << 30}) + bytes_of(std::int32_t{-(1 << 29)})), ElementsAre(2, -1));
  EXPECT_THAT(of(3, 32, bytes_of(0.5F) + bytes_of(-3.0F)), ElementsAre(2, -12));
  EXPECT_THAT(of(3, 64, bytes_of(0.5)), ElementsAre(2));
}

TEST(Wav, ChannelsAreTakenApartAndBlocksFollowEachOther) {
  std::string data;
  for (std::int16_t i = 0; i < 10; ++i) data += bytes_of(static_cast<std::int16_t>(i * 8'192));
  const std::string file = wav_of(chunk("LIST", "abc") + format_of(1, 2, 16) + chunk("data", data) + chunk("cue ", "1234"));
  const ReadOut out = read_wav(file, {"x"}, 3);
  ASSERT_EQ(out.error, "");
  ASSERT_EQ(out.records.size(), 2U);
  EXPECT_EQ(out.records[0].channels[1].channel, "x-2");
  EXPECT_THAT(out.records[0].channels[1].samples, ElementsAre(1, 3, -3));
  EXPECT_THAT(out.records[1].channels[0].samples, ElementsAre(-2, 0));
  EXPECT_EQ(out.records[1].channels[0].start_ns, 375'000);
  EXPECT_EQ(read_wav(file, {"a", "b"}).records.at(0).channels.at(1).channel, "b");
  EXPECT_THAT(read_wav(file, {"a", "b", "c"}).error, HasSubstr("it has 2 channels, and 3 names are given"));
}

TEST(Wav, TheExtensibleFormatAndLongFilesAreRead) {
  const std::string data = bytes_of(std::int16_t{16'384});
  std::string extensible = bytes_of(std::uint16_t{0xfffe}) + format_of(1, 1, 16).substr(10);
  extensible += bytes_of(std::uint16_t{22}) + bytes_of(std::uint16_t{16}) + bytes_of(std::uint32_t{0}) +
                bytes_of(std::uint16_t{1}) + std::string(14, '\0');
  EXPECT_THAT(samples_of(read_wav(wav_of(chunk("fmt ", extensible) + chunk("data", data)))), ElementsAre(2));
  const std::string ds64 = chunk("ds64", bytes_of(std::uint64_t{0}) + bytes_of(std::uint64_t{2}) + std::string(12, '\0'));
  const std::string unknown = "data" + bytes_of(~std::uint32_t{0});
  EXPECT_THAT(samples_of(read_wav(wav_of(ds64 + format_of(1, 1, 16) + unknown + data + data, "RF64"))), ElementsAre(2));
  EXPECT_THAT(samples_of(read_wav(wav_of(format_of(1, 1, 16) + "data" + bytes_of(std::uint32_t{0}) + data + data))),
              ElementsAre(2, 2))
      << "a logger that was cut off";
}

TEST(Wav, WhatIsBrokenIsAnError) {
  const std::string good = wav_of(format_of(1, 2, 16) + chunk("data", "12345678"));
  for (std::size_t cut = 0; cut < good.size(); ++cut) EXPECT_NE(read_wav(good.substr(0, cut)).error, "") << cut;
  EXPECT_THAT(read_wav("OggS" + good.substr(4)).error, HasSubstr("it is no WAV file"));
  EXPECT_THAT(read_wav(wav_of(format_of(6, 1, 8) + chunk("data", "1"))).error, HasSubstr("format 6 with 8 bits"));
  EXPECT_THAT(read_wav(wav_of(format_of(1, 0, 16) + chunk("data", "12"))).error, HasSubstr("it has 0 channels"));
  EXPECT_THAT(read_wav(wav_of(chunk("data", "12") + format_of(1, 1, 16))).error, HasSubstr("before their format"));
  EXPECT_THAT(read_wav(wav_of(format_of(1, 1, 16) + chunk("data", ""))).error, HasSubstr("it has no samples"));
  std::string much;
  for (int i = 0; i < 2'000; ++i) much += chunk("junk", "");
  EXPECT_THAT(read_wav(wav_of(much)).error, HasSubstr("among its first 1000 chunks"));
  EXPECT_FALSE(open_wav("/nowhere/a.wav", {}));
}

// Whatever bytes are changed, a file is read or refused: nothing else may happen.
TEST(Wav, EveryByteMayBeAnything) {
  const std::string good = wav_of(format_of(1, 2, 16) + chunk("data", "12345678"));
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char byte : {'\x00', '\x01', '\x7f', '\x80', '\xff'}) {
      std::string changed = good;
      changed[at] = byte;
      read_wav(changed);
    }
  }
}

}  // namespace
}  // namespace stethos::recordings
