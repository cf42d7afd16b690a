// Whether a SQLite file is a spool that this program reads. Asked before any of its tables is used.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"
#include "common/sqlite.h"

namespace stethos::edge {

// Its version as edge/spool/tables.h writes it; 0: there is nothing in it yet. Codes of the errors: `unsupported` (something
// else, or of another major version), `corrupt` (it cannot be read, or a table or column of ours is missing or another; what
// there is beyond ours may be of a later minor version). `doing` is how the error begins.
Result<int> spool_version_of(sqlite::Database& database, const std::string& doing);

// Whether the file is a text, as a configuration is, and no spool that was damaged: then it must stay what it is. Code::invalid:
// it is one. `doing` is how the error begins.
Status check_is_no_text(const std::string& path, const std::string& doing);

// Whether a node of this name may use a spool of this owner (empty: nobody's yet). What is in it would be counted a second time
// under another name. Code::invalid: it may not, and what to do.
Status check_owner(const std::string& path, std::string_view owner, std::string_view node);

}  // namespace stethos::edge
