#include "common/identity.h"

#include <sys/random.h>

#include <array>
#include <cstdio>

#include "common/result.h"

namespace stethos {

std::string hex_of(std::uint64_t value) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
  return text.data();
}

std::string random_identity() {
  std::array<std::uint64_t, 2> bits{};
  STETHOS_CHECK(::getrandom(bits.data(), sizeof bits, 0) == sizeof bits, "the system gives no random bits");
  return hex_of(bits[0]) + hex_of(bits[1]);
}

}  // namespace stethos
