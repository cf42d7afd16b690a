// One message of each kind with every field of version 1 set, to a value that no default and no other field has; and the
// check that a message has just these values. Both are templates, so that they serve the current generated code and that
// of version 1 alike. A field added later is not set here: its own version gets its own sample.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace stethos::schema_samples {

// A new object of the type that `pointer` (a unique_ptr, or a vector of them) holds.
template <class T>
auto make_like(const std::unique_ptr<T>&) {
  return std::make_unique<T>();
}
template <class T>
auto make_like(const std::vector<std::unique_ptr<T>>&) {
  return std::make_unique<T>();
}

inline constexpr std::uint64_t large = 0xfedc'ba98'7654'3210;
inline constexpr std::int64_t stamp = 1'780'000'000'123'456'789;

template <class F32Samples, class I16Samples, class DeviceBatch>
DeviceBatch device_batch() {
  DeviceBatch batch;
  batch.device = "press-7";
  batch.epoch = large;
  batch.sequence = 41;
  batch.lowest_held = 17;
  batch.complete_until_ns = stamp - 5;

  auto vibration = make_like(batch.channels);
  vibration->name = "vibration";
  vibration->quantity = "acceleration";
  vibration->unit = "g";
  vibration->start_ns = stamp;
  vibration->interval_ns = 39'062.5;
  F32Samples f32;
  f32.values = {0.5F, -1.25F, 3.0F};
  vibration->samples.Set(std::move(f32));
  vibration->shaft_hz = 24.75;
  batch.channels.push_back(std::move(vibration));

  auto temperature = make_like(batch.channels);
  temperature->name = "bearing";
  temperature->quantity = "temperature";
  temperature->unit = "degC";
  temperature->times_ns = {stamp + 1, stamp + 2};
  I16Samples i16;
  i16.values = {-32'768, 32'767};
  i16.scale = 0.01;
  i16.offset = 40.5;
  temperature->samples.Set(std::move(i16));
  batch.channels.push_back(std::move(temperature));
  return batch;
}

