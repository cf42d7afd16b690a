// What RecordingWriter writes, RecordingReader gives back: bit for bit, from any position, whatever happened to the files.
#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <functional>

#include "common/hash.h"
#include "recordings/recording_reader.h"
#include "recordings/recording_writer.h"
#include "schemas/envelope.h"
#include "tests/folders.h"
#include "tests/unit/recordings/recorded_messages.h"
#include "tests/unit/recordings/scratch_folder.h"

namespace stethos::recordings {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t mib = 1u << 20;

std::unique_ptr<RecordingWriter> open_writer(const std::string& folder, bool compact = true, std::uint64_t segment_bytes = mib,
                                             std::uint64_t bytes_max = 1'024 * mib) {
  auto writer = RecordingWriter::open({folder, compact, segment_bytes, bytes_max});
  EXPECT_TRUE(writer) << writer.error().text();
  return *std::move(writer);
}

Status append(RecordingWriter& writer, const OwnedMessage& message) {
  return as_recorded(message, [&](const RecordedMessage& view) { return writer.append(view); });
}

std::string bits_of(const OwnedMessage& message) {
  return as_recorded(message, [](const RecordedMessage& view) { return recordings::bits_of(view); });
}

struct Read {
  std::vector<std::string> messages;
  std::vector<RecordingPosition> positions;  // of each, and of the end
  std::string error;
  Code code = Code::invalid;
  std::uint64_t left_out = 0;
};

bool is_aligned(const RecordedMessage& message) {
  const auto at = [](const auto& values) {
    return reinterpret_cast<std::uintptr_t>(values.data()) % alignof(decltype(values[0])) == 0;
  };
  return std::ranges::all_of(message.channels, [&](const RecordedChannel& channel) {
    const auto* f32 = std::get_if<std::span<const float>>(&channel.samples);
    const auto* i16 = std::get_if<ScaledSamples>(&channel.samples);
    const auto* f64 = std::get_if<std::span<const double>>(&channel.samples);
    return at(channel.times_ns) && (f32 == nullptr || at(*f32)) && (i16 == nullptr || at(i16->raw)) &&
           (f64 == nullptr || at(*f64));
  });
}

Read read_all(const std::string& path, const RecordingPosition& from = {}) {
  Read out;
  const auto opened = RecordingReader::open(path, from);
  if (!opened) return {{}, {}, opened.error().text(), opened.error().code, 0};
  RecordingReader& reader = **opened;
  RecordedMessage message;
  while (true) {
    out.positions.push_back(reader.position());
    EXPECT_LE(reader.bytes_read(), reader.bytes_total());
    const auto more = reader.next(message);
    if (!more) {
      out.error = more.error().text();
      out.code = more.error().code;
    }
    if (!more || !*more) break;
    EXPECT_TRUE(is_aligned(message));
    out.messages.push_back(recordings::bits_of(message));
  }
  if (out.error.empty()) {
    EXPECT_EQ(reader.bytes_read(), reader.bytes_total());
  }
  out.left_out = reader.bytes_left_out();
  return out;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A new file each time: some file systems write out at once what is cut and written again.
std::string write_anew(const ScratchFolder& folder, std::string_view content) {
  fs::remove(fs::path(folder.path()) / "file");
  return folder.write("file", content);
}

OwnedMessage block_message(std::size_t samples, std::uint64_t sequence, const std::function<float(std::size_t)>& sample) {
  OwnedMessage message;
  message.view.device = "press-7";
  message.view.sequence = sequence;
  OwnedChannel channel;
  channel.view.channel = "vibration";
  channel.view.quantity = "acceleration";
  channel.view.unit = "g";
  channel.view.interval_ns = 39'062.5;
  std::vector<float> values;
  for (std::size_t i = 0; i < samples; ++i) values.push_back(sample(i));
  channel.samples = std::move(values);
  message.channels.push_back(std::move(channel));
  return message;
}

OwnedMessage noise(std::size_t samples, std::uint64_t sequence) {
  std::mt19937 random(static_cast<std::uint32_t>(sequence));
  return block_message(samples, sequence, [&](std::size_t) { return std::normal_distribution<float>()(random); });
}

// A file of some frames of a few messages each, with every encoding in it.
struct SmallFile {
  ScratchFolder folder;
  std::vector<std::string> messages;
  std::string path = segment_path(folder.path(), 1);
  std::string content;

  SmallFile() {
    Chance chance(11);
    const auto writer = open_writer(folder.path());
    for (int frame = 0; frame < 3; ++frame) {
      for (int i = 0; i < 6; ++i) {
        OwnedMessage message = chance.message();
        while (message.channels.size() > 3) message = chance.message();
        for (OwnedChannel& channel : message.channels) {
          std::visit(
              [&](auto& samples) {
                if constexpr (requires { samples.raw; }) {
                  samples.raw.resize(std::min<std::size_t>(samples.raw.size(), 10));
                } else {
                  samples.resize(std::min<std::size_t>(samples.size(), 10));
                }
              },
              channel.samples);
          channel.times_ns.resize(std::min<std::size_t>(channel.times_ns.size(), 10));
        }
        EXPECT_TRUE(append(*writer, message));
        messages.push_back(bits_of(message));
      }
      EXPECT_TRUE(writer->flush());
    }
    content = read_file(path);
  }
};

TEST(Recording, GivesBackWhatWasRecordedBitForBitAndFromAnyPosition) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    Chance chance(seed);
    const ScratchFolder folder;
    std::vector<std::string> written;
    for (std::int64_t writers = 1 + chance.below(3); writers > 0; --writers) {
      const auto writer = open_writer(folder.path(), !chance.once_in(3));
      for (std::int64_t left = chance.below(120); left > 0; --left) {
        const OwnedMessage message = chance.message();
        written.push_back(bits_of(message));
        ASSERT_TRUE(append(*writer, message));
        if (chance.once_in(20)) {
          ASSERT_TRUE(writer->flush());
        }
      }
      ASSERT_TRUE(writer->flush());
    }
    if (written.empty()) continue;
    const Read all = read_all(folder.path());
    ASSERT_EQ(all.error, "");
    ASSERT_TRUE(all.messages == written) << "seed " << seed;
    EXPECT_EQ(all.left_out, 0U);
    for (int i = 0; i < 5; ++i) {
      const auto from = static_cast<std::size_t>(chance.below(static_cast<std::int64_t>(all.positions.size())));
      const Read rest = read_all(folder.path(), all.positions[from]);
      ASSERT_EQ(rest.error, "");
      ASSERT_TRUE(std::ranges::equal(rest.messages, std::span(written).subspan(from))) << "seed " << seed << " from " << from;
      EXPECT_EQ(rest.positions.front(), all.positions[from]);
    }
  }
}

