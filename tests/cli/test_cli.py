#!/usr/bin/env python3
"""The program as a person calls it: help, exit codes, check, test, explain."""

import json
import os
import re
import stat
import subprocess
import unittest

import tamis
import tap

COMMANDS = ['run', 'check', 'test', 'explain', 'why', 'log', 'stats',
            'undo', 'recover', 'init', 'auth', 'doctor', 'words', 'completion']

RULES = r'''version: 1
lists:
  vip: [boss@example.com, "@school.example"]
conditions:
  to-me: {to: me@example.org}
rules:
  - name: lists
    when:
      list_id: {matches: "*.lists.example.org"}
      not: to-me
    then: [{label: "lists/$(list_id.local)"}, archive, {mark: read}]
  - name: vip
    when: {from: {list: vip}}
    then: [{mark: starred}, stop]
  - name: invoices
    when: {any: [{subject: invoice}, {body: invoice}]}
    then: [{label: invoices}]
  - name: swept
    applies_to: all
    when: {age: {over: 5200w}, is: read}
    then: [trash]
tests:
  - name: list mail goes
    message: |
      From: Tom <tom@example.org>
      To: list@lists.example.org
      List-Id: <dev.lists.example.org>
      Subject: patch

      Hello.
    expect: {rules: [lists], labels: [lists/dev]}
  - name: vip stays
    message: |
      From: Boss <boss@example.com>
      Subject: now

      Hello.
    expect: {rules: [vip], labels: [INBOX], flags: [starred]}
'''

LIST_MAIL = b'''From: Tom \x1b[31m <tom@example.org>
To: list@lists.example.org
List-Id: Developers <dev.lists.example.org>
Message-ID: <one@example.org>
Date: Thu, 15 Jan 2026 10:00:00 +0000
Subject: =?utf-8?q?patch_=C3=A9?=

Hello.
'''

BOSS_MAIL = b'''From: Boss <boss@example.com>
To: me@example.org
Message-ID: <two@example.com>
Date: Thu, 15 Jan 2026 10:00:00 +0000
Subject: the invoice

Now.
'''


class Base(unittest.TestCase):
    def setUp(self):
        self.t = tamis.Tamis()

    def expect(self, status, *args, **more):
        r = self.t.run(*args, **more)
        self.assertEqual(r.status, status, r)
        return r

    def mail(self, name, data):
        return self.t.write(name, data)


