#!/usr/bin/env python3
"""Trouble on purpose: M29, M31 to M33 of the model, and the control."""

import glob
import hashlib
import itertools
import json
import os
import subprocess
import sys
import threading
import time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)) + '/../lib']

import gmail	# noqa: E402
import tap	# noqa: E402
from gmail.switches import DEFAULTS, pairwise, values_of	# noqa: E402
from mailmaker import message	# noqa: E402
from model import ALL, TRASH, Case, mid	# noqa: E402
from talk import Talk	# noqa: E402

WORDS = {
    'no': 'NO System Error (Failure)',
    'bad': 'BAD Could not parse command',
    'overquota': 'NO [OVERQUOTA] Account exceeded command or bandwidth '
                 'limits. (Failure)',
    'storage': 'NO [OVERQUOTA] Account is out of storage (Failure)',
}


class Faults(Case):
    """M29"""

    def move(self, do, where, **more):
        """A UID MOVE with that fault: what was said, and whether done."""
        self.fresh()
        a = self.load(1)
        t = self.talk('INBOX')
        self.c.fault(do, 'UID MOVE', where=where, **more)
        said = t('UID MOVE 1 "%s"' % TRASH)
        self.assertEqual(self.c.fired(), 1)
        self.t = t
        return said, self.m(a)['place'] == 'trash'

    def test_answers_before_and_after_the_effect(self):
        for do, words in WORDS.items():
            self.assertEqual(self.move(do, 'before'), (words, False))
            self.assertEqual(self.move(do, 'after'), (words, True))
            self.assertTrue(self.t.said('1 EXPUNGE'))
            self.t.ok('NOOP')

    def test_throttled(self):
        self.assertEqual(self.move('throttled', 'before'),
                         ('OK Success [THROTTLED]', False))
        said, done = self.move('throttled', 'after')
        self.assertTrue(done)
        self.assertRegex(said, r'^OK \[COPYUID .*\] \(Success\) '
                         r'\[THROTTLED\]$')

    def test_the_connection_ends(self):
        for do in ('drop', 'rst'):
            for where in ('before', 'after'):
                try:
                    said, done = self.move(do, where)
                except ConnectionResetError:
                    said = None
                    m, = self.c.dump()['messages'].values()
                    done = m['place'] == 'trash'
                self.assertEqual((said, done), (None, where == 'after'))

    def test_bye(self):
        for where in ('before', 'after'):
            said, done = self.move('bye', where)
            self.assertEqual((said, done), (None, where == 'after'))
            self.assertEqual(self.t.lines, [
                b'* BYE Session expired, please login again'])

    def test_silence(self):
        for where in ('before', 'after'):
            self.fresh()
            a = self.load(1)
            t = self.talk('INBOX', timeout=0.2)
            self.c.fault('silence', 'UID MOVE', where=where)
            with self.assertRaises(OSError):
                t('UID MOVE 1 "%s"' % TRASH)
            self.assertEqual(self.m(a)['place'] == 'trash',
                             where == 'after')

    def test_half_of_it(self):
        self.fresh()
        for n in range(4):
            self.load(n)
        t = self.talk('INBOX')
        self.c.fault('no', 'UID MOVE', where='half')
        self.assertEqual(t('UID MOVE 1:* "%s"' % TRASH), WORDS['no'])
        self.assertEqual(t.search('ALL'), [3, 4])

    def test_the_nth_of_all_and_how_often(self):
        t = self.talk('INBOX')
        self.c.fault('no', nth=2, times=2)
        self.assertEqual([t('NOOP')[:2] for _ in range(4)],
                         ['OK', 'NO', 'NO', 'OK'])
        self.c.calm()
        self.c.fault('no', nth=1)
        t = self.talk(user=None)	# the greeting is no command
        self.assertEqual(t('NOOP')[:2], 'NO')
        t = self.talk('INBOX')
        self.c.calm()
        self.c.fault('no', 'CHECK', nth=2)
        self.assertEqual([t(c)[:2] for c in (
            'CHECK', 'NOOP', 'CHECK', 'CHECK')], ['OK', 'OK', 'NO', 'OK'])

    def test_at_the_greeting(self):
        for do, said in (('bye', b'* BYE Session'), ('drop', b'')):
            self.c.calm()
            self.c.fault(do, 'GREETING')
            t = self.talk(user=None)
            self.assertTrue(t.greeting.startswith(said))
            self.assertEqual(bool(t.greeting), bool(said))
        self.talk()

    def test_at_the_literal(self):
        t = self.talk()
        self.c.fault('no', 'APPEND', where='continuation')
        self.assertEqual(t.append('INBOX', message(1)), WORDS['no'])
        t.ok('NOOP')
        self.c.fault('drop', 'APPEND', where='literal', octets=20, nth=1)
        self.assertIsNone(t.append('INBOX', message(1)))
        self.assertEqual(self.c.dump()['messages'], {})

    def test_at_a_challenge(self):
        t = self.talk(user=None)
        self.c.fault('no', 'AUTHENTICATE', where='continuation')
        self.assertEqual(t('AUTHENTICATE PLAIN'), WORDS['no'])
        t.ok('LOGIN alice secret')

    def test_without_its_tagged_answer(self):
        said, done = self.move('drop', 'tagged')
        self.assertEqual((said, done), (None, True))
        self.assertEqual(self.t.lines, [b'* 1 EXPUNGE', b'* 0 EXISTS'])

    def test_in_the_reply(self):
        self.load(1)
        t = self.talk('INBOX')
        self.c.fault('drop', 'UID FETCH', where='reply', octets=30)
        t.send('UID FETCH 1 (BODY.PEEK[])')
        self.assertEqual(len(t.file.read()), 30)

    def test_a_lost_append_lands_late(self):
        t = self.talk()
        self.c.fault('late', 'APPEND', later=3)
        self.assertIsNone(t.append('INBOX', message(1)))
        t = self.talk()
        self.assertEqual(self.c.dump()['messages'], {})
        t.ok('NOOP')
        self.assertEqual(self.c.dump()['messages'], {})
        t.ok('NOOP')
        self.assertEqual(len(self.c.dump()['messages']), 1)

    def test_a_callable(self):
        seen = []
        self.c.fault(lambda session: seen.append(session.user), 'NOOP')
        self.talk().ok('NOOP')
        self.assertEqual(seen, ['alice'])

    def test_wrong_faults_are_refused(self):
        for wrong in (dict(do='explode'), dict(do='no', where='never'),
                      dict(do='no', where='reply'),
                      dict(do='late', where='after')):
            with self.assertRaises(ValueError):
                self.c.fault(**wrong)


