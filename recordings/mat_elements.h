// Data elements of a MAT file of level 5 that follow each other, in the file, in another element, or in what was inflated. What
// an element says of its size is checked against what there is. Errors say at which byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "recordings/binary_source.h"

namespace stethos::recordings {

// By their numbers in the format.
enum MatType : std::uint32_t {
  mat_i8 = 1,
  mat_u8 = 2,
  mat_i16 = 3,
  mat_u16 = 4,
  mat_i32 = 5,
  mat_u32 = 6,
  mat_f32 = 7,
  mat_f64 = 9,
  mat_i64 = 12,
  mat_u64 = 13,
  mat_matrix = 14,
  mat_compressed = 15,
  mat_utf8 = 16,
};

struct MatElement {
  std::uint32_t type = 0;
  std::uint64_t at = 0;  // of its tag
  std::uint64_t begin = 0;  // of its content
  std::uint64_t bytes = 0;
};

class MatElements {
 public:
  // `where` begins the messages.
  MatElements(std::shared_ptr<const BinarySource> bytes, std::uint64_t begin, std::uint64_t end, bool is_big_endian,
              std::string where)
      : bytes_(std::move(bytes)), at_(begin), end_(end), is_big_endian_(is_big_endian), where_(std::move(where)) {}

  const std::shared_ptr<const BinarySource>& bytes() const { return bytes_; }
  bool is_big_endian() const { return is_big_endian_; }
  bool is_empty() const { return at_ == end_; }
  std::uint64_t left() const { return end_ - at_; }

  MatElements within(const MatElement& element) const;
  Result<MatElement> next();
  Result<std::string> content(const MatElement& element, std::size_t bytes_max) const;
  std::unexpected<Error> refuse(std::uint64_t at, const std::string& why) const;

 private:
  std::shared_ptr<const BinarySource> bytes_;
  std::uint64_t at_;
  std::uint64_t end_;
  bool is_big_endian_;
  std::string where_;
};

}  // namespace stethos::recordings
