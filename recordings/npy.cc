#include "recordings/npy.h"

#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include "common/printable.h"

namespace stethos::recordings {
namespace {

constexpr std::string_view npy_magic = "\x93NUMPY";
constexpr std::uint32_t header_bytes_max = 64u << 10;
constexpr std::size_t shown_header_max = 200;

struct NpyHeader {
  std::string_view type;
  std::optional<bool> is_by_channel;
  std::vector<std::uint64_t> shape;
  bool has_shape = false;
};

// A dictionary as Python writes it: {'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }.
class NpyHeaderText {
 public:
  explicit NpyHeaderText(std::string_view text) : left_(text) {}

  // None: it is none, or holds something else.
  std::optional<NpyHeader> read() {
    NpyHeader out;
    if (!take("{")) return std::nullopt;
    while (!take("}")) {
      const auto key = quoted();
      if (!key || !take(":")) return std::nullopt;
      if (*key == "descr") {
        const auto type = quoted();
        if (!type) return std::nullopt;
        out.type = *type;
      } else if (*key == "fortran_order") {
        if (take("True")) {
          out.is_by_channel = true;
        } else if (take("False")) {
          out.is_by_channel = false;
        } else {
          return std::nullopt;
        }
      } else if (*key == "shape") {
        if (!read_shape(out.shape)) return std::nullopt;
        out.has_shape = true;
      } else {
        return std::nullopt;
      }
      if (!take(",") && !left_.starts_with('}')) return std::nullopt;
    }
    skip_space();
    return left_.empty() && !out.type.empty() && out.is_by_channel && out.has_shape ? std::optional(out) : std::nullopt;
  }

 private:
  void skip_space() { left_.remove_prefix(std::min(left_.find_first_not_of(" \n"), left_.size())); }

  bool take(std::string_view token) {
    skip_space();
    if (!left_.starts_with(token)) return false;
    left_.remove_prefix(token.size());
    skip_space();
    return true;
  }

  std::optional<std::string_view> quoted() {
    const char quote = left_.empty() ? '\0' : left_.front();
    const auto end = left_.find(quote, 1);
    if ((quote != '\'' && quote != '"') || end == std::string_view::npos) return std::nullopt;
    const std::string_view out = left_.substr(1, end - 1);
    left_.remove_prefix(end + 1);
    skip_space();
    return out;
  }

  bool read_shape(std::vector<std::uint64_t>& shape) {
    shape.clear();
    if (!take("(")) return false;
    while (!take(")")) {
      std::uint64_t size = 0;
      const auto [end, error] = std::from_chars(left_.data(), left_.data() + left_.size(), size);
      if (error != std::errc{}) return false;
      left_.remove_prefix(static_cast<std::size_t>(end - left_.data()));
      take("L");  // as Python 2 wrote long ones
      shape.push_back(size);
      if (!take(",") && !left_.starts_with(')')) return false;
    }
    return true;
  }

  std::string_view left_;
};

std::optional<NumberFormat> format_of(std::string_view type) {
  struct Named {
    std::string_view name;
    NumberType type;
  };
  constexpr std::array<Named, 10> known{{{"f4", NumberType::f32},
                                         {"f8", NumberType::f64},
                                         {"i1", NumberType::i8},
                                         {"i2", NumberType::i16},
                                         {"i4", NumberType::i32},
                                         {"i8", NumberType::i64},
                                         {"u1", NumberType::u8},
                                         {"u2", NumberType::u16},
                                         {"u4", NumberType::u32},
                                         {"u8", NumberType::u64}}};
  if (type.size() != 3 || std::string_view("<>|=").find(type.front()) == std::string_view::npos) return std::nullopt;
  for (const auto& [name, number] : known) {
    if (type.substr(1) == name) return NumberFormat{.type = number, .is_big_endian = type.front() == '>'};
  }
  return std::nullopt;
}

}  // namespace

Result<std::unique_ptr<Recording>> open_npy(const std::string& path, const FrameOptions& options) {
  const auto refuse = [&path](std::string why) { return fail(Code::corrupt, "reading " + path, std::move(why)); };
  auto bytes = open_binary_file(path);
  if (!bytes) return std::unexpected(bytes.error());
  std::array<char, 12> head{};
  constexpr std::size_t short_head = 10, long_head = 12;
  if (!(*bytes)->read(0, head.data(), short_head) || !std::string_view(head.data(), head.size()).starts_with(npy_magic)) {
    return refuse("it is no .npy file");
  }
  const auto version = static_cast<unsigned char>(head[npy_magic.size()]);
  if (version < 1 || version > 3) return refuse("it is of version " + std::to_string(version) + ": 1 to 3 are read");
  if (version > 1 && !(*bytes)->read(0, head.data(), long_head)) return refuse("its header is cut short");
  const std::uint64_t header_begin = version == 1 ? short_head : long_head;
  const std::uint32_t header_bytes =
      version == 1 ? number_at<std::uint16_t>(head.data() + 8) : number_at<std::uint32_t>(head.data() + 8);
  if (header_bytes > header_bytes_max) return refuse("its header has more than " + std::to_string(header_bytes_max) + " bytes");
  std::string text(header_bytes, '\0');
  if (!(*bytes)->read(header_begin, text.data(), text.size())) return refuse("its header is cut short");
  const auto header = NpyHeaderText(text).read();
  if (!header) return refuse("its header is not that of an array of numbers: " + printable(text, shown_header_max));
  const auto format = format_of(header->type);
  if (!format) {
    return refuse("its numbers are of type \"" + printable(header->type) +
                  "\": whole ones of 1, 2, 4 or 8 bytes are read, and floating point of 4 or 8");
  }
  if (header->shape.empty() || header->shape.size() > 2) {
    return refuse("it has " + std::to_string(header->shape.size()) + " dimensions: one or two are read");
  }
  const std::uint64_t frames = header->shape[0], channels = header->shape.size() == 2 ? header->shape[1] : 1;
  const std::uint64_t begin = header_begin + header_bytes, numbers_bytes = (*bytes)->size() - begin;
  std::uint64_t said_bytes = 0;
  if (__builtin_mul_overflow(frames, channels, &said_bytes) || __builtin_mul_overflow(said_bytes, format->bytes(), &said_bytes) ||
      said_bytes != numbers_bytes) {
    return refuse("it says " + std::to_string(frames) + " x " + std::to_string(channels) + " numbers of " +
                  std::to_string(format->bytes()) + " bytes, and has " + std::to_string(numbers_bytes) + " bytes of them");
  }
  const SampleTable table{.bytes = *bytes,
                          .begin = begin,
                          .frames = frames,
                          .channels = channels,
                          .format = *format,
                          .is_by_channel = *header->is_by_channel};
  return open_frames({.path = path, .tables = {table}, .names = {}}, options);
}

}  // namespace stethos::recordings
