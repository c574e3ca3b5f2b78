// How long a client waits for its first answer where nothing runs: through the library, or as stock clients do it,
// whose half second of sleep counts for them.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <exception>
#include <iostream>
#include <memory>

#include "bench/crowd.h"
#include "bench/work.h"
#include "client/include/secshr.h"

namespace secshr::bench {
namespace {

struct Options {
  std::string kind;
  std::string wrapper;
  std::string installation;
  std::string release;
  WorkPlace place;
};

// From the call on; the handle is what a program opens at its own start.
std::optional<Duration> ask_by_library(const Options& options, Part& part) {
  secshr_options wanted{};
  wanted.size = sizeof wanted;
  wanted.profile = "gtm";
  wanted.installation = options.installation.c_str();
  wanted.release = options.release.c_str();
  wanted.directory = options.place.directory.c_str();
  secshr_t* handle = nullptr;
  if (secshr_open(&handle, &wanted) != 0) fail("secshr_open");
  const std::unique_ptr<secshr_t, decltype(&secshr_close)> owned(handle, secshr_close);
  part.start_together();
  const auto began = Clock::now();
  if (secshr_ping(handle) != 0) {
    std::cerr << secshr_explain() << '\n';
    return std::nullopt;
  }
  return Clock::now() - began;
}

bool run_wrapper(const std::string& wrapper) {
  const pid_t child = ::fork();
  if (child == 0) {
    (void)::execl(wrapper.c_str(), wrapper.c_str(), static_cast<char*>(nullptr));
    std::_Exit(127);
  }
  int status = -1;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

std::optional<Duration> ask_as_stock(const Options& options, Part& part) {
  ClientSocket socket(options.place.directory);
  part.start_together();
  const auto began = Clock::now();
  for (int attempt = 0; attempt < 5; ++attempt) {
    const int error = socket.send(options.place.server, protocol::ContinueProcess{::getpid()});
    if (error == 0) {
      if (socket.receive() != 0) return std::nullopt;
      return Clock::now() - began;
    }
    if (error != ENOENT && error != ECONNREFUSED) return std::nullopt;
    if (!run_wrapper(options.wrapper)) return std::nullopt;
    (void)::usleep(500'000);
  }
  return std::nullopt;
}

int run(int argc, char** argv) {
  CLI::App app("first answers where nothing runs");
  Options options;
  Extent extent{1, {}, 1};
  app.add_option("kind", options.kind, "library or stock")->required()->check(CLI::IsMember({"library", "stock"}));
  app.add_option("--server", options.place.server.path, "stock: the server's socket");
  app.add_option("--key", options.place.server.communication_key, "stock: the communication key");
  app.add_option("--directory", options.place.directory, "where sockets are")->required();
  app.add_option("--wrapper", options.wrapper, "stock: what starts a server");
  app.add_option("--installation", options.installation, "library: the adopted directory");
  app.add_option("--release", options.release, "library: of the installation");
  app.add_option("--clients", extent.processes)->check(CLI::Range(1, 2000));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  const Measured measured = run_crowd(extent, [&](std::size_t, Part& part) {
    part.note(options.kind == "library" ? ask_by_library(options, part) : ask_as_stock(options, part));
  });
  print(measured);
  return measured.failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace secshr::bench

int main(int argc, char** argv) {
  try {
    return secshr::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "first_answer: " << error.what() << '\n';
    return 2;
  }
}
