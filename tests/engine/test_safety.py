#!/usr/bin/env python3
"""What a server may say that must not cost a message."""
# timeout: 200

import os
import re
import shutil
import sys
import unittest

import faultproxy
import maildir
import runs
import servers
import tap
from faultproxy import Fault
from mailmaker import message

RULES = '''
rules:
  - {name: go, when: {subject: go}, then: [{move: Gone}]}
  - {name: keep, when: {subject: keep}, then: [{copy: Kept}]}
  - {name: work, when: {subject: work}, then: [{label: work}, {move: Gone}]}
  - {name: both, when: {subject: both}, then: [{label: x}, {flag: x}]}
  - {name: star, when: {subject: star}, then: [{mark: starred}]}
'''
NO_MOVE = servers.BARE + ' UIDPLUS'


class Safety(runs.Case):
    capability = None

    @classmethod
    def setUpClass(cls):
        cls.server = servers.Dovecot(capability=cls.capability)
        cls.server.start()
        cls.addClassCleanup(cls.server.close)
        cls.server.create('alice', 'Gone', 'Kept', 'L', 'Other')
        cls.server.save()

    def setUp(self):
        super().setUp()
        self.server.restore()
        self.proxy = self.start(faultproxy.Proxy(self.server))
        self.t.rules(RULES)
        self.set_up_account()

    def set_up_account(self, top=None, **more):
        self.configure(top, a=self.t.account(self.proxy, **more))
        self.expect(0, 'run')

    def fill(self, *subjects, first=1):
        self.server.append('alice', 'INBOX', [
            message(n, subject=s) for n, s in enumerate(subjects, first)])

    def rewrite(self, pattern, text, times=1000):
        """Each line of the server; counts those that it changed."""
        self.rewritten = 0

        def change(line):
            new, n = re.subn(pattern, text, line)
            if n and self.rewritten < times:
                self.rewritten += 1
                return new
            return line
        self.proxy.rewrite = change


