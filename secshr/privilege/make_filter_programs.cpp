// Run when secshr is built: writes filter_programs.h, the kernel's programs of all tables, to where its argument
// says.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <span>

#include "secshr/privilege/compile_filter.h"
#include "secshr/privilege/confined.h"
#include "secshr/privilege/syscall_policy.h"

namespace secshr {
namespace {

struct Named {
  const char* name;
  Confined process;
};
constexpr Named all_confined[] = {{"broker", Confined::broker},
                                  {"looker", Confined::looker},
                                  {"writer", Confined::writer},
                                  {"recorder", Confined::recorder},
                                  {"looker_supervisor", Confined::looker_supervisor},
                                  {"writer_supervisor", Confined::writer_supervisor},
                                  {"recorder_supervisor", Confined::recorder_supervisor},
                                  {"watcher", Confined::watcher}};

void write_program(std::ostream& out, const char* name, const FilterProgram& program) {
  out << "inline constexpr sock_filter " << name << "_program[] = {\n";
  for (const sock_filter& step : program) {
    out << "    {" << step.code << ", " << unsigned{step.jt} << ", " << unsigned{step.jf} << ", " << step.k
        << "U},\n";
  }
  out << "};\n";
}

// By the enumerators' names: a process without a program does not compile.
void write_choice(std::ostream& out) {
  out << "[[nodiscard]] constexpr std::span<const sock_filter> allowing(Confined process) noexcept {\n"
         "  switch (process) {\n";
  for (const auto& [name, process] : all_confined) {
    out << "    case Confined::" << name << ":\n      return " << name << "_program;\n";
  }
  out << "  }\n  return {};\n}\n"
         "[[nodiscard]] constexpr std::span<const sock_filter> killing(ActingAsRoot root) noexcept {\n"
         "  if (root == ActingAsRoot::allowed) return fatal_but_acting_as_root_program;\n"
         "  return fatal_program;\n}\n";
}

// 0, or a positive errno value.
int write_all(std::ostream& out) {
  out << "// Made from secshr/privilege/syscall_policy.cpp.\n#pragma once\n\n#include <linux/filter.h>\n\n"
         "#include <span>\n\n#include \"secshr/privilege/act_as.h\"\n#include \"secshr/privilege/confined.h\"\n\n"
         "namespace secshr::filter_programs {\n\n";
  for (const auto& [name, process] : all_confined) {
    const auto program = compile_allowing(allowed_calls(process), pid_to_be_put_in);
    if (!program) return program.error();
    write_program(out, name, *program);
  }
  const auto fatal = compile_killing(fatal_calls(ActingAsRoot::refused));
  if (!fatal) return fatal.error();
  write_program(out, "fatal", *fatal);
  const auto fewer = compile_killing(fatal_calls(ActingAsRoot::allowed));
  if (!fewer) return fewer.error();
  write_program(out, "fatal_but_acting_as_root", *fewer);
  write_choice(out);
  out << "\n}  // namespace secshr::filter_programs\n";
  return 0;
}

}  // namespace
}  // namespace secshr

int main(int argc, char** argv) {
  const std::span arguments(argv, static_cast<std::size_t>(argc));
  if (arguments.size() != 2) {
    (void)std::fputs("usage: make_filter_programs FILE\n", stderr);
    return EXIT_FAILURE;
  }
  std::ofstream out(arguments[1]);
  const int error = secshr::write_all(out);
  out.flush();
  if (error == 0 && out) return EXIT_SUCCESS;
  (void)std::fprintf(stderr, "make_filter_programs: %s: error %d\n", arguments[1], error);
  return EXIT_FAILURE;
}
