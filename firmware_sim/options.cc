#include "firmware_sim/options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <map>

#include "common/time_text.h"
#include "firmware_sim/exit_codes.h"
#include "firmware_sim/scenario.h"
#include "recordings/named_recording.h"
#include "schemas/names.h"

namespace stethos::firmware_sim {
namespace {

constexpr const char* about =
    "A fleet of devices: synthetic machines with faults that grow, or recordings, published over MQTT as devices would.";

CLI::Validator probability() { return CLI::Range(0.0, 1.0).description("PROBABILITY"); }

// An option whose text is read by parse_duration or parse_time.
template <class Parse>
void add_parsed(CLI::App& app, const std::string& name, std::int64_t& target, const std::string& fallback, Parse parse,
                const std::string& type, const std::string& help) {
  if (!fallback.empty()) target = *parse(fallback);
  auto* option = app.add_option_function<std::string>(
      name,
      [&target, parse, name](const std::string& text) {
        const auto value = parse(text);
        if (!value) throw CLI::ValidationError(name, value.error().text());
        target = *value;
      },
      help);
  option->type_name(type);
  if (!fallback.empty()) option->default_str(fallback);
}

template <class Target>
struct Value {
  using Type = Target;
};
template <class Inner>
struct Value<std::optional<Inner>> {
  using Type = Inner;
};

// One of a few names. `target` may be optional.
template <class Target>
CLI::Option* add_choice(CLI::App& app, const std::string& name, Target& target,
                        const std::map<std::string, typename Value<Target>::Type>& choices, const std::string& help) {
  std::string type;
  for (const auto& [each, value] : choices) type += (type.empty() ? "" : "|") + each;
  return app
      .add_option_function<std::string>(
          name,
          [&target, choices, name, type](const std::string& text) {
            const auto found = choices.find(text);
            if (found == choices.end()) throw CLI::ValidationError(name, "expected " + type);
            target = found->second;
          },
          help)
      ->type_name(type);
}

Result<DurationNs> positive_duration(std::string_view text) {
  auto duration = parse_duration(text);
  if (duration && *duration < 0) return fail(Code::invalid, "reading \"" + std::string(text) + "\"", "it is below zero");
  return duration;
}

std::string host_and_port(const std::string& text, Options& options) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return "expected HOST:PORT";
  const char* const end = text.data() + text.size();
  const auto [read_to, error] = std::from_chars(text.data() + colon + 1, end, options.broker_port);
  if (error != std::errc{} || read_to != end || options.broker_port < 1 || options.broker_port > 65'535) {
    return "the port is a number from 1 to 65535";
  }
  options.broker_host = text.substr(0, colon);
  return "";
}

std::string check_name(const std::string& text) {
  return schema::is_name(text) ? "" : "must be printable ASCII without spaces, quotes, '/', '+', '#' and '\\'";
}

void add_what(CLI::App& app, Options& options) {
  auto* scenario = app.add_option("--scenario", options.scenario, "Publish the synthetic machines of this scenario file");
  scenario->type_name("FILE");
  auto* recording = app.add_option(
      "--recording", options.recordings,
      "Publish a recording: wav:FILE, mat:FILE (that says its rate), csv:FILE (rows with times), cwru:FILE.f32, femto:FOLDER, "
      "nab:FILE or skab:FILE; repeatable, each is a device");
  recording->type_name("KIND:PATH")
      ->allow_extra_args(false)
      ->check(CLI::Validator(recordings::objection_to_recording, ""))
      ->excludes(scenario);
  add_choice(app, "--format", options.format, {{"stethos", Format::stethos}, {"json", Format::json}},
             "What every device publishes, whatever the scenario says");
  add_choice(app, "--encoding", options.device.encoding, {{"f32", Encoding::f32}, {"i16", Encoding::i16}},
             "How samples are packed in our own format")
      ->default_str("f32");
  app.add_option("--readings-per-message", options.device.readings_per_message_max,
                 "Readings of a recording that our own format puts into one message")
      ->check(CLI::Range(1, 10'000))
      ->type_name("COUNT")
      ->capture_default_str();
  app.add_option("--block-samples", options.block_samples, "Length of the blocks that a cwru file is cut into")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("COUNT")
      ->capture_default_str();
  const CLI::Validator name(check_name, "");
  app.add_option("--channel", options.channel, "Channel (and JSON field) of a nab file")->check(name)->default_val("value");
  app.add_option("--quantity", options.quantity, "Quantity of a nab file")->default_val("value");
  app.add_option("--unit", options.unit, "Unit of a nab file")->default_val("1");
  app.add_option("--device-prefix", options.device_prefix, "Put before the name of every device")->check(name);
}

void add_time(CLI::App& app, Options& options) {
  app.add_option("--speed", options.fleet.speed, "How much faster than real time; 0: as fast as it goes")
      ->check(CLI::Range(0.0, 1e9))
      ->type_name("FACTOR")
      ->default_val(1.0);
  add_choice(app, "--time", options.stamps, {{"now", StampMode::now}, {"original", StampMode::original}},
             "Move all stamps so that the run ends now, or keep them")
      ->default_str("now");
  add_parsed(app, "--start", options.start, "2026-01-01", parse_time, "TIME",
             "Start of a cwru file, day of a femto folder's first snapshot, for --time original");
  add_parsed(app, "--duration", options.duration, "", positive_duration, "DURATION",
             "Publish only so much: overrides the scenario's duration, or cuts recordings off");
  app.add_option("--seed", options.seed, "What chance is made of (default: the scenario's, or 1)")->type_name("NUMBER");
  app.add_option("--epoch", options.epoch, "Epoch of every device (default: the time of start in ms)")->type_name("NUMBER");
}

void add_delivery(CLI::App& app, Options& options) {
  app.add_option_function<std::string>(
         "--broker",
         [&options](const std::string& text) {
           if (const std::string wrong = host_and_port(text, options); !wrong.empty())
             throw CLI::ValidationError("--broker", wrong);
         },
         "The MQTT broker")
      ->type_name("HOST:PORT")
      ->default_str("127.0.0.1:1883");
  options.broker_host = "127.0.0.1";
  options.broker_port = 1883;
  app.add_option("--qos", options.qos, "Quality of service of what is published")
      ->check(CLI::Range(0, 1))
      ->type_name("0|1")
      ->capture_default_str();
  app.add_option("--broker-in-flight", options.broker_in_flight_max,
                 "Publications of the fleet that the broker has not acknowledged yet, at most")
      ->check(CLI::Range(3, 900))
      ->type_name("COUNT")
      ->capture_default_str();
  app.add_option("--json-topic-prefix", options.device.json_topic_prefix, "JSON goes to PREFIX/<device>/telemetry")
      ->capture_default_str();
  RingLimits& ring = options.device.ring;
  app.add_option("--ring", ring.count_max, "Messages that a device holds until they are acknowledged")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("COUNT")
      ->capture_default_str();
  app.add_option("--in-flight", ring.in_flight_max, "Messages that a device has sent and not seen acknowledged, at most")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("COUNT")
      ->capture_default_str();
  add_choice(app, "--when-full", options.fleet.wait_when_full, {{"wait", true}, {"give-up", false}},
             "A device whose ring is full waits, or gives up its oldest message (default: wait, but give-up at a speed above 0 "
             "and up to 1)");
  add_parsed(app, "--resend-after", ring.resend_after, "2s", positive_duration, "DURATION",
             "Wait for an acknowledgement; doubles each time");
  add_parsed(app, "--resend-after-max", ring.resend_after_max, "30s", positive_duration, "DURATION", "The longest such wait");
  app.add_option("--give-up-after", ring.tries_max, "A message is given up after so many sends")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("TRIES")
      ->capture_default_str();
  add_parsed(app, "--deadline", options.fleet.deadline, "60s", positive_duration, "DURATION",
             "Give up when no acknowledgement came for so long, or so long after SIGTERM");
  app.add_flag("!--no-complete", options.device.complete, "The last message of a device does not say that nothing older comes");
  add_parsed(app, "--complete-past", options.device.complete_past_ns, "0s", positive_duration, "DURATION",
             "How far beyond its end the last message of a device says so");
}

void add_misbehaviour(CLI::App& app, Options& options) {
  MisbehaviourOptions& wrong = options.device.misbehaviour;
  const std::string group = "Misbehaviour (probabilities for each message, seeded)";
  const auto chance = [&](const std::string& name, double& target, const std::string& help) {
    app.add_option(name, target, help)->check(probability())->type_name("P")->group(group);
  };
  chance("--duplicate", wrong.duplicate, "It is sent twice");
  chance("--reorder", wrong.reorder, "It is sent after 1 to --reorder-window later ones");
  app.add_option("--reorder-window", wrong.reorder_window, "See --reorder")
      ->check(CLI::Range(1, 10'000))
      ->type_name("COUNT")
      ->group(group)
      ->capture_default_str();
  chance("--late", wrong.late, "It is sent after those that are --late-by younger");
  add_parsed(app, "--late-by", wrong.late_by, "5m", positive_duration, "DURATION", "See --late");
  app.get_option("--late-by")->group(group);
  chance("--drop-sends", wrong.drop, "Its first send gets lost");
  chance("--truncate", wrong.truncate, "Its first send is cut short");
  chance("--flip", wrong.flip, "Its first send has a bit flipped");
  chance("--foreign", wrong.foreign, "Something that is none of ours is sent before it");
  chance("--nan", wrong.nan, "For each sample: it is NaN");
  const auto span = [&](const std::string& name, DurationNs& target, auto parse, const std::string& help) {
    add_parsed(app, name, target, "", parse, "DURATION", help);
    app.get_option(name)->group(group);
  };
  span("--clock-wrong-by", wrong.clock_wrong_by, parse_duration,
       "The clocks are wrong by so much (-1h, -20000d), all the time or within the next two");
  span("--clock-wrong-from", wrong.clock_wrong_from, positive_duration, "From so long after the first sample");
  span("--clock-wrong-until", wrong.clock_wrong_until, positive_duration, "Until so long after the first sample");
}

std::string check_together(const Options& options) {
  if (options.scenario.empty() && options.recordings.empty()) return "--scenario or --recording is required";
  if (options.device.misbehaviour.nan > 0 && options.device.encoding == Encoding::i16) return "--nan needs --encoding f32";
  if (options.device.misbehaviour.nan > 0 && options.format == Format::json) return "--nan needs --format stethos: JSON has none";
  return "";
}

}  // namespace

ParsedOptions parse_options(int argument_count, char** arguments) {
  CLI::App app(about, "stethos-sim");
  Options options;
  bool quiet = false;
  bool reference = false;
  app.set_version_flag("--version", "stethos-sim " STETHOS_VERSION);
  add_what(app, options);
  add_time(app, options);
  add_delivery(app, options);
  add_misbehaviour(app, options);
  app.add_option("--ledger", options.ledger, "Write what is published to this file, as JSON lines")->type_name("FILE");
  app.add_flag("--quiet", quiet, "No progress on standard error");
  app.add_option("--log-level", options.log_level, "trace, debug, info, warn or error")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}))
      ->default_val("info");
  app.add_flag("--print-scenario-reference", reference, "Print the reference page of scenario files");
  try {
    app.parse(argument_count, arguments);
  } catch (const CLI::ParseError& failure) {
    const bool asked = failure.get_exit_code() == 0;
    app.exit(failure);
    return {std::nullopt, asked ? exit_finished : exit_usage};
  }
  if (reference) {
    std::fputs(settings::reference_page(scenario_table()).c_str(), stdout);
    return {std::nullopt, exit_finished};
  }
  if (const std::string wrong = check_together(options); !wrong.empty()) {
    std::fprintf(stderr, "stethos-sim: %s\nRun with --help for more information.\n", wrong.c_str());
    return {std::nullopt, exit_usage};
  }
  options.fleet.show_progress = !quiet;
  if (app.count("--when-full") == 0) options.fleet.wait_when_full = options.fleet.speed == 0 || options.fleet.speed > 1;
  return {std::move(options), exit_finished};
}

}  // namespace stethos::firmware_sim
