// Version 1 stays readable: its bytes by the code of today, and what the code of today writes by the reader of version 1.
//
// The bytes lie in schemas/golden, v1 and what each minor version added, and are never written again. STETHOS_WRITE_GOLDEN=1
// writes those that are missing.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <string>

#include "schemas/envelope.h"
#include "schemas_v1/device_ack_generated.h"
#include "schemas_v1/device_batch_generated.h"
#include "schemas_v1/recording_generated.h"
#include "schemas_v1/rows_generated.h"
#include "schemas_v1/uplink_ack_generated.h"
#include "schemas_v1/uplink_batch_generated.h"
#include "tests/folders.h"
#include "tests/unit/schemas/samples.h"

namespace stethos::schema {
namespace {

namespace v1 = stethos::schema_v1;
namespace samples = stethos::schema_samples;

const std::filesystem::path schemas_dir = test::source_folder() / "schemas";

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path << " is missing";
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::uint8_t> golden(const std::string& name, const std::vector<std::uint8_t>& written_today,
                                 const std::string& version = "v1") {
  const auto path = schemas_dir / "golden" / version / (name + ".bin");
  if (std::getenv("STETHOS_WRITE_GOLDEN") != nullptr && !std::filesystem::exists(path)) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(written_today.data()), static_cast<std::streamsize>(written_today.size()));
  }
  const std::string bytes = read_file(path);
  return {bytes.begin(), bytes.end()};
}

// What the reader of version 1 makes of `bytes`. `identifier` is null for a row.
template <class Table>
auto read_as_v1(Bytes bytes, const char* identifier) {
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  EXPECT_TRUE(verifier.VerifyBuffer<Table>(identifier));
  typename Table::NativeTableType object;
  flatbuffers::GetRoot<Table>(bytes.data())->UnPackTo(&object);
  return object;
}

template <class Table>
auto unpacked(Result<const Table*> opened) {
  typename Table::NativeTableType object;
  EXPECT_TRUE(opened.has_value()) << opened.error().text();
  if (opened) (*opened)->UnPackTo(&object);
  return object;
}

TEST(Golden, DeviceBatch) {
  auto sample = samples::device_batch<F32SamplesT, I16SamplesT, DeviceBatchT>();
  const auto today = pack(sample);
  samples::expect_device_batch(unpacked(open_device_batch(golden("device_batch", today))));
  const Bytes without_checksum = Bytes(today).first(today.size() - 4);
  samples::expect_device_batch(read_as_v1<v1::DeviceBatch>(without_checksum, v1::DeviceBatchIdentifier()));
}

TEST(Golden, DeviceAck) {
  auto sample = samples::device_ack<DeviceAckT>();
  const auto today = pack(sample);
  samples::expect_device_ack(unpacked(open_device_ack(golden("device_ack", today))));
  samples::expect_device_ack(read_as_v1<v1::DeviceAck>(today, v1::DeviceAckIdentifier()));
}

TEST(Golden, UplinkBatch) {
  auto sample = samples::uplink_batch<UplinkBatchT>();
  const auto today = pack(sample);
  samples::expect_uplink_batch(unpacked(open_uplink_batch(golden("uplink_batch", today))));
  samples::expect_uplink_batch(read_as_v1<v1::UplinkBatch>(today, v1::UplinkBatchIdentifier()));
}

TEST(Golden, UplinkAck) {
  auto sample = samples::uplink_ack<UplinkAckT>();
  const auto today = pack(sample);
  samples::expect_uplink_ack(unpacked(open_uplink_ack(golden("uplink_ack", today))));
  samples::expect_uplink_ack(read_as_v1<v1::UplinkAck>(today, v1::UplinkAckIdentifier()));
}

TEST(Golden, WindowRow) {
  const auto today = pack(samples::window_row<WindowRowT>());
  samples::expect_window_row(unpacked(open_window_row(golden("window_row", today))));
  samples::expect_window_row(read_as_v1<v1::WindowRow>(today, nullptr));
}

