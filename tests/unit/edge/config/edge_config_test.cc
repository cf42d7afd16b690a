// What an operator can write into edge.toml, and every kind of mistake in it.
#include "edge/config/edge_config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/time_text.h"
#include "tests/unit/common/generated_page.h"

namespace stethos::edge {
namespace {

const std::string node = "node.id = \"n1\"\n";
const std::string window = "[[window]]\nlength = \"1s\"\n";
const std::string subscription = "[[subscription]]\ntopic = \"stethos/v1/+/batch\"\n";
const std::string smallest = node + window + subscription;

settings::Outcome<EdgeConfig> parse(const std::string& text) { return settings::parse(edge_config_table(), text, "edge.toml"); }

std::string all_of(const std::vector<settings::Problem>& problems) {
  std::string out;
  for (const auto& problem : problems) out += problem.text() + "\n";
  return out;
}

TEST(EdgeConfig, TheSmallestFileGivesTheDefaults) {
  const auto loaded = parse(smallest);
  ASSERT_TRUE(loaded) << all_of(loaded.error());
  const EdgeConfig& config = loaded->config;
  EXPECT_EQ(config.node_id, "n1");
  EXPECT_EQ(config.log_level, "info");
  EXPECT_EQ(config.mqtt_host, "127.0.0.1");
  EXPECT_EQ(config.mqtt_port, 1883);
  EXPECT_EQ(config.mqtt_client_id, "");
  EXPECT_EQ(config.mqtt_password, "");
  ASSERT_EQ(config.subscriptions.size(), 1u);
  EXPECT_EQ(config.subscriptions[0].qos, 1);
  EXPECT_EQ(config.subscriptions[0].format, PayloadFormat::stethos);
  EXPECT_EQ(config.subscriptions[0].acknowledge, Acknowledge::after_commit);
  EXPECT_EQ(config.subscriptions[0].device_level, -1);
  EXPECT_EQ(config.time_future_max, 300 * ns_per_s);
  EXPECT_EQ(config.time_earliest, *parse_time("2000-01-01"));
  EXPECT_EQ(config.time_watermark_delay, 5 * ns_per_s);
  EXPECT_EQ(config.time_idle_timeout, 30 * ns_per_s);
  ASSERT_EQ(config.windows.size(), 1u);
  EXPECT_EQ(config.windows[0].length, ns_per_s);
  EXPECT_TRUE(config.windows[0].statistics.empty());
  EXPECT_EQ(config.backend, "best");
  EXPECT_EQ(config.spool_commit_interval, ns_per_s);
  EXPECT_EQ(config.spool_file, "/var/lib/stethos/edge.db");
  EXPECT_TRUE(config.uplink_enabled);
  EXPECT_EQ(config.health_host, "127.0.0.1");
  EXPECT_EQ(config.shutdown_deadline, 10 * ns_per_s);
}

TEST(EdgeConfig, FilesAndFoldersLieBesideTheConfiguration) {
  const auto loaded =
      settings::parse(edge_config_table(), "spool.file = \"s.db\"\nrecord.folder = \"r\"\n" + smallest, "there/edge.toml");
  ASSERT_TRUE(loaded) << all_of(loaded.error());
  EXPECT_EQ(loaded->config.spool_file, "there/s.db");
  EXPECT_EQ(loaded->config.record_folder, "there/r");
}

// Each key gets a value of its own, so that one that is read into another's place shows.
TEST(EdgeConfig, EveryKeyReachesItsPlace) {
  const auto loaded = parse(R"(
node.id = "n2"
log.level = "debug"
mqtt.host = "broker"
mqtt.port = 1884
mqtt.client_id = "c"
mqtt.user = "u"
mqtt.keep_alive = "11s"
mqtt.reconnect_min = "12ms"
mqtt.reconnect_max = "13s"
mqtt.session_expiry = "14h"
ingest = { message_bytes_max = "15 KiB", queue_bytes_max = "16 MiB", devices_max = 17, streams_max = 18, forget_after = "1000d", forgotten_max = 19 }
points = { file = "points.csv", required = true }
time = { future_max = "19m", earliest = "2001-02-03", watermark_delay = "20s", idle_timeout = "21s" }
statistics = { backend = "reference", threads = 39 }
speed.age_max = "40s"
record = { folder = "/tmp/r", bytes_max = "141 MiB", compact = false }
spool = { file = "/tmp/x.db", commit_interval = "22ms", batch_bytes_max = "23 KiB", dead_letters_max = 24, dead_letter_bytes_max = "25 B" }
republish.topic = "out/{device}/{channel}"
health = { host = "::1", port = 33 }
shutdown.deadline = "34s"
[uplink]
enabled = false
url = "http://localhost:26"
timeout = "27s"
interval = "28s"
heartbeat = "29s"
rows_max = 30
backoff_min = "31s"
backoff_max = "32s"
[[subscription]]
topic = "plant/+/json/#"
qos = 0
format = "json"
acknowledge = "on_arrival"
device_field = "/meta/device"
fields = { temperature = "temperature degC", "/data/x" = "acceleration m/s2" }
time_field = "ts"
time_unit = "iso8601"
interval_field = "dt"
interval_unit = "ns"
identity = "seq"
[[subscription]]
topic = "raw/+/+"
format = "f32"
device_level = 1
channel_level = 2
fields = { any = "acceleration g" }
interval = "40us"
[[window]]
length = "1m"
offset = "5s"
quantity = "temperature"
device = "d"
statistics = ["mean", "kurtosis"]
[[window]]
length = "38s"
quantiles = ["p5", "p99.9"]
[[spectrum]]
quantity = "velocity"
device = "g"
bands = ["42-43.5Hz"]
velocity_bands = ["44-45Hz"]
low_frequency_hz = 46
rolloff_share = 0.47
lines = 4
multiples = ["0.5x"]
envelope_band = "48-49Hz"
bearing_harmonics = 5
line_tolerance = 0.051
[[bearing]]
name = "b"
elements = 52
element_diameter_mm = 3.2
pitch_diameter_mm = 54
contact_angle_deg = 55
[[limit]]
statistic = "peak"
unit = "m/s2"
direction = "below"
alert = -1.5
danger = -35
deadband = 0.36
on_delay = "37s"
window = "38s"
quantity = "acceleration"
device = "e"
channel = "f"
)");
  ASSERT_TRUE(loaded) << all_of(loaded.error());
  const EdgeConfig& c = loaded->config;
  EXPECT_EQ(c.node_id, "n2");
  EXPECT_EQ(c.log_level, "debug");
  EXPECT_EQ(c.mqtt_host, "broker");
  EXPECT_EQ(c.mqtt_port, 1884);
  EXPECT_EQ(c.mqtt_client_id, "c");
  EXPECT_EQ(c.mqtt_user, "u");
  EXPECT_EQ(c.mqtt_keep_alive, 11 * ns_per_s);
  EXPECT_EQ(c.mqtt_reconnect_min, 12 * ns_per_ms);
  EXPECT_EQ(c.mqtt_reconnect_max, 13 * ns_per_s);
  EXPECT_EQ(c.mqtt_session_expiry, 50400 * ns_per_s);
  EXPECT_EQ(c.ingest_message_bytes_max, 15 << 10);
  EXPECT_EQ(c.ingest_queue_bytes_max, 16 << 20);
  EXPECT_EQ(c.ingest_devices_max, 17);
  EXPECT_EQ(c.ingest_streams_max, 18);
  EXPECT_EQ(c.ingest_forget_after, DurationNs{1'000} * 86'400 * ns_per_s);
  EXPECT_EQ(c.ingest_forgotten_max, 19);
  EXPECT_EQ(c.points_file, "points.csv");
  EXPECT_TRUE(c.points_required);
  EXPECT_EQ(c.time_future_max, 1140 * ns_per_s);
  EXPECT_EQ(c.time_earliest, *parse_time("2001-02-03"));
  EXPECT_EQ(c.time_watermark_delay, 20 * ns_per_s);
  EXPECT_EQ(c.time_idle_timeout, 21 * ns_per_s);
  EXPECT_EQ(c.spool_file, "/tmp/x.db");
  EXPECT_EQ(c.spool_commit_interval, 22 * ns_per_ms);
  EXPECT_EQ(c.spool_batch_bytes_max, 23 << 10);
  EXPECT_EQ(c.spool_dead_letters_max, 24);
  EXPECT_EQ(c.spool_dead_letter_bytes_max, 25);
  EXPECT_FALSE(c.uplink_enabled);
  EXPECT_EQ(c.uplink_url, "http://localhost:26");
  EXPECT_EQ(c.uplink_timeout, 27 * ns_per_s);
  EXPECT_EQ(c.uplink_interval, 28 * ns_per_s);
  EXPECT_EQ(c.uplink_heartbeat, 29 * ns_per_s);
  EXPECT_EQ(c.uplink_rows_max, 30);
  EXPECT_EQ(c.uplink_backoff_min, 31 * ns_per_s);
  EXPECT_EQ(c.uplink_backoff_max, 32 * ns_per_s);
  EXPECT_EQ(c.republish_topic, "out/{device}/{channel}");
  EXPECT_EQ(c.health_host, "::1");
  EXPECT_EQ(c.health_port, 33);
  EXPECT_EQ(c.shutdown_deadline, 34 * ns_per_s);

  ASSERT_EQ(c.subscriptions.size(), 2u);
  const SubscriptionConfig& json = c.subscriptions[0];
  EXPECT_EQ(json.topic, "plant/+/json/#");
  EXPECT_EQ(json.qos, 0);
  EXPECT_EQ(json.format, PayloadFormat::json);
  EXPECT_EQ(json.acknowledge, Acknowledge::on_arrival);
  EXPECT_EQ(json.device_field, "/meta/device");
  EXPECT_EQ(json.fields,
            (std::map<std::string, std::string>{{"temperature", "temperature degC"}, {"/data/x", "acceleration m/s2"}}));
  EXPECT_EQ(json.time_field, "ts");
  EXPECT_EQ(json.time_unit, TimeUnit::iso8601);
  EXPECT_EQ(json.interval_field, "dt");
  EXPECT_EQ(json.interval_unit, TimeUnit::ns);
  EXPECT_EQ(json.identity, "seq");
  const SubscriptionConfig& f32 = c.subscriptions[1];
  EXPECT_EQ(f32.format, PayloadFormat::f32);
  EXPECT_EQ(f32.device_level, 1);
  EXPECT_EQ(f32.channel_level, 2);
  EXPECT_EQ(f32.interval, 40 * ns_per_us);

  ASSERT_EQ(c.windows.size(), 2u);
  EXPECT_EQ(c.windows[0].length, 60 * ns_per_s);
  EXPECT_EQ(c.windows[0].offset, 5 * ns_per_s);
  EXPECT_EQ(c.windows[0].quantity, "temperature");
  EXPECT_EQ(c.windows[0].device, "d");
  EXPECT_EQ(c.windows[0].statistics, (std::vector<std::string>{"mean", "kurtosis"}));
  EXPECT_EQ(c.statistics_threads, 39);
  EXPECT_EQ(c.speed_age_max, 40 * ns_per_s);
  EXPECT_EQ(c.record_folder, "/tmp/r");
  EXPECT_EQ(c.record_bytes_max, 141 << 20);
  EXPECT_FALSE(c.record_compact);
  EXPECT_EQ(c.windows[1].quantiles, (std::vector<std::string>{"p5", "p99.9"}));
  ASSERT_EQ(c.spectra.size(), 1u);
  const SpectrumConfig& spectrum = c.spectra[0];
  EXPECT_EQ(spectrum.quantity, "velocity");
  EXPECT_EQ(spectrum.device, "g");
  EXPECT_EQ(spectrum.bands, std::vector<std::string>{"42-43.5Hz"});
  EXPECT_EQ(spectrum.velocity_bands, std::vector<std::string>{"44-45Hz"});
  EXPECT_EQ(spectrum.low_frequency_hz, 46);
  EXPECT_EQ(spectrum.rolloff_share, 0.47);
  EXPECT_EQ(spectrum.lines, 4);
  EXPECT_EQ(spectrum.multiples, std::vector<std::string>{"0.5x"});
  EXPECT_EQ(spectrum.envelope_band, "48-49Hz");
  EXPECT_EQ(spectrum.bearing_harmonics, 5);
  EXPECT_EQ(spectrum.line_tolerance, 0.051);
  ASSERT_EQ(c.bearings.size(), 1u);
  EXPECT_EQ(c.bearings[0].name, "b");
  EXPECT_EQ(c.bearings[0].elements, 52);
  EXPECT_EQ(c.bearings[0].element_diameter_mm, 3.2);
  EXPECT_EQ(c.bearings[0].pitch_diameter_mm, 54);
  EXPECT_EQ(c.bearings[0].contact_angle_deg, 55);
  ASSERT_EQ(c.limits.size(), 1u);
  EXPECT_EQ(c.limits[0].statistic, "peak");
  EXPECT_EQ(c.limits[0].unit, "m/s2");
  EXPECT_EQ(c.limits[0].direction, schema::LimitDirection::below);
  EXPECT_EQ(c.limits[0].alert, -1.5);
  EXPECT_EQ(c.limits[0].danger, -35);
  EXPECT_EQ(c.limits[0].deadband, 0.36);
  EXPECT_EQ(c.limits[0].on_delay, 37 * ns_per_s);
  EXPECT_EQ(c.limits[0].window, 38 * ns_per_s);
  EXPECT_EQ(c.limits[0].quantity, "acceleration");
  EXPECT_EQ(c.limits[0].device, "e");
  EXPECT_EQ(c.limits[0].channel, "f");
}

TEST(EdgeConfig, EveryChoiceIsItsOwn) {
  const auto time_unit = [](const std::string& name) {
    const std::string field = name == "arrival" ? "" : "time_field = \"t\"\n";
    const auto loaded = parse(node + window + "[[subscription]]\ntopic = \"t\"\nformat = \"json\"\ndevice_level = 0\n" + field +
                              "fields = { v = \"temperature degC\" }\ntime_unit = \"" + name + "\"\n");
    EXPECT_TRUE(loaded) << name << all_of(loaded ? std::vector<settings::Problem>{} : loaded.error());
    return loaded ? loaded->config.subscriptions.at(0).time_unit : TimeUnit::s;
  };
  EXPECT_EQ(time_unit("s"), TimeUnit::s);
  EXPECT_EQ(time_unit("ms"), TimeUnit::ms);
  EXPECT_EQ(time_unit("us"), TimeUnit::us);
  EXPECT_EQ(time_unit("ns"), TimeUnit::ns);
  EXPECT_EQ(time_unit("iso8601"), TimeUnit::iso8601);
  EXPECT_EQ(time_unit("arrival"), TimeUnit::arrival);
}

struct Mistake {
  const char* name;
  std::string text;
  std::string problem;  // its beginning
};

void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.name; }

class EdgeConfigMistake : public testing::TestWithParam<Mistake> {};

TEST_P(EdgeConfigMistake, IsReportedWithItsKey) {
  const auto loaded = parse(GetParam().text);
  ASSERT_FALSE(loaded);
  const bool reported = std::ranges::any_of(
      loaded.error(), [](const settings::Problem& problem) { return problem.text().starts_with(GetParam().problem); });
  EXPECT_TRUE(reported) << "expected " << GetParam().problem << "\nfound\n" << all_of(loaded.error());
  EXPECT_EQ(loaded.error().size(), 1u) << all_of(loaded.error());
}

Mistake top(const char* name, const std::string& line, const std::string& problem) {
  return {name, line + "\n" + smallest, problem};
}

Mistake json(const char* name, const std::string& lines, const std::string& problem) {
  return {name, smallest + "[[subscription]]\ntopic = \"j/+/x\"\nformat = \"json\"\n" + lines, problem};
}
Mistake f32(const char* name, const std::string& lines, const std::string& problem) {
  return {name, smallest + "[[subscription]]\ntopic = \"f/+/x\"\nformat = \"f32\"\n" + lines, problem};
}
Mistake stethos(const char* name, const std::string& line, const std::string& key) {
  return {name, smallest + line + "\n",
          "edge.toml:6: subscription[0]." + key + ": must not be given: the format \"stethos\" says it itself"};
}
Mistake topic(const char* name, const std::string& filter, const std::string& problem) {
  return {name, node + window + "[[subscription]]\ntopic = \"" + filter + "\"\n",
          "edge.toml:5: subscription[0].topic: " + problem};
}
Mistake windowed(const char* name, const std::string& lines, const std::string& problem) {
  return {name, node + subscription + lines, problem};
}

Mistake limited(const char* name, const std::string& lines, const std::string& problem) {
  return {name, smallest + "[[limit]]\n" + lines, problem};
}

const std::string rms_in_g = "statistic = \"rms\"\nunit = \"g\"\n";
const std::string device = "device_level = 1\n";
const std::string time_field = "time_field = \"t\"\n";
const std::string fields = "fields = { v = \"temperature degC\" }\n";
const std::string interval = "interval = \"40us\"\n";

INSTANTIATE_TEST_SUITE_P(
    Table, EdgeConfigMistake,
    testing::Values(
        Mistake{"no node id", window + subscription, "edge.toml: node.id: must be given"},
        Mistake{"no window", node + subscription, "edge.toml: window: must be given"},
        Mistake{"not TOML", smallest + "mqtt = \n", "edge.toml:6: not valid TOML"},
        Mistake{"the same key twice", node + node + window + subscription, "edge.toml:2: not valid TOML"},
        Mistake{"node id with a slash", "node.id = \"a/b\"\n" + window + subscription,
                "edge.toml:1: node.id: must be 1 to 128 letters"},
        top("unknown key", "mqtt.prot = 1", "edge.toml:1: mqtt.prot: is not a known key (did you mean mqtt.port?)"),
        top("unknown table", "mqqt.host = \"x\"", "edge.toml:1: mqqt: is not a known table (did you mean mqtt?)"),
        top("wrong type", "mqtt.port = \"1883\"", "edge.toml:1: mqtt.port: expected a whole number, 1 to 65535, found the text"),
        top("below its limit", "mqtt.port = 0", "edge.toml:1: mqtt.port: must be at least 1"),
        top("above its limit", "health.port = 65536", "edge.toml:1: health.port: must be at most 65535"),
        top("no such log level", "log.level = \"inf\"", "edge.toml:1: log.level: must be one of"),
        top("no such backend", "statistics.backend = \"quantum\"",
            "edge.toml:1: statistics.backend: must be one of \"best\", \"cpu\", \"reference\""),
        top("a password in the file", "mqtt.password = \"secret\"",
            "edge.toml:1: mqtt.password: is not a known key (did you mean mqtt.password_file?)"),
        top("no password file", "mqtt = { user = \"u\", password_file = \"/nowhere/password\" }",
            "edge.toml:1: mqtt.password_file: /nowhere/password cannot be read: No such file"),
        top("keep alive in parts of a second", "mqtt.keep_alive = \"1500ms\"",
            "edge.toml:1: mqtt.keep_alive: must be whole seconds"),
        top("reconnect the wrong way round", "mqtt.reconnect_min = \"1m\"",
            "edge.toml:1: mqtt.reconnect_min: must not be more than"),
        top("backoff the wrong way round", "uplink.backoff_max = \"50ms\"",
            "edge.toml:1: uplink.backoff_min: must not be more than"),
        top("a message larger than the queue", "ingest.message_bytes_max = \"65 MiB\"",
            "edge.toml:1: ingest.message_bytes_max: must not"),
        top("a batch larger than the queue", "spool.batch_bytes_max = \"65 MiB\"",
            "edge.toml:1: spool.batch_bytes_max: must not be more"),
        top("forgetting what may still speak", "ingest.forget_after = \"1h\"",
            "edge.toml:1: ingest.forget_after: must be 0s, or at least 3696s"),
        top("points required without a file", "points.required = true", "edge.toml:1: points.required: needs points.file"),
        top("a duration without a unit", "time.idle_timeout = \"30\"", "edge.toml:1: time.idle_timeout: its unit is none of"),
        top("a duration as a number", "time.idle_timeout = 30", "edge.toml:1: time.idle_timeout: expected a duration"),
        top("a rule for the clock that is none", "time.clock = \"perhaps\"", "edge.toml:1: time.clock: "),
        top("a day that is not", "time.earliest = \"2001-02-30\"", "edge.toml:1: time.earliest: no such date"),
        top("a size in the wrong unit", "ingest.queue_bytes_max = \"64 MB\"",
            "edge.toml:1: ingest.queue_bytes_max: its unit is none of"),
        top("health for everyone", "health.host = \"0.0.0.0\"", "edge.toml:1: health.host: must be a loopback address"),
        top("health at a name", "health.host = \"example.com\"", "edge.toml:1: health.host: must be a loopback address"),
        top("uplink with TLS", "uplink.url = \"https://127.0.0.1:8090\"",
            "edge.toml:1: uplink.url: must be http:// to a loopback address: TLS"),
        top("uplink to elsewhere", "uplink.url = \"http://192.0.2.1:8090\"",
            "edge.toml:1: uplink.url: is not accepted: plain http"),
        top("uplink by a name that begins like loopback", "uplink.url = \"http://127.0.0.1.example.com\"",
            "edge.toml:1: uplink.url: is not"),
        top("uplink is no address", "uplink.url = \"collector\"", "edge.toml:1: uplink.url: is not accepted"),
        top("republish to a wildcard", "republish.topic = \"out/#\"", "edge.toml:1: republish.topic: must not have wildcards"),
        top("republish with an unknown placeholder", "republish.topic = \"out/{machine}\"",
            "edge.toml:1: republish.topic: may have"),
        top("republish with an open brace", "republish.topic = \"out/{device\"", "edge.toml:1: republish.topic: may have"),
        top("republish to what is subscribed", "republish.topic = \"stethos/v1/{device}/batch\"",
            "edge.toml:1: republish.topic: would be received again by subscription[0].topic"),

        topic("empty filter", "", "must not be empty"), topic("hash in the middle", "a/#/b", "must have '#' at its end only"),
        topic("hash in a level", "a/b#", "must have '#' as a whole level"),
        topic("plus in a level", "a/b+/c", "must have '+' as a whole level"), topic("shared", "$share/g/a", "must not be shared"),
        topic("odd bytes", "a\\u0000b", "must not hold control characters"),
        Mistake{"filter twice", smallest + subscription,
                "edge.toml:7: subscription[1].topic: matches topics that subscription[0] matches too (\"stethos/v1/+/batch\"): "
                "what is published "
                "there would be counted twice"},
        Mistake{"qos 2", smallest + "qos = 2\n", "edge.toml:6: subscription[0].qos: must be at most 1"},
        Mistake{"no such format", smallest + "format = \"jsn\"\n", "edge.toml:6: subscription[0].format: must be one of"},
        Mistake{"one bracket too few", node + window + "[subscription]\ntopic = \"a\"\n",
                "edge.toml:4: subscription: expected a list of tables"},

        stethos("stethos with a device level", "device_level = 1", "device_level"),
        stethos("stethos with a device field", "device_field = \"d\"", "device_field"),
        stethos("stethos with a channel level", "channel_level = 1", "channel_level"),
        stethos("stethos with fields", "fields = { v = \"temperature degC\" }", "fields"),
        stethos("stethos with a time field", "time_field = \"t\"", "time_field"),
        stethos("stethos with an interval field", "interval_field = \"i\"", "interval_field"),
        stethos("stethos with an interval", "interval = \"1s\"", "interval"),
        stethos("stethos with an identity", "identity = \"seq\"", "identity"),

        json("json without fields", device + time_field, "edge.toml:6: subscription[1].fields: must be given for json"),
        json("json without a device", fields + time_field, "edge.toml:6: subscription[1].device_level: must be given"),
        json("json with two devices", device + "device_field = \"d\"\n" + fields + time_field,
             "edge.toml:10: subscription[1].device_field: must not be given beside device_level"),
        json("json without a time", device + fields, "edge.toml:6: subscription[1].time_field: must be given for json"),
        json("json with the arrival and a time", device + fields + time_field + "time_unit = \"arrival\"\n",
             "edge.toml:11: subscription[1].time_field: must not be given"),
        json("json with the arrival as identity", device + fields + "time_unit = \"arrival\"\nidentity = \"time\"\n",
             "edge.toml:12: subscription[1].identity: must not be given"),
        json("json with a channel level", device + fields + time_field + "channel_level = 2\n",
             "edge.toml:12: subscription[1].channel_level: must not be given"),
        json("json with two intervals", device + fields + time_field + interval + "interval_field = \"i\"\n",
             "edge.toml:12: subscription[1].interval: must not be given"),
        json("a device level that the topic has not", "device_level = 3\n" + fields + time_field,
             "edge.toml:9: subscription[1].device_level: must be at most 2"),
        json("a field without a unit", device + time_field + "fields = { v = \"temperature\" }\n",
             "edge.toml:11: subscription[1].fields: its entry \"v\" = \"temperature\" must be a quantity and a unit"),
        json("a field with two units", device + time_field + "fields = { v = \"temperature deg C\" }\n",
             "edge.toml:11: subscription[1].fields: its entry \"v\" = \"temperature deg C\" must have one unit"),
        json("a field with an odd quantity", device + time_field + "fields = { v = \"a/b degC\" }\n",
             "edge.toml:11: subscription[1].fields: its entry \"v\" = \"a/b degC\" has a quantity that must be"),
        json("a field that is a number", device + time_field + "fields = { v = 1 }\n",
             "edge.toml:11: subscription[1].fields: expected a table of up to 64 texts, found the whole number 1"),
        json("a field whose name is no channel", device + time_field + "fields = { \"a \" = \"temperature degC\" }\n",
             "edge.toml:11: subscription[1].fields: its field \"a \" makes a channel whose name must be"),
        json("two fields of one channel",
             device + time_field + "fields = { \"/a\" = \"temperature degC\", a = \"temperature degC\" }\n",
             "edge.toml:11: subscription[1].fields: its field \"a\" makes the same channel as \"/a\""),
        json("an interval that has no unit", device + fields + time_field + "interval_unit = \"iso8601\"\n",
             "edge.toml:12: subscription[1].interval_unit: must be one of"),

        f32("f32 without a device", fields + interval, "edge.toml:6: subscription[1].device_level: must be given for f32"),
        f32("f32 without an interval", device + fields, "edge.toml:6: subscription[1].interval: must be given for f32"),
        f32("f32 without a field", device + interval, "edge.toml:6: subscription[1].fields: must have one entry"),
        f32("f32 with two fields", device + interval + "fields = { a = \"temperature degC\", b = \"temperature degC\" }\n",
            "edge.toml:11: subscription[1].fields: must have one entry"),
        f32("f32 with a device field", device + fields + interval + "device_field = \"d\"\n",
            "edge.toml:12: subscription[1].device_field: must not be given"),
        f32("f32 with a time field", device + fields + interval + time_field,
            "edge.toml:12: subscription[1].time_field: must not be given"),
        f32("f32 with an identity", device + fields + interval + "identity = \"time\"\n",
            "edge.toml:12: subscription[1].identity: must not be given"),
        f32("f32 with an interval field", device + fields + interval + "interval_field = \"i\"\n",
            "edge.toml:12: subscription[1].interval_field: must not be given"),
        f32("f32 with device and channel in one level", device + fields + interval + "channel_level = 1\n",
            "edge.toml:12: subscription[1].channel_level: must not be given: it is the device's"),

        windowed("no length", "[[window]]\n", "edge.toml:4: window[0].length: must be given, or gap, or samples"),
        windowed("no time at all", "[[window]]\nlength = \"0s\"\n",
                 "edge.toml:5: window[0].length: must be given, or gap, or samples"),
        windowed("two kinds at once", "[[window]]\nlength = \"1s\"\ngap = \"1s\"\n",
                 "edge.toml:5: window[0].length: must be given, or gap, or samples, and only one"),
        windowed("a length of a nanosecond", "[[window]]\nlength = \"1ns\"\n",
                 "edge.toml:5: window[0].length: must be at least 1ms"),
        windowed("a hop that leaves holes", "[[window]]\nlength = \"1s\"\nhop = \"2s\"\n",
                 "edge.toml:6: window[0].hop: must not be more than length, 1s"),
        windowed("a hop that cuts too fine", "[[window]]\nlength = \"1001ms\"\nhop = \"1s\"\n",
                 "edge.toml:6: window[0].hop: cuts a window into more than 1000 slices of 1ms"),
        windowed("a hop between sessions", "[[window]]\ngap = \"1m\"\nhop = \"1s\"\n",
                 "edge.toml:6: window[0].hop: must not be given: only windows with a length have one"),
        windowed("an offset of count windows", "[[window]]\nsamples = 10\noffset = \"1s\"\n",
                 "edge.toml:6: window[0].offset: must not be given"),
        windowed("a negative length", "[[window]]\nlength = \"-1s\"\n", "edge.toml:5: window[0].length: must be at least \"0s\""),
        windowed("an offset of a whole length", "[[window]]\nlength = \"1m\"\noffset = \"60s\"\n",
                 "edge.toml:6: window[0].offset: must be less than 1m"),
        windowed("no such statistic", "[[window]]\nlength = \"1m\"\nstatistics = [\"mean\", \"kurtosi\"]\n",
                 "edge.toml:6: window[0].statistics: its entry \"kurtosi\" is none of the statistics: count, mean"),
        windowed("a statistic twice", "[[window]]\nlength = \"1m\"\nstatistics = [\"mean\", \"mean\"]\n",
                 "edge.toml:6: window[0].statistics: its entry \"mean\" stands there twice"),
        windowed("the same window twice",
                 window + "quantity = \"speed\"\n" + window + "quantity = \"speed\"\nstatistics = [\"mean\"]\n",
                 "edge.toml:8: window[1].length: makes the same window as window[0]"),
        limited("a limit of single blocks", "statistic = \"vibration_velocity\"\nunit = \"mm/s\"\nalert = 1\n",
                "edge.toml:7: limit[0].statistic: is of single blocks: must be \"vibration_velocity.PARAMETER.rms\""),
        limited("a limit of what is no longer computed",
                "statistic = \"velocity_rms.10-1000Hz.max\"\nunit = \"mm/s\"\nalert = 1\n",
                "edge.toml:7: limit[0].statistic: is no longer computed: \"vibration_velocity\" took its place"),
        limited("a limit of the mean of an amplitude", "statistic = \"band_rms.10-1000Hz.mean\"\nunit = \"g\"\nalert = 1\n",
                "edge.toml:7: limit[0].statistic: is of single blocks: must be \"band_rms.PARAMETER.rms\""),
        Mistake{"a band of velocity from nothing", smallest + "[[spectrum]]\nvelocity_bands = [\"0-1000Hz\"]\n",
                "edge.toml:7: spectrum[0].velocity_bands: its entry \"0-1000Hz\" must begin above 0 Hz"},
        limited("a limit of a quantile of nothing", "statistic = \"quantile.95\"\nunit = \"g\"\nalert = 1\n",
                "edge.toml:7: limit[0].statistic: must say of what percent"),
        limited("a limit with a parameter too many", "statistic = \"rms.p95\"\nunit = \"g\"\nalert = 1\n",
                "edge.toml:7: limit[0].statistic: is \"rms\" with a parameter"),
        limited("a limit in another unit", "statistic = \"vibration_velocity.10-1000Hz.max\"\nunit = \"g\"\nalert = 1\n",
                "edge.toml:8: limit[0].unit: must be \"mm/s\""),
        Mistake{"a band upside down", smallest + "[[spectrum]]\nbands = [\"10-5Hz\"]\n",
                "edge.toml:7: spectrum[0].bands: its entry \"10-5Hz\" must be a band of frequencies"},
        Mistake{"no multiple", smallest + "[[spectrum]]\nmultiples = [\"0x\"]\n",
                "edge.toml:7: spectrum[0].multiples: its entry \"0x\" must be a multiple of the shaft's speed"},
        Mistake{"a quantile beyond", smallest + "[[window]]\nlength = \"2s\"\nquantiles = [\"p101\"]\n",
                "edge.toml:8: window[1].quantiles: its entry \"p101\" must be a percentage"},
        Mistake{"two bearings of one name",
                smallest + "[[spectrum]]\nquantity = \"a\"\nenvelope_band = \"1-2Hz\"\n"
                           "[[bearing]]\nname = \"b\"\nelements = 9\nelement_diameter_mm = 1\npitch_diameter_mm = 5\n"
                           "[[bearing]]\nname = \"b\"\nelements = 9\nelement_diameter_mm = 1\npitch_diameter_mm = 5\n",
                "edge.toml:15: bearing[1].name: is that of bearing[0] as well"},
        Mistake{"more elements than fit",
                smallest + "[[bearing]]\nname = \"b\"\nelements = 16\nelement_diameter_mm = 1\npitch_diameter_mm = 5\n",
                "edge.toml:8: bearing[0].elements: must be fewer: that many do not fit on the pitch circle"},
        Mistake{"a spectrum that is never used",
                smallest + "[[spectrum]]\nquantity = \"a\"\n[[spectrum]]\nquantity = \"a\"\ndevice = \"d\"\n",
                "edge.toml:9: spectrum[1].quantity: is never used: spectrum[0] takes the same streams"},
        Mistake{"elements as large as the bearing",
                smallest + "[[bearing]]\nname = \"b\"\nelements = 9\nelement_diameter_mm = 5\npitch_diameter_mm = 5\n",
                "edge.toml:9: bearing[0].element_diameter_mm: must be less than pitch_diameter_mm"},
        limited("a limit of no statistic", "unit = \"g\"\nalert = 1\n", "edge.toml:6: limit[0].statistic: must be given"),
        limited("a limit of an unknown statistic", "statistic = \"rmss\"\nunit = \"g\"\nalert = 1\n",
                "edge.toml:7: limit[0].statistic: is none of the statistics: count, mean"),
        limited("a limit without a unit", "statistic = \"rms\"\nalert = 1\n", "edge.toml:6: limit[0].unit: must be given"),
        limited("a limit in no unit", "statistic = \"rms\"\nunit = \"m s\"\nalert = 1\n",
                "edge.toml:8: limit[0].unit: must be a unit"),
        limited("a ratio with a unit", "statistic = \"kurtosis\"\nunit = \"g\"\nalert = 4\n",
                "edge.toml:8: limit[0].unit: must be \"1\", which is the unit of kurtosis"),
        limited("a limit without a value", rms_in_g, "edge.toml:6: limit[0].alert: must be given, or danger"),
        limited("a value that is none", rms_in_g + "alert = nan\n", "edge.toml:9: limit[0].alert: must be finite"),
        limited("danger before alert", rms_in_g + "alert = 2\ndanger = 1.5\n",
                "edge.toml:10: limit[0].danger: must be above alert"),
        limited("danger before alert from below", rms_in_g + "alert = 2\ndanger = 2\ndirection = \"below\"\n",
                "edge.toml:10: limit[0].danger: must be below alert"),
        limited("a deadband below zero", rms_in_g + "alert = 2\ndeadband = -0.1\n",
                "edge.toml:10: limit[0].deadband: must be at least 0"),
        limited("a limit of windows that are not", rms_in_g + "alert = 2\nwindow = \"1m\"\n",
                "edge.toml:10: limit[0].window: is that of no [[window]]"),
        limited("the same limit twice", rms_in_g + "alert = 2\n[[limit]]\n" + rms_in_g + "danger = 3\n",
                "edge.toml:11: limit[1].statistic: is watched the same way by limit[0]"),
        json("a limit in another unit than a field",
             device + fields + time_field + "[[limit]]\nstatistic = \"mean\"\nunit = \"K\"\nalert = 350\n",
             "edge.toml:14: limit[0].unit: must be \"degC\", or filters must leave out the field \"v\" of subscription[1]"),
        windowed("a limit of sessions", "[[window]]\ngap = \"1s\"\n[[limit]]\n" + rms_in_g + "alert = 2\n",
                 "edge.toml:6: limit[0].window: is that of no [[window]]"),
        windowed("a limit of another quantity than the windows",
                 window + "quantity = \"speed\"\n[[limit]]\n" + rms_in_g + "alert = 2\nquantity = \"acceleration\"\n",
                 "edge.toml:7: limit[0].window: is that of no [[window]]"),
        windowed("a list instead of a text", "[[window]]\nlength = [\"1m\"]\n",
                 "edge.toml:5: window[0].length: expected a duration")),
    [](const testing::TestParamInfo<Mistake>& mistake) {
      std::string name = mistake.param.name;
      std::ranges::replace(name, ' ', '_');
      return name;
    });

TEST(EdgeConfig, AllMistakesOfAFileAreReportedAtOnce) {
  const auto loaded =
      parse("mqtt.port = 0\nuplink.url = 1\n[[subscription]]\ntopic = \"a/#/b\"\nqos = 3\n[[window]]\noffset = \"1s\"\n");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().size(), 6u) << all_of(loaded.error());
}

TEST(EdgeConfig, WindowsOfOneLengthForDifferentStreamsAreNotTheSame) {
  const auto loaded =
      parse(smallest + window + "quantity = \"speed\"\n" + window + "device = \"d\"\n" + window + "offset = \"500ms\"\n");
  EXPECT_TRUE(loaded) << all_of(loaded.error());
}

TEST(EdgeConfig, AFilterThatEndsOpenMayHaveAnyLevel) {
  const auto loaded =
      parse(node + window + "[[subscription]]\ntopic = \"a/#\"\nformat = \"json\"\ndevice_level = 7\n" + time_field + fields);
  EXPECT_TRUE(loaded) << all_of(loaded.error());
}

TEST(EdgeConfig, ThePageIsTheOneThatIsKept) {
  test::expect_page("docs/config/edge.md", settings::reference_page(edge_config_table()));
}

}  // namespace
}  // namespace stethos::edge
