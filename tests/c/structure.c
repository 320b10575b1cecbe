/* A structure in C: the type C/Structure. */
#include "keyway_plugin.h"

#include <stdlib.h>
#include <string.h>

#define TEXT(literal) ((keyway_str){(const uint8_t *)(literal), sizeof(literal) - 1})

static int is(keyway_str text, const char *word) {
    return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

static uint32_t fail(const keyway_call *call, const char *message) {
    keyway_fault fault = {.kind = 1,
                          .message = {(const uint8_t *)message, strlen(message)},
                          .file = TEXT(__FILE__),
                          .line = __LINE__};
    call->push_fault(call->context, &fault);
    return KEYWAY_FAULT;
}

static uint32_t attach(const keyway_host *host, const keyway_call *call) {
    (void)call;
#ifdef IN_ATTACH
    IN_ATTACH;
#endif
    /* Services that the host does not have are not here. */
    keyway_service_request request = {TEXT("test.no-such-service"), 1, KEYWAY_FLAVOUR_C, NULL};
    keyway_service service;
    if (host->table->service(host->context, &request, &service) != KEYWAY_NOT_FOUND)
        return fail(call, "a service that does not exist is here");
    return KEYWAY_OK;
}

static int instance;

static uint32_t create(keyway_str type_name, void **out, const keyway_call *call) {
    (void)call;
    if (!is(type_name, "C/Structure") && !is(type_name, "C/Fails"))
        return KEYWAY_NOT_FOUND;
    *out = is(type_name, "C/Fails") ? NULL : (void *)&instance;
    if (is(type_name, "C/Fails"))
        return fail(call, "made to fail");
    return KEYWAY_OK;
}

/* Taken for each key: removes it again, from within the answer. */
static void forget(void *context, keyway_str key) {
    const keyway_package *package = context;
    if (is(key, "forgotten"))
        package->table->remove_definition(package->context, key);
}

static uint32_t init_package(void *self, const keyway_package *package, const keyway_call *call) {
    (void)self;
    (void)call;
    const keyway_package_v1 *table = package->table;
    void *it = package->context;
    keyway_str types[] = {TEXT("text/plain")};
    table->set_default_package_root(it, TEXT("c/packages/"));
    table->add_directory_definition(it, TEXT("docs"), TEXT("docs"), TEXT("Documents"));
    table->set_mime_types(it, TEXT("docs"), types, 1);
    table->add_file_definition(it, TEXT("main"), TEXT("main.txt"), TEXT("Main file"));
    table->set_required(it, TEXT("main"), 1);
    table->add_file_definition(it, TEXT("forgotten"), TEXT("x"), TEXT("Forgotten"));
    keyway_str_sink sink = {(void *)package, forget};
    table->keys(it, 2, &sink);
    return KEYWAY_OK;
}

static uint32_t path_changed(void *self, const keyway_package *package, const keyway_call *call) {
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

static const keyway_plugin_v1 plugin = {attach};
static const keyway_structure_v1 structure = {create, init_package, path_changed, destroy};

#define MANIFEST                                                                                   \
    "{\"format\":1,\"id\":\"c-structure\",\"version\":\"1.0\","                                    \
    "\"types\":[{\"type\":\"C/Structure\",\"kind\":\"structure\"},"                                \
    "{\"type\":\"C/Fails\",\"kind\":\"structure\"}],"                                              \
    "\"metadata\":{\"KPlugin\":{\"Id\":\"c-structure\",\"Name\":\"In C\"}},"                       \
    "\"abi\":{\"major\":1,\"minor\":0,\"least_host_minor\":0},"                                    \
    "\"target\":\"" TARGET "\",\"pointer_width\":64,\"endian\":\"little\",\"panic\":\"none\"}"

KEYWAY_NOTE(note, MANIFEST);

/* Not the note's own bytes: tools that move notes in a finished file overwrite those. */
static const char manifest[] = MANIFEST;

#define ROW(interface, row_version, row_flavour, row_table)                                        \
    {(const uint8_t *)(interface), sizeof(interface) - 1, row_version, row_flavour, row_table, NULL}

static const keyway_row rows[] = {
    ROW("keyway.plugin", 1, KEYWAY_FLAVOUR_C, &plugin),
    ROW("keyway.structure", 1, KEYWAY_FLAVOUR_C, &structure),
    /* Of a flavour that no host knows, and an interface that no host knows: skipped. */
    ROW("keyway.structure", 1, 77, &structure),
    ROW("keyway.structure", 9, KEYWAY_FLAVOUR_C, &structure),
    ROW("org.example.unknown", 1, KEYWAY_FLAVOUR_C, &structure),
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
