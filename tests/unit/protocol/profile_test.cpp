// The profiles, name by name.
#include "protocol/profile.h"

#include <gtest/gtest.h>

#include <vector>

namespace secshr::protocol {
namespace {

std::vector<std::string_view> list(std::span<const std::string_view> names) {
  return {names.begin(), names.end()};
}

TEST(Profile, of_gtm) {
  const Profile* gtm = find_profile("gtm");
  ASSERT_NE(gtm, nullptr);
  EXPECT_EQ(gtm, &profile(ProfileId::gtm));
  EXPECT_EQ(gtm->id, ProfileId::gtm);
  EXPECT_EQ(gtm->name, "gtm");
  EXPECT_EQ(gtm->socket_prefix, "gtm_secshr");
  EXPECT_EQ(gtm->mutex_socket_prefix, "gtm_mutex");
  EXPECT_EQ(list(gtm->tmp_variables), (std::vector<std::string_view>{"gtm_tmp"}));
  EXPECT_EQ(list(gtm->log_variables), (std::vector<std::string_view>{"gtm_log"}));
  EXPECT_EQ(gtm->dist_variable, "gtm_dist");
  EXPECT_EQ(gtm->access_file, "libgtmshr.so");
  EXPECT_EQ(gtm->syslog_ident, "GTM-SECSHR");
  EXPECT_EQ(gtm->facility, "GTM");
}

TEST(Profile, of_yottadb) {
  const Profile* ydb = find_profile("ydb");
  ASSERT_NE(ydb, nullptr);
  EXPECT_EQ(ydb, &profile(ProfileId::ydb));
  EXPECT_EQ(ydb->id, ProfileId::ydb);
  EXPECT_EQ(ydb->name, "ydb");
  EXPECT_EQ(ydb->socket_prefix, "ydb_secshr");
  EXPECT_EQ(ydb->mutex_socket_prefix, "gtm_mutex");
  EXPECT_EQ(list(ydb->tmp_variables), (std::vector<std::string_view>{"ydb_tmp", "gtm_tmp"}));
  EXPECT_EQ(list(ydb->log_variables), (std::vector<std::string_view>{"ydb_log", "gtm_log"}));
  EXPECT_EQ(ydb->dist_variable, "ydb_dist");
  EXPECT_EQ(ydb->access_file, "libyottadb.so");
  EXPECT_EQ(ydb->syslog_ident, "YDB-SECSHR");
  EXPECT_EQ(ydb->facility, "YDB");
}

TEST(Profile, of_other_programs) {
  const Profile* generic = find_profile("generic");
  ASSERT_NE(generic, nullptr);
  EXPECT_EQ(generic, &profile(ProfileId::generic));
  EXPECT_EQ(generic->id, ProfileId::generic);
  EXPECT_EQ(generic->name, "generic");
  EXPECT_EQ(generic->socket_prefix, "secshr");
  EXPECT_EQ(generic->mutex_socket_prefix, "");
  EXPECT_EQ(list(generic->tmp_variables), (std::vector<std::string_view>{"secshr_tmp"}));
  EXPECT_EQ(list(generic->log_variables), (std::vector<std::string_view>{"secshr_log"}));
  EXPECT_EQ(generic->dist_variable, "secshr_dist");
  EXPECT_EQ(generic->access_file, "gtmsecshr");
  EXPECT_EQ(generic->syslog_ident, "SECSHR");
  EXPECT_EQ(generic->facility, "SECSHR");
}

TEST(Profile, is_found_by_its_exact_name_only) {
  for (const std::string_view name : {"", "GTM", "gt", "gtm ", "gtmx", "yottadb", "generi", "generic2", "Generic"}) {
    EXPECT_EQ(find_profile(name), nullptr) << name;
  }
}

}  // namespace
}  // namespace secshr::protocol
