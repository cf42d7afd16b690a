// Rows, batches and a store in a folder of its own, for the tests of the collector.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/identity.h"
#include "schemas/envelope.h"
#include "uplink/collector/intake.h"
#include "uplink/collector/query.h"
#include "uplink/collector/store.h"

namespace stethos::collector {

inline constexpr TimeNs some_time = 1'790'000'000 * ns_per_s;  // 2026-09-21T14:13:20Z
inline constexpr std::uint8_t alarms_lane = static_cast<std::uint8_t>(schema::Lane::alarms);
inline constexpr std::uint8_t windows_lane = static_cast<std::uint8_t>(schema::Lane::windows);
inline constexpr std::uint8_t notes_lane = static_cast<std::uint8_t>(schema::Lane::notes);
inline constexpr std::uint64_t clock_identity = 0xc10c;
inline const std::string spool_a(32, 'a');
inline const std::string spool_b(32, 'b');

class FixedClock : public Clock {
 public:
  TimeNs now() const override { return time; }
  DurationNs monotonic() const override { return time; }
  TimeNs time = some_time;
};

struct WindowSketch {
  std::string device = "pump-1";
  std::string channel = "de";
  TimeNs start = some_time;
  std::uint64_t definition = 0xd1;
  std::uint32_t generation = 0;
  std::uint32_t revision = 0;
  double rms = 1.5;
  std::uint64_t stream_version = 0x51;
  schema::WindowState state = schema::WindowState::final;
  std::uint64_t good = 2560;
};

inline void put(schema::WindowRowT& row, schema::Statistic statistic, std::uint16_t parameter, double value,
                std::uint64_t blocks = 0) {
  row.statistics.push_back(std::make_unique<schema::StatisticValueT>());
  row.statistics.back()->statistic = static_cast<std::uint16_t>(statistic);
  row.statistics.back()->parameter = parameter;
  row.statistics.back()->value = value;
  row.statistics.back()->blocks = blocks;
}

inline schema::WindowRowT window_row(const WindowSketch& sketch) {
  schema::WindowRowT row;
  row.device = sketch.device;
  row.channel = sketch.channel;
  row.definition = sketch.definition;
  row.start_ns = sketch.start;
  row.length_ns = ns_per_s;
  row.generation = sketch.generation;
  row.revision = sketch.revision;
  row.state = sketch.state;
  row.moments = std::make_unique<schema::MomentsT>();
  row.moments->count = 2560;
  row.moments->mean = 0.1;
  row.moments->m2 = 2560 * sketch.rms * sketch.rms;
  row.counts = std::make_unique<schema::CountsT>();
  row.counts->expected = 2560;
  row.counts->received = row.counts->good = sketch.good;
  for (const auto statistic : schema::EnumValuesStatistic()) {
    if (statistic == schema::Statistic::none || statistic > schema::Statistic::kurtosis) continue;  // of moments alone
    put(row, statistic, 0,
        statistic == schema::Statistic::rms        ? sketch.rms
        : statistic == schema::Statistic::skewness ? std::nan("")
                                                   : 0.1);
  }
  row.stream_version = sketch.stream_version;
  row.provenance = 0xab;
  row.first_epoch = row.last_epoch = 7;
  row.first_sequence = 10;
  row.last_sequence = 12;
  row.first_received_ns = sketch.start;
  row.closed_ns = sketch.start + 2 * ns_per_s;
  return row;
}

inline schema::StreamRowT stream_row(const std::string& machine = "Pump 1", std::uint64_t version = 0x51,
                                     const std::string& device = "pump-1", const std::string& channel = "de") {
  schema::StreamRowT row;
  row.version = version;
  row.device = device;
  row.channel = channel;
  row.machine = machine;
  row.point = "DE";
  row.axis = "h";
  row.quantity = "acceleration";
  row.unit = "m/s2";
  row.location = "Hall 2, row \"B\"";
  row.owner = "maintenance";
  return row;
}

inline schema::ProvenanceRowT provenance_row(const std::vector<std::string>& parameters = {}, std::uint64_t id = 0xab) {
  schema::ProvenanceRowT row;
  row.id = id;
  row.parameters = parameters;
  row.program = "stethos-edge 0.1.0";
  row.backend = "reference";
  row.config_hash = 0xc0;
  row.schema_major = 1;
  row.source = "live";
  return row;
}

struct AlarmSketch {
  std::string device = "pump-1";
  std::string channel = "de";
  std::uint64_t limit = 0x11;
  TimeNs activated = some_time;
  std::uint32_t revision = 0;
  schema::AlarmState state = schema::AlarmState::active;
  schema::AlarmLevel level = schema::AlarmLevel::alert;
  TimeNs changed = some_time;
  double value = 4.25;
};

inline schema::AlarmRowT alarm_row(const AlarmSketch& sketch) {
  schema::AlarmRowT row;
  row.device = sketch.device;
  row.channel = sketch.channel;
  row.limit = sketch.limit;
  row.activated_ns = sketch.activated;
  row.revision = sketch.revision;
  row.state = sketch.state;
  row.level = sketch.level;
  row.highest_level = schema::AlarmLevel::danger;
  row.changed_ns = sketch.changed;
  row.value = sketch.value;
  row.statistic = static_cast<std::uint16_t>(schema::Statistic::rms);
  row.unit = "m/s2";
  row.alert = 4;
  row.danger = std::nan("");
  row.deadband = 0.5;
  row.on_delay_ns = 10 * ns_per_s;
  row.definition = 0xd1;
  row.length_ns = ns_per_s;
  row.stream_version = 0x51;
  row.provenance = 0xab;
  row.committed_ns = sketch.changed + 2 * ns_per_s;
  return row;
}

struct SentRow {
  std::uint64_t number = 0;
  std::uint16_t kind = 0;
  std::vector<std::uint8_t> body;
};

inline SentRow sent(std::uint64_t number, const schema::WindowRowT& row) {
  return {number, static_cast<std::uint16_t>(schema::RowKind::window), schema::pack(row)};
}
inline SentRow sent(std::uint64_t number, const WindowSketch& sketch) { return sent(number, window_row(sketch)); }
inline SentRow sent(std::uint64_t number, const schema::AlarmRowT& row) {
  return {number, static_cast<std::uint16_t>(schema::RowKind::alarm), schema::pack(row)};
}
inline SentRow sent(std::uint64_t number, const AlarmSketch& sketch) { return sent(number, alarm_row(sketch)); }
inline SentRow sent(std::uint64_t number, const schema::StreamRowT& row) {
  return {number, static_cast<std::uint16_t>(schema::RowKind::stream), schema::pack(row)};
}
inline SentRow sent(std::uint64_t number, const schema::ProvenanceRowT& row) {
  return {number, static_cast<std::uint16_t>(schema::RowKind::provenance), schema::pack(row)};
}
inline SentRow sent(std::uint64_t number, const schema::EventRowT& row) {
  return {number, static_cast<std::uint16_t>(schema::RowKind::event), schema::pack(row)};
}
inline SentRow sent(std::uint64_t number, const schema::SilenceRowT& row) {
  return {number, static_cast<std::uint16_t>(schema::RowKind::silence), schema::pack(row)};
}
inline SentRow sent(std::uint64_t number, const schema::GapRowT& row) {
  return {number, static_cast<std::uint16_t>(schema::RowKind::gap), schema::pack(row)};
}

// NOLINTBEGIN(readability-redundant-member-init): without it GCC wants every member in each designated initializer.
struct SentLane {
  std::uint8_t lane = windows_lane;
  std::vector<SentRow> rows = {};
  std::uint64_t next_number = 0;  // 0: the one after the last row
  std::uint64_t lowest_kept = 1;
  std::vector<uplink::NumberRange> given_up = {};
};
// NOLINTEND(readability-redundant-member-init)

inline schema::UplinkBatchT batch_of(std::vector<SentLane> lanes, const std::string& spool = spool_a,
                                     const std::string& node = "gateway-1") {
  schema::UplinkBatchT batch;
  batch.node = node;
  batch.spool = spool;
  batch.sent_ns = some_time;
  batch.offered_until_ns = some_time - ns_per_s;
  for (SentLane& lane : lanes) {
    auto out = std::make_unique<schema::LaneBatchT>();
    out->lane = lane.lane;
    out->lowest_kept = lane.lowest_kept;
    out->next_number = lane.next_number != 0 ? lane.next_number
                       : lane.rows.empty()   ? lane.lowest_kept
                                             : lane.rows.back().number + 1;
    for (const auto& range : lane.given_up) {
      out->given_up.push_back(std::make_unique<schema::GivenUpT>());
      out->given_up.back()->cause = schema::GapCause::given_up_for_room;
      out->given_up.back()->first = range.first;
      out->given_up.back()->last = range.last;
    }
    for (SentRow& row : lane.rows) {
      out->rows.push_back(std::make_unique<schema::RowT>());
      out->rows.back()->number = row.number;
      out->rows.back()->kind = row.kind;
      out->rows.back()->body = std::move(row.body);
    }
    batch.lanes.push_back(std::move(out));
  }
  return batch;
}

// What the tests need of an answer.
struct Answered {
  std::string collector, spool;
  TimeNs time = 0;
  std::uint64_t clock = 0;
  struct Lane {
    std::uint64_t durable_through = 0;
    std::vector<uplink::NumberRange> ranges;
    std::uint64_t last_number = 0, last_hash = 0;
  };
  std::map<std::uint8_t, Lane> lanes;
};

inline Answered read_answer(std::span<const std::uint8_t> packed) {
  Answered out;
  const auto opened = schema::open_uplink_ack(packed);
  EXPECT_TRUE(opened);
  if (!opened) return out;
  schema::UplinkAckT ack;
  (*opened)->UnPackTo(&ack);
  out.collector = ack.collector;
  out.spool = ack.spool;
  out.time = ack.time_ns;
  out.clock = ack.clock;
  for (const auto& lane : ack.lanes) {
    auto& to = out.lanes[lane->lane];
    to.durable_through = lane->durable_through;
    to.last_number = lane->last_number;
    to.last_hash = lane->last_hash;
    for (const auto& range : lane->ranges) to.ranges.push_back({range->first, range->last});
  }
  return out;
}

class TemporaryFolder {
 public:
  TemporaryFolder() : path_(std::filesystem::path(::testing::TempDir()) / ("stethos-" + random_identity())) {
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

class CollectorTest : public ::testing::Test {
 protected:
  CollectorTest() { open(); }

  // As a new process would.
  void open() {
    query.reset();
    intake.reset();
    store.reset();
    auto opened = Store::open(folder.file("store.db"), sqlite::Access::read_write, some_time);
    STETHOS_CHECK(opened.has_value(), opened ? "" : opened.error().text());
    store = std::move(*opened);
    intake.emplace(*store, std::vector<std::string>{}, clock_identity);
    query.emplace(*store);
  }

  Answered take(schema::UplinkBatchT batch, TimeNs now = some_time) {
    const auto ack = intake->take(schema::pack(batch), now);
    EXPECT_TRUE(ack) << ack.error().error.text();
    return ack ? read_answer(*ack) : Answered{};
  }
  Code refusal_of(schema::UplinkBatchT batch) {
    const auto ack = intake->take(schema::pack(batch), some_time);
    EXPECT_FALSE(ack);
    if (ack) return {};
    EXPECT_EQ(ack.error().fault, IntakeError::Fault::batch);
    return ack.error().error.code;
  }

  std::int64_t counted(Counter counter) {
    const auto counters = query->counters();
    EXPECT_TRUE(counters);
    return counters->at(name_of(counter));
  }
  std::int64_t integer(const std::string& sql) {
    sqlite::Statement statement(store->database(), sql);
    const auto has_row = statement.step();
    return has_row && *has_row ? statement.integer(0) : -1;
  }

  Page<WindowRecord> windows(const Parameters& parameters = {}) {
    const auto filter = parse_filter(parameters, window_parameters);
    EXPECT_TRUE(filter) << filter.error().parameter << ": " << filter.error().message;
    auto page = query->windows(*filter);
    EXPECT_TRUE(page) << page.error().text();
    return page ? std::move(*page) : Page<WindowRecord>{};
  }

  Page<AlarmRecord> alarms(const Parameters& parameters = {}) {
    const auto filter = parse_filter(parameters, alarm_parameters);
    EXPECT_TRUE(filter) << filter.error().parameter << ": " << filter.error().message;
    auto page = query->alarms(*filter);
    EXPECT_TRUE(page) << page.error().text();
    return page ? std::move(*page) : Page<AlarmRecord>{};
  }

  static double rms_of(const WindowRecord& record) {
    for (const auto* value : *record.row->statistics()) {
      if (value->statistic() == static_cast<std::uint16_t>(schema::Statistic::rms)) return value->value();
    }
    return -1;
  }

  TemporaryFolder folder;
  std::unique_ptr<Store> store;
  std::optional<Intake> intake;
  std::optional<Query> query;
};

}  // namespace stethos::collector
