#include "uplink/collector/api.h"

#include <array>

#include "common/log.h"
#include "uplink/collector/json.h"
#include "uplink/collector/render.h"
#include "uplink/protocol/compression.h"
#include "uplink/protocol/http.h"

namespace stethos::collector {
namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::string_view csv_type = "text/csv; charset=utf-8; header=present";
constexpr std::string_view text_type = "text/plain; charset=utf-8";
constexpr std::string_view metrics_type = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::size_t parameters_max = 32;
constexpr std::size_t bytes_between_steps = 1u << 20;
// Enough to drop twice what one batch can bring.
constexpr int steps_per_batch_max = 2 * schema::rows_per_batch_max / Retention::rows_per_step;

HttpAnswer answer(int status, std::string_view type, std::string body) {
  return {.status = status, .content_type = std::string(type), .body = std::move(body), .headers = {}};
}

HttpAnswer bad_parameter(const BadParameter& bad) { return error_answer(400, bad.message, bad.parameter); }

std::optional<std::string> percent_decoded(std::string_view text) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? digit(text[i + 1]) : -1;
      const int low = high < 0 ? -1 : digit(text[i + 2]);
      if (low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

Parsed<Parameters> parse_parameters(std::string_view query) {
  Parameters out;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto name = percent_decoded(pair.substr(0, equals));
    auto value = percent_decoded(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1));
    if (!name || !value) return std::unexpected(BadParameter{std::string(pair.substr(0, equals)), "has a broken % escape"});
    if (out.size() == parameters_max) return std::unexpected(BadParameter{*name, "is one parameter too many"});
    out.emplace_back(std::move(*name), std::move(*value));
  }
  return out;
}

enum class Format : bool { json, csv };

// Takes `format` out of the parameters.
Parsed<Format> take_format(Parameters& parameters) {
  Format format = Format::json;
  bool is_given = false;
  for (auto at = parameters.begin(); at != parameters.end();) {
    if (at->first != "format") {
      ++at;
      continue;
    }
    if (std::exchange(is_given, true)) return std::unexpected(BadParameter{"format", "is given twice"});
    if (at->second != "json" && at->second != "csv") return std::unexpected(BadParameter{"format", "expected json or csv"});
    format = at->second == "csv" ? Format::csv : Format::json;
    at = parameters.erase(at);
  }
  return format;
}

struct Route {
  std::string_view path;
  std::string_view method;
};
constexpr std::array<Route, 13> routes{{{uplink::batches_path, "POST"},
                                        {"/v1/nodes", "GET"},
                                        {"/v1/streams", "GET"},
                                        {"/v1/windows", "GET"},
                                        {"/v1/hours", "GET"},
                                        {"/v1/days", "GET"},
                                        {"/v1/alarms", "GET"},
                                        {"/v1/gaps", "GET"},
                                        {"/v1/events", "GET"},
                                        {"/v1/silences", "GET"},
                                        {"/livez", "GET"},
                                        {"/readyz", "GET"},
                                        {"/metrics", "GET"}}};

}  // namespace

HttpAnswer error_answer(int status, std::string_view message, std::string_view parameter) {
  JsonWriter json;
  json.begin_object().key("error").begin_object().member("status", status).member("message", message);
  if (!parameter.empty()) json.member("parameter", parameter);
  json.end_object().end_object();
  return answer(status, json_type, json.take() + "\n");
}

Api::Api(Store& store, const Clock& clock, std::size_t batch_bytes_max, const Budgets& budgets,
         std::vector<std::string> replaceable)
    : clock_(clock),
      batch_bytes_max_(batch_bytes_max),
      store_identity_(store.identity()),
      intake_(store, std::move(replaceable), clock.identity()),
      query_(store),
      retention_(store, budgets),
      wanted_(store) {}

