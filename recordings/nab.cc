#include "recordings/nab.h"

#include <array>

#include "common/time_text.h"
#include "recordings/text_file.h"

namespace stethos::recordings {
namespace {

class NabReader final : public Recording {
 public:
  NabReader(TextFile file, const NabOptions& options) : file_(std::move(file)), options_(options) {}

  Result<bool> next(Record& record) override {
    std::string_view line;
    if (!file_.next_line(line)) return false;
    std::array<std::string_view, 2> fields;
    if (auto cut = file_.split(line, ',', fields); !cut) return std::unexpected(cut.error());
    const auto time_ns = parse_time(fields[0]);
    if (!time_ns) return file_.refuse(time_ns.error().text());
    const auto value = file_.sample(fields[1], "value");
    if (!value) return std::unexpected(value.error());
    record.channels.resize(1);
    record.channels.front() = {options_.channel, options_.quantity, options_.unit, *time_ns, 0, {*time_ns}, {*value}};
    return true;
  }

  Progress progress() const override { return file_.progress(); }

 private:
  TextFile file_;
  NabOptions options_;
};

}  // namespace

Result<std::unique_ptr<Recording>> open_nab(const std::string& path, const NabOptions& options) {
  TextFile file;
  if (auto loaded = file.load(path); !loaded) return std::unexpected(loaded.error());
  std::string_view heading;
  if (!file.next_line(heading) || heading != "timestamp,value") return file.refuse("its heading is not \"timestamp,value\"");
  return std::make_unique<NabReader>(std::move(file), options);
}

}  // namespace stethos::recordings
