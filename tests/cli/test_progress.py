#!/usr/bin/env python3
"""The line that says how far a run has come: on a terminal, and nowhere
else."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import unittest

import tamis
import tap

MESSAGES = 30
LINE = r'home:INBOX: \d+ of %d, \d+/s, \d+ s left' % MESSAGES


def screen(text):
    """The lines that stand there in the end, on a wide terminal."""
    lines = []
    for line in text.replace('\r\n', '\n').split('\n'):
        shown = ''
        for piece in line.split('\r'):
            erase = piece.endswith('\x1b[K') or piece.startswith('\x1b[K')
            piece = piece.replace('\x1b[K', '')
            shown = piece if erase else piece + shown[len(piece):]
        lines.append(shown)
    return lines


class Progress(unittest.TestCase):
    def setUp(self):
        self.t = tamis.Tamis()
        self.mail = self.t.home + '/Mail'
        for name in ('cur', 'new', 'tmp'):
            os.makedirs(self.mail + '/' + name)
        for n in range(MESSAGES):
            with open('%s/new/%02d.x' % (self.mail, n), 'w') as f:
                f.write('Subject: %d\n\nx\n' % n)
        self.t.config({'accounts': {'home': {'maildir': self.mail}}})
        # each message takes its time
        self.t.write('slow', '#!/bin/sh\nsleep 0.1\n', 0o700)
        self.t.rules('rules: [{name: slow, when: {run: {command: [%s/slow]}},'
                     ' then: [{label: x}]}]' % self.t.config_dir)

    def at_terminal(self, *args, columns=200, term='xterm', out=False):
        """What standard error, and OUT too, got at a terminal."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ,
                    struct.pack('HHHH', 50, columns, 0, 0))
        p = subprocess.Popen(
            self.t.argv(args), env=dict(self.t.env, TERM=term),
            cwd=self.t.folder, stdin=subprocess.DEVNULL, stderr=slave,
            stdout=slave if out else subprocess.DEVNULL)
        os.close(slave)
        got = b''
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:	# the other end is closed
                break
            if not piece:
                break
            got += piece
        os.close(master)
        self.assertEqual(p.wait(60), 0)
        return got.decode()

    def test_terminal(self):
        got = self.at_terminal('run', '--all')
        self.assertRegex(got, LINE)
        self.assertEqual(screen(got), [''])
        counts = [int(n) for n in re.findall(r'(\d+) of', got)]
        self.assertEqual(counts, sorted(set(counts)))
        self.assertGreater(len(counts), 3)

    def test_with_the_report(self):
        """Nothing of it stays between the lines of the report."""
        got = self.at_terminal('run', '--all', out=True)
        self.assertRegex(got, LINE)
        lines = screen(got)
        self.assertEqual([x for x in lines if ' of ' in x], [])
        self.assertIn('home: %d judged, %d changed' % (MESSAGES, MESSAGES),
                      lines)

    def test_narrow(self):
        """It stays in its line."""
        got = self.at_terminal('run', '--all', columns=20)
        pieces = [x.replace('\x1b[K', '') for x in got.split('\r')]
        self.assertIn('home:INBOX: ', max(pieces, key=len))
        self.assertEqual(max(len(x) for x in pieces), 19)

    def test_not_there(self):
        """Where it is not wanted, or would not be understood."""
        for args, term in ((['-q'], 'xterm'), (['-v'], 'xterm'),
                           ([], 'dumb')):
            got = self.at_terminal('run', '--all', *args, term=term)
            self.assertNotIn(' of ', got)
            self.assertNotIn('\x1b', got)
        r = self.t.run('run', '--all', env={'TERM': 'xterm'})
        self.assertEqual((r.status, r.err), (0, ''))


if __name__ == '__main__':
    tap.main()
