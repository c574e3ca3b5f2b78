#include "tests/integration/broker_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <regex>
#include <sstream>

#include "installation/installation.h"
#include "protocol/encode_reply.h"
#include "protocol/encode_request.h"
#include "protocol/server_key.h"
#include "protocol/socket_names.h"
#include "protocol/wire_header.h"
#include "secshr/audit/logfmt.h"
#include "secshr/start/start_lines.h"
#include "secshr_paths.h"
#include "tests/integration/process_state.h"

namespace secshr::test {
namespace {

std::string code_text(int code) {
  if (const char* const name = code > 0 ? ::strerrorname_np(code) : nullptr) return name;
  std::ostringstream text;
  if (code >= 0x8000) text << "0x" << std::hex;
  text << code;
  return text.str();
}

}  // namespace

void BrokerTest::SetUp() {
  PrivateWorldTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  install_programs();
  make_distribution(distribution);
  configure();
  adopt();
  make_directory(tmp, 01777);
  make_directory(data);
  log_ = std::make_unique<SystemLog>();
}

void BrokerTest::TearDown() {
  // What has come by now: a broker that runs still goes on writing.
  drain_system_log();
  (void)take_starters_messages();
  for (const auto id : {protocol::ProfileId::gtm, protocol::ProfileId::ydb, protocol::ProfileId::generic}) {
    (void)take_brokers_messages(id);
  }
  EXPECT_EQ(messages_, std::vector<std::string>{}) << "messages of somebody else's";
  messages_.clear();
  log_.reset();
  PrivateWorldTest::TearDown();
}

void BrokerTest::configure(const std::string& extra, const std::string& tables) {
  write_file(paths::configuration, "broker_uid = " + std::to_string(broker_uid) +
                                       "\nlooker_uid = " + std::to_string(looker_uid) +
                                       "\nwriter_uid = " + std::to_string(writer_uid) + "\n" + extra + "\n" + tables);
}

void BrokerTest::adopt() {
  const Installation installation{"test", protocol::find_profile("gtm"), distribution, release, release_key};
  write_file(std::string(paths::installations) + "/test.toml", format_installation(installation));
}

Command BrokerTest::start_command(const std::string& directory) {
  return {wrapper, {wrapper}, {"gtm_tmp=" + directory}, {}};
}

Outcome BrokerTest::start(const Identity& identity, const std::string& directory) {
  return run_as(identity, start_command(directory));
}

pid_t BrokerTest::serve(const Identity& identity, const std::string& directory) {
  const Outcome outcome = start(identity, directory);
  EXPECT_EQ(outcome.ending, ending_of(StartStatus::serving));
  EXPECT_EQ(outcome.output + outcome.errors, "");
  const auto holder = lock_holder();
  EXPECT_TRUE(holder.has_value());
  return holder.value_or(-1);
}

std::optional<pid_t> BrokerTest::lock_holder(const std::string& file) {
  const Descriptor opened(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  struct flock lock{};
  lock.l_type = F_WRLCK;
  if (!opened || ::fcntl(opened.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return std::nullopt;
  return lock.l_pid;
}

std::string BrokerTest::server_in(const std::string& directory) {
  struct stat status{};
  EXPECT_EQ(::stat(wrapper.c_str(), &status), 0);
  const auto name = protocol::server_socket_name(protocol::profile(protocol::ProfileId::gtm),
                                                 protocol::server_key(status.st_dev, status.st_ino));
  return directory + "/" + std::string(name.view());
}

std::unique_ptr<Client> BrokerTest::connect(const Identity& identity, const std::string& directory) {
  auto client = std::make_unique<Client>(identity);
  EXPECT_EQ(client->bind(directory + "/" + client->socket_name()), 0);
  return client;
}

Bytes BrokerTest::datagram(const Client& client, const protocol::Request& request, std::uint64_t sequence,
                           std::uint32_t key) {
  Bytes bytes(2 * protocol::maximum_datagram);
  const protocol::RequestHeader own{0, key, junk_flag, client.pid(), sequence};
  bytes.resize(protocol::encode_request(own, request, bytes));
  EXPECT_GE(bytes.size(), protocol::header_size);
  return bytes;
}

Bytes BrokerTest::header(std::int32_t code, std::uint32_t key, std::int32_t pid, std::uint64_t sequence) {
  Bytes bytes(protocol::header_size);
  protocol::WireWriter writer(bytes);
  protocol::write_header(writer, {code, key, junk_flag, pid, sequence});
  return bytes;
}

std::optional<int> BrokerTest::answer(Client& client, const Bytes& datagram) {
  EXPECT_EQ(client.send(server_in(), datagram), 0);
  const auto received = client.receive();
  drain_system_log();
  if (!received) return std::nullopt;
  const auto reply = protocol::decode_reply(*received);
  EXPECT_TRUE(reply.has_value()) << "a reply of " << received->size() << " bytes";
  if (!reply) return std::nullopt;
  // The code apart, the header comes back as it was.
  EXPECT_TRUE(std::equal(datagram.begin() + 4, datagram.begin() + protocol::header_size, received->begin() + 4));
  return reply->code();
}

LogRecord BrokerTest::expect_answer(Client& client, const Bytes& datagram, const Expected& expected) {
  const std::size_t before = records().size();
  const auto code = answer(client, datagram);
  EXPECT_EQ(code, std::optional<int>(expected.code));
  const auto after = records();
  EXPECT_EQ(after.size(), before + 1) << "one audit record for each datagram";
  if (after.size() <= before) return {};
  const LogRecord& record = after.back();
  EXPECT_EQ(record.at("verdict"), expected.verdict);
  EXPECT_EQ(record.at("rule"), expected.rule);
  EXPECT_EQ(record.at("errno"), code_text(expected.code));
  EXPECT_EQ(record.at("pid"), std::to_string(client.pid()));
  return record;
}

LogRecord BrokerTest::expect_answer(Client& client, const protocol::Request& request, const Expected& expected) {
  return expect_answer(client, datagram(client, request), expected);
}

// Whoever asks next is served after it, so that its record is there when theirs is.
LogRecord BrokerTest::expect_dropped(Client& client, const Bytes& datagram, const std::string& rule) {
  const std::size_t before = records().size();
  EXPECT_EQ(client.send(server_in(), datagram), 0);
  expect_serving();
  const auto after = records();
  EXPECT_EQ(after.size(), before + 2) << "one audit record for each datagram";
  if (after.size() != before + 2) return {};
  EXPECT_FALSE(client.receive(std::chrono::milliseconds(0)).has_value());
  EXPECT_EQ(after[before].at("verdict"), "dropped");
  EXPECT_EQ(after[before].at("rule"), rule);
  return after[before];
}

void BrokerTest::expect_sender(const LogRecord& record, const Client& client, const Identity& identity) {
  EXPECT_EQ(record.at("pid"), std::to_string(client.pid()));
  EXPECT_EQ(record.at("uid"), std::to_string(identity.uid));
  EXPECT_EQ(record.at("gid"), std::to_string(identity.gid));
}

void BrokerTest::expect_serving(const std::string& directory) {
  const auto client = connect(third_user, directory);
  EXPECT_EQ(client->send(server_in(directory), datagram(*client, protocol::Ping{})), 0);
  EXPECT_TRUE(client->receive().has_value()) << "the broker does not answer";
}

// What was recorded before a reply was sent is on its way to the recorder, which sleeps when it has written all of
// it.
void BrokerTest::settle_log() {
  EXPECT_TRUE(eventually([] {
    const auto found = find_broker_processes();
    // One that serves may have a recorder that is only about to come up, and finds its line waiting.
    if (!found.brokers.empty() && found.recorders.empty()) return false;
    return std::ranges::all_of(found.recorders, [](pid_t pid) {
      const auto status = status_of(pid);
      return !status.contains("State") || status.at("State").starts_with('S') || status.at("State").starts_with('T');
    });
  })) << "the log is not written";
}

std::vector<LogRecord> BrokerTest::log_lines(const std::string& file) {
  settle_log();
  drain_system_log();
  std::vector<LogRecord> lines;
  if (!exists(file)) return lines;
  std::istringstream text(read_file(file));
  for (std::string line; std::getline(text, line);) {
    const auto fields = parse_log_line(line);
    EXPECT_TRUE(fields.has_value()) << "not a line of the log's grammar: " << testing::PrintToString(line);
    if (fields) lines.emplace_back(fields->begin(), fields->end());
  }
  return lines;
}

std::vector<LogRecord> BrokerTest::records(const std::string& file) {
  auto lines = log_lines(file);
  std::erase_if(lines, [](const LogRecord& line) { return !line.contains("req"); });
  return lines;
}

std::vector<LogRecord> BrokerTest::events() {
  auto lines = log_lines();
  std::erase_if(lines, [](const LogRecord& line) { return !line.contains("event"); });
  return lines;
}

void BrokerTest::expect_ended(const std::string& why) {
  ASSERT_FALSE(events().empty());
  const LogRecord last = events().back();
  EXPECT_EQ(last.at("event"), "ended");
  EXPECT_EQ(last.at("detail").substr(0, last.at("detail").find(' ')), why);
}

void BrokerTest::drain_system_log() {
  if (!log_) return;
  auto taken = log_->take();
  messages_.insert(messages_.end(), std::make_move_iterator(taken.begin()), std::make_move_iterator(taken.end()));
}

// Each must be nothing but printable characters, in one line of a bounded length. The others stay.
std::vector<std::string> BrokerTest::take_messages(const std::string& ident, const std::string& text) {
  const std::regex shape("<14>" + ident + "\\[[1-9][0-9]*\\]: (" + text + ")");
  std::vector<std::string> lines;
  std::erase_if(messages_, [&](const std::string& message) {
    if (!message.starts_with("<14>" + ident + "[")) return false;
    std::smatch parts;
    EXPECT_TRUE(std::regex_match(message, parts, shape)) << testing::PrintToString(message);
    lines.push_back(parts.size() == 2 ? parts[1].str() : message);
    return true;
  });
  return lines;
}

std::vector<std::string> BrokerTest::system_log() {
  drain_system_log();
  return take_starters_messages();
}

std::vector<std::string> BrokerTest::broker_messages(protocol::ProfileId profile) {
  drain_system_log();
  return take_brokers_messages(profile);
}

std::vector<std::string> BrokerTest::take_starters_messages() {
  auto lines = take_messages("GTMSECSHRINIT", "reason=[a-z-]+ detail=[ -~]*");
  for (const auto& line : lines) EXPECT_LE(line.size(), 1000U);
  return lines;
}

std::vector<std::string> BrokerTest::take_brokers_messages(protocol::ProfileId profile) {
  const protocol::Profile& names = protocol::profile(profile);
  auto lines = take_messages(std::string(names.syslog_ident),
                             "%" + std::string(names.facility) + "-[IWE]-GTMSECSHR[A-Z]+, [ -~]*");
  for (const auto& line : lines) EXPECT_LE(line.size(), 2000U);
  return lines;
}

void BrokerTest::forget_failed_starts() {
  if (!exists(paths::run)) return;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(paths::run)) {
    if (entry.path().filename() == StartLines::file_name) std::filesystem::remove(entry.path());
  }
}

void BrokerTest::expect_no_start(StartStatus status, const std::string& reason, const Identity& identity,
                                 const std::string& directory) {
  (void)system_log();
  forget_failed_starts();
  const Outcome outcome = start(identity, directory);
  EXPECT_EQ(outcome.ending, ending_of(status));
  EXPECT_EQ(outcome.output + outcome.errors, "");
  const auto lines = system_log();
  EXPECT_EQ(lines.size(), 1U) << testing::PrintToString(lines);
  for (const auto& line : lines) EXPECT_TRUE(line.starts_with("reason=" + reason + " ")) << line;
  EXPECT_TRUE(eventually([] { return find_broker_processes().all().empty(); })) << "something was left running";
}

FileState state_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return {read_file(path), status.st_mode, status.st_uid, status.st_gid};
}

std::ostream& operator<<(std::ostream& out, const FileState& state) {
  return out << state.contents.size() << " bytes, mode " << std::oct << state.mode << std::dec << ", owner "
             << state.uid << ":" << state.gid;
}

}  // namespace secshr::test
