#include "gpu_kernels/backend.h"

#include <array>

#include "gpu_kernels/cpu_backend.h"
#include "gpu_kernels/reference_backend.h"

namespace stethos::kernels {
namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<StatisticsBackend> (*make)(std::size_t threads);
};
constexpr std::array<Entry, 2> entries{
    {{"cpu", make_cpu_backend}, {"reference", [](std::size_t) { return make_reference_backend(); }}}};

}  // namespace

std::vector<std::string_view> backend_names() {
  std::vector<std::string_view> names;
  names.reserve(entries.size());
  for (const Entry& entry : entries) names.push_back(entry.name);
  return names;
}

std::unique_ptr<StatisticsBackend> make_backend(std::string_view name, std::size_t threads) {
  for (const Entry& entry : entries) {
    if (entry.name != name && name != "best") continue;
    if (auto backend = entry.make(threads)) return backend;
  }
  return nullptr;
}

}  // namespace stethos::kernels
