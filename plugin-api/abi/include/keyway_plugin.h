/* keyway_plugin.h: the border between a Keyway host and its plugins, for C.
 *
 * The contract, common to all interfaces, stands in the documentation of the crate keyway-abi;
 * what each function does stands at its twin there. In short: text is UTF-8 and not terminated; a
 * null pointer with length 0 is the empty text; statuses are KEYWAY_OK and its siblings; memory is
 * freed by who allocated it; what is handed over with a call is valid until the call returns, on
 * its thread, except for the host, which `attach` may keep as long as the process lives; functions
 * of a plugin are called from any thread, several at once.
 *
 * A plugin in C lists its rows in flavour KEYWAY_FLAVOUR_C, without evidence: its author vouches
 * for the tables.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef KEYWAY_PLUGIN_H
#define KEYWAY_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KEYWAY_ABI_MAJOR 1
#define KEYWAY_ABI_MINOR 0
#define KEYWAY_FLAVOUR_RUST 1
#define KEYWAY_FLAVOUR_C 2
#define KEYWAY_MAGIC {'K', 'E', 'Y', 'W', 'A', 'Y', 0, 1}

enum {
    KEYWAY_OK = 0,
    KEYWAY_FAULT = 1,
    KEYWAY_NOT_FOUND = 2,
    KEYWAY_INVALID = 3,
    KEYWAY_CYCLE = 4,
    KEYWAY_REFUSED = 5,
    KEYWAY_CONFLICT = 6
};

/* ---- text and sinks ---------------------------------------------------------------------- */

typedef struct {
    const uint8_t *ptr;
    size_t len;
} keyway_str;

/* Bytes on Unix, UTF-16 units on Windows. */
typedef struct {
    const void *ptr;
    size_t len;
} keyway_path;

typedef struct {
    void *context;
    void (*push)(void *context, keyway_str item);
} keyway_str_sink;

typedef struct {
    void *context;
    void (*push)(void *context, keyway_path item);
} keyway_path_sink;

/* ---- calls and faults --------------------------------------------------------------------- */

typedef struct {
    uint32_t kind;  /* 1 error, 2 panic, 3 the caller broke the contract */
    uint32_t phase; /* 0 method, 1 construction, 5 drop of the object */
    uint32_t line, column;
    keyway_str message;
    keyway_str file;
    const keyway_str *causes;
    size_t cause_count;
} keyway_fault;

typedef struct {
    void *context;
    void (*push_fault)(void *context, const keyway_fault *fault);
} keyway_call;

/* ---- the host ----------------------------------------------------------------------------- */

typedef struct {
    const void *identity;
    uint32_t level; /* 1 error, 2 warn, 3 info, 4 debug, 5 trace */
    uint32_t line;
    keyway_str name, target, file, module_path;
    const keyway_str *fields;
    size_t field_count;
} keyway_log_callsite;

typedef struct {
    const void *handle;
    const uint32_t *wanted; /* read atomically; 0: the host wants no event of this place */
} keyway_log_site;

typedef struct {
    uint32_t field;
    uint32_t kind; /* 1 int64, 2 uint64, 3 double, 4 truth value, 5 text, 6 shown text */
    uint64_t bits;
    keyway_str text;
} keyway_log_value;

typedef struct {
    const keyway_log_value *values;
    size_t value_count;
    keyway_str spans;
} keyway_log_event;

typedef struct {
    keyway_str name;
    uint32_t version;
    uint32_t flavour;
    const void *evidence;
} keyway_service_request;

typedef struct {
    void *context;
    const void *table;
} keyway_service;

typedef struct {
    uint32_t (*log_register)(void *host, const keyway_log_callsite *callsite, keyway_log_site *out);
    uint32_t (*log_event)(void *host, const void *site, const keyway_log_event *event);
    uint32_t (*service)(void *host, const keyway_service_request *request, keyway_service *out);
} keyway_host_v1;

typedef struct {
    void *context;
    const keyway_host_v1 *table;
} keyway_host;

/* ---- packages ----------------------------------------------------------------------------- */

