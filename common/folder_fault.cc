#include "common/folder_fault.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace stethos {

std::string folder_fault(const std::string& file) {
  const std::filesystem::path parent = std::filesystem::path(file).parent_path();
  const std::string folder = parent.empty() ? std::string(1, '.') : parent.string();
  std::error_code failed;
  const auto status = std::filesystem::status(folder, failed);
  if (status.type() == std::filesystem::file_type::not_found)
    return "its folder " + folder + " does not exist; nothing makes it by itself: mkdir -p " + folder;
  if (status.type() != std::filesystem::file_type::directory && !failed) return folder + " is no folder";
  if (::access(folder.c_str(), W_OK | X_OK) == 0) return {};
  return "this user may not write to its folder " + folder + ": " + std::strerror(errno);
}

}  // namespace stethos
