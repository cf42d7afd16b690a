// How many seeds a test of random streams tries: more where STETHOS_SEEDS says so, a number from 1 on.
#pragma once

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "common/result.h"

namespace stethos::edge {

inline unsigned seeds_or(unsigned usual) {
  const char* const more = std::getenv("STETHOS_SEEDS");
  if (more == nullptr) return usual;
  const std::string_view text = more;
  unsigned seeds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seeds);
  STETHOS_CHECK(error == std::errc() && end == text.data() + text.size() && seeds > 0, more);
  return seeds;
}

}  // namespace stethos::edge
