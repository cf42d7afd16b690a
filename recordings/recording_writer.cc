#include "recordings/recording_writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <type_traits>
#include <utility>

#include "recordings/decimal_planes.h"
#include "schemas/envelope.h"

namespace stethos::recordings {
namespace {

// What can be gained in a plane is that few values are frequent. Looking for repetitions finds short ones by chance, which cost
// both sides half of their speed and more bytes than they save: so only long ones, and only a few places are remembered.
constexpr std::pair<ZSTD_cParameter, int> compression[] = {
    {ZSTD_c_compressionLevel, 1}, {ZSTD_c_minMatch, 7}, {ZSTD_c_hashLog, 6}};
// A plane that compression makes smaller by less than 1/16 is stored as it is: reading it then costs nothing. Most often that is
// the lowest one, which is noise.
constexpr std::size_t gain_parts = 16;
constexpr std::uint64_t block_bytes = 4'096;
constexpr std::uint64_t segment_bytes_min = 1u << 20;

constexpr const char* appending = "recording a message";

std::unexpected<Error> system_error(const std::string& doing, int number = errno) {
  const bool full = number == ENOSPC || number == EDQUOT || number == EFBIG;
  return fail(full ? Code::full : Code::io, doing, std::strerror(number));
}

std::uint64_t occupied(std::uint64_t file_bytes) { return (file_bytes + block_bytes - 1) / block_bytes * block_bytes; }

constexpr std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + sample_alignment_bytes - 1) / sample_alignment_bytes * sample_alignment_bytes;
}

struct Size {
  std::size_t samples = 0;
  std::uint64_t bytes = 0;
};

Size size_of(const RecordedSamples& samples) {
  if (const auto* f32 = std::get_if<std::span<const float>>(&samples)) return {f32->size(), f32->size_bytes()};
  if (const auto* i16 = std::get_if<ScaledSamples>(&samples)) return {i16->raw.size(), i16->raw.size_bytes()};
  const auto& f64 = std::get<std::span<const double>>(samples);
  return {f64.size(), f64.size_bytes()};
}

// What the message takes in a frame, at most.
Result<std::uint64_t> check(const RecordedMessage& message, std::uint64_t bytes_max) {
  constexpr std::uint64_t columns_bytes = 128;  // of a message, or of a channel
  if (message.channels.size() > message_channels_max) {
    return fail(Code::too_large, appending,
                std::to_string(message.channels.size()) + " channels, at most " + std::to_string(message_channels_max));
  }
  std::uint64_t bytes = columns_bytes + message.device.size();
  bool texts_fit = message.device.size() <= message_text_bytes_max;
  for (const RecordedChannel& channel : message.channels) {
    const Size size = size_of(channel.samples);
    if (!channel.times_ns.empty() && channel.times_ns.size() != size.samples) {
      return fail(Code::invalid, appending, "a channel does not have as many times as samples");
    }
    bytes += columns_bytes + aligned(size.bytes) + channel.times_ns.size_bytes();
    for (const std::string_view text : {channel.channel, channel.quantity, channel.unit}) {
      bytes += text.size();
      texts_fit = texts_fit && text.size() <= message_text_bytes_max;
    }
  }
  if (!texts_fit) {
    return fail(Code::too_large, appending, "a name of more than " + std::to_string(message_text_bytes_max) + " bytes");
  }
  if (bytes > bytes_max) {
    return fail(Code::too_large, appending, std::to_string(bytes) + " bytes, at most " + std::to_string(bytes_max));
  }
  return bytes;
}

// A column that is all zeros is left out.
template <class... Value>
void drop_zeros(std::vector<Value>&... columns) {
  constexpr auto is_zero = [](auto value) {
    return std::ranges::all_of(std::bit_cast<std::array<std::uint8_t, sizeof value>>(value), [](auto byte) { return byte == 0; });
  };
  ((std::ranges::all_of(columns, is_zero) ? columns.clear() : void()), ...);
}

Status write_all(int fd, std::span<iovec> parts) {
  while (!parts.empty()) {
    const ssize_t written = ::writev(fd, parts.data(), static_cast<int>(parts.size()));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error("");
    auto left = static_cast<std::size_t>(written);
    while (!parts.empty() && left >= parts.front().iov_len) {
      left -= parts.front().iov_len;
      parts = parts.subspan(1);
    }
    if (!parts.empty()) {
      parts.front().iov_base = static_cast<std::uint8_t*>(parts.front().iov_base) + left;
      parts.front().iov_len -= left;
    }
  }
  return {};
}

}  // namespace

