#include "uplink/sender/sender.h"

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "schemas/envelope.h"
#include "schemas/names.h"
#include "uplink/protocol/compression.h"

namespace stethos::uplink {
namespace {

// With next_number 0 or a lowest_kept beyond it an outbox contradicts itself; so it does with rows outside of the two.
Status check_outbox(const std::vector<OutboxLane>& lanes) {
  const auto refuse = [](std::string why) { return fail(Code::corrupt, "reading the outbox", std::move(why)); };
  for (const OutboxLane& lane : lanes) {
    const std::string name = schema::EnumNameLane(lane.lane);
    if (lane.next_number == 0 || lane.lowest_kept == 0 || lane.lowest_kept > lane.next_number) {
      return refuse("lane " + name + " keeps " + std::to_string(lane.lowest_kept) + " up to " + std::to_string(lane.next_number));
    }
    std::uint64_t next = lane.lowest_kept;
    for (const OutboxRow& row : lane.rows) {
      if (row.number < next || row.number >= lane.next_number) {
        return refuse("lane " + name + " has row " + std::to_string(row.number) + " out of place");
      }
      next = row.number + 1;
    }
  }
  return {};
}

constexpr std::size_t directive_kinds_max = 100;  // that are remembered, and so logged

std::unique_ptr<schema::RowT> sent_row(OutboxRow& row) {
  auto sent = std::make_unique<schema::RowT>();
  sent->number = row.number;
  sent->kind = row.kind;
  sent->body = std::move(row.body);
  return sent;
}

schema::UplinkBatchT batch_of(std::vector<OutboxLane> lanes) {
  schema::UplinkBatchT batch;
  for (OutboxLane& lane : lanes) {
    auto out = std::make_unique<schema::LaneBatchT>();
    out->lane = static_cast<std::uint8_t>(lane.lane);
    out->lowest_kept = lane.lowest_kept;
    out->next_number = lane.next_number;
    out->previous_number = lane.previous_number;
    out->previous_hash = lane.previous_hash;
    out->first_number = lane.first_number;
    for (const GivenUp& each : lane.given_up) {
      auto given_up = std::make_unique<schema::GivenUpT>();
      given_up->first = each.numbers.first;
      given_up->last = each.numbers.last;
      given_up->cause = each.cause;
      given_up->first_ns = each.first_ns;
      given_up->last_ns = each.last_ns;
      out->given_up.push_back(std::move(given_up));
    }
    for (OutboxRow& row : lane.rows) out->rows.push_back(sent_row(row));
    batch.lanes.push_back(std::move(out));
  }
  return batch;
}

Result<LaneAnswer> read_lane(const schema::LaneAckT& ack) {
  LaneAnswer out{.lane = static_cast<schema::Lane>(ack.lane),
                 .durable_through = ack.durable_through,
                 .ranges = {},
                 .last_number = ack.last_number,
                 .last_hash = ack.last_hash};
  for (const auto& range : ack.ranges) out.ranges.push_back({range->first, range->last});
  // Beyond what is durable there is at least one number that is not.
  const bool are_beyond = out.ranges.empty() || out.ranges.front().first > ack.durable_through + 1;
  if (!are_beyond || !are_sorted_and_disjoint(out.ranges)) {
    return fail(Code::corrupt, "reading the answer for lane " + std::to_string(ack.lane), "its ranges are not in order");
  }
  return out;
}

std::unique_ptr<schema::AgainT> again_of(const WantedRows& wanted, RowsAgain& answer) {
  auto out = std::make_unique<schema::AgainT>();
  out->first = wanted.numbers.first;
  out->from_ns = wanted.from;
  out->to_ns = wanted.to;
  out->through = answer.through;
  out->not_kept = answer.not_kept;
  out->cause = answer.cause;
  for (OutboxRow& row : answer.rows) out->rows.push_back(sent_row(row));
  return out;
}

Result<WantedRows> read_wanted(const schema::WantedT& wanted) {
  const bool is_span = wanted.from_ns < wanted.to_ns || (wanted.from_ns == 0 && wanted.to_ns == 0);
  if (wanted.first == 0 || wanted.last < wanted.first || !is_span) {
    return fail(Code::corrupt, "reading what the collector wants again", "its numbers or times contradict each other");
  }
  return WantedRows{{wanted.first, wanted.last}, wanted.from_ns, wanted.to_ns};
}

std::size_t bytes_of(const std::vector<OutboxRow>& rows) {
  std::size_t bytes = 0;
  for (const OutboxRow& row : rows) bytes += row.body.size();
  return bytes;
}

}  // namespace

std::string_view name_of(SenderState state) {
  switch (state) {
    case SenderState::idle:
      return "idle";
    case SenderState::sending:
      return "sending";
    case SenderState::backing_off:
      return "backing_off";
    case SenderState::stopped:
      return "stopped";
  }
  return "";
}

// What must be remembered of a batch to judge its answer.
struct Sender::Sent {
  std::map<std::uint8_t, std::vector<std::uint64_t>> lanes;  // the numbers of the rows
  std::string spool;
  DurationNs asked_monotonic = 0;
  std::map<schema::Lane, WantedRows> wanted;  // that this batch answers
  std::uint64_t rows_again = 0;
  std::uint64_t rows = 0;                     // the others
  std::uint64_t bytes = 0;
  std::uint64_t bytes_uncompressed = 0;
  bool left_rows_behind = false;  // the outbox had more than one batch takes
};

Sender::Sender(SenderConfig config, OutboxSource& source, Uplink& uplink, const Clock& clock)
    : config_(std::move(config)),
      source_(source),
      uplink_(uplink),
      clock_(clock),
      rows_max_(config_.rows_max),
      jitter_(config_.jitter_seed) {
  STETHOS_CHECK(schema::is_name(config_.node), "the name of the node");
  STETHOS_CHECK(config_.rows_max >= 1 && config_.rows_max <= schema::rows_per_batch_max, "rows in a batch");
  STETHOS_CHECK(config_.batch_bytes_max <= schema::uplink_batch_bytes_max / 2, "bytes in a batch");
  STETHOS_CHECK(config_.backoff_min > 0 && config_.backoff_min <= config_.backoff_max, "times to wait after a failure");
  status_.rows_max = rows_max_;
}

Sender::~Sender() { stop(0); }

void Sender::start() {
  STETHOS_CHECK(!thread_.joinable(), "the sender runs already");
  thread_ = std::thread([this] { run(); });
}

void Sender::notify() {
  const std::lock_guard lock(mutex_);
  notified_ = true;
  wake_.notify_all();
}

void Sender::stop(DurationNs deadline) {
  if (!thread_.joinable()) return;
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
    if (!clock_.wait_for(wake_, lock, deadline, [&] { return ended_; })) uplink_.abort();
  }
  thread_.join();
}

