// The texts of statistics' parameters, and the numbers that rows have for them: what ProvenanceRow.parameters lists.
// Not thread-safe while texts are added.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "edge/config/parameter_text.h"

namespace stethos::edge {

class Parameters {
 public:
  // Of the texts together: they are one row of at most schema::row_bytes_max.
  static constexpr std::size_t bytes_max = 48u << 10;

  // Gives the text a number, unless it has one, or there is no room.
  void add(std::string_view text);
  // Those that the statistic of single blocks has with this parameter.
  void add_feature(std::uint16_t statistic, std::string_view text);
  bool is_full() const { return is_full_; }

  // 0, which is no parameter, for a text that was never added.
  std::uint16_t of(std::string_view text) const;
  // Of each of `over_blocks`; 0 where it has none.
  using OverBlocks = std::array<std::uint16_t, std::size(over_blocks)>;
  OverBlocks of_feature(std::string_view text) const;

  const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::vector<std::string> texts_{""};
  std::map<std::string, std::uint16_t, std::less<>> numbers_;
  std::map<std::string, OverBlocks, std::less<>> of_features_;
  std::size_t bytes_ = 0;
  bool is_full_ = false;
};

}  // namespace stethos::edge
