// The figures of docs/assurance.md: what each process holds, as the kernel shows it and as the tables say. They are
// printed, and the document must have them.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "secshr/privilege/syscall_policy.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/process_state.h"
#include "wrapper/handoff.h"

namespace secshr::test {
namespace {

struct Figures {
  std::string name;
  pid_t pid;
  Confined process;
};

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

unsigned capabilities_in(const std::string& mask) {
  return static_cast<unsigned>(std::popcount(std::stoull(mask, nullptr, 16)));
}

std::size_t calls_of(Confined process) {
  std::set<int> numbers;
  for (const SyscallRow& row : allowed_calls(process)) numbers.insert(row.number);
  return numbers.size();
}

// Whose arguments are looked at wherever they are allowed.
std::size_t checked_calls_of(Confined process) {
  std::set<int> checked;
  std::set<int> unchecked;
  for (const SyscallRow& row : allowed_calls(process)) {
    (row.is_unconditional() ? unchecked : checked).insert(row.number);
  }
  return static_cast<std::size_t>(
      std::ranges::count_if(checked, [&](int number) { return !unchecked.contains(number); }));
}

std::size_t libraries_of(pid_t pid) {
  std::set<std::string> libraries;
  std::istringstream maps(read_file("/proc/" + std::to_string(pid) + "/maps"));
  for (std::string line; std::getline(maps, line);) {
    const auto path = line.find('/');
    if (path != std::string::npos && line.contains(".so")) libraries.insert(line.substr(path));
  }
  return libraries.size();
}

// Before there is a private world, which has directories of its own at the sources' place, be that below /tmp.
const std::string document = text_of(ASSURANCE_DOCUMENT);

class AttackSurface : public BrokerTest {};

TEST_F(AttackSurface, is_what_the_document_says) {
  (void)serve();
  const BrokerProcesses found = wait_for_processes();
  ASSERT_TRUE(found.complete());
  // Nothing of a start is open any more, and the workers have closed what is their supervisor's.
  const auto are_at_rest = [&] {
    return !descriptors_of(found.brokers.at(0)).contains(readiness_descriptor) &&
           std::ranges::all_of(found.lookers, [](pid_t pid) { return descriptors_of(pid).size() == 4; }) &&
           std::ranges::all_of(found.writers, [](pid_t pid) { return descriptors_of(pid).size() == 4; });
  };
  EXPECT_TRUE(eventually(are_at_rest));
  const Figures rows[] = {
      {"broker", found.brokers.at(0), Confined::broker},
      {"looker", found.lookers.at(0), Confined::looker},
      {"its supervisor", found.looker_supervisors.at(0), Confined::looker_supervisor},
      {"writer", found.writers.at(0), Confined::writer},
      {"its supervisor", found.writer_supervisors.at(0), Confined::writer_supervisor},
      {"recorder", found.recorders.at(0), Confined::recorder},
      {"its supervisor", found.recorder_supervisors.at(0), Confined::recorder_supervisor},
  };
  for (const auto& [name, pid, process] : rows) {
    const ProcessStatus status = status_of(pid);
    const std::string line =
        fmt::format("| {} | {} | {} | {} | {} | {} | {} |", name, capabilities_in(status.at("CapPrm")),
                    capabilities_in(status.at("CapEff")), calls_of(process), checked_calls_of(process),
                    libraries_of(pid), descriptors_of(pid).size());
    std::cout << line << '\n';
    EXPECT_EQ(capabilities_in(status.at("CapEff")), 0U) << name;
    // Sanitizers bring libraries and calls of their own.
    EXPECT_TRUE(is_sanitized || document.contains(line)) << line;
  }
  // It is there after a takeover only, and reads nothing.
  const std::string watcher =
      fmt::format("| watcher | 1 | 0 | {} | {} |", calls_of(Confined::watcher), checked_calls_of(Confined::watcher));
  std::cout << watcher << '\n';
  EXPECT_TRUE(is_sanitized || document.contains(watcher)) << watcher;
}

}  // namespace
}  // namespace secshr::test
