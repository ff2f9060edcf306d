// Preloaded into a learner: writes one line for each journal write, each fdatasync that returned
// and each message part sent, in the order in which they happened.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int out = -1;

static void record(const char *what, int fd, const void *bytes, size_t count) {
  static const char digits[] = "0123456789abcdef";
  pthread_mutex_lock(&lock);
  if (out < 0) {
    const char *path = getenv("TRIBUTARY_RECORD");
    if (path) out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  }
  if (out >= 0) {
    char *line = malloc(2 * count + 64);
    size_t at = (size_t)sprintf(line, "%s %d ", what, fd);
    for (size_t i = 0; i < count; i++) {
      unsigned char byte = ((const unsigned char *)bytes)[i];
      line[at++] = digits[byte >> 4];
      line[at++] = digits[byte & 15];
    }
    line[at++] = '\n';
    if (write(out, line, at) < 0) abort();
    free(line);
  }
  pthread_mutex_unlock(&lock);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  static ssize_t (*real)(int, const void *, size_t, off_t);
  if (!real) real = dlsym(RTLD_NEXT, "pwrite");
  ssize_t result = real(fd, bytes, count, offset);
  if (result > 0) record("write", fd, bytes, (size_t)result);
  return result;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset) {
  return pwrite(fd, bytes, count, offset);
}

int fdatasync(int fd) {
  static int (*real)(int);
  if (!real) real = dlsym(RTLD_NEXT, "fdatasync");
  int result = real(fd);
  if (result == 0) record("synced", fd, "", 0);
  return result;
}

int zmq_send(void *socket, const void *bytes, size_t count, int flags) {
  static int (*real)(void *, const void *, size_t, int);
  if (!real) real = dlsym(RTLD_NEXT, "zmq_send");
  // Before the call: an acknowledgement must not leave before the sync is on record.
  if (count < 65536) record("send", 0, bytes, count);
  return real(socket, bytes, count, flags);
}
