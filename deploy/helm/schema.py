#!/usr/bin/env python3
"""Makes holdfast/values.schema.json: values.base.schema.json, and for `config` and `routes` what the program itself declares; and
holdfast/files/secret-options.json, the options that a ConfigMap must not show.

usage: schema.py HOLDFAST [--check]

HOLDFAST is the program. --check compares with the files and complains instead of writing them.
"""

import argparse
import copy
import difflib
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CHART = HERE / "holdfast"

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


def options(schema: dict, before: str = "") -> dict[str, dict]:
    found = {}
    for name, member in schema["properties"].items():
        if "properties" in member:
            found |= options(member, before + name + ".")
        else:
            found[before + name] = member
    return found


def chart_config(program: dict) -> dict:
    config = {key: value for key, value in program.items() if not key.startswith("$") and key != "title"}
    for option in SET_BY_THE_CHART:
        remove(config, option)
    return config


def values_schema(program: dict, config: dict) -> str:
    values = json.loads((HERE / "values.base.schema.json").read_text())
    if "grpc" not in program["properties"]["control"]["properties"]:
        # A door that the program does not have must not be promised.
        values["properties"]["control"]["properties"]["grpc"]["properties"]["enabled"] = {"const": False}
    values["properties"]["routes"] = program["properties"]["routes"]
    values["properties"]["config"] = config
    # One property an option, and no propertyNames: Helm names a wrong place for those.
    values["properties"]["configFromSecrets"]["properties"] = {name: {"$ref": "#/definitions/fromSecret"} for name in options(config)}
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def secret_options(config: dict) -> str:
    """What must not stand in a ConfigMap; the templates hold values to it."""
    names = [name for name, option in options(config).items() if option.get("writeOnly") and option["type"] == "string"]
    return json.dumps(names, indent=1) + "\n"


def is_old(path: pathlib.Path, made: str, command: str) -> bool:
    present = path.read_text() if path.exists() else ""
    if made == present:
        return False
    sys.stderr.writelines(difflib.unified_diff(present.splitlines(True), made.splitlines(True), str(path), "what the program says"))
    print(f"{path} is old: {command}", file=sys.stderr)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description="Makes the schema of the chart's values.")
    parser.add_argument("holdfast")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    program = program_schema(arguments.holdfast)
    config = chart_config(copy.deepcopy(program))
    made = {CHART / "values.schema.json": values_schema(program, config), CHART / "files" / "secret-options.json": secret_options(config)}
    if arguments.check:
        return int(any([is_old(path, text, f"{sys.argv[0]} {arguments.holdfast}") for path, text in made.items()]))
    for path, text in made.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
