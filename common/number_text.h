// Numbers as programs and people read them.
#pragma once

#include <string>

namespace stethos {

// The shortest text that reads back as the same number; empty where it is not finite.
std::string number_text(double number);

// For people: four digits, as in "0.2404" or "1.2e+05".
std::string rounded_text(double number);

}  // namespace stethos
