#include "recordings/recording_reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>

#include "recordings/decimal_planes.h"
#include "schemas/envelope.h"

namespace stethos::recordings {
namespace {

// One value a message or a channel; all zeros where the column is left out.
template <class T>
class Column {
 public:
  // False: it has another number of values.
  bool open(const flatbuffers::Vector<T>* values, std::size_t count) {
    values_ = values != nullptr && values->size() > 0 ? values : nullptr;
    return values_ == nullptr || values_->size() == count;
  }
  T operator[](std::size_t index) const { return values_ == nullptr ? T{} : values_->Get(static_cast<std::uint32_t>(index)); }

 private:
  const flatbuffers::Vector<T>* values_ = nullptr;
};

// `count` values at an offset of the data area. False: they are not within it, or not aligned. The data area begins at a
// multiple of 64 bytes.
template <class T>
bool view(Bytes data, std::uint64_t at, std::uint64_t count, std::span<const T>& values) {
  if (count == 0) return true;
  if (at % alignof(T) != 0 || at > data.size() || count > (data.size() - at) / sizeof(T)) return false;
  values = {reinterpret_cast<const T*>(data.data() + at), static_cast<std::size_t>(count)};
  return true;
}

}  // namespace

class RecordingReader::Mapping {
 public:
  static Result<std::unique_ptr<Mapping>> open(const Segment& segment) {
    const std::string doing = "reading " + segment.path;
    if (segment.bytes > std::numeric_limits<std::size_t>::max()) return fail(Code::too_large, doing, "more than can be mapped");
    const auto bytes = static_cast<std::size_t>(segment.bytes);
    const int fd = ::open(segment.path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(errno == ENOENT ? Code::not_found : Code::io, doing, std::strerror(errno));
    struct stat now{};
    std::string problem;
    void* start = nullptr;
    if (::fstat(fd, &now) != 0) {
      problem = std::strerror(errno);
    } else if (static_cast<std::uint64_t>(now.st_size) < segment.bytes) {
      problem = "it has become shorter";
    } else if (bytes > 0) {
      start = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
      if (start == MAP_FAILED) problem = std::strerror(errno);
    }
    ::close(fd);
    if (!problem.empty()) return fail(Code::io, doing, problem);
    if (start != nullptr) ::madvise(start, bytes, MADV_SEQUENTIAL);
    return std::make_unique<Mapping>(start, bytes);
  }
  Mapping(void* start, std::size_t bytes) : start_(start), bytes_(bytes) {}
  ~Mapping() {
    if (start_ != nullptr) ::munmap(start_, bytes_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  Bytes bytes() const { return {static_cast<const std::uint8_t*>(start_), bytes_}; }

 private:
  void* start_;
  std::size_t bytes_;
};

struct RecordingReader::Decompressor {
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context{ZSTD_createDCtx()};
  std::vector<std::uint8_t> planes;
};

Result<std::unique_ptr<RecordingReader>> RecordingReader::open(const std::string& path, const RecordingPosition& from) {
  const std::string doing = "reading " + path;
  std::error_code error;
  std::vector<Segment> segments;
  if (std::filesystem::is_directory(path, error)) {
    auto listed = list_segments(path);
    if (!listed) return std::unexpected(listed.error());
    segments = *std::move(listed);
  } else {
    const std::uintmax_t bytes = std::filesystem::file_size(path, error);
    if (error) return fail(Code::not_found, doing, error.message());
    segments.push_back({segment_number(path), path, bytes});
  }
  if (segments.empty()) return fail(Code::not_found, doing, "no segment of a recording in it");
  const bool from_start = from == RecordingPosition{};
  const auto first = from_start ? segments.begin() : std::ranges::find(segments, from.segment, &Segment::number);
  if (first == segments.end()) return fail(Code::not_found, doing, "segment " + std::to_string(from.segment) + " is not there");
  for (auto next = first; std::next(next) != segments.end(); ++next) {
    if (std::next(next)->number != next->number + 1) {
      return fail(Code::not_found, doing, "segment " + std::to_string(next->number + 1) + " is missing");
    }
  }
  const auto index = static_cast<std::size_t>(first - segments.begin());
  std::unique_ptr<RecordingReader> reader(new RecordingReader(std::move(segments)));
  for (; reader->segment_index_ < index; ++reader->segment_index_) {
    reader->bytes_before_ += reader->segments_[reader->segment_index_].bytes;
  }
  if (from.offset < sizeof(FileHeader)) return reader;

  if (auto opened = reader->open_segment(); !opened) return std::unexpected(opened.error());
  if (from.offset % frame_alignment_bytes != 0 || from.offset > reader->mapping_->bytes().size()) {
    return fail(Code::invalid, doing, "no frame begins at offset " + std::to_string(from.offset));
  }
  reader->frame_end_ = from.offset;
  if (from.message == 0) return reader;
  const auto more = reader->next_frame();
  if (!more) return std::unexpected(more.error());
  if (!*more || reader->offset_ != from.offset || from.message > reader->messages_.size()) {
    return fail(Code::invalid, doing, "no message " + std::to_string(from.message) + " at offset " + std::to_string(from.offset));
  }
  reader->message_index_ = from.message;
  return reader;
}

RecordingReader::RecordingReader(std::vector<Segment> segments)
    : segments_(std::move(segments)), decompressor_(std::make_unique<Decompressor>()) {
  STETHOS_CHECK(decompressor_->context != nullptr, "out of memory");
  for (const Segment& segment : segments_) bytes_total_ += segment.bytes;
}

RecordingReader::~RecordingReader() = default;

std::unexpected<Error> RecordingReader::refuse(Code code, const std::string& why) const {
  return fail(code, "reading " + segments_[segment_index_].path, "offset " + std::to_string(offset_) + ": " + why);
}

RecordingPosition RecordingReader::position() const {
  const std::uint64_t segment = segments_[std::min(segment_index_, segments_.size() - 1)].number;
  if (message_index_ == messages_.size()) return {segment, frame_end_, 0};
  return {segment, offset_, static_cast<std::uint32_t>(message_index_)};
}

Result<bool> RecordingReader::next(RecordedMessage& message) {
  while (message_index_ == messages_.size()) {
    const auto more = next_frame();
    if (!more || !*more) return more;
  }
  message = messages_[message_index_++];
  return true;
}

Status RecordingReader::open_segment() {
  const Segment& segment = segments_[segment_index_];
  auto mapping = Mapping::open(segment);
  if (!mapping) return std::unexpected(mapping.error());
  const Bytes file = (*mapping)->bytes();
  // A crash may leave the beginning of a file header.
  constexpr auto magic = FileHeader{}.magic;
  const std::size_t compared = std::min(file.size(), magic.size());
  if (file.size() < sizeof(FileHeader) && std::equal(magic.begin(), magic.begin() + compared, file.begin())) {
    bytes_left_out_ += file.size();
    frame_end_ = file.size();
  } else if (auto checked = check_file_header(file, segment.path); !checked) {
    return checked;
  } else {
    frame_end_ = sizeof(FileHeader);
  }
  mapping_ = *std::move(mapping);
  return {};
}

Result<bool> RecordingReader::next_frame() {
  messages_.clear();
  message_index_ = 0;
  while (segment_index_ < segments_.size()) {
    if (!mapping_) {
      if (auto opened = open_segment(); !opened) return std::unexpected(opened.error());
    }
    const Bytes file = mapping_->bytes();
    offset_ = frame_end_;
    if (offset_ < file.size()) {
      const auto frame = frame_at(file, offset_);
      if (frame) {
        if (auto read = read_frame(*frame); !read) return std::unexpected(read.error());
        frame_end_ = frame->end;
        return true;
      }
      if (const auto behind = find_frame(file, offset_ + frame_alignment_bytes)) {
        return refuse(Code::corrupt, frame.error() + "; the next frame is at offset " + std::to_string(*behind));
      }
      bytes_left_out_ += file.size() - offset_;
    }
    bytes_before_ += file.size();
    mapping_.reset();
    ++segment_index_;
  }
  return false;
}

// Fills messages_ and channels_.
Status RecordingReader::read_frame(const Frame& frame) {
  const auto opened = schema::open_recording_frame(frame.header);
  if (!opened) return refuse(opened.error().code, opened.error().failed);
  const schema::RecordingFrame& header = **opened;
  const auto& strings = *header.strings();
  if (header.message_count() > frame_messages_max || header.channel_count() > message_channels_max) {
    return refuse(Code::corrupt, "too many messages or channels");
  }
  Column<std::uint32_t> device, channels, name, quantity, unit, rejected;
  Column<std::uint64_t> epoch, sequence, lowest_held, identity;
  Column<std::int64_t> complete_until_ns, received_ns, start_ns;
  Column<double> interval_ns, shaft_hz;
  Column<std::uint8_t> identified, clock_untrusted;
  const std::size_t message_count = header.message_count();
  const std::size_t channel_count = header.channel_count();
  if (!device.open(header.device(), message_count) || !epoch.open(header.epoch(), message_count) ||
      !sequence.open(header.sequence(), message_count) || !lowest_held.open(header.lowest_held(), message_count) ||
      !complete_until_ns.open(header.complete_until_ns(), message_count) ||
      !received_ns.open(header.received_ns(), message_count) || !channels.open(header.channels(), message_count) ||
      !name.open(header.name(), channel_count) || !quantity.open(header.quantity(), channel_count) ||
      !unit.open(header.unit(), channel_count) || !start_ns.open(header.start_ns(), channel_count) ||
      !interval_ns.open(header.interval_ns(), channel_count) || !shaft_hz.open(header.shaft_hz(), channel_count) ||
      !rejected.open(header.rejected(), channel_count) || !identified.open(header.identified(), channel_count) ||
      !identity.open(header.identity(), channel_count) || !clock_untrusted.open(header.clock_untrusted(), message_count)) {
    return refuse(Code::corrupt, "a column has another length");
  }
  bool texts_known = true;
  const auto text = [&](std::uint32_t index) -> std::string_view {
    texts_known = texts_known && index < strings.size();
    return texts_known ? strings.Get(index)->string_view() : std::string_view();
  };

  channels_.resize(channel_count);
  for (std::size_t i = 0; i < channel_count; ++i) {
    channels_[i] = {.channel = text(name[i]),
                    .quantity = text(quantity[i]),
                    .unit = text(unit[i]),
                    .start_ns = start_ns[i],
                    .interval_ns = interval_ns[i],
                    .times_ns = {},
                    .identity = identified[i] == 1 || identified[i] == 2 ? std::optional(identity[i]) : std::nullopt,
                    .identity_is_alone = identified[i] == 2,
                    .is_stamped_by_arrival = identified[i] >= 2,
                    .shaft_hz = shaft_hz[i],
                    .rejected = rejected[i] == 0 ? std::string_view() : text(rejected[i] - 1),
                    .samples = {}};
  }
  if (auto read = read_samples(header, frame.data); !read) return read;

  messages_.reserve(message_count);
  std::size_t channels_given = 0;
  for (std::size_t i = 0; i < message_count; ++i) {
    const std::size_t count = channels[i];
    if (count > channel_count - channels_given) return refuse(Code::corrupt, "its messages have more channels than it has");
    messages_.push_back({.device = text(device[i]),
                         .epoch = epoch[i],
                         .sequence = sequence[i],
                         .lowest_held = lowest_held[i],
                         .complete_until_ns = complete_until_ns[i],
                         .received_ns = received_ns[i],
                         .clock_untrusted = clock_untrusted[i] != 0,
                         .channels = std::span(channels_).subspan(channels_given, count)});
    channels_given += count;
  }
  if (channels_given != channel_count) return refuse(Code::corrupt, "its messages have fewer channels than it has");
  if (!texts_known) return refuse(Code::corrupt, "it names a string that it does not have");
  return {};
}

// Fills times and samples of channels_.
Status RecordingReader::read_samples(const schema::RecordingFrame& header, Bytes data) {
  Column<std::uint32_t> times_count, times_at, sample_count, samples_at;
  Column<double> scale, offset;
  Column<std::uint8_t> encoding, decimals;
  if (!times_count.open(header.times_count(), channels_.size()) || !times_at.open(header.times_at(), channels_.size()) ||
      !sample_count.open(header.sample_count(), channels_.size()) || !samples_at.open(header.samples_at(), channels_.size()) ||
      !scale.open(header.scale(), channels_.size()) || !offset.open(header.offset(), channels_.size()) ||
      !encoding.open(header.encoding(), channels_.size()) || !decimals.open(header.decimals(), channels_.size())) {
    return refuse(Code::corrupt, "a column has another length");
  }

  std::uint64_t decimal_count = 0;
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    if (encoding[i] == static_cast<std::uint8_t>(schema::SampleEncoding::f32_decimal)) decimal_count += sample_count[i];
  }
  std::vector<const std::uint8_t*> planes;
  if (decimal_count > 0) {
    if (auto read = read_planes(header, data, decimal_count, planes); !read) return read;
  }

  std::size_t decimal_index = 0;
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    RecordedChannel& channel = channels_[i];
    const std::uint32_t count = sample_count[i];
    bool within = times_count[i] == 0 || times_count[i] == count;
    within = within && view(data, times_at[i], times_count[i], channel.times_ns);
    switch (static_cast<schema::SampleEncoding>(encoding[i])) {
      case schema::SampleEncoding::f32:
        within = within && view(data, samples_at[i], count, channel.samples.emplace<std::span<const float>>());
        break;
      case schema::SampleEncoding::i16:
        channel.samples = ScaledSamples{.raw = {}, .scale = scale[i], .offset = offset[i]};
        within = within && view(data, samples_at[i], count, std::get<ScaledSamples>(channel.samples).raw);
        break;
      case schema::SampleEncoding::f64:
        within = within && view(data, samples_at[i], count, channel.samples.emplace<std::span<const double>>());
        break;
      case schema::SampleEncoding::f32_decimal: {
        within = within && decimals[i] <= decimals_max;
        if (!within || count == 0) break;
        const auto samples = std::span(decimal_samples_).subspan(decimal_index, count);
        join_planes(planes, decimals[i], samples);
        channel.samples = std::span<const float>(samples);
        decimal_index += count;
        for (const std::uint8_t*& plane : planes) plane += count;
        break;
      }
      default:
        return refuse(Code::unsupported,
                      "samples of encoding " + std::to_string(encoding[i]) + ", which this program does not know");
    }
    if (!within)
      return refuse(Code::corrupt, "channel " + std::to_string(i) + " does not lie within the frame, or is not aligned");
  }
  return {};
}

// Finds or decompresses the planes of `count` whole numbers, and makes room for as many samples. Memory is bounded by
// frame_data_bytes_max whatever the frame says.
Status RecordingReader::read_planes(const schema::RecordingFrame& header, Bytes data, std::uint64_t count,
                                    std::vector<const std::uint8_t*>& planes) {
  const auto* sizes = header.planes_bytes();
  if (sizes == nullptr || (sizes->size() != 2 && sizes->size() != 4)) return refuse(Code::corrupt, "it does not have its planes");
  if (count > frame_data_bytes_max / sizes->size()) return refuse(Code::too_large, "its planes are too large");
  const auto plane_bytes = static_cast<std::size_t>(count);
  auto& unpacked = decompressor_->planes;
  unpacked.resize(std::max(unpacked.size(), plane_bytes * sizes->size()));
  std::uint64_t at = header.planes_at();
  for (std::uint32_t i = 0; i < sizes->size(); ++i) {
    std::span<const std::uint8_t> stored;
    if (!view(data, at, sizes->Get(i), stored)) return refuse(Code::corrupt, "its planes do not lie within the frame");
    at += stored.size();
    planes.push_back(stored.data());
    if (stored.size() == plane_bytes) continue;
    std::uint8_t* to = unpacked.data() + i * plane_bytes;
    // The size that a plane states is that of the frame, or nothing is decompressed.
    if (ZSTD_getFrameContentSize(stored.data(), stored.size()) != plane_bytes ||
        ZSTD_decompressDCtx(decompressor_->context.get(), to, plane_bytes, stored.data(), stored.size()) != plane_bytes) {
      return refuse(Code::corrupt, "plane " + std::to_string(i) + " does not decompress");
    }
    planes.back() = to;
  }
  decimal_samples_.resize(std::max(decimal_samples_.size(), plane_bytes));
  return {};
}

}  // namespace stethos::recordings
