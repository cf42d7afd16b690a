#include "edge/spool/spool_format.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <span>
#include <utility>
#include <vector>

#include "edge/spool/tables.h"

namespace stethos::edge {
namespace {

using sqlite::Database;
using sqlite::Statement;

Error error_of(const Database& database, const std::string& doing, const Error& error) {
  // Our SQL is right: what SQLite cannot make sense of is in the file.
  const bool is_file = (sqlite3_errcode(database.handle()) & 0xff) == SQLITE_ERROR;
  return {is_file ? Code::corrupt : error.code, doing, error.failed};
}

Result<std::int64_t> integer_of(Database& database, const std::string& doing, std::string_view sql) {
  auto statement = Statement::prepare(database, sql);
  if (!statement) return std::unexpected(error_of(database, doing, statement.error()));
  const auto row = statement->step();
  if (!row) return std::unexpected(error_of(database, doing, row.error()));
  return *row ? statement->integer(0) : 0;
}

// "pane.mean REAL NOT NULL", with the column's place in the primary key where it has one; sorted.
Result<std::vector<std::string>> columns_of(Database& database, const std::string& doing) {
  auto statement = Statement::prepare(
      database,
      "SELECT t.name || '.' || c.name || ' ' || c.type || iif(c.\"notnull\", ' NOT NULL', '') || "
      "iif(c.pk, ' PRIMARY KEY ' || c.pk, '') FROM sqlite_schema t JOIN pragma_table_xinfo(t.name) c WHERE t.type = 'table'");
  if (!statement) return std::unexpected(error_of(database, doing, statement.error()));
  std::vector<std::string> columns;
  for (;;) {
    const auto row = statement->step();
    if (!row) return std::unexpected(error_of(database, doing, row.error()));
    if (!*row) break;
    columns.emplace_back(statement->text(0));
  }
  std::ranges::sort(columns);
  return columns;
}

}  // namespace

Status check_is_no_text(const std::string& path, const std::string& doing) {
  std::array<char, 4096> bytes{};
  std::ifstream file(path, std::ios::binary);
  file.read(bytes.data(), bytes.size());
  const auto first = std::span(bytes).first(static_cast<std::size_t>(file.gcount()));
  // What flash reads as where it was erased, or where it fails, is one byte over and over, and none of these is a line.
  const auto is_of_text = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= ' ' ? byte != 0x7f && byte < 0xf5 : c == '\n' || c == '\r' || c == '\t';
  };
  const auto lines = std::ranges::count(first, '\n');
  if (lines == 0 || std::cmp_equal(lines, first.size()) || !std::ranges::all_of(first, is_of_text)) return {};
  return fail(Code::invalid, doing, "it is a text file, and no spool");
}

Result<int> spool_version_of(Database& database, const std::string& doing) {
  const auto application = integer_of(database, doing, "PRAGMA application_id");
  if (!application) return std::unexpected(application.error());
  const auto version = integer_of(database, doing, "PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  const auto objects = integer_of(database, doing, "SELECT count(*) FROM sqlite_schema");
  if (!objects) return std::unexpected(objects.error());
  if (*version == 0 && *application == 0 && *objects == 0) return 0;
  if (*application != spool_application_id) return fail(Code::unsupported, doing, "it is a SQLite file of something else");
  if (*version / 1000 != spool_version_major) {
    return fail(Code::unsupported, doing,
                "its format is " + std::to_string(*version / 1000) + "." + std::to_string(*version % 1000) +
                    ", this program reads " + std::to_string(spool_version_major) + ".x");
  }

  auto ours = Database::in_memory();
  if (!ours) return std::unexpected(ours.error());
  const int minor = std::min(static_cast<int>(*version % 1000), spool_version_minor);
  for (int i = 0; i <= minor; ++i) {
    if (auto made = ours->execute(spool_versions.at(static_cast<std::size_t>(i))); !made) return std::unexpected(made.error());
  }
  const auto wanted = columns_of(*ours, doing);
  if (!wanted) return std::unexpected(wanted.error());
  const auto there = columns_of(database, doing);
  if (!there) return std::unexpected(there.error());
  for (const std::string& column : *wanted) {
    if (!std::ranges::binary_search(*there, column)) {
      return fail(Code::corrupt, doing, "its tables are not those of a spool: there is no " + column);
    }
  }
  return static_cast<int>(*version);
}

Status check_owner(const std::string& path, std::string_view owner, std::string_view node) {
  if (owner.empty() || owner == node) return {};
  const std::string before(owner);
  return fail(Code::invalid, "using the spool " + path + " for the node " + std::string(node),
              "it is that of the node " + before +
                  ": all that is in it would be counted again under the new name. Put node.id = \"" + before +
                  "\" back, or let " + before + " send what waits and begin a new spool.file");
}

}  // namespace stethos::edge
