/* A lifecycle in C, the type C/Lifecycle, that is sound but for what the macros change. */
#include "keyway_plugin.h"

#include <stdlib.h>
#include <string.h>

#define TEXT(literal) ((keyway_str){(const uint8_t *)(literal), sizeof(literal) - 1})
#define UNUSED __attribute__((unused))

/* What the functions do. */
#ifndef CREATE
#define CREATE                                                                                     \
    *out = &instance;                                                                              \
    return KEYWAY_OK
#endif
#ifndef START
#define START return KEYWAY_OK
#endif
#ifndef STOP
#define STOP return KEYWAY_OK
#endif

static UNUSED int instance;

/* Pushes a fault whose message is `len` bytes at `text`. */
static UNUSED uint32_t fail(const keyway_call *call, uint32_t kind, const char *text, size_t len) {
    keyway_fault fault = {.kind = kind,
                          .message = {(const uint8_t *)text, len},
                          .file = {(const uint8_t *)text, len},
                          .line = 7};
    call->push_fault(call->context, &fault);
    return KEYWAY_FAULT;
}

/* As much text as nobody wants to read. */
static UNUSED uint32_t shout(const keyway_call *call) {
    size_t len = (size_t)8 << 20;
    char *text = malloc(len);
    if (text == NULL)
        return KEYWAY_FAULT;
    memset(text, 'A', len);
    for (int times = 0; times < 2; times++)
        fail(call, 1, text, len);
    free(text);
    return KEYWAY_FAULT;
}

/* Progress that makes no sense, and much of it. */
static UNUSED uint32_t chatter(const keyway_hook *hook) {
    for (uint64_t times = 0; times < 100000; times++)
        hook->table->progress(hook->context, UINT64_MAX, 1, TEXT("\xff\x1b[31m\xc3"));
    return KEYWAY_OK;
}

static uint32_t attach(const keyway_host *host, const keyway_call *call) {
    (void)host;
    (void)call;
    return KEYWAY_OK;
}

static uint32_t create(keyway_str type_name, const keyway_lifecycle_context *context, void **out,
                       const keyway_call *call) {
    (void)type_name;
    (void)context;
    (void)out;
    (void)call;
    CREATE;
}

static uint32_t nothing(void *self, const keyway_hook *hook, const keyway_call *call) {
    (void)self;
    (void)hook;
    (void)call;
    return KEYWAY_OK;
}

static uint32_t start(void *self, const keyway_hook *hook, const keyway_call *call) {
    (void)self;
    (void)hook;
    (void)call;
    START;
}

static uint32_t stop(void *self, const keyway_hook *hook, const keyway_call *call) {
    (void)self;
    (void)hook;
    (void)call;
    STOP;
}

static uint32_t upgrade(void *self, keyway_str from, const keyway_hook *hook,
                        const keyway_call *call) {
    (void)from;
    return nothing(self, hook, call);
}

static uint32_t destroy(void *self, const keyway_call *call) {
    (void)self;
    (void)call;
    return KEYWAY_OK;
}

static const keyway_plugin_v1 plugin = {attach};
static const keyway_lifecycle_v1 lifecycle = {create, nothing, nothing, start,
                                              stop,   nothing, upgrade, destroy};

#define MANIFEST                                                                                   \
    "{\"format\":1,\"id\":\"c-lifecycle\",\"version\":\"1.0\","                                    \
    "\"types\":[{\"type\":\"C/Lifecycle\",\"kind\":\"lifecycle\"}],"                               \
    "\"metadata\":{\"KPlugin\":{\"Id\":\"c-lifecycle\",\"Name\":\"In C\"}},"                       \
    "\"abi\":{\"major\":1,\"minor\":0,\"least_host_minor\":0},"                                    \
    "\"target\":\"" TARGET "\",\"pointer_width\":64,\"endian\":\"little\",\"panic\":\"none\"}"

KEYWAY_NOTE(note, MANIFEST);

/* Not the note's own bytes: tools that move notes in a finished file overwrite those. */
static const char manifest[] = MANIFEST;

#define ROW(interface, table)                                                                      \
    {(const uint8_t *)(interface), sizeof(interface) - 1, 1, KEYWAY_FLAVOUR_C, table, NULL}

static const keyway_row rows[] = {
    ROW("keyway.plugin", &plugin),
    ROW("keyway.lifecycle", &lifecycle),
};

__attribute__((visibility("default"))) const keyway_entry keyway_entry_1 = {
    KEYWAY_MAGIC,
    sizeof(keyway_entry),
    sizeof(keyway_row),
    KEYWAY_ABI_MAJOR,
    KEYWAY_ABI_MINOR,
    0,
    0,
    sizeof rows / sizeof rows[0],
    0,
    rows,
    (const uint8_t *)manifest,
    sizeof(manifest) - 1,
};
