#include "edge/spool/spool_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tests/unit/edge/spool/filled_spool.h"

namespace stethos::edge {
namespace {

class SpoolReportTest : public testing::Test {
 protected:
  void fill(int devices = 2) { identity_ = fill_spool(file_, devices); }
  void execute(const std::string& sql) { execute_on(file_, sql); }

  SpoolReport report() {
    auto opened = SpoolReport::open(file_);
    STETHOS_CHECK(opened.has_value(), opened ? "" : opened.error().text());
    return std::move(*opened);
  }

  std::string inspected() {
    std::ostringstream out;
    EXPECT_TRUE(report().inspect(out));
    return out.str();
  }

  std::string letters(std::size_t limit) {
    std::ostringstream out;
    EXPECT_TRUE(report().letters(out, limit));
    return out.str();
  }

  // What verify prints; whether it is good must be what it says.
  std::string verified() {
    std::ostringstream out;
    const auto good = report().verify(out);
    EXPECT_TRUE(good) << good.error().text();
    EXPECT_EQ(good && *good, out.str() == "good\n");
    return out.str();
  }

  const test::ScratchFolder folder_;
  const std::string file_ = folder_ / "spool.db";
  std::string identity_;
};

#define EXPECT_TELLS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST_F(SpoolReportTest, InspectTellsWhatIsThere) {
  fill();
  const std::string text = inspected();
  EXPECT_TELLS(text, "node          not known\nidentity      " + identity_);
  EXPECT_TELLS(text, "format        1.3\n");
  EXPECT_TELLS(text, "last commit   2026-11-21T15:55:00.000Z\n");
  EXPECT_TELLS(text, "file          " + std::to_string(std::filesystem::file_size(file_)) + " bytes\n");
  EXPECT_TELLS(text, "\nalarms               0             0           0             0           -           1\n");
  EXPECT_TELLS(text, "\nstreams       3\n");
  EXPECT_TELLS(text, "\ndevices       2\n");
  EXPECT_TELLS(text, "\ndead letters  1\n  not_json                1\n");
  EXPECT_TELLS(text, "  messages                        4\n");

