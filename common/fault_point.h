// Faults that are planted in the test build (STETHOS_FAULT_POINTS) and armed by the environment variable STETHOS_FAULT: a list,
// with commas, of "kill:POINT:N", the process kills itself when it passes the point for the Nth time, and "canary:NAME", it
// breaks the promise of that name, "poison:POINT:TEXT", it kills itself when it passes the point with bytes that hold the text,
// "clock:FILE", it reads a clock of its own, which nothing keeps in step and which is wrong by as many seconds as the file says;
// right, where there is no such file.
// Any thread. In every other build there is nothing: neither code nor names.
#pragma once

#include <cstdint>
#include <span>

#ifdef STETHOS_FAULT_POINTS
#include <string_view>
#endif

namespace stethos {

struct ClockFault {
  bool is_armed = false;
  std::int64_t offset_s = 0;
};

#ifdef STETHOS_FAULT_POINTS
void fault_point(std::string_view name);
bool has_canary(std::string_view name);
void poison_point(std::string_view name, std::span<const std::uint8_t> bytes);
ClockFault clock_fault();
#else
constexpr void fault_point(const char*) {}
constexpr bool has_canary(const char*) { return false; }
constexpr void poison_point(const char*, std::span<const std::uint8_t>) {}
constexpr ClockFault clock_fault() { return {}; }
#endif

}  // namespace stethos
