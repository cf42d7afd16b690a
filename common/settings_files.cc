#include "common/settings_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "common/settings.h"

namespace stethos::settings::detail {
namespace {

std::unexpected<Error> refuse(Code code, std::string why) { return fail(code, "", std::move(why)); }

std::unexpected<Error> refuse_errno(int error) {
  return refuse(Code::io, "cannot be read: " + std::generic_category().message(error));
}

class File {
 public:
  File(const std::string& path, int flags) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

  Result<std::string> read(std::size_t bytes_max) const {
    std::string content(bytes_max + 1, '\0');
    std::size_t size = 0;
    while (size < content.size()) {
      const ssize_t got = ::read(descriptor_, content.data() + size, content.size() - size);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return refuse_errno(errno);
      if (got == 0) break;
      size += static_cast<std::size_t>(got);
    }
    if (size > bytes_max) return refuse(Code::too_large, "is larger than " + format_bytes(static_cast<std::int64_t>(bytes_max)));
    content.resize(size);
    return content;
  }

 private:
  int descriptor_;
};

}  // namespace

Result<std::string> read_bounded(const std::string& path, std::size_t bytes_max) {
  const File file(path, 0);
  if (!file.is_open()) return refuse_errno(errno);
  return file.read(bytes_max);
}

Result<std::string> read_secret(const std::string& path) {
  const File file(path, O_NONBLOCK);  // opening a pipe must not wait for a writer
  if (!file.is_open()) return refuse_errno(errno);
  struct stat status{};
  if (::fstat(file.descriptor(), &status) != 0) return refuse_errno(errno);
  if (!S_ISREG(status.st_mode)) return refuse(Code::invalid, "is not a plain file");
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return refuse(Code::invalid, "is open to others than its owner (chmod 600 closes it)");
  auto content = file.read(secret_bytes_max);
  if (!content) return content;
  if (content->ends_with('\n')) content->pop_back();
  if (content->ends_with('\r')) content->pop_back();
  if (content->empty()) return refuse(Code::invalid, "is empty");
  if (content->find('\0') != std::string::npos) return refuse(Code::invalid, "holds a zero byte");
  return content;
}

std::string beside(const std::string& from, const std::string& path) {
  return (std::filesystem::path(from).parent_path() / path).string();
}

std::expected<std::string, Problem> read_settings_file(const std::string& path) {
  auto content = read_bounded(path, file_bytes_max);
  if (!content) return std::unexpected(Problem{.file = path, .line = 0, .key = "", .message = content.error().failed});
  return std::move(*content);
}

}  // namespace stethos::settings::detail
