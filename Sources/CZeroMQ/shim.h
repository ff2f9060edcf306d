#include <errno.h>
// Glibc's module leaves eventfd out; Transport polls one together with a socket.
#include <sys/eventfd.h>
// And malloc_trim: what a flood of connections took is given back.
#include <malloc.h>
#include <zmq.h>
// In the library since 4.3.0, in the header for builds of its drafts alone. A library without it
// refuses the option, and then no encrypted socket is made.
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif
