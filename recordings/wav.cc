#include "recordings/wav.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>

namespace stethos::recordings {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are read as they lie");

constexpr std::size_t chunks_max = 1'000;  // before the samples
constexpr std::uint16_t channels_max = 256;
constexpr std::uint32_t size_unknown = std::numeric_limits<std::uint32_t>::max();

enum class Encoding : std::uint8_t { i16, i24, i32, f32, f64 };

struct Format {
  Encoding encoding = Encoding::i16;
  std::size_t channels = 0;
  std::size_t sample_bytes = 0;
  double rate_hz = 0;
};

template <class Number>
Number number_at(const char* bytes) {
  Number out{};
  std::memcpy(&out, bytes, sizeof out);
  return out;
}

double sample_at(const char* bytes, Encoding encoding) {
  switch (encoding) {
    case Encoding::i16:
      return number_at<std::int16_t>(bytes) / 32'768.0;
    case Encoding::i24: {
      std::array<char, 4> wide{0, bytes[0], bytes[1], bytes[2]};  // the upper three bytes: the sign is where it belongs
      return number_at<std::int32_t>(wide.data()) / 2'147'483'648.0;
    }
    case Encoding::i32:
      return number_at<std::int32_t>(bytes) / 2'147'483'648.0;
    case Encoding::f32:
      return number_at<float>(bytes);
    case Encoding::f64:
      return number_at<double>(bytes);
  }
  return 0;
}

class File {
 public:
  static Result<File> open(const std::string& path) {
    File out;
    out.path_ = path;
    out.file_.reset(std::fopen(path.c_str(), "rb"));
    if (out.file_ == nullptr) return fail(Code::not_found, "reading " + path, std::strerror(errno));
    if (::fseeko(out.file_.get(), 0, SEEK_END) != 0) return out.refuse("it is no file that can be gone through");
    out.size_ = static_cast<std::uint64_t>(::ftello(out.file_.get()));
    if (::fseeko(out.file_.get(), 0, SEEK_SET) != 0) return out.refuse("it is no file that can be gone through");
    return out;
  }

  std::uint64_t size() const { return size_; }
  std::uint64_t position() const { return static_cast<std::uint64_t>(::ftello(file_.get())); }
  std::uint64_t left() const { return size_ - position(); }
  bool read(char* into, std::size_t bytes) { return std::fread(into, 1, bytes, file_.get()) == bytes; }
  bool pass(std::uint64_t bytes) { return bytes <= left() && ::fseeko(file_.get(), static_cast<off_t>(bytes), SEEK_CUR) == 0; }
  std::unexpected<Error> refuse(std::string why) const { return fail(Code::corrupt, "reading " + path_, std::move(why)); }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::uint64_t size_ = 0;
};

Result<Format> read_format(File& file, std::uint64_t bytes) {
  std::array<char, 40> chunk{};
  const auto kept = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, chunk.size()));
  if (kept < 16 || !file.read(chunk.data(), kept) || !file.pass(bytes - kept)) return file.refuse("its format is cut short");
  constexpr std::uint16_t pcm = 1, floating = 3, extensible = 0xfffe;
  auto tag = number_at<std::uint16_t>(chunk.data());
  if (tag == extensible && kept >= 26) tag = number_at<std::uint16_t>(chunk.data() + 24);
  const auto channels = number_at<std::uint16_t>(chunk.data() + 2);
  const auto rate_hz = number_at<std::uint32_t>(chunk.data() + 4);
  const auto bytes_a_frame = number_at<std::uint16_t>(chunk.data() + 12);
  const auto bits = number_at<std::uint16_t>(chunk.data() + 14);
  if (channels == 0 || channels > channels_max) return file.refuse("it has " + std::to_string(channels) + " channels");
  if (rate_hz == 0) return file.refuse("its sampling rate is 0");
  Format out{.channels = channels, .sample_bytes = bits / 8u, .rate_hz = static_cast<double>(rate_hz)};
  if (tag == pcm && bits == 16) {
    out.encoding = Encoding::i16;
  } else if (tag == pcm && bits == 24) {
    out.encoding = Encoding::i24;
  } else if (tag == pcm && bits == 32) {
    out.encoding = Encoding::i32;
  } else if (tag == floating && bits == 32) {
    out.encoding = Encoding::f32;
  } else if (tag == floating && bits == 64) {
    out.encoding = Encoding::f64;
  } else {
    return file.refuse("its samples are of format " + std::to_string(tag) + " with " + std::to_string(bits) +
                       " bits: whole numbers of 16, 24 or 32 bits are read, and floating point of 32 or 64");
  }
  if (bytes_a_frame != channels * out.sample_bytes)
    return file.refuse("its samples have " + std::to_string(bytes_a_frame) + " bytes");
  return out;
}