class Modseq(Case):
    """M31"""

    def test_changed_since(self):
        self.load(1)
        self.load(2)
        t = self.talk()
        t.ok('SELECT INBOX (CONDSTORE)')
        since = int(t.said('HIGHESTMODSEQ')[0].split()[3].rstrip(b']'))
        t.ok('UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d)' % since)
        self.assertEqual(t.lines, [])
        t.ok('UID STORE 2 +X-GM-LABELS.SILENT (x)')
        self.assertEqual(t.lines, [])
        t.ok('UID STORE 1 +FLAGS.SILENT (\\Seen)')
        self.assertRegex(t.lines[0],
                         rb'UID 1 MODSEQ \(\d+\) FLAGS \(\\Seen\)')
        t.ok('UID FETCH 1:* (UID) (CHANGEDSINCE %d)' % since)
        self.assertEqual(len(t.lines), 2)
        said = t('UID STORE 1:2 (UNCHANGEDSINCE %d) +FLAGS (x)' % since)
        self.assertIn('[MODIFIED 1:2]', said)
        self.assertEqual(t.search('MODSEQ %d' % (since + 1)), [1, 2])

    def test_m31_zero(self):
        for how, zero in (('right', False), ('zero', True)):
            self.fresh(modseq=how)
            self.load(1)
            t = self.talk('INBOX')
            self.assertEqual(t.fetch(1, 'MODSEQ')['MODSEQ'] == b'(0)', zero)

    def test_m31_ahead(self):
        seen = []
        for ahead in (0, 500):
            self.fresh(modseq_ahead=ahead)
            t = self.talk()
            t.ok('STATUS INBOX (HIGHESTMODSEQ)')
            seen.append(int(t.lines[0].split()[-1].rstrip(b')')))
        self.assertEqual(seen[1] - seen[0], 500)


