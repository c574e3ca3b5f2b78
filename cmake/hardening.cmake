# Warnings and hardening, as two interface targets and one function. A flag the compiler lacks fails the
# configuration: a hardened build that silently is not one is worse than none.
include(CheckCXXCompilerFlag)
include(CheckCXXSourceCompiles)

function(secshr_require_flag flag)
  string(MAKE_C_IDENTIFIER "HAVE${flag}" have)
  set(CMAKE_REQUIRED_FLAGS "-Werror")
  check_cxx_compiler_flag("${flag}" ${have})
  if(NOT ${have})
    message(FATAL_ERROR "the compiler does not support the required hardening flag ${flag}")
  endif()
endfunction()

# Builds an empty program with these compile and link flags or fails the configuration.
function(secshr_require_program name)
  cmake_parse_arguments(arg "" "" "COMPILE;LINK" ${ARGN})
  string(JOIN " " compile ${arg_COMPILE})
  set(CMAKE_REQUIRED_FLAGS "${compile} -Werror")
  set(CMAKE_REQUIRED_LINK_OPTIONS ${arg_LINK})
  check_cxx_source_compiles("int main() { return 0; }" ${name})
  if(NOT ${name})
    message(FATAL_ERROR "the tool chain cannot build a program with: ${arg_COMPILE} ${arg_LINK}")
  endif()
endfunction()

add_library(secshr_warnings INTERFACE)
# Sources that are compiled as one see each other's names.
target_compile_options(secshr_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion
  $<$<NOT:$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>>:-Wshadow> $<$<BOOL:${SECSHR_WERROR}>:-Werror>)

set(hardening_compile
  -fstack-protector-strong
  -fstack-clash-protection
  -fcf-protection=full
  -ftrivial-auto-var-init=zero)
set(hardening_link -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code)
foreach(flag IN LISTS hardening_compile)
  secshr_require_flag(${flag})
endforeach()
# _FORTIFY_SOURCE needs the optimiser, so that even debug builds use -Og.
set(CMAKE_CXX_FLAGS_DEBUG "-Og -g")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g")
set(fortify -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
# The library's own checks of preconditions: an empty optional, a span's end. Ours to break, so it ends the process.
set(assertions -D_GLIBCXX_ASSERTIONS)
secshr_require_program(HAVE_HARDENED_PIE COMPILE -O2 ${hardening_compile} ${fortify} -fPIE LINK -pie ${hardening_link})
secshr_require_program(HAVE_HARDENED_STATIC_PIE COMPILE -O2 ${hardening_compile} ${fortify} -fPIE LINK -static-pie
  ${hardening_link})

add_library(secshr_hardening INTERFACE)
# A shared library is all that is not for an executable.
set(independent $<IF:$<BOOL:$<TARGET_PROPERTY:POSITION_INDEPENDENT_CODE>>,-fPIC,-fPIE>)
target_compile_options(secshr_hardening INTERFACE ${hardening_compile} ${fortify} ${assertions} ${independent})
target_link_options(secshr_hardening INTERFACE ${hardening_link})

# The sanitizers replace FORTIFY (their interceptors and it exclude each other) and static linking.
set(sanitize_flags -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
if(SECSHR_FUZZ)
  # With counters of executed lines, so that the targets themselves tell what their corpora reach.
  list(APPEND sanitize_flags -fsanitize=fuzzer-no-link -fprofile-instr-generate -fcoverage-mapping -gline-tables-only)
endif()
add_library(secshr_sanitized INTERFACE)
target_compile_options(secshr_sanitized INTERFACE ${hardening_compile} ${assertions} -fPIE ${sanitize_flags})
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # With sanitizers g++ 12 takes fmt's own temporaries for uninitialised; the other builds keep these warnings.
  target_compile_options(secshr_sanitized INTERFACE -Wno-uninitialized -Wno-maybe-uninitialized)
endif()
target_compile_definitions(secshr_sanitized INTERFACE SECSHR_SANITIZED)
target_link_options(secshr_sanitized INTERFACE ${hardening_link} ${sanitize_flags})

# Every target of ours goes through here. PRIVILEGED: never sanitised, since a sanitizer's runtime reads its
# environment and opens files, which no setuid program may do.
function(secshr_harden target)
  cmake_parse_arguments(arg "PRIVILEGED" "" "" ${ARGN})
  # Not for who links an installed library.
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:secshr_warnings>)
  if(SECSHR_SANITIZE AND NOT arg_PRIVILEGED)
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:secshr_sanitized>)
  else()
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:secshr_hardening>)
  endif()
endfunction()

# How an executable is linked: STATIC where nothing of the system's libraries should be mapped beside it.
function(secshr_link_mode target)
  cmake_parse_arguments(arg "STATIC" "" "" ${ARGN})
  if(arg_STATIC)
    target_link_options(${target} PRIVATE -static-pie)
  else()
    target_link_options(${target} PRIVATE -pie)
  endif()
endfunction()
