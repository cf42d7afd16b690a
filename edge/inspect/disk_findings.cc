#include "edge/inspect/disk_findings.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "common/settings.h"
#include "edge/inspect/folders.h"

namespace stethos::edge {
namespace {

namespace fs = std::filesystem;

constexpr int layers_max = 8;  // of devices on devices

Finding finding(Severity severity, std::string what, std::string cure = {}) {
  return {severity, "disk", std::move(what), std::move(cure)};
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::uint64_t mebibyte = 1u << 20;
  return bytes < mebibyte ? std::to_string(bytes) + " bytes" : std::to_string(bytes / mebibyte) + " MiB";
}

std::optional<std::string> flash_under(const fs::path& device, int layers) {
  for (const fs::path& part : device) {
    if (!part.string().starts_with("mmcblk")) continue;
    std::ifstream type(fs::path(device.string().substr(0, device.string().find(part.string()) + part.string().size())) /
                       "device" / "type");
    std::string kind;
    type >> kind;
    return kind == "SD" ? "an SD card" : kind == "MMC" ? "an eMMC" : "an SD card or eMMC";
  }
  std::error_code error;
  if (layers == 0) return std::nullopt;
  for (const auto& below : fs::directory_iterator(device / "slaves", error)) {
    const auto path = fs::canonical(below.path(), error);
    if (error) continue;
    if (auto flash = flash_under(path, layers - 1)) return flash;
  }
  return std::nullopt;
}

std::uint64_t size_of(const std::string& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  return error ? 0 : size;
}

std::optional<Finding> file_system(const std::string& folder) {
  struct statfs its{};
  if (::statfs(folder.c_str(), &its) != 0) return std::nullopt;
  switch (static_cast<unsigned long>(its.f_type)) {
    case TMPFS_MAGIC:
    case RAMFS_MAGIC:
      return finding(Severity::problem,
                     folder + " lies in memory (tmpfs): the spool is gone with the next restart of the machine",
                     "put spool.file on a disk");
    case OVERLAYFS_SUPER_MAGIC:
      return finding(Severity::warning, folder + " lies on an overlay, as in a container: the spool may be gone with that",
                     "put spool.file on a volume that stays");
    case NFS_SUPER_MAGIC:
    case SMB_SUPER_MAGIC:
    case SMB2_SUPER_MAGIC:
    case CIFS_SUPER_MAGIC:
      return finding(Severity::problem, folder + " lies on a network share, on which SQLite's log does not work",
                     "put spool.file on a disk of this machine");
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::string> flash_under(dev_t device, const std::string& sys) {
  std::error_code error;
  const auto path = fs::canonical(
      fs::path(sys) / "dev" / "block" / (std::to_string(major(device)) + ":" + std::to_string(minor(device))), error);
  return error ? std::nullopt : flash_under(path, layers_max);
}

Finding room(const EdgeConfig& config, std::uint64_t free_bytes, std::uint64_t spool_bytes) {
  const auto least = static_cast<std::uint64_t>(config.spool_disk_free_bytes_min);
  const auto budget = static_cast<std::uint64_t>(config.spool_bytes_max);
  const std::string free_text = bytes_text(free_bytes) + " are free";
  if (free_bytes < least) {
    return finding(Severity::problem,
                   free_text + ": below spool.disk_free_bytes_min, " + bytes_text(least) + ", the node takes no messages",
                   "make room");
  }
  const std::uint64_t to_come = budget > spool_bytes ? budget - spool_bytes : 0;
  if (free_bytes - least < to_come) {
    return finding(Severity::warning,
                   free_text + ", and the spool may still grow by " + bytes_text(to_come) +
                       " (spool.bytes_max): before that the node stops taking messages, at spool.disk_free_bytes_min, " +
                       bytes_text(least),
                   "make room, or lower spool.bytes_max, so that the oldest rows go instead");
  }
  return finding(Severity::ok, free_text + ", and the spool grows by " + bytes_text(to_come) + " at most");
}

Finding wear(const EdgeConfig& config, const std::string& medium) {
  const auto commits_each = [](const SubscriptionConfig& each) {
    return each.qos > 0 && each.format != PayloadFormat::stethos && each.acknowledge == Acknowledge::after_commit;
  };
  const auto first = std::ranges::find_if(config.subscriptions, commits_each);
  if (first == config.subscriptions.end()) {
    return finding(Severity::ok, "the spool lies on " + medium + "; messages are committed together, each spool.commit_interval");
  }
  return finding(
      Severity::warning,
      "the spool lies on " + medium + ", and subscription[" + std::to_string(first - config.subscriptions.begin()) +
          "] has QoS 1 with acknowledge = \"after_commit\": one commit and one sync a message. At 100 short messages a "
          "second that wrote 108 bytes for each byte received; QoS 0 with a commit each second wrote 2.7",
      "acknowledge = \"on_arrival\" or qos = 0 where a crash may cost up to spool.commit_interval; or a disk that bears it");
}

Findings look_at_disk(const EdgeConfig& config) {
  const std::string folder = spool_folder_of(config);
  if (auto checked = check_spool_folder(config); !checked) {
    return {finding(Severity::problem, checked.error().text(), "the spool cannot be opened before that is mended")};
  }
  Findings findings{finding(Severity::ok, folder + " may be written to by this user")};
  if (auto found = file_system(folder)) findings.push_back(std::move(*found));
  std::error_code error;
  const auto space = fs::space(folder, error);
  if (!error) findings.push_back(room(config, space.available, size_of(config.spool_file) + size_of(config.spool_file + "-wal")));
  struct stat its{};
  if (::stat(folder.c_str(), &its) == 0) {
    if (const auto medium = flash_under(its.st_dev, "/sys")) findings.push_back(wear(config, *medium));
  }
  return findings;
}

}  // namespace stethos::edge
