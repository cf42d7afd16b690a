#include "recordings/binary_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace stethos::recordings {
namespace {

class BinaryFile final : public BinarySource {
 public:
  BinaryFile(int file, std::uint64_t size) : file_(file), size_(size) {}
  ~BinaryFile() override { ::close(file_); }

  std::uint64_t size() const override { return size_; }

  bool read(std::uint64_t at, char* into, std::size_t count) const override {
    while (count > 0) {
      const ssize_t got = ::pread(file_, into, count, static_cast<off_t>(at));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      at += static_cast<std::uint64_t>(got);
      into += got;
      count -= static_cast<std::size_t>(got);
    }
    return true;
  }

 private:
  int file_;
  std::uint64_t size_;
};

class BinaryInMemory final : public BinarySource {
 public:
  explicit BinaryInMemory(std::string content) : content_(std::move(content)) {}

  std::uint64_t size() const override { return content_.size(); }

  bool read(std::uint64_t at, char* into, std::size_t count) const override {
    if (at > content_.size() || count > content_.size() - at) return false;
    std::memcpy(into, content_.data() + at, count);
    return true;
  }

 private:
  std::string content_;
};

}  // namespace

Result<std::shared_ptr<const BinarySource>> open_binary_file(const std::string& path) {
  const std::string doing = "reading " + path;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe is not waited for
  if (file < 0) return fail(errno == ENOENT ? Code::not_found : Code::io, doing, std::strerror(errno));
  struct stat status{};
  const bool is_known = ::fstat(file, &status) == 0;
  auto bytes = std::make_shared<const BinaryFile>(file, is_known ? static_cast<std::uint64_t>(status.st_size) : 0);
  if (!is_known || !S_ISREG(status.st_mode)) return fail(Code::not_found, doing, "it is no file");
  return bytes;
}

std::shared_ptr<const BinarySource> binary_in_memory(std::string content) {
  return std::make_shared<const BinaryInMemory>(std::move(content));
}

}  // namespace stethos::recordings
