// How a recording of our own lies in its files: docs/recording-format.md says it in words. Shared by its writer and its reader.
//
// A recording is a folder of segments, files named by a number. A segment is a file header, then frames: a prefix, a header
// (schemas/recording.fbs) and a data area, each padded with zeros to a multiple of 64 bytes.
//
// Pure, and callable from any thread, except list_segments, which reads a folder.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/result.h"

namespace stethos::recordings {

inline constexpr std::uint16_t recording_version_major = 1;
inline constexpr std::uint16_t recording_version_minor = 0;

inline constexpr std::size_t frame_alignment_bytes = 64;
inline constexpr std::size_t sample_alignment_bytes = 8;
inline constexpr std::size_t frame_channels = 64;       // a frame ends before it has more, unless a single message does
inline constexpr std::size_t frame_messages_max = 1'024;
inline constexpr std::size_t frame_bytes = 1u << 20;    // the same, before compression
inline constexpr std::size_t message_channels_max = 4'096;
inline constexpr std::size_t message_bytes_max = 32u << 20;     // samples, times, names, and 128 bytes a message and a channel
inline constexpr std::size_t message_text_bytes_max = 1'024;  // of each name and unit
inline constexpr std::size_t frame_data_bytes_max = 64u << 20;  // of a data area, and of planes before compression

using Bytes = std::span<const std::uint8_t>;

struct FileHeader {
  std::array<char, 8> magic{'S', 'T', 'E', 'T', 'H', 'R', 'E', 'C'};
  std::uint16_t major = recording_version_major;
  std::uint16_t minor = recording_version_minor;
  std::array<std::uint8_t, 44> zeros{};
  std::uint64_t hash = 0;  // of what stands before it
};
static_assert(sizeof(FileHeader) == frame_alignment_bytes);

struct FramePrefix {
  std::array<char, 4> magic{'S', 'T', 'R', 'F'};
  std::uint32_t header_bytes = 0;  // neither counts its padding
  std::uint32_t data_bytes = 0;
  std::uint32_t zeros = 0;
  std::uint64_t checksum = 0;  // of header and data area, with their padding
  std::uint64_t hash = 0;      // of what stands before it: so a length can be believed without what it measures
};
static_assert(sizeof(FramePrefix) == 32);

constexpr std::uint64_t padded(std::uint64_t bytes) {
  return (bytes + frame_alignment_bytes - 1) / frame_alignment_bytes * frame_alignment_bytes;
}

FileHeader make_file_header();

// Code::corrupt: not a recording, or damaged; Code::unsupported: of a newer major version. `path` is for the error only.
Status check_file_header(Bytes file, const std::string& path);

// `header` and `data` are padded: the prefix and the header together, and the data, to a multiple of 64 bytes.
FramePrefix make_frame_prefix(Bytes header, std::uint32_t header_bytes, Bytes data, std::uint32_t data_bytes);

struct Frame {
  Bytes header;
  Bytes data;
  std::uint64_t end = 0;  // offset in the file
};

// Prefix and checksum of the frame at `offset`, which is a multiple of 64; the error says what is wrong with it.
std::expected<Frame, std::string> frame_at(Bytes file, std::uint64_t offset);

// Where the next frame from `offset` on begins, judged by its prefix alone.
std::optional<std::uint64_t> find_frame(Bytes file, std::uint64_t offset);

struct Segment {
  std::uint64_t number = 0;  // from 1
  std::string path;
  std::uint64_t bytes = 0;
};

std::string segment_path(const std::string& folder, std::uint64_t number);

// 0: it is not the name of a segment.
std::uint64_t segment_number(const std::string& path);

// Ascending by number; other files are passed over. Code::not_found, or io.
Result<std::vector<Segment>> list_segments(const std::string& folder);

}  // namespace stethos::recordings
