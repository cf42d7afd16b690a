#include "uplink/sender/curl_uplink.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "common/loopback.h"
#include "schemas/envelope.h"
#include "uplink/protocol/http.h"

namespace stethos::uplink {
namespace {

constexpr long connect_timeout_ms_max = 10'000;
constexpr std::size_t refusal_text_bytes_max = 300;

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct FreeText {
  void operator()(char* text) const { curl_free(text); }
};

void start_curl_once() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  STETHOS_CHECK(started == CURLE_OK, curl_easy_strerror(started));
}

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  const std::unique_ptr<char, FreeText> held(text);
  return text;
}

// The answer as it grows.
struct Answer {
  std::vector<std::uint8_t> bytes;
  bool is_too_large = false;
};

std::size_t on_answer(char* data, std::size_t size, std::size_t count, void* user) {
  auto& answer = *static_cast<Answer*>(user);
  const std::size_t bytes = size * count;
  if (answer.bytes.size() + bytes > schema::uplink_ack_bytes_max) {
    answer.is_too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  answer.bytes.insert(answer.bytes.end(), data, data + bytes);
  return bytes;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(user)->load() ? 1 : 0;
}

int on_connected(void*, char* remote_address, char*, int, int) {
  return is_loopback(remote_address) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

// The first bytes of an answer, fit for a log line.
std::string excerpt(const std::vector<std::uint8_t>& bytes) {
  std::string out;
  for (const std::uint8_t byte : std::span(bytes).first(std::min(bytes.size(), refusal_text_bytes_max))) {
    out += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : ' ';
  }
  return out;
}

PostError failed(PostFailure failure, Code code, std::string why, DurationNs retry_after = 0) {
  return {.failure = failure, .retry_after = retry_after, .error = {code, "posting a batch", std::move(why)}};
}

}  // namespace

Status check_uplink_url(const std::string& url) {
  const std::string doing = "reading the address \"" + url + "\"";
  const std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
  STETHOS_CHECK(parsed != nullptr, "out of memory");
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    return fail(Code::invalid, doing, "expected one like http://127.0.0.1:8090");
  }
  if (part_of(parsed.get(), CURLUPART_SCHEME) != "http") return fail(Code::unsupported, doing, "its scheme must be http");
  const std::string path = part_of(parsed.get(), CURLUPART_PATH);
  if ((!path.empty() && path != "/") || !part_of(parsed.get(), CURLUPART_QUERY).empty() ||
      !part_of(parsed.get(), CURLUPART_FRAGMENT).empty() || !part_of(parsed.get(), CURLUPART_USER).empty()) {
    return fail(Code::invalid, doing, "only scheme, host and port may be given");
  }
  if (!is_loopback(part_of(parsed.get(), CURLUPART_HOST))) {
    return fail(Code::unsupported, doing, "plain http is allowed to the loopback address only");
  }
  return {};
}

struct CurlUplink::Handles {
  struct FreeEasy {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  std::unique_ptr<CURL, FreeEasy> easy;
  std::unique_ptr<curl_slist, FreeList> headers;
};

CurlUplink::CurlUplink() : handles_(std::make_unique<Handles>()) {}
CurlUplink::~CurlUplink() = default;

Result<std::unique_ptr<CurlUplink>> CurlUplink::create(const std::string& url, DurationNs timeout) {
  start_curl_once();
  if (auto checked = check_uplink_url(url); !checked) return std::unexpected(checked.error());
  std::unique_ptr<CurlUplink> uplink(new CurlUplink());
  CURL* easy = curl_easy_init();
  STETHOS_CHECK(easy != nullptr, "out of memory");
  uplink->handles_->easy.reset(easy);

  const auto add_header = [&](const std::string& line) {
    curl_slist* longer = curl_slist_append(uplink->handles_->headers.release(), line.c_str());
    STETHOS_CHECK(longer != nullptr, "out of memory");
    uplink->handles_->headers.reset(longer);
  };
  add_header("Content-Type: " + std::string(batch_content_type));
  add_header("Content-Encoding: " + std::string(batch_content_encoding));
  add_header("Expect:");  // do not ask first: batches are small, and a question costs a round trip

  const std::string base = url.back() == '/' ? url.substr(0, url.size() - 1) : url;
  const long timeout_ms = static_cast<long>(std::max<DurationNs>(1, timeout / ns_per_ms));
  const auto set = [easy](CURLoption option, auto value) {
    const CURLcode code = curl_easy_setopt(easy, option, value);
    STETHOS_CHECK(code == CURLE_OK, curl_easy_strerror(code));
  };
  set(CURLOPT_URL, (base + std::string(batches_path)).c_str());
  set(CURLOPT_PROTOCOLS_STR, "http");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_POST, 1L);
  set(CURLOPT_HTTPHEADER, uplink->handles_->headers.get());
  set(CURLOPT_USERAGENT, "stethos-edge");
  set(CURLOPT_NOPROXY, "*");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, std::min(timeout_ms, connect_timeout_ms_max));
  set(CURLOPT_TIMEOUT_MS, timeout_ms);
  set(CURLOPT_WRITEFUNCTION, &on_answer);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &on_progress);
  set(CURLOPT_XFERINFODATA, &uplink->aborted_);
  set(CURLOPT_PREREQFUNCTION, &on_connected);
  return uplink;
}

PostResult CurlUplink::post(std::span<const std::uint8_t> body) {
  CURL* easy = handles_->easy.get();
  Answer answer;
  std::array<char, CURL_ERROR_SIZE> why{};
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why.data());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, reinterpret_cast<const char*>(body.data()));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  const CURLcode code = curl_easy_perform(easy);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, nullptr);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, nullptr);

  if (code == CURLE_ABORTED_BY_CALLBACK && aborted_.load()) {
    return std::unexpected(failed(PostFailure::aborted, Code::unavailable, "stopped"));
  }
  if (answer.is_too_large) {
    return std::unexpected(failed(PostFailure::unreachable, Code::too_large,
                                  "the answer has more than " + std::to_string(schema::uplink_ack_bytes_max) + " bytes"));
  }
  if (code != CURLE_OK) {
    return std::unexpected(
        failed(PostFailure::unreachable, Code::unavailable, why[0] != '\0' ? why.data() : curl_easy_strerror(code)));
  }

  long status = 0;
  curl_off_t retry_after_s = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after_s);
  if (status == status_ok) return std::move(answer.bytes);
  const auto failure = is_refusal(static_cast<int>(status)) ? PostFailure::refused : PostFailure::unreachable;
  const Code error_code = failure == PostFailure::refused ? Code::unsupported : Code::unavailable;
  constexpr curl_off_t retry_after_s_max = 86'400;
  return std::unexpected(failed(failure, error_code, "status " + std::to_string(status) + " " + excerpt(answer.bytes),
                                std::clamp<curl_off_t>(retry_after_s, 0, retry_after_s_max) * ns_per_s));
}

}  // namespace stethos::uplink
