#include "edge/inspect/folders.h"

#include <unistd.h>

#include <filesystem>

#include "common/folder_fault.h"
#include "edge/spool/spool_format.h"

namespace stethos::edge {

namespace fs = std::filesystem;

std::string spool_folder_of(const EdgeConfig& config) {
  const auto folder = fs::path(config.spool_file).parent_path();
  return folder.empty() ? "." : folder.string();
}

Status check_spool_folder(const EdgeConfig& config) {
  const std::string doing = "spool.file " + config.spool_file;
  if (std::string fault = folder_fault(config.spool_file); !fault.empty()) return fail(Code::io, doing, std::move(fault));
  std::error_code error;
  if (fs::is_symlink(config.spool_file, error) && !fs::exists(config.spool_file, error)) {
    return fail(Code::io, doing, "it is a link to what is not there");
  }
  if (!fs::exists(config.spool_file, error)) {
    return error ? Status(fail(Code::io, doing, error.message())) : Status();
  }
  if (!fs::is_regular_file(config.spool_file, error)) return fail(Code::invalid, doing, "it is there, and is no plain file");
  if (::access(config.spool_file.c_str(), R_OK | W_OK) != 0) return fail(Code::io, doing, "this user may not read and write it");
  return check_is_no_text(config.spool_file, doing);
}

Status check_record_folder(const EdgeConfig& config) {
  if (config.record_folder.empty()) return {};
  if (config.record_folder == config.spool_file) {
    return fail(Code::invalid, "record.folder " + config.record_folder, "it is the file of the spool");
  }
  std::error_code error;
  fs::path there = config.record_folder;
  while (there.has_relative_path() && !fs::exists(there, error)) there = there.parent_path();
  std::string fault = folder_fault((there / "segment").string());
  if (fault.empty()) return {};
  return fail(Code::io, "record.folder " + config.record_folder, std::move(fault));
}

}  // namespace stethos::edge
