#!/usr/bin/python3
"""What the writers make of made-up reports: check-reports.py WHAT PROGRAM [SCHEMA].

WHAT is text, json or html; PROGRAM is made-up-report.  Needs Debian's python3-jsonschema for json.
"""
import json
import subprocess
import sys
import unittest
import xml.etree.ElementTree as ElementTree

CASES = {
    "absent": "KEY_NOT_IN_MEMORY",
    "found": "KEY_FOUND",
    "run": "KEY_NOT_IN_MEMORY",
    "run-found": "KEY_FOUND",
    "inconclusive": "INCONCLUSIVE",
    "listed": "AES_KEYS_FOUND",
    "none": "NO_AES_KEYS",
    "image": "KEY_NOT_IN_MEMORY",
    "core": "INCONCLUSIVE",
    "empty": "INCONCLUSIVE",
    "hostile": "KEY_FOUND",
}
# The wanted key in made-up reports, as schedule and as bytes.
KEYS = ["01" + "a5" * 31, "5a5a" + "00" * 30]
PROGRAM = SCHEMA = None


def written(case, form, *more):
    """What made-up-report writes, which must be UTF-8."""
    run = subprocess.run([PROGRAM, case, form, *more], check=True, stdout=subprocess.PIPE)
    return run.stdout.decode("utf-8")


