// Preloaded into a process, it takes away the locks of every file, as a network disk without a lock service does.
#define _GNU_SOURCE
#include <errno.h>
#include <sys/file.h>

int flock(int file, int operation) {
  (void)file;
  (void)operation;
  errno = ENOLCK;
  return -1;
}
