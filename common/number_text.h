// Numbers as programs read them.
#pragma once

#include <string>

namespace stethos {

// The shortest text that reads back as the same number; empty where it is not finite.
std::string number_text(double number);

}  // namespace stethos