SenderStatus Sender::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void Sender::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const bool notified = notified_;
    const DurationNs left = wait_locked(clock_.monotonic());
    if (left > 0) {
      clock_.wait_for(wake_, lock, left, [&] { return stopping_ || notified_ != notified; });
      continue;
    }
    lock.unlock();
    step();
    lock.lock();
  }
  status_.state = SenderState::stopped;
  ended_ = true;
  wake_.notify_all();
}

template <class Change>
void Sender::update(Change change) {
  const std::lock_guard lock(mutex_);
  change(status_);
}

DurationNs Sender::wait_locked(DurationNs now) const {
  DurationNs until = not_before_;
  if (!has_backlog_ && last_success_) {
    until = std::max(until, *last_success_ + (notified_ ? std::min(config_.interval, config_.heartbeat) : config_.heartbeat));
  }
  return std::max<DurationNs>(0, until - now);
}

DurationNs Sender::wait(DurationNs now) const {
  const std::lock_guard lock(mutex_);
  return wait_locked(now);
}

DurationNs Sender::step() {
  const DurationNs now = clock_.monotonic();
  {
    const std::lock_guard lock(mutex_);
    if (const DurationNs left = wait_locked(now); left > 0) return left;
    notified_ = false;  // before the outbox is read: a row that is added meanwhile makes another round
  }
  const TimeNs offered_until = source_.offered_until();  // before the outbox is read, for the same reason
  auto lanes = read_outbox();
  if (!lanes) return back_off(Problem::outbox, lanes.error(), 0);
  const bool has_rows = std::ranges::any_of(*lanes, [](const OutboxLane& lane) { return !lane.rows.empty(); });
  // After a failure even an empty batch: its answer says what is still wanted again.
  const bool heartbeat_due = !last_success_ || backoff_ > 0 || now - *last_success_ >= config_.heartbeat;
  auto again = read_again(*lanes);
  if (!again) return back_off(Problem::outbox, again.error(), 0);
  if (has_rows || heartbeat_due || !again->empty()) return deliver(std::move(*lanes), std::move(*again), offered_until);
  has_backlog_ = false;
  update([](SenderStatus& status) {
    status.state = SenderState::idle;
    status.rows_waiting = 0;
  });
  return wait(now);
}

