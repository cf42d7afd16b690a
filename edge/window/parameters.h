// The texts of statistics' parameters, and the numbers that rows have for them: what ProvenanceRow.parameters lists.
// Not thread-safe while texts are added.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace stethos::edge {

class Parameters {
 public:
  // Gives the text a number, unless it has one.
  void add(std::string_view text);
  void add_feature(std::string_view text);

  // 0, which is no parameter, for a text that was never added.
  std::uint16_t of(std::string_view text) const;
  // Of the first of `over_blocks`; the others follow.
  std::uint16_t of_feature(std::string_view text) const;

  const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::vector<std::string> texts_{""};
  std::map<std::string, std::uint16_t, std::less<>> numbers_;
};

}  // namespace stethos::edge
