#include "recordings/text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

namespace stethos::recordings {
namespace {

std::string quoted(std::string_view field) {
  constexpr std::size_t shown_max = 40;
  return "\"" + std::string(field.substr(0, shown_max)) + (field.size() > shown_max ? "...\"" : "\"");
}

}  // namespace

bool is_missing(std::string_view field) {
  constexpr std::array<std::string_view, 9> missing{"", "nan", "NaN", "NAN", "NA", "N/A", "null", "NULL", "-"};
  return std::ranges::find(missing, field) != missing.end();
}

Status TextFile::load(const std::string& path) {
  path_ = path;
  position_ = 0;
  line_number_ = 0;
  size_ = 0;
  const std::string doing = "reading " + path;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return fail(errno == ENOENT ? Code::not_found : Code::io, doing, std::strerror(errno));
  Status status;
  // The buffer grows, and never shrinks: small files by the thousand cost a read each, and nothing else.
  constexpr std::size_t piece_bytes = 256u << 10;
  while (true) {
    if (content_.size() < size_ + piece_bytes + text_file_padding_bytes) {
      content_.resize(2 * size_ + piece_bytes + text_file_padding_bytes);
    }
    const ssize_t got = ::read(file, content_.data() + size_, content_.size() - text_file_padding_bytes - size_);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) status = fail(Code::io, doing, std::strerror(errno));
    if (got <= 0) break;
    size_ += static_cast<std::size_t>(got);
    if (size_ > text_file_bytes_max) {
      status = fail(Code::too_large, doing, "more than " + std::to_string(text_file_bytes_max) + " bytes");
      break;
    }
  }
  ::close(file);
  if (!status) size_ = 0;
  std::fill_n(content_.data() + size_, text_file_padding_bytes, '\0');
  return status;
}

bool TextFile::next_line(std::string_view& line) {
  const std::string_view left = rest();
  if (left.empty()) return false;
  const std::size_t end = left.find('\n');
  line = left.substr(0, end);
  pass_lines(end == std::string_view::npos ? left.size() : end + 1, 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

std::unexpected<Error> TextFile::refuse(std::string why) const {
  return fail(Code::corrupt, "reading " + path_ + (line_number_ > 0 ? ":" + std::to_string(line_number_) : ""), std::move(why));
}

Status TextFile::split(std::string_view line, char separator, std::span<std::string_view> fields) const {
  std::size_t count = 0;
  while (true) {
    const std::size_t end = line.find(separator);
    const std::string_view field = line.substr(0, end);
    if (count < fields.size()) fields[count] = field;
    ++count;
    if (end == std::string_view::npos) break;
    line.remove_prefix(end + 1);
  }
  if (count != fields.size()) {
    return refuse("expected " + std::to_string(fields.size()) + " fields, found " + std::to_string(count));
  }
  return {};
}

Result<double> TextFile::number(std::string_view field, std::string_view what) const {
  double value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc{} || end != field.data() + field.size() || !std::isfinite(value)) {
    return refuse(std::string(what) + " " + quoted(field) + " is not a finite number");
  }
  return value;
}

Result<double> TextFile::sample(std::string_view field, std::string_view what) const {
  if (is_missing(field)) return std::numeric_limits<double>::quiet_NaN();
  return number(field, what);
}

Result<int> TextFile::integer(std::string_view field, std::string_view what, int min, int max) const {
  int value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc{} || end != field.data() + field.size() || value < min || value > max) {
    return refuse(std::string(what) + " " + quoted(field) + " is not a whole number from " + std::to_string(min) + " to " +
                  std::to_string(max));
  }
  return value;
}

}  // namespace stethos::recordings
