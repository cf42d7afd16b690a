// What the collector answers to a request, without a server: docs/api.md describes it. The store is its only state.
//
// One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/metrics.h"
#include "common/result.h"
#include "uplink/collector/intake.h"
#include "uplink/collector/query.h"
#include "uplink/collector/retention.h"
#include "uplink/collector/store.h"
#include "uplink/collector/wanted.h"

namespace stethos::collector {

struct HttpRequest {
  std::string_view method;
  std::string_view target;  // path and query, as they came
  std::string_view content_type;
  std::string_view content_encoding;
  std::span<const std::uint8_t> body;
};

struct HttpAnswer {
  int status = 200;
  std::string content_type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

// An error as the API writes it. `parameter` may be empty.
HttpAnswer error_answer(int status, std::string_view message, std::string_view parameter = {});

// What the server saw, for /metrics. It writes it on the thread that also calls handle().
struct Traffic {
  std::map<int, std::uint64_t> answers;  // by status
  std::uint64_t connections_open = 0;
  std::uint64_t connections = 0;
  std::uint64_t connections_refused = 0;  // there were too many
  std::uint64_t timeouts = 0;
  std::uint64_t bytes_received = 0;       // of bodies
};

class Api {
 public:
  // `batch_bytes_max` bounds what a batch may be decompressed to.
  Api(Store& store, const Clock& clock, std::size_t batch_bytes_max, const Budgets& budgets = {},
      std::vector<std::string> replaceable = {});

  HttpAnswer handle(const HttpRequest& request);

  // For a request whose body the server did not read to its end. Only batches have bodies.
  HttpAnswer refuse_body(std::size_t bytes_max);

  // One step of dropping what is over the budgets: some milliseconds. Whether there may be more. To be called now and then; when
  // much comes, batches do so themselves, and a budget is exceeded by little more than the largest of them.
  bool keep();

  // Set once the store has failed in a way that only opening it again can mend: no batch is taken any more.
  const std::optional<Error>& failure() const { return failure_; }

  // From now on /readyz says no.
  void begin_draining() { is_draining_ = true; }

  Traffic& traffic() { return traffic_; }

 private:
  HttpAnswer take_batch(const HttpRequest& request);
  template <class Ask, class Render>
  static HttpAnswer formatted(Parameters parameters, std::vector<std::string_view> known, Ask ask, Render render);
  HttpAnswer windows(const Parameters& parameters, Tier tier);
  HttpAnswer alarms(const Parameters& parameters);
  HttpAnswer streams(const Parameters& parameters);
  HttpAnswer nodes(const Parameters& parameters);
  HttpAnswer gaps(const Parameters& parameters);
  HttpAnswer events(const Parameters& parameters);
  HttpAnswer silences(const Parameters& parameters);
  HttpAnswer ready() const;
  HttpAnswer metrics();
  HttpAnswer store_failed(const Error& error);
  void note_failure(const Error& error);
  static HttpAnswer reading_failed(const Error& error);

  const Clock& clock_;
  const std::size_t batch_bytes_max_;
  const std::string store_identity_;
  Intake intake_;
  Query query_;
  Retention retention_;
  Wanted wanted_;
  std::size_t bytes_since_kept_ = 0;  // of batches
  Traffic traffic_;
  std::map<std::string, std::uint64_t> batches_refused_{
      {"batch", 0}, {"body_size", 0}, {"compression", 0}, {"content_encoding", 0}, {"content_type", 0}, {"decompressed_size", 0}};
  std::optional<Error> failure_;
  bool is_draining_ = false;
};

}  // namespace stethos::collector
