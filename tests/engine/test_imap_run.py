#!/usr/bin/env python3
"""tamis run against real servers: what a user sees, what the server holds."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../lib'))
import faultproxy	# noqa: E402
import servers		# noqa: E402
import tamis		# noqa: E402
import tap		# noqa: E402
from mailmaker import ids, message	# noqa: E402

RULES = r'''
rules:
  - name: lists
    when: {list_id: {matches: "*.lists.example.org"}}
    then: [{label: "lists/$(list_id.local)"}, {mark: read}, archive]
  - name: urgent
    when: {subject: urgent}
    then: [{mark: starred}]
  - name: invoices
    when: {body: "amount due"}
    then: [{move: Invoices/2026}]
  - name: junk
    when: {subject: {regex: '^\[spam'}}
    then: [spam]
  - name: keep a copy
    when: {subject: {starts: contract}}
    then: [{copy: Contracts}, {flag: $Important}]
'''

SWEEP = '''
rules:
  - name: old newsletters
    applies_to: all
    every: 1d
    when: {age: {over: 30d}, subject: newsletter, is: read}
    then: [trash]
'''

MAIL = {
    1: dict(subject='hello'),
    2: dict(subject='patch', headers=[
        ('List-Id', '<hackers.lists.example.org>')]),
    3: dict(subject='URGENT: call me'),
    4: dict(subject='bill', body='The amount due is 10 EUR.\r\n'),
    5: dict(subject='[spam 9.9] buy'),
    6: dict(subject='contract signed'),
}


def fill(server, numbers, user='alice'):
    server.append(user, 'INBOX', [message(n, **MAIL[n]) for n in numbers])


class Engine:
    """The same tests against each server."""

    def server(self):
        raise NotImplementedError

    def setUp(self):
        self.s = self.server()
        self.s.start()
        self.addCleanup(self.s.close)
        self.t = tamis.Tamis()
        self.t.rules(RULES)
        self.configure()

    def configure(self, **more):
        self.t.config({'accounts': {'a': self.t.account(
            self.s, archive='Archive', spam='Junk', trash='Trash',
            **more)}})

    def configure_plain(self, proxy):
        """PLAIN takes one turn, SCRAM three."""
        account = self.t.account(proxy)
        account['auth']['mechanism'] = 'PLAIN'
        self.t.config({'accounts': {'a': account}})

    def run_ok(self, *args, status=0):
        r = self.t.run('run', *args)
        self.assertEqual(r.status, status, r)
        return r

    def where(self):
        """{message number: (mailbox, flags)}; fails on doubles."""
        found = {}
        for box, messages in self.s.dump_all('alice').items():
            for m in messages:
                n = int(m.message_id.split('@')[0])
                found.setdefault(n, []).append((box, m.flags))
        return found

    def test_baseline_then_new_mail(self):
        fill(self.s, [1, 3])
        r = self.run_ok()
        self.assertIn('2', r.out + r.err)
        before = self.where()
        self.assertEqual(before[3], [('INBOX', frozenset())])
        fill(self.s, [2, 4, 5, 6])
        self.run_ok()
        w = self.where()
        self.assertEqual(w[1], [('INBOX', frozenset())])
        self.assertEqual(w[3], [('INBOX', frozenset())])	# old
        self.assertEqual(w[2], [('Archive', frozenset(
            ['\\Seen', 'lists/hackers']))])
        self.assertEqual(w[4], [('Invoices/2026', frozenset())])
        self.assertEqual(w[5], [('Junk', frozenset())])
        self.assertEqual(sorted(w[6]), [
            ('Contracts', frozenset(['$Important'])),
            ('INBOX', frozenset(['$Important']))])

    def test_all_judges_old_mail_and_repeating_changes_nothing(self):
        fill(self.s, [1, 2, 3, 4, 5, 6])
        self.run_ok()
        self.run_ok('--all')
        w = self.where()
        self.assertEqual(w[3], [('INBOX', frozenset(['\\Flagged']))])
        self.assertEqual([b for b, _ in w[2]], ['Archive'])
        before = self.s.dump_all('alice')
        self.run_ok('--all')
        self.run_ok()
        self.assertEqual(self.s.dump_all('alice'), before)

    def test_dry_run_changes_nothing(self):
        fill(self.s, [1, 2, 3, 4, 5, 6])
        self.run_ok('--dry-run', '--all', status=1)
        self.assertFalse(os.path.exists(self.t.state_dir + '/a/state.db'))
        self.run_ok()
        server = self.s.dump_all('alice')
        boxes = self.s.mailboxes('alice')
        state = tamis.snapshot(self.t.state_dir)
        r = self.run_ok('--dry-run', '--all', status=1)
        self.assertIn('lists/hackers', r.out)
        self.assertIn('Invoices/2026', r.out)
        self.assertEqual(self.s.dump_all('alice'), server)
        self.assertEqual(self.s.mailboxes('alice'), boxes)
        self.assertEqual(tamis.snapshot(self.t.state_dir), state)
        # and nothing would change: 0
        self.run_ok('--dry-run')

    def test_max_leaves_the_rest_new(self):
        fill(self.s, [1])
        self.run_ok()
        fill(self.s, [3, 5, 4])
        self.run_ok('--max', '1')
        w = self.where()
        self.assertEqual(w[3][0][1], frozenset(['\\Flagged']))
        self.assertEqual(w[5][0][0], 'INBOX')
        self.run_ok('--max', '1')
        self.assertEqual(self.where()[5][0][0], 'Junk')
        self.assertEqual(self.where()[4][0][0], 'INBOX')
        self.run_ok()
        self.assertEqual(self.where()[4][0][0], 'Invoices/2026')

    def test_whole_headers(self):
        """A rule that reads the header as a whole gets it, and no body."""
        proxy = faultproxy.Proxy(self.s, keep=True)
        self.addCleanup(proxy.close)
        self.configure_plain(proxy)
        self.t.rules('''
rules:
  - {name: block, when: {header_block: {regex: '(?m)^list-id: .*hackers'}},
     then: [{mark: starred}]}
''')
        self.run_ok()
        fill(self.s, [1, 2])
        self.run_ok()
        w = self.where()
        self.assertEqual(w[1][0][1], frozenset())
        self.assertEqual(w[2][0][1], frozenset(['\\Flagged']))
        sent = b''.join(line for way, line in proxy.wire if way == 'C')
        self.assertIn(b'BODY.PEEK[HEADER]', sent)
        self.assertNotIn(b'BODY.PEEK[]', sent)

    def test_since_and_search(self):
        self.s.append('alice', 'INBOX', message(3, **MAIL[3]),
                      date='01-Feb-2026 10:00:00 +0000')
        self.s.append('alice', 'INBOX', message(13, **MAIL[3]),
                      date='01-Jan-2026 10:00:00 +0000')
        self.run_ok()
        self.run_ok('--since', '2026-01-15')
        w = self.where()
        self.assertEqual(w[3][0][1], frozenset(['\\Flagged']))
        self.assertEqual(w[13][0][1], frozenset())
        self.run_ok('--search', 'HEADER Message-ID 13@example.org')
        self.assertEqual(self.where()[13][0][1], frozenset(['\\Flagged']))

    def test_limit_brakes(self):
        self.t.rules('''
rules:
  - {name: tidy, when: {subject: message}, limit: 2, then: [trash]}
''')
        self.s.append('alice', 'INBOX', [message(n) for n in range(20, 23)])
        self.run_ok()
        self.s.append('alice', 'INBOX', [message(n) for n in range(23, 26)])
        r = self.run_ok(status=4)
        self.assertIn('limit', r.err)
        self.assertEqual(self.where()[23][0][0], 'INBOX')
        self.run_ok('--allow', 'tidy')
        self.assertEqual(ids(self.s.dump('alice', 'Trash')), [23, 24, 25])

    def test_sweep_applies_to_all(self):
        self.t.rules(SWEEP)
        s = self.s
        for n, flags, date in (
                (30, '\\Seen', '01-Jan-2020 10:00:00 +0000'),
                (31, '', '01-Jan-2020 10:00:00 +0000'),
                (32, '\\Seen', None)):
            s.append('alice', 'INBOX', message(n, subject='newsletter'),
                     flags=flags, date=date)
        self.run_ok()
        self.assertEqual(ids(s.dump('alice', 'Trash')), [30])
        # `every: 1d`: it rests now
        s.append('alice', 'INBOX', message(33, subject='newsletter'),
                 flags='\\Seen', date='01-Jan-2020 10:00:00 +0000')
        self.run_ok()
        self.assertEqual(ids(s.dump('alice', 'Trash')), [30])
        self.t.rules(SWEEP.replace('every: 1d', ''))
        self.run_ok()
        self.assertEqual(ids(s.dump('alice', 'Trash')), [30, 33])

    def test_a_template_without_value_fails_the_message(self):
        self.t.rules('''
rules:
  - name: by list
    when: {subject: message}
    then: [{mark: starred}, {label: "l/$(list_id.local)"}]
  - name: other
    when: {subject: message}
    then: [{mark: read}]
''')
        self.run_ok()
        self.s.append('alice', 'INBOX', message(40))
        r = self.run_ok(status=3)
        self.assertIn('by list', r.out + r.err)
        m, = self.s.dump('alice')
        self.assertEqual(m.flags, frozenset(['\\Seen']))

    def test_a_keyword_is_a_flag_and_a_label(self):
        self.t.rules('''
rules:
  - {name: set, when: {subject: message}, then: [{flag: bulk}]}
  - {name: see, when: {flag: bulk, is: unread}, then: [{mark: starred}]}
  - {name: take, when: {flag: bulk, is: read}, then: [{unflag: bulk}]}
''')
        self.run_ok()
        self.s.append('alice', 'INBOX', message(46))
        self.run_ok()
        m, = self.s.dump('alice')
        self.assertEqual(m.flags, frozenset(['bulk', '\\Flagged']))
        self.run_ok('--dry-run', '--all')	# nothing would change
        self.t.rules('''
rules:
  - {name: take, when: {flag: bulk}, then: [{unflag: bulk}]}
''')
        self.run_ok('--all')
        m, = self.s.dump('alice')
        self.assertEqual(m.flags, frozenset(['\\Flagged']))

    def test_a_sweep_of_a_mailbox_that_is_not_there(self):
        self.t.rules('''
rules:
  - name: later
    applies_to: all
    in: Not/There
    when: {subject: x}
    then: [trash]
''')
        self.run_ok()
        self.run_ok()

    def test_a_search_that_is_none(self):
        self.run_ok()
        r = self.run_ok('--search', 'NONSENSE (', status=2)
        self.assertIn('search', r.err)

    def test_each_change_names_its_rule(self):
        self.t.rules('''
rules:
  - {name: one, when: {subject: message}, then: [{label: zz}]}
  - {name: two, when: {subject: message}, then: [{label: aa}]}
''')
        self.run_ok()
        self.s.append('alice', 'INBOX', message(45))
        m, = [o for o in self.run_ok('--dry-run', '--json', status=1).json()
              if o['type'] == 'message']
        self.assertEqual({c['what']: c['rules'] for c in m['changes']},
                         {'zz': 'one', 'aa': 'two'})
        self.run_ok()
        changes = [o for o in self.t.run('--json', 'log').json()
                   if o['type'] == 'change']
        self.assertEqual(changes[0]['rules'], 'two, one')

    def test_log_and_why(self):
        self.run_ok()
        fill(self.s, [2, 3])
        self.run_ok()
        r = self.t.run('log')
        self.assertEqual(r.status, 0, r)
        self.assertIn('lists', r.out)
        r = self.t.run('why', '2@example.org')
        self.assertEqual(r.status, 0, r)
        self.assertIn('lists/hackers', r.out)
        self.assertIn('Archive', r.out)

    def test_a_wrong_password_is_refused(self):
        self.t.write('password', 'wrong\n')
        r = self.t.run('run')
        self.assertEqual(r.status, 77, r)
        self.assertNotIn('wrong\n', r.err)

    def test_starttls(self):
        self.t.config({'accounts': {'a': self.t.account(
            self.s, tls=False)}})
        fill(self.s, [3])
        self.run_ok('--all')
        self.assertEqual(self.where()[3][0][1], frozenset(['\\Flagged']))

    def test_nothing_new_takes_few_turns(self):
        fill(self.s, [1])
        self.run_ok()
        with faultproxy.Proxy(self.s) as p:
            self.configure_plain(p)
            r = self.t.run('run')
            # another port is another owner: see below
            self.assertEqual(r.status, 78, r)
            r = self.t.run('run', env={
                'XDG_STATE_HOME': self.t.home + '/other'})
            self.assertEqual(r.status, 0, r)
            turns, octets = p.turns, p.to_client + p.to_server
            r = self.t.run('run', env={
                'XDG_STATE_HOME': self.t.home + '/other'})
            self.assertEqual(r.status, 0, r)
            self.assertLessEqual(p.turns - turns, 5)
            self.assertLess(p.to_client + p.to_server - octets, 4096)

    def test_twenty_new_take_few_turns_and_only_they_are_fetched(self):
        many = [message(n, body='x' * 998 + '\r\n') for n in range(100, 400)]
        self.s.append('alice', 'INBOX', many)
        with faultproxy.Proxy(self.s) as p:
            self.configure_plain(p)
            self.run_ok()
            self.s.append('alice', 'INBOX', [
                message(n, subject='URGENT %d' % n)
                for n in range(400, 420)])
            turns, octets = p.turns, p.to_client
            self.run_ok()
            self.assertLessEqual(p.turns - turns, 9)
            self.assertLess(p.to_client - octets, 20 * 1500 + 8192)
        starred = [m for m in self.s.dump('alice') if
                   '\\Flagged' in m.flags]
        self.assertEqual(ids(starred), list(range(400, 420)))


class OnDovecot(Engine, unittest.TestCase):
    def server(self):
        return servers.Dovecot(format='maildir')

    def test_uidvalidity_change(self):
        # there before the first run, and so never judged
        self.s.append('alice', 'INBOX', [message(n, subject='URGENT')
                                         for n in range(1, 4)],
                      date='01-Feb-2026 10:00:00 +0000')
        self.run_ok()
        self.s.append('alice', 'INBOX', message(4, subject='URGENT'))
        self.run_ok()
        # the index is lost, UIDs start again; one came meanwhile
        home = self.s.folder + '/home/alice/Maildir/'
        self.s.settle()
        for name in os.listdir(home):
            if name.startswith('dovecot'):
                os.unlink(home + name)
        self.s.append('alice', 'INBOX', message(5, subject='URGENT'))
        self.t.run('run')
        starred = [m for m in self.s.dump('alice')
                   if '\\Flagged' in m.flags]
        self.assertEqual(ids(starred), [4, 5])

    def test_keywords_and_labels_of_any_text(self):
        self.t.rules('''
rules:
  - name: odd
    when: {subject: message}
    then:
      - label: ["to do", "Überfällig", "a]b", "R&D", "100%"]
''')
        self.run_ok()
        self.s.append('alice', 'INBOX', message(50))
        self.run_ok()
        m, = self.s.dump('alice')
        self.assertEqual(len(m.flags), 5, m)
        r = self.t.run('run', '--all', '--json')
        self.assertEqual(r.status, 0, r)
        self.assertEqual(self.s.dump('alice'), [m])

    def test_labels_as_folders(self):
        self.configure(labels='folders')
        self.t.rules('''
rules:
  - {name: put, when: {subject: one}, then: [{label: [A, B/C]}]}
  - {name: take, when: {label: A, subject: two}, then: [{unlabel: A}]}
''')
        self.run_ok()
        self.s.append('alice', 'INBOX', message(60, subject='one'))
        self.run_ok()
        w = self.where()
        self.assertEqual(sorted(b for b, _ in w[60]), ['A', 'B/C', 'INBOX'])
        self.run_ok('--all')
        self.assertEqual(self.where(), w)
        two = message(61, subject='two')
        self.s.append('alice', 'A', two)
        self.s.append('alice', 'INBOX', two)
        self.run_ok()
        self.assertEqual([b for b, _ in self.where()[61]], ['INBOX'])


class OnDovecotMdbox(Engine, unittest.TestCase):
    def server(self):
        return servers.Dovecot(format='mdbox')


class OnBareDovecot(Engine, unittest.TestCase):
    """No MOVE, no UIDPLUS, no CONDSTORE, no SPECIAL-USE: what is moved is
    copied, and the original only marked."""

    def server(self):
        return servers.Dovecot(capability=servers.BARE)

    def where(self):
        return {n: [(b, f) for b, f in places if '\\Deleted' not in f]
                for n, places in super().where().items()}

    def test_labels_stay_when_moved_by_copy(self):
        self.run_ok()
        fill(self.s, [2])
        self.run_ok()
        left, = self.s.dump('alice')
        self.assertIn('\\Deleted', left.flags)


class SpecialUse(unittest.TestCase):
    def test_any_special_use_is_a_place(self):
        with servers.Dovecot() as s:
            t = tamis.Tamis()
            t.config({'accounts': {'a': t.account(s)}})
            t.rules('''
rules:
  - name: own
    when: {subject: own}
    then: [{copy: {special: \\Drafts}}, {move: {special: \\Sent}}]
''')
            self.assertEqual(t.run('run').status, 0)
            s.append('alice', 'INBOX', message(1, subject='own'))
            r = t.run('run')
            self.assertEqual(r.status, 0, r)
            self.assertEqual(sorted(s.dump_all('alice')),
                             ['Drafts', 'Sent'])


class OnCyrus(Engine, unittest.TestCase):
    def server(self):
        return servers.Cyrus()


if __name__ == '__main__':
    tap.main()
