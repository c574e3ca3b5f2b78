/* libsecshr: what a process of a multi-process program may do to objects whose contents it reaches and that others
 * own: wake and continue processes, remove System V objects and leftover socket files, write IPC ids into a database
 * header.
 *
 * Each function first does it itself, by the plain system call. Only where that is not permitted (EPERM, EACCES) it
 * asks the broker, which decides by the rules of secshr's threat model. Where nobody serves, the installation's
 * set-user-ID wrapper is run, once, and its end is waited for: nothing here sleeps.
 *
 * Results: 0, or a negative errno value; secshr_explain() says more. Besides those of the plain calls:
 *   -EPERM, -EBUSY   a rule of the broker's refused it; -EPERM also where this process's real, effective and file
 *                    system user are not the same, as in a set-user-ID program: the broker cannot answer such a one
 *   -ETIMEDOUT       no answer in time, or the broker could not decide in time
 *   -ECONNREFUSED    nobody serves, and nobody could be started: secshr_explain() says what is wrong
 *   -EADDRINUSE      every name that a socket of this process may have is taken by files that it cannot remove
 *   -EPROTO          the broker serves another release
 *   -EOPNOTSUPP      the broker does not know this request
 *   -EINVAL          an argument that no call could succeed with; nothing was sent
 * Any other may also say that this process can have no socket in the handle's directory, -ENOENT, -EACCES and -EMFILE
 * for example; secshr_explain() tells which it was.
 *
 * Threads: all functions but secshr_close() may be called on one handle by any number of threads; questions to the
 * broker are asked one after the other, and who waits for its turn waits for the others' questions too. None is a
 * cancellation point. fork: a child may go on with its parent's handle, whatever its parent's threads were doing. Not
 * to be called in signal handlers, nor left by longjmp from one, nor called in a child of vfork. Interrupted calls go
 * on. No signal is handled, blocked beyond a call or raised but what is asked for; while the wrapper runs the process
 * has a child, whose end it can be told of by SIGCHLD as of any, and may take. Descriptors exist during a call only,
 * and no program that is executed meanwhile has them; a child that is forked meanwhile has, until it executes one.
 * Record locks (fcntl) on a file that a call opens stay. errno is changed. Nothing is printed. */
#ifndef SECSHR_H
#define SECSHR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct secshr_handle secshr_t;

/* What is NULL or 0 has its default. Strings are copied. */
struct secshr_options {
  size_t size; /* sizeof(struct secshr_options) of the caller, who knows what an earlier or later release has */
  const char* profile; /* "generic" (the default), "gtm" or "ydb" */
  /* The adopted directory, absolute; default: $secshr_dist, $gtm_dist, $ydb_dist, by profile. */
  const char* installation;
  const char* release; /* as it was adopted with, "application 1.2"; no default */
  /* Where the sockets are, absolute, at most 86 bytes; default: $secshr_tmp, $gtm_tmp, $ydb_tmp, by profile, and /tmp
   * where that is not set or no such path. It must be there, and the caller must be able to make files in it. */
  const char* directory;
  unsigned reply_timeout_ms; /* how long to wait for an answer each time; default 5000, at most an hour */
  unsigned attempts;         /* how often to ask; default 5, at most 1000 */
};

/* -E2BIG: an option that this release does not know is set. Asks nobody. *handle is set on success only, and is ended
 * by secshr_close(). The environment is looked at here and not later, and not at all in set-user-ID programs. */
int secshr_open(secshr_t** handle, const struct secshr_options* options);
void secshr_close(secshr_t* handle); /* NULL is allowed; not while another thread is in a call */

/* SIGALRM. A process of the caller's own that has no handler for it ends, as by kill(2). By the broker only to a
 * process of the installation that catches it. -ESRCH: there is no such process. */
int secshr_wake(secshr_t* handle, pid_t pid);
/* SIGCONT. By the broker only to a process of the installation. 0 also where the process has ended. */
int secshr_continue(secshr_t* handle, pid_t pid);

/* -EINVAL: there is no such object. 0 also where somebody else removed it meanwhile. A segment that the caller itself
 * owns goes though others are attached, at their detach: that is the plain call's way. */
int secshr_remove_semaphore(secshr_t* handle, int semid);
int secshr_remove_segment(secshr_t* handle, int shmid);

/* A socket file that nobody is bound to: -EBUSY where somebody is, or where it has the name of another process that
 * lives, -ENOTSOCK for other files. By the broker only a client's leftover in the directory of the handle. 0 also
 * where it went meanwhile. */
int secshr_remove_socket(secshr_t* handle, const char* path);

/* Bytes 512 to 535 of a GT.M or YottaDB database file. Times are sem_ctime and shm_ctime as IPC_STAT gives them. */
struct secshr_ids {
  int32_t semid;
  int32_t shmid;
  int64_t sem_ctime;
  int64_t shm_ctime;
};
#define SECSHR_CLOSED_IDS {-1, -1, 0, 0}
int secshr_flush_ids(secshr_t* handle, const char* path, const struct secshr_ids* ids);

/* Whether somebody serves, started if need be. */
int secshr_ping(secshr_t* handle);

/* About the calling thread's last call that failed: which rule refused it, or what was wrong, and what to do. Never
 * NULL; valid until the thread's next call. English, one line, for logs. */
const char* secshr_explain(void);

#ifdef __cplusplus
}
#endif

#endif
