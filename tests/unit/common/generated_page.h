// Pages of the documentation that a program makes are kept in the repository, and a test keeps them in step.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/folders.h"

namespace stethos::test {

// `path` counts from the repository's root. With STETHOS_WRITE_DOCS=1 in the environment the page is written instead.
inline void expect_page(const std::string& path, const std::string& page) {
  const std::filesystem::path file = source_folder() / path;
  const char* write = std::getenv("STETHOS_WRITE_DOCS");
  if (write != nullptr && std::string(write) == "1") {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << page;
    return;
  }
  std::ifstream in(file, std::ios::binary);
  ASSERT_TRUE(in) << path << " is not there: run make docs";
  const std::string kept((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  EXPECT_EQ(kept, page) << path << " is not what the program says: run make docs";
}

}  // namespace stethos::test
