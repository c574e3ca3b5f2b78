# Debian 12's packages; each is found here or the configuration fails.
find_package(PkgConfig REQUIRED)
find_package(Boost 1.74 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
find_package(tomlplusplus REQUIRED)
pkg_check_modules(LIBCAP REQUIRED IMPORTED_TARGET libcap)
pkg_check_modules(LIBSECCOMP REQUIRED IMPORTED_TARGET libseccomp)
find_path(MURMURHASH_INCLUDE murmurhash.h REQUIRED)
find_library(MURMURHASH_LIBRARY NAMES libmurmurhash.a REQUIRED)
find_library(LIBCAP_STATIC NAMES libcap.a REQUIRED)
find_library(LIBSECCOMP_STATIC NAMES libseccomp.a REQUIRED)
find_path(CLI11_INCLUDE CLI/CLI.hpp REQUIRED)
find_path(NLOHMANN_JSON_INCLUDE nlohmann/json.hpp REQUIRED)

# spdlog's own targets link the shared fmt, which a static program cannot: both header-only.
add_library(secshr_spdlog INTERFACE)
target_compile_definitions(secshr_spdlog INTERFACE SPDLOG_FMT_EXTERNAL)
target_link_libraries(secshr_spdlog INTERFACE fmt::fmt-header-only)