Result<std::vector<OutboxLane>> Sender::read_outbox() {
  auto lanes = source_.waiting(config_.order, has_greeted_ ? rows_max_ : 0, config_.batch_bytes_max);
  if (!lanes) return lanes;
  if (auto checked = check_outbox(*lanes); !checked) return std::unexpected(checked.error());
  return lanes;
}

// What the last answer wants, as far as the rows that wait leave room. It is forgotten here: should this batch be refused because
// of it, the next one goes without.
Result<Sender::Again> Sender::read_again(const std::vector<OutboxLane>& lanes) {
  Again out;
  const auto wanted = std::exchange(wanted_, {});
  std::size_t rows = 0;
  std::size_t bytes = 0;
  for (const OutboxLane& lane : lanes) {
    if (lane.rows_waiting > lane.rows.size()) return out;
    rows += lane.rows.size();
    bytes += bytes_of(lane.rows);
  }
  // Where the line is slow no more than a second of it, so that what comes next does not wait for long.
  const std::size_t bytes_max = config_.bytes_per_s_max == 0
                                    ? config_.batch_bytes_max
                                    : std::min<std::size_t>(config_.batch_bytes_max, config_.bytes_per_s_max);
  for (const auto& [lane, range] : wanted) {
    if (rows >= rows_max_ || bytes >= bytes_max) break;
    auto answer = source_.again(lane, range, rows_max_ - rows, bytes_max - bytes);
    if (!answer) return std::unexpected(answer.error());
    rows += answer->rows.size();
    bytes += bytes_of(answer->rows);
    out.emplace(lane, LaneAgain{range, std::move(*answer)});
  }
  return out;
}

