#include "edge/inspect/folders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common/scratch_folder.h"

namespace stethos::edge {
namespace {

using testing::HasSubstr;

TEST(Folders, TheFolderOfTheSpoolMustBeThere) {
  const test::ScratchFolder folder;
  EdgeConfig config;
  config.spool_file = folder / "spool.db";
  EXPECT_TRUE(check_spool_folder(config).has_value());
  config.spool_file = folder / "missing/spool.db";
  const auto missing = check_spool_folder(config);
  ASSERT_FALSE(missing.has_value());
  EXPECT_THAT(missing.error().text(), HasSubstr("its folder " + (folder / "missing") + " does not exist"));
  folder.write("file", "");
  config.spool_file = folder / "file/spool.db";
  EXPECT_FALSE(check_spool_folder(config).has_value());
  config.spool_file = folder / "";
  EXPECT_FALSE(check_spool_folder(config).has_value()) << "a folder is no spool";
  config.spool_file = "spool.db";
  EXPECT_EQ(spool_folder_of(config), ".");
}

TEST(Folders, ThatOfRecordingsIsMadeWhereThatIsPossible) {
  const test::ScratchFolder folder;
  EdgeConfig config;
  EXPECT_TRUE(check_record_folder(config).has_value()) << "nothing is recorded";
  config.record_folder = folder / "a/b/c";
  EXPECT_TRUE(check_record_folder(config).has_value());
  folder.write("a", "");
  EXPECT_FALSE(check_record_folder(config).has_value());
}

}  // namespace
}  // namespace stethos::edge
