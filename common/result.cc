#include "common/result.h"

#include <cstdio>
#include <cstdlib>

namespace stethos {

std::string_view name_of(Code code) {
  switch (code) {
    case Code::invalid:
      return "invalid";
    case Code::corrupt:
      return "corrupt";
    case Code::too_large:
      return "too_large";
    case Code::unsupported:
      return "unsupported";
    case Code::not_found:
      return "not_found";
    case Code::unavailable:
      return "unavailable";
    case Code::io:
      return "io";
    case Code::full:
      return "full";
    case Code::unbalanced:
      return "unbalanced";
  }
  STETHOS_CHECK(false, "a code without a name");
}

void stop_program(const char* file, int line, const char* condition, std::string_view why) {
  std::fprintf(stderr, "%s:%d: broken invariant (%s): %.*s\n", file, line, condition, static_cast<int>(why.size()), why.data());
  std::abort();
}

}  // namespace stethos
