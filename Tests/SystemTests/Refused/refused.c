// Preloaded into a process whose first argument is TRIBUTARY_REFUSE_ROLE: its thread number
// TRIBUTARY_REFUSE_AT is refused, as a system without room for one more does. With TRIBUTARY_REFUSE_PIDFD
// no descriptor of a process is to be had, as on an older kernel.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_meant(void) {
  const char *role = getenv("TRIBUTARY_REFUSE_ROLE");
  char line[512] = {0};
  int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  ssize_t count = file < 0 ? 0 : read(file, line, sizeof line - 1);
  if (file >= 0) close(file);
  size_t first = strlen(line) + 1;
  return role && count > (ssize_t)first && strcmp(line + first, role) == 0;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *),
                   void *argument) {
  static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  static int count;
  if (!real) real = dlsym(RTLD_NEXT, "pthread_create");
  const char *at = getenv("TRIBUTARY_REFUSE_AT");
  if (at && is_meant() && __sync_add_and_fetch(&count, 1) == atoi(at)) return EAGAIN;
  return real(thread, attributes, body, argument);
}

int pidfd_open(pid_t process, unsigned int flags) {
  static int (*real)(pid_t, unsigned int);
  if (!real) real = dlsym(RTLD_NEXT, "pidfd_open");
  if (real && !getenv("TRIBUTARY_REFUSE_PIDFD")) return real(process, flags);
  errno = ENOSYS;
  return -1;
}
