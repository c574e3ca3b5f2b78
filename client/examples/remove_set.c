/* Removes a semaphore set, or a segment, that this user may use though another user made it.
 *
 *   cc -std=c99 -o remove_set remove_set.c $(pkg-config --cflags --libs secshr)
 *   secshr_dist=/opt/application/bin remove_set 'application 1.2' set 17
 *
 * The release is the one that the installation was adopted with; ipcs(1) shows the ids. */
#include <errno.h>
#include <limits.h>
#include <secshr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -1 where the text is no id. */
static int parse_id(const char* text) {
  char* end;
  long id;
  errno = 0;
  id = strtol(text, &end, 10);
  return errno == 0 && end != text && *end == '\0' && id >= 0 && id <= INT_MAX ? (int)id : -1;
}

int main(int argc, char** argv) {
  struct secshr_options options = {0};
  secshr_t* handle;
  int id;
  int result;
  if (argc != 4 || (strcmp(argv[2], "set") != 0 && strcmp(argv[2], "segment") != 0)) {
    fprintf(stderr, "usage: remove_set RELEASE set|segment ID\n");
    return 2;
  }
  id = parse_id(argv[3]);
  options.size = sizeof options;
  options.release = argv[1]; /* The rest has its defaults: $secshr_dist, $secshr_tmp. */
  result = secshr_open(&handle, &options);
  if (result == 0) {
    result = strcmp(argv[2], "set") == 0 ? secshr_remove_semaphore(handle, id) : secshr_remove_segment(handle, id);
    secshr_close(handle);
  }
  if (result != 0) {
    fprintf(stderr, "%s %s: %s: %s\n", argv[2], argv[3], strerror(-result), secshr_explain());
    return 1;
  }
  printf("%s %s is gone\n", argv[2], argv[3]);
  return 0;
}
