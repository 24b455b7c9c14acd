#!/usr/bin/env python3
"""run: as a condition: programs that are asked about a message."""

import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../lib'))
import runs		# noqa: E402
import servers		# noqa: E402
import tamis		# noqa: E402
import tap		# noqa: E402
from mailmaker import message		# noqa: E402

TRIES = 5

# Writes down that it was started, then does what the test wants.
PROGRAM = '''#!/bin/sh
echo "$*" >>"$HOME/started"
%s
'''

RULE = '''
rules:
  - name: asks
    when:
      run: {command: [./ask, one, "$(account)/$(mailbox)/$(rule)"], timeout: 2s}
      subject: [yes, no, odd, big]
    then: [{label: asked}]
  - name: other
    when: {subject: odd}
    then: [{label: other}]
'''


class Programs(unittest.TestCase):
    def setUp(self):
        self.t = tamis.Tamis()
        self.addCleanup(shutil.rmtree, self.t.folder)
        self.mail = self.t.home + '/Mail'
        for name in ('cur', 'new', 'tmp'):
            os.makedirs(self.mail + '/' + name)
        self.t.config({'accounts': {'home': {'maildir': self.mail}}})
        self.program('exit 0')
        self.t.rules(RULE)
        self.run_it()
        self.n = 0

    def program(self, text):
        self.t.write('ask', PROGRAM % text, mode=0o700)

    def deliver(self, subject, body='x\n'):
        self.n += 1
        with open('%s/new/%d' % (self.mail, self.n), 'w') as f:
            f.write('From: Alice <a@example.org>\nMessage-ID: <%d@x>\n'
                    'Subject: %s\n\n%s' % (self.n, subject, body))

    def started(self):
        """The arguments of each start since the last look."""
        path = self.t.home + '/started'
        if not os.path.exists(path):
            return []
        with open(path) as f:
            lines = f.read().splitlines()
        os.unlink(path)
        return lines

    def run_it(self, *args, status=0):
        r = self.t.run('run', *args)
        self.assertEqual(r.status, status, r)
        return r

    def changes(self, *args, status=0):
        """{subject: labels} of a run."""
        return {o['subject']: [c['what'] for c in o['changes']]
                for o in self.run_it('--json', *args, status=status).json()
                if o['type'] == 'message' and o.get('changes')}

    def counts(self, *args, status=0):
        run, = [o for o in self.run_it('--json', *args,
                                       status=status).json()
                if o['type'] == 'run']
        return run

    def test_exit_status(self):
        self.program('grep -q "^Subject: yes"')
        self.deliver('yes')
        self.deliver('no')
        self.deliver('unconcerned')
        self.assertEqual(self.changes(), {'yes': ['asked']})
        # only where the outcome hung on it
        self.assertEqual(self.started(), ['one home/INBOX/asks'] * 2)
        self.run_it('--all')
        self.assertEqual(len(self.started()), 1 + 1)

    def test_what_it_sees(self):
        self.program('env >"$HOME/env"; cat >"$HOME/input"; '
                     'echo chatter; exit 1')
        self.t.env['SECRET_THING'] = 'x'
        self.deliver('yes', body='ä\n' * 10)
        self.assertEqual(self.changes(), {})
        with open(self.t.home + '/env') as f:
            env = dict(line.split('=', 1) for line in f.read().splitlines())
        self.assertEqual({k: v for k, v in env.items()
                          if k.startswith('TAMIS_')}, {
            'TAMIS_ACCOUNT': 'home', 'TAMIS_MAILBOX': 'INBOX',
            'TAMIS_UID': env['TAMIS_UID'], 'TAMIS_FROM': 'a@example.org',
            'TAMIS_SUBJECT': 'yes', 'TAMIS_MESSAGE_ID': '1@x'})
        self.assertNotIn('SECRET_THING', env)
        with open(self.t.home + '/input') as f:
            self.assertTrue(f.read().endswith('\n\n' + 'ä\n' * 10))

    def test_it_need_not_read(self):
        """More than a pipe holds, to a program that does not look."""
        self.program('exit 0')
        self.deliver('big', body='x' * 70 + '\n' + ('y' * 70 + '\n') * 50000)
        self.assertEqual(self.changes(), {'big': ['asked']})
        self.program('exec >&-; sleep 0.2; wc -c >"$HOME/size"')
        self.deliver('big', body=('y' * 70 + '\n') * 50000)
        self.assertEqual(self.changes(), {'big': ['asked']})
        with open(self.t.home + '/size') as f:
            self.assertGreater(int(f.read()), 71 * 50000)

    def no_answer(self, text, why):
        self.program(text)
        self.deliver('odd')
        for n in range(1, TRIES + 1):
            last = n == TRIES
            r = self.run_it('--json', status=3 if last else 0)
            run, = [o for o in r.json() if o['type'] == 'run']
            self.assertEqual((run['pending'], run['failed']),
                             (0, 1) if last else (1, 0), r)
            m, = [o for o in r.json() if o['type'] == 'message']
            self.assertIn(why, m['unknown'][0]['reason'])
            # what hangs on it waits, the rest is done
            self.assertEqual(len(m.get('changes', [])), n == 1)
            if last:
                self.assertIn(why, r.err)
        self.started()
        self.assertEqual(self.counts()['judged'], 0)
        self.assertEqual(self.started(), [])

    def test_other_status(self):
        self.no_answer('exit 2', 'exited with status 2')

    def test_signal(self):
        self.no_answer('kill -9 $$', 'signal 9')

    def test_timeout(self):
        self.t.rules(RULE.replace('2s', '1s'))
        self.no_answer('sleep 30', 'more than 1 s')

    def test_not_there(self):
        os.unlink(self.t.config_dir + '/ask')
        self.t.rules(RULE.replace('./ask', './gone'))
        self.no_answer('exit 0', 'gone')

    def test_it_answers_later(self):
        self.program('exit 75')
        self.deliver('yes')
        self.assertEqual(self.counts()['pending'], 1)
        self.program('exit 0')
        self.assertEqual(self.changes(), {'yes': ['asked']})
        self.assertEqual(self.counts()['judged'], 0)

    def test_nothing_is_started_in_a_trial(self):
        self.deliver('yes')
        r = self.run_it('-n')
        self.assertIn('a dry run starts no programs', r.out)
        path = self.mail + '/new/1'
        r = self.t.run('explain', path)
        self.assertIn('explain starts no programs', r.out)
        self.t.rules(RULE + '''
tests:
  - name: t
    message: "Subject: yes"
    expect: {rules: [], unknown: [asks]}
''')
        r = self.t.run('test')
        self.assertEqual(r.status, 0, r)
        self.assertEqual(self.started(), [])
        # it is still new
        self.assertEqual(self.changes(), {'yes': ['asked']})

    def test_once_for_a_message(self):
        """Named, used by two rules; then with $(rule) in it."""
        rules = '''
conditions:
  good: {run: {command: [./ask, "%s"]}}
rules:
  - {name: a, when: good, then: [{label: a}]}
  - {name: b, when: {not: good}, then: [{label: b}]}
  - {name: c, when: good, then: [{label: c}]}
'''
        self.t.rules(rules % '$(uid)')
        self.deliver('yes')
        self.assertEqual(self.changes(), {'yes': ['a', 'c']})
        self.assertEqual(len(self.started()), 1)
        self.t.rules(rules % '$(rule)')
        self.program('test "$1" = c')
        self.deliver('yes')
        self.assertEqual(self.changes(), {'yes': ['b', 'c']})
        self.assertEqual(self.started(), ['a', 'b', 'c'])

    def test_once_though_counted_first(self):
        """A limit makes a run judge twice; the program is asked once."""
        self.t.rules('''
rules:
  - name: asks
    when: {run: {command: [./ask]}}
    limit: 1000
    then: [{label: asked}]
''')
        self.program('')
        for _ in range(600):
            self.deliver('yes')
        r = self.counts('--all')
        self.assertEqual(r['changed'], 600)
        self.assertEqual(len(self.started()), 600)


class OverImap(runs.Case):
    """Bodies come one behind the other while programs take their time."""

    def test_many(self):
        server = self.start(servers.Dovecot())
        self.configure(a=self.t.account(server))
        self.t.write('ask', '#!/bin/sh\nsleep 0.05; n=$(wc -c)\n'
                     'test $TAMIS_UID -ge 10 -a "$n" -gt 100000\n',
                     mode=0o700)
        self.t.rules("""
rules:
  - name: asks
    when: {run: {command: [./ask]}, subject: ask}
    then: [{mark: starred}]
""")
        self.expect(0, 'run')
        server.append('alice', 'INBOX', [
            message(n, subject='ask' if n % 2 else 'plain',
                    body=('x' * 70 + '\r\n') * 3000)
            for n in range(1, 41)])
        self.expect(0, 'run')
        self.assertEqual(
            {n for n, [(_, flags)] in self.places(server).items()
             if '\\Flagged' in flags},
            {n for n in range(10, 41) if n % 2})


if __name__ == '__main__':
    tap.main()