class Words(Base):
    def test_help(self):
        r = self.expect(0, '--help')
        self.assertEqual(r.err, '')
        for command in COMMANDS:
            self.assertRegex(r.out, r'(?m)^  %s +\S' % command)
            own = self.expect(0, command, '--help')
            self.assertTrue(own.out.startswith('usage: tamis'), own)
            self.assertIn(command, own.out.splitlines()[0])
            for line in own.out.splitlines():
                self.assertLess(len(line), 80)

    def test_help_needs_nothing(self):
        """Not even a home that is there, or a right config."""
        self.t.config('accounts: [')
        self.expect(0, 'run', '--help')
        self.expect(0, '--version')

    def test_version(self):
        r = self.expect(0, '--version')
        self.assertRegex(r.out, r'^tamis \d+\.\d+\.\d+\n$')

    def test_wrong_use(self):
        for args, part in [
                ((), 'a command is missing'),
                (('rnu',), 'did you mean "run"?'),
                (('run', '--dry-rnu'), 'did you mean --dry-run?'),
                (('check', '--dry-run'), 'check has no option --dry-run'),
                (('check', 'x'), 'takes no argument'),
                (('explain',), 'explain needs SOURCE'),
                (('why',), 'why needs MESSAGE'),
                (('run', '--max', 'x'), 'not a number'),
                (('run', '--since', 'x'), 'not a time'),
                (('run', '--all', '--since', '7d'), 'exclude each other'),
                (('log', '-a'), 'needs a value')]:
            r = self.expect(tamis.USAGE, *args)
            self.assertIn(part, r.err)
            self.assertTrue(r.err.startswith('tamis: '), r)
            self.assertEqual(r.out, '')
            self.assertEqual(r.err.count('\n'), 1, r)

    def test_unknown_account(self):
        self.t.config({'rules': [], 'accounts': {
            'work': {'maildir': '~/Mail'}}})
        r = self.expect(tamis.USAGE, '-a', 'wrok', 'log')
        self.assertIn('did you mean "work"?', r.err)

    def test_escaped(self):
        r = self.expect(tamis.USAGE, 'a\x1b[31mb')
        self.assertIn('a\\x1B[31mb', r.err)

    def test_closed_descriptors(self):
        """Files that are opened must not become standard output."""
        self.t.rules(RULES)
        path = self.t.config_dir + '/rules.yaml'
        before = open(path).read()
        subprocess.run(
            ['sh', '-c', 'exec "$@" 0<&- 1>&- 2>&-', 'sh'] +
            self.t.argv(['-r', path, 'check']), env=self.t.env, timeout=60)
        self.assertEqual(open(path).read(), before)

    def test_full_output(self):
        self.t.rules(RULES)
        for command in (['test'], ['check'], ['test', '--json']):
            with open('/dev/full', 'w') as full:
                p = subprocess.run(
                    self.t.argv(['-r', self.t.config_dir + '/rules.yaml'] +
                                command),
                    stdout=full, stderr=subprocess.PIPE, env=self.t.env,
                    timeout=60)
            self.assertEqual(p.returncode, tamis.STATE)
            self.assertIn(b'standard output', p.stderr)

    def test_reader_gone(self):
        """As with `| head`: no complaint, no signal."""
        self.t.rules(RULES)
        r, w = os.pipe()
        os.close(r)
        p = subprocess.run(
            self.t.argv(['-r', self.t.config_dir + '/rules.yaml', 'test']),
            stdout=w, stderr=subprocess.PIPE, env=self.t.env, timeout=60)
        os.close(w)
        self.assertEqual(p.stderr, b'')
        self.assertEqual(p.returncode, tamis.STATE)


