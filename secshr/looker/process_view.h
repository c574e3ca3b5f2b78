// What /proc shows of one process, read with whatever identity is in force: its directory, status, start time
// and maps.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "secshr/limits.h"
#include "secshr/looker/look_message.h"
#include "secshr/looker/proc_maps.h"
#include "secshr/looker/proc_status.h"
#include "system/descriptor.h"
#include "system/read_lines.h"

namespace secshr {

// Buffers of one worker, allocated once and not touched before they are used: zeroing them took a start longer than
// all else the lookers do in it.
class Buffers {
 public:
  [[nodiscard]] std::span<char> text() const noexcept { return {text_.get(), limits::proc_status_size}; }
  [[nodiscard]] std::span<gid_t> groups() const noexcept { return {groups_.get(), limits::supplementary_groups}; }

 private:
  std::unique_ptr<char[]> text_ = std::make_unique_for_overwrite<char[]>(limits::proc_status_size);
  std::unique_ptr<gid_t[]> groups_ = std::make_unique_for_overwrite<gid_t[]>(limits::supplementary_groups);
};

// Never a controlling terminal, never inherited.
[[nodiscard]] Descriptor open_in(int directory, const char* name, int flags) noexcept;

// /proc/<pid>; invalid where there is none, or where /proc hides it.
[[nodiscard]] Descriptor open_process_directory(pid_t pid) noexcept;

// All of its status in one read; its groups go to the buffers. The name is a view into them.
[[nodiscard]] std::optional<ProcStatus> read_status(int process, Buffers& buffers) noexcept;

// When it started; nothing where that cannot be read.
[[nodiscard]] std::optional<std::uint64_t> read_start_ticks(int process) noexcept;

// Whether all four uids and gids are these.
[[nodiscard]] bool is_only(const ProcStatus& status, uid_t uid, gid_t gid) noexcept;

// Whether a line of the process's maps is what `wanted` looks for.
template <typename Wanted>
[[nodiscard]] bool maps_any(int process, Buffers& buffers, Wanted wanted) noexcept {
  const Descriptor maps = open_in(process, "maps", O_RDONLY);
  return maps && any_line(maps.get(), buffers.text(), [&](std::string_view line) {
           const auto mapping = parse_maps_line(line);
           return mapping && wanted(*mapping);
         });
}

}  // namespace secshr
