#include "recordings/text_file.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>

namespace stethos::recordings {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

std::string quoted(std::string_view field) {
  constexpr std::size_t shown_max = 40;
  return "\"" + std::string(field.substr(0, shown_max)) + (field.size() > shown_max ? "...\"" : "\"");
}

}  // namespace

Status TextFile::load(const std::string& path) {
  path_ = path;
  position_ = 0;
  line_number_ = 0;
  content_.clear();
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
  if (!file) return fail(errno == ENOENT ? Code::not_found : Code::io, "reading " + path, std::strerror(errno));
  constexpr std::size_t piece_bytes = 256u << 10;
  std::size_t filled = 0;
  while (true) {
    content_.resize(filled + piece_bytes);
    const std::size_t got = std::fread(content_.data() + filled, 1, piece_bytes, file.get());
    filled += got;
    if (filled > text_file_bytes_max) {
      return fail(Code::too_large, "reading " + path, "more than " + std::to_string(text_file_bytes_max) + " bytes");
    }
    if (got < piece_bytes) break;
  }
  if (std::ferror(file.get()) != 0) return fail(Code::io, "reading " + path, std::strerror(errno));
  content_.resize(filled);
  return {};
}

bool TextFile::next_line(std::string_view& line) {
  if (position_ >= content_.size()) return false;
  const std::string_view rest = std::string_view(content_).substr(position_);
  const std::size_t end = rest.find('\n');
  line = rest.substr(0, end);
  position_ += end == std::string_view::npos ? rest.size() : end + 1;
  if (line.ends_with('\r')) line.remove_suffix(1);
  ++line_number_;
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
    if (field.empty()) return refuse("field " + std::to_string(count + 1) + " is empty");
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