struct RecordingWriter::Compressor {
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> context{ZSTD_createCCtx()};
  std::vector<std::uint8_t> planes;
};

Result<std::unique_ptr<RecordingWriter>> RecordingWriter::open(RecordingOptions options) {
  const std::string doing = "recording into " + options.folder;
  if (options.segment_bytes < segment_bytes_min || options.bytes_max / 2 < options.segment_bytes) {
    return fail(Code::invalid, doing, "a segment has at least 1 MiB and at most half of the budget");
  }
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (error) return fail(Code::io, doing, error.message());
  const int folder_fd = ::open(options.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_fd < 0) return system_error(doing);
  if (::flock(folder_fd, LOCK_EX | LOCK_NB) != 0) {
    const int number = errno;
    ::close(folder_fd);
    if (number == EWOULDBLOCK) return fail(Code::unavailable, doing, "another writer has the folder");
    return system_error(doing, number);
  }
  auto segments = list_segments(options.folder);
  if (!segments) {
    ::close(folder_fd);
    return std::unexpected(segments.error());
  }
  return std::unique_ptr<RecordingWriter>(new RecordingWriter(std::move(options), folder_fd, *std::move(segments)));
}

RecordingWriter::RecordingWriter(RecordingOptions options, int folder_fd, std::vector<Segment> segments)
    : options_(std::move(options)),
      folder_fd_(folder_fd),
      segments_(std::move(segments)),
      compressor_(std::make_unique<Compressor>()) {
  STETHOS_CHECK(compressor_->context != nullptr, "out of memory");
  for (const auto& [parameter, value] : compression) {
    STETHOS_CHECK(ZSTD_isError(ZSTD_CCtx_setParameter(compressor_->context.get(), parameter, value)) == 0, "zstd's parameters");
  }
  if (!segments_.empty()) next_number_ = segments_.back().number + 1;
  for (const Segment& segment : segments_) occupied_bytes_ += occupied(segment.bytes);
}

RecordingWriter::~RecordingWriter() {
  if (segment_fd_ >= 0) ::close(segment_fd_);
  ::close(folder_fd_);
}

Status RecordingWriter::append(const RecordedMessage& message) {
  if (!stopped_) return stopped_;
  const auto bytes = check(message, std::min<std::uint64_t>(message_bytes_max, options_.bytes_max / 2));
  if (!bytes) return std::unexpected(bytes.error());
  if (frame_.message_count == frame_messages_max || frame_.channel_count + message.channels.size() > frame_channels ||
      frame_bytes_ + *bytes > frame_bytes) {
    if (auto flushed = flush(); !flushed) return flushed;
  }
  frame_bytes_ += *bytes;
  ++frame_.message_count;
  frame_.device.push_back(index_of(message.device));
  frame_.epoch.push_back(message.epoch);
  frame_.sequence.push_back(message.sequence);
  frame_.lowest_held.push_back(message.lowest_held);
  frame_.complete_until_ns.push_back(message.complete_until_ns);
  frame_.received_ns.push_back(message.received_ns);
  frame_.clock_untrusted.push_back(message.clock_untrusted ? 1 : 0);
  frame_.channels.push_back(static_cast<std::uint32_t>(message.channels.size()));
  for (const RecordedChannel& channel : message.channels) add_channel(channel);
  return {};
}

std::uint32_t RecordingWriter::index_of(std::string_view text) {
  if (const auto known = text_index_.find(text); known != text_index_.end()) return known->second;
  const auto index = static_cast<std::uint32_t>(frame_.strings.size());
  frame_.strings.emplace_back(text);
  text_index_.emplace(text, index);
  return index;
}

std::uint32_t RecordingWriter::add_data(const void* bytes, std::size_t count) {
  const std::size_t at = aligned(data_.size());
  data_.resize(at);
  const auto* first = static_cast<const std::uint8_t*>(bytes);
  data_.insert(data_.end(), first, first + count);
  return static_cast<std::uint32_t>(at);
}

