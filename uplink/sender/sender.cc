#include "uplink/sender/sender.h"

#include <algorithm>
#include <utility>

#include "common/fault_point.h"
#include "common/log.h"
#include "schemas/envelope.h"
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

schema::UplinkBatchT batch_of(std::vector<OutboxLane> lanes) {
  schema::UplinkBatchT batch;
  for (OutboxLane& lane : lanes) {
    auto out = std::make_unique<schema::LaneBatchT>();
    out->lane = static_cast<std::uint8_t>(lane.lane);
    out->lowest_kept = lane.lowest_kept;
    out->next_number = lane.next_number;
    out->previous_number = lane.previous_number;
    out->previous_hash = lane.previous_hash;
    for (const NumberRange& range : lane.given_up) {
      auto given_up = std::make_unique<schema::SequenceRangeT>();
      given_up->first = range.first;
      given_up->last = range.last;
      out->given_up.push_back(std::move(given_up));
    }
    for (OutboxRow& row : lane.rows) {
      auto sent = std::make_unique<schema::RowT>();
      sent->number = row.number;
      sent->kind = row.kind;
      sent->body = std::move(row.body);
      out->rows.push_back(std::move(sent));
    }
    batch.lanes.push_back(std::move(out));
  }
  return batch;
}

struct LaneAnswer {
  schema::Lane lane = schema::Lane::windows;
  std::uint64_t durable_through = 0;
  std::vector<NumberRange> ranges;
};

// What the answer says of one lane, if it can be true: nobody has a number that was never given out.
Result<LaneAnswer> read_lane(const schema::LaneAckT& ack, std::uint64_t next_number) {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::corrupt, "reading the answer for lane " + std::to_string(ack.lane), std::string(why));
  };
  LaneAnswer out{.lane = static_cast<schema::Lane>(ack.lane), .durable_through = ack.durable_through, .ranges = {}};
  if (ack.durable_through >= next_number) return refuse("it acknowledges numbers that were never given out");
  for (const auto& range : ack.ranges) out.ranges.push_back({range->first, range->last});
  if (!are_sorted_and_disjoint(out.ranges)) return refuse("its ranges are not in order");
  if (!out.ranges.empty() && (out.ranges.front().first <= ack.durable_through || out.ranges.back().last >= next_number)) {
    return refuse("its ranges are implausible");
  }
  return out;
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
  struct Lane {
    std::uint64_t next_number = 0;
    std::vector<std::uint64_t> numbers;  // of the rows
  };
  std::map<std::uint8_t, Lane> lanes;
  std::string spool;
  std::uint64_t rows = 0;
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
  const bool heartbeat_due = !last_success_ || now - *last_success_ >= config_.heartbeat;
  if (has_rows || heartbeat_due) return deliver(std::move(*lanes), offered_until);
  has_backlog_ = false;
  backoff_ = 0;
  update([](SenderStatus& status) {
    status.state = SenderState::idle;
    status.rows_waiting = 0;
    status.last_error.clear();
  });
  return wait(now);
}

Result<std::vector<OutboxLane>> Sender::read_outbox() {
  auto lanes = source_.oldest(rows_max_, config_.batch_bytes_max);
  if (!lanes) return lanes;
  if (auto checked = check_outbox(*lanes); !checked) return std::unexpected(checked.error());
  return lanes;
}

