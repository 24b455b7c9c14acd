#!/usr/bin/env python3
"""The manual pages and the examples: what they say is run.

A block of a page that follows a comment line `.\\" snippet: KIND` is a
snippet.  KIND is

  rules            a rule file (its version line may be left out): checked
                   without a warning, and its tests are run
  rules-fails: X   a rule file that check refuses, saying X
  rules-warns: X   a rule file that check accepts, with the warning X
  when             a condition, as it stands below `when:`
  then             a list of actions, as it stands below `then:`
  config           a config file, checked without a warning
  config-fails: X  a config file that check refuses, saying X
  file NAME        a file that later snippets of the page use
  cron             lines of a crontab
  shell [N]        commands behind "$ ", and below each what it prints; "..."
                   is any text, or alone on a line any lines; times and
                   versions of rules may differ; each command exits with N (0)
  foreign          what somebody wrote for another program: shown only
  mail [LABEL]...  a message that is put into the Gmail account
  gmail [N]        as shell, with the config that is there; imap.gmail.com is
                   a server of ours that behaves so

Snippets of a page are run in order, in one folder that is its home too.  Behind
`when` and `then` stand comment lines that are tests of them, each a message
and perhaps more keys of a test: `yes:` it fires, `no:` it does not,
`gives:` with an `expect` of its own.
"""

import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '../lib'))
import gmail		# noqa: E402
import tamis		# noqa: E402
import tap		# noqa: E402

TOP = tamis.TOP
PAGES = ['tamis.1', 'tamis-rules.5', 'tamis-config.5', 'tamis-gmail.7',
         'tamis-replace.7', 'tamis-security.7', 'tamis-tutorial.7']
GMAIL_USER = 'alice@gmail.com'
COLUMNS = 78		# what a terminal shows of a snippet without breaking it
TESTED = re.compile(r'(?m)^tests:')


# ------------------------------------------------------------- the pages

def page_lines(name):
    with open(TOP + '/man/' + name, encoding='utf-8') as f:
        return f.read().splitlines()


def unroff(line):
    """The text of a line inside a literal block."""
    if line.startswith('.'):
        raise ValueError('a macro in a snippet: ' + line)
    for escape, char in [('\\(aq', "'"), ('\\(ha', '^'), ('\\(ti', '~'),
                         ('\\(ga', '`'), ('\\(dq', '"'), ('\\-', '-'),
                         ('\\&', ''), ('\\e', '\0')]:
        line = line.replace(escape, char)
    if '\\' in line:
        raise ValueError('an escape that is not known: ' + line)
    return line.replace('\0', '\\')


class Snippet:
    def __init__(self, page, line, what):
        kind, _, self.text_wanted = what.partition(':')
        words = kind.split()
        self.page, self.line = page, line
        self.kind, self.args = words[0], words[1:]
        self.text_wanted = self.text_wanted.strip()
        self.lines, self.tests = [], []

    @property
    def text(self):
        return '\n'.join(self.lines) + '\n'

    @property
    def place(self):
        return 'man/%s:%d' % (self.page, self.line)

    def as_rules(self):
        """A whole rule file, with its tests."""
        if self.kind == 'when':
            text = ('rules:\n  - name: example\n    when:\n%s'
                    '    then: [{label: hit}]\n' % indented(self.lines, 6))
        elif self.kind == 'then':
            text = ('rules:\n  - name: example\n    then:\n%s' %
                    indented(self.lines, 6))
        else:
            text = self.text
        if self.tests:
            text += 'tests:\n'
        for i, (word, test) in enumerate(self.tests):
            expect = {'yes': ', expect: {rules: [example]}',
                      'no': ', expect: {rules: [], unknown: []}',
                      'gives': ''}[word]
            text += '  - {name: %s %d, message: %s%s}\n' % (
                word, i + 1, test, expect)
        if 'version:' not in text:
            text = 'version: 1\n' + text
        return text


def indented(lines, n):
    return ''.join(' ' * n + line + '\n' for line in lines)


