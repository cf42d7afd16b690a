// A compressed element of a MAT file: one other element, deflated (zlib, RFC 1950).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "recordings/binary_source.h"

namespace stethos::recordings {

// What stands in `file` from `at` on, in so many bytes, is inflated to the element that it says it is, if that has no more than
// `bytes_max`. The error is what is wrong with it.
std::expected<std::string, std::string> inflate_mat_element(const BinarySource& file, std::uint64_t at, std::uint64_t bytes,
                                                            bool is_big_endian, std::size_t bytes_max);

}  // namespace stethos::recordings
