// Socket names, and the grammar that decides which names in a shared directory are ever touched.
#include "protocol/socket_names.h"

#include <gtest/gtest.h>

#include <string>

#include "protocol/server_key.h"

namespace secshr::protocol {
namespace {

const Profile& gtm() {
  return profile(ProfileId::gtm);
}
const Profile& ydb() {
  return profile(ProfileId::ydb);
}
const Profile& generic() {
  return profile(ProfileId::generic);
}

TEST(ServerSocketName, is_the_prefix_and_the_key_without_padding) {
  EXPECT_EQ(server_socket_name(gtm(), 0x2E9E59CB).view(), "gtm_secshr2E9E59CB");
  EXPECT_EQ(server_socket_name(ydb(), 0x2E00000A).view(), "ydb_secshr2E00000A");
  EXPECT_EQ(server_socket_name(generic(), 0x2E9E59CB).view(), "secshr2E9E59CB");
  EXPECT_EQ(server_socket_name(gtm(), 0x00ABCDEF).view(), "gtm_secshrABCDEF");
  EXPECT_EQ(server_socket_name(gtm(), 0x10).view(), "gtm_secshr10");
  EXPECT_EQ(server_socket_name(gtm(), 0).view(), "gtm_secshr0");
  EXPECT_EQ(server_socket_name(gtm(), 0xFFFFFFFF).view(), "gtm_secshrFFFFFFFF");
}

TEST(ClientSocketName, is_the_prefix_and_eight_digits) {
  EXPECT_EQ(client_socket_name(gtm(), 3090).view(), "gtm_secshr00000C12");
  EXPECT_EQ(client_socket_name(ydb(), 4194304).view(), "ydb_secshr00400000");
  EXPECT_EQ(client_socket_name(gtm(), 1, 'a').view(), "gtm_secshr00000001a");
  EXPECT_EQ(client_socket_name(generic(), 3090, 'z').view(), "secshr00000C12z");
  EXPECT_EQ(client_socket_name(gtm(), -1).view(), "gtm_secshrFFFFFFFF");
}

TEST(SocketName, ends_in_a_nul) {
  const SocketName longest = client_socket_name(gtm(), 0xABCDE, 'z');
  EXPECT_EQ(longest.view().size(), maximum_socket_name);
  EXPECT_STREQ(longest.c_str(), "gtm_secshr000ABCDEz");
}

TEST(ParseClientSocketName, reads_back_every_suffix_and_none) {
  for (const Profile* each : {&gtm(), &ydb(), &generic()}) {
    for (const std::int32_t pid : {1, 9, 10, 3090, 0xABCDE, 0x3FFFFF, maximum_pid}) {
      EXPECT_EQ(parse_client_socket_name(*each, client_socket_name(*each, pid).view()),
                (ClientSocketName{pid, std::nullopt}));
      for (char suffix = 'a'; suffix <= 'z'; ++suffix) {
        EXPECT_EQ(parse_client_socket_name(*each, client_socket_name(*each, pid, suffix).view()),
                  (ClientSocketName{pid, suffix}));
      }
    }
  }
}

TEST(ParseClientSocketName, refuses_every_other_byte_as_a_suffix) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool letter = c >= 'a' && c <= 'z';
    EXPECT_EQ(parse_client_socket_name(gtm(), std::string("gtm_secshr00000C12") + c).has_value(), letter) << byte;
  }
}

TEST(ParseClientSocketName, refuses_every_byte_that_is_no_upper_case_hex_digit) {
  for (std::size_t place = 10; place < 18; ++place) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string name = "gtm_secshr00000012";
      const char c = static_cast<char>(byte);
      name[place] = c;
      const bool digit = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
      // A digit may still make a pid that cannot be.
      if (digit) continue;
      EXPECT_FALSE(parse_client_socket_name(gtm(), name)) << place << " " << byte;
    }
  }
  EXPECT_TRUE(parse_client_socket_name(gtm(), "gtm_secshr00000012"));
}

