#include "edge/spool/dead_letters.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <string_view>

namespace stethos::edge {
namespace {

using sqlite::Database;
using sqlite::Statement;

constexpr std::string_view letters_key = "dead_letters";
constexpr std::string_view bytes_key = "dead_letter_bytes";
constexpr std::uint64_t overhead_bytes = 128;  // what one takes beside its payload and texts, as the budget counts it

// The format's description of dead_letter_bytes says the same.
std::uint64_t bytes_of(const DeadLetter& letter) {
  return letter.payload.size() + letter.rejection.detail.size() + letter.topic.size() + letter.device.size() +
         letter.channel.size() + std::span(letter.late_in).size_bytes();
}

std::span<const std::uint8_t> bytes_of(const std::vector<std::uint64_t>& numbers) {
  static_assert(std::endian::native == std::endian::little);
  const auto bytes = std::as_bytes(std::span(numbers));
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

std::vector<std::uint64_t> numbers_of(std::span<const std::uint8_t> bytes) {
  std::vector<std::uint64_t> numbers(bytes.size() / sizeof(std::uint64_t));
  if (!numbers.empty()) std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(std::uint64_t));
  return numbers;
}

std::uint64_t budget_bytes_of(const RowTotals& letters) { return letters.bytes + letters.rows * overhead_bytes; }

}  // namespace

DeadLetters::DeadLetters(Database& writer)
    : writer_(writer),
      add_(writer,
           "INSERT INTO dead_letter (received_ns, reason, detail, topic, device, channel, payload_bytes, payload, "
           "clock_untrusted, late_in) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
      remove_(writer, "DELETE FROM dead_letter WHERE id = ?1"),
      oldest_(writer,
              "SELECT id, length(payload) + length(CAST(detail AS BLOB)) + length(CAST(topic AS BLOB)) + "
              "length(CAST(device AS BLOB)) + length(CAST(channel AS BLOB)) + length(late_in) FROM dead_letter ORDER BY id"),
      remove_through_(writer, "DELETE FROM dead_letter WHERE id <= ?1"),
      save_total_(writer, "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)") {}

Status DeadLetters::load() {
  Statement totals(writer_, "SELECT (SELECT value FROM meta WHERE key = ?1), (SELECT value FROM meta WHERE key = ?2)");
  const auto row = totals.bind(1, letters_key).bind(2, bytes_key).step();
  if (!row) return std::unexpected(row.error());
  totals_ = {totals.unsigned_integer(0), totals.unsigned_integer(1)};
  // Whether the table can be read at both of its ends.
  Statement ends(writer_, "SELECT (SELECT max(id) FROM dead_letter), (SELECT min(id) FROM dead_letter)");
  if (const auto read = ends.step(); !read) return std::unexpected(read.error());
  return {};
}

Status DeadLetters::change(std::span<const DeadLetter> added, const DeadLetter* gone) {
  if (added.empty() && gone == nullptr) return {};
  for (const DeadLetter& letter : added) {
    auto done = add_.bind(1, letter.received_ns)
                    .bind(2, name_of(letter.rejection.reason))
                    .bind(3, letter.rejection.detail)
                    .bind(4, letter.topic)
                    .bind(5, letter.device)
                    .bind(6, letter.channel)
                    .bind(7, letter.payload_bytes)
                    .bind(8, std::span(letter.payload))
                    .bind(9, letter.clock_untrusted ? 1 : 0)
                    .bind(10, bytes_of(letter.late_in))
                    .run();
    if (!done) return done;
    totals_ += {1, bytes_of(letter)};
  }
  if (gone != nullptr) {
    if (auto done = remove_.bind(1, gone->id).run(); !done) return done;
    take_off({1, bytes_of(*gone)});
  }
  return save_totals();
}

Result<RowTotals> DeadLetters::drop(std::uint64_t bytes) { return drop(bytes, 0); }

Result<RowTotals> DeadLetters::drop_beyond(std::uint64_t letters_max) {
  return drop(0, totals_.rows - std::min(totals_.rows, letters_max));
}

// At least so many bytes and so many letters, as far as there are any.
Result<RowTotals> DeadLetters::drop(std::uint64_t bytes, std::uint64_t letters) {
  RowTotals gone;
  std::int64_t last = 0;
  while (gone.rows < totals_.rows && (budget_bytes_of(gone) < bytes || gone.rows < letters)) {
    const auto row = oldest_.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    last = oldest_.integer(0);
    gone += {1, oldest_.unsigned_integer(1)};
  }
  oldest_.reset();
  if (gone.rows == 0) return gone;
  if (auto done = remove_through_.bind(1, last).run(); !done) return std::unexpected(done.error());
  take_off(gone);
  if (auto saved = save_totals(); !saved) return std::unexpected(saved.error());
  return gone;
}

// The release before counts payloads alone: what it has added or removed is not in the total as it is here.
void DeadLetters::take_off(const RowTotals& gone) {
  totals_.rows -= gone.rows;
  totals_.bytes = totals_.rows == 0 ? 0 : totals_.bytes - std::min(totals_.bytes, gone.bytes);
}

Status DeadLetters::save_totals() {
  if (auto done = save_total_.bind(1, letters_key).bind(2, totals_.rows).run(); !done) return done;
  return save_total_.bind(1, bytes_key).bind(2, totals_.bytes).run();
}

Result<std::optional<DeadLetter>> DeadLetters::after(std::int64_t id) {
  Statement letters(writer_,
                    "SELECT id, received_ns, reason, detail, topic, device, channel, payload_bytes, payload, clock_untrusted, "
                    "late_in FROM dead_letter WHERE id > ?1 ORDER BY id");
  letters.bind(1, id);
  for (;;) {
    const auto row = letters.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return std::nullopt;
    const auto reason = std::ranges::find(reason_names, letters.text(2));
    if (reason == reason_names.end()) continue;
    DeadLetter letter;
    letter.id = letters.integer(0);
    letter.received_ns = letters.integer(1);
    letter.rejection = {static_cast<Reason>(reason - reason_names.begin()), std::string(letters.text(3))};
    letter.topic = letters.text(4);
    letter.device = letters.text(5);
    letter.channel = letters.text(6);
    letter.payload_bytes = letters.unsigned_integer(7);
    const auto payload = letters.blob(8);
    letter.payload.assign(payload.begin(), payload.end());
    letter.clock_untrusted = letters.integer(9) != 0;
    letter.late_in = numbers_of(letters.blob(10));
    return letter;
  }
}

std::uint64_t DeadLetters::budget_bytes() const { return budget_bytes_of(totals_); }

}  // namespace stethos::edge
