#include "include/v1/placeholder.h"
