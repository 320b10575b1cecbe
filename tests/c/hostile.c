/* A plugin that is sound but for what its defect's macros change: see tests/hostile. It gives the
 * type TYPE. */
#define _DEFAULT_SOURCE
#include "keyway_plugin.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef TYPE
#define TYPE "Hostile/Type"
#endif
/* What the functions do. */
#ifndef ATTACH
#define ATTACH return KEYWAY_OK
#endif
#ifndef CREATE
#define CREATE                                                                                     \
    *out = &object;                                                                                \
    return KEYWAY_OK
#endif
#ifndef INIT
#define INIT return KEYWAY_OK
#endif
/* The fields of the entry. */
#ifndef MAGIC
#define MAGIC KEYWAY_MAGIC
#endif
#ifndef ENTRY_SIZE
#define ENTRY_SIZE sizeof(keyway_entry)
#endif
#ifndef ROW_SIZE
#define ROW_SIZE sizeof(keyway_row)
#endif
#ifndef MAJOR
#define MAJOR KEYWAY_ABI_MAJOR
#endif
#ifndef LEAST_MINOR
#define LEAST_MINOR 0
#endif
#ifndef ROW_COUNT
#define ROW_COUNT (sizeof rows / sizeof rows[0])
#endif
#ifndef ROWS
#define ROWS rows
#endif
#ifndef MANIFEST_AT
#define MANIFEST_AT (const uint8_t *)manifest
#endif
#ifndef MANIFEST_LEN
#define MANIFEST_LEN (sizeof(manifest) - 1)
#endif
/* The rows: the first is keyway.plugin, the second keyway.structure. */
#define NAME(text) (const uint8_t *)(text), sizeof(text) - 1
#ifndef FIRST_ROW
#define FIRST_ROW {NAME("keyway.plugin"), 1, KEYWAY_FLAVOUR_C, &plugin, NULL}
#endif
#ifndef SECOND_ROW
#define SECOND_ROW {NAME("keyway.structure"), 1, KEYWAY_FLAVOUR_C, &structure, NULL}
#endif
#ifndef PATH_CHANGED
#define PATH_CHANGED path_changed
#endif

#define UNUSED __attribute__((unused))

UNUSED static void push(const keyway_call *call, const void *message, size_t len) {
    keyway_fault fault = {.kind = 1, .message = {message, len}};
    call->push_fault(call->context, &fault);
}

UNUSED static void crash(void) {
    volatile int *volatile nowhere = NULL;
    *nowhere = 1;
}

#ifdef CONSTRUCTOR
/* Run by the system's loader as soon as the library is opened. */
__attribute__((constructor)) static void constructor(void) { CONSTRUCTOR; }
#endif

UNUSED static int object;

static uint32_t attach(const keyway_host *host, const keyway_call *call) {
    (void)host;
    (void)call;
    ATTACH;
}

static uint32_t create(keyway_str type_name, void **out, const keyway_call *call) {
    (void)type_name;
    (void)out;
    (void)call;
    CREATE;
}

static uint32_t init_package(void *self, const keyway_package *package, const keyway_call *call) {
    (void)self;
    (void)call;
    package->table->set_default_package_root(package->context,
                                             (keyway_str){NAME("hostile/packages/")});
    INIT;
}

UNUSED static uint32_t path_changed(void *self, const keyway_package *package,
                                    const keyway_call *call) {
    (void)self;
    (void)package;
    (void)call;
    return KEYWAY_OK;
}

static uint32_t destroy(void *self, const keyway_call *call) {
    (void)self;
    (void)call;
    return KEYWAY_OK;
}

UNUSED static const keyway_plugin_v1 plugin = {attach};
UNUSED static const keyway_structure_v1 structure = {create, init_package, PATH_CHANGED, destroy};

/* Bytes that are no evidence, aligned as evidence is. */
UNUSED static const uint64_t noise[16] = {0x6e6f69736e6f6973, 1, 2, 3};

#define MANIFEST                                                                                   \
    "{\"format\":1,\"id\":\"" TYPE "\",\"version\":\"1.0\","                                       \
    "\"types\":[{\"type\":\"" TYPE "\",\"kind\":\"structure\"}],"                                  \
    "\"abi\":{\"major\":1,\"minor\":0,\"least_host_minor\":0},"                                    \
    "\"target\":\"" TARGET "\",\"pointer_width\":64,\"endian\":\"little\",\"panic\":\"none\"}"

KEYWAY_NOTE(note, MANIFEST);
#ifdef TWO_NOTES
KEYWAY_NOTE(second_note, MANIFEST);
#endif

UNUSED static const char manifest[] = MANIFEST;
UNUSED static const keyway_row rows[] = {FIRST_ROW, SECOND_ROW};

#define ENTRY                                                                                      \
    {MAGIC, ENTRY_SIZE, ROW_SIZE, MAJOR,       KEYWAY_ABI_MINOR, LEAST_MINOR,                      \
     0,     ROW_COUNT,  0,        ROWS,        MANIFEST_AT,      MANIFEST_LEN}

#ifdef MISALIGNED
/* The symbol stands one byte further than data of pointers may. */
__attribute__((used)) static struct __attribute__((packed)) {
    char byte;
    keyway_entry entry;
} shifted __asm__("shifted") = {0, ENTRY};
__asm__(".globl keyway_entry_1\n"
        ".type keyway_entry_1, @object\n"
        ".size keyway_entry_1, 56\n"
        ".set keyway_entry_1, shifted + 1");
#else
__attribute__((visibility("default"))) const keyway_entry keyway_entry_1 = ENTRY;
#endif
