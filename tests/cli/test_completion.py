#!/usr/bin/env python3
"""What bash, zsh and fish complete, against what --help says and what the
config and the rules hold.

The shells are real: bash and zsh sit at a terminal, get keys, and say what
their line holds then; fish says by itself what it would offer.
"""

import fcntl
import os
import pty
import re
import select
import shlex
import shutil
import struct
import subprocess
import termios
import time
import unittest

import tamis
import tap

SECONDS = 60
COSTS, LATE = 'costs: $5 & more', "it's late"
HOSTILE = 'hits $(touch pwned) `touch pwned`'
# names, and what is typed of them
RULES = {COSTS: 'cos', LATE: 'it', HOSTILE: 'hi', 'plain': 'pl',
         'way/out "x" too': 'way/'}

BASH = r'''
PS1='READY> '
bind 'set bell-style none'
bind 'set enable-bracketed-paste off'
bind 'set completion-query-items 0'
tell() { printf '\n<<<%s>>>\n' "$READLINE_LINE"; READLINE_LINE=; }
bind -x '"\C-xd": tell'
bind '"\C-xa": insert-completions'
bind '"\C-xt": complete'
'''
ZSH = r'''
PS1='READY> '
unsetopt zle_bracketed_paste beep prompt_cr prompt_sp
zmodload zsh/zle
fpath=(%s $fpath)
autoload -Uz compinit
compinit -u -D
tell() { print -r -- $'\n<<<'"$BUFFER"'>>>'; BUFFER=; }
zle -N tell
bindkey '^Xd' tell
bindkey '^Xt' complete-word
zle -C all complete-word _generic
bindkey '^Xa' all
zstyle ':completion:all::::' completer _all_matches _complete
zstyle ':completion:all:*' insert true
'''


class Terminal:
    """A shell with a terminal of its own."""

    def __init__(self, argv, env, folder):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(argv[0], argv, env)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack('HHHH', 50, 2000, 0, 0))
        self.text = ''

    def read_until(self, pattern):
        end = time.monotonic() + SECONDS
        while True:
            m = re.search(pattern, self.text, re.S)
            if m:
                self.text = self.text[m.end():]
                return m
            if not select.select([self.fd], [], [],
                                 end - time.monotonic())[0]:
                raise AssertionError('%r did not come: %r' % (
                    pattern, self.text))
            self.text += os.read(self.fd, 65536).decode('utf-8', 'replace')

    def line_after(self, keys):
        """What the line holds after these keys; then it is empty."""
        os.write(self.fd, keys.encode() + b'\x18d')
        return self.read_until(r'<<<(.*?)>>>').group(1)

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


