// What becomes of every kind of environment that a caller can give the setuid program.
#include "wrapper/clean_environment.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/profile.h"

namespace secshr {
namespace {

using Entries = std::vector<std::string>;

struct Cleaned {
  std::optional<std::string> refusal;
  Entries entries;
  bool tmp_replaced = false, log_dropped = false;
};

Cleaned clean(const Entries& given) {
  std::vector<const char*> pointers;
  for (const auto& entry : given) pointers.push_back(entry.c_str());
  pointers.push_back(nullptr);
  const auto storage = std::make_unique<CleanEnvironment>();
  // Leftovers of an earlier use must not show.
  for (auto& text : storage->text) text.fill('x');
  Cleaned result;
  if (const char* const reason = clean_environment(pointers.data(), *storage)) {
    result.refusal = reason;
    return result;
  }
  for (char* const* entry = storage->entries.data(); *entry != nullptr; ++entry) result.entries.emplace_back(*entry);
  result.tmp_replaced = storage->tmp_replaced;
  result.log_dropped = storage->log_dropped;
  return result;
}

std::string path_of(std::size_t length) {
  return "/" + std::string(length - 1, 'd');
}

TEST(CleanEnvironment, an_absent_variable_stays_absent) {
  const Cleaned cleaned = clean({});
  EXPECT_FALSE(cleaned.refusal);
  EXPECT_EQ(cleaned.entries, Entries{});
  EXPECT_FALSE(cleaned.tmp_replaced);
  EXPECT_FALSE(cleaned.log_dropped);
}

TEST(CleanEnvironment, all_six_variables_pass_at_once) {
  const Entries all{"gtm_tmp=/a", "ydb_tmp=/b", "gtm_log=/c", "ydb_log=/d", "secshr_tmp=/e", "secshr_log=/f"};
  EXPECT_EQ(clean(all).entries, all);
}

// What a profile's programs are to say reaches the broker, and is judged as what it is.
TEST(CleanEnvironment, passes_the_variables_of_every_profile) {
  for (const auto id : {protocol::ProfileId::gtm, protocol::ProfileId::ydb, protocol::ProfileId::generic}) {
    for (const std::string_view name : protocol::profile(id).tmp_variables) {
      EXPECT_EQ(clean({std::string(name) + "=relative"}).entries, Entries{std::string(name) + "=/tmp"});
    }
    for (const std::string_view name : protocol::profile(id).log_variables) {
      EXPECT_EQ(clean({std::string(name) + "=/log"}).entries, Entries{std::string(name) + "=/log"});
      EXPECT_TRUE(clean({std::string(name) + "=relative"}).log_dropped) << name;
    }
  }
}

TEST(CleanEnvironment, passes_nothing_that_the_broker_does_not_need) {
  const Cleaned cleaned = clean({"LD_PRELOAD=/evil.so", "GLIBC_TUNABLES=", "TZ=/evil", "PATH=.", "gtm_dist=/evil",
                                 "ASAN_OPTIONS=log_path=/etc/x", "gtm_tmp=/t", "GTM_TMP=/u", "gtm_tmp2=/v",
                                 "gtm_tm=/w", "secshr_dist=/evil", "secshr=/x", "_tmp=/y"});
  EXPECT_EQ(cleaned.entries, Entries{"gtm_tmp=/t"});
}

TEST(CleanEnvironment, refuses_a_variable_given_twice) {
  for (const std::string name : {"gtm_tmp", "ydb_tmp", "gtm_log", "ydb_log", "secshr_tmp", "secshr_log"}) {
    EXPECT_EQ(clean({name + "=/a", "x=y", name + "=/b"}).refusal, "environment-given-twice") << name;
    EXPECT_EQ(clean({name + "=/a", name + "=/a"}).refusal, "environment-given-twice") << name;
    // An unusable one counts as given.
    EXPECT_EQ(clean({name + "=", name + "=/a"}).refusal, "environment-given-twice") << name;
  }
  EXPECT_FALSE(clean({"other=1", "other=2"}).refusal);
}

TEST(CleanEnvironment, refuses_an_entry_without_an_equals_sign) {
  EXPECT_EQ(clean({"gtm_tmp"}).refusal, "environment-without-name");
  EXPECT_EQ(clean({"gtm_tmp=/t", "anything"}).refusal, "environment-without-name");
  EXPECT_EQ(clean({" "}).refusal, "environment-without-name");
}

// As stock GT.M executes the wrapper when it closes a database that it has updated.
TEST(CleanEnvironment, ignores_the_overwritten_buffer_that_stock_clients_hand_on) {
  for (const char* remains :
       {"GTMXC_gb`'\361\231\377\177", "GTMXC_gb", "GTMXC_", "\x1f", "\x7f", "gtm_tmp\x80", ""}) {
    EXPECT_EQ(clean({"gtm_tmp=/t", remains, "gtm_log=/l"}).entries, (Entries{"gtm_tmp=/t", "gtm_log=/l"})) << remains;
  }
  // The same with an empty name, or a name of ours that is given twice.
  EXPECT_EQ(clean({"GTMXC"}).refusal, "environment-without-name");
  EXPECT_EQ(clean({"=\361"}).refusal, "environment-without-name");
  EXPECT_EQ(clean({"gtm_tmp=/t", "gtm_tmp=\361"}).refusal, "environment-given-twice");
}

TEST(CleanEnvironment, refuses_an_entry_with_an_empty_name) {
  EXPECT_EQ(clean({"=x"}).refusal, "environment-without-name");
  EXPECT_EQ(clean({"="}).refusal, "environment-without-name");
}

TEST(CleanEnvironment, a_tmp_of_the_longest_length_is_used_and_a_longer_one_is_never_cut) {
  for (const std::string name : {"gtm_tmp=", "ydb_tmp=", "secshr_tmp="}) {
    EXPECT_EQ(clean({name + path_of(tmp_limit)}).entries, Entries{name + path_of(86)});
    for (const std::size_t length : {tmp_limit + 1, std::size_t{107}, std::size_t{108}, std::size_t{4096},
                                     std::size_t{128} * 1024, std::size_t{6} << 20}) {
      const Cleaned cleaned = clean({name + path_of(length)});
      EXPECT_EQ(cleaned.entries, Entries{name + "/tmp"}) << length;
      EXPECT_TRUE(cleaned.tmp_replaced) << length;
    }
  }
}

TEST(CleanEnvironment, a_log_of_the_longest_length_is_used_and_a_longer_one_is_dropped) {
  for (const std::string name : {"gtm_log=", "ydb_log=", "secshr_log="}) {
    EXPECT_EQ(clean({name + path_of(log_limit)}).entries, Entries{name + path_of(4095)});
    for (const std::size_t length : {log_limit + 1, std::size_t{128} * 1024}) {
      const Cleaned cleaned = clean({name + path_of(length)});
      EXPECT_EQ(cleaned.entries, Entries{}) << length;
      EXPECT_TRUE(cleaned.log_dropped) << length;
    }
  }
}

TEST(CleanEnvironment, all_six_at_their_limits_fit_the_storage) {
  const Entries all{"secshr_log=" + path_of(log_limit), "gtm_log=" + path_of(log_limit),
                    "ydb_log=" + path_of(log_limit),    "gtm_tmp=" + path_of(tmp_limit),
                    "ydb_tmp=" + path_of(tmp_limit),    "secshr_tmp=" + path_of(tmp_limit)};
  EXPECT_EQ(clean(all).entries, all);
}

TEST(CleanEnvironment, an_unusable_value_is_replaced_or_dropped) {
  Entries values{"", "tmp", "./tmp", "../tmp", "~", " /tmp", "/..", "/tmp/..", "/tmp/../etc", "/../etc"};
  for (int byte = 1; byte < 0x20; ++byte) values.push_back(std::string("/t/") + static_cast<char>(byte) + "x");
  values.push_back("/t/\x7f");
  values.push_back("/t\n");
  for (const auto& value : values) {
    const Cleaned tmp = clean({"gtm_tmp=" + value});
    EXPECT_EQ(tmp.entries, Entries{"gtm_tmp=/tmp"}) << testing::PrintToString(value);
    EXPECT_TRUE(tmp.tmp_replaced);
    EXPECT_FALSE(tmp.log_dropped);
    const Cleaned log = clean({"gtm_log=" + value});
    EXPECT_EQ(log.entries, Entries{}) << testing::PrintToString(value);
    EXPECT_TRUE(log.log_dropped);
    EXPECT_FALSE(log.tmp_replaced);
  }
}

TEST(CleanEnvironment, bytes_of_ordinary_file_names_pass_as_they_are) {
  for (const std::string value : {"/", "/tmp/", "//tmp//x//", "/tmp/.", "/a..b", "/..a", "/a../b", "/...", "/a b",
                                  "/\xff\xfe", "/\xc3\xa4", "/\x80\x9f", "/%n%s", "/x=y", "/=", "/{}"}) {
    const Cleaned cleaned = clean({"gtm_tmp=" + value, "gtm_log=" + value});
    EXPECT_EQ(cleaned.entries, (Entries{"gtm_tmp=" + value, "gtm_log=" + value})) << testing::PrintToString(value);
    EXPECT_FALSE(cleaned.tmp_replaced || cleaned.log_dropped);
  }
}

TEST(CleanEnvironment, one_bad_variable_leaves_the_others_alone) {
  const Cleaned cleaned = clean({"gtm_tmp=bad", "ydb_tmp=/good", "gtm_log=bad", "ydb_log=/log"});
  EXPECT_EQ(cleaned.entries, (Entries{"gtm_tmp=/tmp", "ydb_tmp=/good", "ydb_log=/log"}));
}

}  // namespace
}  // namespace secshr
