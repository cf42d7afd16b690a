#include "schemas/envelope.h"

#include <zlib.h>

#include <algorithm>
#include <string_view>

#include "common/fault_point.h"

namespace stethos::schema {
namespace {

// Depth: root, vector element, member, and one to spare. Tables: what the caps allow at most.
constexpr unsigned depth_max = 8;

std::uint32_t crc32_of(Bytes bytes) { return static_cast<std::uint32_t>(::crc32_z(0, bytes.data(), bytes.size())); }

template <class Table>
Result<const Table*> open(Bytes bytes, const char* identifier, std::string_view what, std::size_t bytes_max,
                          unsigned tables_max) {
  if (bytes.size() > bytes_max) {
    return fail(Code::too_large, std::string("reading ") + std::string(what),
                std::to_string(bytes.size()) + " bytes, at most " + std::to_string(bytes_max));
  }
  const std::string doing = std::string("reading ") + std::string(what);
  if (bytes.size() < 8) return fail(Code::corrupt, doing, "cut short");
  if (identifier != nullptr && !flatbuffers::BufferHasIdentifier(bytes.data(), identifier)) {
    return fail(Code::corrupt, doing, "its file identifier is another");
  }
  flatbuffers::Verifier verifier(bytes.data(), bytes.size(), depth_max, tables_max);
  if (!verifier.VerifyBuffer<Table>(identifier)) return fail(Code::corrupt, doing, "it does not verify");
  return flatbuffers::GetRoot<Table>(bytes.data());
}

template <class Table>
Result<const Table*> with_known_version(Result<const Table*> opened, std::string_view what) {
  if (opened && (*opened)->schema_major() != version_major) {
    return fail(Code::unsupported, std::string("reading ") + std::string(what),
                "its schema version is " + std::to_string((*opened)->schema_major()) + "." +
                    std::to_string((*opened)->schema_minor()) + ", this program reads " + std::to_string(version_major) + ".x");
  }
  return opened;
}

template <class Table, class Message>
std::vector<std::uint8_t> finish(const Message& message, const char* identifier) {
  flatbuffers::FlatBufferBuilder builder(1024);
  builder.Finish(Table::Pack(builder, &message), identifier);
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

template <class Message>
void stamp_version(Message& message) {
  message.schema_major = version_major;
  message.schema_minor = version_minor;
}

constexpr std::size_t crc_bytes = 4;

// A message that ends in the CRC-32 of its buffer: one that verifies may still have a flipped bit.
template <class Table>
Result<const Table*> open_checked(Bytes payload, const char* identifier, std::string_view what, std::size_t bytes_max,
                                  unsigned tables_max) {
  const std::string doing = std::string("reading ") + std::string(what);
  if (payload.size() < crc_bytes + 8) return fail(Code::corrupt, doing, "cut short");
  if (payload.size() > bytes_max) {
    return fail(Code::too_large, doing, std::to_string(payload.size()) + " bytes, at most " + std::to_string(bytes_max));
  }
  const Bytes buffer = payload.first(payload.size() - crc_bytes);
  const auto tail = payload.last(crc_bytes);
  const std::uint32_t stated = static_cast<std::uint32_t>(tail[0]) | static_cast<std::uint32_t>(tail[1]) << 8 |
                               static_cast<std::uint32_t>(tail[2]) << 16 | static_cast<std::uint32_t>(tail[3]) << 24;
  if (!flatbuffers::BufferHasIdentifier(buffer.data(), identifier)) {
    return fail(Code::corrupt, doing, "its file identifier is another");
  }
  if (crc32_of(buffer) != stated && !has_canary("skip_checksum")) return fail(Code::corrupt, doing, "its checksum differs");
  return with_known_version(open<Table>(buffer, identifier, what, bytes_max, tables_max), what);
}

std::vector<std::uint8_t> with_checksum(std::vector<std::uint8_t> payload) {
  const std::uint32_t crc = crc32_of(payload);
  for (unsigned shift = 0; shift < 32; shift += 8) payload.push_back(static_cast<std::uint8_t>(crc >> shift));
  return payload;
}

}  // namespace

Result<const DeviceBatch*> open_device_batch(Bytes payload) {
  constexpr std::string_view what = "a device batch";
  auto opened =
      open_checked<DeviceBatch>(payload, DeviceBatchIdentifier(), what, device_batch_bytes_max, 1 + 2 * channels_per_batch_max);
  if (!opened || (*opened)->channels() == nullptr) return opened;
  // The verifier looks at the alignment of a vector's length, not at that of its elements.
  for (const auto* channel : *(*opened)->channels()) {
    const auto* times = channel->times_ns();
    if (times != nullptr && (times->Data() - payload.data()) % static_cast<std::ptrdiff_t>(sizeof(std::int64_t)) != 0)
      return fail(Code::corrupt, "reading " + std::string(what), "its times are not aligned");
  }
  return opened;
}

Result<const DeviceAck*> open_device_ack(Bytes payload) {
  return open_checked<DeviceAck>(payload, DeviceAckIdentifier(), "a device acknowledgement", device_ack_bytes_max, 1024);
}

Result<const UplinkBatch*> open_uplink_batch(Bytes payload) {
  constexpr std::string_view what = "an uplink batch";
  return with_known_version(
      open<UplinkBatch>(payload, UplinkBatchIdentifier(), what, uplink_batch_bytes_max, rows_per_batch_max + 1024), what);
}

Result<const UplinkAck*> open_uplink_ack(Bytes payload) {
  return open_checked<UplinkAck>(payload, UplinkAckIdentifier(), "an uplink acknowledgement", uplink_ack_bytes_max, 4096);
}

Result<const WindowRow*> open_window_row(Bytes body) {
  return open<WindowRow>(body, nullptr, "a window row", row_bytes_max, values_per_row_max + 5);
}
Result<const StreamRow*> open_stream_row(Bytes body) { return open<StreamRow>(body, nullptr, "a stream row", row_bytes_max, 4); }
Result<const ProvenanceRow*> open_provenance_row(Bytes body) {
  return open<ProvenanceRow>(body, nullptr, "a provenance row", row_bytes_max, 4);
}
Result<const GapRow*> open_gap_row(Bytes body) { return open<GapRow>(body, nullptr, "a gap row", row_bytes_max, 4); }
Result<const EventRow*> open_event_row(Bytes body) { return open<EventRow>(body, nullptr, "an event row", row_bytes_max, 4); }
Result<const SilenceRow*> open_silence_row(Bytes body) {
  return open<SilenceRow>(body, nullptr, "a silence row", row_bytes_max, 4);
}
Result<const AlarmRow*> open_alarm_row(Bytes body) { return open<AlarmRow>(body, nullptr, "an alarm row", row_bytes_max, 4); }

Result<const PaneMore*> open_pane_more(Bytes body) {
  return open<PaneMore>(body, nullptr, "what a pane knows of its blocks", pane_more_bytes_max, values_per_row_max + 4);
}

Result<const RecordingFrame*> open_recording_frame(Bytes header) {
  constexpr std::string_view what = "a recording's frame";
  auto opened = open<RecordingFrame>(header, RecordingFrameIdentifier(), what, recording_frame_bytes_max, 1);
  if (!opened) return opened;
  // As above: only the lengths of these vectors are known to be aligned.
  const auto aligned = [&](const auto*... columns) {
    return ((columns == nullptr || (columns->Data() - header.data()) % 8 == 0) && ...);
  };
  const RecordingFrame& frame = **opened;
  if (!aligned(frame.epoch(), frame.sequence(), frame.lowest_held(), frame.complete_until_ns(), frame.received_ns(),
               frame.start_ns(), frame.interval_ns(), frame.identity(), frame.scale(), frame.offset(), frame.shaft_hz())) {
    return fail(Code::corrupt, "reading " + std::string(what), "a column is not aligned");
  }
  return opened;
}

std::vector<std::uint8_t> pack(DeviceBatchT& message) {
  stamp_version(message);
  return with_checksum(finish<DeviceBatch>(message, DeviceBatchIdentifier()));
}
std::vector<std::uint8_t> pack(DeviceAckT& message) {
  stamp_version(message);
  return with_checksum(finish<DeviceAck>(message, DeviceAckIdentifier()));
}
std::vector<std::uint8_t> pack(UplinkBatchT& message) {
  stamp_version(message);
  return finish<UplinkBatch>(message, UplinkBatchIdentifier());
}
std::vector<std::uint8_t> pack(UplinkAckT& message) {
  stamp_version(message);
  return with_checksum(finish<UplinkAck>(message, UplinkAckIdentifier()));
}
std::vector<std::uint8_t> pack(const WindowRowT& row) { return finish<WindowRow>(row, nullptr); }
std::vector<std::uint8_t> pack(const StreamRowT& row) { return finish<StreamRow>(row, nullptr); }
std::vector<std::uint8_t> pack(const ProvenanceRowT& row) { return finish<ProvenanceRow>(row, nullptr); }
std::vector<std::uint8_t> pack(const GapRowT& row) { return finish<GapRow>(row, nullptr); }
std::vector<std::uint8_t> pack(const EventRowT& row) { return finish<EventRow>(row, nullptr); }
std::vector<std::uint8_t> pack(const SilenceRowT& row) { return finish<SilenceRow>(row, nullptr); }
std::vector<std::uint8_t> pack(const AlarmRowT& row) { return finish<AlarmRow>(row, nullptr); }
std::vector<std::uint8_t> pack(const PaneMoreT& more) { return finish<PaneMore>(more, nullptr); }
std::vector<std::uint8_t> pack(const RecordingFrameT& header) {
  return finish<RecordingFrame>(header, RecordingFrameIdentifier());
}

}  // namespace stethos::schema
