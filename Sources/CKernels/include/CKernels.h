#include "crc32c.h"
#include <stddef.h>
