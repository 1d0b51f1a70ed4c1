#!/usr/bin/python3
"""hsmzke-memscan upon real processes: check-program.py PROGRAM SELF SCHEMA WORK-DIRECTORY.

SELF is the program that has itself examined (self.c).  Needs Debian's python3-cryptography and
python3-jsonschema.  Where processes may not be traced it is skipped, with exit status 77.
"""
import json
import os
import re
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree as ElementTree

import jsonschema

PROGRAM = SELF = SCHEMA = WORK = None

HOLDER = """
import sys
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
with open(sys.argv[1], "rb") as file:
    cipher = Cipher(algorithms.AES(file.read()), modes.CBC(bytes(16)))
context = cipher.encryptor() if sys.argv[2] == "encrypt" else cipher.decryptor()
context.update(bytes(16))
print("ready", flush=True)
sys.stdin.read()
"""

# The same under names that a hostile program may choose.
HOSTILE = """
import mmap, os
name = b"<script>'&\\xff\\x1b[31m\\n]]>--><img src=x onerror=alert(1)>\\xe2\\x80\\xae" + b'"'
with open(os.path.join(os.fsencode(sys.argv[3]), name), "wb+") as file:
    file.write(bytes(4096))
    file.flush()
    mapped = mmap.mmap(file.fileno(), 4096)
memory = os.memfd_create(os.fsdecode(name))
os.write(memory, bytes(100))
with open("/proc/self/comm", "wb") as file:
    file.write(b"<b>'&\\xff\\x1b\\n]]>" + b'"')
"""
HOSTILE = HOLDER.replace("print(", HOSTILE + "print(")