class Check(Base):
    def test_good(self):
        self.t.config({'accounts': {'w': {'maildir': '~/Mail'}}})
        self.t.rules(RULES)
        r = self.expect(0, 'check')
        self.assertEqual(
            r.out, '1 file, 4 rules, 2 tests: no error, 0 warnings\n')
        self.assertEqual(r.err, '')
        r = self.expect(0, 'check', '--json')
        self.assertEqual(r.json(), [
            {'v': 1, 'type': 'check', 'files': 1, 'rules': 4, 'tests': 2,
             'errors': 0, 'warnings': 0}])

    def test_without_config(self):
        path = self.t.rules(RULES)
        self.expect(0, '-r', path, 'check')
        r = self.expect(0, 'check')
        self.assertIn('there are no rules to check', r.out)
        self.expect(1, 'check', '--strict')

    def test_relative_path(self):
        self.t.rules(RULES)
        self.expect(0, '-r', 'home/.config/tamis/rules.yaml', 'check')

    def test_every_problem_with_its_place(self):
        self.t.rules('rules:\n'
                     '  - name: a\n'
                     '    when: {subjet: x}\n'
                     '    then: [achive]\n'
                     '  - name: a\n'
                     '    when: {from: {list: none}}\n'
                     '    then: [archive]\n')
        self.t.config('version: 1\nrules: rules.yaml\n')
        r = self.expect(1, 'check')
        path = self.t.config_dir + '/rules.yaml'
        places = re.findall(r'(?m)^%s:(\d+:\d+): error: ' % re.escape(path),
                            r.out)
        self.assertEqual(places, ['4:12', '5:12', '6:11', '7:25'])
        self.assertIn('    when: {subjet: x}\n           ^~~~~~\n', r.out)
        self.assertIn('did you mean `subject`?', r.out)
        objects = self.expect(1, 'check', '--json').json()
        self.assertEqual(
            [(o['line'], o['col']) for o in objects[:-1]],
            [(4, 12), (5, 12), (6, 11), (7, 25)])
        self.assertEqual(objects[-1]['errors'], 4)
        # the same file is refused with 78 elsewhere, and said on stderr
        for command in (['run', '--dry-run'], ['test'], ['explain', '-']):
            if command[0] == 'run':
                command = command + ['-']
            r = self.expect(tamis.BAD_CONFIG, *command)
            self.assertIn(':4:12: error: ', r.err)
            self.assertEqual(r.out, '')

    def test_config_problems(self):
        self.t.config('version: 1\naccounts: {w: {imp: x}}\nlimits: {mime_parts: 9}\n')
        r = self.expect(1, 'check')
        self.assertIn('config.yaml:2:16: error: unknown key', r.out)
        self.assertIn('`limits.mime_parts` is not yet supported', r.out)
        self.assertIn('3 errors', r.out)
        r = self.expect(tamis.BAD_CONFIG, 'log')
        self.assertIn('config.yaml:2:16: error: unknown key', r.err)

    def test_config_and_rules_at_once(self):
        """-r is checked even if the config is wrong."""
        self.t.config('version: 1\nkep: 1d\n')
        path = self.t.rules('rules: [{name: a, when: {x: y}}]')
        r = self.expect(1, '-r', path, 'check')
        self.assertIn('unknown key `kep`', r.out)
        self.assertIn('unknown condition `x`', r.out)

    def test_warnings(self):
        path = self.t.rules('lists: {unused: [a]}\n'
                            'rules: [{name: a, then: [archive]}]\n')
        r = self.expect(0, '-r', path, 'check')
        self.assertIn('warning: the list `unused` is not used', r.out)
        self.expect(1, '-r', path, 'check', '--strict')
        # no mail from cron about them
        message = self.mail('m.eml', BOSS_MAIL)
        r = self.expect(0, '-r', path, 'explain', message)
        self.assertEqual(r.err, '')

    def test_nobody_to_believe(self):
        """A warning for each account in which such a rule says nothing."""
        self.t.rules('''
rules:
  - {name: away, enabled: false, when: {auth_results: {spf: pass}},
     then: [archive]}
  - {name: a, account: [one, two, three],
     first_of: [{when: {not: {from: {verified: true}}}, then: [archive]}]}
''')
        self.t.config({'accounts': {
            'one': {'maildir': '~/A'},
            'two': {'maildir': '~/B', 'trusted_authserv': 'mx.example.org'},
            'three': {'maildir': '~/C'}, 'four': {'maildir': '~/D'}}})
        r = self.expect(0, 'check')
        for name, times in (('one', 1), ('two', 0), ('three', 1),
                            ('four', 0)):
            self.assertEqual(r.out.count(
                'rules.yaml:7:31: warning: the account `%s` has no '
                '`trusted_authserv`: this is unknown there\n' % name),
                times, r)

    def test_shared_file_is_said_once(self):
        self.t.rules('rules: [{name: a, when: {x: y}, then: [archive]}]')
        self.t.rules('rules: [{name: b, then: [archive]}]', 'own.yaml')
        self.t.config({'accounts': {
            'one': {'maildir': '~/A', 'rules': ['own.yaml']},
            'two': {'maildir': '~/B'}}})
        r = self.expect(1, 'check')
        self.assertEqual(r.out.count('unknown condition'), 1, r)
        self.assertIn('1 error,', r.out)

    def test_modes(self):
        path = self.t.rules(RULES)
        os.chmod(path, 0o606)
        r = self.expect(1, '-r', path, 'check')
        self.assertIn('chmod go-w', r.out + r.err)
        os.chmod(path, 0o600)
        self.t.config('version: 1\nrules: rules.yaml\n')
        os.chmod(self.t.config_dir, 0o707)
        r = self.expect(1, 'check')
        self.assertIn('others can write to the folder ' + self.t.config_dir,
                      r.out)
        self.expect(tamis.BAD_CONFIG, 'log')

    def test_missing_files(self):
        self.expect(1, '-c', '/nonexistent.yaml', 'check')
        r = self.expect(tamis.BAD_CONFIG, '-c', '/nonexistent.yaml', 'log')
        self.assertIn('/nonexistent.yaml', r.err)
        r = self.expect(1, '-r', '/nonexistent.yaml', 'check')
        self.assertIn('/nonexistent.yaml', r.out)


