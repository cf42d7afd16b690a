// The arrays of numbers of a MATLAB MAT file of level 5 (what MATLAB saves as -v6 and -v7, SciPy as its default), of either
// order of bytes: variables, and fields of structs within structs, each by its path. What is no array of numbers is passed
// over: cells, text, truth values, sparse arrays, objects. MathWorks, MAT-File Format (2005).
//
// Samples of a variable that is not compressed stay in the file. What is compressed is inflated into memory: all of a file's
// variables together to no more than mat_inflated_bytes_max, a file of more is refused. Sizes are checked against what there is
// before anything is allocated. Errors say at which byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "recordings/binary_source.h"
#include "recordings/numbers.h"

namespace stethos::recordings {

inline constexpr std::size_t mat_inflated_bytes_max = 256u << 20;
inline constexpr std::size_t mat_arrays_max = 10'000;
inline constexpr std::size_t mat_depth_max = 16;  // of structs within structs

struct MatArray {
  std::string path;   // "X097_DE_time", "bearing.gs", "measured.Y(7).Data"
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;  // of more than two dimensions: all but the first
  bool is_complex = false;
  NumberFormat format;  // as they are stored, which may be smaller than what they are of; column by column
  std::shared_ptr<const BinarySource> bytes;
  std::uint64_t begin = 0;  // of the first number

  std::uint64_t count() const { return rows * columns; }
};

Result<std::vector<MatArray>> find_mat_arrays(const std::string& path);

}  // namespace stethos::recordings