TEST(Recording, GoesOnWithWhatWasRecordedSince) {
  const ScratchFolder folder;
  auto writer = open_writer(folder.path());
  ASSERT_TRUE(append(*writer, noise(100, 1)));
  ASSERT_TRUE(writer->flush());
  RecordingPosition end = read_all(folder.path()).positions.back();
  ASSERT_TRUE(append(*writer, noise(100, 2)));
  ASSERT_TRUE(writer->flush());
  EXPECT_EQ(read_all(folder.path(), end).messages, std::vector{bits_of(noise(100, 2))});
  end = read_all(folder.path()).positions.back();
  writer.reset();
  writer = open_writer(folder.path());
  ASSERT_TRUE(append(*writer, noise(100, 3)));
  ASSERT_TRUE(writer->flush());
  EXPECT_EQ(read_all(folder.path(), end).messages, std::vector{bits_of(noise(100, 3))});
}

TEST(Recording, FramesEndByChannelsByBytesAndByFlush) {
  const ScratchFolder folder;
  const auto writer = open_writer(folder.path());
  const auto frames_of = [&](int messages, const OwnedMessage& message) {
    const std::uint64_t before = writer->totals().frames;
    for (int i = 0; i < messages; ++i) EXPECT_TRUE(append(*writer, message));
    EXPECT_TRUE(writer->flush());
    return writer->totals().frames - before;
  };
  EXPECT_EQ(frames_of(0, noise(1, 1)), 0U);
  EXPECT_EQ(frames_of(64, noise(2'560, 1)), 1U);
  EXPECT_EQ(frames_of(65, noise(2'560, 1)), 2U);
  EXPECT_EQ(frames_of(4, noise(100'000, 1)), 2U);
  OwnedMessage wide = noise(3, 1);
  wide.channels.resize(100, wide.channels.front());
  EXPECT_EQ(frames_of(3, wide), 3U);
  OwnedMessage silent;
  EXPECT_EQ(frames_of(1'025, silent), 2U);
  EXPECT_EQ(writer->totals().messages, 64U + 65 + 4 + 3 + 1'025);
  EXPECT_EQ(read_all(folder.path()).messages.size(), writer->totals().messages);
}

TEST(Recording, ShortDecimalsTakeFewBytesAndTheOthersArePlain) {
  std::mt19937 random(1);
  std::normal_distribution<double> distribution(0, 500);
  const auto milli = [&](std::size_t) { return static_cast<float>(std::lround(distribution(random))) / 1'000; };
  const auto bytes_a_sample = [&](bool compact, const std::function<float(std::size_t)>& sample) {
    const ScratchFolder folder;
    const auto writer = open_writer(folder.path(), compact);
    for (std::uint64_t i = 0; i < 64; ++i) EXPECT_TRUE(append(*writer, block_message(2'560, i, sample)));
    EXPECT_TRUE(writer->flush());
    return static_cast<double>(writer->totals().bytes) / (64 * 2'560);
  };
  EXPECT_LT(bytes_a_sample(true, milli), 1.7);
  EXPECT_LT(bytes_a_sample(true, [&](std::size_t i) { return i == 5 ? 50.001F : milli(i); }), 2.0) << "i32 for the whole frame";
  EXPECT_NEAR(bytes_a_sample(false, milli), 4.02, 0.05);
  EXPECT_NEAR(bytes_a_sample(true, [&](std::size_t) { return std::normal_distribution<float>()(random); }), 4.02, 0.05);
}

TEST(Recording, EveryFlippedByteIsNoticed) {
  const SmallFile small;
  ASSERT_LT(small.content.size(), 20'000U);
  ASSERT_EQ(read_all(small.path).messages, small.messages);
  const ScratchFolder folder;
  for (std::size_t at = 0; at < small.content.size(); ++at) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string damaged = small.content;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      const Read read = read_all(write_anew(folder, damaged));
      ASSERT_TRUE(!read.error.empty() || read.left_out > 0) << "byte " << at;
      ASSERT_LT(read.messages.size(), small.messages.size());
      ASSERT_TRUE(std::ranges::equal(read.messages, std::span(small.messages).first(read.messages.size()))) << "byte " << at;
    }
  }
}

TEST(Recording, DamageWithAFrameBehindItNamesFileAndOffset) {
  const SmallFile small;
  const RecordingPosition second = read_all(small.path).positions[6];
  const RecordingPosition third = read_all(small.path).positions[12];
  std::string damaged = small.content;
  damaged[second.offset + 200] ^= 1;
  small.folder.write("000000000001.recording", damaged);
  const Read read = read_all(small.folder.path());
  EXPECT_EQ(read.messages.size(), 6U);
  EXPECT_EQ(read.code, Code::corrupt);
  EXPECT_EQ(read.error, "reading " + small.path + ": offset " + std::to_string(second.offset) +
                            ": its checksum differs; the next frame is at offset " + std::to_string(third.offset));
  EXPECT_EQ(read_all(small.folder.path(), third).messages.size(), 6U) << "one can go on behind it";
}

TEST(Recording, CutAnywhereItEndsBeforeTheFrameThatIsCut) {
  const SmallFile small;
  const Read whole = read_all(small.path);
  const ScratchFolder folder;
  for (std::size_t size = 0; size < small.content.size(); ++size) {
    const Read read = read_all(write_anew(folder, small.content.substr(0, size)));
    ASSERT_EQ(read.error, "") << size;
    const std::size_t messages = read.messages.size();
    ASSERT_TRUE(std::ranges::equal(read.messages, std::span(small.messages).first(messages)));
    const std::size_t good = messages > 0 ? whole.positions[messages].offset : size < sizeof(FileHeader) ? 0 : sizeof(FileHeader);
    ASSERT_EQ(messages % 6, 0U);
    ASSERT_EQ(read.left_out, size - good) << size;
    if (messages + 6 < small.messages.size()) {
      ASSERT_LT(size, whole.positions[messages + 6].offset) << "no whole frame is left out";
    }
  }
}

TEST(Recording, ATornTailIsLeftBehindAndTheNextSegmentIsRead) {
  const SmallFile small;
  const std::size_t torn_at = read_all(small.path).positions[12].offset;
  // The last frame as a power cut may leave it: half of it zeros, and its length there.
  std::string torn = small.content;
  std::ranges::fill(torn.begin() + static_cast<std::ptrdiff_t>(torn_at + torn.size()) / 2, torn.end(), '\0');
  small.folder.write("000000000001.recording", torn);
  const auto writer = open_writer(small.folder.path());
  ASSERT_TRUE(append(*writer, noise(10, 1)));
  ASSERT_TRUE(writer->flush());
  const Read read = read_all(small.folder.path());
  EXPECT_EQ(read.error, "");
  ASSERT_EQ(read.messages.size(), 13U);
  EXPECT_EQ(read.messages.back(), bits_of(noise(10, 1)));
  EXPECT_EQ(read.left_out, small.content.size() - torn_at);
  EXPECT_EQ(read.positions.back().segment, 2U);
}

TEST(Recording, TheOldestSegmentsLeaveForRoom) {
  const ScratchFolder folder;
  const std::uint64_t bytes_max = 4 * mib;
  std::uint64_t deleted = 0;
  std::uint64_t recorded = 0;
  for (int run = 0; run < 2; ++run) {
    const auto writer = open_writer(folder.path(), false, mib, bytes_max);
    for (int i = 0; i < 1'500; ++i) {
      ASSERT_TRUE(append(*writer, noise(2'560, recorded++)));
      std::uint64_t bytes = 0;
      const auto kept = list_segments(folder.path());
      for (const Segment& segment : *kept) {
        bytes += (segment.bytes + 4'095) / 4'096 * 4'096;
        ASSERT_LE(segment.bytes, mib);
      }
      ASSERT_LE(bytes, bytes_max);
    }
    ASSERT_TRUE(writer->flush());
    EXPECT_GT(writer->totals().segments_deleted, 5U);
    EXPECT_GT(writer->totals().bytes_deleted, writer->totals().segments_deleted * mib / 2);
    deleted += writer->totals().segments_deleted;
  }
  const auto segments = list_segments(folder.path());
  EXPECT_EQ(segments->front().number, deleted + 1);
  const Read read = read_all(folder.path());
  ASSERT_EQ(read.error, "");
  EXPECT_GT(read.messages.size(), 250U);
  for (std::size_t i = 0; i < read.messages.size(); ++i) {
    ASSERT_EQ(read.messages[i], bits_of(noise(2'560, recorded - read.messages.size() + i)));
  }
  EXPECT_EQ(read_all(folder.path(), {1, 64, 0}).code, Code::not_found);
}

TEST(Recording, AFullDiskStopsItAndWhatIsThereCanBeRead) {
  const ScratchFolder folder;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 2'000'000, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto writer = open_writer(folder.path(), false, 8 * mib);
  Status failed;
  std::uint64_t taken = 0;
  for (; failed && taken < 1'000; ++taken) failed = append(*writer, noise(2'560, taken));
  EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);

  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::full);
  EXPECT_NE(failed.error().text().find("000000000001.recording"), std::string::npos) << failed.error().text();
  EXPECT_EQ(append(*writer, noise(1, 1)).error().text(), failed.error().text()) << "it has stopped";
  EXPECT_EQ(writer->flush().error().text(), failed.error().text());
  const Read read = read_all(folder.path());
  EXPECT_EQ(read.error, "");
  EXPECT_EQ(read.messages.size(), writer->totals().messages);
  EXPECT_GT(read.messages.size(), 100U);
  EXPECT_EQ(read.left_out, 2'000'000 - writer->totals().bytes);
}

TEST(Recording, OneWriterAFolder) {
  const ScratchFolder folder;
  auto writer = open_writer(folder.path());
  EXPECT_EQ(RecordingWriter::open({folder.path()}).error().code, Code::unavailable);
  writer.reset();
  EXPECT_TRUE(RecordingWriter::open({folder.path()}));
}

TEST(Recording, RefusesWhatIsTooMuchAndGoesOn) {
  const ScratchFolder folder;
  EXPECT_EQ(RecordingWriter::open({folder.path(), true, 100, mib}).error().code, Code::invalid);
  EXPECT_EQ(RecordingWriter::open({folder.path(), true, mib, mib}).error().code, Code::invalid);
  EXPECT_FALSE(RecordingWriter::open({folder.write("file", "") + "/below"}));
  const auto writer = open_writer(folder.path(), true, mib, 2 * mib);
  OwnedMessage times = noise(3, 1);
  times.channels[0].times_ns = {1, 2};
  EXPECT_EQ(append(*writer, times).error().code, Code::invalid);
  OwnedMessage wide = noise(3, 1);
  wide.channels.resize(message_channels_max + 1, wide.channels.front());
  EXPECT_EQ(append(*writer, wide).error().code, Code::too_large);
  EXPECT_EQ(append(*writer, noise(mib / 4, 1)).error().code, Code::too_large) << "more than half of the budget";
  OwnedMessage named = noise(3, 1);
  const std::string name(message_text_bytes_max + 1, 'x');
  named.channels[0].view.unit = name;
  EXPECT_EQ(append(*writer, named).error().code, Code::too_large);
  EXPECT_TRUE(append(*writer, noise(mib / 4 - 1'000, 2)));
  EXPECT_TRUE(writer->flush());
  EXPECT_EQ(read_all(folder.path()).messages, std::vector{bits_of(noise(mib / 4 - 1'000, 2))});
}

template <class Header>
void seal(Header& header) {
  const std::string_view before(reinterpret_cast<const char*>(&header), offsetof(Header, hash));
  header.hash = hash_of(before);
}

TEST(Recording, ANewerMajorIsRefusedByNameAndAMinorIsRead) {
  const SmallFile small;
  const auto with_version = [&](std::uint16_t major, std::uint16_t minor) {
    FileHeader header;
    header.major = major;
    header.minor = minor;
    header.zeros[7] = 9;  // something added
    seal(header);
    std::string content = small.content;
    std::memcpy(content.data(), &header, sizeof header);
    return read_all(small.folder.write("other", content));
  };
  EXPECT_EQ(with_version(1, 7).messages, small.messages);
  const Read newer = with_version(2, 3);
  EXPECT_EQ(newer.code, Code::unsupported);
  EXPECT_NE(newer.error.find("its version is 2.3, this program reads 1.x"), std::string::npos) << newer.error;
}

TEST(Recording, RefusesWhatIsNoRecording) {
  const ScratchFolder folder;
  EXPECT_EQ(read_all(folder.path()).code, Code::not_found);
  EXPECT_EQ(read_all("/nowhere/at-all").code, Code::not_found);
  EXPECT_EQ(read_all(folder.write("text", "hour;minute")).code, Code::corrupt);
  EXPECT_EQ(read_all(folder.write("long", std::string(1'000, 'x'))).code, Code::corrupt);
  EXPECT_EQ(read_all(folder.write("empty", "")).error, "") << "a crash may have come before its header";
}

TEST(Recording, AMissingSegmentIsAnError) {
  const ScratchFolder folder;
  for (std::uint64_t i = 0; i < 3; ++i) {
    const auto writer = open_writer(folder.path());
    ASSERT_TRUE(append(*writer, noise(10, i)));
    ASSERT_TRUE(writer->flush());
  }
  fs::remove(segment_path(folder.path(), 2));
  EXPECT_EQ(read_all(folder.path()).error, "reading " + folder.path() + ": segment 2 is missing");
  EXPECT_EQ(read_all(segment_path(folder.path(), 3)).messages.size(), 1U) << "a file can be read by itself";
}

TEST(Recording, PositionsThatAreNoneAreRefused) {
  const SmallFile small;
  for (const RecordingPosition& from : {RecordingPosition{2, 64, 0}, RecordingPosition{1, 65, 0}, RecordingPosition{1, 64, 7},
                                        RecordingPosition{1, 1u << 30, 0}, RecordingPosition{1, small.content.size(), 1}}) {
    const Read read = read_all(small.folder.path(), from);
    EXPECT_NE(read.error, "") << from.segment << " " << from.offset << " " << from.message;
  }
  const Read inside = read_all(small.folder.path(), {1, 128, 0});
  EXPECT_EQ(inside.code, Code::corrupt);
}

// A file with one frame of this header and data area, whose checksums are right.
std::string file_of(const schema::RecordingFrameT& frame, std::vector<std::uint8_t> data) {
  std::vector<std::uint8_t> header = schema::pack(frame);
  const auto header_bytes = static_cast<std::uint32_t>(header.size());
  const auto data_bytes = static_cast<std::uint32_t>(data.size());
  header.resize(padded(sizeof(FramePrefix) + header_bytes) - sizeof(FramePrefix));
  data.resize(padded(data_bytes));
  const FileHeader file_header = make_file_header();
  const FramePrefix prefix = make_frame_prefix(header, header_bytes, data, data_bytes);
  std::string out(reinterpret_cast<const char*>(&file_header), sizeof file_header);
  out.append(reinterpret_cast<const char*>(&prefix), sizeof prefix);
  out.append(header.begin(), header.end());
  return out.append(data.begin(), data.end());
}

schema::RecordingFrameT frame_of_two_floats() {
  schema::RecordingFrameT frame;
  frame.strings = {"x"};
  frame.message_count = 1;
  frame.channel_count = 1;
  frame.channels = {1};
  frame.sample_count = {2};
  return frame;
}

TEST(Recording, WhatAFrameSaysIsCheckedBeforeItIsBelieved) {
  using Change = std::function<void(schema::RecordingFrameT&)>;
  const std::pair<Change, const char*> lies[] = {
      {[](auto& frame) { frame.strings.clear(); }, "it names a string"},
      {[](auto& frame) { frame.unit = {1}; }, "it names a string"},
      {[](auto& frame) { frame.device = {0xffff'ffff}; }, "it names a string"},
      {[](auto& frame) { frame.device = {0, 0}; }, "another length"},
      {[](auto& frame) { frame.scale = {1, 1}; }, "another length"},
      {[](auto& frame) { frame.message_count = 0xffff'ffff; }, "too many"},
      {[](auto& frame) { frame.channel_count = 0xffff'ffff; }, "too many"},
      {[](auto& frame) { frame.channels = {2}; }, "more channels"},
      {[](auto& frame) { frame.channels = {0}; }, "fewer channels"},
      {[](auto& frame) { frame.sample_count = {3}; }, "channel 0 does not lie"},
      {[](auto& frame) { frame.sample_count = {0xffff'ffff}; }, "channel 0 does not lie"},
      {[](auto& frame) { frame.samples_at = {4}; }, "channel 0 does not lie"},
      {[](auto& frame) { frame.samples_at = {0xffff'fffc}; }, "channel 0 does not lie"},
      {[](auto& frame) { frame.sample_count = {1}, frame.samples_at = {2}; }, "channel 0 does not lie"},
      {[](auto& frame) { frame.times_count = {1}; }, "channel 0 does not lie"},
      {[](auto& frame) { frame.times_count = {2}; }, "channel 0 does not lie"},
      {[](auto& frame) { frame.encoding = {1}, frame.sample_count = {5}; }, "channel 0 does not lie"},
      {[](auto& frame) { frame.encoding = {2}, frame.sample_count = {2}; }, "channel 0 does not lie"},
      {[](auto& frame) { frame.encoding = {4}; }, "encoding 4"},
      {[](auto& frame) { frame.encoding = {3}; }, "it does not have its planes"},
      {[](auto& frame) { frame.encoding = {3}, frame.planes_bytes = {2, 2, 2}; }, "it does not have its planes"},
      {[](auto& frame) { frame.encoding = {3}, frame.planes_bytes = {2, 2, 2, 3}; }, "its planes do not lie"},
      {[](auto& frame) { frame.encoding = {3}, frame.planes_bytes = {2, 2}, frame.planes_at = 5; }, "its planes do not lie"},
      {[](auto& frame) { frame.encoding = {3}, frame.planes_bytes = {2, 1}; }, "plane 1 does not decompress"},
      {[](auto& frame) { frame.encoding = {3}, frame.planes_bytes = {2, 0}; }, "plane 1 does not decompress"},
      {[](auto& frame) { frame.encoding = {3}, frame.planes_bytes = {2, 2}, frame.decimals = {10}; }, "channel 0 does not lie"},
      {[](auto& frame) { frame.encoding = {3}, frame.planes_bytes = {2, 2}, frame.sample_count = {0xffff'ffff}; },
       "its planes are too large"},
  };
  const ScratchFolder folder;
  EXPECT_EQ(read_all(folder.write("good", file_of(frame_of_two_floats(), std::vector<std::uint8_t>(8)))).messages.size(), 1U);
  for (const auto& [lie, wanted] : lies) {
    auto frame = frame_of_two_floats();
    lie(frame);
    const Read read = read_all(write_anew(folder, file_of(frame, std::vector<std::uint8_t>(8))));
    EXPECT_NE(read.error.find(wanted), std::string::npos) << "wanted " << wanted << ", got " << read.error;
    EXPECT_EQ(read.left_out, 0U);
  }
}

// Bytes changed in a header whose checksums are then put right: refused or read, never a crash.
TEST(Recording, AHeaderOfAnyBytesIsRefusedOrRead) {
  const SmallFile small;
  const ScratchFolder folder;
  std::mt19937 random(3);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(small.content.data());
  const auto frame = frame_at(Bytes(bytes, small.content.size()), sizeof(FileHeader));
  ASSERT_TRUE(frame);
  for (int i = 0; i < 3'000; ++i) {
    std::vector<std::uint8_t> header(frame->header.begin(), frame->header.end());
    std::vector<std::uint8_t> data(frame->data.begin(), frame->data.end());
    const auto header_bytes = static_cast<std::uint32_t>(header.size());
    const auto data_bytes = static_cast<std::uint32_t>(data.size());
    for (int flips = 1 + static_cast<int>(random() % 3); flips > 0; --flips) {
      auto& target = random() % 4 == 0 ? data : header;
      target[random() % target.size()] = static_cast<std::uint8_t>(random());
    }
    header.resize(padded(sizeof(FramePrefix) + header_bytes) - sizeof(FramePrefix));
    data.resize(padded(data_bytes));
    const FramePrefix prefix = make_frame_prefix(header, header_bytes, data, data_bytes);
    std::string content = small.content.substr(0, sizeof(FileHeader));
    content.append(reinterpret_cast<const char*>(&prefix), sizeof prefix).append(header.begin(), header.end());
    content.append(data.begin(), data.end());
    read_all(write_anew(folder, content));
  }
}

// Version 1.0 stays readable. The file is never written again; STETHOS_WRITE_GOLDEN=1 writes it where it is missing.
TEST(Recording, TheGoldenFileOfVersion1) {
  const fs::path golden = test::source_folder() / "tests/unit/recordings/golden/v1";
  OwnedMessage first =
      block_message(6, 41, [](std::size_t i) { return static_cast<float>(static_cast<int>(i) * 38 - 100) / 1'000; });
  first.view.epoch = 7;
  first.view.lowest_held = 17;
  first.view.complete_until_ns = 1'780'000'000'000'000'000;
  first.view.received_ns = 1'780'000'000'123'456'789;
  first.channels.push_back(first.channels.front());
  first.channels[1].view.channel = "bearing";
  first.channels[1].view.quantity = "temperature";
  first.channels[1].view.unit = "degC";
  first.channels[1].view.interval_ns = 0;
  first.channels[1].times_ns = {1, 2};
  first.channels[1].samples = OwnedScaled{{-32'768, 32'767}, 0.01, 40.5};
  OwnedMessage second;
  second.view.device = "pump";
  second.view.received_ns = 1'780'000'000'200'000'000;
  second.channels.push_back(first.channels[1]);
  second.channels[0].times_ns.clear();
  second.channels[0].view.identity = 99;
  second.channels[0].samples = std::vector<double>{70.036};
  OwnedMessage third = block_message(3, 42, [](std::size_t i) { return i == 1 ? -0.0F : 1.0F / 3; });
  OwnedMessage fourth = block_message(3, 43, [](std::size_t i) { return i == 1 ? 50.001F : -0.0F; });
  if (std::getenv("STETHOS_WRITE_GOLDEN") != nullptr && !fs::exists(golden)) {
    const auto writer = open_writer(golden.string());
    for (const OwnedMessage* message : {&first, &second}) ASSERT_TRUE(append(*writer, *message));
    ASSERT_TRUE(writer->flush());
    for (const OwnedMessage* message : {&third, &fourth}) ASSERT_TRUE(append(*writer, *message));
    ASSERT_TRUE(writer->flush());
  }
  const Read read = read_all(golden.string());
  EXPECT_EQ(read.error, "");
  EXPECT_EQ(read.messages, (std::vector{bits_of(first), bits_of(second), bits_of(third), bits_of(fourth)}));
  EXPECT_EQ(read.left_out, 0U);
}

}  // namespace
}  // namespace stethos::recordings
