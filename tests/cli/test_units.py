#!/usr/bin/env python3
"""examples/systemd/, by systemd's own word."""

import os
import re
import shutil
import subprocess
import unittest

import tamis
import tap

FOLDER = tamis.TOP + '/examples/systemd'
WORST = 6.5	# of 10: what systemd-analyze calls medium; 9.x with nothing


class Units(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which('systemd-analyze'):
            raise unittest.SkipTest('there is no systemd-analyze')
        cls.t = tamis.Tamis()
        cls.runtime = cls.t.folder + '/runtime'
        os.mkdir(cls.runtime, 0o700)

    def unit(self, end, change=lambda text: text):
        with open('%s/tamis@.%s' % (FOLDER, end)) as f:
            text = f.read().replace('/usr/bin/tamis', tamis.PROGRAM)
        with open('%s/tamis@.%s' % (self.t.folder, end), 'w') as f:
            f.write(change(text))
        return '%s/tamis@.%s' % (self.t.folder, end)

    def analyze(self, *args):
        p = subprocess.run(
            ['systemd-analyze', '--user', *args], capture_output=True,
            env=dict(self.t.env, XDG_RUNTIME_DIR=self.runtime), timeout=60)
        return p.returncode, (p.stdout + p.stderr).decode()

    def test_verify(self):
        service, timer = self.unit('service'), self.unit('timer')
        for path in (service, timer):
            self.assertEqual(self.analyze('verify', '--man=no', path),
                             (0, ''))

    def test_verify_complains(self):
        path = self.unit('service', lambda text: text.replace(
            'NoNewPrivileges', 'NoNewPrivilege'))
        self.assertRegex(self.analyze('verify', '--man=no', path)[1],
                         "Unknown key.*'NoNewPrivilege'")

    def exposure(self, path):
        out = self.analyze('security', '--offline=true', path)[1]
        found = re.search(r'exposure level for .*: ([\d.]+) ', out)
        self.assertTrue(found, out)
        return float(found.group(1))

    def test_hardened(self):
        hard = self.exposure(self.unit('service'))
        soft = self.exposure(self.unit(
            'service', lambda text: text.partition('Nice=')[0]))
        self.assertLessEqual(hard, WORST)
        self.assertGreater(soft, hard + 2)

    def command(self):
        """Its own, on an account that is there."""
        with open(FOLDER + '/tamis@.service') as f:
            line = re.search(r'(?m)^ExecStart=/usr/bin/tamis (.*)$',
                             f.read()).group(1)
        for name in ('cur', 'new', 'tmp'):
            os.makedirs(self.t.home + '/Mail/' + name, exist_ok=True)
        self.t.config({'accounts': {'work-2': {'maildir': '~/Mail'}}})
        self.t.rules('rules: [{name: x, applies_to: all, '
                     'then: [{label: y}, {move: z}]}]')
        with open(self.t.home + '/Mail/new/1.x', 'w') as f:
            f.write('Subject: x\n\n')
        return line.replace('%i', 'work-2').split()

    def test_command(self):
        r = self.t.run(*self.command())
        self.assertEqual((r.status, r.out, r.err), (0, '', ''), r)

    def allowed(self, name):
        """The calls of a filter set, and of those that it names."""
        calls = set()
        for line in self.analyze('syscall-filter', name)[1].splitlines():
            word = line.strip()
            if line.startswith(' ') and not word.startswith('#'):
                calls |= self.allowed(word) if word[0] == '@' else {word}
        return calls

    def test_system_calls(self):
        """None that the filter forbids."""
        log = self.t.folder + '/calls'
        r = self.t.run(*self.command(), wrap=['strace', '-f', '-o', log],
                       env={'ASAN_OPTIONS': 'detect_leaks=0'})
        self.assertEqual(r.status, 0, r)
        with open(log) as f:
            made = set(re.findall(r'(?m)^\d+ +(\w+)\(', f.read()))
        self.assertGreater(len(made), 20)
        with open(FOLDER + '/tamis@.service') as f:
            name = re.search(r'(?m)^SystemCallFilter=(@\S+)$',
                             f.read()).group(1)
        allowed = self.allowed(name) | self.allowed('@default')
        self.assertNotIn('reboot', allowed)
        self.assertEqual(made - allowed, set())


if __name__ == '__main__':
    tap.main()