DurationNs Sender::deliver(std::vector<OutboxLane> lanes, Again again, TimeNs offered_until) {
  Sent sent{.lanes = {}, .spool = source_.spool_identity(), .wanted = {}};
  std::uint64_t waiting = 0;
  TimeNs oldest = 0;
  for (const OutboxLane& lane : lanes) {
    auto& numbers = sent.lanes[static_cast<std::uint8_t>(lane.lane)];
    for (const OutboxRow& row : lane.rows) numbers.push_back(row.number);
    sent.rows += numbers.size();
    waiting += lane.rows_waiting;
    if (lane.oldest_waiting_ns != 0 && (oldest == 0 || lane.oldest_waiting_ns < oldest)) oldest = lane.oldest_waiting_ns;
    if (lane.rows_waiting > numbers.size()) sent.left_rows_behind = true;
  }
  update([&](SenderStatus& status) {
    status.state = SenderState::sending;
    status.rows_waiting = waiting;
    status.oldest_waiting = oldest;
  });

  auto batch = batch_of(std::move(lanes));
  for (const auto& lane : batch.lanes) {
    const auto answered = again.find(static_cast<schema::Lane>(lane->lane));
    if (answered == again.end()) continue;
    sent.wanted.emplace(answered->first, answered->second.wanted);
    sent.rows_again += answered->second.answer.rows.size();
    lane->again = again_of(answered->second.wanted, answered->second.answer);
  }
  batch.node = config_.node;
  batch.replaces = config_.replaces;
  batch.spool = sent.spool;
  batch.sent_ns = clock_.now();
  batch.offered_until_ns = sent.left_rows_behind ? 0 : offered_until;
  const auto packed = schema::pack(batch);
  const auto frame = compress(packed);
  sent.bytes = frame.size();
  sent.bytes_uncompressed = packed.size();
  sent.asked_monotonic = clock_.monotonic();
  const auto answer = uplink_.post(frame);

  if (!answer) {
    const PostError& error = answer.error();
    if (error.failure == PostFailure::aborted) {
      not_before_ = clock_.monotonic() + config_.backoff_min;
      return config_.backoff_min;
    }
    if (error.failure != PostFailure::refused) return back_off(Problem::unreachable, error.error, error.retry_after);
    if (const std::uint64_t rows = sent.rows + sent.rows_again; rows > 1) {
      rows_max_ = static_cast<std::size_t>(rows / 2);
      backoff_ = 0;  // another batch is another try
    }
    return back_off(Problem::refused, error.error, error.retry_after);
  }
  const auto opened = schema::open_uplink_ack(*answer);
  if (!opened) return back_off(Problem::answer, opened.error(), 0);
  schema::UplinkAckT ack;
  (*opened)->UnPackTo(&ack);
  return accept(sent, ack);
}

