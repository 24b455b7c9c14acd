"""Runs the built program as a user with a home of their own.

    import tamis
    t = tamis.Tamis()
    t.config({'accounts': {'home': t.account(server, 'alice')}})
    t.rules('rules: [{name: x, when: {subject: x}, then: [archive]}]')
    r = t.run('run')
    r.status, r.out, r.err

The program is the one that TAMIS names (tests/run sets it).  Its HOME and
XDG folders lie below a temporary folder; nothing of the caller's is seen.
"""

import hashlib
import json
import os
import pwd
import stat
import subprocess
import tempfile

import jsonform

TOP = os.environ.get('TAMIS_TOP') or os.path.dirname(os.path.dirname(
    os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get('TAMIS') or TOP + '/build/tamis'

# Exit codes, see tamis(1).
DONE, FOUND, USAGE, SOME_FAILED, BRAKE = 0, 1, 2, 3, 4
STATE, LATER, REFUSED, BAD_CONFIG = 74, 75, 77, 78


class Result:
    def __init__(self, argv, status, out, err):
        self.argv, self.status, self.out, self.err = argv, status, out, err

    def json(self):
        """The objects of --json, one a line; they are as tamis(1) says."""
        objects = [json.loads(line) for line in self.out.splitlines()]
        for each in objects:
            jsonform.check(each)
        return objects

    def __repr__(self):
        return '%s: exit %d\n--- out\n%s--- err\n%s' % (
            ' '.join(self.argv), self.status, self.out, self.err)


class Tamis:
    def __init__(self, folder=None):
        self.folder = folder or tempfile.mkdtemp(prefix='tamis-h.')
        self.home = self.folder + '/home'
        self.config_dir = self.home + '/.config/tamis'
        self.state_dir = self.home + '/.local/state/tamis'
        os.makedirs(self.config_dir, mode=0o700, exist_ok=True)
        self.env = {
            'PATH': os.environ['PATH'], 'HOME': self.home,
            'XDG_CONFIG_HOME': self.home + '/.config',
            'XDG_STATE_HOME': self.home + '/.local/state',
            'LC_ALL': 'C.UTF-8', 'TZ': 'UTC', 'NO_COLOR': '1',
        }
        for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS'):
            if name in os.environ:
                self.env[name] = os.environ[name]

    # ---------------------------------------------------------- files

    def write(self, name, text, mode=0o600):
        """A file below the config folder; returns its path."""
        path = os.path.join(self.config_dir, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        data = text if isinstance(text, bytes) else text.encode()
        with open(path, 'wb') as f:
            f.write(data)
        os.chmod(path, mode)
        return path

    def config(self, tree):
        """config.yaml from text, or from a tree (JSON is YAML)."""
        if not isinstance(tree, str):
            tree = dict({'version': 1, 'rules': ['rules.yaml']}, **tree)
            tree = json.dumps(tree, indent=1) + '\n'
        return self.write('config.yaml', tree)

    def rules(self, text, name='rules.yaml'):
        """A rule file; the version line may be left out."""
        if 'version:' not in text:
            text = 'version: 1\n' + text
        return self.write(name, text)

    def account(self, server, user='alice', password='secret', tls=True,
                **more):
        """An account of the config for a server (or a fault proxy)."""
        self.write('password', password + '\n')
        scheme, port = ('imaps', server.tls_port) if tls else (
            'imap', server.port)
        account = {
            'imap': '%s://localhost:%d' % (scheme, port),
            'user': user,
            'auth': {'password_file': self.config_dir + '/password'},
            'tls': {'ca_file': server.ca_file},
            'mailboxes': ['INBOX'],
        }
        account.update(more)
        return account

    # -------------------------------------------------------- running

    def argv(self, args, program=None):
        return [program or PROGRAM] + [str(a) for a in args]

    def run(self, *args, input=b'', timeout=60, env=None, wrap=(),
            program=None):
        """Runs it to its end.  WRAP: words put before the command."""
        argv = list(wrap) + self.argv(args, program)
        if isinstance(input, str):
            input = input.encode()
        p = subprocess.run(
            argv, input=input, timeout=timeout, capture_output=True,
            env=dict(self.env, **(env or {})), cwd=self.folder)
        return Result(argv, p.returncode,
                      p.stdout.decode('utf-8', 'replace'),
                      p.stderr.decode('utf-8', 'replace'))

    def ordinary_user(self):
        """Words before the command that make it run as a user whom the
        modes of files concern; all that is here is given to them."""
        if os.getuid() != 0:
            return []
        user = pwd.getpwnam('nobody')
        for top, _, files in os.walk(self.folder):
            for path in [top] + [os.path.join(top, f) for f in files]:
                os.lchown(path, user.pw_uid, user.pw_gid)
        return ['setpriv', '--reuid=%d' % user.pw_uid,
                '--regid=%d' % user.pw_gid, '--clear-groups']

    def start(self, *args, env=None, wrap=(), program=None):
        """A Popen, in a process group of its own."""
        return subprocess.Popen(
            list(wrap) + self.argv(args, program), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=dict(self.env, **(env or {})), cwd=self.folder,
            start_new_session=True)


def snapshot(folder):
    """{relative path: (kind, mode, size, mtime in ns, digest)}: equal before
    and after means that nothing was touched."""
    seen = {}
    for top, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(top, name)
            s = os.lstat(path)
            digest = ''
            if stat.S_ISREG(s.st_mode):
                with open(path, 'rb') as f:
                    digest = hashlib.sha256(f.read()).hexdigest()
            elif stat.S_ISLNK(s.st_mode):
                digest = os.readlink(path)
            seen[os.path.relpath(path, folder)] = (
                stat.S_IFMT(s.st_mode), stat.S_IMODE(s.st_mode),
                s.st_size, s.st_mtime_ns, digest)
    return seen