class Language(Base):
    def test_list(self):
        text = self.expect(tamis.DONE, 'words').out
        self.assertRegex(text, r'(?m)^condition$')
        self.assertRegex(text, r'(?m)^  archive +take it out of the inbox')
        self.assertRegex(text, r'(?m)^  thread .*\(not yet\)$')
        self.assertLess(max(map(len, text.splitlines())), 90)

    def test_word(self):
        """Wherever it stands, with what it takes."""
        text = self.expect(tamis.DONE, 'words', 'local').out
        self.assertRegex(text, r'(?m)^local \(part of an address\)$')
        self.assertRegex(text, r'(?m)^local \(key of `list_id`\)$')
        self.assertRegex(text, r'(?m)^    takes a text')

    def test_json(self):
        words = self.expect(tamis.DONE, '--json', 'words', 'save').json()
        self.assertEqual([(w['of'], w['supported']) for w in words],
                         [('action', False)])

    def test_unknown(self):
        got = self.expect(tamis.FOUND, 'words', 'archiv\x1b', 'stop')
        self.assertIn('stop (action)', got.out)
        self.assertIn('did you mean "archive"?', got.err)
        self.assertNotIn('\x1b', got.err)

    def test_schema(self):
        schema = json.loads(self.expect(tamis.DONE, 'words',
                                        '--schema').out)
        self.assertIn('from', schema['definitions']['condition_map'][
            'properties'])
        self.assertNotIn('thread', schema['definitions']['condition_map'][
            'properties'])


class Tests(Base):
    def test_passing(self):
        path = self.t.rules(RULES)
        r = self.expect(0, 'test', path)
        self.assertEqual(r.out, 'ok    list mail goes\n'
                                'ok    vip stays\n2 passed, 0 failed\n')
        self.assertEqual(self.expect(0, '-r', path, 'test').out, r.out)
        self.t.config('version: 1\nrules: rules.yaml\n')
        self.assertEqual(self.expect(0, 'test').out, r.out)
        objects = self.expect(0, 'test', '--json').json()
        self.assertEqual([o['type'] for o in objects],
                         ['test', 'test', 'tests'])
        self.assertEqual(objects[0]['name'], 'list mail goes')
        self.assertIs(objects[0]['passed'], True)

    def test_failing(self):
        path = self.t.rules(RULES.replace('rules: [vip]', 'rules: [lists]'))
        r = self.expect(1, 'test', path)
        self.assertIn('FAIL  vip stays  (%s:' % path, r.out)
        self.assertRegex(r.out, r'(?m)^ {8}\S.*lists.*vip')
        self.assertIn('1 passed, 1 failed', r.out)

    def test_files_by_themselves(self):
        """Two files may use one rule name; a bad one stops no other."""
        one = self.t.rules(RULES, 'one.yaml')
        two = self.t.rules(RULES, 'two.yaml')
        bad = self.t.rules('rules: [{name: a, when: {x: y}}]', 'bad.yaml')
        r = self.expect(0, 'test', one, two)
        self.assertIn('4 passed, 0 failed', r.out)
        r = self.expect(tamis.BAD_CONFIG, 'test', one, bad, two)
        self.assertIn('4 passed, 0 failed', r.out)
        self.assertIn('unknown condition `x`', r.err)
        self.expect(1, '-r', one, '-r', two, 'check')

    def test_accounts_with_rules_of_their_own(self):
        self.t.rules(RULES)
        self.t.rules('''rules: [{name: own, then: [{label: own}]}]
tests:
  - name: after the common ones
    message: |
      From: boss@example.com

      x
    expect: {rules: [vip]}
''', 'own.yaml')
        self.t.config({'accounts': {
            'one': {'maildir': '~/A', 'rules': ['own.yaml']},
            'two': {'maildir': '~/B'}}})
        r = self.expect(0, 'test')
        self.assertIn('3 passed, 0 failed', r.out)
        self.assertEqual(r.out.count('vip stays'), 1)

    def test_no_rules(self):
        r = self.expect(tamis.BAD_CONFIG, 'test')
        self.assertIn('there are no rules', r.err)


