#include "tests/folders.h"

#include <cstdlib>

namespace stethos::test {

std::filesystem::path source_folder() { return STETHOS_SOURCE_DIR; }

std::filesystem::path recorded_data_folder() {
  const char* named = std::getenv("STETHOS_DATA");
  return named != nullptr ? std::filesystem::path(named) : source_folder() / "../shared/data";
}

}  // namespace stethos::test
