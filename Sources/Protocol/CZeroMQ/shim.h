#include <zmq.h>
// In the library since 4.3.0, in the header for builds of its drafts alone. A library without it
// refuses the option, and then no encrypted socket is made.
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif
