#include "recordings/wav.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>

namespace stethos::recordings {
namespace {

constexpr std::size_t chunks_max = 1'000;  // before the samples
constexpr std::uint32_t size_unknown = std::numeric_limits<std::uint32_t>::max();

// Read from its beginning on.
class WavFile {
 public:
  WavFile(std::string path, std::shared_ptr<const BinarySource> bytes) : path_(std::move(path)), bytes_(std::move(bytes)) {}

  const std::shared_ptr<const BinarySource>& bytes() const { return bytes_; }
  std::uint64_t position() const { return position_; }
  std::uint64_t left() const { return bytes_->size() - position_; }

  bool read(char* into, std::size_t count) {
    if (count > left() || !bytes_->read(position_, into, count)) return false;
    position_ += count;
    return true;
  }
  bool pass(std::uint64_t count) {
    if (count > left()) return false;
    position_ += count;
    return true;
  }
  std::unexpected<Error> refuse(std::string why) const { return fail(Code::corrupt, "reading " + path_, std::move(why)); }

 private:
  std::string path_;
  std::shared_ptr<const BinarySource> bytes_;
  std::uint64_t position_ = 0;
};

struct WavFormat {
  std::size_t channels = 0;
  NumberFormat number;
  double full_scale = 1;
  double rate_hz = 0;
};

Result<WavFormat> read_format(WavFile& file, std::uint64_t bytes) {
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
  if (rate_hz == 0) return file.refuse("its sampling rate is 0");
  WavFormat out;
  out.channels = channels;
  out.rate_hz = static_cast<double>(rate_hz);
  if (tag == pcm && bits == 16) {
    out.number.type = NumberType::i16;
    out.full_scale = 32'768;
  } else if (tag == pcm && bits == 24) {
    out.number.type = NumberType::i24;
    out.full_scale = 8'388'608;
  } else if (tag == pcm && bits == 32) {
    out.number.type = NumberType::i32;
    out.full_scale = 2'147'483'648;
  } else if (tag == floating && bits == 32) {
    out.number.type = NumberType::f32;
  } else if (tag == floating && bits == 64) {
    out.number.type = NumberType::f64;
  } else {
    return file.refuse("its samples are of format " + std::to_string(tag) + " with " + std::to_string(bits) +
                       " bits: whole numbers of 16, 24 or 32 bits are read, and floating point of 32 or 64");
  }
  if (channels == 0) return file.refuse("it has 0 channels");
  if (bytes_a_frame != channels * out.number.bytes())
    return file.refuse("its samples have " + std::to_string(bytes_a_frame) + " bytes");
  return out;
}

}  // namespace

Result<std::unique_ptr<Recording>> open_wav(const std::string& path, const FrameOptions& options) {
  auto opened = open_binary_file(path);
  if (!opened) return std::unexpected(opened.error());
  WavFile file(path, *std::move(opened));
  std::array<char, 12> head{};
  const bool is_head = file.read(head.data(), head.size());
  const std::string_view kind(head.data(), 4);
  if (!is_head || (kind != "RIFF" && kind != "RF64") || std::string_view(head.data() + 8, 4) != "WAVE") {
    return file.refuse("it is no WAV file");
  }
  std::optional<WavFormat> format;
  std::uint64_t long_size = 0;  // of the samples, where it does not fit into their chunk
  for (std::size_t i = 0; i < chunks_max; ++i) {
    std::array<char, 8> chunk{};
    if (!file.read(chunk.data(), chunk.size())) return file.refuse("it has no samples");
    const std::string_view name(chunk.data(), 4);
    const auto size = number_at<std::uint32_t>(chunk.data() + 4);
    if (name == "data") {
      if (!format) return file.refuse("its samples come before their format");
      // A logger that was cut off has not said how much there is.
      const bool is_unknown = size == 0 || size == size_unknown;
      const std::uint64_t bytes = is_unknown ? (long_size > 0 ? long_size : file.left()) : size;
      if (bytes > file.left()) {
        return file.refuse("it says " + std::to_string(bytes) + " bytes of samples, and has " + std::to_string(file.left()));
      }
      const SampleTable table{.bytes = file.bytes(),
                              .begin = file.position(),
                              .frames = bytes / (format->channels * format->number.bytes()),
                              .channels = format->channels,
                              .format = format->number,
                              .full_scale = format->full_scale};
      return open_frames({.path = path, .tables = {table}, .names = {}, .rate_hz = format->rate_hz}, options);
    }
    std::uint64_t passed = 0;
    if (name == "fmt ") {
      auto read = read_format(file, size);
      if (!read) return std::unexpected(read.error());
      format = *read;
      passed = size;
    } else if (name == "ds64" && size >= 16) {
      std::array<char, 16> sizes{};
      if (!file.read(sizes.data(), sizes.size())) return file.refuse("it is cut short");
      long_size = number_at<std::uint64_t>(sizes.data() + 8);
      passed = sizes.size();
    }
    if (!file.pass(size - passed + size % 2)) return file.refuse("it is cut short");  // chunks begin at even places
  }
  return file.refuse("it has no samples among its first " + std::to_string(chunks_max) + " chunks");
}

}  // namespace stethos::recordings
