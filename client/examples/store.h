/* A small store of keys and values that several users share: a file, which is the truth, and a System V segment with
 * the same contents, which is quick to read and which a semaphore set guards.
 *
 * Whoever comes first makes segment and set; whoever is the last to leave removes them, and whoever finds those of a
 * killed process does so too. Either may be another user than the one who made them: that is what libsecshr is for.
 *
 * Each of its users has the store's group as its own group (see sg(1)), so that what one makes the others may use
 * from its first moment on. They trust each other with what is in the store, and with nothing else. */
#ifndef STORE_H
#define STORE_H

#include <secshr.h>
#include <stddef.h>
#include <sys/types.h>

enum { KEY_SIZE = 28, VALUE_SIZE = 32, MAXIMUM_KEYS = 256 }; /* the sizes with their NUL */

struct entry {
  char key[KEY_SIZE];
  char value[VALUE_SIZE];
};

struct table;

struct store {
  secshr_t* secshr;
  int file;
  int shmid;
  int semid;
  struct table* table; /* attached */
  int has_changed;     /* since it was locked */
};

/* All of these: 0, or -1 when the reason was printed. A store that could not be opened need not be closed. */
int store_open(struct store* store, secshr_t* secshr, const char* path);
int store_close(struct store* store);

/* Between these two the contents are this process's alone. */
int store_lock(struct store* store);
int store_unlock(struct store* store);

/* With the lock held. `store_get` gives NULL where there is no such key. */
const char* store_get(const struct store* store, const char* key);
const struct entry* store_entries(const struct store* store, size_t* count);
/* When it returns 0 the value is on the disk: whatever becomes of this process, it is not lost. */
int store_put(struct store* store, const char* key, const char* value);

/* Between these two SIGALRM, which must have a handler and be blocked, comes to this process after each change. */
int store_begin_waiting(struct store* store, int* place);
int store_end_waiting(struct store* store, int place);

#endif