TEST(ParseClientSocketName, refuses_names_outside_the_grammar) {
  using namespace std::string_view_literals;
  for (const std::string_view name : {
           ""sv,
           "gtm_secshr"sv,
           "gtm_secshr0000C12"sv,                           // seven digits
           "gtm_secshr000000C12"sv,                         // nine: no digit is a suffix
           "gtm_secshr00000c12"sv,                          // lower case
           "gtm_secshr00000C12aa"sv,                        // two suffixes
           "gtm_secshr00000C12A"sv,                         // upper-case suffix
           "gtm_secshr00000C12\n"sv,                        //
           "gtm_secshr00000C12a\n"sv,                       //
           "gtm_secshr00000C12\0"sv,                        //
           "gtm_secshr00000C12a\0"sv,                       //
           "gtm_secshr 0000C12"sv,                          // what a lenient number parser takes
           "gtm_secshr+0000C12"sv,                          //
           "gtm_secshr-0000C12"sv,                          //
           "gtm_secshr0x000C12"sv,                          //
           "gtm_secshr../../etc"sv,                         //
           "gtm_secshr..0000C12"sv,                         //
           "../gtm_secshr00000C12"sv,                       //
           "./gtm_secshr00000C12"sv,                        //
           "/gtm_secshr00000C12"sv,                         //
           "gtm_secshr00000C12/"sv,                         //
           "gtm_secshr/00000C12"sv,                         //
           " gtm_secshr00000C12"sv,                         //
           "GTM_SECSHR00000C12"sv,                          //
           "gtm_secsh00000C12"sv,                           //
           "ydb_secshr00000C12"sv,                          // another product's
           "gtm_mutex00000C12"sv,                           //
           "gtm_secshr_log"sv,                              //
           "gtm_secshr\xd9\xa0\xd9\xa0\xd9\xa0\xd9\xa0"sv,  // digits of another script
       }) {
    EXPECT_FALSE(parse_client_socket_name(gtm(), name)) << name;
  }
  EXPECT_TRUE(parse_client_socket_name(gtm(), "gtm_secshr00000C12"));
}

TEST(ParseClientSocketName, refuses_pids_that_no_process_can_have) {
  EXPECT_FALSE(parse_client_socket_name(gtm(), "gtm_secshr00000000"));
  EXPECT_TRUE(parse_client_socket_name(gtm(), "gtm_secshr00000001"));
  EXPECT_TRUE(parse_client_socket_name(gtm(), "gtm_secshr00400000"));
  EXPECT_FALSE(parse_client_socket_name(gtm(), "gtm_secshr00400001"));
  EXPECT_FALSE(parse_client_socket_name(gtm(), "gtm_secshr7FFFFFFF"));
  EXPECT_FALSE(parse_client_socket_name(gtm(), "gtm_secshr80000000"));
  EXPECT_FALSE(parse_client_socket_name(gtm(), "gtm_secshrFFFFFFFF"));
}

// Else a client could have a server's own socket removed as its leftover, or its replies sent there.
TEST(ParseClientSocketName, never_takes_a_server_socket_for_a_clients) {
  for (const std::uint32_t key : {0x2E000000U, 0x2E000001U, 0x2E9E59CBU, 0x2EFFFFFFU}) {
    const std::string name(server_socket_name(gtm(), key).view());
    EXPECT_FALSE(parse_client_socket_name(gtm(), name)) << name;
    EXPECT_FALSE(parse_client_socket_name(gtm(), name + "a")) << name;
  }
  for (std::uint64_t inode = 0; inode < 5000; ++inode) {
    EXPECT_FALSE(parse_client_socket_name(gtm(), server_socket_name(gtm(), server_key(2049, inode)).view()));
  }
}

// ---- leftovers

