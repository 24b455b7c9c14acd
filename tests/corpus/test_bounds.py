#!/usr/bin/env python3
"""Mail that was made to be hard: bounded in time and memory.

The messages are made here.  Each is read twice: by the rooms that read mail,
which say what it took, and by the program, with rules that want all of it.
"""
# timeout: 600

import base64
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))

import describer	# noqa: E402
import runs	# noqa: E402
import tap	# noqa: E402

MIB = 1024 * 1024
# Far more than is seen, as ASan takes its share: what is not linear takes
# minutes, what is not bounded takes the message several times.
SECONDS_MAX = 10
KILOBYTES_MAX = 256 * 1024
PROGRAM_SECONDS_MAX = 60

HEADER = b'From: Alice <alice@example.org>\nSubject: x\n'
MIXED = HEADER + b'Content-Type: multipart/mixed; boundary=x\n\n'
INNER = b'Content-Type: multipart/mixed; boundary=%d\n\n--%d\n'
MESSAGE = b'Content-Type: message/rfc822\nContent-Transfer-Encoding: %s\n\n'

RULES = r'''version: 1
rules:
- name: fields
  when: {any: [{from: {name: nobody}}, {to: nobody}, {subject: {ends: yy}}]}
  then: [archive]
- name: body
  when: {any: [{body: nothing of this}, {attachment: {name: nothing.txt}}]}
  then: [archive]
'''


def filled(head, piece, octets=50 * MIB):
    return head + piece * (octets // len(piece))


def in_base64(levels):
    message = b'Subject: x\n\nhi\n'
    for _ in range(levels):
        message = MESSAGE % b'base64' + base64.encodebytes(message)
    return HEADER + message


def names(pieces):
    return b'--x\nContent-Type: image/png' + pieces + b'\n\na\n'


# name: (message, is a limit met?)
HARD = {
    '100,000 levels': lambda: (HEADER + b''.join(
        INNER % (i, i) for i in range(100000)) + b'\nhi\n', True),
    '100,000 messages in one another': lambda: (
        HEADER + b'Content-Type: message/rfc822\n\n' * 100000, True),
    '100,000 messages, each encoded': lambda: (
        HEADER + MESSAGE % b'quoted-printable' * 100000, True),
    '40 messages in base64': lambda: (in_base64(40), True),
    '50 boundaries that begin alike': lambda: (filled(HEADER + b''.join(
        b'Content-Type: multipart/mixed; boundary="%s"\n\n--%s\n' % (
            b'b' * i, b'b' * i) for i in range(1, 50)) + b'\n',
        b'--' + b'b' * 60 + b'\n', 20 * MIB), True),
    '1,000,000 fields': lambda: (
        HEADER + b'X-A: b\n' * 1000000 + b'\nhi\n', True),
    '1,000,000 subjects': lambda: (
        b'Subject: b\n' * 1000000 + b'\nhi\n', True),
    '1,000,000 folds': lambda: (
        b'Subject: a\n' + b' b\n' * 1000000 + b'\nhi\n', True),
    '1,000,000 lines that are no field': lambda: (
        b'junk\n' * 1000000 + b'\nhi\n', False),
    '100,000 To fields': lambda: (
        HEADER + b'To: a@example.org\n' * 100000 + b'\nhi\n', True),
    'a field of 50 MiB': lambda: (
        b'Subject: ' + b'a' * 50 * MIB + b'\n\nhi\n', True),
    'a subject of encoded words': lambda: (filled(
        b'Subject: ', b'=?koi8-r?Q?=C3?= =?big5?Q?=A4=A4?= ', MIB) +
        b'\n\nhi\n', False),
    'domains in many letters': lambda: (filled(
        HEADER + b'To: ', 'a@b\u00fc.example, '.encode(), MIB) + b'\n\nhi\n',
        True),
    'a line of 50 MiB': lambda: (HEADER + b'\n' + b'a' * 50 * MIB, True),
    '50 MiB of line ends': lambda: (filled(HEADER + b'\n', b'\n'), True),
    '50 MiB of CRs': lambda: (filled(HEADER + b'\n', b'\r'), True),
    '50 MiB of NULs': lambda: (b'\0' * 50 * MIB, True),
    '1,000,000 parts': lambda: (MIXED + b'--x\n\na\n' * 1000000, True),
    '1,000,000 attachments': lambda: (
        MIXED + names(b'; name=a') * 1000000, True),
    '1,000,000 lines that are nearly boundaries': lambda: (
        MIXED + b'--xy\n' * 1000000, False),
    'names in 200 pieces': lambda: (MIXED + names(b''.join(
        b';name*%d*=%%41' % i for i in range(199))) * 900, False),
    'names of 60,000 octets': lambda: (MIXED + names(
        b'; name="' + b'=?koi8-r?Q?=C3?= ' * 3500 + b'"') * 400, False),
    'quoted-printable of soft breaks': lambda: (filled(
        HEADER + b'Content-Type: image/png; name=a\n'
        b'Content-Transfer-Encoding: quoted-printable\n\n', b'= '), False),
    'base64 of 50 MiB': lambda: (filled(
        HEADER + b'Content-Transfer-Encoding: base64\n\n', b'QUFB'), True),
    'uuencode that begins again and again': lambda: (filled(
        HEADER + b'\n', b'begin 644 a\n#8V)C\n'), True),
    'HTML of open tags': lambda: (filled(
        HEADER + b'Content-Type: text/html\n\n', b'<a '), True),
    'flowed quotes': lambda: (filled(
        HEADER + b'Content-Type: text/plain; format=flowed\n\n', b'> \n'),
        True),
    'a charset that switches': lambda: (filled(
        HEADER + b'Content-Type: text/plain; charset=iso-2022-jp\n\n',
        b'\x1b$B\x1b(B'), True),
}


class Bounds(runs.Case):
    def look(self, name):
        message, cut = HARD[name]()
        describe = describer.Describer('cost')
        row = describe(message)
        describe.close()
        print('# %6.0f ms %6d kB for %8d octets: %s' % (
            int(row['micros']) / 1000, int(row['kilobytes']), len(message),
            name))
        self.assertLess(int(row['micros']), SECONDS_MAX * 1000000)
        self.assertLess(int(row['kilobytes']), KILOBYTES_MAX)
        self.assertEqual(row['cut'], str(int(cut)))
        self.run_on(message)

    def run_on(self, message):
        path = self.t.folder + '/hard.eml'
        with open(path, 'wb') as f:
            f.write(message)
        self.addCleanup(os.unlink, path)
        self.t.config({'limits': {'message': '100M'}})
        self.t.rules(RULES)
        began = time.monotonic()
        r = self.t.run('run', '--dry-run', '--json', path, timeout=120)
        self.sane(r)
        self.assertIn(r.status, (0, 3), r)
        self.assertLess(time.monotonic() - began, PROGRAM_SECONDS_MAX)


for number, title in enumerate(HARD):
    setattr(Bounds, 'test_%02d_%s' % (number, title),
            lambda self, title=title: self.look(title))

if __name__ == '__main__':
    tap.main()
