# How a room becomes a library, a program, a test.

set(STETHOS_SANITIZE "" CACHE STRING "Comma-separated sanitizers, e.g. address,undefined")
option(STETHOS_FAULT_POINTS "Faults that STETHOS_FAULT arms, for tests (common/fault_point.h); never in what users run" OFF)
# Paths are hashed relative to the checkout and the folder is not, so that two clones of one commit share what either compiled.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

add_library(stethos_options INTERFACE)
target_compile_options(stethos_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
  $<$<CXX_COMPILER_ID:GNU>:-Werror>)
# Stack traces name files relative to the checkout, whichever clone compiled them.
target_compile_options(stethos_options INTERFACE -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
target_include_directories(stethos_options INTERFACE ${PROJECT_SOURCE_DIR})
if(STETHOS_SANITIZE)
  target_compile_definitions(stethos_options INTERFACE STETHOS_SANITIZED)
  target_compile_options(stethos_options INTERFACE
    -fsanitize=${STETHOS_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
    # What the address sanitizer sees at the access itself, without a quarter of the time to compile.
    -fno-sanitize=null,object-size,pointer-overflow)
  target_link_options(stethos_options INTERFACE -fsanitize=${STETHOS_SANITIZE})
endif()

# The presets compile eight sources of a target at once (CMAKE_UNITY_BUILD), in a third of the time. So no two sources of a target
# give one name to two things, also in unnamed namespaces; where they do, the target says UNITY_BUILD OFF.

# stethos_library(name SOURCES ... DEPENDS ...): a room, or a part of one. Dependencies are public: a header may use them.
function(stethos_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC stethos_options ${ARG_DEPENDS})
endfunction()

function(stethos_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE stethos_options ${ARG_DEPENDS})
endfunction()

# stethos_unit_test(name SOURCES ... DEPENDS ... [TIMEOUT seconds]): one GoogleTest program; each of its tests is one ctest,
# labelled `unit`, of at most TIMEOUT seconds. Under a sanitizer, where a start is dear, the whole program is one ctest.
function(stethos_unit_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  stethos_program(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE GTest::gtest GTest::gmock GTest::gtest_main)
  if(STETHOS_SANITIZE)
    add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 1800)
  else()
    include(GoogleTest)
    gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS unit TIMEOUT ${ARG_TIMEOUT})
  endif()
endfunction()
