#include "uplink/collector/wanted.h"

#include <utility>

#include "common/log.h"

namespace stethos::collector {
namespace {

constexpr std::string_view done = "done";
constexpr std::string_view cancelled = "cancelled";
constexpr std::string_view spool_changed = "spool_changed";

Status refuse(Code code, std::string why) { return fail(code, "asking for rows again", std::move(why)); }

}  // namespace

bool answers(const schema::Again& answer, const Wanted::Open& open) {
  return answer.first() == open.next && answer.through() <= open.last && answer.from_ns() == open.from &&
         answer.to_ns() == open.to;
}

Wanted::Wanted(Store& store)
    : store_(store),
      select_node_(store.database(), "SELECT id FROM nodes WHERE name = ?"),
      select_newest_spool_(
          store.database(),
          "SELECT spools.id, coalesce(next_number, 1) FROM spools LEFT JOIN lanes ON lanes.spool = spools.id AND "
          "lane = ?2 WHERE node = ?1 ORDER BY spools.id DESC LIMIT 1"),
      insert_(store.database(),
              "INSERT INTO wanted (node, spool, lane, first, last, from_ns, to_ns, next, rows, not_kept, cause, state, asked_ns, "
              "ended_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?4, 0, 0, '', 'open', ?8, 0) RETURNING id"),
      trim_(store.database(), "DELETE FROM wanted WHERE state <> 'open' AND id <= ?"),
      select_all_(
          store.database(),
          "SELECT wanted.id, nodes.name, identity, lane, first, last, from_ns, to_ns, next, rows, not_kept, cause, state, "
          "asked_ns, ended_ns FROM wanted JOIN nodes ON nodes.id = wanted.node LEFT JOIN spools ON spools.id = "
          "wanted.spool ORDER BY wanted.id"),
      count_open_(store.database(), "SELECT count(*) FROM wanted WHERE state = 'open'"),
      select_open_(store.database(),
                   "SELECT id, spool, next, last, from_ns, to_ns FROM wanted WHERE state = 'open' AND node = ? AND lane = ? "
                   "ORDER BY id"),
      begin_(store.database(),
             "UPDATE wanted SET spool = ?2, first = 1, last = ?3, next = 1, rows = 0, not_kept = 0, cause = '' WHERE id = ?1"),
      advance_(store.database(),
               "UPDATE wanted SET next = ?2, rows = rows + ?3, not_kept = not_kept + ?4, cause = iif(?4 > 0, ?5, cause) "
               "WHERE id = ?1"),
      end_(store.database(), "UPDATE wanted SET state = ?2, ended_ns = ?3 WHERE id = ?1 AND state = 'open'") {}

Result<std::vector<std::int64_t>> Wanted::ask(const NewRequest& request, TimeNs now) {
  std::vector<std::int64_t> ids;
  const Status asked = store_.database().transaction([&]() -> Status {
    const auto node = select_node_.bind(1, std::string_view(request.node)).step();
    if (!node) return std::unexpected(node.error());
    const std::int64_t id = *node ? select_node_.integer(0) : 0;
    select_node_.reset();
    if (id == 0) return refuse(Code::invalid, "no node of the name " + request.node + " is known");
    const auto open = open_count();
    if (!open) return std::unexpected(open.error());
    if (*open + static_cast<std::int64_t>(request.lanes.size()) > open_requests_max) {
      return refuse(Code::too_large, std::to_string(*open) + " requests are open");
    }
    for (const schema::Lane lane : request.lanes) {
      const auto made = insert(request, id, lane, now);
      if (!made) return std::unexpected(made.error());
      ids.push_back(*made);
    }
    return trim_.bind(1, ids.back() - requests_kept_max).run();
  });
  if (!asked) return std::unexpected(asked.error());
  return ids;
}

Result<std::int64_t> Wanted::insert(const NewRequest& request, std::int64_t node, schema::Lane lane, TimeNs now) {
  std::int64_t spool = 0;
  if (request.numbers) {
    const auto has_spool = select_newest_spool_.bind(1, node).bind(2, static_cast<int>(lane)).step();
    if (!has_spool) return std::unexpected(has_spool.error());
    spool = *has_spool ? select_newest_spool_.integer(0) : 0;
    const std::uint64_t next_number = *has_spool ? select_newest_spool_.unsigned_integer(1) : 1;
    select_newest_spool_.reset();
    if (request.numbers->first == 0 || request.numbers->last < request.numbers->first || request.numbers->last >= next_number) {
      return std::unexpected(refuse(Code::invalid, "its lane " + std::string(schema::EnumNameLane(lane)) +
                                                       " has the numbers 1 to " + std::to_string(next_number - 1))
                                 .error());
    }
  }
  const uplink::NumberRange numbers = request.numbers.value_or(uplink::NumberRange{});
  insert_.bind(1, node)
      .bind(2, spool)
      .bind(3, static_cast<int>(lane))
      .bind(4, numbers.first)
      .bind(5, numbers.last)
      .bind(6, request.from.value_or(0))
      .bind(7, request.to.value_or(0))
      .bind(8, now);
  const auto made = insert_.step();
  if (!made) return std::unexpected(made.error());
  const std::int64_t id = insert_.integer(0);
  insert_.reset();
  return id;
}

Result<std::vector<Request>> Wanted::list() {
  std::vector<Request> out;
  for (;;) {
    const auto more = select_all_.step();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    Request& request = out.emplace_back();
    request.id = select_all_.integer(0);
    request.node = select_all_.text(1);
    request.spool = select_all_.text(2);
    request.lane = static_cast<schema::Lane>(select_all_.integer(3));
    request.numbers = {select_all_.unsigned_integer(4), select_all_.unsigned_integer(5)};
    if (select_all_.integer(6) != 0 || select_all_.integer(7) != 0) {
      request.from = select_all_.integer(6);
      request.to = select_all_.integer(7);
    }
    request.next = select_all_.unsigned_integer(8);
    request.rows = select_all_.integer(9);
    request.not_kept = select_all_.integer(10);
    request.cause = select_all_.text(11);
    request.state = select_all_.text(12);
    request.asked = select_all_.integer(13);
    request.ended = select_all_.integer(14);
  }
  select_all_.reset();
  return out;
}

Result<bool> Wanted::cancel(std::int64_t id, TimeNs now) {
  if (auto ended = end(id, cancelled, now); !ended) return std::unexpected(ended.error());
  return store_.database().changes() > 0;
}

Result<std::int64_t> Wanted::open_count() {
  const auto row = count_open_.step();
  if (!row) return std::unexpected(row.error());
  const std::int64_t count = count_open_.integer(0);
  count_open_.reset();
  return count;
}

Result<std::optional<Wanted::Open>> Wanted::open_of(std::int64_t node, std::int64_t spool, int lane, std::uint64_t next_number,
                                                    TimeNs now) {
  std::optional<Open> found;
  std::int64_t of_spool = 0;
  std::vector<std::pair<std::int64_t, std::string_view>> over;
  select_open_.bind(1, node).bind(2, lane);
  while (!found) {
    const auto more = select_open_.step();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    const Open open{.id = select_open_.integer(0),
                    .next = select_open_.unsigned_integer(2),
                    .last = select_open_.unsigned_integer(3),
                    .from = select_open_.integer(4),
                    .to = select_open_.integer(5)};
    of_spool = select_open_.integer(1);
    const bool is_span = open.from != 0 || open.to != 0;
    if (is_span && next_number == 1) {
      over.emplace_back(open.id, done);  // there never was a row
    } else if (is_span || of_spool == spool) {
      found = open;
    } else if (of_spool < spool) {
      over.emplace_back(open.id, spool_changed);  // but a batch of an older spool that comes late ends nothing
    }
  }
  select_open_.reset();
  for (const auto& [id, state] : over) {
    if (auto ended = end(id, state, now); !ended) return std::unexpected(ended.error());
  }
  if (found && of_spool != spool) {
    found->next = 1;
    found->last = next_number - 1;
    if (auto begun = begin_.bind(1, found->id).bind(2, spool).bind(3, found->last).run(); !begun)
      return std::unexpected(begun.error());
  }
  return found;
}

Status Wanted::note_answer(const Open& open, const schema::Again& answer, std::int64_t rows, TimeNs now) {
  const std::string_view known = schema::EnumNameGapCause(answer.cause());
  auto noted = advance_.bind(1, open.id)
                   .bind(2, answer.through() + 1)
                   .bind(3, rows)
                   .bind(4, answer.not_kept())
                   .bind(5, known.empty() ? std::string_view("unknown") : known)
                   .run();
  if (!noted || answer.through() < open.last) return noted;
  spdlog::info("request {} for rows again is answered", open.id);
  return end(open.id, done, now);
}

Status Wanted::end(std::int64_t id, std::string_view state, TimeNs now) {
  return end_.bind(1, id).bind(2, state).bind(3, now).run();
}

}  // namespace stethos::collector
