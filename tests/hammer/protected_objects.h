// What none of the hostile users may have changed, of every kind that a request can be about: nothing of it may ever
// happen to it.
#pragma once

#include <list>
#include <map>
#include <string>
#include <vector>

#include "system/descriptor.h"
#include "tests/hammer/accounting.h"
#include "tests/hammer/battlefield.h"
#include "tests/hammer/good_client.h"

namespace secshr::test {

class ProtectedObjects {
 public:
  ProtectedObjects(GoodClient& good, Accounting& accounting, const std::string& program,
                   const std::string& other_program);

  // So that they are asked for.
  void tell(Battlefield& field) const;
  // Fails the running test where anything is not as it was. That of the System V objects and names is the
  // accounting's.
  void expect_untouched() const;
  [[nodiscard]] const std::vector<pid_t>& processes() const { return processes_; }

 private:
  void make_objects(GoodClient& good, Accounting& accounting);
  void make_names(GoodClient& good, Accounting& accounting);
  void make_databases(GoodClient& good);
  void make_processes(const std::string& program, const std::string& other_program);
  void keep(const std::string& path);

  std::vector<int> sets_;
  std::vector<int> segments_;
  std::vector<std::string> names_;
  std::list<std::string> paths_;  // of the requests, which only refer to them
  std::vector<Descriptor> bound_;
  std::map<std::string, FileState> files_;
  std::map<std::string, ino_t> inodes_;
  std::vector<pid_t> processes_;
};

}  // namespace secshr::test