def snippets(page):
    """All of a page; what is not marked right is an error."""
    found, mark, inside = [], None, False
    for number, line in enumerate(page_lines(page), 1):
        comment = re.match(r'\.\\" *(\w+): *(.*)$', line)
        if inside:
            if line == '.Ed':
                inside, mark = False, None
            else:
                mark.lines.append(unroff(line))
        elif comment and comment.group(1) == 'snippet':
            if mark:
                raise ValueError('%s: a snippet without a block' %
                                 mark.place)
            mark = Snippet(page, number, comment.group(2))
            found.append(mark)
        elif comment and comment.group(1) in ('yes', 'no', 'gives'):
            mark.tests.append((comment.group(1), comment.group(2)))
        elif line.startswith('.Bd '):
            if not mark or not line.startswith('.Bd -literal'):
                raise ValueError('man/%s:%d: a block that is no snippet' %
                                 (page, number))
            inside = True
        elif mark and not line.startswith('.\\"'):
            raise ValueError('%s: a snippet without a block' % mark.place)
    return found


def rendered(page, width=COLUMNS):
    """The lines of a page as a terminal shows them, without bold."""
    p = subprocess.run(
        ['mandoc', '-T', 'utf8', '-O', 'width=%d' % width,
         TOP + '/man/' + page], capture_output=True, check=True)
    return re.sub('.\b', '', p.stdout.decode()).splitlines()


# ------------------------------------------------------- running snippets

def as_pattern(wanted):
    """Of printed lines, with "..." for any."""
    pattern = ''
    for line in wanted:
        if line.strip() == '...':
            pattern += r'(?:.*\n)*?'
        else:
            pattern += '.*'.join(re.escape(part)
                                 for part in line.split('...')) + r'\n'
    return pattern


def without_time(text):
    """What differs with each run is made the same."""
    text = re.sub(r'\b20\d\d-\d\d-\d\d( \d\d:\d\d:\d\d)?\b', '<time>', text)
    return re.sub(r'\brules [0-9a-f]{12}\b', 'rules <version>', text)


def check_crontab(case, lines, env):
    """Times, and commands that tamis knows."""
    commands = 0
    for line in lines:
        if not line.strip() or line.startswith('#') or re.match(
                r'[A-Z]+=', line):
            continue
        times, command = line.split(None, 5)[:5], line.split(None, 5)[5]
        for time in times:
            case.assertRegex(time, r'^[0-9*/,-]+$', line)
        words = shlex.split(command.partition('>')[0])
        case.assertEqual(words[0], 'tamis', line)
        p = subprocess.run([tamis.PROGRAM] + words[1:] + ['--help'],
                           env=env, capture_output=True, timeout=60)
        case.assertEqual((p.returncode, p.stderr), (0, b''), line)
        commands += 1
    case.assertGreater(commands, 0)


