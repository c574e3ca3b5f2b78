#include "admin/leftovers/reap_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "admin/style.h"
#include "secshr/audit/logfmt.h"

namespace secshr::admin {
namespace {

std::string_view action_of(const SocketFile& socket, Reap reap) {
  if (!is_left_over(socket.verdict)) return "leave";
  if (reap == Reap::look) return "remove";
  return socket.removed ? "removed" : "failed";
}

std::string_view action_words(std::string_view action) {
  if (action == "leave") return "leaves";
  if (action == "remove") return "would remove";
  if (action == "failed") return "could not remove";
  return action;
}

Colour colour_of(std::string_view action) {
  if (action == "leave") return Colour::faint;
  if (action == "remove") return Colour::warning;
  return action == "removed" ? Colour::good : Colour::bad;
}

struct Counts {
  std::size_t left_over = 0;
  std::size_t removed = 0;
  std::size_t faulty_directories = 0;
};
Counts count(const std::vector<ReapedDirectory>& directories) {
  Counts counts;
  for (const ReapedDirectory& directory : directories) {
    const bool expected_only = directory.is_missing && directory.origin != "given";
    if (!directory.fault.empty() && !expected_only) ++counts.faulty_directories;
    for (const SocketFile& socket : directory.sockets) {
      if (is_left_over(socket.verdict)) ++counts.left_over;
      if (socket.removed) ++counts.removed;
    }
  }
  return counts;
}

std::string summary(const Counts& counts, Reap reap) {
  const std::string_view files = counts.left_over == 1 ? "socket is" : "sockets are";
  if (counts.left_over == 0) return "Nothing is left over.\n";
  if (reap == Reap::look) {
    return fmt::format("{} {} left over; nothing was removed. To remove: secshrctl reap --do\n", counts.left_over,
                       files);
  }
  return fmt::format("{} of {} removed.\n", counts.removed, counts.left_over);
}

void append_sockets(std::string& text, const ReapedDirectory& directory, Reap reap) {
  std::size_t widest = 0;
  for (const SocketFile& socket : directory.sockets) widest = std::max(widest, log_value(socket.name).size());
  for (const SocketFile& socket : directory.sockets) {
    const std::string_view action = action_of(socket, reap);
    fmt::format_to(std::back_inserter(text), "  {}  {:<{}}  {}\n",
                   coloured(fmt::format("{:<16}", action_words(action)), colour_of(action)), log_value(socket.name),
                   widest, explain(socket));
  }
}

}  // namespace

std::string_view ident_of(SocketVerdict verdict) {
  switch (verdict) {
    case SocketVerdict::dead_process:
      return "dead-process";
    case SocketVerdict::dead_server:
      return "dead-server";
    case SocketVerdict::live_process:
      return "live-process";
    case SocketVerdict::bound:
      return "bound";
    case SocketVerdict::adopted_server:
      return "adopted-server";
    case SocketVerdict::just_made:
      return "just-made";
    case SocketVerdict::not_a_socket:
      return "not-a-socket";
    case SocketVerdict::not_a_name:
      return "not-a-name";
    case SocketVerdict::undecided:
      return "undecided";
  }
  return "undecided";
}

std::string explain(const SocketFile& socket) {
  switch (socket.verdict) {
    case SocketVerdict::dead_process: {
      const std::string why = fmt::format("process {} has ended, and nobody is bound to it", socket.pid);
      return socket.fault.empty() ? why : fmt::format("{}; but: {}", why, socket.fault);
    }
    case SocketVerdict::dead_server: {
      const std::string why = "nobody is bound to it, and it is no adopted installation's server socket";
      return socket.fault.empty() ? why : fmt::format("{}; but: {}", why, socket.fault);
    }
    case SocketVerdict::live_process:
      return socket.process.empty() ? fmt::format("process {} lives", socket.pid)
                                    : fmt::format("process {} ({}) lives", socket.pid, socket.process);
    case SocketVerdict::bound:
      return "somebody is bound to it";
    case SocketVerdict::adopted_server:
      return "keeps an adopted installation's name from others until its next broker takes it";
    case SocketVerdict::just_made:
      return "was made just now, and may be about to be bound; look again in some seconds";
    case SocketVerdict::not_a_socket:
      return "is no socket";
    case SocketVerdict::not_a_name:
      return "is not the name of a client's or a server's socket";
    case SocketVerdict::undecided:
      break;
  }
  return fmt::format("cannot be judged: {}", socket.fault);
}

std::string reap_text(const std::vector<ReapedDirectory>& directories, Reap reap) {
  std::string text;
  for (const ReapedDirectory& directory : directories) {
    fmt::format_to(std::back_inserter(text), "{} ({})\n", log_value(directory.path), directory.origin);
    if (!directory.fault.empty()) {
      fmt::format_to(std::back_inserter(text), "  is not looked at: {}\n", directory.fault);
    }
    append_sockets(text, directory, reap);
  }
  return text + summary(count(directories), reap);
}

std::string reap_json(const std::vector<ReapedDirectory>& directories, Reap reap) {
  const Counts counts = count(directories);
  nlohmann::ordered_json json{{"dry_run", reap == Reap::look},
                              {"left_over", counts.left_over},
                              {"removed", counts.removed},
                              {"directories", nlohmann::ordered_json::array()}};
  for (const ReapedDirectory& directory : directories) {
    nlohmann::ordered_json each{{"directory", directory.path},
                                {"origin", directory.origin},
                                {"fault", nullptr},
                                {"sockets", nlohmann::ordered_json::array()}};
    if (!directory.fault.empty()) each["fault"] = directory.fault;
    for (const SocketFile& socket : directory.sockets) {
      nlohmann::ordered_json file{{"name", socket.name},
                                  {"owner", nullptr},
                                  {"pid", nullptr},
                                  {"action", action_of(socket, reap)},
                                  {"reason", ident_of(socket.verdict)},
                                  {"explanation", explain(socket)}};
      if (socket.owner) file["owner"] = *socket.owner;
      if (socket.pid != 0) file["pid"] = socket.pid;
      each["sockets"].push_back(std::move(file));
    }
    json["directories"].push_back(std::move(each));
  }
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

ExitStatus reap_status(const std::vector<ReapedDirectory>& directories, Reap reap) {
  const Counts counts = count(directories);
  if (counts.faulty_directories > 0) return ExitStatus::error;
  const std::size_t still_there = reap == Reap::look ? counts.left_over : counts.left_over - counts.removed;
  return still_there == 0 ? ExitStatus::fine : ExitStatus::findings;
}

}  // namespace secshr::admin