void RecordingWriter::add_channel(const RecordedChannel& channel) {
  ++frame_.channel_count;
  frame_.name.push_back(index_of(channel.channel));
  frame_.quantity.push_back(index_of(channel.quantity));
  frame_.unit.push_back(index_of(channel.unit));
  frame_.start_ns.push_back(channel.start_ns);
  frame_.interval_ns.push_back(channel.interval_ns);
  frame_.shaft_hz.push_back(channel.shaft_hz);
  frame_.rejected.push_back(channel.rejected.empty() ? 0 : 1 + index_of(channel.rejected));
  frame_.identified.push_back(channel.identity ? (channel.identity_is_alone ? 2 : 1) : channel.is_stamped_by_arrival ? 3 : 0);
  frame_.identity.push_back(channel.identity.value_or(0));
  frame_.times_count.push_back(static_cast<std::uint32_t>(channel.times_ns.size()));
  frame_.times_at.push_back(channel.times_ns.empty() ? 0 : add_data(channel.times_ns.data(), channel.times_ns.size_bytes()));
  const Size size = size_of(channel.samples);
  frame_.sample_count.push_back(static_cast<std::uint32_t>(size.samples));

  schema::SampleEncoding encoding = schema::SampleEncoding::f32;
  std::uint32_t samples_at = 0;
  double scale = 0;
  double offset = 0;
  unsigned decimals = 0;
  if (const auto* f32 = std::get_if<std::span<const float>>(&channel.samples)) {
    const std::size_t whole_before = whole_.size();
    std::optional<Decimals> decimal;
    if (options_.compact && !f32->empty()) {
      whole_.resize(whole_before + f32->size());
      decimal = to_decimals(*f32, std::span(whole_).subspan(whole_before));
    }
    if (decimal) {
      encoding = schema::SampleEncoding::f32_decimal;
      decimals = decimal->decimals;
      whole_fit_i16_ = whole_fit_i16_ && decimal->fits_i16;
    } else {
      whole_.resize(whole_before);
      samples_at = add_data(f32->data(), size.bytes);
    }
  } else if (const auto* i16 = std::get_if<ScaledSamples>(&channel.samples)) {
    encoding = schema::SampleEncoding::i16;
    samples_at = add_data(i16->raw.data(), size.bytes);
    scale = i16->scale;
    offset = i16->offset;
  } else {
    encoding = schema::SampleEncoding::f64;
    samples_at = add_data(std::get<std::span<const double>>(channel.samples).data(), size.bytes);
  }
  frame_.encoding.push_back(static_cast<std::uint8_t>(encoding));
  frame_.samples_at.push_back(samples_at);
  frame_.scale.push_back(scale);
  frame_.offset.push_back(offset);
  frame_.decimals.push_back(static_cast<std::uint8_t>(decimals));
}

// The whole numbers of the frame, to the end of the data area.
Status RecordingWriter::finish_planes() {
  if (whole_.empty()) return {};
  const unsigned width = whole_fit_i16_ ? 2 : 4;
  const std::size_t count = whole_.size();
  auto& planes = compressor_->planes;
  planes.resize(count * width);
  split_planes(whole_, width, planes.data());
  frame_.planes_at = static_cast<std::uint32_t>(aligned(data_.size()));
  data_.resize(frame_.planes_at);
  for (unsigned plane = 0; plane < width; ++plane) {
    const std::uint8_t* from = planes.data() + plane * count;
    const std::size_t at = data_.size();
    data_.resize(at + ZSTD_compressBound(count));
    std::size_t bytes = ZSTD_compress2(compressor_->context.get(), data_.data() + at, data_.size() - at, from, count);
    if (ZSTD_isError(bytes) != 0) return fail(Code::io, "compressing a recording", ZSTD_getErrorName(bytes));
    if (bytes > count - count / gain_parts) {
      bytes = count;
      std::copy_n(from, count, data_.begin() + static_cast<std::ptrdiff_t>(at));
    }
    data_.resize(at + bytes);
    frame_.planes_bytes.push_back(static_cast<std::uint32_t>(bytes));
  }
  return {};
}

