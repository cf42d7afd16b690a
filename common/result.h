// Errors are values. A function that can fail in an expected way returns Result<T>; one that cannot go on because a
// promise inside the program is broken stops the program (STETHOS_CHECK), whatever the build.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace stethos {

enum class Code : std::uint8_t {
  invalid,      // the caller's or a sender's input is wrong
  corrupt,      // bytes that are not what they claim to be
  too_large,    // a stated limit would be passed
  unsupported,  // understood, and refused: a newer version, an unknown kind
  not_found,
  unavailable,  // the other side is not there or not ready: trying again later may help
  io,           // a file or the operating system
  full,         // no room left on the disk or in a budget
  unbalanced,   // counts that must agree do not: what was being done must not be kept
};

std::string_view name_of(Code code);

// `doing` says what was being done, `failed` what went wrong with it: "opening spool /x/y: permission denied".
struct Error {
  Code code = Code::invalid;
  std::string doing;
  std::string failed;

  std::string text() const { return doing + ": " + failed; }
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> fail(Code code, std::string doing, std::string failed) {
  return std::unexpected(Error{code, std::move(doing), std::move(failed)});
}

// Prints where and why, then aborts. Used through STETHOS_CHECK.
[[noreturn]] void stop_program(const char* file, int line, const char* condition, std::string_view why);

#define STETHOS_CHECK(condition, why) \
  ((condition) ? static_cast<void>(0) : ::stethos::stop_program(__FILE__, __LINE__, #condition, why))

}  // namespace stethos