typedef struct {
    uint32_t (*last_error)(void *package, const keyway_str_sink *out);

    uint32_t (*path)(void *package, const keyway_path_sink *out);
    uint32_t (*metadata)(void *package, const keyway_str_sink *out);
    uint32_t (*metadata_value)(void *package, keyway_str key, const keyway_str_sink *out);
    uint32_t (*is_valid)(void *package);
    uint32_t (*file_path)(void *package, keyway_str key, keyway_str file_name,
                          const keyway_path_sink *out);
    uint32_t (*entry_list)(void *package, keyway_str key, const keyway_path_sink *out);

    uint32_t (*keys)(void *package, uint32_t filter, const keyway_str_sink *out);
    uint32_t (*definition_paths)(void *package, keyway_str key, const keyway_str_sink *out);
    uint32_t (*definition_name)(void *package, keyway_str key, const keyway_str_sink *out);
    uint32_t (*is_required)(void *package, keyway_str key);
    uint32_t (*mime_types)(void *package, keyway_str key, const keyway_str_sink *out);
    uint32_t (*contents_prefix_paths)(void *package, const keyway_str_sink *out);
    uint32_t (*default_package_root)(void *package, const keyway_str_sink *out);
    uint32_t (*allow_external_paths)(void *package);
    uint32_t (*fallback_package)(void *package, const keyway_path_sink *out);

    uint32_t (*add_directory_definition)(void *package, keyway_str key, keyway_str path,
                                         keyway_str name);
    uint32_t (*add_file_definition)(void *package, keyway_str key, keyway_str path,
                                    keyway_str name);
    uint32_t (*remove_definition)(void *package, keyway_str key);
    uint32_t (*set_required)(void *package, keyway_str key, uint32_t required);
    uint32_t (*set_mime_types)(void *package, keyway_str key, const keyway_str *first,
                               size_t count);
    uint32_t (*set_default_mime_types)(void *package, const keyway_str *first, size_t count);
    uint32_t (*set_contents_prefix_paths)(void *package, const keyway_str *first, size_t count);
    uint32_t (*set_default_package_root)(void *package, keyway_str root);
    uint32_t (*set_allow_external_paths)(void *package, uint32_t allow);
    uint32_t (*set_path)(void *package, keyway_path path);
    uint32_t (*set_metadata)(void *package, keyway_str json);
    uint32_t (*set_fallback_package)(void *package, keyway_str type_name, keyway_path path);
    uint32_t (*clear_fallback_package)(void *package);
} keyway_package_v1;

typedef struct {
    void *context;
    const keyway_package_v1 *table;
} keyway_package;

/* ---- lifecycles --------------------------------------------------------------------------- */

typedef struct {
    void (*retain)(void *context);
    void (*release)(void *context);
    uint32_t (*package_root)(void *context, const keyway_path_sink *out);
    uint32_t (*data_dir)(void *context, const keyway_path_sink *out);
    uint32_t (*install_kwargs)(void *context, const keyway_str_sink *out);
    uint32_t (*package_toml)(void *context, const keyway_str_sink *out);
    uint32_t (*service)(void *context, const keyway_service_request *request, keyway_service *out);
} keyway_lifecycle_context_v1;

typedef struct {
    void *context;
    const keyway_lifecycle_context_v1 *table;
} keyway_lifecycle_context;

typedef struct {
    void (*retain)(void *hook);
    void (*release)(void *hook);
    uint64_t (*remaining_ms)(void *hook); /* UINT64_MAX: no deadline */
    uint32_t (*is_cancelled)(void *hook);
    uint32_t (*wait_cancelled)(void *hook, uint64_t timeout_ms);
    uint32_t (*progress)(void *hook, uint64_t done, uint64_t total, keyway_str message);
} keyway_hook_v1;

typedef struct {
    void *context;
    const keyway_hook_v1 *table;
} keyway_hook;

/* ---- services of a package ---------------------------------------------------------------- */

/* Asked for with the lifecycle context's `service`, and valid as long as that context is held: from
 * any thread, also when the lifecycle has ended. A reason for what is not done is pushed into
 * `error`, which may be null. */

typedef struct {
    const uint8_t *ptr;
    size_t len;
} keyway_bytes;

typedef struct {
    void *context;
    void (*push)(void *context, keyway_bytes item);
} keyway_bytes_sink;

typedef struct {
    void *context;
    void (*push)(void *context, keyway_bytes key, keyway_bytes value);
} keyway_pair_sink;

typedef struct {
    uint32_t expect; /* 0 anything or nothing, 1 nothing, 2 the value `expected` */
    uint32_t action; /* 0 removes the key, 1 gives it `value` */
    keyway_bytes key, expected, value;
} keyway_store_change_v1;

typedef struct {
    uint64_t removed;
    uint64_t conflict; /* with KEYWAY_CONFLICT: the first change that does not fit */
} keyway_store_outcome_v1;

/* "keyway.store", version 1: keys have 1 to 1024 bytes, values at most 16 MiB; at most 4096 changes
 * of 64 MiB at once */
