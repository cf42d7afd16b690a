// NumPy's .npy files, of the versions 1 to 3: one array of numbers, whole ones of 8 to 64 bits or floating point of 32 or 64,
// of either order of bytes. A vector is a channel; of a matrix, in either order (C or Fortran), each column is one. The rate is
// not in them. NumPy, the page "numpy.lib.format".
#pragma once

#include <memory>
#include <string>

#include "recordings/frames.h"

namespace stethos::recordings {

Result<std::unique_ptr<Recording>> open_npy(const std::string& path, const FrameOptions& options);

}  // namespace stethos::recordings
