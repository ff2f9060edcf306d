#include <errno.h>
// Glibc's module leaves eventfd out; Transport polls one together with a socket.
#include <sys/eventfd.h>
#include <zmq.h>
