#!/usr/bin/env bash
# The fail-closed matrix as a table in Markdown, from the logs of the applications' tests:
#
#     tests/apps/matrix-table.sh LOG...
#
# ok: passed; sw: not preventable, encrypts in software under the reference's bytes; -: skipped; FAILED: look there.
# docs/applications.md says what the columns are, and has the same table.
set -euo pipefail

awk '
    match($0, /^(passed|failed|skipped): [a-z-]+: matrix [0-9][a-z]?:/) {
        split($0, part, ": ")
        column = substr(part[3], 8)
        if (!(part[2] in known)) { known[part[2]]; rows[++row_count] = part[2] }
        if (!(column in seen)) { seen[column]; columns[++column_count] = column }
        if (part[1] == "failed") value = "FAILED"
        else if (part[1] == "skipped") value = "-"
        else value = index($0, ": not preventable: ") ? "sw" : "ok"
        cell[part[2], column] = value
    }
    END {
        if (!row_count) exit
        line = "|"; rule = "| ---"
        for (i = 1; i <= column_count; i++) { line = line " | " columns[i]; rule = rule " | ---" }
        print line " |"
        print rule " |"
        for (j = 1; j <= row_count; j++) {
            line = "| " rows[j]
            for (i = 1; i <= column_count; i++)
                line = line " | " ((rows[j], columns[i]) in cell ? cell[rows[j], columns[i]] : "FAILED")
            print line " |"
        }
    }' "$@"
