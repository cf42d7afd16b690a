// Random identities of files and stores, and the text form of 64-bit ones.
#pragma once

#include <cstdint>
#include <string>

namespace stethos {

// 128 random bits as 32 hex digits.
std::string random_identity();

// 16 hex digits.
std::string hex_of(std::uint64_t value);

}  // namespace stethos