class Others(Case):
    """M32"""

    def test_between_any_two_commands(self):
        a = self.load(1)
        t = self.talk('INBOX')
        n = self.s.script.commands
        self.assertEqual(n, 2)	# LOGIN, SELECT
        self.c.act(2, 'label', id=a, add=['x'], remove=['\\Inbox'])
        t.ok('UID FETCH 1 (FLAGS)')
        self.assertEqual(self.m(a)['labels'], ['\\Inbox'])
        t.ok('NOOP')
        self.assertEqual(t.lines, [b'* 1 EXPUNGE', b'* 0 EXISTS'])
        self.assertEqual(self.m(a)['labels'], ['x'])

    def test_every_act(self):
        a = self.load(1, '\\Inbox', 'x')
        t = self.talk()
        for verb, how, seen in (
                ('flags', dict(id=a, add=['\\Seen']),
                 lambda m: m['flags'] == ['\\Seen']),
                ('rename', dict(name='x', to='y'),
                 lambda m: m['labels'] == ['\\Inbox', 'y']),
                ('star_on_web', dict(id=mid(1)),
                 lambda m: '\\Flagged' in m['flags']),
                ('trash', dict(id=a), lambda m: m['place'] == 'trash'),
                ('delete', dict(id=a), lambda m: m is None)):
            self.c.act(1, verb, command='NOOP', when='after', **how)
            t.ok('NOOP')
            self.assertTrue(seen(self.m(a)), verb)
            self.c.calm()
        self.c.act(1, 'deliver', raw=message(2))
        t.ok('NOOP')
        self.assertEqual(list(self.c.ids()), [mid(2)])

    def test_a_stale_number_is_said(self):
        a = self.load(1)
        t = self.talk('INBOX')
        self.c.act(1, 'delete', command='FETCH', id=a)
        self.assertEqual(
            t('FETCH 1 (FLAGS)'),
            'NO Some messages could not be FETCHed (Failure)')

    def test_idle_hears_of_it(self):
        for tells in (True, False):
            self.fresh(idle_tells=tells)
            t = self.talk('INBOX', timeout=10 if tells else 0.2)
            t.send('IDLE')
            self.assertTrue(t.line().startswith(b'+ '))
            threading.Timer(0.01, lambda: self.c.load(
                [{'raw': message(1)}])).start()
            if tells:
                self.assertEqual(t.line(), b'* 1 EXISTS\r\n')
                t.sock.sendall(b'DONE\r\n')
                self.assertIn(b'OK IDLE terminated', t.line())
            else:
                with self.assertRaises(OSError):
                    t.line()


class Invariants(Case):
    """M33: the checker sees what is wrong, and nothing else."""

    def setUp(self):
        super().setUp()
        self.a = self.load(1, '\\Inbox', 'x', flags=['\\Seen'])
        self.b = self.load(2)
        self.before = self.c.dump()
        self.new = message(1, body='New.\r\n',
                           date='Thu, 15 Jan 2026 10:00:02 +0000')

    def problems(self, ambiguous=()):
        return gmail.problems(
            self.before, self.c.dump(), self.c.log(),
            {self.a: hashlib.sha256(self.new).hexdigest()}, ambiguous)

    def upload(self, raw=None, **more):
        args = dict(labels=['\\Inbox', 'x'], flags=['\\Seen'])
        self.c.now('deliver', **dict(args, raw=raw or self.new, **more))

    def sees(self, words):
        found = self.problems()
        self.assertTrue(any(words in line for line in found),
                        (words, found))

    def test_untouched_or_replaced_is_right(self):
        self.assertEqual(self.problems(), [])
        self.upload()
        self.c.now('trash', id=self.a)
        self.assertEqual(self.problems(), [])
        self.c.now('empty_trash')
        self.assertEqual(self.problems(), [])

    def test_both_alive(self):
        self.upload()
        self.sees('lives beside its copy')
        self.assertEqual(self.problems([self.a]), [])

    def test_lost(self):
        self.c.now('trash', id=self.a)
        self.sees('is lost')
        self.c.now('empty_trash')
        self.sees('is lost')

    def test_two_copies(self):
        self.upload()
        self.upload()
        self.c.now('trash', id=self.a)
        self.sees('2 copies')

    def test_the_dress(self):
        for more, words in ((dict(labels=['x']), 'labels'),
                            (dict(flags=[]), 'flags'),
                            (dict(date=7), 'date')):
            self.setUp()
            self.upload(**more)
            self.c.now('trash', id=self.a)
            self.sees(words)

    def test_broken_content_is_a_stranger(self):
        self.upload(raw=self.new[:-2])
        self.sees('nobody knows it')

    def test_another_message_was_touched(self):
        self.c.now('flags', id=self.b, add=['\\Seen'])
        self.sees('flags')
        self.c.now('delete', id=self.b)
        self.sees('is gone')

    def test_a_plain_expunge(self):
        self.upload()
        self.c.now('trash', id=self.a)
        self.c.set(auto_expunge=False)
        t = self.talk(TRASH)
        t.ok('UID STORE 1:* +FLAGS (\\Deleted)')
        t.ok('EXPUNGE')
        self.sees('plain EXPUNGE')


