// Any record of a request, with any bytes where its client chose them, on its way into the audit log, the journal and
// the system log.
//
// 1. The audit log's line is one that secshrctl takes for the record of a request, and says what the record says: of
//    an object that was not changed at least the beginning and its length.
// 2. The journal's entry has fields that no value can forge: the client's bytes come back as they are.
// 3. The system log's message is one printable line with the broker's ident, which every daemon takes.
// 4. Events and counts are lines, too, that secshrctl knows for what they are.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "admin/log/log_entry.h"
#include "fuzz/property.h"
#include "protocol/profile.h"
#include "protocol/request.h"
#include "protocol/rules.h"
#include "protocol/wire_reader.h"
#include "secshr/audit/file_audit.h"
#include "secshr/audit/journal_entry.h"
#include "secshr/audit/syslog_audit.h"
#include "system/descriptor.h"

namespace {

using namespace secshr;
using namespace secshr::fuzz;
using protocol::WireReader;

class Lines final : public Log {
 public:
  Ticket write(std::string_view line, Importance importance) noexcept override {
    lines.emplace_back(line);
    importances.push_back(importance);
    return lines.size();
  }
  [[nodiscard]] bool has_written(Ticket ticket) const noexcept override { return ticket <= lines.size(); }
  void count_lost() noexcept override { require(false, "a line is made"); }

  std::vector<std::string> lines;
  std::vector<Importance> importances;
};

// A listener that has no name: what is sent to it goes by its descriptor.
class Listener {
 public:
  Listener() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    std::string directory = "/tmp/secshr_fuzz_XXXXXX";
    if (::mkdtemp(directory.data()) == nullptr) std::abort();
    const std::string path = directory + "/log";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(path, static_cast<char*>(address.sun_path));
    if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
    file_.reset(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!file_ || ::unlink(path.c_str()) != 0 || ::rmdir(directory.c_str()) != 0) std::abort();
    place_ = "/proc/self/fd/" + std::to_string(file_.get());
  }
  [[nodiscard]] const std::string& place() const { return place_; }
  // All that has come.
  [[nodiscard]] std::vector<std::string> take() const {
    std::vector<std::string> messages;
    static std::vector<char> buffer(std::size_t{1} << 17);
    for (ssize_t size = 0; (size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0)) >= 0;) {
      messages.emplace_back(buffer.data(), static_cast<std::size_t>(size));
    }
    return messages;
  }

 private:
  Descriptor socket_;
  Descriptor file_;
  std::string place_;
};

// A minute later each time, so that no limit withholds anything.
std::chrono::steady_clock::time_point next_minute() {
  static std::chrono::steady_clock::time_point now;
  return now += std::chrono::minutes(1);
}

struct SystemLog {
  explicit SystemLog(bool is_journal)
      : audit(protocol::profile(protocol::ProfileId::gtm), {"/tmp"},
              {is_journal ? std::string_view(listener.place()) : "/dev/null/none",
               is_journal ? "/dev/null/none" : std::string_view(listener.place())},
              next_minute) {}
  Listener listener;
  SyslogAudit audit;
};

constexpr std::array<std::string_view, 10> requests{"wake",
                                                    "remove-semaphore-set",
                                                    "remove-segment",
                                                    "remove-file",
                                                    "continue",
                                                    "flush-header-open",
                                                    "flush-header-close",
                                                    "remove-leftover",
                                                    "ping",
                                                    "unknown"};

template <typename Number>
std::optional<Number> take_optional(WireReader& input) {
  const bool is_known = input.u8() % 4 != 0;
  const auto number = static_cast<Number>(input.u32());
  return is_known ? std::optional(number) : std::nullopt;
}

std::string_view take_text(WireReader& input, std::size_t longest) {
  return input.text(std::min({std::size_t{input.u8()} * 16, longest, input.left()}));
}

AuditRecord record_of(WireReader& input) {
  AuditRecord record;
  record.pid = take_optional<pid_t>(input);
  record.uid = take_optional<uid_t>(input);
  record.gid = take_optional<gid_t>(input);
  record.request = requests.at(input.u8() % requests.size());
  record.object_number = take_optional<std::int32_t>(input);
  record.owner = take_optional<uid_t>(input);
  if (input.u8() % 2 != 0) record.mode = input.u32() & 07777U;
  record.is_unchanged = input.u8() % 2 != 0;
  record.outcome.verdict = static_cast<Verdict>(input.u8() % 4);
  const std::size_t rule = input.u8() % (protocol::rule_ids.size() + 1);
  record.outcome.rule = rule == 0 ? rule::none : protocol::rule_ids.at(rule - 1).data();
  record.outcome.code = input.i32();
  record.microseconds = input.i64();
  if (input.u8() % 4 == 0) record.late = HeaderChange{{1, 2, input.i64(), 4}, {-1, -1, 0, input.i64()}};
  record.comm = take_text(input, 63);
  if (input.u8() % 2 != 0) record.directory = take_text(input, 86);
  record.object = input.text(input.left());
  if (record.object.empty()) record.directory = {};
  if (!record.object.empty()) record.object_number.reset();
  return record;
}

