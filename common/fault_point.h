// Faults that are planted in the test build (STETHOS_FAULT_POINTS) and armed by the environment variable STETHOS_FAULT: a list,
// with commas, of "kill:POINT:N", the process kills itself when it passes the point for the Nth time, and "canary:NAME", it
// breaks the promise of that name, "poison:POINT:TEXT", it kills itself when it passes the point with bytes that hold the text.
// Any thread. In every other build there is nothing: neither code nor names.
#pragma once

#include <cstdint>
#include <span>

#ifdef STETHOS_FAULT_POINTS
#include <string_view>
#endif

namespace stethos {

#ifdef STETHOS_FAULT_POINTS
void fault_point(std::string_view name);
bool has_canary(std::string_view name);
void poison_point(std::string_view name, std::span<const std::uint8_t> bytes);
#else
constexpr void fault_point(const char*) {}
constexpr bool has_canary(const char*) { return false; }
constexpr void poison_point(const char*, std::span<const std::uint8_t>) {}
#endif

}  // namespace stethos