class Page(unittest.TestCase):
    page = None		# set by add_page
    server = None	# once there is one

    @classmethod
    def setUpClass(cls):
        cls.t = tamis.Tamis()
        cls.folder = cls.t.home
        os.makedirs(cls.folder + '/bin')
        os.symlink(tamis.PROGRAM, cls.folder + '/bin/tamis')
        cls.env = dict(cls.t.env,
                       PATH=cls.folder + '/bin:' + cls.t.env['PATH'])

    @classmethod
    def tearDownClass(cls):
        if cls.server:
            cls.server.close()

    def tamis(self, *args):
        p = subprocess.run(
            [tamis.PROGRAM] + list(args), env=self.env, cwd=self.folder,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        return tamis.Result(list(args), p.returncode, p.stdout.decode(),
                            p.stderr.decode())

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        os.chmod(path, 0o600)

    def run_snippet(self, s):
        getattr(self, 'run_' + s.kind.replace('-', '_'))(s)

    def run_rules(self, s):
        self.write('snippet.yaml', s.as_rules())
        r = self.tamis('-r', 'snippet.yaml', 'check', '--strict')
        self.assertEqual((r.status, r.err), (0, ''), r)
        if not TESTED.search(s.as_rules()):
            return 0
        r = self.tamis('test', 'snippet.yaml')
        self.assertEqual((r.status, r.err), (0, ''), r)
        last = re.search(r'(?m)^(\d+) passed, 0 failed$', r.out)
        self.assertTrue(last, r)
        return int(last.group(1))

    def run_when(self, s):
        words = [word for word, _ in s.tests]
        self.assertIn('yes', words, 'nothing shows that it can fire')
        self.assertIn('no', words, 'nothing shows that it need not fire')
        self.assertEqual(self.run_rules(s), len(s.tests))

    def run_then(self, s):
        self.assertTrue(s.tests, 'nothing shows what it does')
        self.assertEqual(self.run_rules(s), len(s.tests))

    def run_rules_fails(self, s):
        self.write('snippet.yaml', s.as_rules())
        r = self.tamis('-r', 'snippet.yaml', 'check')
        self.assertEqual(r.status, 1, r)
        self.assertIn(s.text_wanted, r.out)
        self.assertIn('snippet.yaml:', r.out)

    def run_rules_warns(self, s):
        self.write('snippet.yaml', s.as_rules())
        r = self.tamis('-r', 'snippet.yaml', 'check')
        self.assertEqual(r.status, 0, r)
        self.assertIn('1 warning', r.out)
        self.assertIn('warning: ' + s.text_wanted, r.out)

    def run_config(self, s):
        self.write('snippet.yaml', s.text)
        r = self.tamis('-c', 'snippet.yaml', 'check', '--strict')
        self.assertEqual((r.status, r.err), (0, ''), r)

    def run_config_fails(self, s):
        self.write('snippet.yaml', s.text)
        r = self.tamis('-c', 'snippet.yaml', 'check')
        self.assertEqual(r.status, 1, r)
        self.assertIn(s.text_wanted, r.out)

    def run_file(self, s):
        self.write(s.args[0], s.text)

    def run_foreign(self, s):
        pass

    def run_cron(self, s):
        check_crontab(self, s.lines, self.env)

    def on_gmail(self):
        """The server, and the config of the page leads there."""
        if not self.server:
            type(self).server = gmail.Server(users=[GMAIL_USER]).start()
        path = self.t.config_dir + '/config.yaml'
        with open(path, encoding='utf-8') as f:
            text = f.read()
        text = text.replace('imaps://imap.gmail.com\n', '%s\n    tls: '
                            '{ca_file: %s}\n' % (self.address(),
                                                self.server.ca_file))
        text = re.sub(r'(password_command:) \[.*?\]', r'\1 [echo, %s]' %
                      self.server.password, text)
        self.write(path, text)
        return self.server

    def address(self):
        return 'imaps://localhost:%d' % self.server.tls_port

    def run_mail(self, s):
        self.on_gmail().control.load([{
            'raw': '\r\n'.join(s.lines).encode() + b'\r\n',
            'labels': s.args}])

    def run_gmail(self, s):
        self.on_gmail()
        self.run_shell(s)

    def run_shell(self, s):
        status = int(s.args[0]) if s.args else 0
        calls = []
        for line in s.lines:
            if line.startswith('$ '):
                calls.append((line[2:], []))
            else:
                calls[-1][1].append(line)
        for command, wanted in calls:
            p = subprocess.run(
                ['sh', '-c', command], env=self.env, cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, timeout=60)
            out = without_time(p.stdout.decode())
            if self.server:
                out = out.replace(self.address(), 'imaps://imap.gmail.com')
            self.assertEqual(p.returncode, status, command + '\n' + out)
            wanted = without_time('\n'.join(wanted)).splitlines()
            if not re.fullmatch(as_pattern(wanted), out):
                self.assertEqual('\n'.join(wanted) + '\n', out, command)


def add_page(name):
    """A test case of a page, with a test for each snippet, in order."""
    def test(snippet):
        return lambda self: self.run_snippet(snippet)

    members = {'page': name}
    for i, s in enumerate(snippets(name)):
        members['test_%03d_%s_line_%d' % (
            i, s.kind.replace('-', '_'), s.line)] = test(s)
    case = 'Page_' + re.sub(r'\W', '_', name)
    globals()[case] = type(case, (Page,), members)


# ---------------------------------------------------------- as a whole

class Form(unittest.TestCase):
    def test_lint(self):
        for page in PAGES:
            p = subprocess.run(
                ['mandoc', '-T', 'lint', '-W', 'warning',
                 TOP + '/man/' + page], capture_output=True)
            self.assertEqual((p.returncode, p.stdout, p.stderr),
                             (0, b'', b''), page)

    def test_snippets_are_shown_as_they_are_run(self):
        """What somebody copies from the terminal is what was run."""
        for page in PAGES:
            lines = {line.strip() for line in rendered(page)}
            for s in snippets(page):
                for line in s.lines:
                    self.assertIn(line.strip(), lines, s.place)

    def test_files_have_names(self):
        """Who reads the page is told what to call a file."""
        for page in PAGES:
            lines = page_lines(page)
            for s in snippets(page):
                if s.kind != 'file':
                    continue
                before = '\n'.join(lines[max(0, s.line - 9):s.line - 1])
                with self.subTest(place=s.place):
                    self.assertRegex(before, r'\.Pa (~/)?%s :' % re.escape(
                        s.args[0]))

    def test_references(self):
        """Each page names the others, and no page of ours that is not
        there."""
        for page in PAGES:
            named = set(re.findall(r'\.Xr (tamis\S*) (\d)',
                                   '\n'.join(page_lines(page))))
            named = {'%s.%s' % n for n in named}
            self.assertEqual(named, set(PAGES) - {page}, page)


# ------------------------------------------------------------ every word

def source(path):
    with open(TOP + '/' + path, encoding='utf-8') as f:
        return re.sub(r'(?s)/\*.*?\*/', '', f.read())


def vocabulary():
    """The rows of vocab.def: (macro, words before the help text)."""
    rows = []
    for row in re.finditer(
            r'(?m)^(CONDITION|ACTION|OPERATOR|PART|VARIABLE|STATE|KEY)'
            r'\(([^"]*)', source('rules/vocab.def')):
        words = re.findall(r'[\w]+', row.group(2))
        rows.append((row.group(1), words))
    return rows


def is_later(row):
    return 'ARG_LATER' in row[1]


def name_of(row):
    return row[1][1] if row[0] == 'KEY' else row[1][0]


def section(lines, name):
    """The lines of a section of a page."""
    at = lines.index('.Sh ' + name) + 1
    end = at
    while end < len(lines) and not lines[end].startswith('.Sh '):
        end += 1
    return lines[at:end]


def items(lines):
    """The words that have an entry of their own."""
    found = set()
    for line in lines:
        if re.match(r'\.It .*\bIc\b', line):
            found |= set(re.findall(r'[a-z_]+2?', re.sub(
                r'^\.It|\bI[ct]\b|\bNo\b|\bAr\b|\bTa\b.*', ' ', line)))
    return found


class Words(unittest.TestCase):
    """tamis-rules(5) against rules/vocab.def."""

    # maps that are described where their word is
    INNER = ['attachment', 'list_id', 'size', 'age', 'count', 'date',
             'time_of_day', 'weekday', 'list', 'special', 'icon']

    @classmethod
    def setUpClass(cls):
        cls.lines = page_lines('tamis-rules.5')
        cls.ran = '\n'.join(
            s.as_rules() for s in snippets('tamis-rules.5')
            if s.kind in ('rules', 'when', 'then') or
            s.args and s.args[0].endswith('.yaml'))
        cls.rows = vocabulary()

    def test_there_are_rows(self):
        kinds = {row[0] for row in self.rows}
        self.assertEqual(len(kinds), 7)
        self.assertGreater(len(self.rows), 100)

    def test_special_uses(self):
        page = '\n'.join(section(self.lines, 'ACTIONS'))
        names = re.findall(r'(?m)^SPECIAL\("\\\\(\w+)"',
                           source('rules/vocab.def'))
        self.assertEqual(re.findall(r'\\e(\w+)\b', page[
            page.index('RFC 6154 and 8457'):page.index('snippet', page.index(
                'RFC 6154 and 8457'))]), names)

    def test_each_has_an_entry(self):
        have = items(self.lines)
        named = set(re.findall(r'[a-z_]+', ' '.join(
            line for line in self.lines if re.search(r'\b(Ic|Ql)\b', line))))
        for row in self.rows:
            if row[0] == 'KEY' and row[1][0] in self.INNER:
                with self.subTest(word=name_of(row), kind=row[1][0]):
                    self.assertIn(name_of(row), named)
            elif not is_later(row):
                with self.subTest(word=name_of(row), kind=row[0]):
                    self.assertIn(name_of(row), have)

    def test_each_has_an_example_that_is_run(self):
        for row in self.rows:
            name = name_of(row)
            if is_later(row):
                continue
            pattern = {
                'VARIABLE': r'\$\(%s[.:)]',
                'STATE': r'(?:is|mark|unmark|flags): \[?[^\n]*\b%s\b',
                'ACTION': r'[\[,{-] *%s *(?:[\]:,}]|$)',
            }.get(row[0], r'(?:^|[\[,{ ])%s: *\S?')
            with self.subTest(word=name, kind=row[0]):
                self.assertRegex(self.ran, '(?m)' + pattern % name)

    def later(self):
        """{(macro, name)} of what is refused."""
        return {(row[0], name_of(row)) for row in self.rows
                if is_later(row)}

    def test_what_is_refused_is_listed(self):
        listed, kind = set(), None
        kinds = {'Conditions': ['CONDITION'], 'Actions': ['ACTION'],
                 'Operators': ['OPERATOR', 'PART'], 'Keys': ['KEY']}
        wanted = {}
        for macro, name in self.later():
            for heading, macros in kinds.items():
                if macro in macros:
                    wanted.setdefault(heading, set()).add(name)
        found = {}
        for line in section(self.lines, 'NOT YET SUPPORTED'):
            if line.startswith('.It '):
                kind = line[4:]
            elif line.startswith('.Ic ') and kind:
                found.setdefault(kind, set()).update(
                    re.findall(r'[a-z_]+', line[4:]))
        self.assertEqual(found, wanted)

    def test_tutorial(self):
        """What it says is missing is."""
        missing = {name for _, name in self.later()}
        inside, named = False, set()
        for line in page_lines('tamis-tutorial.7'):
            if line.startswith('.S'):
                inside = line == '.Ss Without counterpart'
            words = inside and re.match(r'\.(?:Pq )?Ic (.*)', line)
            if words:
                named |= set(re.findall(
                    r'[a-z_]+', words.group(1).partition(' No ')[0]))
        self.assertGreater(len(named), 2)
        self.assertEqual(named - missing, set())

    def test_what_is_refused_is_refused(self):
        rule = 'rules: [{name: x, %s}]\n'
        forms = {
            'CONDITION': rule % 'when: {%s: x}, then: [archive]',
            'ACTION': rule % 'then: [{%s: x}]',
            'OPERATOR': rule % 'when: {subject: {%s: x}}, then: [archive]',
            'PART': rule % 'when: {from: {%s: x}}, then: [archive]',
            'rule': rule % 'then: [archive], %s: x',
            'test': 'tests: [{name: x, message: x, expect: {}, %s: x}]\n',
            'expect': 'tests: [{name: x, message: x, expect: {%s: true}}]\n',
        }
        t = tamis.Tamis()
        for row in self.rows:
            if not is_later(row):
                continue
            form = forms[row[1][0] if row[0] == 'KEY' else row[0]]
            with self.subTest(word=name_of(row), kind=row[0]):
                path = t.rules(form % name_of(row))
                r = t.run('-r', path, 'check')
                self.assertEqual(r.status, 1, r)
                self.assertIn('`%s` is not yet supported' % name_of(row),
                              r.out)


    def test_limits(self):
        """Each number is that of the constant named above it."""
        defined = {}
        for folder in ('rules', 'engine'):
            for name in os.listdir(TOP + '/' + folder):
                defined.update(re.findall(
                    r'(?m)^#define\s+(\w+)\s+(\(?[\d *]+\)?)',
                    source(folder + '/' + name)))
        rows = re.findall(r'(?m)^\.\\" limit: (\w+)\n\.It .* Ta (.*)$',
                          '\n'.join(self.lines))
        self.assertGreater(len(rows), 20)
        for name, shown in rows:
            number, _, unit = shown.replace(',', '').partition(' ')
            number = int(number) * {'': 1, 'KiB': 1 << 10,
                                    'MiB': 1 << 20}[unit]
            factors = re.findall(r'\d+', defined[name])
            with self.subTest(limit=name):
                self.assertEqual(number, math.prod(map(int, factors)))


class Keys(unittest.TestCase):
    """tamis-config(5) against engine/config.def."""
    TYPES = {
        'TEXT': 'text', 'PATH': 'path', 'BOOL': 'bool', 'TRUE': 'bool',
        'SIZE': 'size', 'DURATION': 'duration',
        'DURATION_OR_0': 'duration', 'TIMEOUT': 'duration',
        'NUMBER': 'number', 'NUMBER_OR_0': 'number', 'VERSION': 'number',
        'WORD': 'word', 'WORDS': 'words', 'MECHANISM': 'word',
        'MAILBOX': 'mailbox',
        'MAILBOXES': 'mailboxes', 'PATHS': 'files', 'COMMAND': 'command',
        'PROXY': 'URL', 'SERVER': 'URL', 'URL': 'URL', 'PROVIDER': 'word',
        'RULES': 'paths', 'SECTION': 'map', 'LATER': 'later',
        'WEBHOOK': 'URL', 'HEADERS': 'map', 'FILLING': 'text',
        'ADDRESS': 'address', 'ADDRESSES': 'addresses',
        'BETWEEN': 'times', 'URGENCIES': 'words',
    }
    PREFIX = {'TOP': '', 'ACCOUNT': '', 'AUTH': 'auth.', 'TLS': 'tls.',
              'PGP': 'pgp.', 'SMIME': 'smime.', 'CHANNEL': '',
              'QUIET': 'quiet_hours.',
              'LIMITS': 'limits.'}

    def rows(self):
        """[(section, name, type, default, unit)] of config.def."""
        found = re.findall(
            r'(?m)^KEY\((\w+), "(\w+)", (\w+), [\w.]+,\s+"([^"]*)",'
            r'\s+"([^"]*)"',
            source('engine/config.def'))
        self.assertEqual(len(found), source('engine/config.def').count(
            '\nKEY('))
        return found

    def test_table(self):
        """Row by row, in the same order."""
        table = [line[7:].split(' Ta ') for line in section(
            page_lines('tamis-config.5'), 'TABLE OF KEYS')
            if line.startswith('.It Ic ')]
        wanted = [[self.PREFIX[place] + name, self.TYPES[kind],
                   default or '-', unit or '-']
                  for place, name, kind, default, unit in self.rows()]
        self.assertEqual(table, wanted)

    def test_entries_and_examples(self):
        lines = page_lines('tamis-config.5')
        have = items(section(lines, 'KEYS'))
        run = '\n'.join(s.text for s in snippets('tamis-config.5')
                        if s.kind.startswith('config'))
        for place, name, kind, _, _ in self.rows():
            with self.subTest(key=self.PREFIX[place] + name):
                if kind == 'LATER':
                    self.assertNotIn(name, have)
                    continue
                # a section is described by its keys
                if (place, name) not in [('TOP', 'limits'),
                                         ('TOP', 'quiet_hours')]:
                    self.assertIn(name, have)
                if name not in ('insecure', 'maildir'):
                    self.assertRegex(run, r'(?m)(?:^|[{, ])%s:' % name)

    def test_defaults_can_be_written(self):
        """A config that writes every default."""
        t = tamis.Tamis()
        top, account, limits = {}, {'maildir': '~/Mail'}, {}
        for place, name, _, default, _ in self.rows():
            if default and (place, name) not in [('ACCOUNT', 'compress'),
                                                 ('ACCOUNT', 'timeout')]:
                {'TOP': top, 'ACCOUNT': account, 'LIMITS': limits,
                 'TLS': {}, 'SMIME': {}, 'CHANNEL': {}}[place][name] = \
                    default
        text = 'version: 1\naccounts:\n  x:\n%slimits:\n%s%s' % (
            indented(['%s: %s' % p for p in account.items()], 4),
            indented(['%s: %s' % p for p in limits.items()], 2),
            indented(['%s: %s' % p for p in top.items()], 0))
        t.config(text)
        r = t.run('check')
        self.assertEqual(r.status, 0, r)

    def test_later_is_refused(self):
        t = tamis.Tamis()
        forms = {'TOP': '%s: x\n',
                 'ACCOUNT': 'accounts: {x: {maildir: ~/Mail, %s: x}}\n',
                 'AUTH': 'accounts: {x: {imap: imaps://h, user: u, '
                         'auth: {%s: x}}}\n',
                 'LIMITS': 'limits: {%s: 1}\n'}
        for place, name, kind, _, _ in self.rows():
            if kind == 'LATER':
                with self.subTest(key=name):
                    t.config('version: 1\n' + forms[place] % name)
                    r = t.run('check')
                    self.assertEqual(r.status, 1, r)
                    self.assertIn('%s` is not yet supported' % name, r.out)


# ---------------------------------------------------------------- claims

class Claims(unittest.TestCase):
    """tamis-security(7): each item names tests, and they are there."""
    COMMENT = '.\\" test: '

    def items(self):
        """[(line, [(file, [names])])] for each item of the lists."""
        found = []
        for n, line in enumerate(page_lines('tamis-security.7'), 1):
            if line == '.It':
                found.append((n, []))
            elif line.startswith(self.COMMENT):
                first, *names = line[len(self.COMMENT):].split()
                if '/' in first:
                    found[-1][1].append((first, names))
                else:	# goes on
                    found[-1][1][-1][1].extend([first] + names)
        return found

    def test_each_names_tests(self):
        self.assertGreater(len(self.items()), 20)
        for line, tests in self.items():
            self.assertTrue(tests, 'line %d' % line)

    def test_they_are_there(self):
        for line, tests in self.items():
            for path, names in tests:
                with self.subTest(line=line, path=path):
                    text = source(path)
                    for name in names:
                        self.assertRegex(text, r'(?m)^ *(def|static void) '
                                         r'%s\(' % name)


# ------------------------------------------------- commands and options

def help_options(text):
    """{(letter, name, value)} of a help text, and the usage line."""
    found = set()
    for m in re.finditer(r'(?m)^  (?:-(\w), |    )--([\w-]+)(?: ([A-Z]+))?',
                         text):
        found.add((m.group(1) or '', m.group(2), m.group(3) or ''))
    return found


def page_options(lines):
    found = set()
    for line in lines:
        m = re.match(r'\.It (?:Fl (\w) , )?Fl Fl ([\w-]+)(?: Ar (\w+))?$',
                     line)
        if m:
            found.add((m.group(1) or '', m.group(2), m.group(3) or ''))
        elif line.startswith('.It Fl'):
            raise ValueError(line)
    return found


class Options(unittest.TestCase):
    """tamis(1) against --help."""

    @classmethod
    def setUpClass(cls):
        cls.t = tamis.Tamis()
        cls.lines = page_lines('tamis.1')
        cls.help = cls.t.run('--help').out
        cls.commands = re.findall(r'(?m)^  (\w+) {2,}', cls.help.partition(
            'options of every command')[0])

    def own_lines(self, command):
        lines = section(self.lines, 'COMMANDS')
        at = lines.index('.Ss ' + command) + 1
        end = at
        while end < len(lines) and not lines[end].startswith('.Ss '):
            end += 1
        return lines[at:end]

    def test_commands(self):
        """The same, in the same order."""
        page = [line[4:] for line in section(self.lines, 'COMMANDS')
                if line.startswith('.Ss ')]
        self.assertGreater(len(page), 5)
        self.assertEqual(page, self.commands)

    def test_options_of_every_command(self):
        everywhere = help_options(self.help)
        self.assertGreater(len(everywhere), 5)
        self.assertEqual(page_options(section(self.lines, 'OPTIONS')),
                         everywhere)

    def test_options_of_each_command(self):
        everywhere = help_options(self.help)
        for command in self.commands:
            own = help_options(self.t.run(command, '--help').out)
            with self.subTest(command=command):
                self.assertEqual(page_options(self.own_lines(command)),
                                 own - everywhere)

    def test_operands(self):
        for command in self.commands:
            usage = self.t.run(command, '--help').out.splitlines()[0]
            wanted = usage.partition(' ' + command)[2].split()
            line = [x for x in self.own_lines(command)
                    if x.startswith('.D1 ')][0]
            got = re.sub(r'\.D1 Nm tamis Ic %s' % command, '', line)
            got = re.sub(r' *Oo Ar (\w+) Oc \.\.\.', r'[\1]...', got)
            got = re.sub(r' *Oo Ar (\w+) Oc', r'[\1]', got)
            got = re.sub(r' *Ar (\w+) \.\.\.', r'\1...', got)
            got = re.sub(r' *Ar (\w+)', r'\1', got)
            with self.subTest(command=command):
                self.assertEqual(got.split(), wanted)

    def test_exit_status(self):
        codes = re.findall(r'(?m)^\.It (\d+)$', '\n'.join(
            section(self.lines, 'EXIT STATUS')))
        self.assertEqual(codes, ['0', '1', '2', '3', '4', '74', '75', '77',
                                 '78'])
        for code in codes:
            self.assertRegex(self.help, r'\b%s ' % code)

    def test_json_types(self):
        """Each type that report.h lists, and its members."""
        entries, name = {}, None
        for line in section(self.lines, 'JSON'):
            if line.startswith('.It Cm '):
                name = line[7:]
            entries[name] = entries.get(name, '') + ' ' + line
        forms = re.findall(r'(?s)\{"v":1,"type":"(\w+)"(.*?)\}(?: \*/)?\n',
                           source_comments('engine/report.h'))
        self.assertGreater(len(forms), 8)
        self.assertEqual(set(entries) - {None}, {form[0] for form in forms})
        for name, members in forms:
            for member in re.findall(r'"(\w+)":', members):
                with self.subTest(type=name, member=member):
                    self.assertRegex(entries[name], r'\b%s\b' % member)


def source_comments(path):
    with open(TOP + '/' + path, encoding='utf-8') as f:
        return re.sub(r'(?m)^ \* ?', '', f.read())


# ------------------------------------------------------------ examples

class Examples(unittest.TestCase):
    """examples/, as somebody has them who may not write there."""

    @classmethod
    def setUpClass(cls):
        cls.t = tamis.Tamis()
        cls.folder = cls.t.home + '/examples'
        shutil.copytree(TOP + '/examples', cls.folder)
        for top, _, files in os.walk(cls.folder):
            os.chmod(top, 0o700)
            for name in files:
                os.chmod(os.path.join(top, name), 0o600)

    def names(self, suffix):
        return sorted(n for n in os.listdir(self.folder)
                      if n.endswith(suffix))

    def test_rules(self):
        rules = [n for n in self.names('.yaml') if 'config' not in n]
        self.assertGreaterEqual(len(rules), 4)
        for name in rules:
            with self.subTest(file=name):
                path = self.folder + '/' + name
                r = self.t.run('-r', path, 'check', '--strict')
                self.assertEqual((r.status, r.err), (0, ''), r)
                r = self.t.run('test', path)
                self.assertEqual((r.status, r.err), (0, ''), r)
                self.assertRegex(r.out, r'(?m)^[1-9]\d* passed, 0 failed$')

    def test_every_rule_is_tested(self):
        """A test expects it to fire."""
        for name in self.names('.yaml'):
            if 'config' in name or name == 'quickstart.yaml':
                continue
            with open(self.folder + '/' + name, encoding='utf-8') as f:
                rules, _, tests = f.read().partition('\ntests:')
            off = re.findall(r'- name: (.*)\n    enabled: false', rules)
            # where Gmail is asked nothing fires in a test
            fired = set(', '.join(re.findall(
                r'(?:rules|unknown): \[(.*?)\]', tests)).split(', '))
            for rule in re.findall(r'(?m)^  - name: (.*)$', rules):
                if rule not in off:
                    with self.subTest(file=name, rule=rule):
                        self.assertIn(rule, fired)

    def test_configs(self):
        configs = [n for n in self.names('.yaml') if 'config' in n]
        self.assertTrue(configs)
        for name in configs:
            with self.subTest(file=name):
                r = self.t.run('-c', self.folder + '/' + name, 'check',
                               '--strict')
                self.assertEqual((r.status, r.err), (0, ''), r)

    def test_cron(self):
        with open(self.folder + '/cron', encoding='utf-8') as f:
            check_crontab(self, f.read().splitlines(), self.t.env)

    def test_all_are_described(self):
        with open(self.folder + '/README.md', encoding='utf-8') as f:
            text = f.read()
        for name in os.listdir(self.folder):
            if name != 'README.md':
                self.assertIn('`%s' % name, text)


for each in PAGES:
    if os.path.exists(TOP + '/man/' + each):
        add_page(each)

if __name__ == '__main__':
    tap.main()
