// A spool of an earlier minor version, and what the release of that version finds in one of ours.
#include <gtest/gtest.h>

#include <map>

#include "edge/spool/sqlite_spool.h"
#include "edge/spool/tables.h"
#include "tests/unit/edge/spool/filled_spool.h"

namespace stethos::edge {
namespace {

using Columns = std::map<std::string, std::string>;  // by table: "a, b, c"

Columns columns_of(sqlite::Database& database) {
  Columns columns;
  sqlite::Statement names(database,
                          "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' "
                          "AND t.name NOT LIKE 'sqlite_%'");
  while (*names.step()) {
    std::string& list = columns[std::string(names.text(0))];
    list += (list.empty() ? "" : ", ") + std::string(names.text(1));
  }
  return columns;
}

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const std::string_view part : parts) all += part;
  return all;
}

void run(sqlite::Database& database, const std::string& sql) {
  const auto done = database.execute(sql);
  ASSERT_TRUE(done) << sql << ": " << done.error().text();
}

// Takes what a filled spool of ours has to a file as version 1.`minor` made it.
void make_earlier(const std::string& ours, const std::string& earlier, int minor) {
  auto file = *sqlite::Database::open(earlier, sqlite::Access::read_write);
  for (int i = 0; i <= minor; ++i) run(file, spool_versions.at(static_cast<std::size_t>(i)));
  sqlite3_limit(file.handle(), SQLITE_LIMIT_ATTACHED, 1);
  run(file, "ATTACH '" + ours + "' AS ours");
  for (const auto& [table, columns] : columns_of(file)) {
    run(file, joined({"INSERT OR REPLACE INTO main.", table, " (", columns, ") SELECT ", columns, " FROM ours.", table}));
  }
  run(file, "PRAGMA application_id = " + std::to_string(spool_application_id) +
                "; PRAGMA user_version = " + std::to_string(1000 * spool_version_major + minor));
}

// Writes all that is in our file again, by the columns that the version of the earlier one names.
void write_as(const std::string& earlier, const std::string& ours) {
  auto known = *sqlite::Database::open(earlier, sqlite::Access::read_only);
  auto file = *sqlite::Database::open(ours, sqlite::Access::read_write);
  for (const auto& [table, columns] : columns_of(known)) {
    run(file, joined({"CREATE TEMP TABLE written AS SELECT ", columns, " FROM main.", table, "; DELETE FROM main.", table,
                      "; INSERT INTO main.", table, " (", columns, ") SELECT ", columns,
                      " FROM temp.written; DROP TABLE temp.written"}));
  }
}

std::int64_t version_of(const std::string& path) {
  auto file = *sqlite::Database::open(path, sqlite::Access::read_only);
  sqlite::Statement version(file, "PRAGMA user_version");
  return *version.step() ? version.integer(0) : -1;
}

std::uint64_t letter_bytes_of(const std::string& path) {
  auto file = *sqlite::Database::open(path, sqlite::Access::read_only);
  sqlite::Statement bytes(file, "SELECT value FROM meta WHERE key = 'dead_letter_bytes'");
  return *bytes.step() ? bytes.unsigned_integer(0) : 0;
}

// Version 1.1 knew nothing of a pane's blocks, version 1.2 of the parts of a stream, of a clock for each definition and of how
// far its windows are settled.
std::vector<Stream> without_what_is_new(std::vector<Stream> streams, int minor) {
  for (Stream& stream : streams) {
    stream.clocks.clear();
    stream.parts.clear();
    stream.clock.settled_ns = stream.clock.settled_ns_max = time_min;
    stream.heard_ns.reset();
    stream.described_in_epoch.reset();
    stream.block_samples = 0;
    for (auto& [definition, panes] : stream.panes) {
      for (auto& [start, pane] : panes) {
        if (minor < 2) pane.blocks = {};
      }
    }
  }
  return streams;
}

TEST(SpoolVersions, AnEarlierMinorVersionIsBroughtUpToDate) {
  for (int minor = 0; minor < spool_version_minor; ++minor) {
    ScratchFile ours, earlier;
    const std::string identity = fill_spool(ours.path(), 2);
    make_earlier(ours.path(), earlier.path(), minor);
    ASSERT_EQ(version_of(earlier.path()), 1000 * spool_version_major + minor);

    auto expected = *SqliteSpool::open(ours.path());
    auto opened = SqliteSpool::open(earlier.path());
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_EQ(version_of(earlier.path()), 1000 * spool_version_major + spool_version_minor);
    EXPECT_EQ((*opened)->spool_identity(), identity);
    EXPECT_TRUE((*opened)->load()->streams == without_what_is_new(expected->load()->streams, minor));
    EXPECT_EQ((*opened)->lane_totals()[1].waiting.rows, expected->lane_totals()[1].waiting.rows);
    const auto letter = (*opened)->letter_after(0);
    ASSERT_TRUE(letter && *letter);
    EXPECT_EQ((*letter)->topic, (*expected->letter_after(0))->topic);
    EXPECT_EQ((*letter)->channel, "");
    EXPECT_EQ(letter_bytes_of(earlier.path()), (*letter)->payload.size() + (*letter)->topic.size() +
                                                   (*letter)->rejection.detail.size() + (*letter)->device.size());
  }
}

// It names the columns that it knows, in a file that has more.
TEST(SpoolVersions, TheReleaseBeforeCanStillUseIt) {
  for (int minor = 0; minor < spool_version_minor; ++minor) {
    ScratchFile ours, earlier;
    fill_spool(ours.path(), 2);
    make_earlier(ours.path(), earlier.path(), minor);
    const auto before = without_what_is_new((*SqliteSpool::open(ours.path()))->load()->streams, minor);
    write_as(earlier.path(), ours.path());
    EXPECT_TRUE((*SqliteSpool::open(ours.path()))->load()->streams == before);
  }
}

// It loads what is forgotten like all else: what it writes has spoken there.
TEST(SpoolVersions, WhatTheReleaseBeforeWritesIsNotForgotten) {
  ScratchFile ours, earlier;
  fill_spool(ours.path(), 2);
  make_earlier(ours.path(), earlier.path(), spool_version_minor - 1);
  execute_on(ours.path(),
             "DELETE FROM pane; DELETE FROM identity; UPDATE stream SET forgotten_ns = 5; UPDATE device SET forgotten_ns = 5");
  const auto forgotten = *(*SqliteSpool::open(ours.path()))->load();
  EXPECT_TRUE(forgotten.streams.empty());
  EXPECT_TRUE(forgotten.devices.empty());
  EXPECT_EQ(forgotten.last_stream, 3);
  EXPECT_EQ(forgotten.samples_forgotten.good, 9u);
  write_as(earlier.path(), ours.path());
  const auto state = *(*SqliteSpool::open(ours.path()))->load();
  EXPECT_EQ(state.streams.size(), 3u);
  EXPECT_EQ(state.devices.size(), 2u);
  EXPECT_EQ(state.samples_forgotten.good, 0u);
}

}  // namespace
}  // namespace stethos::edge
