// Whether the folders that a configuration names are there and may be written to, by the user that asks. Reads the file system.
#pragma once

#include <string>

#include "common/result.h"
#include "edge/config/edge_config.h"

namespace stethos::edge {

// Of the spool.
std::string spool_folder_of(const EdgeConfig& config);

// The folder of the spool must be there.
Status check_spool_folder(const EdgeConfig& config);

// That of recordings is made when it is not there.
Status check_record_folder(const EdgeConfig& config);

}  // namespace stethos::edge