def memscan(*arguments, **more):
    """A run of the program, to its end."""
    return subprocess.run([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=120, check=False, **more)


class WithDirectory(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(dir=WORK)
        self.addCleanup(shutil.rmtree, self.directory)

    def path(self, name):
        return os.path.join(self.directory, name)

    def key(self):
        """A file with a random key."""
        path = self.path("key-" + secrets.token_hex(4))
        with open(path, "wb") as file:
            file.write(secrets.token_bytes(32))
        return path

    def start(self, *command):
        """A process that says when it is ready, and ends when its input does."""
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return process

    def holder(self, key, how="encrypt"):
        return self.start("/usr/bin/python3", "-c", HOLDER, key, how)

    def bystander(self):
        return self.start("/bin/sh", "-c", "echo ready; read line")


class Processes(WithDirectory):
    def test_keys_are_listed(self):
        for how, form in (("encrypt", "encrypt schedule"), ("decrypt", "decrypt schedule")):
            process = self.holder(self.key(), how)
            run = memscan("pid", process.pid)
            self.assertEqual(run.returncode, 1, run)
            lines = run.stdout.splitlines()
            self.assertRegex(lines[0], rf"^process {process.pid} \(python3")
            self.assertEqual(lines[2], "AES_KEYS_FOUND")
            self.assertRegex(lines[3], r"^1 AES key in the heap")
            self.assertIn(form, run.stdout)
            self.assertIn("--reference", run.stdout)

    def test_no_keys(self):
        run = memscan("pid", self.bystander().pid)
        self.assertEqual(run.returncode, 0, run)
        self.assertIn("NO_AES_KEYS", run.stdout)

    def test_a_key_is_found_where_it_is_used(self):
        key = self.key()
        run = memscan("pid", self.holder(key, "decrypt").pid, "--key", key)
        self.assertEqual(run.returncode, 1, run)
        self.assertIn("KEY_FOUND", run.stdout)
        self.assertIn("decrypt schedule", run.stdout)
        with open(key, "rb") as file:
            self.assertNotIn(file.read(4).hex(), run.stdout + run.stderr)

    def test_a_key_is_not_found_where_another_is_used(self):
        run = memscan("pid", self.holder(self.key()).pid, "--key", self.key())
        self.assertEqual(run.returncode, 0, run)
        self.assertIn("\nKEY_NOT_IN_MEMORY\n", run.stdout)
        self.assertIn("1 other AES key in the heap", run.stdout.replace("\n", " "))

    def test_several_processes_and_children(self):
        key = self.key()
        bystander = self.bystander()
        parent = self.start("/bin/sh", "-c", f"/usr/bin/python3 -c '{HOLDER}' {key} encrypt")
        for arguments, status in ((("pid", bystander.pid, parent.pid), 1),
                                  (("pid", parent.pid, "--no-children"), 0)):
            run = memscan(*arguments, "--key", key)
            if "python3" in run.stdout.splitlines()[0]:
                self.skipTest("this shell has become the program")
            self.assertEqual(run.returncode, status, run)

    def test_detectors_switched_off_prove_nothing(self):
        process = self.bystander()
        key = self.key()
        for detector in ("schedules", "bitsliced", "known-key", "oracle"):
            run = memscan("pid", process.pid, "--key", key, "--without", detector)
            self.assertEqual(run.returncode, 2, run)
            self.assertRegex(run.stdout, rf"fails  detectors +Switched off by --without: {detector}")
            self.assertRegex(run.stdout, r"fails  controls +Not found: ")

    def test_paths_agree(self):
        key = self.key()
        process = self.holder(key)
        seen = set()
        for path in ("portable", "avx2", "avx512"):
            run = memscan("pid", process.pid, "--key", key, "--path", path, "--json")
            report = json.loads(run.stdout)
            seen.add(json.dumps(sorted((f["address"], f["form"]) for f in report["findings"])))
        self.assertEqual(len(seen), 1)

    def test_hostile_names(self):
        key, page = self.key(), self.path("page")
        process = self.start("/usr/bin/python3", "-c", HOSTILE, key, "encrypt", self.directory)
        text = memscan("pid", process.pid, "--key", key, "--ledger", "--html", page).stdout
        report = memscan("pid", process.pid, "--key", key, "--ledger", "--json").stdout
        with open(page, encoding="utf-8") as file:
            page = file.read()
        for output in (text, report, page):
            self.assertIn("\\u001b[31m", output)
            self.assertNotRegex(output, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")
        for part in ("<script", "<img", "<b>'"):
            self.assertNotIn(part, page)
        self.assertIn("verdict", {e.get("id") for e in ElementTree.fromstring(page).iter()})
        names = [place["name"] for scan in json.loads(report)["scans"]
                 for place in scan["ledger"]["places"]]
        self.assertEqual(len([n for n in names if "<script>'&\ufffd" in n and n.endswith('\u202e"')]), 1)
        self.assertEqual(len([n for n in names if "/memfd:<script>'&\ufffd" in n]), 1)

    def test_reveal(self):
        key = self.key()
        run = memscan("pid", self.holder(key).pid, "--key", key, "--reveal")
        with open(key, "rb") as file:
            self.assertIn(file.read().hex(), run.stdout)

    def test_timeout(self):
        process = self.bystander()
        reader, writer = os.pipe()
        run = memscan("pid", process.pid, "--timeout", 1, "--start-fd", reader, pass_fds=[reader])
        os.close(reader)
        os.close(writer)
        self.assertEqual(run.returncode, 2)
        self.assertIn("--timeout", run.stderr)

    def test_pin(self):
        pin = "pin-" + secrets.token_hex(8)
        path = self.path("pin")
        with open(path, "w", encoding="ascii") as file:
            file.write(pin)
        process = self.start("/bin/sh", "-c", f"keep={pin}; echo ready; read line")
        run = memscan("pid", process.pid, "--pin-source", "file:" + path, "--json")
        report = json.loads(run.stdout)
        self.assertEqual(report["pin_verdict"], "KEY_FOUND")
        self.assertEqual(report["status"], 1)
        self.assertNotIn(pin, run.stdout)
        report = json.loads(memscan("pid", self.bystander().pid, "--pin-source", "file:" + path,
                                    "--json").stdout)
        self.assertEqual(report["pin_verdict"], "KEY_NOT_IN_MEMORY")


class Files(WithDirectory):
    def image(self, *pieces):
        path = self.path("image")
        with open(path, "wb") as file:
            for piece in pieces:
                file.write(secrets.token_bytes(70001))
                file.write(piece)
            file.write(secrets.token_bytes(70001))
        return path

    def test_image(self):
        key = self.key()
        with open(key, "rb") as file:
            raw = file.read()
        self.assertEqual(memscan("image", self.image(b"nothing"), "--key", key).returncode, 0)
        for form in (raw, raw.hex().encode(), raw[::-1]):
            run = memscan("image", self.image(form), "--key", key)
            self.assertEqual(run.returncode, 1, run)

    def test_image_on_standard_input(self):
        key = self.key()
        with open(key, "rb") as file:
            path = self.image(file.read())
        with open(path, "rb") as file:
            run = memscan("image", "-", "--key", key, stdin=file)
        self.assertEqual(run.returncode, 1, run)
        self.assertIn("standard input", run.stdout)


    def test_progress(self):
        """Work that takes longer than a moment tells how far it is, if asked to."""
        with subprocess.Popen([PROGRAM, "image", "-", "--progress"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            for _ in range(10):
                run.stdin.write(secrets.token_bytes(1 << 20))
                run.stdin.flush()
                time.sleep(0.2)
            _, said = run.communicate()
        self.assertRegex(said.decode(), r"hsmzke-memscan: .* MiB searched")
        self.assertEqual(run.returncode, 0)


class Outputs(WithDirectory):
    def test_all_three(self):
        key = self.key()
        process = self.holder(key)
        run = memscan("pid", process.pid, "--key", key, "--json=" + self.path("r.json"), "--html",
                      self.path("r.html"), "--ledger")
        self.assertEqual(run.returncode, 1)
        with open(SCHEMA, encoding="utf-8") as file:
            schema = json.load(file)
        with open(self.path("r.json"), encoding="utf-8") as file:
            report = json.load(file)
        jsonschema.Draft202012Validator(schema).validate(report)
        self.assertIn(report["sentence"][:40], run.stdout.replace("\n", " "))
        page = ElementTree.parse(self.path("r.html"))
        self.assertEqual(page.find(".//section[@id='verdict']/h2").text, "KEY_FOUND")
        for name in ("r.json", "r.html"):
            self.assertEqual(stat.S_IMODE(os.stat(self.path(name)).st_mode), 0o600)
        self.assertEqual(sorted(name for name in os.listdir(self.directory)
                                if not name.startswith("key-")), ["r.html", "r.json"])

    def test_a_report_replaces_another_whole(self):
        with open(self.path("r.json"), "w", encoding="utf-8") as file:
            file.write("what was there\n")
        self.assertEqual(memscan("pid", 2 ** 22 + 1, "--json=" + self.path("r.json")).returncode, 2)
        with open(self.path("r.json"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "what was there\n")
        self.assertEqual(os.listdir(self.directory), ["r.json"])

    def test_outputs_that_cannot_be(self):
        process = self.bystander()
        for arguments, word in ((("--html", self.directory), "directory"),
                                (("--html", self.path("no/r.html")), "No such file"),
                                (("--json=/dev/full",), "No space")):
            run = memscan("pid", process.pid, *arguments)
            self.assertEqual(run.returncode, 2, run)
            self.assertIn(word, run.stderr)
            self.assertIn("INCONCLUSIVE", run.stderr)
        with open("/dev/full", "w", encoding="utf-8") as full:
            run = subprocess.run([PROGRAM, "pid", str(process.pid)], stdout=full, check=False,
                                 stderr=subprocess.PIPE)
        self.assertEqual(run.returncode, 2)
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/full").st_mode))

    def test_json_instead_of_text(self):
        run = memscan("pid", self.bystander().pid, "--json")
        self.assertEqual(json.loads(run.stdout)["status"], run.returncode)


class Errors(WithDirectory):
    def test_errors(self):
        short = self.path("short")
        with open(short, "wb") as file:
            file.write(b"x" * 31)
        for arguments, word in ((("pid", 2 ** 22 + 1), ""), (("image", self.path("none")), "none"),
                                (("pid", os.getpid(), "--key", self.path("none")), "none"),
                                (("pid", os.getpid(), "--key", short), "short"),
                                (("pid", os.getpid(), "--pin-source", "x:y"), "pin-source")):
            run = memscan(*arguments)
            self.assertEqual(run.returncode, 2, run)
            self.assertIn(word, run.stderr)
            self.assertIn("INCONCLUSIVE", run.stderr)
            self.assertEqual(run.stdout, "")

    def test_interrupted(self):
        """Nothing is left behind, and the target goes on."""
        process = self.bystander()
        reader, writer = os.pipe()
        run = subprocess.Popen([PROGRAM, "pid", str(process.pid), "--html", self.path("r.html"),
                                "--start-fd", str(reader)], pass_fds=[reader])
        time.sleep(0.3)
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(), -signal.SIGINT)
        os.close(reader)
        os.close(writer)
        self.assertEqual(os.listdir(self.directory), [])
        with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
            self.assertIn(file.read().split()[2], "SR")


class SelfTest(unittest.TestCase):
    def test_all_forms(self):
        run = memscan("self-test")
        self.assertEqual(run.returncode, 0, run)
        counted = re.search(r"^(\d+) of (\d+) found$", run.stdout, re.MULTILINE)
        self.assertEqual(counted[1], counted[2])
        self.assertGreaterEqual(int(counted[1]), 25)

    def test_without(self):
        for detector in ("schedules", "bitsliced"):
            run = memscan("self-test", "--without", detector)
            self.assertEqual(run.returncode, 2)
            self.assertIn("NOT FOUND", run.stdout)


class ItSelf(WithDirectory):
    """A service that has itself examined (include/hsmzke/memscan.h)."""

    def ask(self, *arguments, **environment):
        run = subprocess.run([SELF, *arguments], stdout=subprocess.PIPE, text=True, timeout=120,
                             env={**os.environ, "HSMZKE_MEMSCAN": PROGRAM, **environment},
                             check=True)
        answers = []
        rest = run.stdout
        while rest:
            head, rest = rest.split("\n", 1)
            result, size = map(int, head.split())
            if size == 0:
                error, rest = rest.split("\n", 1) if "\n" in rest else (rest, "")
                answers.append((result, error))
            else:
                answers.append((result, json.loads(rest[:size])))
                rest = rest[size:]
        return answers

    def test_both_states(self):
        for state, result, verdict in (("used", 1, "KEY_FOUND"),
                                       ("unused", 0, "KEY_NOT_IN_MEMORY")):
            [(got, report)] = self.ask(self.key(), state)
            self.assertEqual(got, result)
            self.assertEqual(report["verdict"], verdict)
            self.assertEqual(report["scans"][0]["threads"], 8)

    def test_two_threads_ask(self):
        answers = self.ask(self.key(), "used", "twice")
        self.assertEqual([result for result, _ in answers], [1, 1])

    def test_sigchld_is_ignored(self):
        [(result, report)] = self.ask(self.key(), "used", "ignore")
        self.assertEqual((result, report["verdict"]), (1, "KEY_FOUND"))

    def test_errors(self):
        for program, word in (("/nowhere/hsmzke-memscan", "No such file"),
                              ("/bin/true", "no report"), ("/bin/false", "no report")):
            [(result, error)] = self.ask(self.key(), "unused", HSMZKE_MEMSCAN=program)
            self.assertEqual(result, 3)
            self.assertIn(word, error)
        [(result, error)] = self.ask(self.path("none"), "unused")
        self.assertEqual(result, 3)
        self.assertIn("none", error)


def may_trace():
    """Whether this user may examine a child of its own."""
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        run = memscan("pid", process.pid)
        process.kill()
    if run.returncode == 2 and not run.stdout:
        print("skipped: processes may not be traced here: " + run.stderr)
        return False
    return True


if __name__ == "__main__":
    PROGRAM, SELF, SCHEMA, WORK = sys.argv[1:5]
    os.makedirs(WORK, exist_ok=True)
    if not may_trace():
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[5:], verbosity=2)
