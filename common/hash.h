// One hash for identities that outlive the process: XXH3, 64 bits, whose values are fixed for ever. Not for secrets.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace stethos {

std::uint64_t hash_of(std::span<const std::uint8_t> bytes, std::uint64_t seed = 0);
std::uint64_t hash_of(std::string_view text, std::uint64_t seed = 0);

}  // namespace stethos
