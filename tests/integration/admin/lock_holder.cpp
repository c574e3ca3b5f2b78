// Stands in for a broker: holds the lock named by its argument until it is told to end. Says "held" once it does.
#include <fcntl.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const int file = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;  // a broker that serves has given its turn back
  if (file < 0 || fcntl(file, F_SETLK, &lock) != 0) return 1;
  if (write(STDOUT_FILENO, "held", 4) != 4) return 1;
  for (;;) pause();
}
