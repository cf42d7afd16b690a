// Reading messages that somebody else wrote. Nothing of a buffer is read before `open_*` has accepted it: its size is
// capped, its structure verified with limits no wider than the schema needs, its version known.
//
// All functions are pure and may be called from any thread. The views they return point into the bytes given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/result.h"
#include "schemas/device_ack_generated.h"
#include "schemas/device_batch_generated.h"
#include "schemas/pane_generated.h"
#include "schemas/recording_generated.h"
#include "schemas/rows_generated.h"
#include "schemas/uplink_ack_generated.h"
#include "schemas/uplink_batch_generated.h"

namespace stethos::schema {

using Bytes = std::span<const std::uint8_t>;

// The version that this program writes. A greater minor is read (what was added is ignored); a greater major is refused.
inline constexpr std::uint16_t version_major = 1;
inline constexpr std::uint16_t version_minor = 1;

inline constexpr std::size_t device_batch_bytes_max = 8u << 20;
inline constexpr std::size_t device_ack_bytes_max = 64u << 10;
inline constexpr std::size_t uplink_batch_bytes_max = 32u << 20;  // before compression
inline constexpr std::size_t uplink_ack_bytes_max = 1u << 20;
inline constexpr std::size_t row_bytes_max = 64u << 10;
inline constexpr std::size_t pane_more_bytes_max = 1u << 20;
inline constexpr unsigned values_per_row_max = 1'000;
inline constexpr std::size_t recording_frame_bytes_max = 16u << 20;  // its header, without the data area
inline constexpr std::size_t channels_per_batch_max = 256;
inline constexpr std::size_t rows_per_batch_max = 20'000;

// Codes of the errors below: `corrupt` (not such a buffer, cut, or its checksum differs), `too_large`, `unsupported`
// (a newer major version: the message says which).
Result<const DeviceBatch*> open_device_batch(Bytes payload);  // with the CRC-32 at its end
Result<const DeviceAck*> open_device_ack(Bytes payload);      // the same
Result<const UplinkBatch*> open_uplink_batch(Bytes payload);  // without: the frame that it travels in has a checksum
Result<const UplinkAck*> open_uplink_ack(Bytes payload);      // with
Result<const WindowRow*> open_window_row(Bytes body);
Result<const StreamRow*> open_stream_row(Bytes body);
Result<const ProvenanceRow*> open_provenance_row(Bytes body);
Result<const GapRow*> open_gap_row(Bytes body);
Result<const EventRow*> open_event_row(Bytes body);
Result<const SilenceRow*> open_silence_row(Bytes body);
Result<const AlarmRow*> open_alarm_row(Bytes body);
Result<const PaneMore*> open_pane_more(Bytes body);  // of the edge's own spool
Result<const RecordingFrame*> open_recording_frame(Bytes header);  // the frame that it is the header of has a checksum

// Finished buffers, ready to send, with the CRC-32 where there is one. They set schema_major and schema_minor.
std::vector<std::uint8_t> pack(DeviceBatchT& message);
std::vector<std::uint8_t> pack(DeviceAckT& message);
std::vector<std::uint8_t> pack(UplinkBatchT& message);
std::vector<std::uint8_t> pack(UplinkAckT& message);
std::vector<std::uint8_t> pack(const WindowRowT& row);
std::vector<std::uint8_t> pack(const StreamRowT& row);
std::vector<std::uint8_t> pack(const ProvenanceRowT& row);
std::vector<std::uint8_t> pack(const GapRowT& row);
std::vector<std::uint8_t> pack(const EventRowT& row);
std::vector<std::uint8_t> pack(const SilenceRowT& row);
std::vector<std::uint8_t> pack(const AlarmRowT& row);
std::vector<std::uint8_t> pack(const PaneMoreT& more);
std::vector<std::uint8_t> pack(const RecordingFrameT& header);  // its version stands in the recording's file header

}  // namespace stethos::schema