  const auto lanes = (*SqliteSpool::open(file_))->lane_totals();
  const RowTotals notes = lanes[static_cast<std::size_t>(schema::Lane::notes)].waiting;
  ASSERT_GT(notes.rows, 0u);
  std::istringstream words(text.substr(text.find("\nnotes ")));
  std::string name;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::uint64_t history_rows = 0;
  std::uint64_t history_bytes = 0;
  std::uint64_t lowest = 0;
  std::uint64_t next = 0;
  words >> name >> rows >> bytes >> history_rows >> history_bytes >> lowest >> next;
  EXPECT_EQ(rows, notes.rows);
  EXPECT_EQ(bytes, notes.bytes);
  EXPECT_EQ(history_rows + history_bytes, 0u);
  EXPECT_EQ(lowest, 1u);
  EXPECT_EQ(next, notes.rows + 1);
}

TEST_F(SpoolReportTest, ItReadsBesideAnEdgeThatRuns) {
  fill();
  const auto spool = *SqliteSpool::open(file_);
  EXPECT_TELLS(inspected(), identity_);
  EXPECT_EQ(verified(), "good\n");

  // And holds up no commit.
  auto reading = report();
  Effect effect;
  effect.changed = true;
  effect.rows.push_back({schema::Lane::alarms, schema::RowKind::none, {1}});
  EXPECT_TRUE(spool->commit(effect));
  std::ostringstream out;
  EXPECT_TRUE(reading.inspect(out));
  EXPECT_TELLS(out.str(), "\nalarms               0 ");
  EXPECT_TELLS(inspected(), "\nalarms               1 ");
}

TEST_F(SpoolReportTest, NothingIsMadeAndWhatIsNoSpoolIsNamed) {
  const auto absent = SpoolReport::open(file_);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, Code::not_found);
  EXPECT_FALSE(std::filesystem::exists(file_));
  std::ofstream(file_) << std::string(10'000, 'x');
  const auto garbage = SpoolReport::open(file_);
  ASSERT_FALSE(garbage);
  EXPECT_EQ(garbage.error().code, Code::corrupt);
  EXPECT_FALSE(std::filesystem::exists(file_ + ".lock"));
}

TEST_F(SpoolReportTest, VerifyFindsWhatIsWrong) {
  struct Damage {
    const char* sql;
    const char* finding;
  };
  constexpr Damage damages[] = {
      {"UPDATE lane SET waiting_rows = waiting_rows + 1 WHERE lane = 2", "lane notes: it says "},
      {"UPDATE lane SET history_bytes = history_bytes + 1 WHERE lane = 2", "lane notes: it says "},
      {"DELETE FROM outbox WHERE id = (SELECT max(id) FROM outbox)", "lane notes: it says "},
      {"UPDATE lane SET next_number = 2 WHERE lane = 2", ", and the next is to be 2\n"},
      {"DELETE FROM lane WHERE lane = 0", "lane alarms: it is missing\n"},
      {"INSERT INTO outbox VALUES (3 << 56 | 1, 1, 0, x'00')", "outbox: 1 rows are of no lane\n"},
      {"DELETE FROM meta WHERE key = 'identity'", "it has no identity\n"},
      {"INSERT INTO pane SELECT start_ns, 77, definition, length_ns, count, mean, m2, m3, m4, min, max, sum_abs, sum_sqrt_abs, "
       "not_finite, out_of_range, duplicate, late, rejected, first_epoch, first_sequence, last_epoch, last_sequence, "
       "first_received_ns, last_received_ns, changed, sent, revision, is_final, before_silence, more, clock_untrusted, "
       "recovered FROM pane LIMIT 1",
       ": there is no stream 77\n"},
      {"DELETE FROM definition", ": there is no definition "},
      {"INSERT INTO alarm VALUES (79, 1, 0, 0, 0, 0, 0, 0, 0, x'', 0, 0, 0, 0)",
       "alarm of stream 79 at 1970-01-01T00:00:00.000Z: there is no stream 79\n"},
      {"INSERT INTO alarm VALUES (1, 1, 0, 0, 0, 0, 1, 1, 0, x'00', 0, 0, 0, 0)",
       "alarm of stream 1: it is active or provisional, and its row cannot be read\n"},
      {"INSERT INTO alarm VALUES (1, 2, 0, 0, 0, 0, 0, 0, 0, x'00', 0, 0, 2, 95)",
       "alarm of stream 1: it is active or provisional, and its row cannot be read\n"},
      {"INSERT INTO identity VALUES (0, 78, 1, 0.5)",
       "identity of stream 78 at 1970-01-01T00:00:00.000Z: there is no stream 78\n"},
      {"UPDATE outbox SET body = zeroblob(length(body)) WHERE id = (2 << 56 | 1)", "outbox: row 1 of lane notes: "},
  };
  for (const Damage& damage : damages) {
    SCOPED_TRACE(damage.sql);
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(file_ + suffix);
    fill();
    EXPECT_EQ(verified(), "good\n");
    execute(damage.sql);
    EXPECT_TELLS(verified(), damage.finding);
  }
}

TEST_F(SpoolReportTest, AKindOfALaterVersionIsNoFinding) {
  fill();
  execute("UPDATE outbox SET kind = 999, body = zeroblob(length(body)) WHERE id = (2 << 56 | 1)");
  EXPECT_EQ(verified(), "good\n");
}

TEST_F(SpoolReportTest, VerifyFindsADamagedPage) {
  fill(90);
  std::string bytes;
  {
    std::ifstream file(file_, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  constexpr std::size_t page_bytes = 4096;
  const std::size_t at = bytes.find("device-50");
  ASSERT_NE(at, std::string::npos);
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at / page_bytes * page_bytes), page_bytes, '\x5a');
  std::ofstream(file_, std::ios::binary) << bytes;
  EXPECT_TELLS(verified(), "SQLite: ");
}

TEST_F(SpoolReportTest, WhatVerifyPrintsIsBounded) {
  fill();
  execute(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
      "INSERT INTO outbox SELECT 1 << 56 | (i + 1000), 1, 0, x'00' FROM n");
  const std::string text = verified();
  EXPECT_EQ(std::ranges::count(text, '\n'), 101);
  EXPECT_TELLS(text, "\nand 4902 more\n");
}

TEST_F(SpoolReportTest, LettersAreShownNewestLastAndEscaped) {
  fill();
  execute(
      "INSERT INTO dead_letter (received_ns, reason, detail, topic, device, payload_bytes, payload) VALUES "
      "(1795276501000000000, 'corrupt', 'cut ' || char(27) || '[2J', 'a/b', '', 300, x'415c00ff0a'), "
      "(1795276502000000000, 'too_large', 'why', 'c/d', 'd1', 2, x'4142')");
  EXPECT_EQ(letters(2),
            "2 2026-11-21T15:55:01.000Z corrupt: cut \\x1b[2J\n"
            "  topic a/b, device not known, 300 bytes\n"
            "  A\\\\\\x00\\xff\\x0a ...\n"
            "3 2026-11-21T15:55:02.000Z too_large: why\n"
            "  topic c/d, device d1, 2 bytes\n"
            "  AB\n");
  EXPECT_TELLS(letters(100), " not_json: ");
  EXPECT_TELLS(letters(100), "\n  not json\\x0a\n");
  execute("DELETE FROM dead_letter");
  EXPECT_EQ(letters(5), "");
}

TEST_F(SpoolReportTest, RowsAreJsonOneALine) {
  fill();
  std::ostringstream out;
  ASSERT_TRUE(report().rows(out, false));
  const std::string text = out.str();
  const auto lanes = (*SqliteSpool::open(file_))->lane_totals();
  std::uint64_t rows = 0;
  for (const LaneTotals& lane : lanes) rows += lane.waiting.rows;
  ASSERT_GT(rows, 0u);
  EXPECT_EQ(static_cast<std::uint64_t>(std::ranges::count(text, '\n')), rows);
  EXPECT_TELLS(text, R"({"spool":")" + identity_ + R"(","lane":"notes","number":1,"waiting":true,"provenance":{"id":")");
  EXPECT_TELLS(text, R"("stream":{"version":")");
  EXPECT_TELLS(text, R"("device":"t1","channel":"temperature","machine":"t1")");
}

TEST_F(SpoolReportTest, OfRowsThatTheCollectorHasIsSaidSoOrNothing) {
  fill();
  {
    const auto spool = *SqliteSpool::open(file_);
    uplink::LaneAnswer answer;
    answer.lane = schema::Lane::notes;
    answer.durable_through = 1;
    ASSERT_TRUE(spool->answered({&answer, 1}));
  }
  std::ostringstream all;
  std::ostringstream waiting;
  ASSERT_TRUE(report().rows(all, false));
  ASSERT_TRUE(report().rows(waiting, true));
  EXPECT_TELLS(all.str(), R"("number":1,"waiting":false,"provenance")");
  std::istringstream lines(all.str());
  std::string those_that_wait;
  for (std::string line; std::getline(lines, line);) {
    if (line.find(R"("waiting":true)") != std::string::npos) those_that_wait += line + "\n";
  }
  EXPECT_EQ(waiting.str(), those_that_wait);
}

// By the row of the stream, else by the part of the stream that it is of; where neither is kept nothing is guessed.
TEST_F(SpoolReportTest, WindowsHaveTheLabelsOfTheirVersionAsLongAsTheSpoolHasThem) {
  fill();
  const auto rows = [this] {
    std::ostringstream out;
    EXPECT_TRUE(report().rows(out, false));
    return out.str();
  };
  // The panes of the two devices are open: this closes them.
  {
    const auto spool = *SqliteSpool::open(file_);
    Core core(core_config(), 7, {}, kernels::make_backend("reference"), *spool->load(), *spool, "live");
    BlockSpec later{.device = "device-0", .sequence = 2, .start_ns = epoch_ns + 600 * ns_per_s};
    const Message message = block_message(later);
    auto effect = core.process({&message, 1}, epoch_ns + 3'600 * ns_per_s);
    ASSERT_TRUE(effect);
    pack_rows(**effect, epoch_ns);
    ASSERT_TRUE(spool->commit(**effect));
  }
  const std::string known = R"("channel":"vibration","machine":"device-0","quantity":"acceleration","unit":"g","definition")";
  EXPECT_TELLS(rows(), known);
  execute("DELETE FROM outbox WHERE kind = 2");
  EXPECT_TELLS(rows(), known);
  execute("UPDATE stream SET parts = x''");
  EXPECT_TELLS(rows(), R"("machine":null,"quantity":null,"unit":null,"labels_missing":")");
}

TEST_F(SpoolReportTest, RowsThatCannotBeWrittenAreAnError) {
  fill();
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  EXPECT_FALSE(report().rows(out, false));
}

}  // namespace
}  // namespace stethos::edge