std::optional<std::string> leftover(const Profile& profile, std::string_view name) {
  const auto parsed = parse_leftover_name(profile, name);
  if (!parsed) return std::nullopt;
  EXPECT_STREQ(parsed->name.c_str(), std::string(name).c_str());
  return std::string(parsed->name.view());
}

TEST(ParseLeftoverName, takes_every_client_name_and_every_mutex_name_as_it_is) {
  for (const Profile* each : {&gtm(), &ydb()}) {
    for (const std::int32_t pid : {1, 0xABCDE, maximum_pid}) {
      for (const auto& suffix : client_socket_suffixes) {
        const std::string name(client_socket_name(*each, pid, suffix).view());
        EXPECT_EQ(leftover(*each, name), name);
      }
    }
    for (const char* name : {"gtm_mutex00000001", "gtm_mutex00001A2F", "gtm_mutex00400000"}) {
      EXPECT_EQ(leftover(*each, name), name);
    }
  }
  EXPECT_FALSE(leftover(gtm(), "ydb_secshr00001A2F"));
  EXPECT_FALSE(leftover(ydb(), "gtm_secshr00001A2F"));
}

// They have none, and what is nobody's prefix is not a prefix of everything.
TEST(ParseLeftoverName, takes_no_mutex_names_where_there_never_were_any) {
  EXPECT_EQ(leftover(generic(), "secshr00001A2F"), "secshr00001A2F");
  EXPECT_EQ(leftover(generic(), "secshr00001A2Fq"), "secshr00001A2Fq");
  for (const char* name :
       {"00001A2F", "gtm_mutex00001A2F", "secshr_mutex00001A2F", "gtm_secshr00001A2F", "ydb_secshr00001A2F"}) {
    EXPECT_FALSE(leftover(generic(), name)) << name;
  }
  EXPECT_FALSE(leftover(gtm(), "secshr00001A2F"));
  EXPECT_FALSE(leftover(ydb(), "secshr00001A2F"));
}

TEST(ParseLeftoverName, says_whose_it_was) {
  EXPECT_EQ(parse_leftover_name(gtm(), "gtm_secshr00001A2F")->pid, 0x1A2F);
  EXPECT_EQ(parse_leftover_name(gtm(), "gtm_secshr00001A2Fq")->pid, 0x1A2F);
  EXPECT_EQ(parse_leftover_name(gtm(), "gtm_mutex00400000")->pid, maximum_pid);
}

TEST(ParseLeftoverName, refuses_names_outside_the_grammar) {
  using namespace std::string_view_literals;
  for (const std::string_view name : {""sv,
                                      "."sv,
                                      ".."sv,
                                      "/"sv,
                                      "gtm_mutex"sv,
                                      "gtm_mutex0001A2F"sv,
                                      "gtm_mutex000001A2F"sv,
                                      "gtm_mutex00001a2f"sv,
                                      "gtm_mutex00001A2Fa"sv,
                                      "gtm_mutex00001A2FA"sv,
                                      "gtm_mutex00001A2F\n"sv,
                                      "gtm_mutex00001A2F\0"sv,
                                      "gtm_mutex 0001A2F"sv,
                                      "gtm_mutex+0001A2F"sv,
                                      "gtm_mutex0x001A2F"sv,
                                      "gtm_mutex../../x"sv,
                                      "gtm_mutex00000000"sv,
                                      "gtm_mutex00400001"sv,
                                      "gtm_mutexFFFFFFFF"sv,
                                      "GTM_MUTEX00001A2F"sv,
                                      "ydb_mutex00001A2F"sv,
                                      "/gtm_mutex00001A2F"sv,
                                      "gtm_mutex00001A2F/"sv,
                                      "../gtm_mutex00001A2F"sv,
                                      "xgtm_mutex00001A2F"sv,
                                      "gtm_mutex00001A2Fgtm_mutex00001A2F"sv,
                                      "gtm_secshr00001A2FA"sv,
                                      "gtm_secshr00001A2Faa"sv,
                                      "gtm_secshr0001A2F"sv,
                                      "gtm_secshr000001A2F"sv,
                                      "gtm_secshr00001a2f"sv,
                                      "gtm_secshr00000000"sv,
                                      "gtm_secshr00001A2F\n"sv,
                                      "gtm_secshr00001A2F\0"sv}) {
    EXPECT_FALSE(leftover(gtm(), name)) << name;
  }
}

