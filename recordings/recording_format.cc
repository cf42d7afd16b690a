#include "recordings/recording_format.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "common/hash.h"
#include "schemas/envelope.h"

namespace stethos::recordings {
namespace {

static_assert(std::endian::native == std::endian::little, "headers are read as they lie");

constexpr std::string_view segment_suffix = ".recording";
constexpr std::size_t segment_digits = 12;

template <class Header>
std::uint64_t hash_of_header(const Header& header) {
  return hash_of(Bytes(reinterpret_cast<const std::uint8_t*>(&header), offsetof(Header, hash)));
}

template <class Header>
Header header_at(Bytes file, std::uint64_t offset) {
  Header header;
  std::memcpy(&header, file.data() + offset, sizeof header);
  return header;
}

std::uint64_t checksum_of(Bytes header, Bytes data) { return hash_of(data, hash_of(header)); }

// Of a whole and undamaged prefix whose lengths stay within the file; the error says what it is not.
std::expected<FramePrefix, std::string> prefix_at(Bytes file, std::uint64_t offset) {
  if (file.size() - offset < sizeof(FramePrefix)) return std::unexpected("cut short");
  const auto prefix = header_at<FramePrefix>(file, offset);
  if (prefix.magic != FramePrefix{}.magic) return std::unexpected("no frame begins here");
  if (prefix.hash != hash_of_header(prefix)) return std::unexpected("the checksum of its prefix differs");
  if (prefix.header_bytes > schema::recording_frame_bytes_max || prefix.data_bytes > frame_data_bytes_max) {
    return std::unexpected("its lengths are too large");
  }
  if (padded(sizeof prefix + prefix.header_bytes) + padded(prefix.data_bytes) > file.size() - offset) {
    return std::unexpected("cut short");
  }
  return prefix;
}

}  // namespace

FileHeader make_file_header() {
  FileHeader header;
  header.hash = hash_of_header(header);
  return header;
}

Status check_file_header(Bytes file, const std::string& path) {
  const std::string doing = "reading " + path;
  if (file.size() < sizeof(FileHeader)) return fail(Code::corrupt, doing, "cut short");
  const auto header = header_at<FileHeader>(file, 0);
  if (header.magic != FileHeader{}.magic) return fail(Code::corrupt, doing, "not a recording");
  if (header.hash != hash_of_header(header)) return fail(Code::corrupt, doing, "the checksum of the file's header differs");
  if (header.major != recording_version_major) {
    return fail(Code::unsupported, doing,
                "its version is " + std::to_string(header.major) + "." + std::to_string(header.minor) + ", this program reads " +
                    std::to_string(recording_version_major) + ".x");
  }
  return {};
}

FramePrefix make_frame_prefix(Bytes header, std::uint32_t header_bytes, Bytes data, std::uint32_t data_bytes) {
  FramePrefix prefix;
  prefix.header_bytes = header_bytes;
  prefix.data_bytes = data_bytes;
  prefix.checksum = checksum_of(header, data);
  prefix.hash = hash_of_header(prefix);
  return prefix;
}

std::expected<Frame, std::string> frame_at(Bytes file, std::uint64_t offset) {
  const auto prefix = prefix_at(file, offset);
  if (!prefix) return std::unexpected(prefix.error());
  const std::uint64_t data_at = offset + padded(sizeof *prefix + prefix->header_bytes);
  const std::uint64_t end = data_at + padded(prefix->data_bytes);
  const Bytes header = file.subspan(offset + sizeof *prefix, data_at - offset - sizeof *prefix);
  const Bytes data = file.subspan(data_at, end - data_at);
  if (prefix->checksum != checksum_of(header, data)) return std::unexpected("its checksum differs");
  return Frame{header.first(prefix->header_bytes), data.first(prefix->data_bytes), end};
}

std::optional<std::uint64_t> find_frame(Bytes file, std::uint64_t offset) {
  for (; offset < file.size(); offset += frame_alignment_bytes) {
    if (prefix_at(file, offset)) return offset;
  }
  return std::nullopt;
}

std::string segment_path(const std::string& folder, std::uint64_t number) {
  std::string digits = std::to_string(number);
  digits.insert(0, segment_digits - std::min(segment_digits, digits.size()), '0');
  return (std::filesystem::path(folder) / (digits + std::string(segment_suffix))).string();
}

std::uint64_t segment_number(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename().string();
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool named = error == std::errc{} && end - name.data() == segment_digits &&
                     std::string_view(name).substr(segment_digits) == segment_suffix;
  return named ? number : 0;
}

Result<std::vector<Segment>> list_segments(const std::string& folder) {
  std::vector<Segment> segments;
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  if (error) return fail(Code::not_found, "reading " + folder, error.message());
  for (; entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    const std::string path = entries->path().string();
    const std::uint64_t number = segment_number(path);
    if (number == 0) continue;
    const std::uintmax_t bytes = entries->file_size(error);
    if (error) return fail(Code::io, "reading " + path, error.message());
    segments.push_back({number, path, bytes});
  }
  if (error) return fail(Code::io, "reading " + folder, error.message());
  std::ranges::sort(segments, {}, &Segment::number);
  return segments;
}

}  // namespace stethos::recordings