TEST(Golden, StreamRow) {
  const auto today = pack(samples::stream_row<StreamRowT>());
  samples::expect_stream_row(unpacked(open_stream_row(golden("stream_row", today))));
  samples::expect_stream_row(read_as_v1<v1::StreamRow>(today, nullptr));
}

TEST(Golden, ProvenanceRow) {
  const auto today = pack(samples::provenance_row<ProvenanceRowT>());
  samples::expect_provenance_row(unpacked(open_provenance_row(golden("provenance_row", today))));
  samples::expect_provenance_row(read_as_v1<v1::ProvenanceRow>(today, nullptr));
}

TEST(Golden, EventRow) {
  const auto today = pack(samples::event_row<EventRowT>());
  samples::expect_event_row(unpacked(open_event_row(golden("event_row", today))));
  samples::expect_event_row(read_as_v1<v1::EventRow>(today, nullptr));
}

TEST(Golden, SilenceRow) {
  const auto today = pack(samples::silence_row<SilenceRowT>());
  samples::expect_silence_row(unpacked(open_silence_row(golden("silence_row", today))));
  samples::expect_silence_row(read_as_v1<v1::SilenceRow>(today, nullptr));
}

TEST(Golden, GapRow) {
  const auto today = pack(samples::gap_row<GapRowT>());
  samples::expect_gap_row(unpacked(open_gap_row(golden("gap_row", today))));
  samples::expect_gap_row(read_as_v1<v1::GapRow>(today, nullptr));
}

TEST(Golden, AlarmRow) {
  const auto today = pack(samples::alarm_row<AlarmRowT>());
  samples::expect_alarm_row(unpacked(open_alarm_row(golden("alarm_row", today))));
  samples::expect_alarm_row(read_as_v1<v1::AlarmRow>(today, nullptr));
}

// Version 1.1: a state that version 1.0 takes for a number without a name, and a field that it does not see.
TEST(Golden, AlarmRowThatIsProvisional) {
  AlarmRowT row = samples::alarm_row<AlarmRowT>();
  row.state = AlarmState::provisional;
  row.level = AlarmLevel::none;
  row.highest_level = AlarmLevel::none;
  row.provisional_level = AlarmLevel::danger;
  row.clock_untrusted = true;
  const auto today = pack(row);
  const AlarmRowT read = unpacked(open_alarm_row(golden("alarm_row", today, "v1.1")));
  EXPECT_EQ(read.state, row.state);
  EXPECT_EQ(read.level, row.level);
  EXPECT_EQ(read.provisional_level, row.provisional_level);
  EXPECT_TRUE(read.clock_untrusted);
  const auto before = read_as_v1<v1::AlarmRow>(today, nullptr);
  EXPECT_STREQ(v1::EnumNameAlarmState(before.state), "");
  EXPECT_EQ(static_cast<int>(before.state), static_cast<int>(AlarmState::provisional));
  EXPECT_EQ(before.level, v1::AlarmLevel::none);
  EXPECT_EQ(before.revision, row.revision);
  // What version 1.0 wrote says nothing of it.
  EXPECT_EQ(unpacked(open_alarm_row(golden("alarm_row", today))).provisional_level, AlarmLevel::none);
}