class Explain(Base):
    def setUp(self):
        super().setUp()
        self.path = self.t.rules(RULES)
        self.list_mail = self.mail('list.eml', LIST_MAIL)
        self.boss_mail = self.mail('boss.eml', BOSS_MAIL)

    def explain(self, *args, **more):
        return self.expect(0, '-r', self.path, 'explain', *args,
                           **more).out

    def objects(self, *args, **more):
        return self.expect(0, '--json', '-r', self.path, 'explain', *args,
                           **more).json()

    def test_tree(self):
        out = self.explain(self.list_mail)
        lines = out.splitlines()
        self.assertTrue(lines[0].startswith(self.list_mail), out)
        self.assertIn('Tom \\x1B[31m', lines[0])
        self.assertNotIn('\x1b', out)
        self.assertIn('  lists (%s:7): fires' % self.path, lines)
        self.assertIn('  vip (%s:12): does not fire' % self.path, lines)
        self.assertTrue(any('list_id: {matches: "*.lists.example.org"}'
                            in line and 'yes' in line for line in lines))
        self.assertIn('= dev.lists.example.org', out)
        self.assertIn('  labels   INBOX -> lists/dev', lines)
        self.assertIn('    would label lists/dev  (lists)', lines)
        self.assertIn('    would flag \\Seen  (lists)', lines)
        self.assertTrue(any(re.match(r'    would move to \S+  \(lists\)$',
                                     line) for line in lines), out)

    def test_one_rule(self):
        out = self.explain('--rule', 'vip', self.list_mail)
        self.assertIn('  vip (', out)
        self.assertNotIn('  lists (', out)
        o, = self.objects('--rule', 'vip', self.list_mail)
        self.assertEqual([r['name'] for r in o['rules']], ['vip'])
        r = self.expect(tamis.USAGE, '-r', self.path, 'explain', '--rule',
                        'vips', self.list_mail)
        self.assertIn('there is no rule `vips`', r.err)

    def test_needed_or_not(self):
        path = self.t.rules('rules: [{name: a, when: {subject: zebra, body:'
                            ' lion}, then: [{label: x}]}]', 'need.yaml')
        out = self.expect(0, '-r', path, 'explain', self.list_mail).out
        self.assertIn('  * no        subject: zebra', out)
        self.assertIn('1 more, not needed', out)
        self.assertNotIn('lion\n', out)
        out = self.expect(0, '-v', '-r', path, 'explain',
                          self.list_mail).out
        self.assertIn('body: lion\n', out)
        self.assertNotIn('not needed', out)

    def test_private(self):
        for how in ([], ['--json']):
            out = self.expect(0, *how, '-r', self.path, 'explain',
                              '--private', self.boss_mail).out
            self.assertNotRegex(out, r'(?<!user1)@(?!domain\d)')
            self.assertNotIn('boss@', out)
            self.assertIn('user1@domain1.example', out)

    def test_private_everywhere(self):
        address = 'tom@secret.example'
        path = self.t.rules(
            'rules: [{name: of %s, when: {subject: {regex: "^%s"}},\n'
            'then: [{label: "a/$(from.address)"}, {flag: %s}, {move: %s}]},\n'
            '{name: t, when: {from: [%s, {matches: "*@secret.example"}]},\n'
            'then: [{copy: "x/$(subject)"}, {label: "$(from.name:-)"}]}]\n' % (
                (address,) * 5), address + '.yaml')
        mail = self.mail(address + '.eml', (
            'From: %s\nTo: Tom <%s>\nSubject: %s\nMessage-ID: <1.%s>\n\n%s\n'
            % ((address,) * 5)).encode())
        for how in ([], ['--json'], ['-v']):
            out = self.expect(
                0, *how, '-r', path, 'explain', '--private', '--commands',
                '--label', address, '--flag', address, '--mailbox', address,
                mail).out
            self.assertNotIn('secret', out)
            self.assertIn('of user', out)

    def test_all_that_is_missing(self):
        """What cannot be had is said of each, however often it is asked."""
        path = self.t.rules(
            'rules: [{name: a, when: {size: {over: 1K}, body: x, subject: y},'
            ' then: [archive]}]\n', 'more.yaml')
        for name in ('cur', 'new', 'tmp'):
            os.makedirs(os.path.join(self.t.folder, 'M', name), mode=0o700)
        os.symlink('/nonexistent', self.t.folder + '/M/new/1.link')
        out = self.expect(0, '-r', path, 'explain', self.t.folder + '/M').out
        self.assertEqual(out.count('its file is a symbolic link\n'), 4, out)
        self.assertNotIn('is not known', out)

    def test_commands(self):
        out = self.explain('--commands', self.list_mail)
        self.assertIn('    C: UID STORE 1 +FLAGS.SILENT (lists/dev)\n', out)
        self.assertRegex(out, r'(?m)^    C: UID MOVE 1 "?Archive"?$')
        o, = self.objects('--commands', self.list_mail)
        self.assertEqual(o['commands'][-1].split()[:2], ['UID', 'MOVE'])
        o, = self.objects('--commands', '--label', 'lists/dev', '--flag',
                          'read', '--mailbox', 'Archive', self.list_mail)
        self.assertEqual(o.get('commands', []), [])

    def test_stop_and_reasons(self):
        out = self.explain(self.boss_mail)
        self.assertIn('vip (%s:12): fires' % self.path, out)
        self.assertRegex(out, r'invoices \(\S+:15\): not reached: .*stop')

    def test_json(self):
        o, = self.objects(self.list_mail)
        self.assertEqual((o['v'], o['type']), (1, 'explanation'))
        self.assertEqual(o['source'], self.list_mail)
        self.assertEqual(o['message_id'], 'one@example.org')
        self.assertEqual(o['subject'], 'patch \u00e9')
        self.assertEqual(o['labels_before'], ['INBOX'])
        self.assertEqual(o['labels_after'], ['lists/dev'])
        self.assertEqual(o['flags_after'], ['\\Seen'])
        rules = {r['name']: r for r in o['rules']}
        self.assertEqual(rules['lists']['truth'], 'true')
        self.assertEqual(rules['vip']['truth'], 'false')
        self.assertEqual(rules['lists']['line'], 7)
        tree = rules['lists']['tree']
        self.assertEqual(tree['truth'], 'true')

        def leaves(node):
            if 'kids' not in node:
                return [node]
            return [x for kid in node['kids'] for x in leaves(kid)]
        decides = [x for r in o['rules'] if 'tree' in r
                   for x in leaves(r['tree']) if x.get('decides')]
        self.assertTrue(decides)
        self.assertIn('dev.lists.example.org',
                      [x.get('value') for x in leaves(tree)])

    def test_pretended_state(self):
        o, = self.objects(self.boss_mail, '--label', 'work',
                          '--flag', 'read', '--flag', '$Junk')
        self.assertEqual(o['labels_before'], ['INBOX', 'work'])
        self.assertEqual(sorted(o['flags_before']), ['$Junk', '\\Seen'])
        o, = self.objects(self.boss_mail, '--mailbox', 'Old')
        self.assertEqual(o['mailbox_before'], 'Old')
        self.assertEqual(o['labels_before'], [])

    def test_already(self):
        out = self.explain(self.list_mail, '--label', 'lists/dev',
                           '--flag', 'read')
        self.assertIn('    already label lists/dev  (lists)\n', out)
        self.assertIn('    already flag \\Seen  (lists)\n', out)

    def test_stdin(self):
        out = self.explain('-', input=LIST_MAIL)
        self.assertTrue(out.startswith('standard input  Tom'), out)

    def test_mbox(self):
        mbox = self.mail('box.mbox', b''.join(
            b'From x@example.org Thu Jan 15 10:00:00 2026\n' + m + b'\n'
            for m in (LIST_MAIL, BOSS_MAIL)))
        out = self.explain(mbox)
        self.assertIn(mbox + '  Tom', out)
        self.assertIn(mbox + ' (message 2)  Boss', out)

    def test_maildir(self):
        folder = self.t.home + '/Mail'
        for name in ('cur', 'new', 'tmp'):
            os.makedirs(folder + '/' + name)
        for name, data in (('new/1.a.host', LIST_MAIL),
                           ('cur/2.b.host:2,FS', BOSS_MAIL)):
            with open(folder + '/' + name, 'wb') as f:
                f.write(data)
        before = tamis.snapshot(folder)
        objects = self.objects(folder)
        self.assertEqual(len(objects), 2)
        by_id = {o['message_id']: o for o in objects}
        self.assertEqual(by_id['one@example.org']['flags_before'], [])
        self.assertEqual(sorted(by_id['two@example.com']['flags_before']),
                         ['\\Flagged', '\\Seen'])
        self.assertEqual(tamis.snapshot(folder), before)

    def test_several_and_missing(self):
        r = self.t.run('-r', self.path, 'explain', self.list_mail,
                       '/nonexistent.eml', self.boss_mail)
        self.assertNotEqual(r.status, 0)
        self.assertIn('/nonexistent.eml', r.err)
        self.assertIn('Tom', r.out)
        self.assertIn('Boss', r.out)

    def test_believed_server(self):
        """Of the account that is named."""
        self.t.rules('rules: [{name: pass, when: {auth_results: '
                     '{dkim: pass}}, then: [{label: own}]}]')
        self.t.config({'accounts': {
            'work': {'maildir': '~/A', 'trusted_authserv': 'mx.example.org'},
            'home': {'maildir': '~/B'}}})
        mail = self.mail('signed.eml', b'Authentication-Results: '
                         b'mx.example.org; dkim=pass\n' + BOSS_MAIL)
        r = self.expect(0, '-a', 'work', 'explain', mail)
        self.assertIn('): fires', r.out)
        r = self.expect(0, '-a', 'home', 'explain', mail)
        self.assertIn('the account has no `trusted_authserv`', r.out)

    def test_account(self):
        self.t.rules('rules: [{name: own, when: {account: work},'
                     ' then: [{label: own}]}]', 'own.yaml')
        self.t.config({'accounts': {
            'work': {'maildir': '~/A', 'rules': ['own.yaml']},
            'home': {'maildir': '~/B'}}})
        r = self.expect(0, '-a', 'work', 'explain', self.list_mail)
        self.assertIn('own (%s/own.yaml:2): fires' % self.t.config_dir,
                      r.out)
        r = self.expect(0, 'explain', self.list_mail)
        self.assertNotIn('own.yaml', r.out)
        self.expect(tamis.USAGE, '-a', 'work', '-a', 'home', 'explain',
                    self.list_mail)

    def test_no_rules(self):
        r = self.expect(tamis.BAD_CONFIG, 'explain', self.list_mail)
        self.assertIn('there are no rules', r.err)

    def test_nothing_is_written(self):
        before = tamis.snapshot(self.t.home)
        self.explain(self.list_mail)
        self.expect(0, '-r', self.path, 'check')
        self.expect(0, '-r', self.path, 'test')
        self.expect(0, 'log')
        self.assertEqual(tamis.snapshot(self.t.home), before)


