// Preloaded into a process, it writes down what of its files is durable, so that whoever kills it can
// take away the rest: SIGKILL alone keeps the kernel's page cache, and so loses nothing.
//
// FAULTS_LOG names the record, one line an event:
//   sync LENGTH PATH        the file's first LENGTH bytes are durable
//   link OLD NEW            NEW is another name of the file OLD
//   rename SHADOW OLD NEW   NEW is what OLD was; what NEW was before is linked as SHADOW ("-": nothing)
//   folder PATH             the renames inside are durable
//   lost PATH               a sync failed: what was not durable then never will be, whatever later syncs say
//   cut LENGTH PATH         the file was cut to LENGTH bytes
// FAULTS_EIO names a file; while it is there, one sync inside a folder `journal` fails and removes it.
// With FAULTS_NO_SYNC set nothing is recorded as durable and nothing is synced: a harness that then
// finds no fault cannot find one.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void record(const char *line, size_t length) {
  static int log = -1;
  const char *path = getenv("FAULTS_LOG");
  if (path == NULL) return;
  int saved = errno;
  if (log < 0) log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0 || write(log, line, length) != (ssize_t)length) abort();
  errno = saved;
}

// The path of an open file; false if it has none.
static int pathOf(int file, char path[PATH_MAX]) {
  char name[64];
  snprintf(name, sizeof name, "/proc/self/fd/%d", file);
  ssize_t length = readlink(name, path, PATH_MAX - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return 1;
}

// What is durable after a sync of `file` that began when it was as long as `status` says.
static void recordSync(int file, const struct stat *status) {
  char path[PATH_MAX], line[PATH_MAX + 64];
  if (!pathOf(file, path)) return;
  int count = S_ISDIR(status->st_mode)
                  ? snprintf(line, sizeof line, "folder %s\n", path)
                  : snprintf(line, sizeof line, "sync %lld %s\n", (long long)status->st_size, path);
  record(line, (size_t)count);
}

// Linux tells of a failed write once, and calls the lost pages clean from then on.
static int fails(int file) {
  const char *flag = getenv("FAULTS_EIO");
  char path[PATH_MAX], line[PATH_MAX + 64];
  if (flag == NULL || !pathOf(file, path) || strstr(path, "/journal/") == NULL) return 0;
  if (unlink(flag) != 0) return 0;
  record(line, (size_t)snprintf(line, sizeof line, "lost %s\n", path));
  errno = EIO;
  return 1;
}

static int synced(int file, const char *name) {
  int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  if (fails(file)) return -1;
  if (getenv("FAULTS_NO_SYNC") != NULL) return 0;
  struct stat status;
  if (fstat(file, &status) != 0) return next(file);
  int outcome = next(file);
  if (outcome == 0) recordSync(file, &status);
  return outcome;
}

int fsync(int file) { return synced(file, "fsync"); }
int fdatasync(int file) { return synced(file, "fdatasync"); }

int ftruncate(int file, off_t length) {
  int (*next)(int, off_t) = (int (*)(int, off_t))dlsym(RTLD_NEXT, "ftruncate");
  char path[PATH_MAX], line[PATH_MAX + 64];
  int outcome = next(file, length);
  if (outcome == 0 && pathOf(file, path))
    record(line, (size_t)snprintf(line, sizeof line, "cut %lld %s\n", (long long)length, path));
  return outcome;
}

// The absolute path without following a link that `path` itself is; false if its folder is not there.
static int absolute(const char *path, char *out) {
  char folder[PATH_MAX], real[PATH_MAX];
  const char *slash = strrchr(path, '/');
  size_t length = slash == NULL ? 1 : (size_t)(slash - path);
  if (length >= sizeof folder) return 0;
  memcpy(folder, slash == NULL ? "." : path, length);
  folder[length] = 0;
  if (realpath(length == 0 ? "/" : folder, real) == NULL) return 0;
  return snprintf(out, PATH_MAX, "%s/%s", real, slash == NULL ? path : slash + 1) < PATH_MAX;
}

int link(const char *old, const char *new) {
  int (*next)(const char *, const char *) =
      (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "link");
  char from[PATH_MAX], to[PATH_MAX], line[2 * PATH_MAX + 64];
  int outcome = next(old, new);
  if (outcome == 0 && absolute(old, from) && absolute(new, to))
    record(line, (size_t)snprintf(line, sizeof line, "link %s %s\n", from, to));
  return outcome;
}

int rename(const char *old, const char *new) {
  int (*next)(const char *, const char *) =
      (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
  static unsigned number;
  char shadow[PATH_MAX], from[PATH_MAX], to[PATH_MAX], line[3 * PATH_MAX + 64];
  const char *log = getenv("FAULTS_LOG");
  if (log == NULL || !absolute(old, from) || !absolute(new, to)) return next(old, new);
  snprintf(shadow, sizeof shadow, "%s.%d.%u", log, (int)getpid(),
           __sync_fetch_and_add(&number, 1));
  if (linkat(AT_FDCWD, to, AT_FDCWD, shadow, 0) != 0) strcpy(shadow, "-");
  int outcome = next(old, new);
  if (outcome == 0)
    record(line, (size_t)snprintf(line, sizeof line, "rename %s %s %s\n", shadow, from, to));
  return outcome;
}