class Shell:
    """Tests for each shell; all(line) and one(line) are the shell's own."""

    @classmethod
    def setUpClass(cls):
        cls.t = tamis.Tamis()
        cls.bin = cls.t.folder + '/bin'
        os.mkdir(cls.bin)
        os.symlink(tamis.PROGRAM, cls.bin + '/tamis')
        cls.env = dict(cls.t.env, TERM='dumb', PATH=cls.bin + ':' +
                       cls.t.env['PATH'], HISTFILE='/dev/null',
                       SHELL='/bin/sh')
        cls.t.config({'accounts': {
            'home': {'maildir': '~/Mail'}, 'work.1': {'maildir': '~/Work'},
            'work-2': {'maildir': '~/Work2'}}})
        cls.t.rules('rules:\n' + ''.join(
            "  - {name: '%s', then: [archive]}\n" % name.replace("'", "''")
            for name in RULES))
        cls.t.write('other.yaml', 'version: 1\naccounts: {elsewhere: '
                    '{maildir: ~/Mail}}\nrules: [more.yaml]\n')
        cls.t.rules('rules: [{name: other, then: [archive]}]', 'more.yaml')
        cls.t.write('broken.yaml', 'version: [')
        os.mkdir(cls.t.folder + '/letters')
        for name in ('letters/one two.eml', 'letters/three.eml'):
            with open(cls.t.folder + '/' + name, 'w') as f:
                f.write('Subject: x\n\n')
        cls.start()

    @classmethod
    def start(cls):
        if not shutil.which(cls.name):
            raise unittest.SkipTest('there is no ' + cls.name)
        cls.script = cls.t.folder + '/' + cls.file
        with open(cls.script, 'w') as f:
            f.write(cls.t.run('completion', cls.name).out)

    def help(self, *command):
        return self.t.run(*command, '--help').out

    def options(self, *command):
        return sorted(set(re.findall(r'(?m)^  .{4}(--[a-z-]+)',
                                     self.help(*command))))

    def test_commands(self):
        wanted = re.findall(r'(?m)^  ([a-z]+) {2,}', self.help().partition(
            'options of every command')[0])
        self.assertGreater(len(wanted), 8)
        self.assertEqual(self.all('tamis '), sorted(wanted))
        self.assertEqual(self.all('tamis -v -a home '), sorted(wanted))
        self.assertEqual(self.one('tamis expl'), ['tamis', 'explain', ''])
        self.assertEqual(self.one('tamis nothing'), ['tamis', 'nothing'])

    def test_options(self):
        for command in ([], ['run'], ['check'], ['completion']):
            with self.subTest(command=command):
                self.assertEqual(self.all(' '.join(['tamis'] + command +
                                                   ['--'])),
                                 self.options(*command))
        self.assertEqual(self.one('tamis run --dr'),
                         ['tamis', 'run', '--dry-run', ''])
        # behind the command, and not where it has none such
        self.assertEqual(self.one('tamis check --dr'),
                         ['tamis', 'check', '--dr'])
        self.assertEqual(self.one('tamis check -- --st'),
                         ['tamis', 'check', '--', '--st'])

    def test_accounts(self):
        names = ['home', 'work-2', 'work.1']
        for line in ('tamis run -a ', 'tamis --account ',
                     'tamis -a home run -a '):
            self.assertEqual(self.all(line), names, line)
        self.assertEqual(self.one('tamis run -a h'),
                         ['tamis', 'run', '-a', 'home', ''])
        self.assertEqual(self.one('tamis run --account=h'),
                         ['tamis', 'run', '--account=home', ''])
        self.assertEqual(self.one('tamis -c %s/other.yaml run -a e' %
                                  self.t.config_dir)[-2:],
                         ['elsewhere', ''])
        self.assertEqual(self.one('tamis -c ~/.config/tamis/other.yaml -a e')
                         [-2:], ['elsewhere', ''])

    def test_rules(self):
        for name, begin in RULES.items():
            with self.subTest(rule=name):
                self.assertEqual(self.one('tamis run --allow ' + begin),
                                 ['tamis', 'run', '--allow', name, ''])
        self.assertEqual(self.one(r'tamis log --rule costs:\ '),
                         ['tamis', 'log', '--rule', COSTS, ''])
        self.assertEqual(self.one('tamis log --rule=costs:'),
                         ['tamis', 'log', '--rule=' + COSTS, ''])
        self.assertEqual(self.one(
            'tamis -c %s/other.yaml log --rule ' % self.t.config_dir)[-2:],
            ['other', ''])
        self.assertEqual(self.one(
            'tamis -r %s/more.yaml log --rule=' % self.t.config_dir)[-2:],
            ['--rule=other', ''])
        self.assertFalse(os.path.exists(self.t.folder + '/pwned'))

    def test_words_of_the_language(self):
        self.assertEqual(self.one('tamis words arch'),
                         ['tamis', 'words', 'archive', ''])

    def test_files(self):
        self.assertEqual(self.one('tamis explain letters/o')[:3],
                         ['tamis', 'explain', 'letters/one two.eml'])
        self.assertEqual(self.one('tamis -c letters/t')[:3],
                         ['tamis', '-c', 'letters/three.eml'])
        self.assertEqual(self.one('tamis init --maildir lett')[:4],
                         ['tamis', 'init', '--maildir', 'letters/'])
        self.assertEqual(self.one('tamis --config=letters/t')[:2],
                         ['tamis', '--config=letters/three.eml'])

    def test_nothing(self):
        """Where nothing is known, and without a word about what is wrong."""
        for line in ('tamis why le', 'tamis check le', 'tamis run --max 1',
                     'tamis -c %s/broken.yaml -a ho' % self.t.config_dir,
                     'tamis -c %s/broken.yaml log --rule pl' %
                     self.t.config_dir):
            self.assertEqual(self.one(line), line.split(), line)