class Text(unittest.TestCase):
    def test_lines_are_narrow(self):
        for case in CASES:
            for line in written(case, "text").splitlines():
                self.assertLessEqual(len(line), 80, f"{case}: {line}")

    def test_verdicts(self):
        for case, verdict in CASES.items():
            lines = written(case, "text").splitlines()
            self.assertEqual(lines[2], verdict)
            self.assertTrue(lines[3])

    def test_conditions(self):
        text = written("inconclusive", "text")
        for name in ("ledger", "controls", "moments"):
            self.assertRegex(text, rf"\n  fails  {name} ")
        self.assertRegex(text, r"\n  holds  threads ")
        self.assertIn("NOT FOUND", text)
        self.assertIn("canary in XMM registers", text)

    def test_no_control_characters(self):
        text = written("hostile", "text", "everything")
        self.assertNotRegex(text, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")
        self.assertIn("\\u001b", text)

    def test_colours_are_asked_for(self):
        self.assertNotIn("\x1b", written("found", "text"))
        self.assertIn("\x1b[1;31mKEY_FOUND\x1b[0m", written("found", "text", "colour"))

    def test_many_are_cut(self):
        self.assertIn("and 5 more", written("listed", "text"))
        self.assertNotIn("and 5 more", written("listed", "text", "everything"))

    def test_ledger_is_asked_for(self):
        self.assertNotIn("Ledger", written("absent", "text"))
        self.assertIn("libfoo.so.1", written("absent", "text", "everything"))


class Keys(unittest.TestCase):
    def test_keys_are_shown_only_if_asked_for(self):
        for form in ("text", "json", "html"):
            plain = written("found", form, "everything").lower()
            for key in KEYS:
                self.assertNotIn(key[:16], plain)
                self.assertIn(key, written("found", form, "reveal"))


class Where(unittest.TestCase):
    def test_places_are_told_exactly(self):
        for form in ("text", "json", "html"):
            page = " ".join(written("found", form).split())
            self.assertIn("ymm5, registers of thread 4712 (worker)", page)


class Json(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        import jsonschema
        with open(SCHEMA, encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        cls.validator = jsonschema.Draft202012Validator(schema)

    def test_schema(self):
        for case, verdict in CASES.items():
            for more in ([], ["everything"], ["reveal"]):
                report = json.loads(written(case, "json", *more))
                self.validator.validate(report)
                self.assertEqual(report["verdict"], verdict)

    def test_schema_refuses(self):
        """It is no schema that everything passes."""
        report = json.loads(written("absent", "json"))
        for change in (lambda r: r.pop("scans"), lambda r: r.update(status=3),
                       lambda r: r.update(extra=1), lambda r: r.update(pin_verdict="KEY_FOUND"),
                       lambda r: r["conditions"].pop("ledger"),
                       lambda r: r["conditions"]["ledger"].update(state="fails")):
            changed = json.loads(json.dumps(report))
            change(changed)
            self.assertFalse(self.validator.is_valid(changed))

    def test_status(self):
        status = {"KEY_NOT_IN_MEMORY": 0, "NO_AES_KEYS": 0, "KEY_FOUND": 1, "AES_KEYS_FOUND": 1,
                  "INCONCLUSIVE": 2}
        for case, verdict in CASES.items():
            self.assertEqual(json.loads(written(case, "json"))["status"], status[verdict])

    def test_findings(self):
        report = json.loads(written("run-found", "json"))
        wanted = [f for f in report["findings"] if f["is"] == "wanted key"]
        self.assertEqual(len(wanted), 3)
        for finding in wanted:
            self.assertEqual((finding["first_scan"], finding["last_scan"], finding["scans"]),
                             (6, 21, 16))
        self.assertEqual({f["is"] for f in report["findings"]},
                         {"wanted key", "PIN", "other AES key", "self-test key"})
        self.assertEqual(report["pin_verdict"], "KEY_FOUND")

    def test_ledger(self):
        report = json.loads(written("run", "json"))
        self.assertEqual(len(report["scans"]), 35)
        self.assertIn("places", report["scans"][0]["ledger"])
        self.assertNotIn("places", report["scans"][1]["ledger"])
        for scan in json.loads(written("run", "json", "everything"))["scans"]:
            ledger = scan["ledger"]
            self.assertEqual(ledger["mapped"],
                             sum(place["mapped"] for place in ledger["places"]))
            self.assertEqual(ledger["mapped"], ledger["read"] + ledger["never_populated"]
                             + ledger["unreadable"])

    def test_names_survive(self):
        report = json.loads(written("hostile", "json"))
        place = report["findings"][0]["place"]
        self.assertTrue(place.startswith("/tmp/<script>alert('x')</script>\"&\x1b[31m\u202e\ufffd"))


class Html(unittest.TestCase):
    def page(self, case, *more):
        return ElementTree.fromstring(written(case, "html", *more))

    def test_is_well_formed(self):
        for case, verdict in CASES.items():
            for more in ([], ["everything", "reveal"]):
                page = self.page(case, *more)
                self.assertEqual(page.find(".//section[@id='verdict']/h2").text, verdict)

    def test_is_self_contained(self):
        for case in CASES:
            text = written(case, "html")
            self.assertIn("default-src 'none'", text)
            style = text[text.index("<style>"):text.index("</style>")]
            self.assertNotRegex(style, r"url\(|@import|http")
            for element in ElementTree.fromstring(text).iter():
                self.assertNotIn(element.tag, ("script", "link", "img", "iframe", "object", "base"))
                for name, value in element.attrib.items():
                    self.assertFalse(name.startswith("on"), name)
                    self.assertNotIn(name, ("src", "srcset", "data", "action"))
                    if name == "href":
                        self.assertTrue(value.startswith("#"), value)

    def test_parts(self):
        page = self.page("run-found")
        ids = {element.get("id") for element in page.iter() if element.get("id")}
        self.assertLessEqual({"verdict", "question", "conditions", "findings", "map", "timeline",
                              "controls", "ledger"}, ids)
        for link in page.iter("a"):
            self.assertIn(link.get("href")[1:], ids)
        self.assertEqual(len(page.findall(".//ol[@class='conditions']/li")), 6)
        for item in page.findall(".//ol[@class='conditions']/li/p"):
            self.assertTrue(item.text)

    def test_findings(self):
        table = self.page("found").find(".//section[@id='findings']/table/tbody")
        rows = ["".join(row.itertext()) for row in table.findall("tr")]
        self.assertEqual(len(rows), 6)
        self.assertIn("0x5600000", rows[0])
        self.assertIn("15 of 15 round keys", rows[0])
        self.assertTrue(any("registers of thread 4712 (worker)" in row for row in rows))
        self.assertTrue(any("FIPS 197" in row for row in rows))

    def test_canaries_are_told_apart(self):
        section = self.page("run").find(".//section[@id='findings']")
        self.assertIn("None: neither the key", "".join(section.itertext()))
        self.assertIsNone(section.find("table"))
        self.assertEqual(section.findtext("details/summary"), "Canaries: 1 planted, seen in 1 places")
        self.assertEqual(len(section.findall("details/table/tbody/tr")), 1)

    def test_map_is_to_scale(self):
        section = self.page("found").find(".//section[@id='map']")
        rows = section.findall("div[@class='row']")
        self.assertEqual(len(rows), 4)
        self.assertEqual(len(section.findall("div[@class='gap']")), 3)
        # libfoo.so.1: code of 2 MiB, then data of 256 KiB.
        bars = [bar for row in rows if "libfoo" in "".join(row.itertext())
                for bar in row.findall(".//rect[@y='0.00']")]
        widths = sorted({float(bar.get("width")) for bar in bars})
        self.assertAlmostEqual(widths[-1] / widths[0], 8, places=1)
        marks = [mark for mark in section.iter("span") if "mark wanted" in mark.get("class", "")]
        self.assertEqual(len(marks), 2)

    def test_timeline(self):
        section = self.page("run-found").find(".//section[@id='timeline']")
        classes = [rect.get("class") for rect in section.iter("rect")]
        self.assertEqual(classes.count("t-call"), 17)
        self.assertEqual(classes.count("t-scan"), 19)
        self.assertEqual(classes.count("t-found"), 16)

    def test_controls_and_ledger(self):
        page = self.page("inconclusive")
        controls = "".join(page.find(".//section[@id='controls']").itertext())
        self.assertIn("canary in XMM registers", controls)
        self.assertIn("not found", controls)
        problem = page.findall(".//section[@id='ledger']//tr[@class='problem']")
        self.assertEqual(len(problem), 1)
        self.assertIn("8192", "".join(problem[0].itertext()))

    def test_hostile_names(self):
        text = written("hostile", "html", "everything")
        self.assertNotIn("<script", text)
        self.assertNotIn("<b>C_", text)
        self.assertNotRegex(text, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")
        self.assertIn("&#60;script&#62;", text)


if __name__ == "__main__":
    what, PROGRAM = sys.argv[1:3]
    SCHEMA = sys.argv[3] if len(sys.argv) > 3 else None
    groups = {"text": [Text, Keys, Where], "json": [Json], "html": [Html]}[what]
    loader = unittest.defaultTestLoader
    suite = unittest.TestSuite(loader.loadTestsFromTestCase(group) for group in groups)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)
