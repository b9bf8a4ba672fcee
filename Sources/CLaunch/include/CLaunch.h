#ifndef CLAUNCH_H
#define CLAUNCH_H

#include "ol_calls.h"
#include "ol_control.h"
#include "ol_disk.h"
#include "ol_plan.h"
#include "ol_seccomp.h"
#include "ol_terminal.h"

#endif