HttpAnswer Api::handle(const HttpRequest& request) {
  const std::string_view path = request.target.substr(0, request.target.find('?'));
  const std::string_view query =
      path.size() == request.target.size() ? std::string_view{} : request.target.substr(path.size() + 1);
  const Route* route = nullptr;
  for (const Route& each : routes) {
    if (each.path == path) route = &each;
  }
  if (route == nullptr) return error_answer(404, "there is nothing at this path");
  if (route->method != request.method) {
    auto refusal = error_answer(405, "only " + std::string(route->method) + " is known here");
    refusal.headers.emplace_back("Allow", route->method);
    return refusal;
  }
  const auto parameters = parse_parameters(query);
  if (!parameters) return bad_parameter(parameters.error());
  if (path == "/v1/windows") return windows(*parameters, Tier::windows);
  if (path == "/v1/hours") return windows(*parameters, Tier::hours);
  if (path == "/v1/days") return windows(*parameters, Tier::days);
  if (path == "/v1/alarms") return alarms(*parameters);
  if (path == "/v1/streams") return streams(*parameters);
  if (path == "/v1/nodes") return nodes(*parameters);
  if (path == "/v1/gaps") return gaps(*parameters);
  if (path == "/v1/events") return events(*parameters);
  if (path == "/v1/silences") return silences(*parameters);
  if (!parameters->empty()) return error_answer(400, "is not known; none is known here", parameters->front().first);
  if (path == uplink::batches_path) return take_batch(request);
  if (path == "/metrics") return metrics();
  if (path == "/readyz") return ready();
  return answer(200, text_type, "ok\n");
}

HttpAnswer Api::refuse_body(std::size_t bytes_max) {
  batches_refused_.at("body_size") += 1;
  return error_answer(413, "the body may have up to " + std::to_string(bytes_max) + " bytes");
}

HttpAnswer Api::take_batch(const HttpRequest& request) {
  const auto refuse = [&](int status, const std::string& reason, std::string_view message) {
    batches_refused_.at(reason) += 1;
    return error_answer(status, message);
  };
  if (request.content_type != uplink::batch_content_type) {
    return refuse(415, "content_type", "the content type must be " + std::string(uplink::batch_content_type));
  }
  if (request.content_encoding != uplink::batch_content_encoding) {
    return refuse(415, "content_encoding", "the content encoding must be " + std::string(uplink::batch_content_encoding));
  }
  if (failure_) return store_failed(*failure_);
  const auto packed = uplink::decompress(request.body, batch_bytes_max_);
  if (!packed) {
    const bool is_bomb = packed.error().code == Code::too_large;
    return refuse(is_bomb ? 413 : 400, is_bomb ? "decompressed_size" : "compression", packed.error().text());
  }
  bytes_since_kept_ += packed->size();
  if (bytes_since_kept_ >= bytes_between_steps) {
    bytes_since_kept_ = 0;
    for (int steps = 0; steps < steps_per_batch_max && keep(); ++steps) {
    }
    if (failure_) return store_failed(*failure_);
  }
  const auto ack = intake_.take(*packed, clock_.now());
  if (ack) return answer(200, uplink::ack_content_type, std::string(ack->begin(), ack->end()));
  const Error& error = ack.error().error;
  if (ack.error().fault == IntakeError::Fault::store) return store_failed(error);
  return refuse(error.code == Code::too_large ? 413 : 400, "batch", error.text());
}

bool Api::keep() {
  if (failure_) return false;
  const auto dropped = retention_.step(clock_.now());
  if (!dropped) note_failure(dropped.error());
  return dropped && *dropped;
}

HttpAnswer Api::store_failed(const Error& error) {
  note_failure(error);
  auto refusal = error_answer(503, "the store does not take it now");
  refusal.headers.emplace_back("Retry-After", "1");
  return refusal;
}

// A full disk may get room again and a lock may go away. Anything else: what the file holds is uncertain until it is opened
// anew.
void Api::note_failure(const Error& error) {
  const bool may_pass = error.code == Code::full || error.code == Code::unavailable;
  if (!may_pass && !failure_) failure_ = error;
  spdlog::error("{}", error.text());
}

// One record that cannot be read is no reason to take no more batches.
HttpAnswer Api::reading_failed(const Error& error) {
  spdlog::error("{}", error.text());
  return error_answer(500, "the store could not be read");
}

