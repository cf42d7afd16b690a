// Messages in, arrivals out: no window is there.
#include "edge/core/intake.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <limits>

#include "edge/core/limits.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

class IntakeTest : public testing::Test {
 protected:
  Arrivals& take(const std::vector<Message>& batch) {
    effect_ = Effect{};
    letters_.begin(batch, effect_);
    const auto taken = intake_.take(batch, arrivals_, effect_);
    STETHOS_CHECK(taken.has_value(), "the reference backend does not fail");
    taken_ = *taken;
    return arrivals_;
  }

  template <class Kind>
  std::vector<Kind> arrived() const {
    std::vector<Kind> found;
    for (const Arrival& each : arrivals_.list) {
      if (const auto* arrival = std::get_if<Kind>(&each)) found.push_back(*arrival);
    }
    return found;
  }

  // Of each stream, one an hour.
  Intake::RowsDue rows_due() {
    return [this](StreamId, TimeNs watermark_ns) {
      return windows_an_hour_ * static_cast<std::uint64_t>((watermark_ns - epoch_ns) / (3'600 * ns_per_s));
    };
  }

  std::uint64_t windows_an_hour_ = 0;
  EdgeConfig config_ = core_config();
  PointTable points_;
  std::vector<WindowDefinition> definitions_ = window_definitions(config_.windows);
  BlockPlans plans_{config_, definitions_};
  Letters letters_{64};
  SavedState saved_;
  Forgetting forgetting_{0};
  NothingForgotten nothing_;
  Intake intake_{config_,  points_,     definitions_, plans_,     kernels::make_backend("reference"),
                 letters_, forgetting_, nothing_,     rows_due(), saved_};
  Arrivals arrivals_;
  Effect effect_;
  std::size_t taken_ = 0;
};

class RecordsTest : public IntakeTest {
 protected:
  Arrivals& take_records(const std::string& document) {
    const std::vector<Message> batch{json_message(document)};
    effect_ = Effect{};
    letters_.begin(batch, effect_);
    STETHOS_CHECK(of_records_.take(batch, arrivals_, effect_).has_value(), "the reference backend does not fail");
    return arrivals_;
  }

  static EdgeConfig records_config() {
    EdgeConfig config = core_config();
    SubscriptionConfig& json = config.subscriptions.at(1);
    json.records = "r";
    json.interval_field.clear();
    return config;
  }

  EdgeConfig with_records_ = records_config();
  Intake of_records_{with_records_, points_,     definitions_, plans_,     kernels::make_backend("reference"),
                     letters_,      forgetting_, nothing_,     rows_due(), saved_};
};

TEST_F(RecordsTest, ForOneReasonAChannelHasOneLetterAMessage) {
  std::string records;
  for (int i = 0; i < 1'000; ++i) records += R"({"temperature":1},{"temperature":"x","ts":1767225600000},)";
  take_records(R"({"device":"t1","seq":1,"r":[)" + records + R"({"temperature":1,"ts":1767225600000}]})");
  EXPECT_EQ(effect_.dead_letters.size(), 2u);
  EXPECT_EQ(arrived<ReadingArrived>().size(), 1u);
}

TEST_F(RecordsTest, ADocumentSpeaksOfSoManyDevicesAtMost) {
  std::string records;
  for (std::size_t i = 0; i <= devices_per_message_max; ++i) {
    records +=
        (i == 0 ? "" : ",") + std::string(R"({"temperature":1,"ts":1767225600000,"seq":1,"device":)") + std::to_string(i) + "}";
  }
  take_records(R"({"r":[)" + records + "]}");
  ASSERT_EQ(effect_.dead_letters.size(), 1u);
  EXPECT_EQ(effect_.dead_letters[0].rejection.reason, Reason::too_large);
  EXPECT_TRUE(arrivals_.list.empty());
}

TEST_F(RecordsTest, RecordsBringForthTooMuchTogether) {
  WindowConfig window;
  window.length = 3'600 * ns_per_s;
  window.hop = ns_per_s;
  definitions_ = window_definitions({window});
  std::string records;
  for (int i = 0; i < 130; ++i) {
    records += (i == 0 ? "" : ",") + std::string(R"({"temperature":1,"seq":1,"ts":)") +
               std::to_string(1'767'225'600'000 - i * std::int64_t{3'600'000}) + "}";
  }
  // A recording would judge each device alone.
  class : public Recorder {
    void take(const DecodedMessage& /*message*/, const Message& /*arrived*/) override { ADD_FAILURE() << "recorded"; }
  } recorder;
  of_records_.set_recorder(recorder);
  take_records(R"({"device":"t1","r":[)" + records + "]}");
  ASSERT_EQ(effect_.dead_letters.size(), 1u);
  EXPECT_EQ(effect_.dead_letters[0].rejection.reason, Reason::too_large);
  EXPECT_EQ(arrived<ReadingArrived>().size(), 0u);
}

// One letter of the whole message, so that all of it can be put through again.
TEST_F(RecordsTest, WhatStoppedTheProcessIsSetAsideOnceForAllItsDevices) {
  std::vector<Message> batch{json_message(
      R"({"r":[{"device":"a","temperature":1,"ts":1767225600000,"seq":1},{"device":"b","temperature":1,"ts":1767225600000,"seq":1}]})")};
  batch[0].stops = stops_max;
  effect_ = Effect{};
  letters_.begin(batch, effect_);
  ASSERT_TRUE(of_records_.take(batch, arrivals_, effect_).has_value());
  ASSERT_EQ(effect_.dead_letters.size(), 1u);
  EXPECT_EQ(effect_.dead_letters[0].device, "");
}

TEST_F(RecordsTest, OneNumberAroundThemMakesNoCopiesOfThemAndTheyComeInTheOrderOfTheirTimes) {
  const std::string document =
      R"({"device":"t1","seq":7,"r":[{"temperature":2,"ts":1767225601000},{"temperature":1,"ts":1767225600000}]})";
  take_records(document);
  const auto readings = arrived<ReadingArrived>();
  ASSERT_EQ(readings.size(), 2u);
  EXPECT_EQ(readings[0].value, 1);
  EXPECT_EQ(readings[1].value, 2);
  EXPECT_NE(readings[0].identity->identity, readings[1].identity->identity);
  take_records(document);
  EXPECT_EQ(arrived<ReadingArrived>().at(0).identity->identity, readings[0].identity->identity);
}

// Where a time may be missing the payload tells whether it is: while the clock is not known to be right what has one goes on.
TEST_F(IntakeTest, WhetherATimeIsMissingIsSaidByThePayload) {
  EdgeConfig config = core_config();
  config.subscriptions.at(1).time_missing = MissingTime::arrival;
  Intake intake{config,   points_,     definitions_, plans_,     kernels::make_backend("reference"),
                letters_, forgetting_, nothing_,     rows_due(), saved_};
  std::vector<Message> batch{json_message(R"({"device":"t1","ts":1767225600000,"temperature":1,"seq":1})"),
                             json_message(R"({"device":"t1","ts":null,"temperature":2,"seq":2})")};
  EXPECT_FALSE(intake.is_stamped_by_arrival(batch[0]));
  EXPECT_TRUE(intake.is_stamped_by_arrival(batch[1]));
  for (Message& each : batch) each.clock_untrusted = true;
  letters_.begin(batch, effect_);
  ASSERT_TRUE(intake.take(batch, arrivals_, effect_).has_value());
  ASSERT_EQ(arrived<ReadingArrived>().size(), 1u);
  EXPECT_EQ(arrived<ReadingArrived>()[0].value, 1);
  ASSERT_EQ(effect_.dead_letters.size(), 1u);
  EXPECT_EQ(effect_.dead_letters[0].rejection.reason, Reason::clock_untrusted);
}

TEST_F(IntakeTest, AStreamIsDescribedBeforeItsFirstSampleAndNotAgain) {
  const std::string reading = R"({"device":"t1","ts":1767225600000,"temperature":20.5,"seq":)";
  take({json_message(reading + "1}"), json_message(reading + "2}")});
  ASSERT_EQ(arrivals_.list.size(), 3u);
  ASSERT_TRUE(std::holds_alternative<StreamDescribed>(arrivals_.list[0]));
  EXPECT_EQ(arrivals_.descriptions.at(0).unit, "degC");
  const auto readings = arrived<ReadingArrived>();
  ASSERT_EQ(readings.size(), 2u);
  EXPECT_EQ(readings[0].value, 20.5);
  EXPECT_EQ(readings[1].source.message, 1u);
  EXPECT_EQ(intake_.samples_decoded(), (std::unordered_map<StreamId, std::uint64_t>{{readings[0].stream, 2}}));
}

TEST_F(IntakeTest, ABlockCarriesWhatWasComputedOfIt) {
  take({block_message({.samples = {1, -2, 3, -4}})});
  const auto blocks = arrived<BlockArrived>();
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].start_ns, epoch_ns);
  EXPECT_EQ(arrivals_.blocks.at(blocks[0].statistics).moments.count, 4u);
  EXPECT_EQ(arrivals_.blocks.at(blocks[0].statistics).moments.min, -4);
}

// A refused channel of a known stream once became a reading of 0 at 1970.
TEST_F(IntakeTest, ARefusedChannelWithoutSamplesIsALetterAndNoArrival) {
  take({json_message(R"({"device":"t1","ts":1767225600000,"temperature":20.5,"seq":1})")});
  for (const std::string value : {R"("nan")", "[]", "{}", "true", R"([1,"x"])"}) {
    take({json_message(R"({"device":"t1","ts":1767225601000,"dt_us":39,"seq":2,"temperature":)" + value + "}")});
    EXPECT_EQ(effect_.dead_letters.size(), 1u) << value;
    EXPECT_TRUE(arrivals_.list.empty()) << value;
    EXPECT_TRUE(intake_.samples_decoded().empty()) << value;
  }
}

TEST_F(IntakeTest, ABatchEndsWhereItBringsForthEnough) {
  const Message reading = json_message(R"({"device":"t1","ts":1767225600000,"temperature":20.5,"seq":1})");
  // Each may make a row of one window, and is one arrival itself.
  take(std::vector<Message>(rows_per_batch_max, reading));
  EXPECT_EQ(taken_, rows_per_batch_max / 2);
}

// A reading after a pause ends all windows that a long delay has kept open.
TEST_F(IntakeTest, ABatchEndsWhereTheWindowsThatItEndsAreEnough) {
  windows_an_hour_ = rows_per_batch_max / 100;
  std::vector<Message> batch;
  for (int i = 0; i < 40; ++i) {
    const auto ts = std::to_string(1'767'225'600'000 + std::int64_t{36'000'000} * (i % 2));  // ten hours later
    batch.push_back(json_message(R"({"device":"t)" + std::to_string(i / 4) + R"(","ts":)" + ts + R"(,"temperature":20.5,"seq":)" +
                                 std::to_string(i) + "}"));
  }
  config_.time_future_max = 86'400 * ns_per_s;
  take(batch);
  EXPECT_EQ(taken_, 38u) << "of ten streams, each counted once";
}

// A small message may concern many streams, and many letters may come of one.
TEST_F(IntakeTest, ABatchEndsWhereWhatHoldsNoSampleBringsForthEnough) {
  schema::DeviceBatchT batch;
  batch.device = "d1";
  batch.epoch = batch.sequence = batch.lowest_held = 1;
  for (int i = 0; i < 100; ++i) {
    auto channel = std::make_unique<schema::ChannelT>();
    channel->name = "c" + std::to_string(i);
    channel->quantity = "temperature";
    channel->unit = "degC";
    channel->start_ns = epoch_ns;
    schema::F32SamplesT samples;
    samples.values = {1};
    channel->samples.Set(std::move(samples));
    batch.channels.push_back(std::move(channel));
  }
  const Message all = message_of("stethos/v1/d1/batch", schema::pack(batch), epoch_ns);
  take({all});
  EXPECT_EQ(arrived<ReadingArrived>().size(), 100u);
  take(std::vector<Message>(rows_per_batch_max / 100, all));
  EXPECT_EQ(taken_, rows_per_batch_max / 200) << "duplicates, and each of the channels may be in a window";
  batch.channels.clear();
  batch.complete_until_ns = epoch_ns;
  std::vector<Message> complete;
  constexpr std::size_t enough = rows_per_batch_max / (1 + 100 / readings_a_row) + 1;
  for (std::size_t i = 0; i < 2 * enough; ++i) {
    batch.sequence = 2 + i;
    complete.push_back(message_of("stethos/v1/d1/batch", schema::pack(batch), epoch_ns));
  }
  take(complete);
  EXPECT_EQ(taken_, enough) << "heartbeats";
  take(std::vector<Message>(2 * letters_per_batch_max, json_message("no JSON")));
  EXPECT_EQ(taken_, letters_per_batch_max) << "letters";
}

TEST_F(IntakeTest, ChannelsThatShareTheirBytesAreRefused) {
  const auto shared = [](std::size_t channels) {
    flatbuffers::FlatBufferBuilder builder;
    const std::vector<float> values(1'000, 1.0f);
    const auto samples = schema::CreateF32SamplesDirect(builder, &values);
    const auto device = builder.CreateString("d1");
    const auto name = builder.CreateString("vibration");
    const auto quantity = builder.CreateString("acceleration");
    const auto unit = builder.CreateString("g");
    schema::ChannelBuilder channel(builder);
    channel.add_name(name);
    channel.add_quantity(quantity);
    channel.add_unit(unit);
    channel.add_start_ns(epoch_ns);
    channel.add_interval_ns(100'000);
    channel.add_samples_type(schema::Samples::F32Samples);
    channel.add_samples(samples.Union());
    const auto all = builder.CreateVector(std::vector(channels, channel.Finish()));
    schema::DeviceBatchBuilder batch(builder);
    batch.add_schema_major(schema::version_major);
    batch.add_device(device);
    batch.add_epoch(1);
    batch.add_sequence(1);
    batch.add_lowest_held(1);
    batch.add_channels(all);
    schema::FinishDeviceBatchBuffer(builder, batch.Finish());
    std::vector<std::uint8_t> payload(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
    const auto checksum = static_cast<std::uint32_t>(::crc32_z(0, payload.data(), payload.size()));
    for (unsigned shift = 0; shift < 32; shift += 8) payload.push_back(static_cast<std::uint8_t>(checksum >> shift));
    return message_of("stethos/v1/d1/batch", payload, epoch_ns);
  };
  take({shared(2)});
  ASSERT_EQ(effect_.dead_letters.size(), 1u);
  EXPECT_EQ(effect_.dead_letters[0].rejection.reason, Reason::corrupt);
  EXPECT_EQ(effect_.dead_letters[0].rejection.detail, "its channels share their bytes");
  take({shared(1)});
  EXPECT_EQ(arrived<BlockArrived>().size(), 1u);
}

// A number has a next one, and what is lost is never less than before.
TEST_F(IntakeTest, NumbersNearTheEndOfAllNumbers) {
  constexpr std::uint64_t last = std::numeric_limits<std::int64_t>::max();
  take({block_message({.sequence = last + 1, .lowest_held = last + 1})});
  ASSERT_EQ(effect_.dead_letters.size(), 1u);
  EXPECT_EQ(effect_.dead_letters[0].rejection.reason, Reason::bad_sequence);
  std::vector<Message> batch;
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) {
    batch.push_back(block_message({.epoch = epoch, .sequence = 1}));
    batch.push_back(block_message({.epoch = epoch, .sequence = last, .lowest_held = last}));
  }
  take(batch);
  EXPECT_EQ(effect_.totals[Counter::lost_messages], std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(effect_.rows.size(), 3u);
  take({block_message({.epoch = 4}), block_message({.epoch = 5}), block_message({.epoch = 6})});
  EXPECT_TRUE(effect_.rows.empty()) << "nothing of the epochs that are forgotten is missing";
}

TEST_F(IntakeTest, OneMessageThatBringsForthTooMuchIsRefused) {
  WindowConfig window;
  window.length = ns_per_s;
  window.hop = ns_per_ms;
  definitions_ = window_definitions({window});
  const auto reading_batch = [](std::size_t readings) {
    schema::DeviceBatchT batch;
    batch.device = "d1";
    batch.epoch = batch.lowest_held = 1;
    batch.sequence = readings;
    auto channel = std::make_unique<schema::ChannelT>();
    channel->name = "t";
    channel->quantity = "temperature";
    channel->unit = "degC";
    schema::F32SamplesT samples;
    samples.values.resize(readings);
    for (std::size_t i = readings; i > 0; --i) channel->times_ns.push_back(epoch_ns - static_cast<TimeNs>(i) * 10 * ns_per_s);
    channel->start_ns = channel->times_ns.front();
    channel->samples.Set(std::move(samples));
    batch.channels.push_back(std::move(channel));
    return message_of("stethos/v1/d1/batch", schema::pack(batch), epoch_ns);
  };
  take({reading_batch(390)});
  EXPECT_EQ(arrived<ReadingArrived>().size(), 390u);
  take({reading_batch(410)});
  ASSERT_EQ(effect_.dead_letters.size(), 1u);
  EXPECT_EQ(effect_.dead_letters[0].rejection.reason, Reason::too_large);
  EXPECT_EQ(arrived<ReadingArrived>().size(), 0u);
  ASSERT_EQ(arrived<SamplesUnplaced>().size(), 1u);
  EXPECT_EQ(arrived<SamplesUnplaced>()[0].samples, 410u);
}

TEST_F(IntakeTest, ALetterIsBoundedInAllItsParts) {
  const std::string topic = "fleet/" + std::string(60'000, 'x') + "/telemetry";
  const std::string text = R"({"device":"t1","ts":")" + std::string(100'000, 'y') + R"(","temperature":1,"seq":1})";
  take({message_of(topic, {text.begin(), text.end()}, epoch_ns)});
  ASSERT_EQ(effect_.dead_letters.size(), 1u);
  const DeadLetter& letter = effect_.dead_letters[0];
  EXPECT_LE(letter.rejection.detail.size(), letter_detail_bytes_max);
  EXPECT_EQ(letter.topic.size(), letter_topic_bytes_max);
  EXPECT_EQ(letter.payload.size(), 64u);
}

TEST_F(IntakeTest, WhatNoSubscriptionTakesIsALetterWhateverTheOthersCouldReadOfIt) {
  const std::string text = R"({"device":"t1","ts":1767225600000,"temperature":20.5,"seq":1})";
  take({message_of("elsewhere/x", {text.begin(), text.end()}, epoch_ns)});
  ASSERT_EQ(effect_.dead_letters.size(), 1u);
  EXPECT_EQ(effect_.dead_letters[0].rejection.reason, Reason::unknown_topic);
  EXPECT_TRUE(arrivals_.list.empty());
}

}  // namespace
}  // namespace stethos::edge