class WithMove(Safety, unittest.TestCase):
    def test_a_keyword_that_is_not_kept(self):
        """A server may say OK to it and drop it."""
        self.rewrite(rb'(PERMANENTFLAGS.*) \\\*', rb'\1')
        self.fill('work', 'star', 'both')
        r = self.expect(3, 'run')
        self.assertIn('does not keep work', r.out)
        self.assertEqual(self.places(self.server), {
            1: [('INBOX', frozenset())],
            2: [('INBOX', frozenset(['\\Flagged']))],
            3: [('INBOX', frozenset())]})
        self.assertGreater(self.rewritten, 0)

    def test_a_label_in_another_case(self):
        """It is there already: keywords know no capitals."""
        self.server.append('alice', 'INBOX', message(1), flags='work')
        self.t.rules('rules: [{name: w, applies_to: all, '
                     'then: [{label: Work}]}]')
        self.expect(0, 'run', '--dry-run', '--all')

    def test_a_message_that_ends_the_session(self):
        """Dovecot says BYE when it cannot read a file; the others are done,
        and that one is told of, and comes again."""
        self.t.rules('rules: [{name: due, when: {body: due}, '
                     'then: [{mark: starred}]}]')
        self.server.append('alice', 'INBOX', [
            message(n, body='due\r\n') for n in range(1, 10)])

        def allow(mode):
            path, = [m.path for m in maildir.dump_folder(
                self.server.folder + '/home/alice/Maildir')
                if m.message_id == '5@example.org']
            os.chmod(path, mode)
        self.server.settle()
        allow(0)
        r = self.expect(3, '-q', 'run')
        self.assertIn('UID 5 was not judged: the server ends the session',
                      r.err)
        self.assertEqual(r.err.count('\n'), 1, r)
        self.assertGreater(self.proxy.connections, 2)
        self.assertLess(self.proxy.connections, 12)
        r = self.expect(0, '-q', 'run')
        self.assertEqual(r.out + r.err, '')
        self.server.settle()
        allow(0o600)
        w = self.places(self.server)
        self.assertEqual([n for n in w if w[n] != [
            ('INBOX', frozenset(['\\Flagged']))]], [5])
        self.expect(0, 'run')
        self.assertEqual(self.places(self.server)[5],
                         [('INBOX', frozenset(['\\Flagged']))])

    def test_children_are_not_ignored(self):
        """Whoever starts us may ignore SIGCHLD."""
        self.configure(a=self.t.account(self.proxy),
                       b=self.t.account(self.server, user='nobody'))
        r = self.t.run('run', wrap=(sys.executable, '-c', """
import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])
"""))
        self.assertEqual(r.status, 77, r)
        self.assertNotIn('signal', r.err)

    def test_a_flag_that_is_a_label_too(self):
        self.fill('both')
        self.expect(0, 'run')
        self.assertEqual(self.places(self.server),
                         {1: [('INBOX', frozenset(['x']))]})

    def test_read_only_for_a_while(self):
        self.fill('star')
        self.rewrite(rb'READ-WRITE', rb'READ-ONLY')
        for _ in range(6):
            r = self.expect(3, 'run')
            self.assertIn('stays new', r.err)
        self.proxy.rewrite = None
        self.expect(0, 'run')
        self.assertEqual(self.places(self.server),
                         {1: [('INBOX', frozenset(['\\Flagged']))]})

    def test_a_fetch_without_one(self):
        """OK, and a message left out."""
        self.fill('star', 'star')
        self.rewrite(rb'FETCH \(UID 1 ', rb'FETCH (UID 4711 ', times=1)
        r = self.expect(0, '--json', 'run')
        run, = [o for o in r.json() if o['type'] == 'run']
        self.assertEqual(run['pending'], 1, r)
        self.proxy.rewrite = None
        self.expect(0, 'run')
        self.assertEqual(self.places(self.server), {
            n: [('INBOX', frozenset(['\\Flagged']))] for n in (1, 2)})

    def test_a_move_that_names_fewer(self):
        """What MOVE did not name, and is there, comes again."""
        self.fill('go', 'go')
        self.rewrite(rb'COPYUID (\d+) 1:2 (\d+):\d+', rb'COPYUID \1 1 \2')
        self.expect(0, 'run')
        self.assertGreater(self.rewritten, 0)
        self.expect(0, 'run')
        self.assertEqual(self.boxes_of(self.server),
                         {1: ['Gone'], 2: ['Gone']})

    def test_looking_for_a_copy_fails(self):
        """A FETCH that says NO has not said that nothing is there."""
        self.fill('keep')
        self.proxy.arm(Fault('cut', reply='UID COPY'))
        self.expect(75, 'run')
        self.alter('UPDATE change SET time = time - 7200')
        self.proxy.arm(Fault('no', reply='UID FETCH', nth=2))
        self.expect(75, 'run')
        self.proxy.arm()
        self.expect(0, 'run')
        self.assertEqual(self.boxes_of(self.server), {1: ['INBOX', 'Kept']})

    def test_looking_for_a_copy_is_answered_by_half(self):
        """SEARCH finds it, and FETCH says OK and gives nothing."""
        self.fill('keep')
        self.proxy.arm(Fault('cut', reply='UID COPY'))
        self.expect(75, 'run')
        self.alter('UPDATE change SET time = time - 7200')
        uid = self.server.dump('alice', 'Kept')[0].uid
        self.rewrite(rb'FETCH \(UID %d RFC822' % uid,
                     rb'FETCH (UID 4711 RFC822')
        self.expect(75, 'run')
        self.assertGreater(self.rewritten, 0)
        self.proxy.rewrite = None
        self.expect(0, 'run')
        self.assertEqual(self.boxes_of(self.server), {1: ['INBOX', 'Kept']})

    def test_two_that_could_be_the_copy(self):
        """Somebody put the same message there, too: ours is the first."""
        self.fill('keep')
        self.proxy.arm(Fault('cut', reply='UID COPY'))
        self.expect(75, 'run')
        self.alter('UPDATE change SET time = time - 7200')
        with servers.closing(self.server.client()) as c:
            servers.check(c.select('INBOX'))
            servers.check(c.uid('COPY', '1', 'Kept'))
        first, _ = [m.uid for m in self.server.dump('alice', 'Kept')]
        self.proxy.arm()
        self.expect(0, 'run')
        self.assertEqual(self.query('SELECT dest_uid FROM change'),
                         [(first,)])

    # ------------------------------------------------ labels as folders

    def folders(self, rules, **top):
        self.t.rules(rules)
        self.set_up_account(top, labels='folders')

    def test_uids_change_while_labels_are_read(self):
        self.folders('rules: [{name: l, when: {not: {label: L}}, '
                     'then: [{mark: starred}]}]')
        self.fill('plain')
        now = self.server.status('alice', 'INBOX')['UIDVALIDITY']
        seen = []

        def change(line):
            old = b'UIDVALIDITY %d' % now
            if old in line:
                seen.append(line)
                if len(seen) > 1:
                    return line.replace(old, b'UIDVALIDITY %d' % (now + 1))
            return line
        self.proxy.rewrite = change
        r = self.expect(75, '-v', 'run')
        self.assertIn('UIDVALIDITY', r.err)
        self.assertGreater(len(seen), 1)
        self.assertEqual(self.places(self.server),
                         {1: [('INBOX', frozenset())]})

    def uids_change(self, mailbox, rules, labelled=False, first=2):
        """At each SELECT of the mailbox from the FIRST on; nothing is said
        to it then.  Returns at how many."""
        self.folders(rules)
        for nth in range(first, 20):
            self.server.restore()
            shutil.rmtree(self.t.state_dir)
            self.expect(0, 'run')
            if labelled:
                self.server.append('alice', 'L',
                                   message(1, subject='plain'))
            self.fill('plain')
            now = b'UIDVALIDITY %d' % self.server.status(
                'alice', mailbox)['UIDVALIDITY']
            seen, sent = [], []

            def change(line):
                if now not in line:
                    return line
                seen.append(line)
                if len(seen) < nth:
                    return line
                sent.append(len(self.proxy.commands))
                return line.replace(now, b'UIDVALIDITY 4711')
            self.proxy.arm()
            self.proxy.rewrite = change
            r = self.t.run('-v', 'run')
            self.proxy.rewrite = None
            if not sent:
                self.assertEqual(r.status, 0, r)
                return nth - first
            self.assertEqual(r.status, 75, r)
            self.assertIn('UIDVALIDITY of ' + mailbox, r.err)
            self.assertLessEqual(set(self.proxy.commands[sent[0]:]),
                                 {'LOGOUT'})
            self.expect(0, 'run')
        self.fail('there is no end of it')

    def test_uids_change_while_labels_are_set(self):
        self.assertGreaterEqual(self.uids_change(
            'INBOX', 'rules: [{name: l, when: {subject: plain}, '
            'then: [{label: L}]}]'), 1)

    def test_uids_change_while_labels_are_taken(self):
        off = ('rules: [{name: off, when: {label: L}, '
               'then: [{unlabel: L}]}]')
        self.assertGreaterEqual(self.uids_change('INBOX', off, True), 2)
        # in L the copy is looked for afresh, by what it is, before it goes
        self.assertGreaterEqual(self.uids_change('L', off, True, 3), 1)

    def test_a_label_that_lands_late(self):
        """The copy behind it is waited for, and not made twice."""
        self.folders('rules: [{name: l, when: {subject: plain}, '
                     'then: [{label: L}]}]')
        self.fill('plain', 'plain')
        self.proxy.arm(Fault('cut', command='UID COPY'))
        self.expect(75, 'run')
        self.proxy.arm()
        self.expect(0, 'run')
        self.assertEqual(self.boxes_of(self.server),
                         {1: ['INBOX'], 2: ['INBOX']})
        # one lands now, the other never
        with servers.closing(self.server.client()) as c:
            servers.check(c.select('INBOX'))
            servers.check(c.uid('COPY', '2', 'L'))
        self.expect(0, 'run')
        self.alter('UPDATE change SET time = time - 7200')
        self.expect(0, 'run')
        self.expect(0, 'run')
        self.assertEqual(self.boxes_of(self.server),
                         {1: ['INBOX', 'L'], 2: ['INBOX', 'L']})

    def test_a_twin_is_not_taken_for_a_copy(self):
        """The same header and size, another text."""
        self.folders('rules: [{name: off, when: {label: L}, '
                     'then: [{unlabel: L}]}]')
        self.server.append('alice', 'L', message(1, body='precious\r\n'))
        self.server.append('alice', 'INBOX', message(1, body='vile one\r\n'))
        r = self.expect(3, 'run')
        self.assertIn('not the same message', r.out)
        self.assertEqual(self.boxes_of(self.server), {1: ['INBOX', 'L']})
        # but a copy is
        self.server.append('alice', 'L', message(2))
        self.server.append('alice', 'INBOX', message(2))
        self.expect(0, 'run')
        self.assertEqual(self.boxes_of(self.server)[2], ['INBOX'])

    def test_strangers_make_no_mailboxes_without_number(self):
        self.folders('rules: [{name: l, then: [{label: "$(header.X-L)"}]}]',
                     limits={'new_mailboxes': 3})
        before = len(self.server.mailboxes('alice'))
        self.server.append('alice', 'INBOX', [
            message(n, headers=[('X-L', 'label%d' % n)])
            for n in range(1, 8)])
        self.t.run('run')
        self.assertEqual(len(self.server.mailboxes('alice')), before + 3)
        self.t.run('run')
        self.assertEqual(len(self.server.mailboxes('alice')), before + 6)


class WithoutMove(Safety, unittest.TestCase):
    capability = NO_MOVE

    def test_a_copy_that_names_fewer(self):
        """What was perhaps not copied does not go."""
        self.fill('go', 'go')
        self.rewrite(rb'COPYUID (\d+) 1:2 (\d+):\d+', rb'COPYUID \1 1 \2')
        self.expect(0, 'run')
        self.assertGreater(self.rewritten, 0)
        self.assertEqual(self.boxes_of(self.server)[1], ['Gone'])
        self.assertIn('INBOX', self.boxes_of(self.server)[2])


if __name__ == '__main__':
    tap.main()
