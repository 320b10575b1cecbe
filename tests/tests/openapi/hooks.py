"""Brings what is generated near to what is there: a few packages, and no other machine."""

import os
import re

import schemathesis

PACKAGES = os.environ["KEYWAY_PACKAGES"].split(":")
NAMES = ["acme." + os.path.basename(package) for package in PACKAGES]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.|__)[A-Za-z0-9][A-Za-z0-9_-]*")


def one_of(those, text):
    return those[len(text) % len(those)]


@schemathesis.hook
def before_call(context, case, kwargs):
    name = (case.path_parameters or {}).get("name")
    # Most names are those of packages on record, whatever was well-formed before.
    if isinstance(name, str) and NAME.fullmatch(name) and len(name) != 7:
        case.path_parameters["name"] = one_of(NAMES, name)
    # A log that is followed has no end.
    if case.query and str(case.query.get("follow")).lower() == "true":
        case.query["follow"] = "false"
    source = case.body.get("source") if isinstance(case.body, dict) else None
    if isinstance(source, dict):
        url = source.get("git_url")
        if isinstance(url, str) and url.startswith(("http", "file")):
            source["git_url"] = "file:///nowhere/" + str(len(url))
        for key in ("path", "link"):
            if isinstance(source.get(key), str) and source[key].startswith("/"):
                source[key] = one_of([*PACKAGES, source[key]], source[key])
