/* A key-value store that several users share; see store.h. Its executable is in the adopted directory, so that those
 * who wait can be woken by other users:
 *
 *   cc -std=c11 -o kvstore kvstore.c store.c leftover_sockets.c $(pkg-config --cflags --libs secshr)
 *   install -D kvstore /opt/kvstore/bin/kvstore      # as root, and so:
 *   secshrctl adopt /opt/kvstore/bin --profile generic --release 'kvstore 1'
 *   sg ledger -c 'secshr_dist=/opt/kvstore/bin /opt/kvstore/bin/kvstore /srv/ledger/store put colour green' */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "leftover_sockets.h"
#include "store.h"

static int usage(void) {
  fprintf(stderr,
          "usage: kvstore FILE put KEY VALUE\n"
          "       kvstore FILE get KEY\n"
          "       kvstore FILE add KEY TIMES       adds 1 to a number, and prints it when it is on the disk\n"
          "       kvstore FILE wait KEY SECONDS    until there is such a key, or for so long\n"
          "       kvstore FILE list\n");
  return -1;
}

static int put(struct store* store, const char* key, const char* value) {
  if (store_lock(store) != 0) return -1;
  const int result = store_put(store, key, value);
  return store_unlock(store) == 0 ? result : -1;
}

/* Copied, since without the lock it may change. */
static int get(struct store* store, const char* key, char* value) {
  if (store_lock(store) != 0) return -1;
  const char* const found = store_get(store, key);
  if (found != NULL) strcpy(value, found);
  return store_unlock(store) == 0 && found != NULL ? 0 : -1;
}

static int print(struct store* store, const char* key) {
  char value[VALUE_SIZE];
  if (get(store, key, value) != 0) return -1;
  printf("%s\n", value);
  return 0;
}

static int add(struct store* store, const char* key, long times) {
  for (; times > 0; --times) {
    char value[VALUE_SIZE];
    if (store_lock(store) != 0) return -1;
    const char* const found = store_get(store, key);
    snprintf(value, sizeof value, "%ld", (found != NULL ? strtol(found, NULL, 10) : 0) + 1);
    const int result = store_put(store, key, value);
    if (store_unlock(store) != 0 || result != 0) return -1;
    printf("%s\n", value);
  }
  return 0;
}

static int list(struct store* store) {
  size_t count;
  if (store_lock(store) != 0) return -1;
  const struct entry* const entries = store_entries(store, &count);
  for (size_t each = 0; each < count; ++each) printf("%s %s\n", entries[each].key, entries[each].value);
  return store_unlock(store);
}

/* A handler, since a process without one would end by the signal, and so is not woken by the broker. */
static void wake_up(int signal) {
  (void)signal;
}

static int wait_for(struct store* store, const char* key, long seconds) {
  /* Blocked: what comes between looking and waiting is still there. At times it looks unasked, because who would have
   * woken it may have been killed before. */
  const struct sigaction action = {.sa_handler = wake_up};
  const struct timespec a_while = {1, 0};
  const time_t end = time(NULL) + seconds;
  sigset_t wakes;
  int place;
  sigemptyset(&wakes);
  sigaddset(&wakes, SIGALRM);
  sigprocmask(SIG_BLOCK, &wakes, NULL);
  sigaction(SIGALRM, &action, NULL);
  if (store_begin_waiting(store, &place) != 0) return -1;
  int result;
  while ((result = print(store, key)) != 0 && time(NULL) < end) sigtimedwait(&wakes, NULL, &a_while);
  return store_end_waiting(store, place) == 0 ? result : -1;
}

static int run(struct store* store, int argc, char** argv) {
  const char* const command = argv[2];
  if (argc == 3 && strcmp(command, "list") == 0) return list(store);
  if (argc == 4 && strcmp(command, "get") == 0) return print(store, argv[3]);
  if (argc == 5 && strcmp(command, "put") == 0) return put(store, argv[3], argv[4]);
  if (argc == 5 && strcmp(command, "add") == 0) return add(store, argv[3], strtol(argv[4], NULL, 10));
  if (argc == 5 && strcmp(command, "wait") == 0) return wait_for(store, argv[3], strtol(argv[4], NULL, 10));
  return usage();
}

int main(int argc, char** argv) {
  struct secshr_options options = {.size = sizeof options, .release = "kvstore 1", .directory = socket_directory()};
  secshr_t* secshr;
  struct store store;
  int result;
  if (argc < 3) return usage() != 0 ? 2 : 0;
  umask(0007);
  setvbuf(stdout, NULL, _IOLBF, 0); /* what was printed is known to others though this process is killed */
  if (secshr_open(&secshr, &options) != 0) {
    fprintf(stderr, "kvstore: %s\n", secshr_explain());
    return 1;
  }
  result = store_open(&store, secshr, argv[1]);
  if (result == 0) {
    result = run(&store, argc, argv);
    if (store_close(&store) != 0) result = -1;
  }
  secshr_close(secshr);
  return result == 0 ? 0 : 1;
}
