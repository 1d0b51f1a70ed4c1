/*
 * The module matrix: each algorithm on each PKCS#11 module that tests/hsm/ starts, and whether the
 * HSM does it by a mechanism of its own, hsmzke makes it of another, or it is refused.  The table
 * is printed, and compared with the one in docs/hsm-setup.md.
 */
#include "matrix-cells.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MODULES = 7, ALGORITHMS = 14, VERSION = ALGORITHMS, ROWS };

static const struct {
    const char *name;
    bool slow;
} modules[MODULES] = {
    { "softhsm", false },    { "remote", false }, { "remote-ecb", false },  { "nss", false },
    { "nss-remote", false }, { "tpm2", true },    { "opencryptoki", true },
};

/* Filled by children; empty: not run. */
static char (*cells)[MODULES][CELL_ROOM];

static void fill_column(void *number)
{
    const size_t module = *(size_t *)number;

    setenv("HSMZKE_TEST_MODULE", modules[module].name, 1);
    cells_begin();
    for (size_t i = 0; i < ALGORITHMS; i++)
        cell_fill(i, cells[i][module]);
    cells_end();
}

static const char *version_of(const char *module)
{
    const char *output;

    CHECK(run_shell(text("'%s/%s.sh' version", testing_path("HSMZKE_TEST_HSM"), module), &output) ==
          0);
    return text("%.*s", (int)strcspn(output, "\n"), output);
}

static void column(void **state)
{
    size_t module = *(size_t *)*state;
    const int status = run_child(fill_column, &module);

    if (status == 77) /* and the script has said why */
        skip();
    if (status != 0)
        testing_failed(__FILE__, __LINE__, text("%s: status %d", modules[module].name, status));
    snprintf(cells[VERSION][module], CELL_ROOM, "%s", version_of(modules[module].name));
}

static const char *row_name(size_t row)
{
    return row == VERSION ? "version" : cell_algorithm(row);
}

static void print_row(const char *name, const char *(*cell)(size_t row, size_t module), size_t row)
{
    printf("table: | %-17s |", name);
    for (size_t module = 0; module < MODULES; module++)
        printf(" %-14s |", cell(row, module));
    putchar('\n');
}

static const char *heading(size_t row, size_t module)
{
    (void)row;
    return modules[module].name;
}

static const char *dashes(size_t row, size_t module)
{
    (void)row;
    (void)module;
    return "---";
}

static const char *found(size_t row, size_t module)
{
    return cells[row][module][0] == '\0' ? "not run" : cells[row][module];
}

static void print_table(void)
{
    print_row("algorithm", heading, 0);
    print_row("---", dashes, 0);
    for (size_t row = 0; row < ROWS; row++)
        print_row(row_name(row), found, row);
}

/* ---- the documentation ---- */

/* The n-th cell of a line of a table, which begins with "|", from 0; "" if there is none. */
static const char *cell_of(const char *line, size_t n)
{
    const char *end;

    for (; n > 0 && line != NULL; n--)
        line = strchr(line + 1, '|');
    if (line == NULL || (end = strchr(line + 1, '|')) == NULL)
        return "";
    for (line++; line < end && *line == ' '; line++)
        continue;
    while (end > line && end[-1] == ' ')
        end--;
    return text("%.*s", (int)(end - line), line);
}

/* The line of the documentation's table that has this in its first cell. */
static const char *documented_row(const char *name)
{
    static char *page;
    const char *line;
    size_t size;

    if (page == NULL) {
        page = (char *)read_file(testing_path("HSMZKE_TEST_HSM_SETUP_MD"), &size);
        CHECK(page != NULL);
        page[size] = '\0';
    }
    line = strstr(page, "\n| algorithm |");
    CHECK(line != NULL);
    for (line++; *line == '|'; line = strchr(line, '\n') + 1) {
        const char *row = text("%.*s", (int)strcspn(line, "\n"), line);

        CHECK(strchr(line, '\n') != NULL);
        if (strcmp(cell_of(row, 0), name) == 0)
            return row;
    }
    testing_failed(__FILE__, __LINE__, text("docs/hsm-setup.md has a row '%s'", name));
    return NULL;
}

static unsigned compare_column(size_t module)
{
    unsigned wrong = 0;

    for (size_t row = 0; row < ALGORITHMS; row++) {
        const char *documented = cell_of(documented_row(row_name(row)), module + 1);

        if (strcmp(documented, cells[row][module]) != 0) {
            printf("docs/hsm-setup.md: %s on %s: '%s', but it is '%s'\n", row_name(row),
                   modules[module].name, documented, cells[row][module]);
            wrong++;
        }
    }
    return wrong;
}

static void the_documentation_has_the_table(void **state)
{
    const char *head, *versions;
    unsigned compared = 0, wrong = 0;

    (void)state;
    print_table();
    head = documented_row("algorithm");
    versions = documented_row("version");
    for (size_t module = 0; module < MODULES; module++) {
        const char *version = cells[VERSION][module];

        assert_string_equal(cell_of(head, module + 1), modules[module].name);
        if (*version == '\0')
            continue;
        if (strcmp(cell_of(versions, module + 1), version) != 0) {
            printf("not compared with docs/hsm-setup.md: %s is %s here, %s there\n",
                   modules[module].name, version, cell_of(versions, module + 1));
            continue;
        }
        wrong += compare_column(module);
        compared++;
    }
    printf("%u columns compared with docs/hsm-setup.md\n", compared);
    CHECK(wrong == 0);
}

int main(void)
{
    struct CMUnitTest tests[MODULES + 1] = { { .name = NULL } }; /* cmocka passes over empty ones */
    size_t numbers[MODULES], count = 0;

    CHECK(cell_algorithm(ALGORITHMS - 1) != NULL && cell_algorithm(ALGORITHMS) == NULL);
    cells = mmap(NULL, sizeof(*cells) * ROWS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                 -1, 0);
    CHECK(cells != MAP_FAILED);
    for (size_t module = 0; module < MODULES; module++) {
        numbers[module] = module;
        if (quick() && modules[module].slow)
            printf("not in the quick form: %s\n", modules[module].name);
        else
            tests[count++] =
                (struct CMUnitTest){ modules[module].name, column, NULL, NULL, &numbers[module] };
    }
    tests[count] = (struct CMUnitTest)cmocka_unit_test(the_documentation_has_the_table);
    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
