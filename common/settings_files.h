// Reading the files that settings name, whole and bounded: shared by the files that implement common/settings.h.
#pragma once

#include <cstddef>
#include <string>

#include "common/result.h"

namespace stethos::settings::detail {

// The errors have nothing in `doing`: the caller names the key or the file.
Result<std::string> read_bounded(const std::string& path, std::size_t bytes_max);

// Its content without one newline at its end. The file must be a plain one that only its owner can read.
Result<std::string> read_secret(const std::string& path);

// `path`, where it is relative, seen from the folder that `from` lies in.
std::string beside(const std::string& from, const std::string& path);

}  // namespace stethos::settings::detail