class WavReader final : public Recording {
 public:
  WavReader(File file, const Format& format, std::uint64_t frames, std::vector<std::string> names, const WavOptions& options)
      : file_(std::move(file)), format_(format), frames_(frames), names_(std::move(names)), options_(options) {}

  Result<bool> next(Record& record) override {
    if (read_ == frames_) return false;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(frames_ - read_, options_.block_samples));
    const std::size_t stride = format_.channels * format_.sample_bytes;
    bytes_.resize(count * stride);
    if (!file_.read(bytes_.data(), bytes_.size())) return file_.refuse("it ended early");
    record.channels.resize(format_.channels);
    for (std::size_t c = 0; c < format_.channels; ++c) {
      ChannelData& channel = record.channels[c];
      channel.channel = names_[c];
      channel.quantity = options_.quantity;
      channel.unit = options_.unit;
      channel.interval_ns = static_cast<double>(ns_per_s) / format_.rate_hz;
      channel.start_ns = options_.start_ns + std::llround(static_cast<double>(read_) * channel.interval_ns);
      channel.times_ns.clear();
      channel.samples.resize(count);
      const char* from = bytes_.data() + c * format_.sample_bytes;
      for (double& sample : channel.samples) {
        sample = options_.scale * sample_at(from, format_.encoding);
        from += stride;
      }
    }
    read_ += count;
    return true;
  }

  Progress progress() const override { return {read_, frames_}; }

 private:
  File file_;
  Format format_;
  std::uint64_t frames_;
  std::vector<std::string> names_;
  WavOptions options_;
  std::uint64_t read_ = 0;  // frames
  std::vector<char> bytes_;
};

std::vector<std::string> names_of(std::size_t channels, const std::vector<std::string>& given) {
  if (given.size() != 1 || channels == 1) return given;
  std::vector<std::string> names;
  for (std::size_t i = 1; i <= channels; ++i) names.push_back(given.front() + "-" + std::to_string(i));
  return names;
}

}  // namespace

Result<std::unique_ptr<Recording>> open_wav(const std::string& path, const WavOptions& options) {
  if (options.block_samples == 0 || options.block_samples > block_samples_max) {
    return fail(Code::invalid, "reading " + path, "a block has 1 to " + std::to_string(block_samples_max) + " samples");
  }
  auto file = File::open(path);
  if (!file) return std::unexpected(file.error());
  std::array<char, 12> head{};
  const bool is_head = file->read(head.data(), head.size());
  const std::string_view kind(head.data(), 4);
  if (!is_head || (kind != "RIFF" && kind != "RF64") || std::string_view(head.data() + 8, 4) != "WAVE") {
    return file->refuse("it is no WAV file");
  }
  std::optional<Format> format;
  std::uint64_t long_size = 0;  // of the samples, where it does not fit into their chunk
  for (std::size_t i = 0; i < chunks_max; ++i) {
    std::array<char, 8> chunk{};
    if (!file->read(chunk.data(), chunk.size())) return file->refuse("it has no samples");
    const std::string_view name(chunk.data(), 4);
    const auto size = number_at<std::uint32_t>(chunk.data() + 4);
    if (name == "data") {
      if (!format) return file->refuse("its samples come before their format");
      // A logger that was cut off has not said how much there is.
      const bool is_unknown = size == 0 || size == size_unknown;
      const std::uint64_t bytes = is_unknown ? (long_size > 0 ? long_size : file->left()) : size;
      const std::uint64_t bytes_a_frame = format->channels * format->sample_bytes;
      if (bytes > file->left()) {
        return file->refuse("it says " + std::to_string(bytes) + " bytes of samples, and has " + std::to_string(file->left()));
      }
      if (bytes < bytes_a_frame) return file->refuse("it has no samples");
      auto names = names_of(format->channels, options.channels);
      if (names.size() != format->channels) {
        return fail(
            Code::invalid, "reading " + path,
            "it has " + std::to_string(format->channels) + " channels, and " + std::to_string(names.size()) + " names are given");
      }
      return std::make_unique<WavReader>(std::move(*file), *format, bytes / bytes_a_frame, std::move(names), options);
    }
    std::uint64_t passed = 0;
    if (name == "fmt ") {
      auto read = read_format(*file, size);
      if (!read) return std::unexpected(read.error());
      format = *read;
      passed = size;
    } else if (name == "ds64" && size >= 16) {
      std::array<char, 16> sizes{};
      if (!file->read(sizes.data(), sizes.size())) return file->refuse("it is cut short");
      long_size = number_at<std::uint64_t>(sizes.data() + 8);
      passed = sizes.size();
    }
    if (!file->pass(size - passed + size % 2)) return file->refuse("it is cut short");  // chunks begin at even places
  }
  return file->refuse("it has no samples among its first " + std::to_string(chunks_max) + " chunks");
}

}  // namespace stethos::recordings
