#!/usr/bin/env python3
"""The bad rule files of this folder by way of `tamis check`.

tests/unit/test_check compares every letter; here the program must say the
same (but for files that cannot be read, whose reason is the system's), and
exit as it says it does.
"""

import glob
import os
import resource
import shutil
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'lib'))

import tamis  # noqa: E402
import tap  # noqa: E402

MAIL = b'Subject: x\n\n'


def problems(text):
    """The problems of a report: lines that name a place, with their text."""
    return [line for line in text.splitlines()
            if (': error: ' in line or ': warning: ' in line) and
            'cannot read' not in line and 'o such file' not in line]


class Check(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tamis = tamis.Tamis()
        for path in glob.glob(HERE + '/*.yaml'):
            shutil.copy(path, cls.tamis.folder)
        shutil.copytree(HERE + '/inner', cls.tamis.folder + '/inner')
        for top, folders, files in os.walk(cls.tamis.folder):
            os.chmod(top, 0o700)
            for name in files:
                os.chmod(os.path.join(top, name), 0o600)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.tamis.folder)

    def check(self, name, *options):
        return self.tamis.run('-r', name, 'check', *options)

    def test_more_than_are_shown(self):
        for n, said in ((20, '20 errors'), (21, 'and 1 error more'),
                        (22, 'and 2 errors more')):
            self.write('more.yaml', 'version: 1\nrules:\n' + ''.join(
                '- {name: r%d, then: nothing}\n' % i for i in range(n)))
            got = self.check('more.yaml')
            self.assertEqual(got.status, tamis.FOUND, got)
            self.assertIn('\n' + said, got.out)
            self.assertEqual(got.out.count(': error: '), 20)
        os.unlink(self.tamis.folder + '/more.yaml')

    def test_size_of_a_file(self):
        most = 1024 * 1024
        for size, code in ((most, 0), (most + 1, 1)):
            text = 'version: 1\nrules: [{name: a, then: archive}]\n# '
            self.write('size.yaml', text + 'x' * (size - len(text)))
            got = self.check('size.yaml')
            self.assertEqual(got.status, code, got)
        self.assertIn('size.yaml is larger than the %d octets' % most,
                      got.out + got.err)
        os.unlink(self.tamis.folder + '/size.yaml')

    def test_same_problems(self):
        names = sorted(glob.glob(HERE + '/*.yaml'))
        self.assertGreater(len(names), 15)
        for path in names:
            name = os.path.basename(path)
            with self.subTest(name):
                with open(path[:-len('yaml')] + 'expect') as f:
                    want = f.read()
                got = self.check(name)
                self.assertEqual(problems(got.out + got.err),
                                 problems(want))
                self.assertEqual(got.status, tamis.FOUND
                                 if ': error: ' in want else tamis.DONE)

    def many(self, n):
        """Seconds of the processor for N rules, 4,000 in a file."""
        rules = ['- {name: r%d, when: {from: u%d@example.org, subject: '
                 "{regex: '^re: (\\w+) %d'}}, then: {label: l/$(1)}}\n"
                 % (i, i, i) for i in range(n)]
        names = []
        for at in range(0, n, 4000):
            names += ['-r', 'many-%d.yml' % at]
            path = os.path.join(self.tamis.folder, names[-1])
            with open(path, 'w') as f:
                f.write('version: 1\nrules:\n')
                f.writelines(rules[at:at + 4000])
            os.chmod(path, 0o600)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        got = self.tamis.run(*names, 'check')
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = (after.ru_utime + after.ru_stime -
                   before.ru_utime - before.ru_stime)
        print('# %d rules: %d ms, %s' % (n, seconds * 1000,
                                         (got.out + got.err).strip()[:99]))
        return got, seconds

    def test_many(self):
        got, seconds = self.many(1000)
        self.assertEqual(got.status, tamis.DONE)
        self.assertLess(seconds, 2)	# 0.06 without sanitizers
        got, seconds = self.many(10000)
        self.assertEqual(got.status, tamis.DONE)
        self.assertLess(seconds, 20)
        got, seconds = self.many(10001)
        self.assertEqual(got.status, tamis.FOUND)
        self.assertIn('more than 10000 rules', got.out + got.err)

    def test_strict(self):
        self.assertEqual(self.check('warnings.yaml').status, tamis.DONE)
        self.assertEqual(self.check('warnings.yaml', '--strict').status,
                         tamis.FOUND)

    def test_other_commands_refuse(self):
        path = self.tamis.folder + '/x.eml'
        with open(path, 'wb') as f:
            f.write(MAIL)
        for args in (('run', path), ('test',), ('explain', path)):
            with self.subTest(args[0]):
                got = self.tamis.run('-r', 'sizes.yaml', *args)
                self.assertEqual(got.status, tamis.BAD_CONFIG, got)
                self.assertIn('sizes.yaml:6:24: error: ', got.err)

    def test_included_names_need_no_use(self):
        """What a common file offers, another program may use."""
        self.write('common.yaml', 'version: 1\nlists: {a: [x]}\n'
                   'conditions: {b: {subject: x}}\n')
        self.write('user.yaml', 'version: 1\ninclude: common.yaml\n'
                   'lists: {c: [x]}\n')
        got = self.check('user.yaml')
        self.assertIn('1 warning', got.out)
        self.assertIn('the list `c` is not used', got.out)

    def test_mailboxes(self):
        """Rules for mailboxes that no account looks at."""
        self.write('places.yaml', """version: 1
rules:
  - {name: in, in: [Lists, Old], when: {subject: x}, then: archive}
  - {name: mailbox, when: {mailbox: [Lost, Gone]}, then: archive}
  - {name: looked at, in: Mine, when: {mailbox: Mine}, then: archive}
  - {name: swept, applies_to: all, in: Attic, when: {subject: y}, then: spam}
  - {name: there too, in: Attic, when: {subject: y}, then: {move: Moved}}
  - {name: moved, when: {mailbox: [Moved]}, then: {label: a}}
  - {name: special, when: {mailbox: Archive}, then: {label: b}}
  - {name: pattern, when: {mailbox: "L*"}, then: {label: c}}
  - {name: off, enabled: false, in: Lists, then: archive}
""")
        config = self.write('config.yaml', """version: 1
rules: [%s/places.yaml]
accounts:
  one: {maildir: ~/Mail}
  two: {maildir: ~/Mail, mailboxes: [Mine]}
""" % self.tamis.folder)
        got = self.tamis.run('-c', config, 'check')
        self.assertEqual(got.status, tamis.DONE, got)
        self.assertEqual([line.partition(': warning: ')[2].partition(';')[0]
                          for line in problems(got.out)],
                         ['no account looks at `Lists`, and so never at '
                          'this rule', 'no account looks at `Lost`'])
        # without accounts nobody can tell
        self.assertEqual(problems(self.check('places.yaml').out), [])

    def write(self, name, text):
        path = os.path.join(self.tamis.folder, name)
        with open(path, 'w') as f:
            f.write(text)
        os.chmod(path, 0o600)
        return path

    def test_json(self):
        got = self.check('version.yaml', '--json')
        found = [o for o in got.json() if o.get('line') == 1]
        self.assertEqual(len(found), 1, got)


if __name__ == '__main__':
    tap.main()
