#include "probe.h"
const struct verb posture_verbs[] = {{0}};
