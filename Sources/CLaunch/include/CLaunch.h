#include "ol_seccomp.h"
