/* The order of things, so that a process can be killed between any two of them:
 *
 * - The door, a lock on the file, is held while somebody comes in or leaves. The kernel opens it when its holder
 * dies.
 * - Who is in is attached to the segment, and the kernel counts these. With nobody attached, whatever there is was
 * left by the dead: it is removed, and made again from the file.
 * - Semaphore 0 guards the contents. The kernel gives it back (SEM_UNDO) when its holder dies; `dirty` then says that
 *   it died within a change, and the segment is filled from the file again.
 * - A change is appended to the file first. A record counts when it is there whole, with the right checksum. */
#define _GNU_SOURCE
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "leftover_sockets.h"

enum { CONTENTS, FIRST_WAITING, WAITING = 16, SEMAPHORES = FIRST_WAITING + WAITING };

/* What the file consists of. */
struct record {
  struct entry entry;
  uint32_t checksum;
};

struct table {
  atomic_int dirty; /* somebody is in the midst of a change */
  uint64_t end;     /* of the file's records that count */
  uint32_t count;
  struct entry entries[MAXIMUM_KEYS];
};

static int failed(const char* what) {
  fprintf(stderr, "kvstore: %s: %s\n", what, strerror(errno));
  return -1;
}

static int refused(const char* what) {
  fprintf(stderr, "kvstore: %s: %s\n", what, secshr_explain());
  return -1;
}

/* --- The file --- */

/* FNV-1a. */
static uint32_t checksum_of(const struct entry* entry) {
  const unsigned char* byte = (const unsigned char*)entry;
  uint32_t sum = 2166136261U;
  for (size_t each = 0; each < sizeof *entry; ++each) sum = (sum ^ byte[each]) * 16777619U;
  return sum;
}

static struct entry* find(struct table* table, const char* key) {
  for (uint32_t each = 0; each < table->count; ++each) {
    if (strcmp(table->entries[each].key, key) == 0) return &table->entries[each];
  }
  return NULL;
}

static int apply(struct table* table, const struct entry* entry) {
  struct entry* place = find(table, entry->key);
  if (place == NULL) {
    if (table->count == MAXIMUM_KEYS) return -1;
    place = &table->entries[table->count++];
  }
  *place = *entry;
  return 0;
}

/* The table as the file says it. What follows the last whole record is overwritten by the next one. */
static int load(struct store* store) {
  struct table* table = store->table;
  struct record record;
  ssize_t size;
  atomic_store(&table->dirty, 1);
  table->end = 0;
  table->count = 0;
  while ((size = pread(store->file, &record, sizeof record, (off_t)table->end)) == (ssize_t)sizeof record) {
    if (record.checksum != checksum_of(&record.entry) || apply(table, &record.entry) != 0) break;
    table->end += sizeof record;
  }
  if (size < 0) return failed("the file cannot be read");
  atomic_store(&table->dirty, 0);
  return 0;
}

/* --- Segment and set --- */

/* The id, or -1 where there is none. A name is anybody's to take: what was not made by the store's group for the
 * store's group is not touched. (The creator's gid is the one that nobody can give away.) */
static int find_segment(key_t key, gid_t group, struct shmid_ds* facts) {
  const int id = shmget(key, 0, 0);
  if (id < 0 || shmctl(id, IPC_STAT, facts) != 0) return -1;
  if (facts->shm_perm.cgid == group && (facts->shm_perm.mode & 0777) == 0660 &&
      facts->shm_segsz == sizeof(struct table)) {
    return id;
  }
  errno = EPERM;
  return -1;
}

static int find_set(key_t key, gid_t group) {
  struct semid_ds facts;
  const int id = semget(key, 0, 0);
  if (id < 0 || semctl(id, 0, IPC_STAT, &facts) != 0) return -1;
  if (facts.sem_perm.cgid == group && (facts.sem_perm.mode & 0777) == 0660 && facts.sem_nsems == SEMAPHORES) {
    return id;
  }
  errno = EPERM;
  return -1;
}

static int operate(int semid, struct sembuf* operations, size_t count) {
  while (semop(semid, operations, count) != 0) {
    if (errno != EINTR) return -1;
  }
  return 0;
}

/* 0 is free. */
static int take(int semid, int semaphore, int flags) {
  const unsigned short number = (unsigned short)semaphore;
  struct sembuf operations[] = {{number, 0, (short)flags}, {number, 1, SEM_UNDO}};
  return operate(semid, operations, 2);
}

static int give_back(int semid, int semaphore) {
  struct sembuf operation = {(unsigned short)semaphore, -1, SEM_UNDO};
  return operate(semid, &operation, 1);
}

/* Nobody is attached, and the door is shut. Where this process is killed before it is done, the next one goes on. */
static int remove_both(secshr_t* secshr, int shmid, int semid) {
  if (semid >= 0) {
    /* For the rule sem.lastop: the last operation on semaphore 0 must be ours. It is free, or will be at once: of one
     * who is killed, the kernel gives back the segment first and the semaphores then. */
    if (take(semid, CONTENTS, 0) != 0) return failed("the set that is to be removed cannot be taken");
    if (secshr_remove_semaphore(secshr, semid) != 0) return refused("the set cannot be removed");
  }
  /* Only with nobody attached: where this user made it, it would go under the others. */
  if (shmid >= 0 && secshr_remove_segment(secshr, shmid) != 0) return refused("the segment cannot be removed");
  return 0;
}

static int attach(struct store* store) {
  void* const place = shmat(store->shmid, NULL, 0);
  if (place == (void*)-1) return failed("the segment cannot be attached");
  store->table = place;
  return 0;
}

