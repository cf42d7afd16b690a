#include "recordings/named_files.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string_view>

namespace stethos::recordings {
namespace {

namespace fs = std::filesystem;

const std::map<std::string_view, std::string_view> endings{{"csv", ".csv"}, {"wav", ".wav"},  {"mat", ".mat"},
                                                           {"npy", ".npy"}, {"f32", ".f32"},  {"i16", ".i16"},
                                                           {"nab", ".csv"}, {"skab", ".csv"}, {"cwru", ".f32"}};

bool is_pattern(std::string_view path) { return path.find_first_of("*?[") != std::string_view::npos; }

Result<std::vector<std::string>> matching(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> out;
  const int failed = ::glob(pattern.c_str(), 0, nullptr, &found);
  for (std::size_t i = 0; failed == 0 && i < found.gl_pathc; ++i) out.emplace_back(found.gl_pathv[i]);
  ::globfree(&found);
  if (failed != 0 && failed != GLOB_NOMATCH) return fail(Code::io, "looking for " + pattern, "a folder cannot be read");
  return out;
}

// NAME.WAV is one as well.
bool ends_with_any_case(std::string text, std::string_view ending) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text.ends_with(ending);
}

Result<std::vector<std::string>> in_folder(const std::string& folder, std::string_view ending) {
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& each : fs::directory_iterator(folder, error)) {
    if (each.is_regular_file(error) && ends_with_any_case(each.path().string(), ending)) out.push_back(each.path().string());
    if (out.size() > files_max) break;
  }
  if (error) return fail(Code::io, "reading the folder " + folder, error.message());
  std::ranges::sort(out);
  return out;
}

}  // namespace

Result<std::vector<std::string>> named_files(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  const std::string path = text.substr(colon + 1);
  const auto ending = endings.find(kind);
  std::error_code ignored;
  // A file may be called so.
  const bool is_of_pattern = is_pattern(path) && !fs::exists(path, ignored);
  const bool is_folder = ending != endings.end() && fs::is_directory(path, ignored);
  if (!is_of_pattern && !is_folder) return std::vector{text};
  auto found = is_of_pattern ? matching(path) : in_folder(path, ending->second);
  if (!found) return found;
  if (found->empty()) {
    return fail(Code::not_found, "looking for " + text,
                is_folder ? "no file there ends in " + std::string(ending->second) : "nothing matches");
  }
  if (found->size() > files_max) {
    return fail(Code::invalid, "looking for " + text, "there are more than " + std::to_string(files_max) + " files");
  }
  for (std::string& each : *found) each.insert(0, kind + ":");
  return found;
}

std::string name_after(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string_view kind = std::string_view(text).substr(0, colon);
  const fs::path file(text.substr(colon + 1));
  if (kind == "femto") return (file.has_filename() ? file : file.parent_path()).filename().string();
  // The files of this benchmark are numbered anew in each folder.
  if (kind == "skab") return file.parent_path().filename().string() + "_" + file.stem().string();
  return file.stem().string();
}

}  // namespace stethos::recordings
