"""Which conditions hold for a message: asked of tamis and of its peers.

Each class below has conditions from many pairs (see conditions.py) in one
program, and answers, for a message, with the set of those that hold.
"""

import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '../lib'))
import tamis		# noqa: E402

import conditions as C	# noqa: E402


def spoken(argv, data, folder, **more):
    p = subprocess.run(argv, input=data, capture_output=True, timeout=60,
                       cwd=folder, **more)
    if p.returncode:
        raise RuntimeError('%s: exit %d\n%s%s' % (
            argv, p.returncode, p.stdout.decode(errors='replace'),
            p.stderr.decode(errors='replace')))
    return (p.stdout + p.stderr).decode(errors='replace')


class Ours:
    """tamis over all messages at once."""

    def __init__(self, trees):
        self.t = tamis.Tamis()
        self.n = len(trees)
        self.path = self.t.rules('version: 1\nrules:\n' + ''.join(
            '  - %s\n' % json.dumps({'name': 'c%d' % i, 'when': tree,
                                    'then': [{'label': 'l'}]},
                                   ensure_ascii=False)
            for i, tree in enumerate(trees)))

    def verdicts(self, messages):
        names = []
        for i, data in enumerate(messages):
            names.append(os.path.join(self.t.folder, '%05d.eml' % i))
            with open(names[-1], 'wb') as f:
                f.write(data)
        r = self.t.run('-r', self.path, '--json', 'run', '--dry-run', *names)
        if r.status not in (tamis.DONE, tamis.FOUND):
            raise RuntimeError(repr(r))
        out = [set() for _ in messages]
        for o in r.json():
            if o['type'] != 'message':
                continue
            if o.get('unknown') or o.get('failed'):
                raise RuntimeError('unknown: %r' % o)
            out[names.index(o['source']) if 'source' in o else
                o['uid'] - 1] |= {int(n[1:]) for n in o['rules']}
        return out


class Sieve:
    """Pigeonhole's sieve-test."""

    def __init__(self, tests, folder):
        self.folder = folder
        with open(folder + '/dovecot.conf', 'w') as f:
            f.write('ssl = no\nmail_uid = 65534\nmail_gid = 65534\n'
                    'mail_location = maildir:%s/mail\n'
                    'plugin {\n  sieve_max_actions = 0\n'
                    '  sieve_max_script_size = 0\n}\n' % folder)
        with open(folder + '/all.sieve', 'w') as f:
            f.write('require %s;\n' % C.strings(C.SIEVE_REQUIRES))
            for i, test in enumerate(tests):
                f.write('if %s { fileinto :copy "c%d"; }\n' % (test, i))
        os.chmod(folder, 0o777)

    def verdict(self, data):
        with open(self.folder + '/m.eml', 'wb') as f:
            f.write(data)
        text = spoken(['sieve-test', '-c', self.folder + '/dovecot.conf',
                       self.folder + '/all.sieve', self.folder + '/m.eml'],
                      b'', self.folder)
        if 'success' not in text:
            raise RuntimeError(text)
        return {int(n) for n in re.findall(r'in folder: c(\d+)\n', text)}


class Procmail:
    def __init__(self, recipes, folder):
        self.folder = folder
        self.log = folder + '/log'
        with open(folder + '/rc', 'w') as f:
            f.write('MAILDIR=%s\nDEFAULT=/dev/null\nLOGFILE=%s\n'
                    'LOGABSTRACT=no\n' % (folder, self.log))
            for i, lines in enumerate(recipes):
                f.write(':0\n%s{ LOG="holds %d\n" }\n' % (
                    ''.join('* %s\n' % line for line in lines), i))

    def verdict(self, data):
        with open(self.log, 'w'):
            pass
        spoken(['procmail', '-m', './rc'], data, self.folder)
        with open(self.log) as f:
            text = f.read()
        if re.search(r'(?m)^procmail:', text):
            raise RuntimeError(text)
        return {int(n) for n in re.findall(r'holds (\d+)', text)}


class Maildrop:
    def __init__(self, expressions, folder):
        self.folder = folder
        with open(folder + '/rc', 'w') as f:
            for i, x in enumerate(expressions):
                f.write('if (%s)\n{\n  echo "holds %d"\n}\n' % (x, i))
            f.write('EXITCODE=0\nexit\n')
        os.chmod(folder + '/rc', 0o600)

    def verdict(self, data):
        text = spoken(['maildrop', './rc'], data, self.folder)
        return {int(n) for n in re.findall(r'holds (\d+)', text)}
