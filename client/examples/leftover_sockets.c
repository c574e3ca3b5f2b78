#define _GNU_SOURCE
#include "leftover_sockets.h"

#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char* socket_directory(void) {
  const char* const directory = getenv("secshr_tmp");
  return directory != NULL ? directory : "/tmp";
}

/* "secshr", the pid in hexadecimal digits, and perhaps a letter. The server's own has a number that is no pid. */
static int is_of_dead_process(const char* path) {
  char digits[9] = "";
  memcpy(digits, strrchr(path, '/') + sizeof "/secshr" - 1, 8);
  return kill((pid_t)strtol(digits, NULL, 16), 0) != 0 && errno == ESRCH;
}

void remove_leftover_sockets(secshr_t* secshr) {
  char pattern[512];
  glob_t found;
  snprintf(pattern, sizeof pattern, "%s/secshr00[0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F]*",
           socket_directory());
  if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0) return;
  for (size_t each = 0; each < found.gl_pathc; ++each) {
    /* Another one may be at it too, and what cannot be removed does no harm. */
    if (is_of_dead_process(found.gl_pathv[each])) (void)secshr_remove_socket(secshr, found.gl_pathv[each]);
  }
  globfree(&found);
}
