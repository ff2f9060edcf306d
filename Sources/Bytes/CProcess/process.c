#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

static int describe(posix_spawn_file_actions_t *actions, const char *folder, const int *sources,
                    int count) {
  int code = 0;
  for (int number = 0; number < count && code == 0; number++) {
    if (sources[number] == CPROCESS_INHERITED) continue;
    code = sources[number] == CPROCESS_NULL
               ? posix_spawn_file_actions_addopen(actions, number, "/dev/null",
                                                  number == 0 ? O_RDONLY : O_WRONLY, 0)
               : posix_spawn_file_actions_adddup2(actions, sources[number], number);
  }
  if (code == 0) code = posix_spawn_file_actions_addclosefrom_np(actions, count);
  if (code == 0 && folder) code = posix_spawn_file_actions_addchdir_np(actions, folder);
  return code;
}

// Where the ends of children are ignored, the system forgets how they ended.
static void hear_of_ends(void) {
  struct sigaction action;
  if (sigaction(SIGCHLD, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
    signal(SIGCHLD, SIG_DFL);
}

int CProcess_start(int *id, const char *path, char *const arguments[], char *const environment[],
                   const char *folder, const int *sources, int count) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none;
  hear_of_ends();
  sigemptyset(&none);
  int code = posix_spawn_file_actions_init(&actions);
  if (code != 0) return code;
  code = posix_spawnattr_init(&attributes);
  if (code == 0) {
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    code = describe(&actions, folder, sources, count);
    if (code == 0) code = posix_spawnp(id, path, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_destroy(&actions);
  return code;
}

int CProcess_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno; }

int CProcess_endOf(int id) { return pidfd_open(id, 0); }

int CProcess_socketPair(int ends[2]) {
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 ? 0 : errno;
}

int CProcess_memoryFile(int *file) {
  *file = memfd_create("tributary", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (*file < 0) return errno;
  // Whoever else holds it must not take away what is mapped here.
  if (fcntl(*file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) == 0) return 0;
  int code = errno;
  close(*file);
  return code;
}
