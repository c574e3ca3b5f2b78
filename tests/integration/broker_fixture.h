// The real wrapper and the real broker in the private world: installed, configured and adopted as an administrator
// would have it, and started by an unprivileged user with $gtm_tmp set.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/profile.h"
#include "protocol/reply.h"
#include "protocol/request.h"
#include "tests/integration/client.h"
#include "tests/support/private_world.h"
#include "wrapper/handoff.h"

namespace secshr::test {

inline constexpr uid_t u1 = 71001, u2 = 71002, u3 = 71003;
inline constexpr gid_t g1 = 72001, g2 = 72002, g3 = 72003;
inline constexpr gid_t shared_group = 73001;
inline constexpr uid_t broker_uid = 64101, looker_uid = 64102, writer_uid = 64103;

inline const std::string distribution = "/mnt/test/dist";
inline const std::string wrapper = distribution + "/gtmsecshr";
inline const std::string release = "GT.M V7.0-005 Linux x86_64";
inline constexpr std::uint32_t release_key = 0xb54536ab;
// Where the sockets are, and where databases are kept.
inline const std::string tmp = "/mnt/test/tmp";
inline const std::string data = "/mnt/test/data";
inline const std::string log_file = "/var/log/secshr/test/gtm_secshr_log";
inline const std::string lock_file = "/run/secshr/test/lock";

inline const std::string every_line_and_no_limit =
    "[restrict]\nrequests_per_second_per_uid = 1000000\nrequests_per_second = 1000000\n"
    "refusals_per_second_per_uid = 1000000\n"
    "[log]\nroutine = 'lines'\nrefusals_per_minute_per_uid = 1000000\n";

inline const Identity first_user{u1, g1, {g1, shared_group}};
inline const Identity second_user{u2, g2, {g2, shared_group}};
inline const Identity third_user{u3, g3, {}};

// One line of the audit log, by key.
using LogRecord = std::map<std::string, std::string>;

// What must come of a request.
struct Expected {
  int code = 0;
  std::string verdict = "done";
  std::string rule = "-";
};
inline const Expected served{};
inline Expected refused(int code, std::string rule) {
  return {code, "refused", std::move(rule)};
}
inline Expected failed(int code) {
  return {code, "failed", "-"};
}
inline const Expected malformed{EINVAL, "refused", "-"};

class BrokerTest : public PrivateWorldTest {
 protected:
  // Installs, configures and adopts; starts nothing.
  void SetUp() override;
  // Nobody but ours may have written to the system log: what a sanitizer finds in the broker comes there.
  void TearDown() override;

  // Without other tables every datagram has its line in the log, and nobody asks too often.
  static void configure(const std::string& extra = {}, const std::string& tables = every_line_and_no_limit);
  static void adopt();
  // As a stock client executes the wrapper.
  static Command start_command(const std::string& directory = tmp);
  static Outcome start(const Identity& identity = first_user, const std::string& directory = tmp);
  // Starts, expects that it serves, and gives back the broker's pid.
  static pid_t serve(const Identity& identity = first_user, const std::string& directory = tmp);
  static Ending ending_of(StartStatus status) { return exited(static_cast<int>(status)); }
  // Who holds the installation's lock, if anybody does.
  static std::optional<pid_t> lock_holder(const std::string& file = lock_file);

  // The server socket's path in a directory.
  static std::string server_in(const std::string& directory = tmp);
  // A client with its socket bound in the directory.
  static std::unique_ptr<Client> connect(const Identity& identity, const std::string& directory = tmp);

  // Datagrams. The use-secshr flag is junk, as stock clients send it.
  static constexpr std::int32_t junk_flag = 0x5a5a5a5a;
  static Bytes datagram(const Client& client, const protocol::Request& request, std::uint64_t sequence = 1,
                        std::uint32_t key = release_key);
  static Bytes header(std::int32_t code, std::uint32_t key, std::int32_t pid, std::uint64_t sequence = 1);

  // Sends it to the server in `tmp` and waits for the reply, which must echo all of the header but the code.
  static std::optional<int> answer(Client& client, const Bytes& datagram);
  // Sends it, and expects this answer, exactly one audit record, and that the record says the same.
  static LogRecord expect_answer(Client& client, const Bytes& datagram, const Expected& expected);
  static LogRecord expect_answer(Client& client, const protocol::Request& request, const Expected& expected);
  // Sends it, and expects no answer but exactly one audit record of verdict "dropped".
  static LogRecord expect_dropped(Client& client, const Bytes& datagram, const std::string& rule);
  // That the record is about this datagram's sender.
  static void expect_sender(const LogRecord& record, const Client& client, const Identity& identity);
  // A client that comes along is served at once.
  static void expect_serving(const std::string& directory = tmp);

  // The lines of the audit log: of datagrams, and of the broker's own life. Each must be one that the log's own
  // grammar takes.
  static std::vector<LogRecord> records(const std::string& file = log_file);
  static std::vector<LogRecord> events();
  // That the log's last line says that and why the broker has ended.
  static void expect_ended(const std::string& why);

  // The wrapper's and the starter's lines in the system log since the last call, from "reason=" on.
  static std::vector<std::string> system_log();
  // The broker's since the last call, from "%GTM" on.
  static std::vector<std::string> broker_messages(protocol::ProfileId profile = protocol::ProfileId::gtm);
  // That starts have failed meanwhile: the next that fails is said, however many there were.
  static void forget_failed_starts();
  // A start that must fail in this way: exit status, nobody serves, and one line whose reason this is.
  static void expect_no_start(StartStatus status, const std::string& reason, const Identity& identity = first_user,
                              const std::string& directory = tmp);

  // Waits until the log has caught up: refusals that come faster than it is written are counted and no lines.
  static void settle_log();

 private:
  static std::vector<LogRecord> log_lines(const std::string& file = log_file);
  // Takes what has come before the queue is full: beyond that the broker's messages are lost, and others wait.
  static void drain_system_log();
  // Of those that have come.
  static std::vector<std::string> take_starters_messages();
  static std::vector<std::string> take_brokers_messages(protocol::ProfileId profile);
  static std::vector<std::string> take_messages(const std::string& ident, const std::string& text);

  inline static std::unique_ptr<SystemLog> log_;
  inline static std::vector<std::string> messages_;
};

// Everything about a file but its times of access.
struct FileState {
  std::string contents;
  mode_t mode = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  friend bool operator==(const FileState&, const FileState&) = default;
};
FileState state_of(const std::string& path);
std::ostream& operator<<(std::ostream& out, const FileState& state);

}  // namespace secshr::test