// Version 1.1: fields that say whether the node's clock was known to be right and what a window lacks, which version 1.0 does not
// see.
TEST(Golden, WhatSaysWhetherTheClockWasRight) {
  WindowRowT row = samples::window_row<WindowRowT>();
  row.clock_untrusted = true;
  row.counts->recovered = 0xffff'ffff'ffff'fff5;
  row.incomplete = true;
  row.whole = std::make_unique<SpanT>(SpanT{{}, -0x1122'3344'5566'7701, 0x0102'0304'0506'0708});
  const auto row_today = pack(row);
  const auto row_read = unpacked(open_window_row(golden("window_row", row_today, "v1.1")));
  samples::expect_window_row(row_read);
  EXPECT_TRUE(row_read.clock_untrusted);
  EXPECT_TRUE(row_read.incomplete);
  EXPECT_EQ(row_read.whole->start_ns, row.whole->start_ns);
  EXPECT_EQ(row_read.whole->length_ns, row.whole->length_ns);
  EXPECT_EQ(row_read.counts->recovered, row.counts->recovered);
  EXPECT_EQ(unpacked(open_window_row(golden("window_row", row_today))).counts->recovered, 0u);
  EXPECT_FALSE(unpacked(open_window_row(golden("window_row", row_today))).clock_untrusted);
  samples::expect_window_row(read_as_v1<v1::WindowRow>(row_today, nullptr));

  UplinkAckT ack = samples::uplink_ack<UplinkAckT>();
  ack.time_ns = 1'767'225'600'000'000'009;
  ack.clock = 0xffff'ffff'ffff'fff6;
  const auto ack_today = pack(ack);
  const auto ack_read = unpacked(open_uplink_ack(golden("uplink_ack", ack_today, "v1.1")));
  samples::expect_uplink_ack(ack_read);
  EXPECT_EQ(ack_read.time_ns, ack.time_ns);
  EXPECT_EQ(ack_read.clock, ack.clock);
  EXPECT_EQ(unpacked(open_uplink_ack(golden("uplink_ack", ack_today))).time_ns, 0) << "it was not said";
  samples::expect_uplink_ack(read_as_v1<v1::UplinkAck>(ack_today, v1::UplinkAckIdentifier()));

  RecordingFrameT frame = samples::recording_frame<RecordingFrameT>();
  frame.clock_untrusted.assign(frame.received_ns.size(), 1);
  const auto frame_today = pack(frame);
  const auto frame_read = unpacked(open_recording_frame(golden("recording_frame", frame_today, "v1.1")));
  samples::expect_recording_frame(frame_read);
  EXPECT_EQ(frame_read.clock_untrusted, frame.clock_untrusted);
  EXPECT_TRUE(unpacked(open_recording_frame(golden("recording_frame", frame_today))).clock_untrusted.empty());
  samples::expect_recording_frame(read_as_v1<v1::RecordingFrame>(frame_today, v1::RecordingFrameIdentifier()));
}

// Version 1.1: the same of what is noted by that clock.
TEST(Golden, NotesSayWhetherTheClockWasRight) {
  GapRowT gap = samples::gap_row<GapRowT>();
  gap.clock_untrusted = true;
  const auto gap_today = pack(gap);
  EXPECT_TRUE(unpacked(open_gap_row(golden("gap_row", gap_today, "v1.1"))).clock_untrusted);
  EXPECT_FALSE(unpacked(open_gap_row(golden("gap_row", gap_today))).clock_untrusted);
  samples::expect_gap_row(read_as_v1<v1::GapRow>(gap_today, nullptr));

  SilenceRowT silence = samples::silence_row<SilenceRowT>();
  silence.clock_untrusted = true;
  const auto silence_today = pack(silence);
  EXPECT_TRUE(unpacked(open_silence_row(golden("silence_row", silence_today, "v1.1"))).clock_untrusted);
  EXPECT_FALSE(unpacked(open_silence_row(golden("silence_row", silence_today))).clock_untrusted);
  samples::expect_silence_row(read_as_v1<v1::SilenceRow>(silence_today, nullptr));

  EventRowT event = samples::event_row<EventRowT>();
  event.clock_untrusted = true;
  const auto event_today = pack(event);
  EXPECT_TRUE(unpacked(open_event_row(golden("event_row", event_today, "v1.1"))).clock_untrusted);
  EXPECT_FALSE(unpacked(open_event_row(golden("event_row", event_today))).clock_untrusted);
  samples::expect_event_row(read_as_v1<v1::EventRow>(event_today, nullptr));
}

TEST(Golden, RecordingFrame) {
  const auto today = pack(samples::recording_frame<RecordingFrameT>());
  samples::expect_recording_frame(unpacked(open_recording_frame(golden("recording_frame", today))));
  samples::expect_recording_frame(read_as_v1<v1::RecordingFrame>(today, v1::RecordingFrameIdentifier()));
}

