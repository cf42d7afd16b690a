// A core with everything around it that is not real: messages made by hand, time given, a spool in a scratch file.
#pragma once

#include <cmath>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "common/identity.h"
#include "edge/core/core.h"
#include "edge/spool/sqlite_spool.h"
#include "schemas/envelope.h"

namespace stethos::edge {

inline constexpr TimeNs epoch_ns = 1'767'225'600 * ns_per_s;  // 2026-01-01T00:00:00Z
inline constexpr TimeNs hour_later_ns = epoch_ns + 3'600 * ns_per_s;  // when a message comes, where nothing else is said

class ScratchFile {
 public:
  ScratchFile() : path_(std::filesystem::temp_directory_path() / ("stethos-" + random_identity() + ".db")) {}
  ~ScratchFile() {
    for (const char* suffix : {"", "-wal", "-shm", ".lock"}) std::filesystem::remove(path_.string() + suffix);
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

inline EdgeConfig core_config() {
  EdgeConfig config;
  config.node_id = "test";
  config.ingest_message_bytes_max = 1 << 20;
  config.ingest_devices_max = 100;
  config.ingest_streams_max = 100;
  config.ingest_forgotten_max = 100;
  config.time_future_max = 300 * ns_per_s;
  config.time_earliest = epoch_ns - 86'400 * ns_per_s;
  config.time_watermark_delay = 0;
  config.time_idle_timeout = 30 * ns_per_s;
  config.spool_dead_letter_bytes_max = 64;
  config.spool_batch_bytes_max = 4 << 20;
  SubscriptionConfig own;
  own.topic = "stethos/v1/+/batch";
  SubscriptionConfig json;
  json.topic = "fleet/+/telemetry";
  json.format = PayloadFormat::json;
  json.device_field = "device";
  json.fields = {{"temperature", "temperature degC"}, {"vibration", "acceleration g"}};
  json.time_field = "ts";
  json.time_unit = TimeUnit::ms;
  json.interval_field = "dt_us";
  json.identity = "seq";
  SubscriptionConfig raw;
  raw.topic = "raw/+/+";
  raw.format = PayloadFormat::f32;
  raw.device_level = 1;
  raw.channel_level = 2;
  raw.fields = {{"vibration", "acceleration g"}};
  raw.interval = 100 * ns_per_us;
  config.subscriptions = {own, json, raw};
  WindowConfig window;
  window.length = ns_per_s;
  config.windows = {window};
  return config;
}

class NothingForgotten final : public Remembered {
 public:
  Result<std::optional<DeviceSequences>> forgotten_device(std::string_view /*device*/) override { return std::nullopt; }
  Result<std::optional<Stream>> forgotten_stream(std::string_view /*device*/, std::string_view /*channel*/) override {
    return std::nullopt;
  }
};

// A message that owns its bytes.
inline Message message_of(std::string topic, std::vector<std::uint8_t> payload, TimeNs received_ns) {
  struct Owner {
    std::string topic;
    std::vector<std::uint8_t> payload;
  };
  auto owner = std::make_shared<Owner>(std::move(topic), std::move(payload));
  Message message;
  message.topic = owner->topic;
  message.payload = owner->payload;
  message.owner = owner;
  message.received_ns = received_ns;
  message.comes_again = true;
  return message;
}

struct BlockSpec {
  std::string device = "d1";
  std::uint64_t epoch = 1;
  std::uint64_t sequence = 1;
  std::uint64_t lowest_held = 1;
  TimeNs start_ns = epoch_ns;
  std::vector<float> samples = {1, 2, 3, 4};
  double interval_ns = 100'000;
  TimeNs complete_until_ns = 0;
  TimeNs received_ns = hour_later_ns;
  std::string channel = "vibration";
  std::string quantity = "acceleration";
  std::string unit = "g";
};

inline Message block_message(const BlockSpec& spec) {
  schema::DeviceBatchT batch;
  batch.device = spec.device;
  batch.epoch = spec.epoch;
  batch.sequence = spec.sequence;
  batch.lowest_held = spec.lowest_held;
  batch.complete_until_ns = spec.complete_until_ns;
  auto channel = std::make_unique<schema::ChannelT>();
  channel->name = spec.channel;
  channel->quantity = spec.quantity;
  channel->unit = spec.unit;
  channel->start_ns = spec.start_ns;
  channel->interval_ns = spec.interval_ns;
  schema::F32SamplesT samples;
  samples.values = spec.samples;
  channel->samples.Set(std::move(samples));
  batch.channels.push_back(std::move(channel));
  return message_of("stethos/v1/" + spec.device + "/batch", schema::pack(batch), spec.received_ns);
}

inline Message json_message(const std::string& text, TimeNs received_ns = hour_later_ns) {
  return message_of("fleet/x/telemetry", {text.begin(), text.end()}, received_ns);
}

class CoreRig {
 public:
  explicit CoreRig(EdgeConfig config = core_config(), PointTable points = {})
      : config_(std::move(config)), points_(std::move(points)) {
    start();
  }

  // A new process on the same file.
  void restart() {
    core_.reset();
    spool_.reset();
    start();
  }

  // The same, with another configuration.
  void restart(const EdgeConfig& config) {
    config_ = config;
    restart();
  }

  // Processes and commits one batch; its rows are added to `windows`, `alarms` and `silences`.
  const Effect& step(const std::vector<Message>& batch, TimeNs now_ns = hour_later_ns, bool clock_trusted = true) {
    auto effect = core_->process(batch, now_ns, clock_trusted);
    STETHOS_CHECK(effect.has_value(), effect ? "" : effect.error().text());
    for (const schema::WindowRowT& row : (*effect)->windows) windows.push_back(row);
    alarms.insert(alarms.end(), (*effect)->alarm_rows.begin(), (*effect)->alarm_rows.end());
    silences.insert(silences.end(), (*effect)->silences.begin(), (*effect)->silences.end());
    pack_rows(**effect, now_ns);
    const auto committed = spool_->commit(**effect);
    STETHOS_CHECK(committed.has_value(), committed ? "" : committed.error().text());
    return **effect;
  }

  Core& core() { return *core_; }
  SqliteSpool& spool() { return *spool_; }
  std::string file() const { return file_.path(); }

  std::vector<schema::WindowRowT> windows;
  std::vector<schema::AlarmRowT> alarms;
  std::vector<schema::SilenceRowT> silences;

 private:
  void start() {
    const auto forgotten_max = static_cast<std::uint64_t>(config_.ingest_forgotten_max);
    auto opened = SqliteSpool::open(file_.path(), {.forgotten_max = forgotten_max});
    STETHOS_CHECK(opened.has_value(), opened ? "" : opened.error().text());
    spool_ = std::move(*opened);
    auto saved = spool_->load();
    STETHOS_CHECK(saved.has_value(), saved ? "" : saved.error().text());
    core_ = std::make_unique<Core>(config_, 7, points_, kernels::make_backend("reference"), std::move(*saved), *spool_, "live");
  }

  ScratchFile file_;
  EdgeConfig config_;
  PointTable points_;
  std::unique_ptr<SqliteSpool> spool_;
  std::unique_ptr<Core> core_;
};

inline double statistic_of(const schema::WindowRowT& row, schema::Statistic statistic) {
  for (const auto& value : row.statistics) {
    if (value->statistic == static_cast<std::uint16_t>(statistic)) return value->value;
  }
  return std::nan("");
}

inline std::string reason_of(const Effect& effect) {
  return effect.dead_letters.size() == 1 ? std::string(name_of(effect.dead_letters[0].rejection.reason))
                                         : std::to_string(effect.dead_letters.size()) + " dead letters";
}

// Of the last batch: "device epoch durable_through first-last ...".
inline std::vector<std::string> acknowledged(const Core& core) {
  std::vector<std::string> all;
  for (const OutgoingAck& outgoing : core.acknowledgements()) {
    const schema::DeviceAck& ack = **schema::open_device_ack(outgoing.payload);
    std::string text = ack.device()->str() + " " + std::to_string(ack.epoch()) + " " + std::to_string(ack.durable_through());
    if (ack.ranges() != nullptr) {
      for (const auto* range : *ack.ranges()) text += " " + std::to_string(range->first()) + "-" + std::to_string(range->last());
    }
    all.push_back(std::move(text));
  }
  return all;
}

}  // namespace stethos::edge
