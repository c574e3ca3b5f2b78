// secshrctl key: the whole text and the whole JSON, for an installation before, during and after its adoption.
#include <fmt/format.h>

#include <filesystem>

#include "protocol/server_key.h"
#include "tests/integration/admin/admin_fixture.h"

namespace secshr::test {
namespace {

class Key : public AdminTest {
 protected:
  static std::uint32_t key_of(const std::string& file) {
    const struct stat status = status_of(file);
    return protocol::server_key(status.st_dev, status.st_ino);
  }
  // One helper, as the text has it.
  static std::string lines(const std::string& file, const std::string& role,
                           const std::string& prefix = "gtm_secshr") {
    return fmt::format("{0}, {1}\n  server key     0x{2:08x} ({2})\n  server socket  {3}{2:X}\n", file, role,
                       key_of(file), prefix);
  }
  static std::string object(const std::string& file, const std::string& role) {
    return fmt::format(R"(    {{
      "file": "{0}",
      "role": "{1}",
      "server_key": "0x{2:08x}",
      "server_key_number": {2},
      "server_socket": "gtm_secshr{2:X}"
    }})",
                       file, role, key_of(file));
  }
  static std::string document(const std::string& installation, const std::string& helpers) {
    return fmt::format(R"({{
  "directory": "{}",
  "installation": {},
  "profile": "gtm",
  "helpers": [
{}
  ]
}}
)",
                       distribution, installation, helpers);
  }
};

TEST_F(Key, of_an_installation_that_is_not_adopted) {
  EXPECT_EQ(run({"key", distribution}), 0) << complaint();
  EXPECT_EQ(said(), distribution + ": not adopted\n" + lines(helper, "the installation's own helper"));
  EXPECT_EQ(run({"key", "--json", distribution}), 0) << complaint();
  EXPECT_EQ(said(), document("null", object(helper, "helper")));
  EXPECT_EQ(run_unprivileged({"key", distribution}), 0) << complaint();
}

TEST_F(Key, of_an_adopted_installation_is_the_wrappers_and_the_originals_is_shown_too) {
  const std::uint32_t before = key_of(helper);
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  ASSERT_NE(key_of(helper), before);
  ASSERT_EQ(key_of(original), before) << "the original is kept as it is";
  EXPECT_EQ(run({"key", distribution}), 0) << complaint();
  EXPECT_EQ(said(), distribution + ": adopted as gtm\n" + lines(helper, "secshr's wrapper") +
                        lines(original, "the original, as restore would put it back"));
  EXPECT_EQ(run({"key", "--json", distribution}), 0) << complaint();
  EXPECT_EQ(said(), document("\"gtm\"", object(helper, "wrapper") + ",\n" + object(original, "original")));

  ASSERT_EQ(run({"restore", distribution}), 0) << complaint();
  EXPECT_EQ(key_of(helper), before) << "what was foretold";
}

TEST_F(Key, of_a_second_helper_for_the_other_character_set) {
  std::filesystem::remove(utf8_helper);
  write_file(utf8_helper, stock_helper, 04755);
  EXPECT_EQ(run({"key", distribution}), 0) << complaint();
  EXPECT_EQ(said(), distribution + ": not adopted\n" + lines(helper, "the installation's own helper") +
                        lines(utf8_helper, "the installation's own helper"));
}

TEST_F(Key, of_another_profile_has_its_names) {
  write_file(distribution + "/libyottadb.so", "code");
  EXPECT_EQ(run({"key", distribution}), 0) << complaint();
  EXPECT_EQ(said(), distribution + ": not adopted\n" + lines(helper, "the installation's own helper", "ydb_secshr"));
}

TEST_F(Key, is_refused_where_there_is_no_helper) {
  std::filesystem::remove(helper);
  EXPECT_EQ(run({"key", distribution}), 1);
  EXPECT_EQ(complaint(), "secshrctl: " + helper + ": is missing\n");
  EXPECT_EQ(run({"key", "/mnt/test/nowhere"}), 4);
  EXPECT_EQ(run({"key", "/tmp"}), 1);
  EXPECT_NE(complaint().find("is no installation of GT.M or YottaDB"), std::string::npos) << complaint();
  EXPECT_EQ(run({"key"}), 2);
}

}  // namespace
}  // namespace secshr::test