DurationNs Sender::deliver(std::vector<OutboxLane> lanes, TimeNs offered_until) {
  Sent sent{.lanes = {}, .spool = source_.spool_identity()};
  std::uint64_t waiting = 0;
  for (const OutboxLane& lane : lanes) {
    auto& [next_number, numbers] = sent.lanes[static_cast<std::uint8_t>(lane.lane)];
    next_number = lane.next_number;
    for (const OutboxRow& row : lane.rows) numbers.push_back(row.number);
    sent.rows += numbers.size();
    const std::uint64_t behind = lane.next_number - (numbers.empty() ? lane.lowest_kept : numbers.back() + 1);
    waiting += numbers.size() + behind;
    if (behind > 0) sent.left_rows_behind = true;
  }
  update([&](SenderStatus& status) {
    status.state = SenderState::sending;
    status.rows_waiting = waiting;
  });

  if (has_canary("delete_before_acknowledgement")) {
    for (const OutboxLane& lane : lanes) {
      if (!lane.rows.empty()) static_cast<void>(source_.acknowledged(lane.lane, lane.rows.back().number, {}));
    }
  }
  auto batch = batch_of(std::move(lanes));
  batch.node = config_.node;
  batch.spool = sent.spool;
  batch.sent_ns = clock_.now();
  batch.offered_until_ns = sent.left_rows_behind ? 0 : offered_until;
  const auto packed = schema::pack(batch);
  const auto frame = compress(packed);
  sent.bytes = frame.size();
  sent.bytes_uncompressed = packed.size();
  const auto answer = uplink_.post(frame);

  if (!answer) {
    const PostError& error = answer.error();
    if (error.failure == PostFailure::aborted) {
      not_before_ = clock_.monotonic() + config_.backoff_min;
      return config_.backoff_min;
    }
    if (error.failure != PostFailure::refused) return back_off(Problem::unreachable, error.error, error.retry_after);
    if (sent.rows > 1) {
      rows_max_ = static_cast<std::size_t>(sent.rows / 2);
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
  std::uint64_t rows_held = 0;
  for (const auto& lane : ack.lanes) {
    const auto known = sent.lanes.find(lane->lane);
    if (known == sent.lanes.end()) return refuse("it names lane " + std::to_string(lane->lane) + ", which was not sent");
    auto read = read_lane(*lane, known->second.next_number);
    if (!read) return back_off(Problem::answer, read.error(), 0);
    const NumberSet beyond(read->ranges);
    rows_held += static_cast<std::uint64_t>(std::ranges::count_if(
        known->second.numbers, [&](std::uint64_t number) { return number <= read->durable_through || beyond.contains(number); }));
    lanes.push_back(std::move(*read));
  }
  for (const LaneAnswer& lane : lanes) {
    if (auto taken = source_.acknowledged(lane.lane, lane.durable_through, lane.ranges); !taken) {
      return back_off(Problem::outbox, taken.error(), 0);
    }
  }
  if (rows_held == 0 && sent.rows > 0) return refuse("the collector took none of the rows");
  for (const auto& directive : ack.directives)
    spdlog::info("the collector asks for \"{}\", which is unknown here", directive->kind);

  const DurationNs now = clock_.monotonic();
  if (backoff_ > 0) spdlog::info("the collector answers again");
  backoff_ = 0;
  last_success_ = now;
  has_backlog_ = sent.left_rows_behind || rows_held < sent.rows;
  rows_max_ = std::min(config_.rows_max, rows_max_ * 2);
  not_before_ = now + std::min<DurationNs>(retry_after_max, static_cast<DurationNs>(ack.retry_after_ms) * ns_per_ms);
  update([&](SenderStatus& status) {
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
    status.directives_ignored += ack.directives.size();
    status.rows_max = rows_max_;
    status.collector = ack.collector;
    status.last_error.clear();
  });
  return wait(now);
}

DurationNs Sender::back_off(Problem problem, const Error& error, DurationNs at_least) {
  const DurationNs now = clock_.monotonic();
  backoff_ = backoff_ == 0 ? config_.backoff_min : std::min(config_.backoff_max, backoff_ * 2);
  // Between half of it and all of it, so that nodes which failed together do not come back together.
  std::uniform_int_distribution<DurationNs> spread(backoff_ / 2, backoff_);
  const DurationNs wait = std::max(spread(jitter_), std::clamp<DurationNs>(at_least, 0, retry_after_max));
  not_before_ = now + wait;
  has_backlog_ = true;
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