std::string value_of(const LogFields& fields, std::string_view key) {
  const auto found = std::ranges::find(fields, key, &LogFields::value_type::first);
  return found == fields.end() ? "(none)" : found->second;
}

template <typename Number>
std::string text_or(const std::optional<Number>& number, const std::string& otherwise) {
  return number ? std::to_string(*number) : otherwise;
}

void check_line(const AuditRecord& record) {
  Lines log;
  FileAudit audit(log);
  const Ticket ticket = audit.record(record);
  require(log.lines.size() == 1, "a record is a line");
  require((log.importances[0] == Importance::change) == is_change(record) && (ticket != 0) == is_change(record),
          "a change is waited for");
  const auto entry = admin::parse_log_entry(log.lines[0]);
  require(entry && std::holds_alternative<admin::LogRecord>(entry->what), "of a request");
  const LogFields& fields = entry->fields;
  const auto& taken = std::get<admin::LogRecord>(entry->what);
  require(taken.pid == record.pid && taken.uid == record.uid && value_of(fields, "gid") == text_or(record.gid, "-"),
          "of who sent it");
  require(value_of(fields, "comm") == (record.comm.empty() ? "-" : record.comm), "whatever that calls itself");
  require(taken.request == record.request && taken.rule == record.outcome.rule &&
              taken.verdict == verdict_name(record.outcome.verdict) && taken.is_late == record.late.has_value(),
          "of what came of it");
  require(value_of(fields, "us") == std::to_string(record.microseconds), "and how long it took");

  const std::string object = object_path(record);
  const std::string shown = value_of(fields, "obj");
  const bool is_whole = value_of(fields, "objlen") == "(none)";
  if (object.empty()) {
    require(is_whole && shown == text_or(record.object_number, "-"), "a number");
  } else {
    require(object.starts_with(shown) && (is_whole ? shown == object : shown.size() == 256), "the object");
    require(is_whole || value_of(fields, "objlen") == std::to_string(object.size()), "or how long it is");
    require(is_whole || record.outcome.verdict != Verdict::done, "whole where something was done");
  }
}

std::vector<std::string> heard(SystemLog& log, const AuditRecord& record) {
  (void)log.audit.record(record);
  return log.listener.take();
}

void check_journal(const AuditRecord& record) {
  static SystemLog log(true);
  const auto messages = heard(log, record);
  require(messages.size() <= 1, "a message, or none");
  if (record.outcome.verdict == Verdict::refused) require(messages.size() == 1, "of what was refused one");
  if (messages.empty()) return;
  const auto fields = parse_journal_entry(messages[0]);
  require(fields.has_value(), "an entry of the journal's form");
  require(is_printable_line(value_of(*fields, "MESSAGE")), "with a printable message");
  for (const auto& field : *fields) {
    require(std::ranges::count(*fields, field.first, &JournalFields::value_type::first) == 1, "each field once");
  }
  require(value_of(*fields, "SECSHR_COMM") == (record.comm.empty() ? "(none)" : record.comm), "the name as it is");
  const std::string object = object_path(record);
  require(value_of(*fields, "SECSHR_OBJ") == (object.empty() ? text_or(record.object_number, "(none)") : object),
          "the object as it is");
  require(value_of(*fields, "SECSHR_UID") == text_or(record.uid, "(none)"), "the kernel's word");
}

void check_system_log(const AuditRecord& record) {
  static SystemLog log(false);
  for (const std::string& message : heard(log, record)) {
    require(is_printable_line(message) && message.size() < 2048, "one printable line that every daemon takes");
    require(message.starts_with("<14>GTM-SECSHR[" + std::to_string(::getpid()) + "]: %GTM-"), "of ours");
  }
  for (const std::string_view name : {"started", "ended", "late-write", "none-of-these"}) {
    log.audit.event(name, record.object);
    for (const std::string& message : log.listener.take()) {
      require(is_printable_line(message) && message.size() < 2048, "so is an event");
    }
  }
}

void check_events(const AuditRecord& record) {
  Lines log;
  FileAudit audit(log);
  audit.event("started", record.object);
  audit.summary({"withheld", 1001U, 3, "hdr.read 2 failed 1"});
  audit.summary({"withheld", std::nullopt, 3, "other uids: hdr.read 3"});
  audit.summary({"served", std::nullopt, 3, "wake 3"});
  require(log.lines.size() == 4, "events are lines");
  for (const std::string& line : log.lines) {
    const auto entry = admin::parse_log_entry(line);
    require(entry && std::holds_alternative<admin::LogEvent>(entry->what), "that are known for what they are");
  }
  const auto detail = parse_log_line(log.lines[0]);
  const std::string shown = detail ? value_of(*detail, "detail") : "";
  require(record.object.empty() ? shown == "(none)" : record.object.starts_with(shown), "with what they say");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  WireReader input(bytes_of(data, size));
  const AuditRecord record = record_of(input);
  check_line(record);
  check_events(record);
  check_journal(record);
  check_system_log(record);
  return 0;
}
