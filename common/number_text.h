// Numbers as programs and people read them.
#pragma once

#include <string>

namespace stethos {

// The shortest text that reads back as the same number; empty where it is not finite.
std::string number_text(double number);

// For people: four digits, or all before the point, as in "0.2404" or "25600".
std::string rounded_text(double number);

}  // namespace stethos
