// Why a file cannot be opened or made, where that is its folder's fault: the system says "no such file" of a file that is to be
// made, and means the folder.
#pragma once

#include <string>

namespace stethos {

// What is wrong with the folder that the file lies in, and what to do; empty: it is there and this process may write to it.
std::string folder_fault(const std::string& file);

}  // namespace stethos