typedef struct {
    uint32_t (*get)(void *store, keyway_bytes key, const keyway_bytes_sink *out,
                    const keyway_str_sink *error);
    uint32_t (*scan)(void *store, keyway_bytes prefix, keyway_bytes after, uint32_t limit,
                     const keyway_pair_sink *out, const keyway_str_sink *error);
    uint32_t (*apply)(void *store, const keyway_store_change_v1 *changes, size_t count,
                      keyway_store_outcome_v1 *out, const keyway_str_sink *error);
} keyway_store_v1;

typedef struct {
    keyway_str url, branch, rev, folder;
    uint32_t update; /* 0 or 1 */
} keyway_fetch_request_v1;

/* "keyway.fetch", version 1 */
typedef struct {
    uint32_t (*fetch)(void *fetch, const keyway_fetch_request_v1 *request, const keyway_hook *hook,
                      const keyway_str_sink *commit, const keyway_str_sink *error);
} keyway_fetch_v1;

/* "keyway.config", version 1: `document` 0 the arguments of the installation, 1 package.toml; keys as
 * "web.port", `hosts.0`, `dependencies."acme.db"` */
typedef struct {
    uint32_t (*text)(void *config, uint32_t document, keyway_str key, const keyway_str_sink *out,
                     const keyway_str_sink *error);
    uint32_t (*integer)(void *config, uint32_t document, keyway_str key, int64_t *out,
                        const keyway_str_sink *error);
    uint32_t (*number)(void *config, uint32_t document, keyway_str key, double *out,
                       const keyway_str_sink *error);
    uint32_t (*boolean)(void *config, uint32_t document, keyway_str key, uint32_t *out,
                        const keyway_str_sink *error);
    uint32_t (*length)(void *config, uint32_t document, keyway_str key, uint64_t *out,
                       const keyway_str_sink *error);
    uint32_t (*keys)(void *config, uint32_t document, keyway_str key, const keyway_str_sink *out,
                     const keyway_str_sink *error);
    uint32_t (*json)(void *config, uint32_t document, keyway_str key, const keyway_str_sink *out,
                     const keyway_str_sink *error);
} keyway_config_v1;

typedef struct {
    keyway_path path; /* one of `path` and `git_url` */
    keyway_str git_url, branch, rev;
    keyway_str install_kwargs; /* one JSON object, or empty */
    uint32_t start;            /* 0 or 1 */
} keyway_package_add_v1;

typedef struct {
    keyway_str name, version, status;
    keyway_path path;
    uint32_t running; /* 0 or 1 */
} keyway_package_info_v1;

typedef struct {
    void *context;
    void (*push)(void *context, const keyway_package_info_v1 *item);
} keyway_package_sink;

/* "keyway.packages", version 1; `hook` may be null outside of hooks */
typedef struct {
    uint32_t (*list)(void *packages, const keyway_package_sink *out, const keyway_str_sink *error);
    uint32_t (*status)(void *packages, keyway_str name, const keyway_package_sink *out,
                       const keyway_str_sink *error);
    uint32_t (*add)(void *packages, const keyway_package_add_v1 *request, const keyway_hook *hook,
                    const keyway_package_sink *out, const keyway_str_sink *error);
    uint32_t (*start)(void *packages, keyway_str name, const keyway_hook *hook,
                      const keyway_package_sink *out, const keyway_str_sink *error);
} keyway_packages_v1;

typedef struct {
    keyway_bytes name, value;
} keyway_process_variable_v1;

typedef struct {
    keyway_str name;     /* letters, digits, `_`, `-`; 64 at most; not `package` */
    keyway_path program; /* absolute, below the package's folder if it has a `/`, or of PATH */
    const keyway_bytes *arguments; /* behind the program; no byte 0 */
    size_t argument_count;
    const keyway_process_variable_v1 *environment;
    size_t environment_count;
    keyway_path folder; /* empty: the data folder */
    uint32_t restart;   /* 0 never, 1 after a failure, 2 always */
    uint64_t grace_ms;  /* from SIGTERM to SIGKILL; five minutes at most */
    uint64_t log_bytes; /* the log is put aside then: 4 KiB to 1 GiB */
} keyway_process_request_v1;

typedef struct {
    uint32_t state; /* 0 runs, 1 has ended, 2 is about to be started again, 3 was stopped */
    uint32_t pid;   /* 0: none */
    uint64_t since; /* seconds since 1970 */
    uint64_t restarts;
    uint32_t exit; /* 0 has not ended yet, 1 with the code `value`, 2 by the signal `value`, 3 lost */
    int32_t value;
} keyway_process_status_v1;