class AtTerminal(Shell):
    @classmethod
    def start(cls):
        super().start()
        setup = cls.t.folder + '/setup.' + cls.name
        with open(setup, 'w') as f:
            f.write(cls.setup())
        cls.terminal = Terminal(cls.argv, cls.env, cls.t.folder)
        os.write(cls.terminal.fd, b'. %s; echo be""gun\n' % setup.encode())
        cls.terminal.read_until('begun')

    @classmethod
    def tearDownClass(cls):
        cls.terminal.close()

    def one(self, line):
        """The words of the line after the key for completion; an empty last
        one: a blank stands at its end."""
        after = self.terminal.line_after(line + '\x18t')
        return self.words(after) + ([''] if after.endswith(' ') else [])

    def all(self, line):
        after = self.terminal.line_after(line + '\x18a')
        keep = len(self.words(line)) - (not line.endswith(' '))
        return sorted(self.words(after)[keep:])

    def words(self, line):
        """As the shell reads them, should somebody now type Return."""
        p = subprocess.run(
            [self.name, '-c', "printf '%s\\n' " + line], env=self.env,
            cwd=self.t.folder, capture_output=True, timeout=SECONDS)
        self.assertEqual((p.returncode, p.stderr), (0, b''), line)
        return p.stdout.decode().splitlines()


class Bash(AtTerminal, unittest.TestCase):
    name, file = 'bash', 'tamis.bash'
    argv = ['bash', '--norc', '--noprofile', '-i']

    @classmethod
    def setup(cls):
        return BASH + '. %s\n' % cls.script

    def test_quoted(self):
        for name, begin in RULES.items():
            for quote in ['"'] + ["'"] * (name != LATE):
                with self.subTest(rule=name, quote=quote):
                    self.assertEqual(
                        self.one('tamis run --allow ' + quote + begin),
                        ['tamis', 'run', '--allow', name, ''])


class Zsh(AtTerminal, unittest.TestCase):
    name, file = 'zsh', '_tamis'
    argv = ['zsh', '-f', '-i']

    @classmethod
    def setup(cls):
        return ZSH % cls.t.folder


class ZshBySource(Zsh):
    @classmethod
    def setup(cls):
        return ZSH % '/nowhere' + '. %s\n' % cls.script


class Fish(Shell, unittest.TestCase):
    name, file = 'fish', 'tamis.fish'

    def offered(self, line):
        p = subprocess.run(
            ['fish', '--no-config', '-c', 'source $argv[1]; '
             'complete -C $argv[2]', '--', self.script, line],
            env=self.env, cwd=self.t.folder, capture_output=True,
            timeout=SECONDS)
        self.assertEqual((p.returncode, p.stderr), (0, b''), line)
        return [x.split('\t')[0] for x in p.stdout.decode().splitlines()]

    def all(self, line):
        return sorted(self.offered(line))

    def one(self, line):
        offered = self.offered(line)
        if not offered:
            return shlex.split(line)
        self.assertEqual(len(offered), 1, offered)
        head = line.rpartition(' ')[0].rstrip('\\')
        head = head.rpartition(' ')[0] if line.endswith('\\ ') else head
        return shlex.split(head) + [offered[0], '']


class Script(unittest.TestCase):
    def test_wrong_shell(self):
        r = tamis.Tamis().run('completion', 'csh')
        self.assertEqual((r.status, r.out), (tamis.USAGE, ''))
        self.assertIn('bash, zsh and fish, not "csh"', r.err)

    def test_line(self):
        """What the scripts are told."""
        r = tamis.Tamis().run('completion', '--line', '--', 'completion', '')
        self.assertEqual((r.status, r.err), (0, ''))
        self.assertEqual(r.out, 'words\nbash\nzsh\nfish\n')

    def test_each_once(self):
        """Some words of the language have several meanings."""
        r = tamis.Tamis().run('completion', '--line', '--', 'words', '')
        names = [x.split('\t')[0] for x in r.out.splitlines()]
        self.assertIn('from', names)
        self.assertEqual(len(names), len(set(names)))


if __name__ == '__main__':
    tap.main()