DurationNs Sender::accept(const Sent& sent, const schema::UplinkAckT& ack) {
  const auto refuse = [&](std::string why) {
    return back_off(Problem::answer, {Code::corrupt, "reading an acknowledgement", std::move(why)}, 0);
  };
  if (ack.spool != sent.spool) return refuse("it is for the spool " + ack.spool + ", not for " + sent.spool);

  // All of it is judged before any of it is believed.
  std::vector<LaneAnswer> lanes;
  std::map<schema::Lane, WantedRows> wanted;
  std::uint64_t rows_held = 0;
  for (const auto& lane : ack.lanes) {
    const auto known = sent.lanes.find(lane->lane);
    if (known == sent.lanes.end()) return refuse("it names lane " + std::to_string(lane->lane) + ", which was not sent");
    auto read = read_lane(*lane);
    if (!read) return back_off(Problem::answer, read.error(), 0);
    const NumberSet beyond(read->ranges);
    rows_held += static_cast<std::uint64_t>(std::ranges::count_if(
        known->second, [&](std::uint64_t number) { return number <= read->durable_through || beyond.contains(number); }));
    lanes.push_back(std::move(*read));
    if (!lane->wanted) continue;
    const auto asked = read_wanted(*lane->wanted);
    if (!asked) return back_off(Problem::answer, asked.error(), 0);
    wanted.emplace(lanes.back().lane, *asked);
  }
  const auto wait_again = source_.answered(lanes);
  if (!wait_again) return back_off(Problem::outbox, wait_again.error(), 0);
  if (source_.spool_identity() != sent.spool) return refuse("the collector has other rows under the numbers of this spool");
  if (rows_held == 0 && sent.rows > 0) return refuse("the collector took none of the rows");
  note_directives(ack);

  const DurationNs now = clock_.monotonic();
  if (listener_) listener_({ack.time_ns, ack.clock, sent.asked_monotonic, now});
  if (backoff_ > 0) spdlog::info("the collector answers again");
  backoff_ = 0;
  last_success_ = now;
  has_greeted_ = true;
  // One that asks again for what it was just sent is answered when there is a batch to send anyway.
  const bool wants_more = std::ranges::any_of(wanted, [&](const auto& each) {
    const auto before = sent.wanted.find(each.first);
    return before == sent.wanted.end() || before->second != each.second;
  });
  wanted_ = std::move(wanted);
  has_backlog_ = sent.left_rows_behind || rows_held < sent.rows || *wait_again || wants_more;
  rows_max_ = std::min(config_.rows_max, rows_max_ * 2);
  DurationNs pause = std::min<DurationNs>(retry_after_max, static_cast<DurationNs>(ack.retry_after_ms) * ns_per_ms);
  if (config_.bytes_per_s_max > 0) {
    pause = std::max(pause, static_cast<DurationNs>(sent.bytes * ns_per_s / config_.bytes_per_s_max));
  }
  not_before_ = now + pause;
  const auto since = std::exchange(draining_since_, sent.left_rows_behind ? std::optional(now) : std::nullopt);
  update([&](SenderStatus& status) {
    if (since && now > *since) {
      const double rate = static_cast<double>(rows_held) * static_cast<double>(ns_per_s) / static_cast<double>(now - *since);
      constexpr double weight = 0.3;  // of the last batch
      status.rows_per_s = status.rows_per_s == 0 ? rate : status.rows_per_s + weight * (rate - status.rows_per_s);
    }
    if (!status.collector.empty() && status.collector != ack.collector) {
      spdlog::warn("the collector's store is another: {} instead of {}", ack.collector, status.collector);
    }
    status.state = SenderState::idle;
    status.last_success = clock_.now();
    status.batches += 1;
    status.rows += rows_held;
    status.bytes += sent.bytes;
    status.bytes_uncompressed += sent.bytes_uncompressed;
    status.rows_waiting -= std::min(status.rows_waiting, rows_held);
    if (status.rows_waiting == 0) status.oldest_waiting = 0;
    status.rows_again += sent.rows_again;
    status.directives_ignored += ack.directives.size();
    status.rows_max = rows_max_;
    status.collector = ack.collector;
    status.last_error.clear();
  });
  return wait(now);
}

// None is known to this version.
void Sender::note_directives(const schema::UplinkAckT& ack) {
  for (const auto& directive : ack.directives) {
    const std::string kind = schema::is_name(directive->kind) ? directive->kind : "of no name";
    if (directives_.size() < directive_kinds_max && directives_.insert(kind).second) {
      spdlog::warn("ignoring directives of the collector that are unknown here: {}", kind);
    }
  }
}

DurationNs Sender::back_off(Problem problem, const Error& error, DurationNs at_least) {
  const DurationNs now = clock_.monotonic();
  backoff_ = backoff_ == 0 ? config_.backoff_min : std::min(config_.backoff_max, backoff_ * 2);
  // Between half of it and all of it, so that nodes which failed together do not come back together.
  std::uniform_int_distribution<DurationNs> spread(backoff_ / 2, backoff_);
  const DurationNs wait = std::max(spread(jitter_), std::clamp<DurationNs>(at_least, 0, retry_after_max));
  not_before_ = now + wait;
  has_backlog_ = true;
  draining_since_.reset();
  const std::string text = error.text();
  bool is_news = false;
  update([&](SenderStatus& status) {
    is_news = status.last_error != text;
    status.state = SenderState::backing_off;
    status.last_error = text;
    status.rows_max = rows_max_;
    switch (problem) {
      case Problem::unreachable:
        status.failures_unreachable += 1;
        break;
      case Problem::refused:
        status.failures_refused += 1;
        break;
      case Problem::answer:
        status.failures_answer += 1;
        break;
      case Problem::outbox:
        status.failures_outbox += 1;
        break;
    }
  });
  if (is_news) spdlog::warn("{}; trying again in {} ms, with up to {} rows", text, wait / ns_per_ms, rows_max_);
  return wait;
}

}  // namespace stethos::uplink