class Journal(Base):
    """log and why over what `run` did to a Maildir."""

    def setUp(self):
        super().setUp()
        self.folder = self.t.home + '/Mail'
        for name in ('cur', 'new', 'tmp'):
            os.makedirs(self.folder + '/' + name)
        self.t.rules('rules:\n'
                     '  - {name: first, when: {subject: patch},'
                     ' then: [{label: work}, {mark: read}]}\n'
                     '  - {name: second, when: {subject: invoice},'
                     ' then: [{move: Bills}]}\n')
        self.t.config({'accounts': {'home': {'maildir': '~/Mail'}}})
        for name, data in (('1.a.host', LIST_MAIL), ('2.b.host', BOSS_MAIL)):
            with open(self.folder + '/new/' + name, 'wb') as f:
                f.write(data)
        self.expect(0, 'run', '--all')

    def test_why(self):
        before = tamis.snapshot(self.t.home)
        for message in ('one@example.org', '<one@example.org>'):
            r = self.expect(0, 'why', message)
            self.assertIn('(first)', r.out)
            self.assertIn('label work', r.out)
            self.assertIn('flags before: (none)', r.out)
            self.assertIn('patch', r.out)
        objects = self.expect(0, 'why', '--json', 'one@example.org').json()
        self.assertEqual({o['do'] for o in objects}, {'label', 'flag'})
        self.assertEqual({o['rules'] for o in objects}, {'first'})
        position = '%s:%s:%d' % (objects[0]['account'],
                                 objects[0]['mailbox'], objects[0]['uid'])
        again = self.expect(0, 'why', '--json', position).json()
        self.assertEqual(again, objects)
        # where it was put is as good as where it was
        moved, = self.expect(0, 'why', '--json', 'two@example.com').json()
        for position in ('home:Bills:%d' % moved['dest_uid'],
                         'home:INBOX:%d' % moved['uid']):
            self.assertEqual(self.expect(0, 'why', '--json',
                                         position).json(), [moved])
        self.expect(1, 'why', 'home:Bills:77')
        r = self.expect(1, 'why', 'nobody@example.org')
        self.assertIn('nothing was done to', r.err)
        self.assertEqual(tamis.snapshot(self.t.home), before)

    def test_log(self):
        before = tamis.snapshot(self.t.home)
        r = self.expect(0, 'log')
        self.assertRegex(r.out, r'(?m)^\S+ \S+  home  run \d+: 2 judged, '
                                r'2 changed$')
        self.assertIn('move to Bills  (second)', r.out)
        self.assertIn('label work  (first)', r.out)
        r = self.expect(0, 'log', '--rule', 'second')
        self.assertIn('move to Bills', r.out)
        self.assertNotIn('label work', r.out)
        r = self.expect(0, 'log', '--since', '1h')
        self.assertIn('label work', r.out)
        r = self.expect(0, 'log', '--since', '2999-01-01')
        self.assertEqual(r.out, '')
        objects = self.expect(0, 'log', '--json').json()
        self.assertEqual(objects[0]['type'], 'past_run')
        self.assertEqual({o['type'] for o in objects[1:]}, {'change'})
        self.assertEqual(tamis.snapshot(self.t.home), before)

    def test_quiet_cron(self):
        """A run that finds nothing says nothing."""
        r = self.expect(0, 'run')
        self.assertEqual((r.out, r.err), ('', ''))

    def test_state_modes(self):
        for top, folders, files in os.walk(self.t.state_dir):
            for name in folders + files:
                mode = os.lstat(os.path.join(top, name)).st_mode
                self.assertEqual(stat.S_IMODE(mode) & 0o077, 0, name)

    def test_other_owner(self):
        """Another account under the same name does not get its state."""
        self.t.config({'accounts': {'home': {'maildir': '~/Other'}}})
        os.makedirs(self.t.home + '/Other/cur')
        os.makedirs(self.t.home + '/Other/new')
        os.makedirs(self.t.home + '/Other/tmp')
        self.expect(tamis.BAD_CONFIG, 'log')


if __name__ == '__main__':
    tap.main()
