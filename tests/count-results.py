#!/usr/bin/env python3
"""Counts the tests in a log that `meson test` wrote, for tests/run.sh.

    count-results.py meson-logs/NAME.json

A cmocka program counts each of its tests, by name; a program that speaks TAP each of its lines; any other
program is one test. A program that failed without a failed test of its own (a crash, a sanitizer's report,
a time-out) adds one failure. Prints what failed and what was skipped and why, and the lines of a test's output that
begin with "table: ", which are for the reader; then, on the last line, how many passed, failed and were skipped.
"""

import json
import re
import sys

CMOCKA_BEGINS = re.compile(r"\[ RUN +\] (.+)")
CMOCKA_ENDS = re.compile(r"\[ +(OK|FAILED|SKIPPED) +\] (.+)")
CMOCKA_SUMMARY = re.compile(r"\[==========\] .*test\(s\) run\.")
TAP = re.compile(r"(not )?ok\b(?:\s+\d+)?(?:\s+-)?\s*(.*?)(?:\s+#\s*(SKIP)\b\s*(.*))?$", re.IGNORECASE)


def last_words(lines, most=1):
    """The last things that were said, for a reason."""
    said = [line.strip() for line in lines if line.strip()]
    return " | ".join(said[-most:]) if said else "no reason given"


def cmocka_verdicts(lines):
    """{test: (verdict, what it said)}, a test that began and did not end left out.

    By name, as what a forked child inherited of the output may be printed twice.
    """
    verdicts, said, running = {}, [], False
    for line in lines:
        begins, ends = CMOCKA_BEGINS.match(line), CMOCKA_ENDS.match(line)
        if begins:
            running, said = True, []
        elif CMOCKA_SUMMARY.match(line):
            running = False
        elif ends and running:
            verdicts[ends[2]] = (ends[1], said)
        else:
            said.append(line)
    return {name: ({"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}[verdict],
                   last_words(said, 3 if verdict == "FAILED" else 1))
            for name, (verdict, said) in verdicts.items()}


def tap_verdicts(lines):
    verdicts = {}
    for line in lines:
        match = TAP.match(line)
        if match:
            verdict = "skipped" if match[3] else "failed" if match[1] else "passed"
            verdicts[f"{len(verdicts) + 1} {match[2]}"] = (verdict, match[4] or "no reason given")
    return verdicts


def verdicts_of(test):
    lines = test.get("stdout", "").splitlines()
    if any(CMOCKA_BEGINS.match(line) for line in lines):
        verdicts = cmocka_verdicts(lines)
    elif any(re.match(r"1\.\.\d+", line) for line in lines):
        verdicts = tap_verdicts(lines)
    else:
        verdicts = {}
    failed = any(verdict == "failed" for verdict, _ in verdicts.values())
    if test["result"] == "SKIP" and not verdicts:
        verdicts["(all)"] = ("skipped", last_words(lines + test.get("stderr", "").splitlines()))
    elif test["result"] not in ("OK", "SKIP", "EXPECTEDFAIL") and not failed:
        words = last_words(lines + test.get("stderr", "").splitlines(), 3)
        verdicts["(the program)"] = ("failed", f"{test['result']}: {words}")
    elif not verdicts:
        verdicts["(all)"] = ("passed", "")
    return verdicts


def main():
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with open(sys.argv[1], encoding="utf-8") as log:
        for line in log:
            test = json.loads(line)
            for name, (verdict, reason) in verdicts_of(test).items():
                counts[verdict] += 1
                if verdict == "failed":
                    print(f"failed: {test['name']}: {name}: {reason}")
                elif verdict == "skipped":
                    print(f"skipped: {test['name']}: {name}: {reason}")
            for row in test.get("stdout", "").splitlines():
                if row.startswith("table: "):
                    print(row)
    print(counts["passed"], counts["failed"], counts["skipped"])


if __name__ == "__main__":
    main()