Status RecordingWriter::flush() {
  if (!stopped_) return stopped_;
  if (frame_.message_count == 0) return {};
  if (auto finished = finish_planes(); !finished) return stopped_ = finished;

  drop_zeros(frame_.device, frame_.epoch, frame_.sequence, frame_.lowest_held, frame_.complete_until_ns, frame_.received_ns,
             frame_.channels, frame_.name, frame_.quantity, frame_.unit, frame_.start_ns, frame_.interval_ns, frame_.shaft_hz,
             frame_.identified, frame_.identity, frame_.times_count, frame_.times_at, frame_.encoding, frame_.sample_count,
             frame_.samples_at, frame_.scale, frame_.offset, frame_.decimals, frame_.clock_untrusted);
  std::vector<std::uint8_t> header = schema::pack(frame_);
  const auto header_bytes = static_cast<std::uint32_t>(header.size());
  header.resize(padded(sizeof(FramePrefix) + header_bytes) - sizeof(FramePrefix));
  const std::size_t data_bytes = data_.size();
  data_.resize(padded(data_bytes));

  auto written = write_frame(header, header_bytes, static_cast<std::uint32_t>(data_bytes));
  if (!written) return stopped_ = std::move(written);
  totals_.messages += frame_.message_count;
  frame_ = {};
  text_index_.clear();
  data_.clear();
  frame_bytes_ = 0;
  whole_.clear();
  whole_fit_i16_ = true;
  return {};
}

// Ends a segment that has no room for the frame, and deletes the oldest ones until the budget has.
Status RecordingWriter::make_room(std::uint64_t bytes) {
  if (segment_fd_ >= 0 && segments_.back().bytes + bytes > options_.segment_bytes) {
    ::close(segment_fd_);
    segment_fd_ = -1;
  }
  const std::uint64_t before = segment_fd_ >= 0 ? occupied(segments_.back().bytes) : 0;
  const std::uint64_t after = occupied((segment_fd_ >= 0 ? segments_.back().bytes : sizeof(FileHeader)) + bytes);
  // The frame and the segment that it goes into are less than the budget: the loop ends before that segment.
  std::size_t deleted = 0;
  while (occupied_bytes_ - before + after > options_.bytes_max) {
    STETHOS_CHECK(deleted < segments_.size(), "a frame is larger than the budget");
    const Segment& oldest = segments_[deleted++];
    if (::unlink(oldest.path.c_str()) != 0 && errno != ENOENT) return system_error("deleting " + oldest.path);
    occupied_bytes_ -= occupied(oldest.bytes);
    ++totals_.segments_deleted;
    totals_.bytes_deleted += oldest.bytes;
  }
  segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(deleted));
  return {};
}

Status RecordingWriter::open_segment() {
  Segment segment{next_number_++, {}, 0};
  segment.path = segment_path(options_.folder, segment.number);
  segment_fd_ = ::open(segment.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  if (segment_fd_ < 0) return system_error("making " + segment.path);
  segments_.push_back(std::move(segment));
  return {};
}

Status RecordingWriter::write_frame(Bytes header, std::uint32_t header_bytes, std::uint32_t data_bytes) {
  const std::uint64_t whole_frame_bytes = sizeof(FramePrefix) + header.size() + data_.size();
  if (auto room = make_room(whole_frame_bytes); !room) return room;
  FileHeader file_header = make_file_header();
  FramePrefix prefix = make_frame_prefix(header, header_bytes, data_, data_bytes);
  std::array<iovec, 4> parts{{{&file_header, sizeof file_header},
                              {&prefix, sizeof prefix},
                              {const_cast<std::uint8_t*>(header.data()), header.size()},
                              {data_.data(), data_.size()}}};
  const bool begins = segment_fd_ < 0;
  if (begins) {
    if (auto opened = open_segment(); !opened) return opened;
  }
  Segment& segment = segments_.back();
  if (auto written = write_all(segment_fd_, std::span(parts).subspan(begins ? 0 : 1)); !written) {
    return fail(written.error().code, "writing " + segment.path, written.error().failed);
  }
  const std::uint64_t bytes = whole_frame_bytes + (begins ? sizeof file_header : 0);
  occupied_bytes_ -= occupied(segment.bytes);
  segment.bytes += bytes;
  occupied_bytes_ += occupied(segment.bytes);
  ++totals_.frames;
  totals_.bytes += bytes;
  return {};
}

}  // namespace stethos::recordings
