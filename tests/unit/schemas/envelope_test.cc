// What reads bytes that somebody else wrote must refuse all that is not whole, and never read outside of it.
#include "schemas/envelope.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/unit/schemas/samples.h"

namespace stethos::schema {
namespace {

namespace samples = stethos::schema_samples;
using Payload = std::vector<std::uint8_t>;

DeviceBatchT sample_device_batch() { return samples::device_batch<F32SamplesT, I16SamplesT, DeviceBatchT>(); }

// Opens, and reads every field of what was accepted: the sanitizers then see any read that goes astray.
template <class Table>
Status read_all(Result<const Table*> opened) {
  if (!opened) return std::unexpected(opened.error());
  typename Table::NativeTableType object;
  (*opened)->UnPackTo(&object);
  return {};
}

struct Kind {
  std::string name;
  Payload payload;
  std::function<Status(Bytes)> read;
  bool has_checksum = false;
};

std::vector<Kind> kinds() {
  std::vector<Kind> all;
  auto batch = sample_device_batch();
  all.push_back({"device batch", pack(batch), [](Bytes bytes) { return read_all(open_device_batch(bytes)); }, true});
  auto ack = samples::device_ack<DeviceAckT>();
  all.push_back({"device ack", pack(ack), [](Bytes bytes) { return read_all(open_device_ack(bytes)); }, true});
  auto uplink = samples::uplink_batch<UplinkBatchT>();
  all.push_back({"uplink batch", pack(uplink), [](Bytes bytes) { return read_all(open_uplink_batch(bytes)); }});
  auto uplink_ack = samples::uplink_ack<UplinkAckT>();
  all.push_back({"uplink ack", pack(uplink_ack), [](Bytes bytes) { return read_all(open_uplink_ack(bytes)); }, true});
  all.push_back(
      {"window row", pack(samples::window_row<WindowRowT>()), [](Bytes bytes) { return read_all(open_window_row(bytes)); }});
  all.push_back(
      {"stream row", pack(samples::stream_row<StreamRowT>()), [](Bytes bytes) { return read_all(open_stream_row(bytes)); }});
  all.push_back({"provenance row", pack(samples::provenance_row<ProvenanceRowT>()),
                 [](Bytes bytes) { return read_all(open_provenance_row(bytes)); }});
  all.push_back(
      {"event row", pack(samples::event_row<EventRowT>()), [](Bytes bytes) { return read_all(open_event_row(bytes)); }});
  all.push_back(
      {"silence row", pack(samples::silence_row<SilenceRowT>()), [](Bytes bytes) { return read_all(open_silence_row(bytes)); }});
  all.push_back(
      {"alarm row", pack(samples::alarm_row<AlarmRowT>()), [](Bytes bytes) { return read_all(open_alarm_row(bytes)); }});
  all.push_back({"gap row", pack(samples::gap_row<GapRowT>()), [](Bytes bytes) { return read_all(open_gap_row(bytes)); }});
  return all;
}

// A copy on the heap of just that size, so that a read past its end is one past the allocation.
Payload first_bytes(const Payload& payload, std::size_t size) {
  return {payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(size)};
}

void add_checksum(Payload& buffer) {
  const auto crc = static_cast<std::uint32_t>(::crc32_z(0, buffer.data(), buffer.size()));
  for (unsigned shift = 0; shift < 32; shift += 8) buffer.push_back(static_cast<std::uint8_t>(crc >> shift));
}

Payload finished(flatbuffers::FlatBufferBuilder& builder) {
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

Payload device_batch_of_version(std::uint16_t major, std::uint16_t minor) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(CreateDeviceBatchDirect(builder, major, minor, "press-7"), DeviceBatchIdentifier());
  Payload payload = finished(builder);
  add_checksum(payload);
  return payload;
}

DeviceBatchT with_channels(std::size_t count) {
  DeviceBatchT batch;
  batch.device = "press-7";
  for (std::size_t i = 0; i < count; ++i) {
    auto channel = std::make_unique<ChannelT>();
    channel->name = "c" + std::to_string(i);
    channel->samples.Set(F32SamplesT{});
    batch.channels.push_back(std::move(channel));
  }
  return batch;
}

TEST(Envelope, WhatWasPackedOpens) {
  for (const Kind& kind : kinds()) {
    const Status status = kind.read(kind.payload);
    EXPECT_TRUE(status) << kind.name << ": " << status.error().text();
  }
}

TEST(Envelope, CutShortAtAnyLengthIsRefusedOrHarmless) {
  for (const Kind& kind : kinds()) {
    for (std::size_t size = 0; size < kind.payload.size(); ++size) {
      const Payload cut = first_bytes(kind.payload, size);
      const Status status = kind.read(cut);
      // A buffer without a checksum may lose bytes at its end that nothing points to: padding, and no more.
      if (status) {
        EXPECT_FALSE(kind.has_checksum) << kind.name << " cut to " << size;
        EXPECT_LT(kind.payload.size() - size, 8U) << kind.name << " cut to " << size;
      } else {
        EXPECT_EQ(status.error().code, Code::corrupt) << kind.name << " cut to " << size;
      }
    }
  }
}

TEST(Envelope, EveryFlippedBitOfAMessageWithAChecksumIsRefused) {
  for (const Kind& kind : kinds()) {
    if (!kind.has_checksum) continue;
    for (std::size_t bit = 0; bit < 8 * kind.payload.size(); ++bit) {
      Payload flipped = kind.payload;
      flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
      const Status status = kind.read(flipped);
      ASSERT_FALSE(status) << kind.name << ", bit " << bit;
      EXPECT_EQ(status.error().code, Code::corrupt) << kind.name << ", bit " << bit;
    }
  }
}

// Without a checksum a flipped bit may be a valid message of other content. It may not be read outside its bytes.
TEST(Envelope, EveryFlippedBitOfAnyMessageIsReadSafely) {
  for (const Kind& kind : kinds()) {
    int refused = 0;
    for (std::size_t bit = 0; bit < 8 * kind.payload.size(); ++bit) {
      Payload flipped = kind.payload;
      flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
      if (!kind.read(flipped)) ++refused;
    }
    EXPECT_GT(refused, 0) << kind.name;
  }
}

// The same behind a checksum that is right: what a hostile device, not a noisy line, would send.
TEST(Envelope, EveryFlippedBitBehindARightChecksumIsReadSafely) {
  auto batch = sample_device_batch();
  const Payload whole = pack(batch);
  for (std::size_t bit = 0; bit < 8 * (whole.size() - 4); ++bit) {
    Payload flipped = first_bytes(whole, whole.size() - 4);
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    add_checksum(flipped);
    static_cast<void>(read_all(open_device_batch(flipped)));
  }
}

TEST(Envelope, AnotherIdentifierIsRefused) {
  const auto all = kinds();
  const auto with_identifier = std::span(all).first(4);
  for (const Kind& reader : with_identifier) {
    for (const Kind& written : with_identifier) {
      if (reader.name == written.name) continue;
      const Status status = reader.read(written.payload);
      ASSERT_FALSE(status) << reader.name << " reads " << written.name;
      EXPECT_EQ(status.error().code, Code::corrupt);
      EXPECT_NE(status.error().text().find("identifier"), std::string::npos) << status.error().text();
    }
  }
}

TEST(Envelope, ANewerMajorVersionIsRefusedByName) {
  const auto opened = open_device_batch(device_batch_of_version(version_major + 1, 3));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::unsupported);
  EXPECT_NE(opened.error().text().find(std::to_string(version_major + 1) + ".3"), std::string::npos) << opened.error().text();
}

TEST(Envelope, AGreaterMinorVersionIsRead) {
  const Payload payload = device_batch_of_version(version_major, version_minor + 9);
  const auto opened = open_device_batch(payload);
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_EQ((*opened)->device()->string_view(), "press-7");
}

TEST(Envelope, TooLargeIsRefusedBeforeAnythingIsRead) {
  const struct {
    std::size_t bytes_max;
    std::function<Status(Bytes)> read;
  } cases[] = {
      {device_batch_bytes_max, [](Bytes bytes) { return read_all(open_device_batch(bytes)); }},
      {device_ack_bytes_max, [](Bytes bytes) { return read_all(open_device_ack(bytes)); }},
      {uplink_batch_bytes_max, [](Bytes bytes) { return read_all(open_uplink_batch(bytes)); }},
      {uplink_ack_bytes_max, [](Bytes bytes) { return read_all(open_uplink_ack(bytes)); }},
      {row_bytes_max, [](Bytes bytes) { return read_all(open_window_row(bytes)); }},
      {row_bytes_max, [](Bytes bytes) { return read_all(open_gap_row(bytes)); }},
      {row_bytes_max, [](Bytes bytes) { return read_all(open_event_row(bytes)); }},
      {row_bytes_max, [](Bytes bytes) { return read_all(open_alarm_row(bytes)); }},
      {row_bytes_max, [](Bytes bytes) { return read_all(open_silence_row(bytes)); }},
  };
  for (const auto& [bytes_max, read] : cases) {
    const Status at_limit = read(Payload(bytes_max));
    ASSERT_FALSE(at_limit);
    EXPECT_EQ(at_limit.error().code, Code::corrupt);
    const Status beyond = read(Payload(bytes_max + 1));
    ASSERT_FALSE(beyond);
    EXPECT_EQ(beyond.error().code, Code::too_large);
    EXPECT_NE(beyond.error().text().find(std::to_string(bytes_max)), std::string::npos) << beyond.error().text();
  }
}

TEST(Envelope, ChannelsAreCounted) {
  auto most = with_channels(channels_per_batch_max);
  const Payload whole = pack(most);
  const auto opened = open_device_batch(whole);
  EXPECT_TRUE(opened) << opened.error().text();
  auto too_many = with_channels(channels_per_batch_max + 1);
  EXPECT_FALSE(open_device_batch(pack(too_many)));
}

// A few bytes that claim a great deal: one channel, pointed to from many places.
TEST(Envelope, OneChannelUnderManyNamesIsCountedEachTime) {
  flatbuffers::FlatBufferBuilder builder;
  const auto samples = CreateF32SamplesDirect(builder);
  const auto name = builder.CreateString("c");
  const auto channel = CreateChannel(builder, name, name, name, 0, 0, 0, Samples::F32Samples, samples.Union());
  const std::vector<flatbuffers::Offset<Channel>> channels(100'000, channel);
  builder.Finish(CreateDeviceBatchDirect(builder, version_major, version_minor, "press-7", 1, 1, 1, 0, &channels),
                 DeviceBatchIdentifier());
  Payload payload = finished(builder);
  add_checksum(payload);
  const auto opened = open_device_batch(payload);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::corrupt);
}

// Each lane holds as many rows as a whole batch may, through the same few bytes.
TEST(Envelope, RowsOfABatchAreCountedOverItsLanes) {
  flatbuffers::FlatBufferBuilder builder;
  const std::vector<std::uint8_t> body{1, 2, 3, 4};
  const auto row = CreateRowDirect(builder, 1, 1, &body);
  const std::vector<flatbuffers::Offset<Row>> rows(rows_per_batch_max, row);
  const auto lane = CreateLaneBatchDirect(builder, 1, 1, 1, 0, 0, nullptr, &rows);
  const std::vector<flatbuffers::Offset<LaneBatch>> lanes(3, lane);
  builder.Finish(CreateUplinkBatchDirect(builder, version_major, version_minor, "hall-3", "00", 0, 0, &lanes),
                 UplinkBatchIdentifier());
  EXPECT_FALSE(open_uplink_batch(finished(builder)));
}

TEST(Envelope, ARequiredFieldThatIsMissingIsRefused) {
  flatbuffers::FlatBufferBuilder builder;
  const auto start = builder.StartTable();
  builder.AddElement<std::uint16_t>(DeviceBatch::VT_SCHEMA_MAJOR, version_major, 0);
  builder.Finish(flatbuffers::Offset<DeviceBatch>(builder.EndTable(start)), DeviceBatchIdentifier());
  Payload payload = finished(builder);
  add_checksum(payload);
  const auto opened = open_device_batch(payload);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::corrupt);
}

}  // namespace
}  // namespace stethos::schema