// A page in the format that the parameters name.
template <class Ask, class Render>
HttpAnswer Api::formatted(Parameters parameters, std::vector<std::string_view> known, Ask ask, Render render) {
  const auto format = take_format(parameters);
  if (!format) return bad_parameter(format.error());
  known.emplace_back("format");
  const auto filter = parse_filter(parameters, known);
  if (!filter) return bad_parameter(filter.error());
  if (*format == Format::csv) {
    if (const auto bad = objection_to_columns(*filter)) return bad_parameter(*bad);
  }
  const auto page = ask(*filter);
  if (!page) return reading_failed(page.error());
  auto out = answer(200, *format == Format::csv ? csv_type : json_type, render(*page, *filter, *format));
  if (!page->next.empty()) out.headers.emplace_back("Stethos-Next", page->next);
  return out;
}

HttpAnswer Api::windows(const Parameters& parameters, Tier tier) {
  return formatted(
      parameters, window_parameters, [&](const Filter& filter) { return query_.windows(filter, tier); },
      [&](const auto& page, const Filter& filter, Format format) {
        return format == Format::csv ? csv_of(page, filter) : json_of(page, filter, tier);
      });
}

HttpAnswer Api::alarms(const Parameters& parameters) {
  return formatted(
      parameters, alarm_parameters, [&](const Filter& filter) { return query_.alarms(filter); },
      [](const auto& page, const Filter&, Format format) { return format == Format::csv ? csv_of(page) : json_of(page); });
}

HttpAnswer Api::streams(const Parameters& parameters) {
  const auto filter = parse_filter(parameters, stream_parameters);
  if (!filter) return bad_parameter(filter.error());
  const auto page = query_.streams(*filter);
  return page ? answer(200, json_type, json_of(*page)) : reading_failed(page.error());
}

HttpAnswer Api::nodes(const Parameters& parameters) {
  const auto filter = parse_filter(parameters, node_parameters);
  if (!filter) return bad_parameter(filter.error());
  const auto page = query_.nodes(*filter);
  return page ? answer(200, json_type, json_of(*page)) : reading_failed(page.error());
}

HttpAnswer Api::gaps(const Parameters& parameters) {
  const auto filter = parse_filter(parameters, gap_parameters);
  if (!filter) return bad_parameter(filter.error());
  const auto page = query_.gaps(*filter);
  return page ? answer(200, json_type, json_of(*page)) : reading_failed(page.error());
}

HttpAnswer Api::events(const Parameters& parameters) {
  const auto filter = parse_filter(parameters, gap_parameters);
  if (!filter) return bad_parameter(filter.error());
  const auto page = query_.events(*filter);
  return page ? answer(200, json_type, json_of(*page)) : reading_failed(page.error());
}

HttpAnswer Api::silences(const Parameters& parameters) {
  const auto filter = parse_filter(parameters, silence_parameters);
  if (!filter) return bad_parameter(filter.error());
  const auto page = query_.silences(*filter);
  return page ? answer(200, json_type, json_of(*page)) : reading_failed(page.error());
}

HttpAnswer Api::ready() const {
  if (failure_) return answer(503, text_type, "the store has failed: " + failure_->text() + "\n");
  return is_draining_ ? answer(503, text_type, "stopping\n") : answer(200, text_type, "ok\n");
}

