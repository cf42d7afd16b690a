// Several recordings by one text: a folder of files, or a pattern of the shell, as in wav:2026/*.wav. Pure but for reading
// folders; any thread.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"

namespace stethos::recordings {

// Files of one text that are read at most.
inline constexpr std::size_t files_max = 10'000;

// The texts of single recordings that `text` stands for, by name: itself where it names one. Of a folder (but for femto, whose
// recordings are folders) the files with the usual ending of its kind; of a pattern all that match. Code::not_found: there is
// none.
Result<std::vector<std::string>> named_files(const std::string& text);

// What the device of a recording is called that says nothing itself: after its file or folder.
std::string name_after(const std::string& text);

}  // namespace stethos::recordings
