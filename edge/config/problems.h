// What rules found wrong, as they collect it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/settings.h"

namespace stethos::edge {

class Problems {
 public:
  void add(std::string key, std::string message) { found_.push_back({"", 0, std::move(key), std::move(message)}); }

  // A key that has no meaning here.
  void refuse_if(bool given, std::string key, std::string_view why) {
    if (given) add(std::move(key), "must not be given: " + std::string(why));
  }

  std::vector<settings::Problem> take() { return std::move(found_); }

 private:
  std::vector<settings::Problem> found_;
};

}  // namespace stethos::edge
