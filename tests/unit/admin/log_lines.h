// Lines of the audit log, for the tests of what reads it.
#pragma once

#include <string>

namespace secshr::admin {

struct LineOf {
  std::string ts = "2026-11-22T10:00:00.000001Z";
  std::string seq = "1";
  std::string pid = "4711";
  std::string uid = "71001";
  std::string gid = "72001";
  std::string comm = "mumps";
  std::string req = "remove-semaphore-set";
  std::string obj = "32769";
  const char* objlen = "";
  std::string owner = "71002";
  std::string mode = "0600";
  std::string verdict = "done";
  std::string rule = "-";
  std::string code = "0";
  std::string us = "130";
  const char* behind = "";

  [[nodiscard]] std::string text() const {
    return "ts=" + ts + " seq=" + seq + " pid=" + pid + " uid=" + uid + " gid=" + gid + " comm=" + comm +
           " req=" + req + " obj=" + obj + objlen + " owner=" + owner + " mode=" + mode + " verdict=" + verdict +
           " rule=" + rule + " errno=" + code + " us=" + us + behind;
  }
};

inline std::string event_line(const std::string& rest, const std::string& ts = "2026-11-22T10:00:00.000001Z") {
  return "ts=" + ts + " seq=1 event=" + rest;
}

}  // namespace secshr::admin
