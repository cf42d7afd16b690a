// A spool with something in every table.
#pragma once

#include "edge/spool/sqlite_spool.h"
#include "tests/unit/common/scratch_folder.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {

inline constexpr TimeNs filled_ns = 1'795'276'500 * ns_per_s;  // 2026-11-21T15:55:00Z

// One commit: `devices` devices of our protocol with a block each, one with a JSON reading, one dead letter. Returns its
// identity.
inline std::string fill_spool(const std::string& path, int devices) {
  auto spool = *SqliteSpool::open(path);
  Core core(core_config(), 7, {}, kernels::make_backend("reference"), *spool->load(), *spool, "live");
  std::vector<Message> batch{json_message("not json\n"),
                             json_message(R"({"device":"t1","ts":1767225600000,"temperature":1,"seq":1})")};
  for (int i = 0; i < devices; ++i) {
    BlockSpec block;
    block.device = "device-" + std::to_string(i);
    batch.push_back(block_message(block));
  }
  auto effect = core.process(batch, filled_ns);
  pack_rows(**effect, filled_ns);
  const auto committed = spool->commit(**effect);
  STETHOS_CHECK(committed.has_value(), committed ? "" : committed.error().text());
  return spool->spool_identity();
}

inline void execute_on(const std::string& path, const std::string& sql) {
  auto database = *sqlite::Database::open(path, sqlite::Access::read_write);
  const auto done = database.execute(sql);
  STETHOS_CHECK(done.has_value(), done ? "" : done.error().text());
}

}  // namespace stethos::edge
