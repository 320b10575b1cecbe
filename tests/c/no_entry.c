/* A library with a manifest and no entry of its own. */
#include "keyway_plugin.h"

#define MANIFEST                                                                                   \
    "{\"format\":1,\"id\":\"c-structure\",\"version\":\"1.0\","                                    \
    "\"types\":[{\"type\":\"C/Structure\",\"kind\":\"structure\"}],"                               \
    "\"abi\":{\"major\":1,\"minor\":0,\"least_host_minor\":0},"                                    \
    "\"target\":\"" TARGET "\",\"pointer_width\":64,\"endian\":\"little\",\"panic\":\"none\"}"

KEYWAY_NOTE(note, MANIFEST);
