#!/usr/bin/env python3
"""`tamis check` and the JSON Schema of rule files agree: on every example,
every snippet of the manual, the rules of every tests/rules/*.case, every bad
file of tests/check, and on files made up from the schema itself.

TAMIS_SEED and TAMIS_FILES choose which of these, and how many.
"""

import glob
import os
import random
import re
import shutil
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'lib'),
                os.path.join(HERE, '..', 'docs')]

import judges  # noqa: E402
import rulemaker  # noqa: E402
import tamis  # noqa: E402
import tap  # noqa: E402
import test_docs  # noqa: E402

FILES = int(os.environ.get('TAMIS_FILES', '1000'))
SEED = int(os.environ.get('TAMIS_SEED', '1'))


def read(path):
    with open(path, encoding='utf-8', errors='surrogateescape',
              newline='') as f:
        return f.read()


def case_rules(path):
    """The rules of a .case, as a file."""
    text = re.search(r'(?m)^rules:\n((?:  .*\n|\n)*)', read(path)).group(1)
    text = re.sub(r'(?m)^  ', '', text)
    if re.match(r'(?s)(#[^\n]*\n)*- ', text):
        text = 'rules:\n' + re.sub(r'(?m)^(?=.)', '  ', text)
    return text if 'version:' in text else 'version: 1\n' + text


class Agree(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tamis = tamis.Tamis()
        cls.judges = judges.Judges(cls.tamis)
        folder = cls.tamis.folder
        for source in (HERE, test_docs.TOP + '/examples'):
            shutil.copytree(source, folder, dirs_exist_ok=True)
        for top, _, files in os.walk(folder):
            os.chmod(top, 0o700)
            for name in files:
                os.chmod(os.path.join(top, name), 0o600)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.tamis.folder)

    def agree(self, texts):
        self.agree_whole(piece for text in texts
                         for piece in judges.pieces(text))

    def agree_whole(self, texts):
        for said in self.judges.differing(texts):
            with self.subTest():
                self.fail(said)

    def test_examples(self):
        texts = [read(path) for path in
                 glob.glob(test_docs.TOP + '/examples/*.yaml')]
        self.agree(t for t in texts if not re.search(r'(?m)^accounts:', t))
        self.assertGreater(self.judges.valid, 10)

    def test_manual(self):
        texts = []
        for s in test_docs.snippets('tamis-rules.5'):
            if s.kind == 'file':
                path = os.path.join(self.tamis.folder, s.args[0])
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, 'w', encoding='utf-8') as f:
                    f.write(s.text)
                os.chmod(path, 0o600)
            if s.kind.startswith('rules') or s.kind in ('when', 'then'):
                texts.append(s.as_rules())
        self.agree(texts)

    def test_cases(self):
        names = glob.glob(HERE + '/../rules/*.case')
        self.assertGreater(len(names), 50)
        self.agree(case_rules(path) for path in names)

    def test_bad_files(self):
        names = glob.glob(HERE + '/**/*.yaml', recursive=True)
        self.assertGreater(len(names), 15)
        before = self.judges.invalid
        self.agree(read(path) for path in names)
        self.assertGreater(self.judges.invalid - before, 100)

    def test_made_up(self):
        maker = rulemaker.Maker(self.judges.schema, random.Random(SEED))
        valid, invalid = self.judges.valid, self.judges.invalid
        self.agree_whole(maker.file() for _ in range(FILES))
        self.assertGreater(self.judges.valid - valid, FILES / 20)
        self.assertGreater(self.judges.invalid - invalid, FILES / 10)

    def test_kinds(self):
        """What is said to be beyond the schema is, kind by kind."""
        for kind, (said, text) in list(judges.UNSEEN.items()) + list(
                judges.MAYBE.items()):
            with self.subTest(kind):
                self.assertTrue(self.judges.validator.is_valid(
                    judges.load(text)), text)
                errors = self.judges.check(text)
                self.assertEqual(len(errors), 1, errors)
                self.assertRegex(errors[0], said)


if __name__ == '__main__':
    tap.main()