TEST(ParseLeftoverName, never_takes_a_server_socket_for_a_leftover) {
  for (const Profile* each : {&gtm(), &ydb(), &generic()}) {
    for (const std::uint32_t key : {0x2E000000U, 0x2E000001U, 0x2E9E59CBU, 0x2EFFFFFFU}) {
      EXPECT_FALSE(leftover(*each, server_socket_name(*each, key).view()));
    }
    for (std::uint64_t inode = 0; inode < 2000; ++inode) {
      EXPECT_FALSE(leftover(*each, server_socket_name(*each, server_key(2049, inode)).view()));
    }
  }
}

TEST(ClientSocketSuffixes, are_none_and_then_every_letter_in_the_order_of_the_clients) {
  ASSERT_EQ(client_socket_suffixes.size(), 27U);
  EXPECT_EQ(client_socket_suffixes[0], std::nullopt);
  for (std::size_t index = 1; index < 27; ++index) {
    EXPECT_EQ(client_socket_suffixes[index], "abcdefghijklmnopqrstuvwxyz"[index - 1]);
  }
}

TEST(ServerSocketName, is_recognised_by_its_exact_form) {
  const Profile& gtm = profile(ProfileId::gtm);
  for (const std::uint32_t key : {0x2E000000U, 0x2E9E59CBU, 0x2EFFFFFFU}) {
    EXPECT_EQ(parse_server_socket_name(gtm, server_socket_name(gtm, key).view()), key);
  }
  EXPECT_EQ(parse_server_socket_name(profile(ProfileId::ydb), "ydb_secshr2E000001"), 0x2E000001U);
  for (const std::string_view other :
       {"gtm_secshr2DFFFFFF", "gtm_secshr2F000000", "gtm_secshr2e9e59cb", "gtm_secshr2E9E59C", "gtm_secshr2E9E59CBa",
        "gtm_secshr2E9E59C ", "gtm_secshr", "ydb_secshr2E9E59CB", "xgtm_secshr2E9E59CB", "gtm_secshr00000C12", ""}) {
    EXPECT_EQ(parse_server_socket_name(gtm, other), std::nullopt) << other;
  }
}

TEST(LastComponent, is_what_follows_the_last_slash) {
  EXPECT_EQ(last_component("/tmp/gtm_secshr00000C12"), "gtm_secshr00000C12");
  EXPECT_EQ(last_component("gtm_secshr00000C12"), "gtm_secshr00000C12");
  EXPECT_EQ(last_component("/a//b"), "b");
  EXPECT_EQ(last_component("/a/"), "");
  EXPECT_EQ(last_component("/"), "");
  EXPECT_EQ(last_component(""), "");
  EXPECT_EQ(last_component("/tmp/.."), "..");
}

TEST(DirectoryPart, is_what_precedes_the_last_component_with_its_slash) {
  EXPECT_EQ(directory_part("/tmp/gtm_secshr00000C12"), "/tmp/");
  EXPECT_EQ(directory_part("/gtm_secshr00000C12"), "/");
  EXPECT_EQ(directory_part("/a//b"), "/a//");
  EXPECT_EQ(directory_part("/a/"), "/a/");
  EXPECT_EQ(directory_part("b"), "");
  EXPECT_EQ(directory_part(""), "");
  for (const std::string_view path : {"/tmp/x", "x", "/", "//", "/a/b/", ""}) {
    EXPECT_EQ(std::string(directory_part(path)) + std::string(last_component(path)), path);
  }
}

}  // namespace
}  // namespace secshr::protocol
