// How many, and how large.
#pragma once

#include <cstdint>

namespace stethos::edge {

struct RowTotals {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;  // of their bodies

  RowTotals& operator+=(const RowTotals& other) {
    rows += other.rows;
    bytes += other.bytes;
    return *this;
  }
  RowTotals& operator-=(const RowTotals& other) {
    rows -= other.rows;
    bytes -= other.bytes;
    return *this;
  }
};

}  // namespace stethos::edge