static int make_both(struct store* store, key_t key) {
  /* A set is made with all of its semaphores 0, which is free here: there is nothing to be set first. */
  store->semid = semget(key, SEMAPHORES, IPC_CREAT | IPC_EXCL | 0660);
  if (store->semid < 0) return failed("no semaphore set can be made");
  store->shmid = shmget(key, sizeof(struct table), IPC_CREAT | IPC_EXCL | 0660);
  if (store->shmid < 0) return failed("no segment can be made");
  if (attach(store) != 0) return -1;
  return load(store);
}

static int come_in(struct store* store, key_t key, gid_t group) {
  struct shmid_ds facts;
  store->shmid = find_segment(key, group, &facts);
  if (store->shmid < 0 && errno != ENOENT) return failed("the segment that is there is not the store's");
  store->semid = find_set(key, group);
  if (store->semid < 0 && errno != ENOENT) return failed("the semaphore set that is there is not the store's");
  if (store->shmid >= 0 && facts.shm_nattch > 0) return attach(store);
  if (remove_both(store->secshr, store->shmid, store->semid) != 0) return -1;
  return make_both(store, key);
}

static int move_door(const struct store* store, int how) {
  while (flock(store->file, how) != 0) {
    if (errno != EINTR) return failed("the file cannot be locked");
  }
  return 0;
}

static int open_file(const char* path, struct stat* facts) {
  const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
  if (file < 0) return failed(path);
  if (fstat(file, facts) != 0 || facts->st_gid != getegid()) {
    fprintf(stderr, "kvstore: %s is of group %u, and must be used as that group: sg(1)\n", path, facts->st_gid);
    close(file);
    return -1;
  }
  return file;
}

int store_open(struct store* store, secshr_t* secshr, const char* path) {
  struct stat facts;
  key_t key;
  int result;
  *store = (struct store){secshr, open_file(path, &facts), -1, -1, NULL, 0};
  if (store->file < 0) return -1;
  key = ftok(path, 'k');
  result = move_door(store, LOCK_EX);
  if (result == 0) result = come_in(store, key, facts.st_gid);
  if (result == 0) return move_door(store, LOCK_UN);
  /* What was made until now has nobody attached: the next one removes it. */
  if (store->table != NULL) shmdt(store->table);
  close(store->file);
  return -1;
}

int store_close(struct store* store) {
  struct shmid_ds facts;
  int result = move_door(store, LOCK_EX);
  shmdt(store->table);
  if (result == 0 && shmctl(store->shmid, IPC_STAT, &facts) == 0 && facts.shm_nattch == 0) {
    result = remove_both(store->secshr, store->shmid, store->semid);
    remove_leftover_sockets(store->secshr);
  }
  close(store->file); /* and the door is open */
  return result;
}

/* --- The contents --- */

static void wake_waiting(const struct store* store) {
  unsigned short values[SEMAPHORES];
  if (semctl(store->semid, 0, GETALL, values) != 0) return;
  for (int place = FIRST_WAITING; place < SEMAPHORES; ++place) {
    /* One that is not 0 has an owner who lives, and who was the last to operate on it. */
    if (values[place] == 0) continue;
    const pid_t pid = semctl(store->semid, place, GETPID);
    const int result = pid > 0 ? secshr_wake(store->secshr, pid) : 0;
    if (result != 0 && result != -ESRCH) refused("somebody who waits cannot be woken");
  }
}

int store_lock(struct store* store) {
  if (take(store->semid, CONTENTS, 0) != 0) return failed("the contents cannot be locked");
  store->has_changed = atomic_load(&store->table->dirty); /* the one who was killed has woken nobody */
  if (!store->has_changed || load(store) == 0) return 0;
  (void)store_unlock(store);
  return -1;
}

int store_unlock(struct store* store) {
  if (give_back(store->semid, CONTENTS) != 0) return failed("the contents cannot be unlocked");
  /* Only now: while the broker is asked nobody should have to wait. */
  if (store->has_changed) wake_waiting(store);
  return 0;
}

const char* store_get(const struct store* store, const char* key) {
  const struct entry* const entry = find(store->table, key);
  return entry != NULL ? entry->value : NULL;
}

const struct entry* store_entries(const struct store* store, size_t* count) {
  *count = store->table->count;
  return store->table->entries;
}

int store_put(struct store* store, const char* key, const char* value) {
  struct table* const table = store->table;
  struct record record;
  memset(&record, 0, sizeof record);
  if (strlen(key) >= KEY_SIZE || strlen(value) >= VALUE_SIZE ||
      (table->count == MAXIMUM_KEYS && find(table, key) == NULL)) {
    errno = ENOSPC;
    return failed(key);
  }
  strcpy(record.entry.key, key);
  strcpy(record.entry.value, value);
  record.checksum = checksum_of(&record.entry);
  atomic_store(&table->dirty, 1);
  if (pwrite(store->file, &record, sizeof record, (off_t)table->end) != (ssize_t)sizeof record ||
      fdatasync(store->file) != 0) {
    return failed("the file cannot be written"); /* and the next one reads what it says */
  }
  apply(table, &record.entry);
  table->end += sizeof record;
  atomic_store(&table->dirty, 0);
  store->has_changed = 1;
  return 0;
}

int store_begin_waiting(struct store* store, int* place) {
  for (*place = FIRST_WAITING; *place < SEMAPHORES; ++*place) {
    if (take(store->semid, *place, IPC_NOWAIT) == 0) return 0;
    if (errno != EAGAIN) break;
  }
  return failed("there is no place for another one who waits");
}

int store_end_waiting(struct store* store, int place) {
  return give_back(store->semid, place) == 0 ? 0 : failed("the place cannot be given back");
}