class Controlling(Case):
    def test_over_a_socket(self):
        with gmail.Server(control_port=True) as s, \
                gmail.Client(s.control_port) as c:
            c.set(same='merge')
            self.assertEqual(c.switches()['same'], 'merge')
            id, = c.load([{'raw': message(1).decode(), 'labels': ['x']}])
            self.assertEqual(c.dump()['messages'][str(id)]['labels'], ['x'])
            c.fault('no', 'NOOP')
            c.act(1, 'label', command='NOOP', id=id, add=['y'])
            with Talk(s) as t:
                self.assertEqual(t('NOOP')[:2], 'NO')
            self.assertEqual(c.fired(), 1)
            self.assertEqual(c.dump()['messages'][str(id)]['labels'],
                             ['x', 'y'])
            self.assertEqual(c.counters()['names'], ['LOGIN', 'NOOP'])
            self.assertEqual(c.log()[1]['answer'], WORDS['no'])
            with self.assertRaisesRegex(ValueError, 'no switch "sam"'):
                c.set(sam='merge')
            with self.assertRaisesRegex(ValueError, 'is one of'):
                c.set(same='x')
            c.reset()
            self.assertEqual(c.dump()['messages'], {})

    def test_in_a_process_of_its_own(self):
        env = dict(os.environ, PYTHONPATH=os.path.dirname(
            os.path.dirname(gmail.__file__)))
        p = subprocess.Popen(
            [sys.executable, '-m', 'gmail', 'exchange', 'size_off=3',
             'keywords=ignored'], env=env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            at = json.loads(p.stdout.readline())
            with gmail.Client(at['control_port']) as c:
                self.assertEqual((c.switches()['size_off'],
                                  c.switches()['keywords']),
                                 (3, 'ignored'))
        finally:
            p.stdin.close()
            self.assertEqual(p.wait(10), 0)
            p.stdout.close()

    def test_save_and_restore(self):
        a = self.load(1)
        t = self.talk('INBOX')
        self.c.save()
        before = self.c.dump()
        t.ok('UID MOVE 1 "%s"' % TRASH)
        t.append('INBOX', message(2))
        self.assertNotEqual(self.c.dump(), before)
        self.c.restore()
        self.assertEqual(self.c.dump(), before)
        t = self.talk(ALL)
        self.assertEqual(int(t.fetch('*', 'X-GM-MSGID')['X-GM-MSGID']), a)

    def test_it_counts(self):
        t = self.talk()
        before = self.c.counters()
        t.ok('NOOP')
        t.ok('LIST "" *')
        after = self.c.counters()
        self.assertEqual(after['commands'] - before['commands'], 2)
        self.assertEqual(after['turns'] - before['turns'], 2)
        self.assertEqual(after['names'][-2:], ['NOOP', 'LIST'])

    def test_pairs_of_switches(self):
        asked = {'same': None, 'trash_twin': None, 'purge': None,
                 'exists_lag': None, 'all_mail_hidden': None,
                 'void_labels': [(), ('\\Sent',)]}
        sets = list(pairwise(asked))
        self.assertLess(len(sets), 40)	# 7 * 3 * 2 * 2 * 2 * 2 = 336 in all
        values = {n: v or values_of(n) for n, v in asked.items()}
        for a, b in itertools.combinations(asked, 2):
            for pair in itertools.product(values[a], values[b]):
                self.assertTrue(any((s[a], s[b]) == pair for s in sets))
        for one in sets:
            self.c.set(**one)

    def test_every_switch_is_read_somewhere(self):
        code = ''
        for path in glob.glob(os.path.dirname(gmail.__file__) + '/*.py'):
            with open(path) as f:
                if not path.endswith('switches.py'):
                    code += f.read()
        for name in DEFAULTS:
            self.assertRegex(code, r'(switches|sw)\.%s\b' % name)

    def test_many_runs_in_little_time(self):
        self.load(1)
        self.c.save()
        began = time.process_time()
        for _ in range(50):
            self.c.restore()
            with self.talk('INBOX') as t:
                t.ok('UID FETCH 1:* (UID FLAGS X-GM-LABELS)')
                t.ok('UID MOVE 1 "%s"' % TRASH)
                t('LOGOUT')
        each = (time.process_time() - began) / 50
        print('# %.1f ms CPU a run, client and server' % (each * 1000))
        self.assertLess(each, 0.05)


if __name__ == '__main__':
    tap.main()