template <class DeviceBatch>
void expect_device_batch(const DeviceBatch& batch) {
  EXPECT_EQ(batch.schema_major, 1);
  EXPECT_EQ(batch.device, "press-7");
  EXPECT_EQ(batch.epoch, large);
  EXPECT_EQ(batch.sequence, 41U);
  EXPECT_EQ(batch.lowest_held, 17U);
  EXPECT_EQ(batch.complete_until_ns, stamp - 5);
  ASSERT_EQ(batch.channels.size(), 2U);

  const auto& vibration = *batch.channels[0];
  EXPECT_EQ(vibration.name, "vibration");
  EXPECT_EQ(vibration.quantity, "acceleration");
  EXPECT_EQ(vibration.unit, "g");
  EXPECT_EQ(vibration.start_ns, stamp);
  EXPECT_EQ(vibration.interval_ns, 39'062.5);
  EXPECT_TRUE(vibration.times_ns.empty());
  ASSERT_NE(vibration.samples.AsF32Samples(), nullptr);
  EXPECT_THAT(vibration.samples.AsF32Samples()->values, testing::ElementsAre(0.5F, -1.25F, 3.0F));
  EXPECT_EQ(vibration.shaft_hz, 24.75);

  const auto& temperature = *batch.channels[1];
  EXPECT_EQ(temperature.name, "bearing");
  EXPECT_EQ(temperature.quantity, "temperature");
  EXPECT_EQ(temperature.unit, "degC");
  EXPECT_EQ(temperature.start_ns, 0);
  EXPECT_EQ(temperature.interval_ns, 0);
  EXPECT_THAT(temperature.times_ns, testing::ElementsAre(stamp + 1, stamp + 2));
  const auto* i16 = temperature.samples.AsI16Samples();
  ASSERT_NE(i16, nullptr);
  EXPECT_THAT(i16->values, testing::ElementsAre(-32'768, 32'767));
  EXPECT_EQ(i16->scale, 0.01);
  EXPECT_EQ(i16->offset, 40.5);
}

// Appends the ranges first..first+1, first+10..first+11.
template <class Ranges>
void add_ranges(Ranges& ranges, std::uint64_t first) {
  for (const std::uint64_t start : {first, first + 10}) {
    auto range = make_like(ranges);
    range->first = start;
    range->last = start + 1;
    ranges.push_back(std::move(range));
  }
}

template <class Ranges>
void expect_ranges(const Ranges& ranges, std::uint64_t first) {
  ASSERT_EQ(ranges.size(), 2U);
  EXPECT_EQ(ranges[0]->first, first);
  EXPECT_EQ(ranges[0]->last, first + 1);
  EXPECT_EQ(ranges[1]->first, first + 10);
  EXPECT_EQ(ranges[1]->last, first + 11);
}

template <class DeviceAck>
DeviceAck device_ack() {
  DeviceAck ack;
  ack.device = "press-7";
  ack.epoch = large;
  ack.durable_through = 40;
  add_ranges(ack.ranges, 50);
  return ack;
}

template <class DeviceAck>
void expect_device_ack(const DeviceAck& ack) {
  EXPECT_EQ(ack.schema_major, 1);
  EXPECT_EQ(ack.device, "press-7");
  EXPECT_EQ(ack.epoch, large);
  EXPECT_EQ(ack.durable_through, 40U);
  expect_ranges(ack.ranges, 50);
}

template <class UplinkBatch>
UplinkBatch uplink_batch() {
  UplinkBatch batch;
  batch.node = "hall-3";
  batch.spool = "00112233445566778899aabbccddeeff";
  batch.sent_ns = stamp;
  batch.offered_until_ns = stamp - 7;
  auto lane = make_like(batch.lanes);
  lane->lane = 1;
  lane->lowest_kept = 100;
  lane->next_number = 300;
  lane->previous_number = 199;
  lane->previous_hash = large;
  add_ranges(lane->given_up, 20);
  auto row = make_like(lane->rows);
  lane->first_number = 3;
  lane->given_up[0]->cause = decltype(lane->given_up[0]->cause)::given_up_for_age;
  lane->given_up[0]->first_ns = stamp - 2;
  lane->given_up[0]->last_ns = stamp - 1;
  row->number = 200;
  row->kind = 4;
  row->body = {0, 1, 254, 255};
  lane->rows.push_back(std::move(row));
  lane->again = make_like(lane->again);
  lane->again->first = 110;
  lane->again->from_ns = stamp - 9;
  lane->again->to_ns = stamp - 8;
  lane->again->through = 120;
  lane->again->not_kept = 6;
  lane->again->cause = decltype(lane->again->cause)::not_kept;
  auto sent_again = make_like(lane->again->rows);
  sent_again->number = 111;
  sent_again->kind = 5;
  sent_again->body = {7};
  lane->again->rows.push_back(std::move(sent_again));
  batch.lanes.push_back(std::move(lane));
  batch.replaces = "gateway-2";
  return batch;
}

template <class UplinkBatch>
void expect_uplink_batch(const UplinkBatch& batch) {
  EXPECT_EQ(batch.schema_major, 1);
  EXPECT_EQ(batch.node, "hall-3");
  EXPECT_EQ(batch.replaces, "gateway-2");
  EXPECT_EQ(batch.spool, "00112233445566778899aabbccddeeff");
  EXPECT_EQ(batch.sent_ns, stamp);
  EXPECT_EQ(batch.offered_until_ns, stamp - 7);
  ASSERT_EQ(batch.lanes.size(), 1U);
  const auto& lane = *batch.lanes[0];
  EXPECT_EQ(lane.lane, 1);
  EXPECT_EQ(lane.lowest_kept, 100U);
  EXPECT_EQ(lane.next_number, 300U);
  EXPECT_EQ(lane.previous_number, 199U);
  EXPECT_EQ(lane.previous_hash, large);
  expect_ranges(lane.given_up, 20);
  EXPECT_EQ(lane.first_number, 3U);
  EXPECT_EQ(static_cast<int>(lane.given_up[0]->cause), 4);
  EXPECT_EQ(lane.given_up[0]->first_ns, stamp - 2);
  EXPECT_EQ(lane.given_up[0]->last_ns, stamp - 1);
  ASSERT_EQ(lane.rows.size(), 1U);
  EXPECT_EQ(lane.rows[0]->number, 200U);
  EXPECT_EQ(lane.rows[0]->kind, 4);
  EXPECT_THAT(lane.rows[0]->body, testing::ElementsAre(0, 1, 254, 255));
  ASSERT_TRUE(lane.again);
  EXPECT_EQ(lane.again->first, 110U);
  EXPECT_EQ(lane.again->from_ns, stamp - 9);
  EXPECT_EQ(lane.again->to_ns, stamp - 8);
  EXPECT_EQ(lane.again->through, 120U);
  EXPECT_EQ(lane.again->not_kept, 6U);
  EXPECT_EQ(static_cast<int>(lane.again->cause), 5);
  ASSERT_EQ(lane.again->rows.size(), 1U);
  EXPECT_EQ(lane.again->rows[0]->number, 111U);
  EXPECT_EQ(lane.again->rows[0]->kind, 5);
  EXPECT_THAT(lane.again->rows[0]->body, testing::ElementsAre(7));
}

template <class UplinkAck>
UplinkAck uplink_ack() {
  UplinkAck ack;
  ack.collector = "ffeeddccbbaa99887766554433221100";
  ack.spool = "00112233445566778899aabbccddeeff";
  auto lane = make_like(ack.lanes);
  lane->lane = 2;
  lane->durable_through = 99;
  add_ranges(lane->ranges, 200);
  lane->wanted = make_like(lane->wanted);
  lane->wanted->first = 150;
  lane->wanted->last = 160;
  lane->wanted->from_ns = stamp - 4;
  lane->wanted->to_ns = stamp - 3;
  lane->last_number = 211;
  lane->last_hash = large;
  ack.lanes.push_back(std::move(lane));
  ack.retry_after_ms = 1500;
  auto directive = make_like(ack.directives);
  directive->kind = "rest";
  directive->body = {9, 8, 7};
  ack.directives.push_back(std::move(directive));
  return ack;
}

template <class UplinkAck>
void expect_uplink_ack(const UplinkAck& ack) {
  EXPECT_EQ(ack.schema_major, 1);
  EXPECT_EQ(ack.collector, "ffeeddccbbaa99887766554433221100");
  EXPECT_EQ(ack.spool, "00112233445566778899aabbccddeeff");
  ASSERT_EQ(ack.lanes.size(), 1U);
  EXPECT_EQ(ack.lanes[0]->lane, 2);
  EXPECT_EQ(ack.lanes[0]->durable_through, 99U);
  expect_ranges(ack.lanes[0]->ranges, 200);
  ASSERT_TRUE(ack.lanes[0]->wanted);
  EXPECT_EQ(ack.lanes[0]->wanted->first, 150U);
  EXPECT_EQ(ack.lanes[0]->wanted->last, 160U);
  EXPECT_EQ(ack.lanes[0]->wanted->from_ns, stamp - 4);
  EXPECT_EQ(ack.lanes[0]->wanted->to_ns, stamp - 3);
  EXPECT_EQ(ack.retry_after_ms, 1500U);
  ASSERT_EQ(ack.directives.size(), 1U);
  EXPECT_EQ(ack.directives[0]->kind, "rest");
  EXPECT_THAT(ack.directives[0]->body, testing::ElementsAre(9, 8, 7));
}

// Enumerations are set by number, so that a renumbered one is noticed.
template <class Enum>
void set_number(Enum& field, int number) {
  field = static_cast<Enum>(number);
}

template <class WindowRow>
WindowRow window_row() {
  WindowRow row;
  row.device = "press-7";
  row.channel = "vibration";
  row.definition = large;
  set_number(row.kind, 0);
  row.start_ns = stamp;
  row.length_ns = 60'000'000'000;
  row.generation = 2;
  row.revision = 3;
  set_number(row.state, 1);
  row.moments = make_like(row.moments);
  row.moments->count = 1001;
  row.moments->mean = 1.5;
  row.moments->m2 = 2.5;
  row.moments->m3 = -3.5;
  row.moments->m4 = 4.5;
  row.moments->min = -5.5;
  row.moments->max = 6.5;
  row.moments->sum_abs = 7.5;
  row.moments->sum_sqrt_abs = 8.5;
  row.moments->buckets = {1, 2, 3};
  row.counts = make_like(row.counts);
  row.counts->expected = 1111;
  row.counts->received = 1022;
  row.counts->good = 1001;
  row.counts->duplicate = 1;
  row.counts->late = 2;
  row.counts->out_of_range = 4;
  row.counts->not_finite = 5;
  row.counts->rejected = 9;
  auto statistic = make_like(row.statistics);
  statistic->statistic = 14;
  statistic->parameter = 6;
  statistic->value = 3.25;
  row.statistics.push_back(std::move(statistic));
  row.stream_version = large - 1;
  row.provenance = large - 2;
  row.first_epoch = 11;
  row.first_sequence = 12;
  row.last_epoch = 13;
  row.last_sequence = 14;
  row.first_received_ns = stamp + 1;
  row.last_received_ns = stamp + 2;
  row.closed_ns = stamp + 3;
  row.committed_ns = stamp + 4;
  row.speed = make_like(row.speed);
  row.speed->shaft_hz = 24.75;
  set_number(row.speed->source, 2);
  row.speed->age_ns = 1'500'000'000;
  return row;
}

template <class WindowRow>
void expect_window_row(const WindowRow& row) {
  EXPECT_EQ(row.device, "press-7");
  EXPECT_EQ(row.channel, "vibration");
  EXPECT_EQ(row.definition, large);
  EXPECT_EQ(static_cast<int>(row.kind), 0);
  EXPECT_EQ(row.start_ns, stamp);
  EXPECT_EQ(row.length_ns, 60'000'000'000);
  EXPECT_EQ(row.generation, 2U);
  EXPECT_EQ(row.revision, 3U);
  EXPECT_EQ(static_cast<int>(row.state), 1);
  ASSERT_NE(row.moments, nullptr);
  EXPECT_EQ(row.moments->count, 1001U);
  EXPECT_EQ(row.moments->mean, 1.5);
  EXPECT_EQ(row.moments->m2, 2.5);
  EXPECT_EQ(row.moments->m3, -3.5);
  EXPECT_EQ(row.moments->m4, 4.5);
  EXPECT_EQ(row.moments->min, -5.5);
  EXPECT_EQ(row.moments->max, 6.5);
  EXPECT_EQ(row.moments->sum_abs, 7.5);
  EXPECT_EQ(row.moments->sum_sqrt_abs, 8.5);
  EXPECT_EQ(row.moments->buckets, (std::vector<std::uint8_t>{1, 2, 3}));
  ASSERT_NE(row.counts, nullptr);
  EXPECT_EQ(row.counts->expected, 1111U);
  EXPECT_EQ(row.counts->received, 1022U);
  EXPECT_EQ(row.counts->good, 1001U);
  EXPECT_EQ(row.counts->duplicate, 1U);
  EXPECT_EQ(row.counts->late, 2U);
  EXPECT_EQ(row.counts->out_of_range, 4U);
  EXPECT_EQ(row.counts->not_finite, 5U);
  EXPECT_EQ(row.counts->rejected, 9U);
  ASSERT_EQ(row.statistics.size(), 1U);
  EXPECT_EQ(row.statistics[0]->statistic, 14);
  EXPECT_EQ(row.statistics[0]->parameter, 6);
  EXPECT_EQ(row.statistics[0]->value, 3.25);
  EXPECT_EQ(row.stream_version, large - 1);
  EXPECT_EQ(row.provenance, large - 2);
  EXPECT_EQ(row.first_epoch, 11U);
  EXPECT_EQ(row.first_sequence, 12U);
  EXPECT_EQ(row.last_epoch, 13U);
  EXPECT_EQ(row.last_sequence, 14U);
  EXPECT_EQ(row.first_received_ns, stamp + 1);
  EXPECT_EQ(row.last_received_ns, stamp + 2);
  EXPECT_EQ(row.closed_ns, stamp + 3);
  EXPECT_EQ(row.committed_ns, stamp + 4);
  ASSERT_NE(row.speed, nullptr);
  EXPECT_EQ(row.speed->shaft_hz, 24.75);
  EXPECT_EQ(static_cast<int>(row.speed->source), 2);
  EXPECT_EQ(row.speed->age_ns, 1'500'000'000);
}

template <class StreamRow>
StreamRow stream_row() {
  StreamRow row;
  row.version = large;
  row.device = "press-7";
  row.channel = "vibration";
  row.machine = "press";
  row.point = "DE";
  row.axis = "h";
  row.quantity = "acceleration";
  row.unit = "m/s2";
  row.location = "hall 3, north";
  row.owner = "reliability";
  return row;
}

template <class StreamRow>
void expect_stream_row(const StreamRow& row) {
  EXPECT_EQ(row.version, large);
  EXPECT_EQ(row.device, "press-7");
  EXPECT_EQ(row.channel, "vibration");
  EXPECT_EQ(row.machine, "press");
  EXPECT_EQ(row.point, "DE");
  EXPECT_EQ(row.axis, "h");
  EXPECT_EQ(row.quantity, "acceleration");
  EXPECT_EQ(row.unit, "m/s2");
  EXPECT_EQ(row.location, "hall 3, north");
  EXPECT_EQ(row.owner, "reliability");
}

template <class ProvenanceRow>
ProvenanceRow provenance_row() {
  ProvenanceRow row;
  row.id = large;
  row.program = "stethos-edge 0.1.0";
  row.backend = "reference";
  row.config_hash = large - 3;
  row.schema_major = 1;
  row.schema_minor = 7;
  row.source = "live";
  row.parameters = {"", "p95", "10-1000Hz.mean"};
  return row;
}

template <class ProvenanceRow>
void expect_provenance_row(const ProvenanceRow& row) {
  EXPECT_EQ(row.id, large);
  EXPECT_EQ(row.program, "stethos-edge 0.1.0");
  EXPECT_EQ(row.backend, "reference");
  EXPECT_EQ(row.config_hash, large - 3);
  EXPECT_EQ(row.schema_major, 1);
  EXPECT_EQ(row.schema_minor, 7);
  EXPECT_EQ(row.source, "live");
  EXPECT_THAT(row.parameters, testing::ElementsAre("", "p95", "10-1000Hz.mean"));
}

template <class GapRow>
GapRow gap_row() {
  GapRow row;
  row.device = "press-7";
  row.epoch = large;
  row.first_sequence = 5;
  row.last_sequence = 8;
  set_number(row.cause, 2);
  row.noticed_ns = stamp;
  return row;
}

template <class GapRow>
void expect_gap_row(const GapRow& row) {
  EXPECT_EQ(row.device, "press-7");
  EXPECT_EQ(row.epoch, large);
  EXPECT_EQ(row.first_sequence, 5U);
  EXPECT_EQ(row.last_sequence, 8U);
  EXPECT_EQ(static_cast<int>(row.cause), 2);
  EXPECT_EQ(row.noticed_ns, stamp);
}

template <class EventRow>
EventRow event_row() {
  EventRow row;
  row.kind = decltype(row.kind)::stream_rebased;
  row.at_ns = stamp;
  row.device = "press-7";
  row.channel = "DE";
  row.value = -5;
  row.detail = "by hand";
  return row;
}

template <class EventRow>
void expect_event_row(const EventRow& row) {
  EXPECT_EQ(static_cast<int>(row.kind), 3);
  EXPECT_EQ(row.at_ns, stamp);
  EXPECT_EQ(row.device, "press-7");
  EXPECT_EQ(row.channel, "DE");
  EXPECT_EQ(row.value, -5);
  EXPECT_EQ(row.detail, "by hand");
}

template <class SilenceRow>
SilenceRow silence_row() {
  SilenceRow row;
  row.device = "press-7";
  row.channel = "DE";
  row.definition = large;
  row.first_start_ns = stamp;
  row.length_ns = 60;
  row.hop_ns = 20;
  row.windows = 17;
  set_number(row.state, 1);
  row.stream_version = large - 1;
  row.provenance = large - 2;
  row.noticed_ns = stamp + 1;
  return row;
}

template <class SilenceRow>
void expect_silence_row(const SilenceRow& row) {
  EXPECT_EQ(row.device, "press-7");
  EXPECT_EQ(row.channel, "DE");
  EXPECT_EQ(row.definition, large);
  EXPECT_EQ(row.first_start_ns, stamp);
  EXPECT_EQ(row.length_ns, 60);
  EXPECT_EQ(row.hop_ns, 20);
  EXPECT_EQ(row.windows, 17U);
  EXPECT_EQ(static_cast<int>(row.state), 1);
  EXPECT_EQ(row.stream_version, large - 1);
  EXPECT_EQ(row.provenance, large - 2);
  EXPECT_EQ(row.noticed_ns, stamp + 1);
}

template <class AlarmRow>
AlarmRow alarm_row() {
  AlarmRow row;
  row.device = "press-7";
  row.channel = "vibration";
  row.limit = large;
  row.activated_ns = stamp;
  row.revision = 3;
  set_number(row.state, 1);
  set_number(row.level, 1);
  set_number(row.highest_level, 2);
  row.changed_ns = stamp + 1;
  row.value = 4.75;
  row.statistic = 4;
  row.unit = "m/s2";
  set_number(row.direction, 1);
  row.alert = 4.5;
  row.danger = 7.25;
  row.deadband = 0.125;
  row.on_delay_ns = 600'000'000'000;
  row.definition = large - 1;
  row.length_ns = 60'000'000'000;
  row.stream_version = large - 2;
  row.provenance = large - 3;
  row.committed_ns = stamp + 2;
  row.parameter = "10-1000Hz.max";
  return row;
}

template <class AlarmRow>
void expect_alarm_row(const AlarmRow& row) {
  EXPECT_EQ(row.device, "press-7");
  EXPECT_EQ(row.channel, "vibration");
  EXPECT_EQ(row.limit, large);
  EXPECT_EQ(row.activated_ns, stamp);
  EXPECT_EQ(row.revision, 3U);
  EXPECT_EQ(static_cast<int>(row.state), 1);
  EXPECT_EQ(static_cast<int>(row.level), 1);
  EXPECT_EQ(static_cast<int>(row.highest_level), 2);
  EXPECT_EQ(row.changed_ns, stamp + 1);
  EXPECT_EQ(row.value, 4.75);
  EXPECT_EQ(row.statistic, 4);
  EXPECT_EQ(row.unit, "m/s2");
  EXPECT_EQ(static_cast<int>(row.direction), 1);
  EXPECT_EQ(row.alert, 4.5);
  EXPECT_EQ(row.danger, 7.25);
  EXPECT_EQ(row.deadband, 0.125);
  EXPECT_EQ(row.on_delay_ns, 600'000'000'000);
  EXPECT_EQ(row.definition, large - 1);
  EXPECT_EQ(row.length_ns, 60'000'000'000);
  EXPECT_EQ(row.stream_version, large - 2);
  EXPECT_EQ(row.provenance, large - 3);
  EXPECT_EQ(row.committed_ns, stamp + 2);
  EXPECT_EQ(row.parameter, "10-1000Hz.max");
}

template <class RecordingFrame>
RecordingFrame recording_frame() {
  RecordingFrame frame;
  frame.strings = {"press-8", "press-7", "vibration", "acceleration", "g"};
  frame.message_count = 2;
  frame.channel_count = 2;
  frame.device = {1, 0};
  frame.epoch = {large, 2};
  frame.sequence = {41, 3};
  frame.lowest_held = {17, 4};
  frame.complete_until_ns = {stamp - 5, 5};
  frame.received_ns = {stamp + 9, 6};
  frame.channels = {1, 1};
  frame.name = {2, 3};
  frame.quantity = {3, 2};
  frame.unit = {4, 1};
  frame.start_ns = {stamp, 7};
  frame.interval_ns = {39'062.5, 8};
  frame.shaft_hz = {24.75, 0};
  frame.rejected = {0, 1};
  frame.identified = {1, 0};
  frame.identity = {large - 1, 0};
  frame.times_count = {0, 2};
  frame.times_at = {0, 32};
  frame.encoding = {1, 3};
  frame.sample_count = {5, 2};
  frame.samples_at = {16, 0};
  frame.scale = {0.01, 0};
  frame.offset = {40.5, 0};
  frame.decimals = {0, 3};
  frame.planes_at = 64;
  frame.planes_bytes = {2, 1};
  return frame;
}

template <class RecordingFrame>
void expect_recording_frame(const RecordingFrame& frame) {
  const auto expected = recording_frame<RecordingFrame>();
  EXPECT_EQ(frame.strings, expected.strings);
  EXPECT_EQ(frame.message_count, 2U);
  EXPECT_EQ(frame.channel_count, 2U);
  EXPECT_EQ(frame.device, expected.device);
  EXPECT_EQ(frame.epoch, expected.epoch);
  EXPECT_EQ(frame.sequence, expected.sequence);
  EXPECT_EQ(frame.lowest_held, expected.lowest_held);
  EXPECT_EQ(frame.complete_until_ns, expected.complete_until_ns);
  EXPECT_EQ(frame.received_ns, expected.received_ns);
  EXPECT_EQ(frame.channels, expected.channels);
  EXPECT_EQ(frame.name, expected.name);
  EXPECT_EQ(frame.quantity, expected.quantity);
  EXPECT_EQ(frame.unit, expected.unit);
  EXPECT_EQ(frame.start_ns, expected.start_ns);
  EXPECT_EQ(frame.interval_ns, expected.interval_ns);
  EXPECT_EQ(frame.shaft_hz, expected.shaft_hz);
  EXPECT_EQ(frame.rejected, expected.rejected);
  EXPECT_EQ(frame.identified, expected.identified);
  EXPECT_EQ(frame.identity, expected.identity);
  EXPECT_EQ(frame.times_count, expected.times_count);
  EXPECT_EQ(frame.times_at, expected.times_at);
  EXPECT_EQ(frame.encoding, expected.encoding);
  EXPECT_EQ(frame.sample_count, expected.sample_count);
  EXPECT_EQ(frame.samples_at, expected.samples_at);
  EXPECT_EQ(frame.scale, expected.scale);
  EXPECT_EQ(frame.offset, expected.offset);
  EXPECT_EQ(frame.decimals, expected.decimals);
  EXPECT_EQ(frame.planes_at, 64U);
  EXPECT_EQ(frame.planes_bytes, expected.planes_bytes);
}

}  // namespace stethos::schema_samples
