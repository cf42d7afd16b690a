// BinarySource that are read at any place, of a file or of what was unpacked from one.
//
// They do not change, and any thread may read them. A file that shrinks while it is read ends early.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "common/result.h"

namespace stethos::recordings {

class BinarySource {
 public:
  BinarySource() = default;
  virtual ~BinarySource() = default;
  BinarySource(const BinarySource&) = delete;
  BinarySource& operator=(const BinarySource&) = delete;

  virtual std::uint64_t size() const = 0;
  // All `count` of them, or false.
  virtual bool read(std::uint64_t at, char* into, std::size_t count) const = 0;
};

Result<std::shared_ptr<const BinarySource>> open_binary_file(const std::string& path);

std::shared_ptr<const BinarySource> binary_in_memory(std::string content);

}  // namespace stethos::recordings
