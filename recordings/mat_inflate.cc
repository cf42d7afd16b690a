#include "recordings/mat_inflate.h"

#include <zlib.h>

#include <algorithm>
#include <vector>

#include "recordings/numbers.h"

namespace stethos::recordings {
namespace {

constexpr std::size_t tag_bytes = 8;
constexpr std::uint64_t inflated_a_byte_max = 1'032;  // of deflate

class Inflater {
 public:
  Inflater(const BinarySource& file, std::uint64_t at, std::uint64_t bytes) : file_(file), at_(at), left_(bytes) {
    is_ready_ = ::inflateInit(&stream_) == Z_OK;
  }
  ~Inflater() { ::inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Exactly so many bytes more.
  bool read(char* into, std::size_t count) {
    stream_.next_out = reinterpret_cast<Bytef*>(into);
    stream_.avail_out = static_cast<uInt>(count);
    while (stream_.avail_out > 0) {
      if (!go_on()) return false;
    }
    return true;
  }

  // Nothing follows, and the checksum is right.
  bool is_at_end() {
    char more = 0;
    stream_.next_out = reinterpret_cast<Bytef*>(&more);
    stream_.avail_out = 1;
    while (!is_over_ && stream_.avail_out > 0) {
      if (!go_on()) return false;
    }
    return is_over_ && stream_.avail_out == 1 && left_ == 0 && stream_.avail_in == 0;
  }

 private:
  bool go_on() {
    if (!is_ready_ || is_over_) return false;
    if (stream_.avail_in == 0) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, piece_.size()));
      if (count == 0 || !file_.read(at_, piece_.data(), count)) return false;
      at_ += count;
      left_ -= count;
      stream_.next_in = reinterpret_cast<Bytef*>(piece_.data());
      stream_.avail_in = static_cast<uInt>(count);
    }
    const int done = ::inflate(&stream_, Z_NO_FLUSH);
    is_over_ = done == Z_STREAM_END;
    return is_over_ || done == Z_OK;
  }

  const BinarySource& file_;
  std::uint64_t at_;
  std::uint64_t left_;
  std::vector<char> piece_ = std::vector<char>(64u << 10);
  z_stream stream_{};
  bool is_ready_ = false;
  bool is_over_ = false;
};

}  // namespace

std::expected<std::string, std::string> inflate_mat_element(const BinarySource& file, std::uint64_t at, std::uint64_t bytes,
                                                            bool is_big_endian, std::size_t bytes_max) {
  Inflater inflater(file, at, bytes);
  std::string out(tag_bytes, '\0');
  if (!inflater.read(out.data(), tag_bytes)) return std::unexpected("it cannot be inflated");
  const std::uint64_t size = tag_bytes + std::uint64_t{number_at<std::uint32_t>(out.data() + 4, is_big_endian)};
  if (size > bytes_max) {
    return std::unexpected("it inflates to " + std::to_string(size) + " bytes, where " + std::to_string(bytes_max) +
                           " may still be held in memory");
  }
  if (size / inflated_a_byte_max > bytes) return std::unexpected("it says more than can have been compressed");
  out.resize(size);
  if (!inflater.read(out.data() + tag_bytes, size - tag_bytes)) return std::unexpected("it cannot be inflated to what it says");
  if (!inflater.is_at_end()) return std::unexpected("something follows what it says, or its checksum is wrong");
  return out;
}

}  // namespace stethos::recordings
