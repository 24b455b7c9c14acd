#!/usr/bin/env python3
"""Decrypts the OpenPGP mail of a folder with the keys beside it.

usage: TAMIS_BUILD=build tests/corpus/pgp.py --folder FOLDER [--worst N]

FOLDER has crypto-expected.tsv (path, item, mechanism, result, key_file,
passphrase, plaintext_sha256 ...), the mail and the keys it names. For each
row the ciphertext alone is decrypted; for each mail all of it. It is no part
of `make check`: the mail is not in this repository.
"""

import argparse
import collections
import csv
import email
import hashlib
import os
import re
import subprocess
import sys
import tempfile

ARMOR = re.compile(rb"^-----BEGIN PGP MESSAGE-----[ \t]*\r?\n.*?"
                   rb"^-----END PGP MESSAGE-----[ \t]*\r?$",
                   re.S | re.M)
WANTED = {
    "ok": {"opened"}, "no-secret-key": {"no-key", "unreadable"},
    "bad-passphrase": {"passphrase", "no-key"},
    "no-mdc": {"no-integrity"},
    "corrupt-armor": {"unreadable", "modified", "no-key"},
    "unsupported-by-gpg2.2": {"unreadable", "unsupported", "no-key",
                              "modified"},
}


class Home:
    """A GNUPGHOME with some keys; passphrases are not remembered."""

    def __init__(self, folder, keys):
        self.dir = tempfile.mkdtemp(prefix="h", dir=folder)
        with open(os.path.join(self.dir, "gpg-agent.conf"), "w") as f:
            f.write("default-cache-ttl 0\nmax-cache-ttl 0\n"
                    "allow-loopback-pinentry\n")
        with open(os.path.join(self.dir, "gpg.conf"), "w") as f:
            f.write("trust-model always\n")
        for key in keys:
            subprocess.run(["gpg", "--homedir", self.dir, "--batch", "-q",
                            "--import", key], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=False)

    def close(self):
        subprocess.run(["gpgconf", "--homedir", self.dir, "--kill", "all"],
                       check=False)


def is_binary(part, text):
    """An encrypted file: packet 1 or 3 in either format (RFC 4880 4.2)."""
    return part.get_content_type() == "application/octet-stream" and \
        text[:1] in (b"\x84", b"\x85", b"\x86", b"\x8c", b"\xc1", b"\xc3")


def ciphers(path):
    data = open(path, "rb").read()
    if "/openpgp-raw/" in path:
        return [data]
    found = []
    for part in email.message_from_bytes(data).walk():
        if part.is_multipart():
            continue
        text = part.get_payload(decode=True) or b""
        blocks = ARMOR.findall(text)
        if not blocks and b"-----BEGIN PGP MESSAGE-----" in text:
            blocks = [text[text.index(b"-----BEGIN PGP MESSAGE-----"):]]
        elif not blocks and is_binary(part, text):
            blocks = [text]
        found += blocks
    return found


class Runner:
    def __init__(self, folder, work, program):
        self.folder, self.work, self.program = folder, work, program
        self.homes = {}

    def home(self, row):
        key = row["key_file"]
        name = key
        if not key or key.startswith("("):
            name = "family " + os.path.basename(row["path"]).split("__")[0]
        if name not in self.homes:
            keys = [os.path.join(self.folder, key)]
            if name != key:
                family = os.path.join(self.folder, "keys",
                                      name.split(" ", 1)[1])
                keys = [os.path.join(family, k) for k in
                        (os.listdir(family) if os.path.isdir(family)
                         else [])]
            self.homes[name] = Home(self.work, keys)
        return self.homes[name].dir

    def run(self, mode, row, path):
        secret = os.path.join(self.work, "passphrase")
        with open(secret, "w") as f:
            f.write((row["passphrase"] or "no such passphrase") + "\n")
        p = subprocess.run([self.program, mode, self.home(row), secret, path],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=120, check=False)
        lines = p.stderr.decode("utf-8", "replace").strip().splitlines()
        facts = dict(x.split("=", 1) for x in lines[-1].split("\t")) \
            if lines else {"refusal": "crash %d" % p.returncode}
        return p.stdout, facts

    def close(self):
        for h in self.homes.values():
            h.close()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--folder", required=True)
    p.add_argument("--worst", type=int, default=20)
    p.add_argument("--only", default="")
    p.add_argument("--build", default=os.environ.get("TAMIS_BUILD", "build"))
    args = p.parse_args()
    program = os.path.abspath(os.path.join(args.build,
                                           "tests/corpus/open_pgp"))
    with open(os.path.join(args.folder, "crypto-expected.tsv"), newline="",
              encoding="utf-8") as f:
        rows = [r for r in csv.DictReader(f, delimiter="\t",
                                          quoting=csv.QUOTE_NONE)
                if not r["mechanism"].startswith("smime")
                and args.only in r["path"]]
    alone, mails, wrong = collections.Counter(), collections.Counter(), []
    with tempfile.TemporaryDirectory(prefix="tamis-pgp-") as work:
        r = Runner(args.folder, work, program)
        try:
            for row in rows:
                path = os.path.join(args.folder, row["path"])
                blocks = ciphers(path)
                item = int(row["item"])
                if item >= len(blocks):
                    wrong.append((row["path"], item, "no such ciphertext"))
                    alone[(row["result"], "not found", False)] += 1
                    continue
                one = os.path.join(work, "cipher")
                with open(one, "wb") as f:
                    f.write(blocks[item])
                out, facts = r.run("raw", row, one)
                got = facts["refusal"]
                good = got in WANTED[row["result"]]
                if row["result"] == "ok":
                    good = good and hashlib.sha256(out).hexdigest() == \
                        row["plaintext_sha256"]
                else:
                    good = good and out == b""
                alone[(row["result"], got, good)] += 1
                if not good:
                    wrong.append((row["path"], item, row["result"], facts))
                if item == 0 and row["mechanism"] != "raw":
                    out, facts = r.run("mail", row, path)
                    mails[(row["mechanism"], row["result"],
                           facts["refusal"], facts.get("changed"))] += 1
        finally:
            r.close()
    print("ciphertext alone: expected, got, right, how often")
    for k, n in sorted(alone.items()):
        print("  %-24s %-14s %-6s %d" % (*map(str, k), n))
    print("whole mails: mechanism, ciphertext, refusal, changed, how often")
    for k, n in sorted(mails.items(), key=str):
        print("  %-10s %-24s %-14s %-3s %d" % (*map(str, k), n))
    for w in wrong[:args.worst]:
        print("wrong:", *w)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