// The numbers are part of the format, and flatc does not mind a value that was taken away.
TEST(Golden, NumbersOfEnumerationsStay) {
  for (const auto value : v1::EnumValuesRowKind()) {
    EXPECT_STREQ(v1::EnumNameRowKind(value), EnumNameRowKind(static_cast<RowKind>(value)));
  }
  for (const auto value : v1::EnumValuesLane()) {
    EXPECT_STREQ(v1::EnumNameLane(value), EnumNameLane(static_cast<Lane>(value)));
  }
  for (const auto value : v1::EnumValuesStatistic()) {
    EXPECT_STREQ(v1::EnumNameStatistic(value), EnumNameStatistic(static_cast<Statistic>(value)));
  }
  for (const auto value : v1::EnumValuesWindowKind()) {
    EXPECT_STREQ(v1::EnumNameWindowKind(value), EnumNameWindowKind(static_cast<WindowKind>(value)));
  }
  for (const auto value : v1::EnumValuesWindowState()) {
    EXPECT_STREQ(v1::EnumNameWindowState(value), EnumNameWindowState(static_cast<WindowState>(value)));
  }
  for (const auto value : v1::EnumValuesGapCause()) {
    EXPECT_STREQ(v1::EnumNameGapCause(value), EnumNameGapCause(static_cast<GapCause>(value)));
  }
  for (const auto value : v1::EnumValuesAlarmLevel()) {
    EXPECT_STREQ(v1::EnumNameAlarmLevel(value), EnumNameAlarmLevel(static_cast<AlarmLevel>(value)));
  }
  for (const auto value : v1::EnumValuesAlarmState()) {
    EXPECT_STREQ(v1::EnumNameAlarmState(value), EnumNameAlarmState(static_cast<AlarmState>(value)));
  }
  for (const auto value : v1::EnumValuesLimitDirection()) {
    EXPECT_STREQ(v1::EnumNameLimitDirection(value), EnumNameLimitDirection(static_cast<LimitDirection>(value)));
  }
  for (const auto value : v1::EnumValuesSampleEncoding()) {
    EXPECT_STREQ(v1::EnumNameSampleEncoding(value), EnumNameSampleEncoding(static_cast<SampleEncoding>(value)));
  }
  for (const auto value : v1::EnumValuesSamples()) {
    EXPECT_STREQ(v1::EnumNameSamples(value), EnumNameSamples(static_cast<Samples>(value)));
  }
}

// Without comments and with single spaces: what of a schema file matters.
std::string content_of(const std::filesystem::path& path) {
  const std::string without_comments = std::regex_replace(read_file(path), std::regex("//[^\n]*"), "");
  std::istringstream words(without_comments);
  std::string content;
  for (std::string word; words >> word;) content += word + ' ';
  return content;
}

// The schema file as the newest version that changed it left it.
std::filesystem::path newest_golden(const std::string& file) {
  for (int minor = version_minor; minor > 0; --minor) {
    const auto path = schemas_dir / "golden" / ("v1." + std::to_string(minor)) / file;
    if (std::filesystem::exists(path)) return path;
  }
  return schemas_dir / "golden/v1" / file;
}

// A field that is added under an old number could not be told from one that is missing.
TEST(Golden, AChangedSchemaHasAnotherVersion) {
  ASSERT_EQ(version_major, 1) << "copy this test for the new major version";
  ASSERT_TRUE(std::filesystem::exists(schemas_dir / "golden" / ("v1." + std::to_string(version_minor))));
  for (const char* name : {"device_batch", "device_ack", "recording", "rows", "uplink_batch", "uplink_ack"}) {
    const std::string file = std::string(name) + ".fbs";
    EXPECT_EQ(content_of(schemas_dir / file), content_of(newest_golden(file))) << file;
  }
}

}  // namespace
}  // namespace stethos::schema
