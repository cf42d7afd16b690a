// Where tests and benchmarks find files. The checkout's path is compiled into folders.cc alone, so that every other file
// compiles to the same object in each clone, and the compiler's cache can hand that object out. Any thread may call these.
#pragma once

#include <filesystem>

namespace stethos::test {

// The repository's root.
std::filesystem::path source_folder();

// Recordings of real machines: what STETHOS_DATA names, otherwise ../shared/data beside the checkout. It may not exist.
std::filesystem::path recorded_data_folder();

}  // namespace stethos::test
