// The load of a measurement: clients in a closed loop, each of which asks as soon as it has its answer. Lies inside
// the adopted installation, so that each client may have itself continued.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "bench/crowd.h"
#include "bench/work.h"

namespace secshr::bench {
namespace {

int run(int argc, char** argv) {
  CLI::App app("clients in a closed loop");
  std::string kind;
  std::string databases;
  WorkPlace place;
  Extent extent;
  std::int64_t milliseconds = 0;
  bool stays = false;
  app.add_option("kind", kind, "continue, one-shot, remove-segment, remove-set or flush")->required();
  app.add_option("--server", place.server.path, "the server's socket")->required();
  app.add_option("--key", place.server.communication_key, "the communication key")->required();
  app.add_option("--directory", place.directory, "where the clients' sockets are")->required();
  app.add_option("--databases", databases, "flush: what is before the number of each client's database");
  app.add_option("--clients", extent.processes)->check(CLI::Range(1, 2000));
  app.add_option("--milliseconds", milliseconds);
  app.add_option("--times", extent.times, "instead of a time: so many requests of each client");
  app.add_flag("--stay", stays, "afterwards the clients live on, until somebody ends this process");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  extent.time = std::chrono::milliseconds(milliseconds);
  const Measured measured = run_crowd(extent, [&](std::size_t index, Part& part) {
    WorkPlace own = place;
    own.database = databases + std::to_string(index);
    const auto work = make_work(kind, own);
    if (!work) {
      std::cerr << "no such work: " << kind << '\n';
      std::_Exit(2);
    }
    part.start_together();
    while (!part.done()) part.note(work->ask());
    if (stays) (void)::pause();
  });
  print(measured);
  return measured.failures == 0 && !measured.latencies.empty() ? 0 : 1;
}

}  // namespace
}  // namespace secshr::bench

int main(int argc, char** argv) {
  try {
    return secshr::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "load: " << error.what() << '\n';
    return 2;
  }
}
