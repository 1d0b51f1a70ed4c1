#!/usr/bin/env python3
"""Checks the documentation against the sources, for tests/run.sh.

    check-docs.py

Links between pages lead somewhere, and files that are named are there; lines have at most 100 characters;
docs/architecture.md names every file of provider/ and every directory of tests/; configuration.md and the man page
have every setting and its variable; the man pages every reason of an error, and every option of hsmzke-memscan.
Prints what is wrong, a line each; the status is 1 if anything is.
"""

import glob
import os
import re
import sys

wrong = []


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def anchor(heading):
    """What GitHub makes of a heading."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(page):
    outside = re.sub(r"^```.*?^```", "", read(page), flags=re.M | re.S)
    return {anchor(heading) for heading in re.findall(r"^#+ (.*)", outside, re.M)}


def check_links(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        path, _, place = link.partition("#")
        if "://" in link:
            continue
        target = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if not os.path.exists(target):
            wrong.append(f"{page}: {link} is not there")
        elif place and place not in anchors(target):
            wrong.append(f"{page}: {link}: there is no such heading")


def check_names(page):
    for name in re.findall(r"`((?:docs|examples|include|provider|tests)/[\w./*-]+)`", read(page)):
        if not name.startswith("examples/work/") and not glob.glob(name):
            wrong.append(f"{page}: {name} is not there")


def check_lines(page):
    for number, line in enumerate(read(page).splitlines(), 1):
        if len(line) > 100 and not line.startswith("|"):
            wrong.append(f"{page}:{number}: {len(line)} characters")


def check_architecture():
    page = "docs/architecture.md"
    named = set()
    table = re.search(r"^\| file in .*?\n\n", read(page), re.M | re.S)
    for cell in re.findall(r"^\| (`.*?) \|", table[0], re.M):
        room = ""
        for name in re.findall(r"`([^`]*)`", cell):
            room = os.path.dirname(name) or room
            stem = os.path.join("provider", room, os.path.basename(name))
            named |= {stem.replace("[ch]", end) for end in "ch"} if "[ch]" in stem else {stem}
    for path in glob.glob("provider/**/*.[ch]", recursive=True):
        if path not in named:
            wrong.append(f"{page}: {path} is not in the table")
    for path in sorted(named - set(glob.glob("provider/**/*.[ch]", recursive=True))):
        wrong.append(f"{page}: {path} is in the table and not in the tree")
    for path in glob.glob("tests/*/"):
        if f"`{path}" not in read(page):
            wrong.append(f"{page}: {path} is not named")


def check_settings():
    manual = read("docs/provider-hsmzke.7").replace(r"\-", "-")
    table = read("docs/configuration.md")
    sections = ("keys", "identities")
    for name in re.findall(r'^#define HSMZKE_PARAM_\w+ "(.*?)"', read("include/hsmzke/hsmzke.h"), re.M):
        variable = "HSMZKE_" + name.upper().replace("-", "_")
        if not re.search(rf"^\| `{name}` \| {'no' if name in sections else f'`{variable}`'} \|", table, re.M):
            wrong.append(f"docs/configuration.md: the table has no line with {name} and its variable")
        if not re.search(rf"^\.BR? {name}( |$)", manual, re.M) or name not in sections and variable not in manual:
            wrong.append(f"docs/provider-hsmzke.7: has not {name} and its variable")
    for reason in re.findall(r'^ *\[FAILURE_\w+\] = "(.*?)"', read("provider/error.c"), re.M):
        if f"\n.TP\n{reason}\n" not in manual:
            wrong.append(f"docs/provider-hsmzke.7: has not the reason '{reason}'")


def check_options():
    manual = read("docs/hsmzke-memscan.1").replace(r"\-", "-")
    for option in re.findall(r'^ *{ "([a-z-]+)", \w+_argument,', read("tests/forensics/options.c"), re.M):
        if not re.search(rf"--{option}\b(?!-)", manual):
            wrong.append(f"docs/hsmzke-memscan.1: has not --{option}")


os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
for page in glob.glob("*.md") + glob.glob("docs/*.md") + glob.glob("tests/*/README.md"):
    check_links(page)
    check_names(page)
    check_lines(page)
check_architecture()
check_settings()
check_options()
for line in wrong:
    print(line)
sys.exit(bool(wrong))
