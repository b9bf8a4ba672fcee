// The verb `pour`: writes bytes of which everybody can compute what they have to be, and ends at
// once. Tests/IntegrationTests/PouredOutput.swift makes the same ones.
#include "probe.h"

#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STREAMS = 2, SECRET_SPREAD = 4096, WORD = sizeof(uint64_t) };

// What bytes look like: eight random ones at a time, of which `kept` stay and `set` are added, and
// a line feed every `shortest` to `shortest + spread - 1` bytes; with a spread of 0 none besides.
static const struct kind {
    const char *name;
    uint64_t kept, set;
    size_t shortest, spread;
} kinds[] = {
    {"text", 0x3f3f3f3f3f3f3f3f, 0x4040404040404040, 1, 160},
    {"binary", UINT64_MAX, 0, 0, 0},
    {"invalid", UINT64_MAX, 0x8080808080808080, 1, 160}, // no character of UTF-8 begins with these
    {"long", 0x3f3f3f3f3f3f3f3f, 0x4040404040404040, 1 << 20, 1},
    {"feeds", 0, 0x0a0a0a0a0a0a0a0a, 0, 0},
};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

struct poured {
    int descriptor;
    char *next;
    size_t left;
};

// SplitMix64, by Steele, Lea and Flood: Fast splittable pseudorandom number generators (2014).
static uint64_t next_number(uint64_t *state)
{
    uint64_t mixed = *state += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return mixed ^ mixed >> 31;
}

static void fill(char *bytes, size_t size, const struct kind *kind, uint64_t *state)
{
    for (size_t at = 0; at < size; at += WORD) {
        uint64_t word = (next_number(state) & kind->kept) | kind->set;
        memcpy(bytes + at, &word, WORD);
    }
    if (kind->spread == 0)
        return;
    size_t at = kind->shortest + next_number(state) % kind->spread;
    while (at < size) {
        bytes[at] = '\n';
        at += kind->shortest + next_number(state) % kind->spread;
    }
}

// Something stands between two secrets, and after the last one.
static void strew_secret(char *bytes, size_t size, uint64_t *state)
{
    const char *secret = getenv("POUR_SECRET");
    if (!secret)
        return;
    size_t length = strlen(secret);
    size_t at = next_number(state) % SECRET_SPREAD;
    while (at + length < size) {
        memcpy(bytes + at, secret, length);
        at += length + 1 + next_number(state) % SECRET_SPREAD;
    }
}

// STREAM:KIND:SIZE:SEED:END, where END is the last byte: `feed`, or `open` for an `x`.
static bool make_stream(const char *text, struct poured *stream)
{
    char name[16], end[8];
    size_t size;
    uint64_t state;
    int used = 0;
    if (sscanf(text, "%d:%15[a-z]:%zu:%" SCNu64 ":%7[a-z]%n", &stream->descriptor, name, &size,
               &state, end, &used) != 5 ||
        text[used] != '\0')
        return false;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(kinds[i].name, name) != 0)
            continue;
        stream->next = malloc(size + WORD);
        stream->left = size;
        if (!stream->next)
            return false;
        fill(stream->next, size, &kinds[i], &state);
        if (size > 0)
            stream->next[size - 1] = strcmp(end, "feed") == 0 ? '\n' : 'x';
        strew_secret(stream->next, size, &state);
        return true;
    }
    return false;
}

// In pieces of all lengths up to 1 MiB, whose order the schedule says, too: that is the order in
// one pipe.
static bool pour_streams(struct poured *streams, uint64_t schedule)
{
    while (streams[0].left + streams[1].left > 0) {
        uint64_t number = next_number(&schedule);
        struct poured *stream = &streams[number & 1];
        if (stream->left == 0)
            stream = &streams[~number & 1];
        size_t length = 1 + (number >> 8) % (UINT64_C(1) << (number >> 1) % 21);
        if (length > stream->left)
            length = stream->left;
        if (!write_all(stream->descriptor, stream->next, length))
            return false;
        stream->next += length;
        stream->left -= length;
    }
    return true;
}

static int pour(int count, char **args)
{
    struct poured streams[STREAMS] = {0};
    unsigned long long status = parse_number(args[0]);
    for (int i = 2; i < count; i++) {
        if (!make_stream(args[i], &streams[i - 2])) {
            fprintf(stderr, "probe: %s: not STREAM:KIND:SIZE:SEED:feed|open\n", args[i]);
            return EXIT_USAGE;
        }
    }
    if (!pour_streams(streams, parse_number(args[1])))
        return EXIT_FAILURE;
    // Above that of any exit: the number of a signal.
    if (status > 0xff)
        kill(getpid(), (int)(status & 0xff));
    _exit((int)status);
}

const struct verb pour_verbs[] = {
    {"pour", "STATUS SEED [STREAM:KIND:SIZE:SEED:feed|open]...", 2, 2 + STREAMS, pour},
    {0},
};
