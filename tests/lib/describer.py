"""Asks tests/corpus/describe what tamis reads in messages."""

import os
import re
import subprocess

DESCRIBE = os.path.join(os.environ.get('TAMIS_BUILD', '.'),
                        'tests/corpus/describe')
LISTS = ('authors', 'attachments', 'enclosed', 'body')


def unescape(name, cell):
    """Lists stay as they are: they are compared as they are written."""
    if name in LISTS:
        return cell
    table = dict(zip('tnr\\', '\t\n\r\\'))
    return re.sub(r'\\(.)', lambda m: table.get(m.group(1), m.group(0)),
                  cell)


def row_of(names, line):
    return {name: unescape(name, cell)
            for name, cell in zip(names, line.split('\t'))}


class Describer:
    def __init__(self, *args):
        self.process = subprocess.Popen(
            [DESCRIBE, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.names = self.line().split('\t')

    def line(self):
        line = self.process.stdout.readline()
        if not line.endswith(b'\n'):
            raise RuntimeError('describe: exit status %s' %
                               self.process.wait())
        return line[:-1].decode('utf-8')

    def __call__(self, message):
        self.process.stdin.write(b'%d\n' % len(message) + message)
        self.process.stdin.flush()
        return row_of(self.names, self.line())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        if self.process.wait():
            raise RuntimeError('describe: exit status %d' %
                               self.process.returncode)
