// stethos-load: publishes readings or blocks at a rate, or as fast as the broker takes them, as many third-party devices.
// libmosquitto without threads, so that the socket gives back-pressure and the generator costs little beside what it loads.
//
//   stethos-load PORT FORM QOS DEVICES MESSAGES RATE     FORM: thin (one JSON reading) | block (2560 raw f32); RATE 0: flat out
//
// Thin readings carry `seq`, unique per device, and the time of day in ns: {"device":"d1","ts":..,"seq":..,"temperature":..}
#include <mosquitto.h>
#include <poll.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "common/clock.h"

namespace {

using namespace stethos;

constexpr long in_flight_max = 1'000;
constexpr std::size_t block_samples = 2'560;

struct Counts {
  long sent = 0;
  long confirmed = 0;
  bool connected = false;
};

void on_publish(mosquitto*, void* counts, int) { ++static_cast<Counts*>(counts)->confirmed; }
void on_connect(mosquitto*, void* counts, int code) { static_cast<Counts*>(counts)->connected = code == 0; }

void exchange(mosquitto* client, int timeout_ms) {
  pollfd socket{mosquitto_socket(client), static_cast<short>(POLLIN | (mosquitto_want_write(client) ? POLLOUT : 0)), 0};
  ::poll(&socket, 1, timeout_ms);
  if ((socket.revents & POLLIN) != 0) mosquitto_loop_read(client, 1'000);
  if ((socket.revents & POLLOUT) != 0) mosquitto_loop_write(client, 1'000);
  mosquitto_loop_misc(client);
}

int usage() {
  std::fputs("stethos-load PORT thin|block QOS DEVICES MESSAGES RATE\n", stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) return usage();
  const int port = std::atoi(argv[1]);
  const std::string form = argv[2];
  const int qos = std::atoi(argv[3]);
  const long devices = std::atol(argv[4]);
  const long messages = std::atol(argv[5]);
  const double rate = std::atof(argv[6]);
  if ((form != "thin" && form != "block") || devices < 1 || messages < 1 || qos < 0 || qos > 1) return usage();

  std::mt19937 random(1);
  std::normal_distribution<float> noise;
  std::vector<float> block(block_samples);
  for (float& sample : block) sample = noise(random);
  std::vector<std::string> topics;
  for (long i = 0; i < devices; ++i) topics.push_back("bench/d" + std::to_string(i) + "/vibration");

  mosquitto_lib_init();
  Counts counts;
  mosquitto* client = mosquitto_new("stethos-load", true, &counts);
  mosquitto_publish_callback_set(client, on_publish);
  mosquitto_connect_callback_set(client, on_connect);
  mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, 65'535);
  mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
  if (mosquitto_connect(client, "127.0.0.1", port, 600) != MOSQ_ERR_SUCCESS) {
    std::fputs("stethos-load: no broker\n", stderr);
    return 1;
  }
  const Clock& clock = system_clock();
  const DurationNs deadline = clock.monotonic() + 10 * ns_per_s;
  while (!counts.connected && clock.monotonic() < deadline) exchange(client, 100);

  const DurationNs begun = clock.monotonic();
  std::string payload;
  while (counts.sent < messages) {
    const double elapsed_s = static_cast<double>(clock.monotonic() - begun) * 1e-9;
    const long due = rate == 0 ? messages : std::min(messages, static_cast<long>(elapsed_s * rate) + 1);
    if (counts.sent >= due || (qos > 0 && counts.sent - counts.confirmed >= in_flight_max)) {
      exchange(client, 1);
      continue;
    }
    const long device = counts.sent % devices;
    const void* bytes = block.data();
    std::size_t size = block.size() * sizeof(float);
    if (form == "thin") {
      payload = "{\"device\":\"d" + std::to_string(device) + "\",\"ts\":" + std::to_string(clock.now()) +
                ",\"seq\":" + std::to_string(counts.sent / devices) + ",\"temperature\":" + std::to_string(60 + noise(random)) +
                "}";
      bytes = payload.data();
      size = payload.size();
    }
    if (mosquitto_publish(client, nullptr, topics[static_cast<std::size_t>(device)].c_str(), static_cast<int>(size), bytes, qos,
                          false) != MOSQ_ERR_SUCCESS) {
      std::fputs("stethos-load: publishing failed\n", stderr);
      return 1;
    }
    ++counts.sent;
    while (mosquitto_want_write(client)) exchange(client, 1'000);
  }
  while (counts.confirmed < counts.sent && clock.monotonic() - begun < 600 * ns_per_s) exchange(client, 100);
  const double seconds = static_cast<double>(clock.monotonic() - begun) * 1e-9;
  std::printf("{\"sent\":%ld,\"confirmed\":%ld,\"seconds\":%.6f}\n", counts.sent, counts.confirmed, seconds);
  mosquitto_disconnect(client);
  exchange(client, 100);
  mosquitto_destroy(client);
  return counts.confirmed == counts.sent ? 0 : 1;
}
