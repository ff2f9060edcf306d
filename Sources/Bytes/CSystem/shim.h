// What Glibc's module leaves out: eventfd and epoll, errno, and malloc_trim, which gives back what a
// flood of connections took.
#include <errno.h>
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
// The headers have these for GNU's own dialect alone; their own types would become this module's.
struct sockaddr;
int pthread_setname_np(unsigned long thread, const char *name);
int accept4(int descriptor, struct sockaddr *address, unsigned int *size, int flags);