/* "keyway.process", version 1: KEYWAY_CONFLICT if that name runs, KEYWAY_NOT_FOUND if it was never
 * started; `grace_ms` of `stop` may be UINT64_MAX: as the request said */
typedef struct {
    uint32_t (*start)(void *processes, const keyway_process_request_v1 *request,
                      const keyway_str_sink *error);
    uint32_t (*stop)(void *processes, keyway_str name, uint64_t grace_ms,
                     const keyway_str_sink *error);
    uint32_t (*status)(void *processes, keyway_str name, keyway_process_status_v1 *out,
                       const keyway_str_sink *error);
    uint32_t (*list)(void *processes, const keyway_str_sink *names, const keyway_str_sink *error);
} keyway_process_v1;

/* ---- interfaces of a plugin --------------------------------------------------------------- */

/* "keyway.plugin", version 1: required */
typedef struct {
    uint32_t (*attach)(const keyway_host *host, const keyway_call *call);
} keyway_plugin_v1;

/* "keyway.structure", version 1 */
typedef struct {
    uint32_t (*create)(keyway_str type_name, void **out, const keyway_call *call);
    uint32_t (*init_package)(void *instance, const keyway_package *package,
                             const keyway_call *call);
    uint32_t (*path_changed)(void *instance, const keyway_package *package,
                             const keyway_call *call);
    uint32_t (*destroy)(void *instance, const keyway_call *call);
} keyway_structure_v1;

/* "keyway.lifecycle", version 1 */
typedef struct {
    uint32_t (*create)(keyway_str type_name, const keyway_lifecycle_context *context, void **out,
                       const keyway_call *call);
    uint32_t (*prepare)(void *instance, const keyway_hook *hook, const keyway_call *call);
    uint32_t (*install)(void *instance, const keyway_hook *hook, const keyway_call *call);
    uint32_t (*start)(void *instance, const keyway_hook *hook, const keyway_call *call);
    uint32_t (*stop)(void *instance, const keyway_hook *hook, const keyway_call *call);
    uint32_t (*uninstall)(void *instance, const keyway_hook *hook, const keyway_call *call);
    uint32_t (*upgrade)(void *instance, keyway_str from, const keyway_hook *hook,
                        const keyway_call *call);
    uint32_t (*destroy)(void *instance, const keyway_call *call);
} keyway_lifecycle_v1;

/* ---- the entry ---------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *name;
    size_t name_len;
    uint32_t version;
    uint32_t flavour;
    const void *table;
    const void *evidence;
} keyway_row;

typedef struct {
    uint8_t magic[8];
    uint32_t size, row_size;
    uint16_t abi_major, abi_minor, least_host_minor, flags;
    uint32_t row_count, reserved;
    const keyway_row *rows;
    const uint8_t *manifest;
    size_t manifest_len;
} keyway_entry;

/* At most 256 rows of at most 4096 bytes and 1 MiB of manifest; no function of a table is null.
 *
 * The one symbol that a plugin exports: with -fvisibility=hidden it needs
 * __attribute__((visibility("default"))). */
extern const keyway_entry keyway_entry_1;

/* ---- the note ----------------------------------------------------------------------------- */

/* Puts the manifest, a string literal with one JSON object, into the file's note (ELF). The entry
 * points to another copy of the same bytes, not to this one: tools that move notes in a finished
 * file overwrite the place that pointers lead to. The manifest's form, with TARGET the platform as
 * `gcc -dumpmachine` names it:
 *
 *   {"format": 1, "id": "org.example.plugin", "version": "1.0",
 *    "types": [{"type": "Vendor/Name", "kind": "structure"}],
 *    "metadata": {"KPlugin": {"Id": "org.example.plugin", "Name": "Example"}},
 *    "abi": {"major": 1, "minor": 0, "least_host_minor": 0},
 *    "target": TARGET, "pointer_width": 64, "endian": "little", "panic": "none"}
 */
#if defined(__ELF__)
#define KEYWAY_NOTE(name, json)                                                                    \
    static const struct {                                                                          \
        uint32_t name_size, description_size, kind;                                                \
        char owner[8];                                                                             \
        char description[(sizeof(json) + 3) / 4 * 4];                                              \
    } name __attribute__((section(".note.keyway"), used, aligned(4))) = {                          \
        7, sizeof(json) - 1, 1, {'K', 'e', 'y', 'w', 'a', 'y', 0, 0}, json}
#endif

#ifdef __cplusplus
}
#endif

#endif
