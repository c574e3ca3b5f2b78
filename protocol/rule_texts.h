// What each rule is there for: to whoever was refused in a line, and to the administrator in full.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "protocol/rules.h"

namespace secshr::protocol {

struct RuleText {
  std::string_view rule;
  const char* refusal;           // what was wrong, and what to do: of one line
  std::string_view protects;     // from what, and whom
  std::string_view requirement;  // that a request must fulfil
  std::string_view remedy;       // for the administrator
};

// In the order of rule_ids.
inline constexpr std::array rule_texts{
    RuleText{
        "peer.pid",
        "the process is not the one that it says: ask from the process itself",
        "Others from a process that asks in their name.",
        "The pid in the message must be the one that the kernel tells of its sender.",
        "No stock client is refused by this, unless it runs in another pid namespace than the broker. Find out what "
        "the "
        "process is that the log names: by pid, uid and comm.",
    },
    RuleText{
        "peer.mixed",
        "real, effective, saved and file system ids must be the same, without capabilities, in a process that is "
        "dumpable",
        "Users from a program that acts for more than one of them, such as a setuid program that can be led to ask "
        "on its "
        "caller's behalf.",
        "Real, effective, saved and file system ids are the same, and the process may read its own /proc entry: it "
        "holds "
        "no capabilities, is dumpable, and is in no more than 4096 groups. Root is no client.",
        "Run the database's programs as ordinary users: without setuid or setgid bits, file capabilities, or a "
        "service "
        "manager's ambient capabilities. Root needs no broker.",
    },
    RuleText{
        "peer.namespace",
        "the process must be in the broker's pid and IPC namespaces, with ids that these know",
        "Objects and processes that have the same number in another namespace, as in containers.",
        "The sender has a pid and ids in the broker's own namespaces, and the same IPC namespace. Where it has none, "
        "it "
        "cannot even be answered.",
        "Serve each container by a broker of its own: have the wrapper executed inside it, and share no $gtm_tmp "
        "between "
        "containers.",
    },
    RuleText{
        "sem.alter",
        "this user has no alter permission on the set: who owns it must give it, or remove the set",
        "Semaphore sets of users who do not share them.",
        "The client itself may alter the set, by the kernel's own check of owner, creator, groups and mode.",
        "Compare uid, owner and mode in the log. Where the user should use this database: put them into the database "
        "file's group, and run mupip rundown as the set's owner. Otherwise it was refused for good reason.",
    },
    RuleText{
        "sem.lastop",
        "somebody else who lives operated on the set last: take it first, or wait until they are done",
        "Processes that use a set from a client that would remove it under them.",
        "The last to operate on member 0 of the set was the client, or nobody who lives. A set that none but root "
        "may "
        "read counts as in use.",
        "Mostly nothing: the set is in use, and the last one out removes it. secshrctl stranded lists sets whose "
        "users "
        "are all dead.",
    },
    RuleText{
        "shm.rw",
        "this user may not read and write the segment: who owns it must allow that, or remove it",
        "Shared memory of users who do not share it, and the blocks in it that are not in the database file yet.",
        "The client itself may read and write the segment, by the kernel's own check of owner, creator, groups and "
        "mode.",
        "Compare uid, owner and mode in the log. Where the user should use this database: put them into the database "
        "file's group, and run mupip rundown as the segment's owner. Otherwise it was refused for good reason.",
    },
    RuleText{
        "shm.attached",
        "somebody is attached to the segment: detach it everywhere first",
        "Processes that are attached to a database's segment, and others that could not find it any more.",
        "Nobody is attached to the segment.",
        "Mostly nothing: the segment is in use, and the last one out removes it. ipcs -m -p says who attached to it "
        "last.",
    },
    RuleText{
        "ipc.root",
        "root owns and made the object: root removes it, or sets allow_root_objects",
        "What root made for itself: to remove it the broker would have to act as root.",
        "Somebody other than root owns the object or has made it.",
        "Do not let root be the first to open a database. Remove what is left over with mupip rundown as root. Or "
        "set "
        "allow_root_objects in secshr.toml and run secshrctl reload: the broker then can become root for a moment.",
    },
    RuleText{
        "hdr.read",
        "this user cannot open the file for reading, or somebody holds a lease on it",
        "Database files of others from being written to for a user who may not even read them.",
        "The client itself can open the file for reading, by the path that it gave, and nobody holds a lease on it.",
        "Where the user should use this database: give them read permission on the file, and search permission on "
        "the "
        "directories above it.",
    },
    RuleText{
        "hdr.type",
        "the file is no database of a format that is known",
        "Files that are no databases: nothing is ever written into them.",
        "A regular file, not of /proc or /sys, that begins with the label of a database of a known format and byte "
        "order.",
        "Look at the file that the log names. Where it is a database, of a newer release perhaps, this release of "
        "secshr "
        "does not know its format: update secshr.",
    },
    RuleText{
        "hdr.ids",
        "the ids or times are not those of objects that are there, or not this user's to write",
        "Users of a database from being led to a segment that is somebody else's.",
        "Each object exists, with that time, and the client made it or the header names it already; a segment is put "
        "beside a set only by whoever holds or made that set.",
        "Mostly nothing: the objects are gone or were changed meanwhile, and the client begins anew. If it goes on: "
        "mupip rundown on the file, by a user who may write to it.",
    },
    RuleText{
        "hdr.live",
        "the header still names what lives, or somebody else is attached: leave that first",
        "Processes that have the database open: nobody else would find their semaphore set and segment any more.",
        "To open: the header names no other live object, and nobody is attached to an own segment that it would "
        "forget. "
        "To close: nobody else is attached, and the client holds or made the set that the header names.",
        "Mostly nothing: somebody has the database open. After a crash or a reboot: mupip rundown on the file.",
    },
    RuleText{
        "sock.name",
        "only leftover sockets of clients, in the directory that was asked through, are removed",
        "Every file that is no leftover socket, and clients from answers that are meant for others.",
        "The sender is bound to a socket with its own pid's name in the served directory. A file to be removed is a "
        "socket with the name of a client's, in the directory that the request came through.",
        "Look at the sender (pid, comm) and at the permissions of $gtm_tmp: a client whose reply cannot reach its "
        "socket "
        "is dropped with this rule, too.",
    },
    RuleText{
        "sock.live",
        "somebody is bound to the socket, or its process lives: it is no leftover",
        "Processes that still wait for replies at their sockets.",
        "Nobody is bound to the socket, and no other process that lives has the pid in its name.",
        "Mostly nothing: the file goes when its process has ended. secshrctl reap lists what is left over.",
    },
    RuleText{
        "sock.dir",
        "this user may not write to the directory",
        "Directories from having files taken away by those who may not change them.",
        "The client itself may write to the directory.",
        "$gtm_tmp is to be writable by its users, and sticky where these are not one: chmod 1777, as /tmp.",
    },
    RuleText{
        "proc.install",
        "the process runs nothing of the adopted installation, or is root's",
        "Processes that have nothing to do with the database from being signalled.",
        "The process lives, has a program or library of the adopted installation mapped, and is not root's, without "
        "capabilities, and dumpable.",
        "Where the process is one of the database's: it may run an installation that is not adopted, or programs "
        "that "
        "were replaced after the broker had started. For that: secshrctl reload.",
    },
    RuleText{
        "wake.caught",
        "the process has no handler for SIGALRM and would end",
        "Processes that SIGALRM would end, for they do not handle it.",
        "The process has a handler for SIGALRM.",
        "Nothing: it is starting, ending, or executes another program now. If it goes on, look what the process is.",
    },
    RuleText{
        "rate.uid",
        "this user asks too much at once: ask again in some tenths of a second",
        "All other users from one who asks too much, or is refused again and again.",
        "Not more requests of one uid a second, and not more of them waiting at a time, than are allowed, and no "
        "long "
        "series of refusals.",
        "secshrctl audit --summary --uid UID says what the user asks. Where that is their work: raise "
        "requests_per_second_per_uid or refusals_per_second_per_uid in the table [restrict] of secshr.toml, and run "
        "secshrctl reload.",
    },
    RuleText{
        "cfg.off",
        "the administrator does not serve this request to this user ([restrict])",
        "Whatever the administrator has decided not to serve.",
        "The table [restrict] serves this request to everybody, or to a group that the client is a member of.",
        "Where it should be served: change the table [restrict] of secshr.toml, and run secshrctl reload. A user who "
        "was "
        "put into a group is a member from the next login on.",
    },
    RuleText{
        "lockdown",
        "the administrator has stopped this kind of request",
        "The machine, while the administrator finds out what is going on.",
        "No lockdown, or a client in the administrator's group.",
        "secshrctl lockdown off, when the reason for it is gone.",
    },
};
static_assert(std::ranges::equal(rule_texts, rule_ids, {}, &RuleText::rule));

// None of a rule of another release.
[[nodiscard]] constexpr const RuleText* find_rule_text(std::string_view rule) noexcept {
  const auto* const found = std::ranges::find(rule_texts, rule, &RuleText::rule);
  return found == rule_texts.end() ? nullptr : found;
}

}  // namespace secshr::protocol