HttpAnswer Api::metrics() {
  using Kind = Metric::Kind;
  const auto counters = query_.counters();
  if (!counters) return reading_failed(counters.error());
  std::vector<Metric> out;
  const auto add = [&](std::string name, std::string help, Kind kind, double value, decltype(Metric::labels) labels = {}) {
    out.push_back({"stethos_collector_" + std::move(name), std::move(help), kind, value, std::move(labels)});
  };
  const auto stored = [&](Counter counter) {
    const auto found = counters->find(name_of(counter));
    return found == counters->end() ? 0.0 : static_cast<double>(found->second);
  };
  const std::string rows_help = "Rows that came, over the life of the store, by what became of them.";
  add("info", "Always 1; the label is the identity of the store.", Kind::gauge, 1, {{"store", store_identity_}});
  add("batches_total", "Batches taken, over the life of the store.", Kind::counter, stored(Counter::batches));
  add("rows_total", rows_help, Kind::counter, stored(Counter::rows), {{"outcome", "taken"}});
  add("rows_total", rows_help, Kind::counter, stored(Counter::rows_duplicate), {{"outcome", "duplicate"}});
  add("rows_total", rows_help, Kind::counter, stored(Counter::rows_postponed), {{"outcome", "postponed"}});
  add("rows_total", rows_help, Kind::counter, stored(Counter::rows_again), {{"outcome", "again"}});
  const auto wanted = wanted_.open_count();
  if (!wanted) return reading_failed(wanted.error());
  add("wanted_requests", "Requests for rows again that nodes have not answered yet.", Kind::gauge, static_cast<double>(*wanted));
  add("rows_refused_total", "Of the rows taken, those set aside because they are not what they claim to be.", Kind::counter,
      stored(Counter::rows_refused));
  add("rows_unknown_total", "Of the rows taken, those of a kind that this program does not know.", Kind::counter,
      stored(Counter::rows_unknown));
  add("windows_superseded_total", "Windows replaced by a higher generation or revision.", Kind::counter,
      stored(Counter::windows_superseded));
  add("windows_stale_total", "Window rows that came after the same or a higher one.", Kind::counter,
      stored(Counter::windows_stale));
  add("alarms_superseded_total", "Alarms replaced by a higher revision.", Kind::counter, stored(Counter::alarms_superseded));
  add("alarms_stale_total", "Alarm rows that came after the same or a higher one.", Kind::counter, stored(Counter::alarms_stale));
  add("streams", "Streams in the store.", Kind::gauge, stored(Counter::streams));
  add("windows_conflicting_total",
      "Window rows that differed from another spool's row of the same window: the one with more good samples is shown.",
      Kind::counter, stored(Counter::windows_conflicting));
  add("gaps_total", "Gaps reported or noticed.", Kind::counter, stored(Counter::gaps));
  add("events_total", "Events that nodes reported, or that were noticed here.", Kind::counter, stored(Counter::events));
  add("silence_rows_total", "Reports of windows that are missing, in any state.", Kind::counter, stored(Counter::silences));
  const auto tiers = query_.tiers();
  if (!tiers) return reading_failed(tiers.error());
  for (const TierRecord& tier : *tiers) {
    const decltype(Metric::labels) label{{"tier", tier.name}};
    add(tier.name, "In the store.", Kind::gauge, stored(tier.rows));
    add("tier_bytes", "Bytes of the rows in the store, as its budgets count them.", Kind::gauge, stored(tier.bytes), label);
    add("dropped_rows_total", "Rows that left a tier: windows and hours are merged into the next.", Kind::counter,
        stored(tier.dropped), label);
    if (tier.oldest) {
      add("tier_oldest_timestamp_seconds",
          "Where a tier begins: the hour or day of its oldest window, hour or day; when its oldest alarm or event was stored.",
          Kind::gauge, static_cast<double>(*tier.oldest) / ns_per_s, label);
    }
  }
  const std::string unmerged_help =
      "Of the rows dropped, those that were not merged: overlapping another, sessions, withdrawn or too late.";
  add("unmerged_rows_total", unmerged_help, Kind::counter, stored(Counter::windows_unmerged), {{"tier", "windows"}});
  add("unmerged_rows_total", unmerged_help, Kind::counter, stored(Counter::hours_unmerged), {{"tier", "hours"}});
  for (const auto& [reason, count] : batches_refused_) {
    add("batches_refused_total", "Batches refused since the start, by reason.", Kind::counter, static_cast<double>(count),
        {{"reason", reason}});
  }
  for (const auto& [status, count] : traffic_.answers) {
    add("http_answers_total", "Answers since the start, by status.", Kind::counter, static_cast<double>(count),
        {{"status", std::to_string(status)}});
  }
  add("http_connections", "Connections that are open.", Kind::gauge, static_cast<double>(traffic_.connections_open));
  add("http_connections_total", "Connections since the start.", Kind::counter, static_cast<double>(traffic_.connections));
  add("http_connections_refused_total", "Connections turned away because there were too many.", Kind::counter,
      static_cast<double>(traffic_.connections_refused));
  add("http_timeouts_total", "Connections closed because they took too long.", Kind::counter,
      static_cast<double>(traffic_.timeouts));
  add("http_body_bytes_total", "Bytes of request bodies since the start.", Kind::counter,
      static_cast<double>(traffic_.bytes_received));
  return answer(200, metrics_type, prometheus_text(out));
}

}  // namespace stethos::collector
