#!/usr/bin/env python3
"""Makes holdfast/values.schema.json: values.base.schema.json, and for `config` and `routes` what the program itself declares.

usage: schema.py HOLDFAST [--check]

HOLDFAST is the program. --check compares with the file and complains instead of writing it.
"""

import argparse
import difflib
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TARGET = HERE / "holdfast" / "values.schema.json"

# What the chart sets, because Pods, Services and policies follow from it; extraConfig can still say otherwise.
SET_BY_THE_CHART = [
    "listen", "routes", "routes_file", "role", "drain", "metrics.address",
    "control.http.address", "control.http.token_file", "control.http.tokens", "control.http.allow_anonymous",
    "control.grpc.address", "control.grpc.token_file", "control.grpc.tokens", "control.grpc.allow_anonymous",
]


def program_schema(holdfast: str) -> dict:
    return json.loads(subprocess.run([holdfast, "print-reference", "--json-schema"], check=True, capture_output=True, text=True).stdout)


def remove(schema: dict, dotted: str) -> None:
    """Takes an option away, and the sections that are empty without it."""
    name, _, rest = dotted.partition(".")
    members = schema["properties"]
    if name not in members:
        return
    if rest:
        remove(members[name], rest)
    if not rest or not members[name]["properties"]:
        del members[name]


def option_names(schema: dict, before: str = "") -> list[str]:
    names = []
    for name, member in schema["properties"].items():
        if "properties" in member:
            names += option_names(member, before + name + ".")
        else:
            names.append(before + name)
    return names


def values_schema(holdfast: str) -> str:
    program = program_schema(holdfast)
    values = json.loads((HERE / "values.base.schema.json").read_text())
    if "grpc" not in program["properties"]["control"]["properties"]:
        # A door that the program does not have must not be promised.
        values["properties"]["control"]["properties"]["grpc"]["properties"]["enabled"] = {"const": False}
    values["properties"]["routes"] = program["properties"]["routes"]
    config = {key: value for key, value in program.items() if not key.startswith("$") and key != "title"}
    for option in SET_BY_THE_CHART:
        remove(config, option)
    values["properties"]["config"] = config
    # One property an option, and no propertyNames: Helm names a wrong place for those.
    values["properties"]["configFromSecrets"]["properties"] = {name: {"$ref": "#/definitions/fromSecret"} for name in option_names(config)}
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Makes the schema of the chart's values.")
    parser.add_argument("holdfast")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    made = values_schema(arguments.holdfast)
    if not arguments.check:
        TARGET.write_text(made)
        return 0
    present = TARGET.read_text() if TARGET.exists() else ""
    if made == present:
        return 0
    sys.stderr.writelines(difflib.unified_diff(present.splitlines(True), made.splitlines(True), str(TARGET), "what the program says"))
    print(f"{TARGET} is old: {sys.argv[0]} {arguments.holdfast}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
