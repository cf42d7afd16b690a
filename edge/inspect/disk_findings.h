// What can be found out about the disk that the spool lies on. Reads the file system and /sys.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "edge/config/edge_config.h"
#include "edge/inspect/finding.h"

namespace stethos::edge {

// What a block device lies on in the end, where that is an SD card or an eMMC; below `sys`, which is "/sys" but for tests.
std::optional<std::string> flash_under(dev_t device, const std::string& sys);

// Of so much free room, where the spool has grown to `spool_bytes`. Pure.
Finding room(const EdgeConfig& config, std::uint64_t free_bytes, std::uint64_t spool_bytes);

// Of a spool on such a medium. Pure.
Finding wear(const EdgeConfig& config, const std::string& medium);

Findings look_at_disk(const EdgeConfig& config);

}  // namespace stethos::edge
