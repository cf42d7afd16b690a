#include "edge/replay/many_feeds.h"

#include <charconv>
#include <map>
#include <utility>

#include "recordings/named_files.h"

namespace stethos::edge {
namespace {

class ManyFeeds final : public Feed {
 public:
  ManyFeeds(FeedOptions options, std::vector<std::string> recordings)
      : options_(std::move(options)), texts_(std::move(recordings)) {}

  // Behind so many recordings; `position` within the next.
  Status begin_at(std::size_t index, std::string position) {
    next_ = index;
    return open_next(std::move(position));
  }

  Result<bool> next(std::vector<FedMessage>& out) override {
    for (;;) {
      const auto more = feed_->next(out);
      if (!more || *more || next_ == texts_.size()) return more;
      if (auto opened = open_next(""); !opened) return std::unexpected(opened.error());
    }
  }

  // The end of the last one is told by itself; with that of another, the next begins.
  std::string position() const override {
    const bool is_at_next = feed_->has_ended() && next_ < texts_.size();
    return is_at_next ? std::to_string(next_) + ":" : std::to_string(next_ - 1) + ":" + feed_->position();
  }

  // In recordings: how large those are that come is not known.
  recordings::Recording::Progress progress() const override { return {next_ - 1, texts_.size()}; }

 private:
  Status open_next(std::string position) {
    options_.recording = texts_[next_];
    options_.position = std::move(position);
    auto opened = open_feed(options_);
    if (!opened) return std::unexpected(opened.error());
    feed_ = std::move(*opened);
    ++next_;
    return {};
  }

  FeedOptions options_;
  const std::vector<std::string> texts_;
  std::unique_ptr<Feed> feed_;
  std::size_t next_ = 0;  // the one behind it
};

Status check_all(const FeedOptions& options, const std::vector<std::string>& recordings) {
  if (!options.device.empty()) {
    return fail(Code::invalid, "naming the device of " + options.recording,
                "these are " + std::to_string(recordings.size()) + " recordings, each of a device called after its file");
  }
  std::map<std::string, std::string> devices;
  FeedOptions one = options;
  one.position.clear();
  for (const std::string& each : recordings) {
    const auto [found, is_new] = devices.emplace(recordings::name_after(each), each);
    if (!is_new)
      return fail(Code::invalid, "naming the devices of " + options.recording, found->second + " and " + each + " have one name");
    one.recording = each;
    if (auto opened = open_feed(one); !opened) return std::unexpected(opened.error());
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Feed>> open_many(const FeedOptions& options, std::vector<std::string> recordings) {
  if (auto checked = check_all(options, recordings); !checked) return std::unexpected(checked.error());
  std::size_t index = 0;
  std::string within;
  if (!options.position.empty()) {
    const char* const end = options.position.data() + options.position.size();
    const auto [at, error] = std::from_chars(options.position.data(), end, index);
    if (error != std::errc{} || at == end || *at != ':' || index >= recordings.size()) {
      return fail(Code::invalid, "going on at " + options.position, "that is no position in these recordings");
    }
    within.assign(at + 1, end);
  }
  auto feed = std::make_unique<ManyFeeds>(options, std::move(recordings));
  if (auto begun = feed->begin_at(index, std::move(within)); !begun) return std::unexpected(begun.error());
  return feed;
}

}  // namespace stethos::edge
